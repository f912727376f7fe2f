//! String literals as they are written: prefix, quotes, and how one becomes an f-string.

use tegmen_syntax::Span;

use super::Draft;

/// A string literal around a place in it.
pub struct Token {
    /// Where its prefix begins.
    pub start: u32,
    /// Its prefix, in lower case: `r`, `b`, empty.
    pub prefix: String,
    /// The quote that it is in.
    pub quote: char,
    /// Whether there are three of them.
    pub triple: bool,
}

/// The token whose text between the quotes is `content`.
pub fn token(source: &str, content: Span) -> Option<Token> {
    let before = source.get(..content.start as usize)?;
    let after = source.get(content.end as usize..)?;
    let quote = before.chars().next_back().filter(|c| matches!(c, '"' | '\''))?;
    let three = [quote; 3].iter().collect::<String>();
    let triple = before.ends_with(&three) && after.starts_with(&three);
    let open = content.start as usize - if triple { 3 } else { 1 };
    let word: String = source[..open].chars().rev().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let word: String = word.chars().rev().collect::<String>();
    let prefix = match word.to_ascii_lowercase().as_str() {
        prefix @ ("r" | "b" | "u" | "br" | "rb" | "f" | "fr" | "rf") => prefix.to_owned(),
        _ => String::new(),
    };
    Some(Token { start: (open - prefix.len()) as u32, prefix, quote, triple })
}

/// The other quote.
pub fn other(quote: char) -> char {
    if quote == '"' { '\'' } else { '"' }
}

/// Edits that make an f-string of a literal, but for what is to be put in at `place`.
pub fn opened(source: &str, content: Span, token: &Token, place: Span) -> Option<Vec<Draft>> {
    let text = source.get(content.range())?;
    // `\N{DASH}` would have to keep its braces.
    if text.contains("\\N{") {
        return None;
    }
    let mut edits = Vec::new();
    match token.prefix.as_str() {
        "" => {
            let glued =
                source[..token.start as usize].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_');
            edits.push(Draft::insert(token.start, if glued { " f" } else { "f" }));
        }
        "r" => edits.push(Draft::insert(token.start, "f")),
        "u" => edits.push(Draft::replace(Span::new(token.start, token.start + 1), "f")),
        // There are no byte f-strings: a text, and its bytes.
        "b" | "br" | "rb" if text.is_ascii() && !text.contains('\\') => {
            let end = token.start + token.prefix.len() as u32;
            edits.push(Draft::replace(Span::new(token.start, end), "f"));
            let quotes = if token.triple { 3 } else { 1 };
            edits.push(Draft::insert(content.end + quotes, ".encode()"));
        }
        _ => return None,
    }
    for (at, brace) in text.char_indices().filter(|(_, c)| matches!(c, '{' | '}')) {
        let at = content.start + at as u32;
        if at < place.start || at >= place.end {
            edits.push(Draft::insert(at, brace.to_string()));
        }
    }
    Some(edits)
}
