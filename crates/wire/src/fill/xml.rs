//! Placeholders in XML (XML 1.0) and HTML: escaped in text and attributes, split where needed in CDATA. A text or an
//! attribute that is itself JSON, a URL or XML is decoded, filled, and escaped again.

use super::{Clear, Filler, Reason, Result, Shape, text::append};
use crate::place::Place;

impl Filler<'_> {
    /// Fills an XML or HTML text.
    pub(super) fn xml(&self, text: &[u8], place: &Place, depth: usize) -> Result<Clear> {
        let mut out = Clear::new(Vec::with_capacity(text.len() + 256));
        let whole = self.wholes(text);
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            let until = |end: &[u8]| memchr::memmem::find(rest, end).map_or(text.len(), |found| at + found + end.len());
            if rest.starts_with(b"<![CDATA[") {
                let end = until(b"]]>");
                append(&mut out, &self.cdata(&text[at..end], place, depth)?);
                at = end;
            } else if rest.starts_with(b"<!--") {
                let end = until(b"-->");
                append(&mut out, &self.aside(&text[at..end], place, depth, b"--")?);
                at = end;
            } else if rest.starts_with(b"<?") {
                let end = until(b"?>");
                append(&mut out, &self.aside(&text[at..end], place, depth, b"?>")?);
                at = end;
            } else if rest.starts_with(b"<") {
                let end = end_of_tag(text, at, &whole);
                append(&mut out, &self.tag(&text[at..end], place, depth)?);
                at = end;
            } else {
                let end = find_outside(text, at, &whole, |byte| byte == b'<').unwrap_or(text.len());
                append(&mut out, &self.node(&text[at..end], place, depth)?);
                at = end;
            }
        }
        Ok(out)
    }

    fn tag(&self, tag: &[u8], place: &Place, depth: usize) -> Result<Clear> {
        if !self.hits(tag) {
            return Ok(Clear::new(tag.to_vec()));
        }
        let whole = self.wholes(tag);
        let mut out = Clear::new(Vec::with_capacity(tag.len() + 256));
        let mut at = 0;
        while let Some(quote) = find_outside(tag, at, &whole, |byte| matches!(byte, b'"' | b'\'')) {
            let end = find_outside(tag, quote + 1, &whole, |byte| byte == tag[quote]).unwrap_or(tag.len());
            append(&mut out, &self.replace(&tag[at..=quote], place, depth, &mut |_, value| escape(value))?);
            append(&mut out, &self.node(&tag[quote + 1..end], place, depth)?);
            at = end;
            if at < tag.len() {
                append(&mut out, &tag[at..=at]);
                at += 1;
            }
        }
        append(&mut out, &self.replace(&tag[at..], place, depth, &mut |_, value| escape(value))?);
        Ok(out)
    }

    /// The text of an element, or the value of an attribute.
    fn node(&self, node: &[u8], place: &Place, depth: usize) -> Result<Clear> {
        if !self.hits(node) {
            return Ok(Clear::new(node.to_vec()));
        }
        if std::str::from_utf8(node).is_ok()
            && let Some(decoded) = unescape(node)
            && (decoded.len() != node.len() || self.shape(decoded.trim_ascii()) != Shape::Plain)
        {
            let filled = self.sniff(&decoded, place, depth + 1)?;
            return escape(&filled)
                .map(Clear::new)
                .map_err(|why| self.refuse_in(node, Reason::Impossible(place.clone(), why)));
        }
        self.replace(node, place, depth, &mut |_, value| escape(value))
    }

    fn cdata(&self, section: &[u8], place: &Place, depth: usize) -> Result<Clear> {
        const OPEN: &[u8] = b"<![CDATA[";
        if !self.hits(section) {
            return Ok(Clear::new(section.to_vec()));
        }
        let content = section.strip_prefix(OPEN).unwrap_or(section);
        let content = content.strip_suffix(b"]]>").unwrap_or(content);
        let filled = self.sniff(content, place, depth + 1)?;
        let text = match std::str::from_utf8(&filled) {
            Ok(text) if text.chars().all(is_allowed) => text,
            _ => return Err(self.refuse_in(section, Reason::Impossible(place.clone(), NO_XML))),
        };
        let mut out = Clear::new(Vec::with_capacity(text.len() * 2));
        append(&mut out, OPEN);
        let mut brackets = 0;
        for character in text.chars() {
            match character {
                // A parser makes a line feed of it; and not every document is in UTF-8.
                '\r' | '\u{80}'.. => append(&mut out, format!("]]>&#{};<![CDATA[", character as u32).as_bytes()),
                '>' if brackets >= 2 => append(&mut out, b"]]><![CDATA[>"),
                other => append(&mut out, &[other as u8]),
            }
            brackets = if character == ']' { brackets + 1 } else { 0 };
        }
        append(&mut out, b"]]>");
        Ok(out)
    }

    /// A comment or an instruction: it has no escapes.
    fn aside(&self, text: &[u8], place: &Place, depth: usize, end: &[u8]) -> Result<Clear> {
        self.replace(text, place, depth, &mut |_, value| match memchr::memmem::find(value, end) {
            None => Ok(value.to_vec()),
            Some(_) => Err("it holds what ends the comment or instruction that it stands in"),
        })
    }
}

