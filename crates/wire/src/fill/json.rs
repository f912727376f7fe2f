//! Placeholders in JSON (RFC 8259): the string that holds one is decoded, filled, and escaped again.

use serde_json::Value;
use zeroize::{Zeroize, Zeroizing};

use super::{Clear, Filler, Reason, Result, text::append};
use crate::place::Place;

/// Whether the text is a JSON document, or several one after the other, as in NDJSON.
pub(super) fn is_json(text: &[u8]) -> bool {
    let mut documents = serde_json::Deserializer::from_slice(text).into_iter::<serde::de::IgnoredAny>();
    !text.is_empty() && documents.all(|document| document.is_ok())
}

/// Whose strings they are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Strings {
    /// Everything beyond ASCII is written as an escape, which is right in every character set.
    Json,
    /// UTF-8; not every server knows the escapes for what is beyond 16 bits.
    Graphql,
}

impl Filler<'_> {
    /// Fills a JSON text, or a sequence of them. What is not well-formed around the strings stays as it is.
    pub(super) fn json(&self, text: &[u8], place: &Place, depth: usize) -> Result<Clear> {
        if self.is_placeholder(text.trim_ascii()) {
            return self.bare_json(text, place, depth);
        }
        let mut out = Zeroizing::new(Vec::with_capacity(text.len() + 256));
        let mut at = 0;
        let mut key: &[u8] = b"";
        while at < text.len() {
            let string_start = memchr::memchr(b'"', &text[at..]).map_or(text.len(), |found| at + found);
            append(&mut out, &self.bare_json(&text[at..string_start], place, depth)?);
            let string_end = end_of_string(text, string_start);
            let literal = &text[string_start..string_end];
            if text[string_end..].trim_ascii_start().starts_with(b":") {
                key = literal;
            }
            append(&mut out, &self.string_literal(literal, &below(place, key), depth, Strings::Json)?);
            at = string_end;
        }
        Ok(out)
    }

    /// A string in quotes.
    pub(super) fn string_literal(&self, literal: &[u8], place: &Place, depth: usize, whose: Strings) -> Result<Clear> {
        if !self.hits(literal) {
            return Ok(Zeroizing::new(literal.to_vec()));
        }
        let Ok(decoded) = serde_json::from_slice::<String>(literal) else {
            return Err(
                self.refuse_in(literal, Reason::Impossible(place.clone(), "the string around it is not well-formed"))
            );
        };
        let filled = self.sniff(decoded.as_bytes(), place, depth + 1)?;
        match std::str::from_utf8(&filled).map(serde_json::to_vec) {
            Ok(Ok(escaped)) if whose == Strings::Graphql || escaped.iter().all(|byte| *byte < 0x7f) => {
                Ok(Zeroizing::new(escaped))
            }
            Ok(Ok(escaped)) => Ok(ascii(Zeroizing::new(escaped))),
            _ => Err(self.refuse_in(literal, Reason::Impossible(place.clone(), "it is not text"))),
        }
    }

    /// A placeholder outside a string stands for a JSON value of its own: a number, or a document.
    fn bare_json(&self, text: &[u8], place: &Place, depth: usize) -> Result<Clear> {
        self.replace(text, place, depth, &mut |_, value| match serde_json::from_slice::<Value>(value) {
            Ok(mut parsed) => {
                if let Value::String(text) = &mut parsed {
                    text.zeroize();
                }
                Ok(value.to_vec())
            }
            Err(_) => Err("outside a JSON string only a number or a JSON document can stand"),
        })
    }
}

/// In a body, the place is that of the last key before the value.
fn below(place: &Place, key: &[u8]) -> Place {
    match (place, serde_json::from_slice::<String>(key)) {
        (Place::Body(_), Ok(key)) => Place::Body(Some(key)),
        _ => place.clone(),
    }
}

/// A JSON text with escapes for everything beyond ASCII, as Python's json.dumps writes it, and for DEL, which no header
/// may hold.
fn ascii(text: Clear) -> Clear {
    let mut out = Zeroizing::new(Vec::with_capacity(text.len() * 3));
    for character in String::from_utf8_lossy(&text).chars() {
        if character < '\x7f' {
            append(&mut out, &[character as u8]);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            append(&mut out, format!("\\u{unit:04x}").as_bytes());
        }
    }
    out
}

/// One past the closing quote of the string that begins at `start`; the text's end when it is not closed.
pub(super) fn end_of_string(text: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(found) = text.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += found;
        if text[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    text.len()
}
