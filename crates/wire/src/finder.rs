//! [`Finder`]: where the placeholders of a run stand in bytes, in whatever form scripts bring them.
//!
//! Those that can be replaced are found as they are and in base64. The others, and pieces of a placeholder, are found so
//! that the request can be refused: a placeholder is never sent silently.

use aho_corasick::{AhoCorasick, Match, MatchKind, packed};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};

use crate::placeholder::{ID_LEN, TAG_LEN, TOKEN_LEN, Tag};

/// In which form a token was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As it is.
    Plain,
    /// In base64; the number says at which of the three offsets.
    Base64(usize),
    /// A piece of it.
    Cut,
    /// In a form that cannot be undone: see [`Unusable::shown`].
    Unusable(Unusable),
}

/// Forms that are recognised so as to refuse them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// `.upper()`, `.title()`.
    Capitals,
    /// Two digits a byte.
    Hex,
    /// UTF-16 or UTF-32, of either byte order.
    Wide,
    /// Backwards.
    Reversed,
    /// Base64 that is broken into lines, or a piece of it.
    BrokenBase64,
}

impl Unusable {
    /// As the end of "its placeholder is in the request …".
    pub fn shown(self) -> &'static str {
        match self {
            Self::Capitals => "in capital letters",
            Self::Hex => "in hexadecimal",
            Self::Wide => "in UTF-16 or UTF-32",
            Self::Reversed => "backwards",
            Self::BrokenBase64 => "in base64 that is cut or broken into lines",
        }
    }
}

/// So much of a tag is recognised as a piece of it: 51 random bits, which nothing else has by chance. Any piece that is
/// half as long again holds one. Fewer bytes hold nothing that is recognised.
pub const SHORTEST: usize = 10;
/// Where the pieces begin in the tag.
const PIECES: [usize; 4] = [0, 5, 10, TAG_LEN - SHORTEST];
/// The same in base64.
const BASE64_PIECE: usize = 12;

/// What to search for, and what it is: the tag in every form, and pieces of it.
fn patterns(tag: &Tag) -> Vec<(Vec<u8>, Form)> {
    let tag = tag.as_str();
    let mut patterns: Vec<(Vec<u8>, Form)> = vec![(tag.into(), Form::Plain)];
    for start in PIECES {
        patterns.push((tag[start..start + SHORTEST].into(), Form::Cut));
    }
    for offset in 0..3 {
        // The characters that the tag alone decides; letters and digits give the same in base64url.
        let encoded = STANDARD_NO_PAD.encode([&b"\0\0"[..offset], tag.as_bytes()].concat());
        let first = (offset * 8).div_ceil(6);
        let last = (offset + tag.len()) * 8 / 6;
        let encoded = &encoded.as_bytes()[first..last];
        patterns.push((encoded.into(), Form::Base64(offset)));
        for piece in [&encoded[..BASE64_PIECE], &encoded[encoded.len() - BASE64_PIECE..]] {
            patterns.push((piece.into(), Form::Unusable(Unusable::BrokenBase64)));
        }
    }
    let hex: String = tag.bytes().map(|byte| format!("{byte:02x}")).collect();
    // Without its last byte, little endian is big endian shifted by one: one pattern finds both.
    let wide: Vec<u8> = tag.bytes().flat_map(|byte| [byte, 0]).collect();
    for (pattern, form) in [
        (hex.to_ascii_uppercase().into(), Unusable::Hex),
        (hex.into(), Unusable::Hex),
        (tag.to_ascii_uppercase().into(), Unusable::Capitals),
        (title(tag).as_bytes()[TAG_LEN - SHORTEST..].into(), Unusable::Capitals),
        (wide[..wide.len() - 1].to_vec(), Unusable::Wide),
        (tag.bytes().take(SHORTEST).flat_map(|byte| [byte, 0, 0, 0]).take(4 * SHORTEST - 3).collect(), Unusable::Wide),
        (tag.bytes().rev().collect(), Unusable::Reversed),
    ] {
        patterns.push((pattern, Form::Unusable(form)));
    }
    patterns
}

/// The texts that [`Finder`] finds: outputs are searched for them too.
pub fn texts(tag: &Tag) -> impl Iterator<Item = String> {
    patterns(tag).into_iter().filter_map(|(pattern, _)| String::from_utf8(pattern).ok())
}

/// Finds the tokens of a run in bytes.
pub struct Finder {
    /// On processors that have the vector instructions for it.
    packed: Option<packed::Searcher>,
    search: AhoCorasick,
    forms: Vec<Form>,
}

impl Finder {
    /// For the tokens of the tag.
    ///
    /// # Errors
    /// When the search cannot be built from the tag.
    pub fn new(tag: &Tag) -> Result<Self, aho_corasick::BuildError> {
        let patterns = patterns(tag);
        // The longest, so that a whole tag is not taken for a piece of itself.
        let search = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(patterns.iter().map(|(pattern, _)| pattern))?;
        let packed = packed::Config::new()
            .match_kind(packed::MatchKind::LeftmostLongest)
            .builder()
            .extend(patterns.iter().map(|(pattern, _)| pattern))
            .build();
        Ok(Self { packed, search, forms: patterns.into_iter().map(|(_, form)| form).collect() })
    }

    /// Whether a token, in any form, stands in the bytes.
    pub fn hits(&self, bytes: &[u8]) -> bool {
        // Most names and values of header fields are shorter than any form of a tag.
        bytes.len() >= SHORTEST && self.first(bytes).is_some()
    }

