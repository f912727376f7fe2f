//! `tegmen secrets list`: names and ages, never values.

use std::process::ExitCode;
use std::time::SystemTime;

use tegmen_sources::period;
use tegmen_sources::store::{Store, StoreError};

use crate::{messages, stdout};

pub(super) fn list(store: &Store) -> Result<ExitCode, StoreError> {
    let contents = store.read()?;
    let width = contents.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let now = SystemTime::now();
    let mut text = String::new();
    for (name, entry) in contents.iter() {
        let age = now.duration_since(entry.updated()).unwrap_or_default();
        text += &format!("{name:width$}  {}\n", period(age));
    }
    let written = |error: anyhow::Error| StoreError::new(format!("{error:#}"), "check where it goes");
    stdout::write(text).map_err(written)?;
    if contents.iter().next().is_none() {
        messages::note(format_args!("nothing is stored in {}", store.path().display()));
    }
    Ok(ExitCode::SUCCESS)
}
