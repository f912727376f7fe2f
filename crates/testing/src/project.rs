//! A project in a temporary directory, and the search through everything in it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

/// A temporary directory with files, removed at the end.
pub struct Project(TempDir);

impl Project {
    /// An empty project.
    ///
    /// # Errors
    /// When there is no room for it.
    pub fn new() -> Result<Self> {
        Ok(Self(tempfile::Builder::new().prefix("tegmen-test-").tempdir()?))
    }

    /// Writes a file, with the directories above it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) -> Result<PathBuf> {
        let path = self.0.path().join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// All files, in all directories below.
    ///
    /// # Errors
    /// When a directory cannot be read.
    pub fn files(&self) -> Result<Vec<PathBuf>> {
        files(self.path())
    }

    /// The files in whose content or name the bytes occur.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn holding(&self, needle: &[u8]) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for path in self.files()? {
            if contains(&std::fs::read(&path)?, needle) || contains(path.as_os_str().as_encoded_bytes(), needle) {
                found.push(path);
            }
        }
        Ok(found)
    }
}

fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    Ok(found)
}

/// Whether the bytes occur in the others.
pub fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
