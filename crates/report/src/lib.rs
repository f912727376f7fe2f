//! Findings as text, JSON, SARIF, Markdown and GitHub annotations. The only crate that renders.
//!
//! It never sees a value: excerpts come masked, messages are made of names.

mod github;
mod json;
mod markdown;
mod sarif;
mod text;

use tegmen_findings::{Finding, Problem, Rule, Severity};

pub use github::github;
pub use json::json;
pub use markdown::{markdown, rule_page, rules_reference};
pub use sarif::sarif;
pub use text::{Colour, summary, text};

/// What is rendered.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The findings, in the order in which they are shown.
    pub findings: &'a [Finding],
    /// Files that could not be audited as a whole.
    pub problems: &'a [Problem],
    /// Remarks.
    pub notes: &'a [Problem],
    /// How many files were looked at.
    pub files: usize,
    /// How many findings inline ignores hold back.
    pub ignored: usize,
    /// All rules, for formats that describe them.
    pub rules: &'a [&'static Rule],
    /// The version of Tegmen.
    pub version: &'a str,
}

impl Input<'_> {
    /// How many findings have this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

/// "1 file", "2 files".
fn plural(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

#[cfg(test)]
mod tests;
