//! What is kept of a report for the trend: counts and ratings, no name and no value.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tegmen_findings::Severity;

use super::{Assessment, Facts, Level, Protection};

/// The version of this format.
pub const FORMAT: u32 = 1;

/// One report, as `.tegmen/history` keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// [`FORMAT`]. A reader that knows another one must not guess.
    pub format: u32,
    /// When, as RFC 3339 in UTC.
    pub time: String,
    /// The residual risk.
    pub level: Level,
    /// Likelihood × impact of the worst threat.
    pub score: f64,
    /// Likelihood × impact of all threats together.
    pub total: f64,
    /// That of each threat that was rated.
    pub threats: BTreeMap<String, f64>,
    /// How many secrets there are.
    pub secrets: usize,
    /// Of how many the test gets placeholders only.
    pub protected: usize,
    /// Findings of the audit: high, medium, low.
    pub findings: [usize; 3],
}

impl Run {
    /// That of an assessment.
    pub fn of(time: &str, facts: &Facts, assessment: &Assessment) -> Self {
        let severity = |wanted: Severity| facts.findings.iter().filter(|one| one.severity == wanted).count();
        let enforced = facts.secrets.iter().filter(|secret| secret.protection == Protection::Enforced);
        let rated = assessment.threats.iter().filter(|rated| rated.exposure.is_some());
        Self {
            format: FORMAT,
            time: time.to_owned(),
            level: assessment.level,
            score: rounded(assessment.score),
            total: rounded(assessment.total()),
            threats: rated.map(|rated| (rated.threat.id.to_owned(), rounded(rated.score()))).collect(),
            secrets: facts.secrets.len(),
            protected: enforced.count(),
            findings: [Severity::High, Severity::Medium, Severity::Low].map(severity),
        }
    }
}

/// With two decimals: what a file should not differ in.
fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
