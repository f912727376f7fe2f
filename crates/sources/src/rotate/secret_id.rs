//! Rotating the SecretID of an AppRole: a new one where the old one was, and the old one destroyed.

use std::path::Path;

use tegmen_secret::SecretBytes;

use super::follow::Follower;
use super::local;
use crate::fetch::{Context, Trouble};
use crate::manifest::{Credential, VaultAuth};
use crate::{Manifest, Source};

/// Where `[vault]` has its SecretID, where that can be written to.
pub(super) fn usual_place(manifest: &Manifest) -> Option<Follower> {
    let Some(VaultAuth::AppRole { secret_id: Some(Credential::Source(source)), .. }) =
        manifest.vault.as_ref().and_then(|vault| vault.auth.as_ref())
    else {
        return None;
    };
    match source.clone() {
        Source::File { path } => Some(Follower::File { path }),
        Source::Dotenv { file, name } => Some(Follower::Dotenv { file, name }),
        Source::Store { name } => Some(Follower::Store { name }),
        _ => None,
    }
}

/// The SecretID that the first of the places holds that can be read; `None` where none can be, or none is there.
pub(super) fn current(context: &Context, places: &[Follower]) -> Result<Option<SecretBytes>, Trouble> {
    for place in places {
        let value = match place {
            Follower::File { path } => read(&context.path(path))?,
            Follower::Dotenv { file, name } => match local::content(&context.path(file))? {
                Some(text) => crate::Dotenv::parse(&text, &context.environment)
                    .ok()
                    .and_then(|dotenv| dotenv.get(name).map(|value| SecretBytes::new(value.to_vec()))),
                None => None,
            },
            Follower::Store { name } => local::store(context)?.read()?.get(name).map(|entry| entry.value().clone()),
            _ => None,
        };
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            return Ok(Some(SecretBytes::new(value.expose().trim_ascii().to_vec())));
        }
    }
    Ok(None)
}

fn read(path: &Path) -> Result<Option<SecretBytes>, Trouble> {
    Ok(local::content(path)?.map(|content| local::file_value(&content)))
}
