//! [`Manifest`]: which secrets a project has, where their values come from and where they may go.

mod audit;
mod edit;
mod options;
mod pool;
mod problem;
mod read;
mod vault;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use audit::{AuditConfig, AuditTable};
pub use edit::{Bound, NewSecret, with_bounds, with_secrets};
pub use pool::{OnEmpty, PoolFormat, PoolSpec, Share};
pub use problem::{ManifestError, Problem};
pub use vault::{Credential, Directory, VaultAuth, VaultConfig};

use crate::rotate::{RotateSpec, RotationSpec};
use crate::{HostSpec, PlaceSpec, Source};

/// What `tegmen.toml` says.
#[derive(Clone, Debug, Default)]
pub struct Manifest {
    /// How to reach Vault, where it is not the `VAULT_*` and `BAO_*` variables that say so.
    pub vault: Option<VaultConfig>,
    /// The secrets by name.
    pub secrets: BTreeMap<String, SecretSpec>,
    /// What is to be rotated beside them, by name.
    pub rotations: BTreeMap<String, RotationSpec>,
    /// Where the key comes from that seals what passes between master and workers; `None`: each broker makes its own.
    pub cluster_key: Option<Source>,
    /// The pools by name.
    pub pools: BTreeMap<String, PoolSpec>,
    /// `seal_responses = true` at the top: for all secrets and pools.
    pub seal: bool,
    /// Whom to ask about them.
    pub owner: Option<String>,
    /// The file, as an absolute path. `None` when the secrets came from options or from the environment.
    pub path: Option<PathBuf>,
}

/// One secret of the manifest.
#[derive(Clone, Debug)]
pub struct SecretSpec {
    /// Where the value comes from.
    pub source: Source,
    /// The variables in which the child sees it; `None`: `NAME` and `LOCUST_NAME`. See [`Self::variables`].
    pub env: Option<Vec<String>>,
    /// The origins to which it may be sent; `None`: the test's own target.
    pub hosts: Option<Vec<HostSpec>>,
    /// The places in a request where it may stand; empty: all.
    pub places: Vec<PlaceSpec>,
    /// The age from which on it is to be rotated.
    pub max_age: Option<Duration>,
    /// How it is rotated.
    pub rotate: Option<RotateSpec>,
    /// Whom to ask about it, where that is somebody else than for the others.
    pub owner: Option<String>,
    /// Whether Python code gets the value itself.
    pub reveal: bool,
    /// `as = "file"`: served as a path of the form `/proc/self/fd/N`, for client certificates and keys.
    pub as_file: bool,
    /// Whether requests that carry it must be over verified TLS.
    pub tls: TlsPolicy,
    /// Whether answers that repeat the value show its placeholder to Python.
    pub seal: bool,
    /// The line of the manifest on which it begins; 0 when there is no manifest.
    pub line: usize,
}

/// Whether the certificate of the target is verified for requests that carry the secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsPolicy {
    /// It is, whatever the client's own setting.
    #[default]
    Verified,
    /// The client's own setting holds. Every report shows it.
    Unverified,
}

impl SecretSpec {
    /// A secret with this source and the defaults for everything else.
    pub fn new(source: Source) -> Self {
        Self {
            source,
            env: None,
            hosts: None,
            places: Vec::new(),
            max_age: None,
            rotate: None,
            owner: None,
            reveal: false,
            as_file: false,
            tls: TlsPolicy::Verified,
            seal: false,
            line: 0,
        }
    }

    /// The variables in which the child sees the secret called `name`.
    pub fn variables(&self, name: &str) -> Vec<String> {
        self.env.clone().unwrap_or_else(|| crate::names::default_variables(name))
    }
}

impl Manifest {
    /// The name of the file.
    pub const FILE: &str = "tegmen.toml";

    /// The manifest for a project: `tegmen.toml` in `start` or the nearest directory above it, not further up than the
    /// root of the repository (the directory with `.git`).
    pub fn find(start: &Path) -> Option<PathBuf> {
        for directory in start.ancestors() {
            let candidate = directory.join(Self::FILE);
            // A link that leads nowhere is one that was meant: to go on without would be to go on unprotected.
            if candidate.symlink_metadata().is_ok() {
                return Some(candidate);
            }
            if directory.join(".git").exists() {
                return None;
            }
        }
        None
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// With every mistake in it, each with its line.
    pub fn load(path: &Path) -> Result<Self, ManifestError> {
        let text = std::fs::read_to_string(path).map_err(|error| ManifestError::unreadable(path, &error))?;
        let mut manifest = Self::parse(path, &text)?;
        manifest.path = Some(std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
        Ok(manifest)
    }

    /// Reads a manifest from its text; `path` is what messages call it.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn parse(path: &Path, text: &str) -> Result<Self, ManifestError> {
        read::manifest(path, text)
    }

    /// Lets the key of the cluster be got with the secrets, under this name.
    ///
    /// # Errors
    /// When there is a secret of that name, which would have a placeholder and come into Python's hands.
    pub fn fetch_cluster_key_as(&mut self, name: &str) -> Result<(), ManifestError> {
        let Some(source) = self.cluster_key.clone() else { return Ok(()) };
        let wrong = |message: String, hint: &str| {
            let problems = vec![Problem::option(message, Some(hint.to_owned()))];
            Err(ManifestError { path: self.path.clone(), problems })
        };
        if self.secrets.contains_key(name) {
            let message = format!("[secrets.{name}]: the name is that of the cluster key");
            return wrong(message, "leave the secret out, or give it another name: the test needs no cluster key");
        }
        if let Some((other, _)) = self.secrets.iter().find(|(_, spec)| spec.source == source) {
            let message = format!("[secrets.{other}] has the same source as the cluster key");
            return wrong(message, "leave the secret out: the test needs no cluster key");
        }
        self.secrets.insert(name.to_owned(), SecretSpec { env: Some(Vec::new()), ..SecretSpec::new(source) });
        Ok(())
    }

    /// The directory from which relative paths in sources start; `None` without a file: the working directory.
    pub fn directory(&self) -> Option<&Path> {
        self.path.as_deref().and_then(Path::parent)
    }
}
