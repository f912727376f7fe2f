//! Prose in a window: lines are broken at blanks. Words stay whole, for they may be commands and paths.

pub use textwrap::core::display_width;
use textwrap::{Options, WordSplitter};

/// Columns beyond which prose is no longer easy to read.
const READABLE: usize = 100;

/// A text behind `lead`, in lines of `width` columns; all but the first are indented by `hanging`. What colours the lead takes no room.
pub fn folded(lead: &str, hanging: usize, text: &str, width: usize) -> String {
    let hanging = " ".repeat(hanging);
    let options = whole_words(width).initial_indent(lead).subsequent_indent(&hanging);
    let lines: Vec<String> = textwrap::wrap(text, options).into_iter().map(|line| line.into_owned()).collect();
    lines.join("\n")
}

/// The name of a file within a command that is to be copied.
pub fn quoted(name: &str) -> std::borrow::Cow<'_, str> {
    // No name has a NUL byte.
    shlex::try_quote(name).unwrap_or(std::borrow::Cow::Borrowed(name))
}

/// Whether a terminal obeys a character instead of showing it. Marks that turn the direction of writing make a line look like
/// another one.
pub(crate) fn steers(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text of lines of which a terminal shows every character and obeys none, but ends of lines and tabs: names come from servers,
/// files and variables, and some of those are other people's. Within a line, [`crate::visible`].
pub fn visible_lines(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        if steers(c) && !['\n', '\t'].contains(&c) {
            out.extend(c.escape_default())
        } else {
            out.push(c)
        }
        out
    })
}

/// A piece of a sentence: what stands between backquotes is code.
pub(crate) struct Piece<'a> {
    pub is_code: bool,
    pub text: &'a str,
}

/// The pieces of a sentence, for a page.
pub(crate) fn pieces(sentence: &str) -> Vec<Piece<'_>> {
    // One that is left over is no mark.
    if sentence.matches('`').count() % 2 == 1 {
        return vec![Piece { is_code: false, text: sentence }];
    }
    let parts = sentence.split('`').enumerate();
    parts
        .map(|(number, text)| Piece { is_code: number % 2 == 1, text })
        .filter(|piece| !piece.text.is_empty())
        .collect()
}

fn whole_words(width: usize) -> Options<'static> {
    Options::new(width).break_words(false).word_splitter(WordSplitter::NoHyphenation)
}

/// How far in the text of an item of a list begins; 0 where the line begins none.
fn mark(line: &str) -> usize {
    let number = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    if line.starts_with("- ") {
        2
    } else if number > 0 && line[number..].starts_with(". ") {
        number + 2
    } else {
        0
    }
}

/// A page in Markdown with its paragraphs and lists filled; headings, tables and code stay as they are.
pub fn page(markdown: &str, width: usize) -> String {
    let mut out = String::new();
    let mut paragraph: Vec<&str> = Vec::new();
    let mut code = false;
    let flush = |out: &mut String, paragraph: &mut Vec<&str>| {
        if paragraph.is_empty() {
            return;
        }
        let hanging = paragraph.first().map_or(0, |line| mark(line));
        out.push_str(&folded("", hanging, &paragraph.join(" "), width.min(READABLE)));
        out.push('\n');
        paragraph.clear();
    };
    for line in markdown.lines() {
        let is_fence = line.trim_start().starts_with("```");
        let is_verbatim = code || is_fence || line.trim().is_empty() || line.starts_with(['#', '|']);
        if is_verbatim || mark(line) > 0 {
            flush(&mut out, &mut paragraph);
        }
        if is_verbatim {
            out.push_str(line);
            out.push('\n');
        } else {
            paragraph.push(line.trim());
        }
        code ^= is_fence;
    }
    flush(&mut out, &mut paragraph);
    out
}

#[cfg(test)]
mod tests {
    use super::{folded, page, pieces, visible_lines};

    #[test]
    fn code_is_what_stands_between_backquotes() {
        let shown = |text: &str| -> Vec<(bool, String)> {
            pieces(text).iter().map(|piece| (piece.is_code, piece.text.to_owned())).collect()
        };
        assert_eq!(shown("`KEY`, a secret"), [(true, "KEY".to_owned()), (false, ", a secret".to_owned())]);
        assert_eq!(shown("one ` alone"), [(false, "one ` alone".to_owned())]);
    }

    #[test]
    fn a_terminal_is_told_nothing_by_a_name() {
        assert_eq!(
            visible_lines("no field \u{1b}[2Jgröße\r\n\tthere\u{9b}"),
            "no field \\u{1b}[2Jgröße\\r\n\tthere\\u{9b}"
        );
    }

    #[test]
    fn lines_fit_and_words_stay_whole() {
        let text = "the manifest has no secret SHOP_KEY; add it with `tegmen secrets set SHOP_KEY`, then run again";
        assert_eq!(
            folded("hint: ", 2, text, 40),
            "hint: the manifest has no secret\n  SHOP_KEY; add it with `tegmen secrets\n  set SHOP_KEY`, then run again"
        );
        assert!(folded("hint: ", 2, "/a/path/that/is/wider/than/the/window", 20).ends_with("/the/window"));
    }

    #[test]
    fn colours_take_no_room_and_lines_that_were_apart_stay_apart() {
        assert_eq!(
            folded("\u{1b}[1mnote\u{1b}[0m: ", 2, "one two\nthree", 13),
            "\u{1b}[1mnote\u{1b}[0m: one two\n  three"
        );
    }

    #[test]
    fn a_page_is_filled_but_for_code() {
        let text = "# Rule\n\nOne two three\nfour five.\n\n- an item that is\n  long\n- another\n10. a number goes on\n    ```sh\n    and its code\n    ```\n\n```python\nx = 'as it is, however wide this may be'\n```\n";
        let shown = page(text, 12);
        assert_eq!(
            shown,
            "# Rule\n\nOne two\nthree four\nfive.\n\n- an item\n  that is\n  long\n- another\n10. a number\n    goes on\n    ```sh\n    and its code\n    ```\n\n```python\nx = 'as it is, however wide this may be'\n```\n"
        );
    }
}
