//! The risk report as a page, Markdown, JSON and a short text.

mod html;
mod json;
mod markdown;
mod method;
mod text;
mod trend;

use tegmen_findings::{Finding, Severity};
use tegmen_posture::risk::{Age, Assessment, Facts, Protection, Run, SecretFact, SecretKind, Sign, State};

pub use html::html;
pub use json::json;
pub use markdown::markdown;
pub use method::method;
pub use text::text;

/// What is rendered.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// What the project is called.
    pub project: &'a str,
    /// When, as RFC 3339 in UTC.
    pub time: &'a str,
    /// The version of Tegmen.
    pub version: &'a str,
    /// What is known.
    pub facts: &'a Facts,
    /// What it comes to.
    pub assessment: &'a Assessment,
    /// What the audit found, with its places.
    pub findings: &'a [Finding],
    /// This report and those before it, the oldest first.
    pub runs: &'a [Run],
    /// What could not be looked at, and why.
    pub remarks: &'a [String],
}

impl Report<'_> {
    /// The day: `2026-01-31`.
    fn day(&self) -> &str {
        self.time.get(..10).unwrap_or(self.time)
    }

    /// One sentence.
    fn summary(&self) -> String {
        let secrets = self.facts.secrets.len();
        let protected = self.facts.secrets.iter().filter(|secret| secret.protection == Protection::Enforced).count();
        let unrated = self.assessment.not_rated().count();
        let mut out = match (protected, secrets) {
            (_, 0) => "no secret was found".to_owned(),
            (0, 1) => "the one secret is not protected when the test runs".to_owned(),
            (1, 1) => "the one secret is protected when the test runs".to_owned(),
            (0, _) => format!("none of the {secrets} secrets is protected when the test runs"),
            (1, _) => format!("1 of the {secrets} secrets is protected when the test runs"),
            _ if protected == secrets => format!("all {secrets} secrets are protected when the test runs"),
            _ => format!("{protected} of the {secrets} secrets are protected when the test runs"),
        };
        out += &format!(", {}", plural(self.findings.len(), "finding"));
        if unrated > 0 {
            out += &format!(", {} not rated because nothing is known", plural(unrated, "threat"));
        }
        out
    }

    fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    fn met(&self) -> (usize, usize) {
        let gaps = self.assessment.gaps.iter().filter(|gap| gap.state != State::NotApplicable);
        (gaps.clone().filter(|gap| gap.state == State::Met).count(), gaps.count())
    }
}

fn plural(count: usize, what: &str) -> String {
    crate::plural(count, what)
}

/// One decimal, as likelihood and impact are shown.
fn number(value: f64) -> String {
    format!("{value:.1}")
}

/// A period in its largest unit.
fn period(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn age(age: Option<Age>) -> String {
    match age {
        Some(Age { seconds, at_least: true }) => format!("at least {}", period(seconds)),
        Some(Age { seconds, at_least: false }) => period(seconds),
        None => "not known".to_owned(),
    }
}

fn protection(protection: Protection) -> &'static str {
    match protection {
        Protection::None => "none",
        Protection::Named => "named, not enforced",
        Protection::Enforced => "placeholder",
    }
}

/// Where a secret may be sent.
fn hosts(secret: &SecretFact) -> String {
    if secret.kind == SecretKind::ClusterKey {
        return "nowhere: master and workers prove that they have it".to_owned();
    }
    match (&secret.hosts, secret.protection) {
        (Some(hosts), _) => hosts.join(", "),
        (None, Protection::None) => "anywhere".to_owned(),
        (None, _) => "the test's target".to_owned(),
    }
}

/// Where it comes from.
fn source(secret: &SecretFact) -> String {
    secret.source.clone().unwrap_or_else(|| secret.origin.as_str().to_owned())
}

/// How it is rotated.
fn rotation(secret: &SecretFact) -> String {
    match secret.kind {
        SecretKind::Pool => return "where its records are kept".to_owned(),
        SecretKind::ClusterKey => return "a new value counts from the next handshake on".to_owned(),
        SecretKind::Single => {}
    }
    let limit = secret.max_age.map_or_else(|| "no limit".to_owned(), |most| format!("every {}", period(most)));
    let due = if secret.is_due() { ", due" } else { "" };
    let last = secret.rotated.as_deref().map(|time| format!(", last {}", time.get(..10).unwrap_or(time)));
    let torn = if secret.is_torn { ", unfinished" } else { "" };
    format!("{limit}{due}{}{torn}", last.unwrap_or_default())
}

/// "a.py:3, b.py:7".
fn spots(sign: &Sign) -> String {
    sign.spots.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// A sentence out of a clause. What begins with the name of a file or of a command begins with it.
pub(crate) fn capital(text: &str) -> String {
    let first = text.split_whitespace().next().unwrap_or_default();
    if first.trim_end_matches(['.', ',', ':']).contains(['.', '_', '/', '=']) {
        return text.to_owned();
    }
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
