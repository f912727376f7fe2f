//! The answers of `tegmen doctor` as text, JSON, SARIF and a page.

mod html;
mod json;
mod reference;
mod sarif;
mod text;

use tegmen_findings::Severity;
use tegmen_posture::{Answer, Outcome, Posture};

pub use html::html;
pub use json::json;
pub use reference::{check_page, checks_reference};
pub use sarif::sarif;
pub use text::{summary, text};

/// How many answers are failures of this severity.
fn count(posture: &Posture, severity: Severity) -> usize {
    posture.failed().filter(|answer| answer.severity() == severity).count()
}

/// How many answers came out like this.
fn came_out(posture: &Posture, word: &str) -> usize {
    posture.answers.iter().filter(|answer| answer.outcome.as_str() == word).count()
}

/// The failures first, the worst first; then what is not known, what is well, and what was not asked.
fn rank(answer: &Answer) -> (u8, std::cmp::Reverse<Severity>) {
    match answer.outcome {
        Outcome::Fail { .. } => (0, std::cmp::Reverse(answer.severity())),
        Outcome::NotKnown { .. } => (1, std::cmp::Reverse(Severity::High)),
        Outcome::Pass { .. } => (2, std::cmp::Reverse(Severity::High)),
        Outcome::NotApplicable { .. } => (3, std::cmp::Reverse(Severity::High)),
    }
}

#[cfg(test)]
mod tests;
