//! What is known about machine, project and Locust. Data only: [`crate::gather`] fills it, [`crate::checks`] judges it.
//!
//! Nothing in here can hold a value: names, places, modes and numbers only.

mod environment;
mod files;
mod host;
mod isolation;
mod kernel;
mod locust;
mod process;

pub use environment::{Environment, History, Neighbour};
pub use files::{Credential, Files, Key, ProjectFile, Protection, Role, Standing};
pub use host::{Host, Updates};
pub use isolation::{Container, Isolation, Mount};
pub use kernel::{Kernel, Swap};
pub use locust::{Locust, Package, Settings};
pub use process::Process;

use crate::{check::Unknown, profile::Profile};

/// Everything that checks look at.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// For which kind of machine is asked.
    pub profile: Profile,
    /// This process.
    pub process: Process,
    /// The kernel.
    pub kernel: Kernel,
    /// The host.
    pub host: Host,
    /// Container or virtual machine.
    pub isolation: Isolation,
    /// The project's files, and credentials within reach.
    pub files: Files,
    /// Environments, command lines, history.
    pub environment: Environment,
    /// Locust's settings and versions.
    pub locust: Locust,
    /// Vault's configuration.
    pub vault: crate::vault::Facts,
}

/// Something that is known, or the reason why it is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact<T>(Result<T, Unknown>);

impl<T> Fact<T> {
    /// It is known.
    pub fn known(value: T) -> Self {
        Self(Ok(value))
    }

    /// It is not.
    pub fn unknown(reason: impl Into<String>) -> Self {
        Self(Err(Unknown(reason.into())))
    }

    /// What was read, or why that failed: `what` is the name of what was to be read.
    pub fn read(what: &str, result: std::io::Result<T>) -> Self {
        Self(result.map_err(|error| Unknown(format!("{what} cannot be read: {error}"))))
    }

    /// What is known.
    ///
    /// # Errors
    /// With the reason why it is not: with `?`, a judgement ends there.
    pub fn get(&self) -> Result<&T, Unknown> {
        self.0.as_ref().map_err(Clone::clone)
    }

    /// What is known, for those who can do without.
    pub fn ok(&self) -> Option<&T> {
        self.0.as_ref().ok()
    }

    /// What follows from it.
    pub fn map<U>(self, follow: impl FnOnce(T) -> U) -> Fact<U> {
        Fact(self.0.map(follow))
    }

    /// What follows from it, where something does.
    pub fn and_then<U>(self, follow: impl FnOnce(T) -> Option<U>, or: &str) -> Fact<U> {
        Fact(self.0.and_then(|value| follow(value).ok_or_else(|| Unknown(or.to_owned()))))
    }
}

impl<T> Default for Fact<T> {
    fn default() -> Self {
        Self::unknown("nobody has looked")
    }
}
