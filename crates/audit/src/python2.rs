//! Python 2, turned into Python 3 as far as that goes line by line, so that the facts of old scripts can be had.
//!
//! Old Locust tests print, catch and raise in the old way; the rest of the two languages is close enough for an audit.

use crate::config::Map;

/// A script as Python 3.
pub struct Translated {
    /// The script.
    pub text: String,
    /// Where it stands in the original.
    pub map: Map,
    /// What gave it away: "the `print` statement".
    pub sign: &'static str,
    /// The line of the first sign, from 1.
    pub line: u32,
}

/// Translates a script that does not parse as Python 3; `None` if it shows no sign of Python 2.
pub fn translate(source: &str) -> Option<Translated> {
    let mut out = Builder { text: String::with_capacity(source.len() + 64), map: Map::default(), source };
    let mut sign = None;
    let mut quoted = None;
    let mut at = 0;
    for (number, line) in source.split_inclusive('\n').enumerate() {
        let start = at;
        at += line.len();
        let inside = quoted.is_some();
        quoted = open_quote(line, quoted);
        let found = if inside { None } else { statement(&mut out, line, start) };
        match found {
            Some(found) => sign = sign.or(Some((found, number as u32 + 1))),
            None => out.copy(start, start + line.len()),
        }
    }
    let (sign, line) = sign?;
    Some(Translated { text: out.text, map: out.map, sign, line })
}

struct Builder<'s> {
    text: String,
    map: Map,
    source: &'s str,
}

impl Builder<'_> {
    fn copy(&mut self, from: usize, to: usize) {
        self.map.push(self.text.len(), from);
        self.text.push_str(&self.source[from..to]);
    }

    fn put(&mut self, text: &str, at: usize) {
        self.map.push(self.text.len(), at);
        self.text.push_str(text);
    }
}

/// Translates a line with a statement of Python 2; says which.
fn statement(out: &mut Builder<'_>, line: &str, start: usize) -> Option<&'static str> {
    let code = code_of(line);
    let body = code.trim_end();
    let indent = line.len() - line.trim_start().len();
    // `if x: print y`
    let inline = [": print ", "; print "].iter().filter_map(|mark| body.find(mark)).min().map(|found| found + 2);
    let begin = if body[indent.min(body.len())..].starts_with("print") { Some(indent) } else { inline };
    if let Some(begin) = begin {
        let rest = &body[begin + 5..];
        let old = rest.is_empty()
            || rest.starts_with([' ', '\t']) && !rest.trim_start().starts_with(['(', '=', '.'])
            || rest.starts_with(['"', '\'', '`'])
            || rest.trim_start().starts_with('(') && tuple(rest);
        if old && !body.ends_with('\\') {
            let skipped = rest.len() - rest.trim_start().len();
            let mut from = begin + 5 + skipped;
            // `print >>stream, x`
            if let Some(stream) = body[from..].strip_prefix(">>") {
                from += 2 + stream.find(',').map_or(stream.len(), |comma| comma + 1);
            }
            let to = begin + 5 + rest.trim_end_matches([',', ' ', '\t']).len();
            out.copy(start, start + begin + 5);
            out.put("(", start + begin + 5);
            out.copy(start + from.min(to), start + to);
            out.put(")", start + to.max(from).min(body.len()).saturating_sub(1));
            out.copy(start + body.len(), start + line.len());
            return Some("the `print` statement");
        }
        return None;
    }
    let trimmed = &body[indent.min(body.len())..];
    if let Some(rest) = trimmed.strip_prefix("except ")
        && let Some(comma) = last_comma(rest)
    {
        let at = start + indent + 7 + comma;
        out.copy(start, at);
        out.put(" as", at);
        out.copy(at + 1, start + line.len());
        return Some("`except X, e`");
    }
    if let Some(rest) = trimmed.strip_prefix("raise ")
        && let Some(comma) = rest.find(',').filter(|comma| !rest[..*comma].contains('('))
    {
        let at = start + indent + 6 + comma;
        out.copy(start, at);
        out.put("(", at);
        out.copy(at + 1, start + body.len());
        out.put(")", start + body.len() - 1);
        out.copy(start + body.len(), start + line.len());
        return Some("`raise X, y`");
    }
    if let Some(rest) = trimmed.strip_prefix("exec ").filter(|rest| !rest.trim_start().starts_with(['(', '='])) {
        let at = start + body.len() - rest.len();
        out.copy(start, at - 1);
        out.put("(", at - 1);
        out.copy(at, start + body.len());
        out.put(")", start + body.len() - 1);
        out.copy(start + body.len(), start + line.len());
        return Some("the `exec` statement");
    }
    small_things(out, line, code, start)
}

/// `ur"x"`, `0777`, `10L`, `<>` and backquotes.
fn small_things(out: &mut Builder<'_>, line: &str, code: &str, start: usize) -> Option<&'static str> {
    let bytes = code.as_bytes();
    let mut sign = None;
    let mut from = 0;
    let mut at = 0;
    let mut quote: Option<u8> = None;
    while at < bytes.len() {
        let byte = bytes[at];
        if let Some(open) = quote {
            at += if byte == b'\\' { 2 } else { 1 };
            if byte == open {
                quote = None;
            }
            continue;
        }
        let word = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
        let digits = bytes[at..].iter().take_while(|b| b.is_ascii_digit()).count();
        let change: Option<(usize, &str, &'static str)> = match byte {
            b'\'' | b'"' => {
                quote = Some(byte);
                None
            }
            b'u' | b'U' if !word && matches!(bytes.get(at + 1..at + 3), Some([b'r' | b'R', b'"' | b'\''])) => {
                Some((1, "", "`ur\"…\"`"))
            }
            b'<' if bytes.get(at + 1) == Some(&b'>') => Some((2, "!=", "`<>`")),
            b'`' => Some((1, " ", "backquotes")),
            b'0' if !word
                && digits > 1
                && !bytes.get(at + digits).is_some_and(|b| matches!(b, b'.' | b'e' | b'_'))
                && bytes[at..at + digits].iter().any(|b| *b != b'0') =>
            {
                Some((1, "0o", "an octal number"))
            }
            b'L' | b'l'
                if at > 0
                    && bytes[at - 1].is_ascii_digit()
                    && !bytes.get(at + 1).is_some_and(u8::is_ascii_alphanumeric)
                    && number_before(bytes, at) =>
            {
                Some((1, "", "a long number"))
            }
            _ => None,
        };
        if let Some((length, text, what)) = change {
            out.copy(start + from, start + at);
            out.put(text, start + at);
            sign = sign.or(Some(what));
            at += length;
            from = at;
            continue;
        }
        at += if digits > 0 && !word { digits } else { 1 };
    }
    sign?;
    out.copy(start + from, start + line.len());
    sign
}

fn number_before(bytes: &[u8], at: usize) -> bool {
    let digits = bytes[..at].iter().rev().take_while(|b| b.is_ascii_digit()).count();
    !bytes[..at - digits].last().is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_')
}

/// Whether what follows `print` begins with a bracket and does not end with it: `print ("a"), b`, `print ("a %s") % b`.
fn tuple(rest: &str) -> bool {
    let rest = rest.trim();
    let mut depth = 0;
    for (at, byte) in rest.bytes().enumerate() {
        depth += i32::from(byte == b'(') - i32::from(byte == b')');
        if depth == 0 {
            return at + 1 < rest.len() && rest[at + 1..].trim_start().starts_with(['%', ',', '+']);
        }
    }
    false
}

/// The comma of `except (A, B), e:`, which stands outside of brackets.
fn last_comma(rest: &str) -> Option<usize> {
    let mut depth = 0;
    let mut found = None;
    for (at, byte) in rest.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            b',' if depth == 0 => found = Some(at),
            b':' if depth == 0 => break,
            _ => {}
        }
    }
    found
}

