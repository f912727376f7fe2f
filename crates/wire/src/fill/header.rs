//! Placeholders in the values of header fields (RFC 9110, 5.5).

use zeroize::Zeroizing;

use super::{
    Clear, Filler, Reader, Reason, Result,
    form::percent,
    text::{Context, append},
};
use crate::place::Place;

impl Filler<'_> {
    /// Fills the value of the header field `name`.
    pub(super) fn header(&self, name: &[u8], value: &[u8]) -> Result<Clear> {
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        let place = Place::Header(name.clone());
        if name == "proxy-authorization" {
            self.reader.set(Reader::Proxy);
        }
        let filled = match name.as_str() {
            "cookie" => self.cookie(value),
            // RFC 5849, 3.5.1: parameters are percent-encoded.
            "authorization" if value.len() > 6 && value[..6].eq_ignore_ascii_case(b"oauth ") => {
                self.replace(value, &place, 0, &mut |_, value| Ok(percent(value)))
            }
            _ => {
                let trimmed = value.trim_ascii();
                let structured = matches!(trimmed.first(), Some(b'{' | b'[')) || super::url::is_url(trimmed);
                if structured && !self.is_placeholder(trimmed) {
                    self.sniff(value, &place, 0)
                } else {
                    self.replace(value, &place, 0, &mut field_value)
                }
            }
        };
        self.reader.set(Reader::Both);
        let filled = filled?;
        if filled.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
            let why = "it holds a line break or another control character, which a header must not (RFC 9110, 5.5)";
            return Err(self.refuse_in(value, Reason::Impossible(place, why)));
        }
        if filled.trim_ascii().len() != filled.len() && value.trim_ascii().len() == value.len() {
            let why = "it begins or ends with white space, which a header loses on the way";
            return Err(self.refuse_in(value, Reason::Impossible(place, why)));
        }
        Ok(latin_1(filled))
    }
}

/// Inside a quoted string (RFC 9110, 5.6.4) quotes and backslashes are escaped.
fn field_value(context: Context<'_>, value: &[u8]) -> std::result::Result<Vec<u8>, &'static str> {
    if !(opens_quote(context.before) && context.after.contains(&b'"')) {
        return Ok(value.to_vec());
    }
    let mut quoted = Vec::with_capacity(value.len() + 8);
    for byte in value {
        if matches!(byte, b'"' | b'\\') {
            quoted.push(b'\\');
        }
        quoted.push(*byte);
    }
    Ok(quoted)
}

fn opens_quote(before: &[u8]) -> bool {
    let mut open = false;
    let mut bytes = before.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' if open => {
                bytes.next();
            }
            b'"' => open = !open,
            _ => {}
        }
    }
    open
}

/// As Python's clients send header text: in ISO 8859-1 where it fits, else the UTF-8 bytes.
fn latin_1(value: Clear) -> Clear {
    let Ok(text) = std::str::from_utf8(&value) else { return value };
    if text.is_ascii() || text.chars().any(|character| character as u32 > 0xff) {
        return value;
    }
    let mut out = Zeroizing::new(Vec::with_capacity(value.len()));
    for character in text.chars() {
        append(&mut out, &[character as u32 as u8]);
    }
    out
}
