//! [`AuditConfig`]: what a project says about its audit, in `tegmen.toml` or `pyproject.toml`.

use std::ops::Range;
use std::path::Path;

use super::ManifestError;

/// `[audit]` of a manifest, or `[tool.tegmen.audit]` of a `pyproject.toml`. Everything is optional.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditConfig {
    /// `select`: only these rules.
    pub select: Vec<String>,
    /// `ignore`: not these rules.
    pub ignore: Vec<String>,
    /// `per-file-ignores`: a pattern of paths, and the rules that are held back there.
    pub per_file_ignores: Vec<(String, Vec<String>)>,
    /// `exclude`: patterns of paths that are not audited.
    pub exclude: Vec<String>,
    /// `fail-on`: one of [`FAIL_ON`].
    pub fail_on: Option<String>,
    /// `min-confidence`: one of [`LEVELS`].
    pub min_confidence: Option<String>,
    /// `baseline`: a file, relative to this one.
    pub baseline: Option<String>,
    /// `naming`: what the names of sensitive variables begin with.
    pub naming: Option<String>,
    /// `severity`: what names rules, and one of [`LEVELS`].
    pub severity: Vec<(String, String)>,
    /// `marks`: one of [`MARKS`].
    pub marks: Option<String>,
}

/// Severities and confidences.
pub const LEVELS: [&str; 3] = ["high", "medium", "low"];
/// From which severity on the audit fails.
pub const FAIL_ON: [&str; 4] = ["high", "medium", "low", "never"];
/// Whose marks in comments are honoured.
pub const MARKS: [&str; 3] = ["all", "own", "none"];

/// Says whether a text names a rule; if not, which one it resembles.
pub type Rules<'r> = dyn Fn(&str) -> Result<(), Option<String>> + 'r;

/// Which table of a file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditTable {
    /// `[audit]`, in a manifest.
    Manifest,
    /// `[tool.tegmen.audit]`, in a `pyproject.toml`.
    PyProject,
}

impl AuditTable {
    /// The keys that lead to it.
    pub(super) fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Manifest => &["audit"],
            Self::PyProject => &["tool", "tegmen", "audit"],
        }
    }
}

impl AuditConfig {
    /// Reads the table out of a file's text; `None` if it has none. `path` is what messages call the file.
    ///
    /// # Errors
    /// With every mistake in the table, each with its line.
    pub fn parse(path: &Path, text: &str, table: AuditTable, rules: &Rules<'_>) -> Result<Option<Self>, ManifestError> {
        super::read::audit_config(path, text, table, rules)
    }
}

/// A text and where it stands.
pub(super) type Spanned<'t> = (&'t str, Range<usize>);
