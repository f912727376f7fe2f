//! Why a value cannot be had: which secret, which source, why, what next. Never a value.

use std::fmt;

use crate::Source;

/// One reason for which one or more secrets cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchError {
    /// The secrets with their sources. Several where one cause (no login) stops them all.
    pub secrets: Vec<(String, Source)>,
    /// Why.
    pub why: String,
    /// What to do next.
    pub next: String,
}

/// Every reason of a run, in the order of the secrets' names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchErrors(pub Vec<FetchError>);

/// What went wrong, before it is known with which secret. Never holds a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Why.
    pub why: String,
    /// What to do next.
    pub next: String,
}

impl Trouble {
    pub(crate) fn new(why: impl Into<String>, next: impl Into<String>) -> Self {
        Self { why: why.into(), next: next.into() }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot get ")?;
        for (index, (name, source)) in self.secrets.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{name} ({source})")?;
        }
        write!(f, ": {}\n  hint: {}", self.why, self.next)
    }
}

impl fmt::Display for FetchErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for FetchError {}
impl std::error::Error for FetchErrors {}
