//! Where a project uses sensitive data at all, well or not: what a report counts, and what a review goes through.

use serde::Serialize;

/// Where the value of a secret comes from, at a place that uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// It is written there.
    Literal,
    /// An environment variable.
    Environment,
    /// An option of the command line.
    Option,
    /// Somebody types it.
    Prompt,
    /// A secrets manager, asked by the script itself.
    Manager,
    /// Tegmen: `secret("NAME")`, `pool("NAME")`.
    Tegmen,
}

/// A place that uses sensitive data. It has no value in it, and none can be told from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Use {
    /// The name that it goes by: the variable, option, key or secret.
    pub name: String,
    /// Where the value comes from.
    pub origin: Origin,
    /// The file, as given to the audit.
    pub path: String,
    /// The line, from 1.
    pub line: u32,
    /// Whether there is nothing to say against it: it is no literal, and no rule found anything at this place.
    pub good: bool,
}
