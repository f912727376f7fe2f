//! Where a finding is.

use std::ops::Range;

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The path as given to the audit, with `/` between its parts.
    pub path: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in characters.
    pub column: u32,
    /// The last line.
    pub end_line: u32,
    /// The column after the last character.
    pub end_column: u32,
    /// The variable, field or header at this place; empty where there is none, or where it is not the finding itself.
    pub name: String,
    /// The names of the class and function around it, with dots between them.
    pub context: String,
    /// Stable across changes elsewhere in the file; made of names and places only. Empty where it is not the finding itself.
    pub fingerprint: String,
    /// What is there, where it is not the finding itself: "read here", "logged here".
    pub note: Option<String>,
    /// The line, masked. `None` where there is none to show.
    pub excerpt: Option<Excerpt>,
}

/// A source line in which all values are masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// The line without its end.
    pub text: String,
    /// What to point at, in bytes of `text`.
    pub highlight: Range<usize>,
}

impl Location {
    /// The order in which locations are listed.
    pub fn key(&self) -> (&str, u32, u32) {
        (&self.path, self.line, self.column)
    }
}
