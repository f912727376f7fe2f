//! What a project has to do with secrets, whether or not anything is wrong with it: which names its load test reads, how the
//! test is started, where it is aimed, and what looks after it. For inventories, reports and proposals; no rule asks in here.
//!
//! Nothing in a [`Survey`] is a value: names are those of variables, hosts are origins without whatever else stands in a URL.

mod commands;
mod scripts;

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use rayon::prelude::*;

use crate::index::{Imports, Index};
use crate::walk::FileKind;
use crate::{Error, Options, read};

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct At {
    /// The path as given.
    pub path: String,
    /// The line, from 1.
    pub line: u32,
}

/// How a script gets at a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum UseKind {
    /// It reads a variable of the environment.
    Environment,
    /// It asks Tegmen: `secret("NAME")`.
    Asked,
    /// It asks Tegmen for records: `pool("NAME")`.
    Pool,
}

/// A sensitive name that a script reads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    /// The variable, or the secret.
    pub name: String,
    /// How.
    pub kind: UseKind,
    /// Where.
    pub at: At,
}

/// A host that the test is aimed at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Aim {
    /// The origin as it is written: `https://shop.example.com`, `shop.example.com:8443`.
    pub origin: String,
    /// Where that is said.
    pub at: At,
}

/// A command that starts Locust.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Start {
    /// Where it is written.
    pub at: At,
    /// Whether it stands behind `tegmen run` or `tegmen prove`.
    pub is_protected: bool,
    /// Whether it starts a master or a worker.
    pub is_distributed: bool,
    /// Whether `tegmen run` is told the key of master and workers there.
    pub has_cluster_key: bool,
}

/// A use of Tegmen that looks after the project.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Care {
    /// What it does.
    pub kind: CareKind,
    /// Where.
    pub at: At,
    /// Whether it happens by itself: in a pipeline or before a commit.
    pub is_automatic: bool,
}

/// What looks after a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CareKind {
    /// `tegmen audit`.
    Audit,
    /// `tegmen prove`.
    Proof,
}

/// What a project has to do with secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// The scripts that import Locust.
    pub scripts: Vec<String>,
    /// The sensitive names that they, and what they import, read.
    pub uses: Vec<Use>,
    /// Where they import Tegmen, without which they do not run.
    pub imports_tegmen: Vec<At>,
    /// The commands that start Locust.
    pub starts: Vec<Start>,
    /// The hosts that the test is aimed at, the likeliest first.
    pub aims: Vec<Aim>,
    /// What looks after the project.
    pub care: Vec<Care>,
    /// The files that were looked at.
    pub files: usize,
}

/// Looks through `paths`. A file that cannot be read is left out: the audit says so.
///
/// # Errors
/// A path that is missing.
pub fn survey(paths: &[Utf8PathBuf], options: &Options) -> Result<Survey, Error> {
    if let Some(path) = paths.iter().find(|path| path.symlink_metadata().is_err()) {
        return Err(Error::Missing { path: path.clone() });
    }
    let (entries, _) = crate::entries(paths, options);
    Ok(crate::pool(entries.len())?
        .install(|| of(&entries, &|path, kind| read::read(path, kind).ok().map(|loaded| loaded.text))))
}

type Read<'r> = dyn Fn(&str, FileKind) -> Option<String> + Sync + 'r;

