//! What can go wrong with the store.

use std::path::Path;

/// Why the store cannot be used. Never holds a value or a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct StoreError {
    /// What is wrong.
    pub why: String,
    /// What to do next.
    pub next: String,
}

impl StoreError {
    /// An error of these two texts.
    pub fn new(why: impl Into<String>, next: impl Into<String>) -> Self {
        Self { why: why.into(), next: next.into() }
    }

    pub(super) fn io(path: &Path, error: &std::io::Error) -> Self {
        let next = match error.kind() {
            std::io::ErrorKind::PermissionDenied => "check who owns the file and the directory it is in",
            std::io::ErrorKind::StorageFull => "make room on the disk",
            _ => "check the path; TEGMEN_STORE and TEGMEN_STORE_KEY say it",
        };
        Self::new(format!("{}: {error}", path.display()), next)
    }

    pub(super) fn decrypt(path: &Path, key: &str, error: &age::DecryptError) -> Self {
        let shown = path.display();
        match error {
            age::DecryptError::NoMatchingKeys => Self::new(
                format!("the key {key} does not open {shown}: it was made with another one"),
                "name the right key with TEGMEN_STORE_KEY, or move the store away and begin a new one",
            ),
            age::DecryptError::Io(error) if error.kind() != std::io::ErrorKind::InvalidData => Self::io(path, error),
            _ => Self::new(format!("{shown} is damaged, or no store: {error}"), "restore it from a backup"),
        }
    }
}
