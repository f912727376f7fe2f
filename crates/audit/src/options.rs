//! What to look at, and what to leave out of the result.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use camino::{Utf8Path, Utf8PathBuf};
use tegmen_findings::{Confidence, Rule, Severity};

use crate::Marks;
use crate::patterns::Patterns;

/// What to look at, and what to leave out of the result.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Only rules that one of these names (id, code or beginning of a code); all if empty.
    pub select: Vec<String>,
    /// No rules that one of these names.
    pub ignore: Vec<String>,
    /// Nothing that is less sure.
    pub min_confidence: Option<Confidence>,
    /// Severities other than the usual ones, by what names rules. The last that names a rule counts.
    pub severities: Vec<(String, Severity)>,
    /// Rules that are held back in some files.
    pub per_file: Vec<PerFile>,
    /// Files and directories that are not walked into.
    pub exclude: Option<Patterns>,
    /// Whose marks in comments are honoured.
    pub marks: Marks,
    /// The directory that paths are seen from in fingerprints, absolute: where the audit is started from changes none.
    pub root: Option<Utf8PathBuf>,
    /// What the names of sensitive variables begin with; [`VARIABLE_PREFIX`] if the project says nothing.
    pub variable_prefix: Option<String>,
    /// How far the audit is.
    pub progress: Arc<Progress>,
}

/// What the names of sensitive variables begin with, unless a project has agreed on something else.
pub const VARIABLE_PREFIX: &str = "LOCUST_";

/// Rules that are held back in some files.
#[derive(Debug, Clone)]
pub struct PerFile {
    /// The files.
    pub files: Patterns,
    /// Their pattern, as it was written.
    pub pattern: String,
    /// The rules.
    pub rules: Vec<String>,
}

/// How far an audit is, for whoever shows it.
#[derive(Debug, Default)]
pub struct Progress {
    total: AtomicUsize,
    done: AtomicUsize,
}

impl Progress {
    pub(crate) fn begin(&self, total: usize) {
        // A fix looks several times.
        self.done.store(0, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
    }

    pub(crate) fn step(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// How many files were looked at, and how many there are; the latter 0 while they are still being searched for.
    pub fn get(&self) -> (usize, usize) {
        (self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed))
    }
}

impl Options {
    pub(crate) fn wants(&self, rule: &Rule) -> bool {
        (self.select.is_empty() && (rule.by_default || self.is_asked_for(rule))
            || self.select.iter().any(|selector| rule.matches(selector)))
            && !self.ignore.iter().any(|selector| rule.matches(selector))
    }

    /// Whether the configuration asks for a rule that is off by default: who says how variables are named wants to know which are not.
    fn is_asked_for(&self, rule: &Rule) -> bool {
        self.variable_prefix.is_some() && rule.id == "variable-naming"
    }

    pub(crate) fn severity(&self, rule: &Rule) -> Option<Severity> {
        self.severities.iter().rev().find(|(selector, _)| rule.matches(selector)).map(|(_, severity)| *severity)
    }

    pub(crate) fn excludes(&self, path: &Utf8Path, is_directory: bool) -> bool {
        self.exclude.as_ref().is_some_and(|patterns| patterns.matches(path, is_directory))
    }

    /// The pattern that holds a rule back in a file.
    pub(crate) fn held_back_in<'o>(&'o self, path: &str, rule: &Rule) -> Option<&'o PerFile> {
        self.per_file.iter().find(|per_file| {
            per_file.rules.iter().any(|selector| rule.matches(selector))
                && per_file.files.matches(Utf8Path::new(path), false)
        })
    }

    /// All selectors that were given.
    pub(crate) fn selectors(&self) -> impl Iterator<Item = &String> {
        let severities = self.severities.iter().map(|(selector, _)| selector);
        let per_file = self.per_file.iter().flat_map(|per_file| &per_file.rules);
        self.select.iter().chain(&self.ignore).chain(severities).chain(per_file)
    }
}
