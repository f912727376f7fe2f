//! [`Context`]: what sources need to know about the world.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::manifest::Credential;
use crate::{Environment, Manifest, Source};

/// What sources need to know about the world. Holds the environment: no `Debug`.
#[derive(Clone)]
pub struct Context {
    /// The environment of `tegmen`, before anything was taken out of it.
    pub environment: Environment,
    /// Where relative paths start and where `exec:` commands run: the directory of the manifest, else the working
    /// directory.
    pub directory: PathBuf,
}

impl Context {
    /// The context of a manifest in this process.
    ///
    /// # Errors
    /// When there is no working directory.
    pub fn of(manifest: &Manifest) -> std::io::Result<Self> {
        let directory = match manifest.directory() {
            Some(directory) => directory.to_owned(),
            None => std::env::current_dir()?,
        };
        Ok(Self { environment: Environment::of_this_process(), directory })
    }

    /// The path that a source names: `~/` is the home, what is relative starts at the directory.
    pub fn path(&self, written: &Path) -> PathBuf {
        match (written.strip_prefix("~"), self.environment.get("HOME")) {
            (Ok(rest), Some(home)) => Path::new(home).join(rest),
            _ => self.directory.join(written),
        }
    }
}

/// The variables of the environment that hold a credential for a secrets manager or for the store.
pub fn manager_credentials(environment: &Environment) -> BTreeSet<String> {
    environment.names().filter(|name| is_manager_credential(name)).map(str::to_owned).collect()
}

fn is_manager_credential(name: &str) -> bool {
    if name == "TEGMEN_STORE_KEY" {
        return true;
    }
    let Some(rest) = name.strip_prefix("VAULT_").or_else(|| name.strip_prefix("BAO_")) else { return false };
    // `VAULT_TOKEN`, `VAULT_SECRET_ID`, `VAULT_WRAPPED_SECRET_ID`, `VAULT_ROLE_ID`, `VAULT_WRAP_TOKEN_FILE`,
    // `VAULT_CLIENT_KEY`, `VAULT_DEV_ROOT_TOKEN_ID`, …
    const PARTS: [&str; 12] = [
        "TOKEN",
        "SECRET_ID",
        "SECRETID",
        "ROLE_ID",
        "ROLEID",
        "WRAP",
        "PASSWORD",
        "CLIENT_KEY",
        "JWT",
        "UNSEAL",
        // They can hold a credential for what stands before Vault.
        "HEADERS",
        "PROXY",
    ];
    PARTS.iter().any(|part| rest.contains(part))
}

/// What [`Fetched::consumed`](super::Fetched::consumed) holds.
pub(super) fn consumed(manifest: &Manifest, environment: &Environment) -> BTreeSet<String> {
    let mut names = credentials(manifest, environment);
    names.extend(manifest.secrets.values().filter_map(|spec| variable(&spec.source)));
    names.extend(manifest.pools.values().filter_map(|spec| variable(&spec.source)));
    names
}

fn variable(source: &Source) -> Option<String> {
    match source {
        Source::Env { name } => Some(name.clone()),
        _ => None,
    }
}

/// What [`Fetched::credentials`](super::Fetched::credentials) holds.
pub(super) fn credentials(manifest: &Manifest, environment: &Environment) -> BTreeSet<String> {
    let mut names = manager_credentials(environment);
    if let Some(auth) = manifest.vault.as_ref().and_then(|vault| vault.auth.as_ref()) {
        for credential in auth.credentials() {
            if let Credential::Source(source) = credential {
                names.extend(variable(source));
            }
        }
        let implied = auth.implied_variables().iter().filter(|name| environment.get(name).is_some());
        names.extend(implied.map(|name| (*name).to_owned()));
    }
    names
}
