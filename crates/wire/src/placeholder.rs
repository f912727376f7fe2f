//! Placeholders: the strings that stand for values everywhere except on the wire.
//!
//! A placeholder carries one or more *tokens*: the run's tag, which nobody can guess (25 characters of base 36, 129
//! random bits), and the number of what it stands for. Around the tokens it keeps the value's shape where scripts look
//! at the shape. Tokens are lower-case letters and digits: they survive headers, URLs, JSON, forms, cookies, XML,
//! and `.lower()`.

mod canary;
mod shape;

pub use canary::Canary;
use serde::{Deserialize, Serialize};
use tegmen_secret::SecretBytes;

/// The number of characters in a run's tag.
pub const TAG_LEN: usize = 25;
/// The number of characters that number a token within a run.
pub const ID_LEN: usize = 5;
/// The number of characters in a token.
pub const TOKEN_LEN: usize = TAG_LEN + ID_LEN;

const BASE36: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// The part that all tokens of a run have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tag(String);

impl Tag {
    /// A new tag from the operating system's random source.
    ///
    /// # Errors
    /// When the operating system has no randomness to give.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut text = String::with_capacity(TAG_LEN);
        while text.len() < TAG_LEN {
            // The first is a letter: a placeholder must never look like a number.
            let (alphabet, limit) = if text.is_empty() { (&BASE36[10..], 234) } else { (&BASE36[..], 252) };
            let mut bytes = [0u8; 64];
            getrandom::fill(&mut bytes)?;
            // Bytes at or above the limit would make some characters likelier than others.
            if let Some(byte) = bytes.iter().find(|byte| **byte < limit) {
                text.push(char::from(alphabet[usize::from(*byte) % alphabet.len()]));
            }
        }
        Ok(Self(text))
    }

    /// The characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The token numbered `number`. Numbers from [`FIRST_LOCAL`] on are for values that are born in the plugin.
    pub fn token(&self, number: u32) -> String {
        let mut token = String::with_capacity(TOKEN_LEN);
        token.push_str(&self.0);
        let mut divisor = 36u32.pow(ID_LEN as u32 - 1);
        for _ in 0..ID_LEN {
            token.push(char::from(BASE36[(number / divisor % 36) as usize]));
            divisor /= 36;
        }
        token
    }
}

/// A token as outputs may show it: as it is, and as scripts change it (`.upper()`, `[::-1]`). Encodings are the
/// redactor's.
pub fn disguises(token: &str) -> [String; 3] {
    [token.to_owned(), token.to_ascii_uppercase(), token.chars().rev().collect()]
}

/// What outputs show for a part of a placeholder that is too short to say which secret it stands for.
pub const ANONYMOUS: &str = "SECRET";

/// The first number of the tokens that the plugin gives out (`protect()`); below it are the broker's. In base 36 all
/// that begin with a `z`.
pub const FIRST_LOCAL: u32 = 35 * 36u32.pow(4);
/// One more than the highest number of a token.
pub const LAST: u32 = 36u32.pow(5);

/// A part of a placeholder that stands for (a part of) the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The token's text, [`TOKEN_LEN`] characters.
    pub text: String,
    /// Where it begins in the placeholder, in bytes.
    pub offset: usize,
    /// How many characters after it only fill up the length.
    pub filler: usize,
    /// What it stands for when it comes without the rest of the placeholder.
    pub part: SecretBytes,
    /// Whether that part is a secret of its own: a password in a URL is, the user name before it is not.
    pub is_sensitive: bool,
}

/// The string that stands for a value, and how its parts become the value again.
#[derive(Clone, Debug)]
pub struct Placeholder {
    /// The text that Python sees.
    pub text: String,
    /// The tokens in it, in order; at least one.
    pub tokens: Vec<Token>,
}

impl Placeholder {
    /// Lets the placeholder stand for another value, as after a rotation: what Python holds stays as it is. The parts
    /// are those of the new value where it has the same shape, else each part is the whole value.
    pub fn stand_for(&mut self, value: &SecretBytes) {
        // The numbers of the new tokens do not matter: only their parts are taken over.
        let mut maker =
            Maker { tag: Tag(String::from_utf8(vec![b'x'; TAG_LEN]).unwrap_or_default()), next: 0, end: LAST };
        let parts: Vec<SecretBytes> = match maker.make(value) {
            Ok(other) if other.tokens.len() == self.tokens.len() => {
                other.tokens.into_iter().map(|token| token.part).collect()
            }
            _ => vec![value.clone(); self.tokens.len()],
        };
        for (token, part) in self.tokens.iter_mut().zip(parts) {
            token.part = part;
        }
    }
}

/// What a placeholder cannot do for a value, to be said before the run starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caution {
    /// A short number: `int()` on its placeholder fails.
    Number,
    /// A private key or certificate: what parses it meets a placeholder.
    KeyMaterial,
    /// Base64 of bytes that are not text: what decodes it meets a placeholder.
    EncodedKey,
}

