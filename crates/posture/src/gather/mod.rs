//! Where facts come from: `/proc`, `/sys`, files, environments. Reads only, starts next to nothing, asks nobody on the network.
//!
//! What is read on the way to a fact may be secret (an environment, a history): it is dropped in the function that read it, and
//! the fact holds names and places.

mod environment;
mod files;
mod host;
mod isolation;
mod kernel;
mod locust;
mod process;
mod python;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::{
    check::Subject,
    facts::{Environment, Fact, Facts, Files, Host, Locust, Role},
    profile::Profile,
};

/// What is asked about.
#[derive(Debug, Clone, Default)]
pub struct Project {
    /// Its folder.
    pub root: PathBuf,
    /// Files that are known to belong to it: the manifest, the store, sources that are files.
    pub files: Vec<(Role, PathBuf)>,
    /// A command that starts Locust, if one was given.
    pub command: Vec<OsString>,
    /// What somebody has asked Vault, who may log in to it.
    pub vault: crate::vault::Facts,
}

/// Gathers what checks of the subjects that are wanted look at. What costs next to nothing is gathered in any case.
pub fn gather(project: &Project, profile: Option<Profile>, wanted: &dyn Fn(Subject) -> bool) -> Facts {
    let isolation = isolation::gather();
    let detected = detect(&isolation);
    Facts {
        profile: profile.unwrap_or(detected),
        process: process::gather(),
        kernel: kernel::gather(),
        host: if wanted(Subject::Host) { host::gather(&project.root) } else { Host::default() },
        files: if wanted(Subject::Files) { files::gather(project) } else { Files::default() },
        environment: if wanted(Subject::Environment) { environment::gather() } else { Environment::default() },
        isolation,
        locust: if wanted(Subject::Locust) { locust::gather(project) } else { Locust::default() },
        vault: project.vault.clone(),
    }
}

/// The kind of machine, by its signs.
fn detect(isolation: &crate::facts::Isolation) -> Profile {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let container = isolation.container.ok().and_then(Option::as_ref);
    if ["CI", "GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL", "TF_BUILD", "BUILDKITE"].into_iter().any(is_set) {
        Profile::Ci
    } else if is_set("KUBERNETES_SERVICE_HOST") || container.is_some_and(|container| container.engine == "kubernetes") {
        Profile::Kubernetes
    } else if container.is_some() {
        Profile::Container
    } else {
        Profile::Laptop
    }
}

/// A small file of the kernel, without the end of its line.
fn line(path: &str) -> std::io::Result<String> {
    std::fs::read_to_string(path).map(|text| text.trim_end().to_owned())
}

/// A number in a small file of the kernel.
fn number<T: std::str::FromStr>(path: &str) -> Fact<T> {
    Fact::read(path, line(path)).and_then(|text| text.trim().parse().ok(), &format!("{path} holds no number"))
}

/// The same where the file may not be there.
fn optional<T>(path: &str, parse: impl FnOnce(&str) -> Option<T>) -> Fact<Option<T>> {
    match line(path) {
        Ok(text) => Fact::known(text).and_then(|text| parse(&text).map(Some), &format!("{path} is not understood")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Fact::known(None),
        Err(error) => Fact::read(path, Err(error)),
    }
}

/// Days since 1970.
fn today() -> u64 {
    days(SystemTime::now())
}

fn days(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs() / 86_400)
}

/// How many days ago a file was changed.
fn age(path: &Path) -> Option<u64> {
    let changed = std::fs::metadata(path).and_then(|known| known.modified()).ok()?;
    Some(today().saturating_sub(days(changed)))
}
