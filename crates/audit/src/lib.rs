//! Finds insecure handling of sensitive data in a Locust project.
//!
//! [`audit`] walks the paths, reads each file once, parses what may matter, collects literals and follows values, asks every
//! rule, and puts what they found together: one secret in many places is one finding. Rules do no I/O. A value that was found
//! never leaves this crate: excerpts are masked in here.

mod assemble;
mod baseline;
mod config;
mod context;
mod fixes;
mod flow;
mod git_ignores;
mod hard_coded;
pub mod history;
mod ignores;
mod index;
mod inventory;
mod literal;
mod mask;
mod needles;
mod options;
mod patterns;
mod prefilter;
mod project;
mod python2;
mod quick;
mod read;
mod rules;
mod spot;
pub mod survey;
mod walk;

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use tegmen_findings::{Finding, Problem, Use};

pub use baseline::{Baseline, BaselineError, BaselineFile, Scope};
pub use fixes::{Applied, Fixed, FixedFile, Fixing, Hidden, Left, NewSecret, Why, fix, fix_texts};
pub use hard_coded::{HardCoded, hard_coded};
pub use ignores::Marks;
pub use options::{Options, PerFile, Progress, VARIABLE_PREFIX};
pub use patterns::{Patterns, absolute, relative};
pub use rules::{all as rules, is_known as is_rule, nearest as nearest_rule};

/// What an audit gives.
#[derive(Debug, Default)]
pub struct Audit {
    /// What was found, by path and line.
    pub findings: Vec<Finding>,
    /// What marks in comments, the configuration or a baseline hold back, each with what does.
    pub suppressed: Vec<Finding>,
    /// Files that could not be read, or not be parsed as a whole.
    pub problems: Vec<Problem>,
    /// Remarks that are no findings: an ignore that nothing needs.
    pub notes: Vec<Problem>,
    /// Every place of the load tests, and of the files beside them, that uses sensitive data, by path and line. What the history
    /// had is not among it.
    pub uses: Vec<Use>,
    /// How many files were looked at.
    pub files: usize,
}

impl Audit {
    /// How many of the places that use sensitive data give no reason to complain.
    pub fn good_uses(&self) -> usize {
        self.uses.iter().filter(|one| one.good).count()
    }
}

/// Why an audit could not begin.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A path that is not there.
    #[error("{path}: no such file or directory; name a file or directory of the project to audit")]
    Missing {
        /// The path.
        path: Utf8PathBuf,
    },
    /// A rule that does not exist.
    #[error("there is no rule \"{selector}\"{}; `tegmen explain --all` lists them", nearest.as_ref().map(|id| format!(" (did you mean \"{id}\"?)")).unwrap_or_default())]
    UnknownRule {
        /// What was asked for.
        selector: String,
        /// The rule that it resembles most.
        nearest: Option<String>,
    },
    /// A pattern of paths that is none.
    #[error(
        "\"{pattern}\" is no pattern of paths ({reason}); write it as in a .gitignore: \"tests/fixtures/\", \"*.json\""
    )]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A history that cannot be read whole.
    #[error(transparent)]
    History(#[from] history::Error),
    /// No thread could be started.
    #[error("the audit could not start its threads: {0}; check the limits on processes and memory")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

/// So large are the stacks of threads that audit: deeply nested sources fit into them.
const STACK: usize = 128 << 20;

/// Audits `paths`.
///
/// # Errors
/// A path that is missing, a selector that names no rule. A file that cannot be read or parsed is no error: it is in
/// [`Audit::problems`], and the others are audited.
pub fn audit(paths: &[Utf8PathBuf], options: &Options) -> Result<Audit, Error> {
    check(paths, options)?;
    let entries = entries(paths, options);
    pool(entries.0.len())?.install(|| run(paths, entries, options, History::Left))
}

/// Audits `paths`, and with them every commit of the repositories that they are in.
///
/// # Errors
/// As for [`audit`], and a history that cannot be read whole.
pub fn audit_with_history(paths: &[Utf8PathBuf], options: &Options) -> Result<Audit, Error> {
    check(paths, options)?;
    let entries = entries(paths, options);
    pool(usize::MAX)?.install(|| run(paths, entries, options, History::Searched))
}

/// Whether the history is searched too.
#[derive(Clone, Copy, PartialEq, Eq)]
enum History {
    Left,
    Searched,
}

/// Whether there is work that can be done.
fn check(paths: &[Utf8PathBuf], options: &Options) -> Result<(), Error> {
    for selector in options.selectors() {
        if !is_rule(selector) {
            return Err(Error::UnknownRule { selector: selector.clone(), nearest: rules::nearest(selector) });
        }
    }
    match paths.iter().find(|path| path.symlink_metadata().is_err()) {
        Some(path) => Err(Error::Missing { path: path.clone() }),
        None => Ok(()),
    }
}

/// So few files are audited by one thread before others have started.
const FEW: usize = 8;

/// Threads to work in.
fn pool(files: usize) -> Result<rayon::ThreadPool, Error> {
    let builder = rayon::ThreadPoolBuilder::new().stack_size(STACK);
    let builder = if files <= FEW { builder.num_threads(1) } else { builder };
    Ok(builder.build()?)
}

/// Files to look at, and what cannot be.
type Entries = (Vec<(String, walk::FileKind)>, Vec<Problem>);

/// Goes through the paths. What is found is in the order of its text, which is how imports look it up.
fn entries(paths: &[Utf8PathBuf], options: &Options) -> Entries {
    let (entries, problems) = walk::walk(paths, options);
    (entries.into_iter().map(|(path, kind)| (path.into_string(), kind)).collect(), problems)
}

fn run(
    paths: &[Utf8PathBuf],
    (entries, mut problems): Entries,
    options: &Options,
    history: History,
) -> Result<Audit, Error> {
    let mut results = project::check_all(&entries, &read::read, &options.progress);
    if history == History::Searched {
        let present = results.iter().flat_map(|result| result.secrets.iter().cloned()).collect();
        results.extend(history::search(paths, options, &present)?);
    }
    let mut audit = assemble::assemble(results, options);
    audit.files = entries.len();
    audit.problems.append(&mut problems);
    audit.problems.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    Ok(audit)
}

/// Audits one text as if it were a file of that name. For tests and editors.
pub fn audit_text(path: &Utf8Path, text: &str, options: &Options) -> Audit {
    audit_texts(&BTreeMap::from([(path.to_string(), text.to_owned())]), options)
}

/// Audits texts as if they were the files of a project.
pub fn audit_texts(files: &BTreeMap<String, String>, options: &Options) -> Audit {
    let entries: Vec<_> =
        files.keys().filter_map(|path| Some((path.clone(), walk::kind(Utf8Path::new(path))?))).collect();
    let read = |path: &str, _| Ok(files.get(path).cloned().unwrap_or_default().into());
    let mut audit = assemble::assemble(project::check_all(&entries, &read, &options.progress), options);
    audit.files = entries.len();
    audit
}