fn of(entries: &[(String, FileKind)], read: &Read<'_>) -> Survey {
    let (python, others): (Vec<_>, Vec<_>) = entries.iter().partition(|(_, kind)| *kind == FileKind::Python);
    let texts: Vec<(String, String)> =
        python.par_iter().filter_map(|(path, kind)| Some((path.clone(), read(path, *kind)?))).collect();
    let ours = load_test(&texts);
    let mut survey = Survey { files: entries.len(), ..Survey::default() };
    let found: Vec<Survey> = texts
        .par_iter()
        .enumerate()
        .filter(|(id, _)| ours.contains(id))
        .map(|(_, (path, text))| scripts::look(path, text))
        .chain(others.par_iter().map(|(path, kind)| match read(path, *kind) {
            Some(text) => commands::look(path, *kind, &text),
            None => Survey::default(),
        }))
        .collect();
    for mut part in found {
        survey.scripts.append(&mut part.scripts);
        survey.uses.append(&mut part.uses);
        survey.imports_tegmen.append(&mut part.imports_tegmen);
        survey.starts.append(&mut part.starts);
        survey.aims.append(&mut part.aims);
        survey.care.append(&mut part.care);
    }
    survey.scripts.sort();
    survey.uses.sort();
    survey.uses.dedup();
    survey.imports_tegmen.sort();
    survey.starts.sort();
    survey.care.sort();
    survey.care.dedup();
    // What is said most often, and of those what is not of this machine.
    let count = |aims: &[Aim], origin: &str| aims.iter().filter(|aim| aim.origin == origin).count();
    let known = survey.aims.clone();
    survey.aims.sort_by_key(|aim| {
        (is_local(&aim.origin), std::cmp::Reverse(count(&known, &aim.origin)), aim.origin.clone(), aim.at.clone())
    });
    survey
}

/// The files of load tests: what imports Locust, and what these import.
fn load_test(texts: &[(String, String)]) -> BTreeSet<usize> {
    let index = Index::new(texts.iter().map(|(path, _)| path.clone()).collect());
    let imports: Vec<Imports> = texts.par_iter().map(|(_, text)| Imports::of(text)).collect();
    let of_locust = |name: &str| name == "locust" || name.starts_with("locust.") || name.starts_with("locust_");
    let mut waiting: Vec<usize> =
        imports.iter().enumerate().filter(|(_, imports)| imports.names().any(of_locust)).map(|(id, _)| id).collect();
    let mut found = BTreeSet::new();
    while let Some(id) = waiting.pop() {
        if found.insert(id) {
            waiting.extend(index.targets(id, &imports[id]));
        }
    }
    found
}

/// Whether an origin is one of this machine.
pub fn is_local(origin: &str) -> bool {
    let host = origin.split_once("://").map_or(origin, |(_, rest)| rest);
    ["localhost", "127.", "[::1]", "0.0.0.0", "host.docker.internal"].iter().any(|name| host.starts_with(name))
}

/// The origin of a URL or of `host:port`, without what may be secret in it; `None` for what is put together at run time.
fn origin(text: &str) -> Option<String> {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme @ ("http" | "https"), rest)) => (Some(scheme), rest),
        Some(_) => return None,
        None => (None, text),
    };
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let fits = !host.is_empty()
        && host.contains(|c: char| c.is_ascii_alphanumeric())
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']'))
        && (scheme.is_some() || host.contains('.') || host.starts_with("localhost"));
    fits.then(|| scheme.map_or(host.to_owned(), |scheme| format!("{scheme}://{host}")))
}

/// Whether this is the name of a variable, and not a value that somebody took for one.
fn is_name(text: &str) -> bool {
    text.len() <= 64
        && text.bytes().next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.')
        && tegmen_classify::provider_token(text).is_none()
}

/// Whether a file runs by itself: a pipeline, or what is asked before a commit.
fn is_automatic(path: &str) -> bool {
    let name = Utf8Path::new(path).file_name().unwrap_or_default().to_lowercase();
    path.contains(".github/workflows/")
        || path.contains(".circleci/")
        || path.contains(".woodpecker/")
        || path.contains(".buildkite/")
        || name.starts_with(".gitlab-ci")
        || name.starts_with("jenkinsfile")
        || name.starts_with("azure-pipelines")
        || name.starts_with(".pre-commit")
        || matches!(name.as_str(), "bitbucket-pipelines.yml" | ".drone.yml" | ".travis.yml" | "cloudbuild.yaml")
}

#[cfg(test)]
mod tests;
