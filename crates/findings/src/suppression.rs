//! Why a finding is not to be acted upon: somebody looked at it and wrote down that it may stay.

use serde::Serialize;

/// What holds a finding back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SuppressedBy {
    /// A mark in the file itself: `# tegmen: ignore[rule]`, or another tool's.
    Mark,
    /// The configuration: `per-file-ignores`.
    Configuration,
    /// A baseline: it was there when the baseline was written.
    Baseline,
}

/// What holds a finding back, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Suppression {
    /// What it is.
    pub by: SuppressedBy,
    /// The mark as it is called (`tegmen: ignore`, `noqa`), the key of the configuration, or the file of the baseline.
    pub what: String,
    /// The reason that was given, if one was; never a value.
    pub reason: Option<String>,
}
