//! All sources but Vault.

use std::time::SystemTime;

use tegmen_secret::SecretBytes;

use super::context::Context;
use super::error::Trouble;
use super::files::Dotenvs;
use super::{exec, files, secretspec};
use crate::Source;
use crate::names::nearest;
use crate::store::{Contents, Entry, Store, StoreError};

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::new(error.why, error.next)
    }
}

/// What several secrets share: files and the store, each read once.
#[derive(Default)]
pub(crate) struct Local {
    dotenvs: Dotenvs,
    store: Option<Result<(Store, Contents), Trouble>>,
}

impl Local {
    /// The value, and whether a newline was stripped from its end.
    pub(crate) fn get(&mut self, context: &Context, source: &Source) -> Result<(SecretBytes, bool), Trouble> {
        match source {
            Source::Env { name } => Ok((files::env(context, name)?, false)),
            Source::Dotenv { file, name } => Ok((self.dotenvs.get(context, file, name)?, false)),
            Source::File { path } => files::file(context, path),
            Source::Exec { command } => exec::exec(context, command),
            Source::Secretspec(managed) => Ok((secretspec::get(context, managed)?, false)),
            Source::Store { name } => Ok((self.stored(context, name)?, false)),
            Source::Vault { .. } | Source::VaultDynamic { .. } => {
                Err(Trouble::new("it is in Vault", "this is a fault of tegmen: please report it"))
            }
        }
    }

    /// When the value was written, as far as its source says so. Asked after [`Self::get`].
    pub(super) fn written(&self, context: &Context, source: &Source) -> Option<SystemTime> {
        match source {
            Source::File { path: file } | Source::Dotenv { file, .. } => {
                std::fs::metadata(context.path(file)).and_then(|metadata| metadata.modified()).ok()
            }
            Source::Store { name } => {
                let (_, contents) = self.store.as_ref()?.as_ref().ok()?;
                contents.get(name).map(Entry::updated)
            }
            _ => None,
        }
    }

    fn stored(&mut self, context: &Context, name: &str) -> Result<SecretBytes, Trouble> {
        let opened = self.store.get_or_insert_with(|| {
            let store = Store::locate(&context.environment, &context.directory, None)?;
            let contents = store.read()?;
            Ok((store, contents))
        });
        let (store, contents) = opened.as_ref().map_err(Clone::clone)?;
        match contents.get(name) {
            Some(entry) if entry.value().is_empty() => {
                Err(Trouble::new(format!("{name} is empty in the store"), format!("tegmen secrets set {name}")))
            }
            Some(entry) => Ok(entry.value().clone()),
            None => {
                let names: Vec<&str> = contents.iter().map(|(name, _)| name).collect();
                let near = nearest(name, &names).map(|near| format!("; it has {near}")).unwrap_or_default();
                let why = if store.exists() {
                    format!("the store {} has no {name}{near}", store.path().display())
                } else {
                    format!("there is no store yet (it would be {})", store.path().display())
                };
                Err(Trouble::new(why, format!("tegmen secrets set {name}")))
            }
        }
    }
}
