//! What is asked of the fixes, and what comes of them.

use std::collections::BTreeSet;

use tegmen_findings::Safety;

use crate::{Audit, BaselineFile};

/// Which fixes to apply.
#[derive(Debug, Clone, Default)]
pub struct Fixing {
    /// Also those that want to be looked at.
    pub unsafe_too: bool,
    /// Also those that take a value out of a file: there is a place where it is kept.
    pub move_values: bool,
    /// Names that no secret may get: those of the manifest, and those that belong to Locust.
    pub taken: BTreeSet<String>,
    /// What is known and stays as it is.
    pub baseline: Option<BaselineFile>,
}

/// What came of it. Nothing is written yet.
#[derive(Default)]
pub struct Fixed {
    /// The files that change.
    pub files: Vec<FixedFile>,
    /// The values that leave them.
    pub secrets: Vec<NewSecret>,
    /// What was applied.
    pub applied: Vec<Applied>,
    /// What was not, in the order of the findings of [`audit`](Self::audit).
    pub left: Vec<Left>,
    /// The audit of the changed files.
    pub audit: Audit,
}

/// A file that changes.
pub struct FixedFile {
    /// Its path as given.
    pub path: String,
    /// Its bytes as they were read: if it has others by now, somebody else changed it.
    pub before: Hidden,
    /// Its bytes as they are to be.
    pub after: Hidden,
    /// Its text before, in which all values are masked.
    pub shown_before: String,
    /// Its text after, in which all values are masked.
    pub shown_after: String,
}

/// What may be or have values in it. It cannot be printed: there is no `Debug`, no `Display`, no `Serialize`.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(Vec<u8>);

impl Hidden {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes in clear.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The text in clear.
    ///
    /// # Errors
    /// When the bytes are not UTF-8.
    pub fn expose_str(&self) -> Result<&str, std::str::Utf8Error> {
        std::str::from_utf8(&self.0)
    }
}

/// A value that leaves a file.
pub struct NewSecret {
    /// Its name.
    pub name: String,
    /// The value.
    pub value: Hidden,
    /// Whether Python code needs the value itself.
    pub reveal: bool,
}

/// A fix that was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The file.
    pub path: String,
    /// The line at that time, from 1.
    pub line: u32,
    /// The id of the rule.
    pub rule: &'static str,
    /// What was done.
    pub title: String,
    /// Whether it wants to be looked at.
    pub safety: Safety,
}

/// A finding that is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Its place in the findings.
    pub finding: usize,
    /// Why.
    pub why: Why,
}

/// Why a finding is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// There is no fix: the reason.
    NoFix(String),
    /// The fix is unsafe, and only safe ones were asked for.
    Unsafe,
    /// A value would leave the file, and no place for it was named.
    NoPlace,
    /// The fix could not be applied: the reason.
    Failed(String),
}
