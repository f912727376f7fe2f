//! Canaries: made-up values of the shape of a real one. What keeps a placeholder's shape keeps theirs; only what is drawn
//! in the place of a part differs: characters of the same kind instead of a token.

use tegmen_secret::SecretBytes;
use zeroize::Zeroizing;

use super::shape;

/// A value that is nobody's, and that must not come out anywhere.
#[derive(Clone, Debug)]
pub struct Canary {
    /// The whole of it.
    pub value: SecretBytes,
    /// What of it was drawn, and so gives it away: of a URL user and password, of a document its leaves.
    pub parts: Vec<SecretBytes>,
}

impl Canary {
    /// A canary with the length, the alphabet, the prefix, the check digits and the structure of `value`, and nothing else of it.
    ///
    /// # Errors
    /// When the operating system has no randomness to give.
    pub fn like(value: &SecretBytes) -> Result<Self, getrandom::Error> {
        let dice = Dice::new(value.len())?;
        let drawn = shape::draw(dice, value);
        let parts = drawn.tokens.iter().filter(|token| token.is_sensitive);
        let mut parts: Vec<SecretBytes> = parts.map(|token| SecretBytes::from(token.text.clone())).collect();
        if parts.is_empty() {
            parts.extend(drawn.tokens.iter().map(|token| SecretBytes::from(token.text.clone())));
        }
        Ok(Self { value: SecretBytes::from(drawn.text), parts })
    }
}

/// Randomness for the characters of one canary.
pub(super) struct Dice {
    bytes: Zeroizing<Vec<u8>>,
    at: usize,
}

impl Dice {
    fn new(characters: usize) -> Result<Self, getrandom::Error> {
        let mut bytes = Zeroizing::new(vec![0; characters * 4 + 64]);
        getrandom::fill(&mut bytes)?;
        Ok(Self { bytes, at: 0 })
    }

    fn pick(&mut self, alphabet: &[u8]) -> char {
        let mut number = 0u32;
        for _ in 0..4 {
            number = number << 8 | u32::from(self.bytes[self.at % self.bytes.len()]);
            self.at += 1;
        }
        char::from(alphabet[number as usize % alphabet.len()])
    }

    /// As many characters of the same kinds; what is neither letter nor digit stays where it is. `prefix` is what stands
    /// before it in the value, for check digits that are taken over both.
    pub(super) fn alike(&mut self, text: &str) -> String {
        const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
        const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        const DIGITS: &[u8] = b"0123456789";
        let letters = || text.bytes().filter(u8::is_ascii_alphanumeric);
        let all = |alphabet: &[u8]| letters().count() >= 8 && letters().all(|c| alphabet.contains(&c));
        // Alphabets in which letters and digits mean the same.
        let digits_only = all(DIGITS);
        let numeral: Option<&[u8]> =
            [&b"0123456789abcdef"[..], b"0123456789ABCDEF", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"]
                .into_iter()
                .find(|alphabet| !digits_only && letters().any(|c| c.is_ascii_digit()) && all(alphabet));
        let mut drawn: String = text
            .char_indices()
            .map(|(index, char)| match char {
                '0'..='9' | 'a'..='z' | 'A'..='Z' if numeral.is_some() => self.pick(numeral.unwrap_or(DIGITS)),
                // A number stays one of as many digits.
                '1'..='9' if index == 0 => self.pick(&DIGITS[1..]),
                '0'..='9' => self.pick(DIGITS),
                'a'..='z' => self.pick(LOWER),
                'A'..='Z' => self.pick(UPPER),
                other => other,
            })
            .collect();
        // Base64 fills the last character up with zero bits, which decoders may insist on.
        let trimmed = text.trim_end_matches('=');
        if (trimmed.len() < text.len() || !trimmed.len().is_multiple_of(4))
            && looks_base64(trimmed)
            && let Some(last) = trimmed.chars().next_back()
        {
            drawn.replace_range(trimmed.len() - 1..trimmed.len(), last.encode_utf8(&mut [0; 4]));
        }
        check_digits(text, &mut drawn);
        drawn
    }
}

fn looks_base64(text: &str) -> bool {
    let has = |test: fn(&u8) -> bool| text.bytes().any(|c| test(&c));
    text.len() >= 20
        && text.bytes().all(|c| c.is_ascii_alphanumeric() || b"+/-_".contains(&c))
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_digit)
}