/// A line without its comment.
fn code_of(line: &str) -> &str {
    let bytes = line.as_bytes();
    let mut quote = None;
    let mut at = 0;
    while at < bytes.len() {
        match (bytes[at], quote) {
            (b'\\', Some(_)) => at += 1,
            (byte @ (b'"' | b'\''), None) => quote = Some(byte),
            (byte, Some(open)) if byte == open => quote = None,
            (b'#', None) => return &line[..at],
            _ => {}
        }
        at += 1;
    }
    line
}

/// Which triple quote is open after a line.
fn open_quote(line: &str, mut open: Option<&'static str>) -> Option<&'static str> {
    let mut rest = line;
    loop {
        match open {
            Some(mark) => {
                let Some(at) = rest.find(mark) else { return open };
                rest = &rest[at + 3..];
                open = None;
            }
            None => {
                let next = ["\"\"\"", "'''"].into_iter().filter_map(|mark| rest.find(mark).map(|at| (at, mark))).min();
                let (at, mark) = next?;
                if rest[..at].contains('#') {
                    return None;
                }
                rest = &rest[at + 3..];
                open = Some(mark);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tegmen_syntax::Module;

    use super::*;

    #[test]
    fn old_statements() {
        let source = "print 'a', b\nprint\nif x: print y  # z\ntry:\n    pass\nexcept (A, B), e:\n    raise X, 'no'\nprint >>f, 'c',\nexec 'd'\nx = 0777 + 10L if a <> b else ur'e'\nprint ('f %s') % g\n'''\nprint not code\n'''\nprint(1)\n";
        let translated = translate(source).unwrap();
        let module = Module::parse(translated.text.clone());
        assert!(module.errors.is_empty(), "{:?}\n{}", module.errors, translated.text);
        assert_eq!((translated.sign, translated.line), ("the `print` statement", 1));
        let at = translated.text.find("g)").unwrap() as u32;
        let place = translated.map.span(tegmen_syntax::Span::new(at, at + 1));
        assert_eq!(&source[place.range()], "g");
        assert_eq!(translated.text.lines().count(), source.lines().count());
        assert!(translate("def f(:\n  x\n").is_none());
        assert!(translate("print 'ä' # ö\n").is_some());
    }
}
