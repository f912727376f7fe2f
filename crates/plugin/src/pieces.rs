//! Pieces of values: what is left of one in a text that was cut, as Locust and scripts cut the answers that they quote
//! (`response.text[:200]`). For failures, exceptions and log lines only: it finds any eight bytes of a value, and so
//! perhaps a word that only looks like a piece.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use zeroize::Zeroizing;

/// How many bytes in a row give a value away. A random value of so many bytes does not occur by chance.
pub const PIECE: usize = 8;

/// What stands in values and in everybody's outputs: a piece of one of these gives nothing away, and to mask it would make
/// log lines unreadable.
const ORDINARY: &[&str] = &[
    "http://localhost:",
    "https://www.",
    "postgresql://",
    "mongodb://",
    "127.0.0.1:",
    "application",
    "authorization",
    "basic auth",
    "bearer token",
    "client_secret",
    "credentials",
    "customer",
    "database",
    "development",
    "example.com",
    "external",
    "identity",
    "integration",
    "internal",
    "loadtest",
    "load-test",
    "localhost",
    "locustfile",
    "password",
    "performance",
    "production",
    "response",
    "security",
    "service-account",
    "staging-",
    "username",
];

/// Knows all pieces of values, as numbers from which without the key nothing can be read.
pub struct Pieces {
    key: (u64, u64),
    labels: Vec<String>,
    numbers: HashMap<String, u32>,
    /// Each piece, and the label of its value.
    known: HashMap<u64, u32, BuildHasherDefault<Spread>>,
    /// The same of tokens that the target has issued, which are forgotten some day.
    issued: HashMap<u64, u32, BuildHasherDefault<Spread>>,
}

/// The keys are spread already.
#[derive(Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

impl Pieces {
    /// None yet.
    ///
    /// # Errors
    /// When the operating system has no randomness to give.
    pub fn new() -> Result<Self, getrandom::Error> {
        let key = (getrandom::u64()?, getrandom::u64()? | 1);
        Ok(Self {
            key,
            labels: Vec::new(),
            numbers: HashMap::new(),
            known: HashMap::default(),
            issued: HashMap::default(),
        })
    }

    /// Adds a value as it is.
    pub fn add(&mut self, label: &str, value: &[u8]) {
        let number = self.labelled(label);
        for piece in pieces(value) {
            self.known.entry(self.number(piece)).or_insert(number);
        }
    }

    /// Adds a token that the target has issued, or its beginning.
    pub fn add_issued(&mut self, label: &str, value: &[u8]) {
        let number = self.labelled(label);
        for piece in pieces(value) {
            self.issued.entry(self.number(piece)).or_insert(number);
        }
    }

    /// Forgets the tokens that the target has issued.
    pub fn forget_issued(&mut self) {
        self.issued.clear();
    }

    /// The number of a label.
    fn labelled(&mut self, label: &str) -> u32 {
        match self.numbers.get(label) {
            Some(number) => *number,
            None => {
                self.labels.push(label.to_owned());
                *self.numbers.entry(label.to_owned()).or_insert(self.labels.len() as u32 - 1)
            }
        }
    }

    /// Adds a value as it is and as answers quote it: percent-encoded, in JSON, in base64.
    pub fn add_forms(&mut self, label: &str, value: &[u8]) {
        self.add(label, value);
        for (form, encoded) in [percent as fn(&[u8]) -> Zeroizing<Vec<u8>>, json].into_iter().zip([b'%', b'\\']) {
            let form = form(value);
            if form.contains(&encoded) {
                self.add(label, &form);
            }
        }
        for before in 0..3 {
            let mut padded = Zeroizing::new(vec![0; before]);
            padded.extend_from_slice(value);
            let encoded = Zeroizing::new(STANDARD_NO_PAD.encode(&*padded));
            // The first characters hold bits of what stands before.
            self.add(label, encoded.as_bytes().get((before * 8).div_ceil(6)..).unwrap_or_default());
        }
    }

    /// The text with `[label]` in place of every piece; `None` when there is none.
    pub fn mask(&self, text: &[u8]) -> Option<Vec<u8>> {
        if self.known.is_empty() && self.issued.is_empty() {
            return None;
        }
        let mut out = Vec::new();
        let (mut written, mut at) = (0, 0);
        while let Some(piece) = text.get(at..at + PIECE) {
            let Some(label) = self.label(piece) else {
                at += 1;
                continue;
            };
            // As far as one piece follows on another.
            let mut end = at + PIECE;
            while text.get(end + 1 - PIECE..=end).is_some_and(|next| self.label(next).is_some()) {
                end += 1;
            }
            // A character that was cut into goes with it.
            let is_within = |index: &usize| text.get(*index).is_some_and(|byte| byte & 0xC0 == 0x80);
            let start = (written..=at).rev().find(|index| !is_within(index)).unwrap_or(written);
            let end = (end..=text.len()).find(|index| !is_within(index)).unwrap_or(text.len());
            out.extend_from_slice(text.get(written..start).unwrap_or_default());
            out.push(b'[');
            out.extend_from_slice(self.labels.get(*label as usize).map_or(b"", String::as_bytes));
            out.push(b']');
            (written, at) = (end, end);
        }
        if written == 0 {
            return None;
        }
        out.extend_from_slice(text.get(written..).unwrap_or_default());
        Some(out)
    }

