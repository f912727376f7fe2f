//! JSON with places; comments and trailing commas are let pass, as editors do.

use std::borrow::Cow;

use super::map::Map;
use super::node::{DEPTH, Node, Scalar, Style};

/// The value of a text; `None` if it is no JSON.
pub fn read(text: &str) -> Option<Node<'_>> {
    let mut reader = Reader { text, at: 0 };
    let node = reader.value(0)?;
    reader.blank();
    (reader.at >= text.len()).then_some(node)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    /// Goes over blanks and comments.
    fn blank(&mut self) {
        loop {
            while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
                self.at += 1;
            }
            let rest = &self.text[self.at..];
            let length = match () {
                () if rest.starts_with("//") => rest.find('\n'),
                () if rest.starts_with("/*") => rest.find("*/").map(|end| end + 2),
                () if rest.starts_with('\u{feff}') => Some(3),
                () => return,
            };
            self.at += length.unwrap_or(rest.len());
        }
    }

    fn value(&mut self, depth: usize) -> Option<Node<'t>> {
        if depth > DEPTH {
            return None;
        }
        self.blank();
        match self.peek()? {
            b'"' => self.string().map(Node::Scalar),
            b'{' => {
                self.at += 1;
                let mut entries = Vec::new();
                loop {
                    self.blank();
                    if self.take(b'}') {
                        return Some(Node::Table(entries));
                    }
                    let key = self.string()?;
                    self.blank();
                    if !self.take(b':') {
                        return None;
                    }
                    entries.push((key, self.value(depth + 1)?));
                    self.blank();
                    if !self.take(b',') && self.peek() != Some(b'}') {
                        return None;
                    }
                }
            }
            b'[' => {
                self.at += 1;
                let mut items = Vec::new();
                loop {
                    self.blank();
                    if self.take(b']') {
                        return Some(Node::List(items));
                    }
                    items.push(self.value(depth + 1)?);
                    self.blank();
                    if !self.take(b',') && self.peek() != Some(b']') {
                        return None;
                    }
                }
            }
            _ => {
                let start = self.at;
                while self.peek().is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.')) {
                    self.at += 1;
                }
                let value = Cow::Borrowed(&self.text[start..self.at]);
                (self.at > start).then_some(Node::Scalar(Scalar { value, span: start..self.at, style: Style::Plain }))
            }
        }
    }

    fn string(&mut self) -> Option<Scalar<'t>> {
        if !self.take(b'"') {
            return None;
        }
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut escaped = false;
        loop {
            let rest = bytes.get(self.at..)?;
            self.at += memchr::memchr2(b'"', b'\\', rest)?;
            if bytes[self.at] == b'"' {
                break;
            }
            escaped = true;
            self.at += 2;
        }
        let span = start..self.at;
        self.at += 1;
        let raw = self.text.get(span.clone())?;
        let value = if escaped { Cow::Owned(decode(raw, 0).0) } else { Cow::Borrowed(raw) };
        Some(Scalar { value, span, style: Style::Json })
    }
}

/// What a string says without its escapes, and where that stands; `base` is where the string begins.
pub fn decode(raw: &str, base: usize) -> (String, Map) {
    let mut out = String::with_capacity(raw.len());
    let mut map = Map::default();
    let mut from = 0;
    map.push(0, base);
    while let Some(at) = memchr::memchr(b'\\', &raw.as_bytes()[from..]).map(|at| at + from) {
        out.push_str(&raw[from..at]);
        let (character, length) = escape(&raw[at..]);
        map.push(out.len(), base + at);
        out.push(character);
        from = at + length;
        map.push(out.len(), base + from);
    }
    out.push_str(&raw[from..]);
    (out, map)
}

/// The character of an escape, and how long the escape is.
fn escape(raw: &str) -> (char, usize) {
    let unit = |at: usize| u32::from_str_radix(raw.get(at..at + 4)?, 16).ok();
    match raw.as_bytes().get(1) {
        Some(b'n') => ('\n', 2),
        Some(b't') => ('\t', 2),
        Some(b'r') => ('\r', 2),
        Some(b'b') => ('\u{8}', 2),
        Some(b'f') => ('\u{c}', 2),
        Some(b'u') => {
            let Some(first) = unit(2) else { return ('\u{fffd}', 2) };
            let pair = raw.get(6..8) == Some("\\u") && (0xd800..0xdc00).contains(&first);
            if let (true, Some(second)) = (pair, unit(8)) {
                let code = 0x1_0000 + ((first - 0xd800) << 10) + (second.wrapping_sub(0xdc00) & 0x3ff);
                return (char::from_u32(code).unwrap_or('\u{fffd}'), 12);
            }
            (char::from_u32(first).unwrap_or('\u{fffd}'), 6)
        }
        Some(byte) if byte.is_ascii() => (char::from(*byte), 2),
        _ => ('\\', 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_places() {
        let text = "// x\n{\"a\": \"b\", /* c */ \"l\": [1, true, {\"p\": \"q\\\"r\\u00e9\"},], }";
        let node = read(text).unwrap();
        assert_eq!(node.get("a").unwrap().text(), Some("b"));
        let inner = node.get("l").unwrap().items()[2].get("p").unwrap().scalar().unwrap();
        assert_eq!(inner.value, "q\"ré");
        assert_eq!(&text[inner.span.clone()], "q\\\"r\\u00e9");
        for broken in ["{", "[1", "{\"a\" 1}", "\"", "\"\\", "{a: 1}", "1 2", "", &"[".repeat(100_000)] {
            assert!(read(broken).is_none(), "{}", &broken[..broken.len().min(10)]);
        }
    }

    #[test]
    fn escapes_keep_their_places() {
        let raw = "a\\nb\\ud83e\\udd80c";
        let (text, map) = decode(raw, 100);
        assert_eq!(text, "a\nb🦀c");
        let at = text.find('c').unwrap() as u32;
        assert_eq!(map.span(tegmen_syntax::Span::new(at, at + 1)).start as usize, 100 + raw.find('c').unwrap());
    }
}
