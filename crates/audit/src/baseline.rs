//! Baselines: what was there when somebody began to look, so that only what is new fails.
//!
//! An entry is made of names: the rule, the file as seen from the baseline's own directory, the variable, the class and function
//! around it, and how many of the kind there are. No line, so that moved lines and reformatting change nothing; no value and no hash
//! of one, since whoever has the hash of a weak password can try candidates until one fits.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use serde::{Deserialize, Serialize};
use tegmen_findings::{Finding, Location, Problem, ProblemKind, SuppressedBy, Suppression};

use crate::patterns::relative;
use crate::{Audit, Options, rules};

/// The version of the format.
const VERSION: u32 = 1;

/// What a baseline knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baseline {
    entries: BTreeMap<Key, usize>,
}

/// What makes two places the same for a baseline.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    path: String,
    rule: String,
    context: String,
    name: String,
}

#[derive(Serialize, Deserialize)]
struct File {
    #[serde(rename = "tegmen-baseline")]
    version: u32,
    findings: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    rule: String,
    path: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    context: String,
    #[serde(default = "one", skip_serializing_if = "is_one")]
    count: usize,
}

fn one() -> usize {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_one(count: &usize) -> bool {
    *count == 1
}

/// Why a file is no baseline.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BaselineError {
    /// It is no JSON, or other JSON.
    #[error("is no baseline of tegmen{}; write one with `tegmen audit --write-baseline FILE`", line.map(|line| format!(" (line {line})")).unwrap_or_default())]
    Foreign {
        /// Where reading it ended, if it is JSON up to there.
        line: Option<usize>,
    },
    /// It was written by a later Tegmen.
    #[error(
        "is a baseline of version {0}, which this tegmen does not know; use a newer tegmen, or write the baseline anew"
    )]
    Version(u32),
}

impl Baseline {
    /// Reads a baseline.
    ///
    /// # Errors
    /// [`BaselineError`], if it is none.
    pub fn parse(text: &str) -> Result<Self, BaselineError> {
        let foreign =
            |error: serde_json::Error| BaselineError::Foreign { line: (error.line() > 0).then(|| error.line()) };
        let any: serde_json::Value = serde_json::from_str(text).map_err(foreign)?;
        match any.get("tegmen-baseline").and_then(serde_json::Value::as_u64) {
            Some(1) => {}
            Some(version) => return Err(BaselineError::Version(version.try_into().unwrap_or(u32::MAX))),
            None => return Err(BaselineError::Foreign { line: None }),
        }
        let file: File = serde_json::from_str(text).map_err(foreign)?;
        let mut entries = BTreeMap::new();
        for Entry { rule, path, name, context, count } in file.findings {
            *entries.entry(Key { path, rule, context, name }).or_insert(0) += count;
        }
        Ok(Self { entries })
    }

    /// A baseline of all findings of an audit, in the directory `base` (absolute).
    pub fn of(findings: &[Finding], base: &Utf8Path) -> Self {
        let mut entries = BTreeMap::new();
        for finding in findings {
            for location in finding.locations() {
                *entries.entry(Key::of(finding, location, base)).or_insert(0) += 1;
            }
        }
        Self { entries }
    }

    /// The text of the file: the same for the same findings.
    pub fn to_text(&self) -> String {
        let findings = self.entries.iter().map(|(key, count)| {
            let Key { path, rule, context, name } = key.clone();
            Entry { rule, path, name, context, count: *count }
        });
        let file = File { version: VERSION, findings: findings.collect() };
        let mut out = serde_json::to_string_pretty(&file).unwrap_or_default();
        out.push('\n');
        out
    }

    /// How many places it knows.
    pub fn len(&self) -> usize {
        self.entries.values().sum()
    }

    /// Whether it knows none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Holds back what it knows, and says how many of its places are gone; each of these is a note, too. `base` is its directory
    /// (absolute), `file` what it is called. A finding with a place that it does not know is new, whatever is known of the others.
    pub fn apply(&self, audit: &mut Audit, base: &Utf8Path, file: &str, looked_at: &Scope<'_>) -> usize {
        let mut left = self.entries.clone();
        // What a mark holds back is there all the same.
        for finding in &audit.suppressed {
            for location in finding.locations() {
                take(&mut left, &Key::of(finding, location, base));
            }
        }
        let mut known: Vec<Vec<bool>> = Vec::with_capacity(audit.findings.len());
        for finding in &audit.findings {
            let places = finding.locations().iter();
            known.push(places.map(|location| take(&mut left, &Key::of(finding, location, base))).collect());
        }
        // A class or function that was renamed takes its findings along.
        for (finding, known) in audit.findings.iter().zip(&mut known) {
            for (location, known) in finding.locations().iter().zip(known).filter(|(_, known)| !**known) {
                *known = take_renamed(&mut left, &Key::of(finding, location, base));
            }
        }
        let mut fresh = Vec::new();
        for (mut finding, known) in std::mem::take(&mut audit.findings).into_iter().zip(known) {
            if known.iter().all(|known| *known) {
                finding.suppression =
                    Some(Suppression { by: SuppressedBy::Baseline, what: file.to_owned(), reason: None });
                audit.suppressed.push(finding);
            } else {
                fresh.push(finding);
            }
        }
        audit.findings = fresh;
        left.retain(|key, count| *count > 0 && looked_at.has(key, base));
        let gone = left.values().sum();
        audit.notes.extend(left.into_iter().map(|(key, count)| {
            let count = if count == 1 { String::new() } else { format!(" ({count} of them)") };
            let name = if key.name.is_empty() { String::new() } else { format!(" of `{}`", key.name) };
            let message =
                format!("`{}`{name}{count} is in the baseline and gone from here; write the baseline anew", key.rule);
            Problem { kind: ProblemKind::Note, path: key.path, line: None, message }
        }));
        gone
    }
}