    /// The number of the label whose value the piece is of.
    fn label(&self, piece: &[u8]) -> Option<&u32> {
        let number = self.number(piece);
        self.known.get(&number).or_else(|| self.issued.get(&number))
    }

    fn number(&self, piece: &[u8]) -> u64 {
        let piece = piece.try_into().map_or(0, u64::from_le_bytes);
        let spread = (piece ^ self.key.0).wrapping_mul(self.key.1);
        spread ^ spread >> 32
    }
}

/// The pieces of a value. The frame of a PEM document is not secret.
fn pieces(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = value.split(|byte| *byte == b'\n').filter(|line| !line.starts_with(b"-----"));
    lines.flat_map(|line| line.windows(PIECE)).filter(|piece| !is_ordinary(piece))
}

fn is_ordinary(piece: &[u8]) -> bool {
    ORDINARY.iter().any(|text| text.as_bytes().windows(PIECE).any(|window| window.eq_ignore_ascii_case(piece)))
}

fn percent(value: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(value.len() * 3));
    for byte in value {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            out.push(*byte);
        } else {
            out.extend([b'%', hex(byte >> 4), hex(byte & 15)]);
        }
    }
    out
}

fn hex(digit: u8) -> u8 {
    if digit < 10 { b'0' + digit } else { b'A' + digit - 10 }
}

fn json(value: &[u8]) -> Zeroizing<Vec<u8>> {
    let text = std::str::from_utf8(value).unwrap_or_default();
    let quoted = Zeroizing::new(serde_json::to_vec(text).unwrap_or_default());
    Zeroizing::new(quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(values: &[(&str, &str)]) -> Pieces {
        let mut pieces = Pieces::new().unwrap();
        for (label, value) in values {
            pieces.add_forms(label, value.as_bytes());
        }
        pieces
    }

    fn masked(pieces: &Pieces, text: &str) -> Option<String> {
        pieces.mask(text.as_bytes()).map(|masked| String::from_utf8(masked).unwrap())
    }

    #[test]
    fn what_is_left_of_a_cut_value_is_masked() {
        let pieces = pieces(&[("KEY", "k3y-4f9a8b7c6d5e"), ("PW", "p/ss\"wördlich")]);
        let mask = |text: &str| masked(&pieces, text).unwrap_or_else(|| text.to_owned());
        assert_eq!(mask("answer k3y-4f9a8b, response code 200"), "answer [KEY], response code 200");
        assert_eq!(mask("9a8b7c6d5e and k3y-4f9a8b7c6d5e"), "[KEY] and [KEY]");
        assert_eq!(mask("p/ss\"wörd…"), "[PW]…");
        assert_eq!(mask(r#"{"x": "p/ss\"wörd"#), r#"{"x": "[PW]"#);
        assert_eq!(mask("?p=p%2Fss%22w%C3"), "?p=[PW]");
        assert_eq!(mask("k3y-4f9, seven are nothing"), "k3y-4f9, seven are nothing");
        for before in ["", "u", "us", "use", "user:"] {
            let encoded = STANDARD_NO_PAD.encode(format!("{before}k3y-4f9a8b7c6d5e"));
            let masked = mask(&format!("Basic {}", &encoded[..20]));
            assert!(masked.contains("[KEY]") && masked.len() < 20, "{before}: {masked}");
        }
    }

    #[test]
    fn clean_text_stays_as_it_is() {
        assert_eq!(masked(&pieces(&[("KEY", "k3y-4f9a8b7c6d5e")]), "GET /orders: 200 für alle"), None);
        assert_eq!(masked(&pieces(&[]), "anything at all"), None);
        assert_eq!(masked(&pieces(&[("SHORT", "hunter2")]), "hunter2"), None);
    }

    #[test]
    fn an_ordinary_word_in_a_value_stays_in_log_lines() {
        let pieces = pieces(&[("PW", "LoadTest-Password-7391x")]);
        assert_eq!(masked(&pieces, "wrong password for loadtest"), None);
        assert_eq!(masked(&pieces, "sent Password-7391, got 401").unwrap(), "sent P[PW], got 401");
    }

    #[test]
    fn the_frame_of_a_pem_document_is_no_piece() {
        let pieces = pieces(&[("CERT", "-----BEGIN PRIVATE KEY-----\nMIIabcdefghijk\n-----END PRIVATE KEY-----")]);
        assert_eq!(masked(&pieces, "-----BEGIN PRIVATE KEY-----"), None);
        assert_eq!(masked(&pieces, "MIIabcdefg").unwrap(), "[CERT]");
    }
}
