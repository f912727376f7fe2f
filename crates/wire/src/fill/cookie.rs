//! Placeholders in the Cookie header (RFC 6265).

use percent_encoding::percent_decode;
use zeroize::Zeroizing;

use super::{Clear, Filler, Result, form::percent, text::append};
use crate::place::Place;

impl Filler<'_> {
    /// Fills `name=value; name=value`.
    pub(super) fn cookie(&self, header: &[u8]) -> Result<Clear> {
        let mut out = Zeroizing::new(Vec::with_capacity(header.len() + 256));
        for (index, pair) in header.split(|byte| *byte == b';').enumerate() {
            append(&mut out, if index == 0 { b"" } else { b";" });
            let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii();
            let place = Place::Cookie(Some(String::from_utf8_lossy(name).into_owned()));
            // A secret that is a whole Cookie header, as recorded from a browser, brings its own separators.
            if let Some(whole) = self.whole_value(pair.trim_ascii(), &Place::Header("cookie".to_owned()))?
                && is_cookie_string(&whole)
            {
                let spaces = pair.len() - pair.trim_ascii_start().len();
                append(&mut out, &pair[..spaces]);
                append(&mut out, &whole);
                continue;
            }
            let value_start = memchr::memchr(b'=', pair).map_or(0, |at| at + 1);
            append(&mut out, &pair[..value_start]);
            append(&mut out, &self.cookie_value(&pair[value_start..], &place)?);
        }
        Ok(out)
    }

    fn cookie_value(&self, value: &[u8], place: &Place) -> Result<Clear> {
        if value.contains(&b'%') {
            // The script has percent-encoded the value, as JSON in a cookie is.
            let decoded = Zeroizing::new(percent_decode(value).collect::<Vec<u8>>());
            if self.hits(&decoded) {
                return Ok(Zeroizing::new(percent(&self.sniff(&decoded, place, 1)?)));
            }
        }
        let quoted = value.len() >= 2 && value.starts_with(b"\"") && value.ends_with(b"\"");
        let inner = if quoted { &value[1..value.len() - 1] } else { value };
        let filled = self.replace(inner, place, 0, &mut |_, value| Ok(value.to_vec()))?;
        if !quoted && filled.iter().all(|byte| is_cookie_octet(*byte)) {
            return Ok(filled);
        }
        Ok(quote(&filled))
    }
}

/// `name=value; name=value`, with nothing that would end the header.
fn is_cookie_string(value: &[u8]) -> bool {
    value.contains(&b'=') && value.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ')
}

/// RFC 6265, 4.1.1, and what every parser takes as well.
fn is_cookie_octet(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\')
}

/// RFC 2109's quoted string, with the octal escapes that servers in Python and others undo.
fn quote(value: &[u8]) -> Clear {
    let mut out = Zeroizing::new(Vec::with_capacity(value.len() * 4 + 2));
    out.push(b'"');
    for byte in value {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            b' '..=b'~' if !matches!(byte, b';' | b',') => out.push(*byte),
            _ => out.extend_from_slice(&[b'\\', b'0' + (byte >> 6), b'0' + (byte >> 3 & 7), b'0' + (byte & 7)]),
        }
    }
    out.push(b'"');
    out
}