/// A baseline, and the file that it came from.
#[derive(Debug, Clone)]
pub struct BaselineFile {
    /// What it knows.
    pub baseline: Baseline,
    /// The file, as it is called in messages.
    pub path: Utf8PathBuf,
}

impl BaselineFile {
    /// [`Baseline::apply`], with paths as seen from the directory of the file.
    pub fn apply(&self, audit: &mut Audit, looked_at: &Scope<'_>) -> usize {
        self.baseline.apply(audit, &Self::directory(&self.path), self.path.as_str(), looked_at)
    }

    /// Paths in a baseline are seen from its own directory, so that it does not matter where the audit is started.
    pub fn directory(path: &Utf8Path) -> Utf8PathBuf {
        crate::absolute(path).parent().map(Utf8Path::to_path_buf).unwrap_or_default()
    }
}

/// What an audit looked at: of anything else nobody can say that it is gone.
pub struct Scope<'s> {
    /// The paths that were audited.
    pub paths: &'s [Utf8PathBuf],
    /// What was asked for.
    pub options: &'s Options,
    /// Whether the history was searched too.
    pub history: bool,
}

impl Scope<'_> {
    fn has(&self, key: &Key, base: &Utf8Path) -> bool {
        let path = base.join(&key.path);
        let looked_at: BTreeSet<_> = self.paths.iter().map(|path| crate::absolute(path)).collect();
        self.options.min_confidence.is_none()
            && (self.history || commit(&key.context).is_none())
            && looked_at.iter().any(|root| path.starts_with(root))
            && !self.options.excludes(&path, false)
            && rules::all().iter().any(|rule| rule.id == key.rule && self.options.wants(rule))
    }
}

impl Key {
    fn of(finding: &Finding, location: &Location, base: &Utf8Path) -> Self {
        Self {
            path: relative(&location.path, Some(base)),
            rule: finding.rule.id.to_owned(),
            context: location.context.clone(),
            name: location.name.clone(),
        }
    }
}

fn take(left: &mut BTreeMap<Key, usize>, key: &Key) -> bool {
    match left.get_mut(key) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    }
}

/// The commit that brought what is only in the history. What a file still has is not known by it.
fn commit(context: &str) -> Option<&str> {
    context.rsplit_once('@').map(|(_, commit)| commit)
}

fn take_renamed(left: &mut BTreeMap<Key, usize>, key: &Key) -> bool {
    let same = |known: &Key| {
        known.path == key.path
            && known.rule == key.rule
            && known.name == key.name
            && commit(&known.context) == commit(&key.context)
    };
    let found = left.iter_mut().find(|(known, count)| **count > 0 && same(known));
    found.map(|(_, count)| *count -= 1).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn audit(text: &str) -> Audit {
        crate::audit_text(Utf8Path::new("/p/load/a.py"), text, &Options::default())
    }

    fn apply(baseline: &Baseline, text: &str) -> (usize, usize, usize) {
        let mut audit = audit(text);
        let options = Options::default();
        let paths = ["/p".into()];
        let scope = Scope { paths: &paths, options: &options, history: false };
        let gone = baseline.apply(&mut audit, Utf8Path::new("/p"), "baseline.json", &scope);
        (audit.findings.len(), audit.suppressed.len(), gone)
    }

    const SOURCE: &str = "class A:\n    password = 'hunter2x'\n    db_password = 'hunter3x'\n";

    #[test]
    fn a_baseline_has_names_and_no_values_and_is_read_again() {
        let baseline = Baseline::of(&audit(SOURCE).findings, Utf8Path::new("/p"));
        let text = baseline.to_text();
        assert!(text.contains("\"path\": \"load/a.py\"") && text.contains("\"name\": \"db_password\""), "{text}");
        assert!(!text.contains("hunter"));
        assert_eq!(Baseline::parse(&text).unwrap(), baseline);
        assert_eq!(baseline.len(), 2);
    }

    #[test]
    fn only_what_is_new_is_left() {
        let baseline = Baseline::of(&audit(SOURCE).findings, Utf8Path::new("/p"));
        assert_eq!(apply(&baseline, SOURCE), (0, 2, 0));
        // Moved, reformatted, and with other values.
        let moved =
            "import os\n\n\nclass A:\n    x = 1\n    db_password = ('hunter9x')\n    password    =    'hunter8x'\n";
        assert_eq!(apply(&baseline, moved), (0, 2, 0));
        // The class has another name.
        assert_eq!(apply(&baseline, &SOURCE.replace("class A", "class Shopper")), (0, 2, 0));
        // One is new, one is gone.
        assert_eq!(apply(&baseline, &SOURCE.replace("db_password", "api_password")), (1, 1, 1));
        // There is one more of the same.
        assert_eq!(apply(&baseline, &format!("{SOURCE}\nclass B:\n    password = 'hunter7x'\n")), (1, 2, 0));
    }

    #[test]
    fn what_is_no_baseline_is_told() {
        assert_eq!(Baseline::parse("{}"), Err(BaselineError::Foreign { line: None }));
        assert_eq!(Baseline::parse("[1,\n2"), Err(BaselineError::Foreign { line: Some(2) }));
        assert_eq!(Baseline::parse("{\"tegmen-baseline\": 9}"), Err(BaselineError::Version(9)));
        assert!(matches!(
            Baseline::parse("{\"tegmen-baseline\": 1, \"findings\": [{\"rule\": 3}]}"),
            Err(BaselineError::Foreign { .. })
        ));
    }
}
