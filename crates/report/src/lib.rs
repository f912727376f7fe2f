//! Findings and posture as text, JSON, SARIF, HTML, Markdown, and as GitHub, GitLab and readers of JUnit files want them. The only crate that
//! renders.
//!
//! It never sees a value: excerpts come masked, messages are made of names.

mod fixes;
mod github;
mod gitlab;
pub mod guide;
mod html;
mod json;
mod junit;
mod markdown;
pub mod posture;
pub mod proof;
pub mod prose;
pub mod risk;
mod sarif;
mod text;

use std::time::Duration;

use tegmen_findings::{Finding, Problem, Rule, Severity, SuppressedBy, Suppression, Use};

pub use fixes::{FixedLine, LeftLine, diff, fixes};
pub use github::github;
pub use gitlab::gitlab;
pub use html::html;
pub use json::json;
pub use junit::junit;
pub use markdown::{markdown, rule_page, rules_reference};
pub use sarif::sarif;
pub use text::{Colour, Width, summary, text, visible};

/// A template could not be rendered: a defect of Tegmen, not of what it was given.
#[derive(Debug, thiserror::Error)]
#[error("the report could not be rendered ({0}); please report this, and use another --format until it is mended")]
pub struct RenderError(#[from] askama::Error);

/// What is rendered.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The findings, in the order in which they are shown.
    pub findings: &'a [Finding],
    /// Files that could not be audited as a whole.
    pub problems: &'a [Problem],
    /// Remarks.
    pub notes: &'a [Problem],
    /// The places that use sensitive data, well or not.
    pub uses: &'a [Use],
    /// How many files were looked at.
    pub files: usize,
    /// What marks, the configuration or a baseline hold back.
    pub suppressed: &'a [Finding],
    /// With a baseline, how many of its findings are gone.
    pub baseline: Option<usize>,
    /// All rules, for formats that describe them.
    pub rules: &'a [&'static Rule],
    /// The version of Tegmen.
    pub version: &'a str,
    /// How long it took, for those who watch.
    pub elapsed: Option<Duration>,
}

impl Input<'_> {
    /// How many findings have this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// How many findings marks and the configuration hold back.
    pub fn ignored(&self) -> usize {
        self.suppressed.len() - self.baselined()
    }

    /// How many findings a baseline holds back.
    pub fn baselined(&self) -> usize {
        let by_baseline = |finding: &&Finding| {
            finding.suppression.as_ref().is_some_and(|suppression| suppression.by == SuppressedBy::Baseline)
        };
        self.suppressed.iter().filter(by_baseline).count()
    }
}

/// "1 file", "2 files".
fn plural(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// What holds a finding back, as a sentence's end: "`tegmen: ignore`: only in the lab".
fn held_back(suppression: &Suppression) -> String {
    let what = match suppression.by {
        SuppressedBy::Mark | SuppressedBy::Configuration => suppression.what.clone(),
        SuppressedBy::Baseline => format!("baseline {}", suppression.what),
    };
    match &suppression.reason {
        Some(reason) => format!("{what}: {reason}"),
        None => what,
    }
}

#[cfg(test)]
mod tests;
