//! Names and values in any text: `name = "value"`, `"name": "value"`, `name: value`, `name=value&…`.

use std::ops::Range;

/// A name and a value, in bytes of the text that was searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextPair {
    /// The name, without quotes.
    pub name: Range<usize>,
    /// The value, without quotes.
    pub value: Range<usize>,
    /// Whether the value stands in quotes.
    pub quoted: bool,
}

/// What may follow a `=` or `:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// Values in quotes only: code.
    Quoted,
    /// Values up to `&` as well: forms and queries.
    Form,
    /// Values up to the end of the line as well: `.env`, YAML, INI.
    Line,
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.') || byte >= 0x80
}

/// All pairs of `text`, from left to right.
pub fn pairs(text: &str, values: Values) -> Vec<TextPair> {
    let bytes = text.as_bytes();
    let mut found: Vec<TextPair> = Vec::new();
    let mut i = 0;
    while let Some(at) = memchr::memchr2(b'=', b':', &bytes[i..]).map(|at| i + at) {
        i = at + 1;
        if matches!(bytes.get(i), Some(b'=' | b':'))
            || matches!(at.checked_sub(1).map(|j| bytes[j]), Some(b'=' | b'!' | b'<' | b'>' | b':' | b'+'))
        {
            continue;
        }
        let Some(name) = name_before(bytes, at) else { continue };
        let Some((value, quoted)) = value_after(bytes, i, bytes[at], values) else { continue };
        if !text.is_char_boundary(value.start)
            || !text.is_char_boundary(value.end)
            || !text.is_char_boundary(name.start)
        {
            continue;
        }
        i = i.max(if quoted { value.end } else { i });
        found.push(TextPair { name, value, quoted });
    }
    found
}

/// The name of a pair of a text, where `PWD` by itself is the directory, and in `UID=…;PWD=…` is not.
pub fn connection_name<'t>(name: &'t str, text: &str) -> &'t str {
    if name == "PWD" && text.contains(';') { "pwd" } else { name }
}

/// Elements of XML that hold text only: `<password>…</password>`.
pub fn elements(text: &str) -> Vec<TextPair> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(close) = text[from..].find("</").map(|at| at + from) {
        from = close + 2;
        let Some(start) = text[..close].rfind('>') else { continue };
        let Some(open) = text[..start].rfind('<') else { continue };
        let name = open + 1..text[open + 1..start].find(' ').map_or(start, |at| open + 1 + at);
        // Without the prefix of a namespace.
        let name = text[name.clone()].rfind(':').map_or(name.start, |at| name.start + at + 1)..name.end;
        if start + 1 < close && !name.is_empty() && text[name.clone()].bytes().all(is_name) {
            found.push(TextPair { name, value: start + 1..close, quoted: true });
        }
    }
    found
}

fn name_before(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let mut end = at;
    while end > 0 && matches!(bytes[end - 1], b' ' | b'\t') {
        end -= 1;
    }
    // A closing quote, escaped or not; or a bracket of `d["name"] =`.
    while end > 0 && matches!(bytes[end - 1], b'"' | b'\'' | b']' | b'\\') {
        end -= 1;
    }
    let mut start = end;
    while start > 0 && is_name(bytes[start - 1]) && end - start < 100 {
        start -= 1;
    }
    (start < end && bytes[start..end].iter().any(u8::is_ascii_alphabetic)).then_some(start..end)
}

fn value_after(bytes: &[u8], from: usize, separator: u8, values: Values) -> Option<(Range<usize>, bool)> {
    let mut start = from;
    while matches!(bytes.get(start), Some(b' ' | b'\t')) {
        start += 1;
    }
    // Prefixes of Python's strings.
    let mut quote = start;
    while quote < start + 2 && matches!(bytes.get(quote), Some(b'f' | b'r' | b'b' | b'u' | b'F' | b'R' | b'B' | b'U')) {
        quote += 1;
    }
    for open in [start, quote] {
        let escaped = bytes.get(open) == Some(&b'\\');
        let position = open + usize::from(escaped);
        let Some(mark @ (b'"' | b'\'')) = bytes.get(position) else { continue };
        let begin = position + 1;
        let mut end = begin;
        while let Some(byte) = bytes.get(end) {
            if byte == mark || *byte == b'\n' {
                break;
            }
            if *byte == b'\\' && bytes.get(end + 1) == Some(mark) && escaped {
                break;
            }
            end += if *byte == b'\\' { 2 } else { 1 };
        }
        return (end <= bytes.len()).then_some((begin..end.min(bytes.len()), true));
    }
    let stop = |byte: u8| match values {
        Values::Quoted => true,
        Values::Form => {
            matches!(byte, b'&' | b' ' | b'\n' | b'\r' | b'"' | b'\'' | b',' | b';' | b'}' | b'{' | b'<' | b'\\')
        }
        Values::Line => matches!(byte, b'\n' | b'\r'),
    };
    if values == Values::Form && separator == b':' {
        return None;
    }
    let mut end = start;
    while bytes.get(end).is_some_and(|byte| !stop(*byte)) {
        end += 1;
    }
    if values == Values::Line {
        // A comment after the value, and blanks.
        if let Some(comment) = bytes[start..end].windows(2).position(|pair| pair == b" #") {
            end = start + comment;
        }
        while end > start && matches!(bytes[end - 1], b' ' | b'\t' | b',' | b';') {
            end -= 1;
        }
    }
    (end > start).then_some((start..end, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, values: Values) -> Vec<(&str, &str)> {
        pairs(text, values).into_iter().map(|pair| (&text[pair.name], &text[pair.value])).collect()
    }

    #[test]
    fn xml() {
        let text = "<a><u>x</u><ns:password type='t'>p</ns:password></a>";
        let found: Vec<_> = elements(text).into_iter().map(|pair| (&text[pair.name], &text[pair.value])).collect();
        assert_eq!(found, [("u", "x"), ("password", "p")]);
    }

    #[test]
    fn code_json_forms_and_lines() {
        assert_eq!(found("x = 'a'; d[\"k\"] = \"b\"", Values::Quoted), [("x", "a"), ("k", "b")]);
        assert_eq!(found(r#"{"user": "u", "password":"p"}"#, Values::Quoted), [("user", "u"), ("password", "p")]);
        assert_eq!(found(r#"{\"password\":\"p\"}"#, Values::Quoted), [("password", "p")]);
        assert_eq!(found("user=u&password=p+q", Values::Form), [("user", "u"), ("password", "p+q")]);
        assert_eq!(found("A=1 # no\nexport B='x y'\nc: d e\n", Values::Line), [("A", "1"), ("B", "x y"), ("c", "d e")]);
        assert_eq!(found("a == 'b' or c != 'd'", Values::Quoted), []);
        assert_eq!(found("", Values::Line), []);
    }
}
