//! Placeholders in `application/x-www-form-urlencoded` bodies and in queries: the pair that holds one is decoded,
//! filled, and percent-encoded again.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};
use zeroize::Zeroizing;

use super::{Clear, Filler, Result, text::append};
use crate::place::Place;

/// All but the unreserved characters (RFC 3986, 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The bytes with everything percent-encoded that is not unreserved.
pub(super) fn percent(bytes: &[u8]) -> Vec<u8> {
    percent_encode(bytes, RESERVED).collect::<String>().into_bytes()
}

/// Percent-decoded, with `+` for a space.
fn decode(text: &[u8]) -> Clear {
    let spaced = Zeroizing::new(text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect::<Vec<u8>>());
    Zeroizing::new(percent_decode(&spaced).collect())
}

impl Filler<'_> {
    /// Fills the pairs; `place` says for a pair's name where it stands.
    pub(super) fn form(&self, text: &[u8], place: &dyn Fn(&str) -> Place, depth: usize) -> Result<Clear> {
        let mut out = Zeroizing::new(Vec::with_capacity(text.len() + 256));
        for (index, pair) in text.split(|byte| *byte == b'&').enumerate() {
            append(&mut out, if index == 0 { b"" } else { b"&" });
            append(&mut out, &self.pair(pair, place, depth)?);
        }
        Ok(out)
    }

    fn pair(&self, pair: &[u8], place: &dyn Fn(&str) -> Place, depth: usize) -> Result<Clear> {
        if !(self.hits(pair) || pair.contains(&b'%') && self.hits(&decode(pair))) {
            return Ok(Zeroizing::new(pair.to_vec()));
        }
        let (name, value) = match memchr::memchr(b'=', pair) {
            Some(at) => (&pair[..at], Some(&pair[at + 1..])),
            None => (pair, None),
        };
        let decoded_name = decode(name);
        let place = place(&String::from_utf8_lossy(&decoded_name));
        // A value such as a signature `sv=…&sig=…` that is the whole query brings its own separators.
        if value.is_none()
            && let Some(whole) = self.whole_value(pair, &place)?
            && is_query(&whole)
        {
            return Ok(whole);
        }
        let mut out = self.part(name, &decoded_name, &place, depth)?;
        if let Some(value) = value {
            append(&mut out, b"=");
            append(&mut out, &self.part(value, &decode(value), &place, depth)?);
        }
        Ok(out)
    }

    fn part(&self, text: &[u8], decoded: &[u8], place: &Place, depth: usize) -> Result<Clear> {
        if !self.hits(decoded) {
            return Ok(Zeroizing::new(text.to_vec()));
        }
        Ok(Zeroizing::new(percent(&self.sniff(decoded, place, depth + 1)?)))
    }
}

/// Whether a value is a query of its own, `name=value&name=value`.
pub(super) fn is_query(value: &[u8]) -> bool {
    value.contains(&b'=')
        && value.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%+=&:/,;@!$'()*".contains(byte))
        && value.split(|byte| *byte == b'&').all(|pair| pair.contains(&b'='))
}
