//! What may be a pattern, and how: the policy for values that occur in text by accident.

/// Below this many bytes a value is refused.
const LEAST: usize = 3;
/// Below this many bytes a value matches as a whole word only.
const SHORT: usize = 6;
/// A line of a value that is shorter is not looked for on its own.
pub(crate) const LINE: usize = 8;

/// Values that stand in ordinary output. As passwords they are bad; taken out of it everywhere, they leave nothing
/// readable.
const COMMON: &[&str] = &[
    "access",
    "account",
    "active",
    "admin",
    "administrator",
    "anonymous",
    "apikey",
    "application",
    "bearer",
    "changeit",
    "changeme",
    "client",
    "config",
    "credentials",
    "database",
    "debug",
    "default",
    "demo",
    "development",
    "disabled",
    "dummy",
    "enabled",
    "example",
    "false",
    "foobar",
    "guest",
    "hello",
    "letmein",
    "localhost",
    "locust",
    "login",
    "master",
    "mysql",
    "nobody",
    "normal",
    "password",
    "passwd",
    "postgres",
    "postgresql",
    "private",
    "production",
    "public",
    "qwerty",
    "rabbitmq",
    "redis",
    "request",
    "response",
    "sample",
    "secret",
    "server",
    "service",
    "session",
    "staging",
    "string",
    "system",
    "tegmen",
    "test",
    "testing",
    "token",
    "undefined",
    "unknown",
    "username",
    "welcome",
    "worker",
];

/// Why a value cannot be a pattern. Names the secret, never the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Nothing in it, or nothing but white space.
    #[error("{label}: the value is empty. Give it one, or remove the secret")]
    Empty {
        /// The label of the secret.
        label: String,
    },
    /// So short that it would mask half of every text.
    #[error(
        "{label}: the value has fewer than {LEAST} bytes and would be found everywhere, \
         so it cannot be kept out of any output. Use a longer one"
    )]
    TooShort {
        /// The label of the secret.
        label: String,
    },
}

/// What makes a value weak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weakness {
    /// Under six bytes.
    Short,
    /// A word of ordinary output.
    CommonWord,
}

/// A value that is looked for, but only as a whole word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The label of the secret.
    pub label: String,
    /// Why.
    pub weakness: Weakness,
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let why = match self.weakness {
            Weakness::Short => "has fewer than 6 bytes",
            Weakness::CommonWord => "is a common word",
        };
        write!(
            f,
            "{}: the value {why}: in output it is masked only where it stands alone. Use a longer one",
            self.label
        )
    }
}

/// How a value is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strength {
    Strong,
    Weak(Weakness),
}

/// Judges a value, white space around it already taken off.
pub(crate) fn judge(label: &str, value: &[u8]) -> Result<Strength, Refused> {
    match value.len() {
        0 => Err(Refused::Empty { label: label.to_owned() }),
        length if length < LEAST => Err(Refused::TooShort { label: label.to_owned() }),
        length if length < SHORT => Ok(Strength::Weak(Weakness::Short)),
        _ if is_common(value) => Ok(Strength::Weak(Weakness::CommonWord)),
        _ => Ok(Strength::Strong),
    }
}

/// Whether the bytes are a word of ordinary output, in any case.
pub(crate) fn is_common(value: &[u8]) -> bool {
    COMMON.iter().any(|word| word.as_bytes().eq_ignore_ascii_case(value))
}

/// Whether a form is long enough to be looked for anywhere, not only as a whole word.
pub(crate) fn is_long(form: &[u8]) -> bool {
    form.len() >= SHORT
}

/// Whether a byte belongs to a word: ASCII letters, digits, `_`, and everything outside ASCII.
pub(crate) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_words_are_of_a_length_that_needs_the_list() {
        assert!(COMMON.iter().all(|word| word.is_ascii() && word.len() >= 4));
    }

    #[test]
    fn judges() {
        assert!(matches!(judge("A", b""), Err(Refused::Empty { .. })));
        assert!(matches!(judge("A", b"ab"), Err(Refused::TooShort { .. })));
        assert_eq!(judge("A", b"1234"), Ok(Strength::Weak(Weakness::Short)));
        assert_eq!(judge("A", b"Password"), Ok(Strength::Weak(Weakness::CommonWord)));
        assert_eq!(judge("A", b"hunter2"), Ok(Strength::Strong));
    }
}