/// The first such byte from `from` on that is in no placeholder.
fn find_outside(text: &[u8], from: usize, whole: &[(usize, usize)], is_wanted: impl Fn(u8) -> bool) -> Option<usize> {
    let mut at = from;
    loop {
        // In the order of the text.
        let next = whole.get(whole.partition_point(|(_, end)| *end <= at));
        let until = next.map_or(text.len(), |(start, _)| *start);
        if let Some(found) = text.get(at..until).and_then(|part| part.iter().position(|byte| is_wanted(*byte))) {
            return Some(at + found);
        }
        at = next?.1;
    }
}

/// One past the `>` that ends the tag: one in quotes does not.
fn end_of_tag(text: &[u8], start: usize, whole: &[(usize, usize)]) -> usize {
    let mut at = start + 1;
    while let Some(found) = find_outside(text, at, whole, |byte| matches!(byte, b'>' | b'"' | b'\'')) {
        if text[found] == b'>' {
            return found + 1;
        }
        match find_outside(text, found + 1, whole, |byte| byte == text[found]) {
            Some(closing) => at = closing + 1,
            None => break,
        }
    }
    text.len()
}

const NO_XML: &str = "it holds a control character, which XML has no way to write";

/// XML 1.0, 2.2.
fn is_allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

fn escape(value: &[u8]) -> std::result::Result<Vec<u8>, &'static str> {
    let Ok(value) = std::str::from_utf8(value) else { return Err("it is not text") };
    if !value.chars().all(is_allowed) {
        return Err(NO_XML);
    }
    let mut out = String::with_capacity(value.len() * 2 + 16);
    for character in value.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // A parser would turn them into spaces in an attribute, and a carriage return into a line feed in a text.
            '\t' | '\n' | '\r' => out.push_str(&format!("&#{};", character as u32)),
            // Right in every encoding that the document may be in.
            _ if !character.is_ascii() => out.push_str(&format!("&#{};", character as u32)),
            _ => out.push(character),
        }
    }
    Ok(out.into_bytes())
}

/// Without the five entities and the references to characters; `None` when there are others, which only a parser knows.
fn unescape(node: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(node.len());
    let mut rest = node;
    while let Some(at) = memchr::memchr(b'&', rest) {
        out.extend_from_slice(&rest[..at]);
        let end = at + memchr::memchr(b';', &rest[at..])?;
        let character = match &rest[at + 1..end] {
            b"amp" => '&',
            b"lt" => '<',
            b"gt" => '>',
            b"quot" => '"',
            b"apos" => '\'',
            reference => {
                let digits = std::str::from_utf8(reference.strip_prefix(b"#")?).ok()?;
                let number = match digits.strip_prefix('x') {
                    Some(hex) => u32::from_str_radix(hex, 16),
                    None => digits.parse(),
                };
                char::from_u32(number.ok()?)?
            }
        };
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        rest = &rest[end + 1..];
    }
    out.extend_from_slice(rest);
    Some(out)
}
