//! Placeholders inside base64 (RFC 4648): decoded, filled, encoded again in the same alphabet and with the same padding.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use zeroize::Zeroizing;

use super::{Clear, Filler, Reason, Result};
use crate::place::Place;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// A run of base64 in a text, filled.
pub(super) struct Run {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) text: Clear,
}

impl Filler<'_> {
    /// The run of base64 around the tag that begins at `at`, whose first character is the `offset`th of its group.
    pub(super) fn base64(
        &self,
        text: &[u8],
        not_before: usize,
        at: usize,
        offset: usize,
        place: &Place,
        depth: usize,
    ) -> Result<Run> {
        let is_url = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let is_standard = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
        let extent = |belongs: &dyn Fn(u8) -> bool| {
            let before = text[not_before..at].iter().rev().take_while(|byte| belongs(**byte)).count();
            let after = text[at..].iter().take_while(|byte| belongs(**byte)).count();
            (at - before, at + after)
        };
        let (url, standard) = (extent(&is_url), extent(&is_standard));
        // Where both fit, the narrower one: the wider one has eaten a separator.
        let (is_standard, (first, mut end)) =
            if standard.1 - standard.0 >= url.1 - url.0 { (true, standard) } else { (false, url) };
        // Base64 goes in groups of four; what stands before the first whole group is no part of it.
        let start = first + (at - first + 4 - (offset * 8).div_ceil(6)) % 4;
        let padding = text[end..].iter().take(2).take_while(|byte| **byte == b'=').count();
        let config = LENIENT.with_encode_padding(padding > 0 || (is_standard && (end - start).is_multiple_of(4)));
        let engine = GeneralPurpose::new(if is_standard { &alphabet::STANDARD } else { &alphabet::URL_SAFE }, config);
        let decoded = text.get(start..end).and_then(|run| engine.decode(run).ok()).map(Zeroizing::new);
        let Some(decoded) = decoded else {
            return Err(self.refuse_any(Reason::Unusable("in base64 that does not decode")));
        };
        end += padding;
        let filled = match place {
            Place::Header(name) if name.ends_with("authorization") && text[..start].ends_with(b"asic ") => {
                self.basic(&decoded, depth + 1)
            }
            _ if std::str::from_utf8(&decoded).is_err() => {
                Err(self.refuse_in(&decoded, Reason::Unusable("in base64 of something that is not text")))
            }
            other => self.sniff(&decoded, other, depth + 1),
        }?;
        let mut encoded = Zeroizing::new(vec![0; (filled.len() / 3 + 1) * 4]);
        let Ok(length) = engine.encode_slice(&*filled, &mut encoded) else {
            return Err(self.refuse_any(Reason::Unusable("in base64 that is too long")));
        };
        encoded.truncate(length);
        Ok(Run { start, end, text: encoded })
    }

    /// A user name and a password: neither of them is looked into. Python's clients write them in ISO 8859-1; where that
    /// shows, because the name is not in ASCII, the value is written so too.
    fn basic(&self, pair: &[u8], depth: usize) -> Result<Clear> {
        if std::str::from_utf8(pair).is_ok() {
            return self.raw(pair, &Place::Basic, depth);
        }
        let text = Zeroizing::new(pair.iter().map(|byte| char::from(*byte)).collect::<String>());
        let filled = self.raw(text.as_bytes(), &Place::Basic, depth)?;
        let narrowed = std::str::from_utf8(&filled).ok().and_then(|text| {
            text.chars().map(|character| u8::try_from(u32::from(character)).ok()).collect::<Option<Vec<u8>>>()
        });
        narrowed.map(Zeroizing::new).ok_or_else(|| {
            let why = "the user name is written in ISO 8859-1, which has no such characters";
            self.refuse_in(pair, Reason::Impossible(Place::Basic, why))
        })
    }
}