/// Where the original has valid check digits, the canary gets them too.
fn check_digits(original: &str, drawn: &mut String) {
    if (12..=19).contains(&original.len()) && original.bytes().all(|c| c.is_ascii_digit()) && luhn(original) == 0 {
        let body = &drawn[..drawn.len() - 1];
        let last = (10 - luhn(&format!("{body}0"))) % 10;
        *drawn = format!("{body}{last}");
    }
    // Tokens of GitHub and npm end in six characters of CRC-32 over what stands between prefix and them.
    if original.is_ascii() && original.len() > 16 {
        let at = original.len() - 6;
        if original[at..] == crc_base62(&original.as_bytes()[..at]) {
            let sum = crc_base62(&drawn.as_bytes()[..at]);
            drawn.replace_range(at.., &sum);
        }
    }
}

/// The remainder of Luhn's sum (ISO/IEC 7812-1); 0 where the last digit checks.
fn luhn(digits: &str) -> u32 {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(index, digit)| {
            let digit = u32::from(digit - b'0') * if index % 2 == 1 { 2 } else { 1 };
            if digit > 9 { digit - 9 } else { digit }
        })
        .sum();
    sum % 10
}

fn crc_base62(text: &[u8]) -> String {
    const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut crc = u32::MAX;
    for byte in text {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    let (mut number, mut digits) = (!crc, [b'0'; 6]);
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(number % 62) as usize];
        number /= 62;
    }
    String::from_utf8_lossy(&digits).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(value: &str) -> String {
        let canary = Canary::like(&SecretBytes::from(value.to_owned())).unwrap();
        let text = canary.value.expose_str().unwrap().to_owned();
        assert_ne!(text, value);
        assert!(!canary.parts.is_empty());
        text
    }

    fn kinds(text: &str) -> String {
        let kind = |c: char| match c {
            'a'..='z' => 'a',
            'A'..='Z' => 'A',
            '0'..='9' => '0',
            other => other,
        };
        text.chars().map(kind).collect()
    }

    #[test]
    fn length_alphabet_and_prefix_are_those_of_the_value() {
        let value = format!("sk_live_{}", "Ab3+x9Q/".repeat(5));
        let canary = drawn(&value);
        assert!(canary.starts_with("sk_live_"));
        assert_eq!(kinds(&canary), kinds(&value));
        let hex = "0f".repeat(16);
        assert!(drawn(&hex).bytes().all(|c| b"0123456789abcdef".contains(&c)));
        let number: u64 = drawn("48291377").parse().unwrap();
        assert!((10_000_000..100_000_000).contains(&number));
    }

    #[test]
    fn check_digits_check() {
        for _ in 0..50 {
            assert_eq!(luhn(&drawn("4539578763621486")), 0);
        }
        let body = "wVbPpcY2YlwQfeHZ9jq0LQm3NkXwVb";
        let token = format!("ghp_{body}{}", crc_base62(body.as_bytes()));
        let canary = drawn(&token);
        assert!(canary.starts_with("ghp_"));
        let rest = &canary[4..];
        assert_eq!(rest[30..], crc_base62(&rest.as_bytes()[..30]));
    }

    #[test]
    fn structures_stay_structures() {
        let json = drawn(r#"{"user": "ann\"e", "n": 3, "pass": "hunter2-hunter2"}"#);
        let document: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(document["n"], 3);
        assert_ne!(document["pass"], "hunter2-hunter2");
        assert!(document["user"].as_str().unwrap().contains('"'));
        let dsn = drawn("postgresql://loader:p%40ss-w0rd@db.example.com:5432/shop?sslmode=require");
        let url = url::Url::parse(&dsn).unwrap();
        assert_eq!((url.host_str(), url.port(), url.path()), (Some("db.example.com"), Some(5432), "/shop"));
        assert_ne!(url.password(), Some("p%40ss-w0rd"));
    }

    #[test]
    fn no_eight_bytes_of_the_value_are_left_in_what_was_drawn() {
        let value = "correct-horse-battery-staple-0123456789";
        let canary = Canary::like(&SecretBytes::from(value.to_owned())).unwrap();
        for part in &canary.parts {
            let text = part.expose_str().unwrap();
            assert!(value.as_bytes().windows(8).all(|piece| !text.contains(std::str::from_utf8(piece).unwrap())));
        }
    }
}
