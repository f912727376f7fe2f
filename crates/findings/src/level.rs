//! How bad, and how sure.

use serde::Serialize;

/// How bad it is if the finding is right. The order is the meaning: `Low < Medium < High`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Makes a leak likelier, or costs little.
    Low,
    /// Gives a secret away under conditions that are common.
    Medium,
    /// Gives a secret away to whoever can read the file or an output.
    High,
}

/// How sure the rule is that the finding is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// A hint; may well be wrong.
    Low,
    /// Right more often than not by a good margin.
    Medium,
    /// As good as certain.
    High,
}

impl Severity {
    /// The word for it: `low`, `medium`, `high`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

impl Confidence {
    /// The word for it: `low`, `medium`, `high`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}
