//! [`SecretBytes`]: the bytes of a value.

use std::sync::Arc;

use zeroize::Zeroize;

/// The bytes of a sensitive value: kept out of swap and core dumps where the kernel lets us, wiped when the last
/// holder drops it.
///
/// Cloning shares the one copy. There is no `Display`, no `Serialize`, no `Deref`: every use says
/// [`expose`](Self::expose).
#[derive(Clone)]
pub struct SecretBytes(Arc<Wiped>);

struct Wiped(Box<[u8]>);

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl SecretBytes {
    /// Takes the bytes over. The vector given is wiped; its capacity beyond the length too.
    pub fn new(mut bytes: Vec<u8>) -> Self {
        let boxed: Box<[u8]> = bytes.as_slice().into();
        bytes.zeroize();
        // A refusal (RLIMIT_MEMLOCK) is not an error: the value is still wiped, and `tegmen doctor` reports the limit.
        let _ = tegmen_sys::memory::lock(&boxed);
        Self(Arc::new(Wiped(boxed)))
    }

    /// The bytes in clear.
    pub fn expose(&self) -> &[u8] {
        &self.0.0
    }

    /// The text in clear.
    ///
    /// # Errors
    /// When the bytes are not UTF-8. The error says the position, never the bytes.
    pub fn expose_str(&self) -> Result<&str, std::str::Utf8Error> {
        std::str::from_utf8(self.expose())
    }

    /// The number of bytes.
    pub fn len(&self) -> usize {
        self.0.0.len()
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.0.0.is_empty()
    }
}

impl From<String> for SecretBytes {
    fn from(text: String) -> Self {
        Self::new(text.into_bytes())
    }
}

impl From<Vec<u8>> for SecretBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(bytes)
    }
}

/// Whether the bytes are the same, in a time that depends on the lengths only.
impl PartialEq for SecretBytes {
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (self.expose(), other.expose());
        a.len() == b.len() && a.iter().zip(b).fold(0, |acc, (x, y)| acc | (x ^ y)) == 0
    }
}

impl Eq for SecretBytes {}

impl std::fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretBytes(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_byte() {
        let value = SecretBytes::from("hunter2-hunter2".to_owned());
        assert_eq!(format!("{value:?}"), "SecretBytes(…)");
    }

    #[test]
    fn equality_is_by_content() {
        let value = |s: &str| SecretBytes::from(s.to_owned());
        assert_eq!(value("abc"), value("abc"));
        assert_ne!(value("abc"), value("abd"));
        assert_ne!(value("abc"), value("abcd"));
    }
}
