//! What was once committed: secrets that the files no longer have, found in the commits of a repository.
//!
//! Commits reachable from any reference, and from the `HEAD` of every working tree, are looked at, as `git log --all` does, each blob
//! once. The hard-coded families of rules are asked; where values flow is only asked of the files as they are. What the files still
//! have is not reported again. A history that cannot be read whole is an [`Error`]: a partial answer would be taken for a good one.
//!
//! [`repository`] opens it and reads its commits, [`forest`] its trees, [`scan`] the blobs, and [`origin`] says which commit brought a
//! secret and which took it away.

mod forest;
mod origin;
mod repository;
mod scan;

use std::collections::{BTreeMap, HashSet};

use camino::{Utf8Path, Utf8PathBuf};

use crate::Options;
use crate::context::FileResult;

/// Why a history could not be read whole.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No repository.
    #[error(
        "{path} is in no git repository, so it has no history; leave --history out, or name a directory of a repository"
    )]
    NoRepository {
        /// What was to be audited.
        path: Utf8PathBuf,
    },
    /// A repository that cannot be opened, or a reference or commit that cannot be read.
    #[error("{path}: the history cannot be read: {reason}; `git fsck` in it says what is wrong")]
    Unreadable {
        /// The repository.
        path: Utf8PathBuf,
        /// What git's files say.
        reason: String,
    },
    /// A shallow clone.
    #[error(
        "{path} is a shallow clone, so its history is not all here; run `git fetch --unshallow` in it (in CI: fetch-depth: 0)"
    )]
    Shallow {
        /// The repository.
        path: Utf8PathBuf,
    },
    /// An object that is not there.
    #[error(
        "{path}: object {id} is not here, so the history cannot be read whole; for a partial clone run `git fetch --refetch --no-filter` in it, else `git fsck`"
    )]
    MissingObject {
        /// The repository.
        path: Utf8PathBuf,
        /// The hash of the object.
        id: String,
    },
}

/// What the history of the repositories of `paths` has that is not among `present`, as results of files that were.
pub fn search(paths: &[Utf8PathBuf], options: &Options, present: &HashSet<String>) -> Result<Vec<FileResult>, Error> {
    // Paths of one repository are looked for together.
    let mut repositories: BTreeMap<Utf8PathBuf, (repository::History, Vec<Place>)> = BTreeMap::new();
    for path in paths {
        let (history, within) = repository::open(path)?;
        let place = Place { within, shown: path.clone() };
        repositories.entry(history.path.clone()).or_insert_with(|| (history, Vec::new())).1.push(place);
    }
    let mut results = Vec::new();
    for (history, places) in repositories.into_values() {
        let commits = history.commits()?;
        let forest = forest::Forest::read(&history, &commits, &places, options)?;
        let found = scan::scan(&history, &forest)?;
        results.extend(origin::report(&history, &commits, &forest, found, present)?);
    }
    Ok(results)
}

/// A path that is audited, as a repository has it.
pub struct Place {
    /// The path within the repository; empty for all of it.
    within: String,
    /// The path as given.
    shown: Utf8PathBuf,
}

impl Place {
    /// Whether a directory of the repository may hold what is looked for.
    fn leads_to(&self, directory: &str) -> bool {
        let inside = |outer: &str, inner: &str| {
            outer.is_empty() || inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        inside(&self.within, directory) || inside(directory, &self.within)
    }

    /// A file of the repository as it is shown; `None` if it is not looked for.
    fn show(&self, file: &str) -> Option<String> {
        let rest = if self.within.is_empty() { file } else { file.strip_prefix(self.within.as_str())? };
        if rest.is_empty() {
            return Some(self.shown.to_string());
        }
        let rest = if self.within.is_empty() { rest } else { rest.strip_prefix('/')? };
        let shown = self.shown.join(rest);
        Some(shown.strip_prefix(".").map(Utf8Path::to_path_buf).unwrap_or(shown).into_string())
    }
}