    /// The first token from `from` on: where its tag stands in that form, and which form it is.
    pub fn find(&self, bytes: &[u8], from: usize) -> Option<(usize, Form)> {
        let found = self.first(bytes.get(from..)?)?;
        Some((from + found.start(), *self.forms.get(found.pattern().as_usize())?))
    }

    fn first(&self, bytes: &[u8]) -> Option<Match> {
        match &self.packed {
            Some(packed) => packed.find(bytes),
            None => self.search.find(bytes),
        }
    }
}

/// As Python's `str.title`.
fn title(text: &str) -> String {
    let mut is_inside = false;
    text.chars()
        .map(|character| {
            let made = if is_inside { character } else { character.to_ascii_uppercase() };
            is_inside = character.is_ascii_alphabetic();
            made
        })
        .collect()
}

/// The tokens that the text found at `at` may belong to, as they would be without that form; of a piece it is not known
/// which one it is. None when the text does not hold the whole number.
pub fn tokens_at(bytes: &[u8], at: usize, form: Form) -> Vec<Vec<u8>> {
    let numbered = |start: usize| {
        let id = at + TAG_LEN - start;
        let number = bytes.get(id..id + ID_LEN)?.to_ascii_lowercase();
        Some([vec![b'-'; TAG_LEN], number].concat())
    };
    match form {
        Form::Plain => numbered(0).into_iter().collect(),
        Form::Cut | Form::Unusable(Unusable::Capitals) => PIECES.into_iter().filter_map(numbered).collect(),
        Form::Unusable(form) => undone(bytes, at, form).into_iter().collect(),
        Form::Base64(_) => Vec::new(),
    }
}

fn undone(bytes: &[u8], at: usize, form: Unusable) -> Option<Vec<u8>> {
    match form {
        Unusable::Hex => {
            let digits = std::str::from_utf8(bytes.get(at..at + 2 * TOKEN_LEN)?).ok()?;
            let byte = |index: usize| u8::from_str_radix(digits.get(2 * index..2 * index + 2)?, 16).ok();
            (0..TOKEN_LEN).map(byte).collect()
        }
        Unusable::Wide => {
            let width = if bytes.get(at + 2) == Some(&0) { 4 } else { 2 };
            Some(bytes.get(at..at + width * (TOKEN_LEN - 1) + 1)?.iter().step_by(width).copied().collect())
        }
        Unusable::Reversed => Some(bytes.get(at.checked_sub(ID_LEN)?..at + TAG_LEN)?.iter().rev().copied().collect()),
        Unusable::Capitals | Unusable::BrokenBase64 => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_finder_knows_every_form() {
        let tag = Tag::random().unwrap();
        let finder = Finder::new(&tag).unwrap();
        let token = tag.token(7);
        assert_eq!(finder.find(format!("Bearer {token}").as_bytes(), 0), Some((7, Form::Plain)));
        for user in ["a", "ab", "abc", "abcd"] {
            let basic = STANDARD_NO_PAD.encode(format!("{user}:{token}"));
            assert!(matches!(finder.find(basic.as_bytes(), 0), Some((_, Form::Base64(_)))), "{user}");
        }
        let wide: Vec<u8> = token.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let narrow: Vec<u8> = token.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let hex: String = token.bytes().map(|byte| format!("{byte:02x}")).collect();
        let reversed: Vec<u8> = token.bytes().rev().collect();
        let widest: Vec<u8> = token.chars().flat_map(|character| (character as u32).to_le_bytes()).collect();
        for bytes in [token.to_uppercase().into_bytes(), wide, narrow, widest, hex.into_bytes(), reversed] {
            let bytes = [b"x=", &bytes[..]].concat();
            let (at, form) = finder.find(&bytes, 0).unwrap();
            assert!(matches!(form, Form::Unusable(_)), "{form:?}");
            assert_eq!(tokens_at(&bytes, at, form)[0][TAG_LEN..], token.as_bytes()[TAG_LEN..], "{form:?}");
        }
        assert!(!finder.hits(b"GET /orders HTTP/1.1"));
    }

    #[test]
    fn pieces_are_found() {
        for _ in 0..50 {
            let tag = Tag::random().unwrap();
            let finder = Finder::new(&tag).unwrap();
            let token = tag.token(7);
            for length in SHORTEST..TAG_LEN {
                assert_eq!(finder.find(&token.as_bytes()[..length], 0), Some((0, Form::Cut)));
                assert!(finder.hits(&token.as_bytes()[TAG_LEN - length..]));
            }
            for start in 0..11 {
                assert!(finder.hits(&token.as_bytes()[start..start + 14]), "{start}");
            }
            for start in 0..3 {
                let encoded = STANDARD_NO_PAD.encode([&b"ab"[..start], token.as_bytes()].concat());
                for cut in 1..encoded.len() {
                    assert!(finder.hits(format!("{}\n{}", &encoded[..cut], &encoded[cut..]).as_bytes()), "{cut}");
                }
            }
            let capitals = title(&token);
            assert!(finder.hits(capitals.as_bytes()) && finder.hits(format!("x{capitals}").as_bytes()), "{capitals}");
            let capital = [token[..1].to_uppercase(), token[1..].to_owned()].concat();
            assert!(finder.hits(capital.as_bytes()));
        }
    }
}