impl Caution {
    /// Why, as the end of the sentence "NAME is …".
    pub fn reason(self) -> &'static str {
        match self {
            Self::Number => "a number: a script that calls int() on it meets a placeholder",
            Self::KeyMaterial => "key material: a library that parses it meets a placeholder",
            Self::EncodedKey => "an encoded key: a script that decodes it meets a placeholder",
        }
    }

    /// The line of the manifest that helps.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::KeyMaterial => "as = \"file\" (for a client certificate) or reveal = true",
            Self::Number | Self::EncodedKey => "reveal = true",
        }
    }

    /// What to say about `value`, if anything.
    pub fn of(value: &SecretBytes) -> Option<Self> {
        let bytes = value.expose();
        if memchr::memmem::find(bytes, b"-----BEGIN ").is_some() {
            return Some(Self::KeyMaterial);
        }
        if bytes.len() <= 18 && bytes.iter().all(u8::is_ascii_digit) {
            return Some(Self::Number);
        }
        let padded = bytes.len() >= 24 && bytes.len().is_multiple_of(4) && bytes.ends_with(b"=");
        if padded && let Ok(decoded) = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, bytes) {
            let decoded = zeroize::Zeroizing::new(decoded);
            return std::str::from_utf8(&decoded).is_err().then_some(Self::EncodedKey);
        }
        None
    }
}

/// Gives out tokens and makes placeholders, for one run.
pub struct Maker {
    tag: Tag,
    next: u32,
    end: u32,
}

/// More tokens than there are numbers (about 58 million).
#[derive(Debug, thiserror::Error)]
#[error("there are more secrets than placeholders can be told apart")]
pub struct Exhausted;

impl Maker {
    /// For the broker.
    pub fn new(tag: Tag) -> Self {
        Self { tag, next: 0, end: FIRST_LOCAL }
    }

    /// For values whose placeholders somebody else has made from that number on: gives the same.
    pub fn at(tag: Tag, number: u32) -> Self {
        Self { tag, next: number, end: LAST }
    }

    /// The number of the next token.
    pub fn next_number(&self) -> u32 {
        self.next
    }

    /// For values that are born in the plugin, beginning at a number of its own choice.
    pub fn local(tag: Tag, start: u32) -> Self {
        Self { tag, next: FIRST_LOCAL + start % (LAST - FIRST_LOCAL), end: LAST }
    }

    /// The placeholder for `value`. It never contains a part of the value that is secret.
    ///
    /// # Errors
    /// When the numbers are used up.
    pub fn make(&mut self, value: &SecretBytes) -> Result<Placeholder, Exhausted> {
        shape::make(self, value)
    }

    fn token(&mut self) -> Result<String, Exhausted> {
        if self.next >= self.end {
            return Err(Exhausted);
        }
        self.next += 1;
        Ok(self.tag.token(self.next - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(value: &str) -> Placeholder {
        Maker::new(Tag::random().unwrap()).make(&SecretBytes::from(value.to_owned())).unwrap()
    }

    #[test]
    fn a_tag_is_random_and_begins_with_a_letter() {
        let (a, b) = (Tag::random().unwrap(), Tag::random().unwrap());
        assert_ne!(a, b);
        assert_eq!(a.as_str().len(), TAG_LEN);
        assert!(a.as_str().starts_with(|c: char| c.is_ascii_lowercase()));
        assert!(a.as_str().bytes().all(|c| BASE36.contains(&c)));
    }

    #[test]
    fn tokens_are_numbered_in_base_36() {
        let tag = Tag::random().unwrap();
        assert!(tag.token(0).ends_with("00000"));
        assert!(tag.token(37).ends_with("00011"));
        assert!(tag.token(FIRST_LOCAL).ends_with("z0000"));
    }

    #[test]
    fn length_and_known_prefix_stay() {
        let value = format!("sk_live_{}", "Ab3".repeat(14));
        let placeholder = made(&value);
        assert_eq!(placeholder.text.len(), value.len());
        assert!(placeholder.text.starts_with("sk_live_"));
        assert_eq!(placeholder.tokens[0].part.expose_str().unwrap(), "Ab3".repeat(14));
    }

    #[test]
    fn a_short_value_gets_the_entropy_it_needs() {
        let placeholder = made("hunter2");
        assert_eq!(placeholder.text.len(), TOKEN_LEN);
        assert_eq!(placeholder.tokens.len(), 1);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let caution = |value: &str| Caution::of(&SecretBytes::from(value.to_owned()));
        assert_eq!(caution("4711"), Some(Caution::Number));
        assert_eq!(caution(&format!("-----BEGIN {} KEY-----\nabc", "PRIVATE")), Some(Caution::KeyMaterial));
        assert_eq!(caution("//////////////////////////79/fv5+Pc="), Some(Caution::EncodedKey));
        assert_eq!(caution("hunter2-hunter2"), None);
    }
}
