//! `tegmen secrets import`: the values of a dotenv file.

use std::path::Path;
use std::process::ExitCode;

use tegmen_secret::SecretBytes;
use tegmen_sources::store::{Store, StoreError};
use tegmen_sources::{Dotenv, Environment};

use super::MISSING;
use crate::messages;

pub(super) fn import(
    store: &Store,
    environment: &Environment,
    file: &Path,
    only: &[String],
) -> Result<ExitCode, StoreError> {
    let shown = file.display();
    let text = std::fs::read(file).map(SecretBytes::new).map_err(|error| {
        StoreError::new(format!("{shown} cannot be read: {error}"), "check the path and that this user may read it")
    })?;
    let dotenv = Dotenv::parse(text.expose(), environment).map_err(|error| {
        StoreError::new(
            format!("{shown}: {error}; nothing was imported"),
            "correct that line; quote values with spaces or #",
        )
    })?;
    let absent: Vec<&String> = only.iter().filter(|name| dotenv.get(name).is_none()).collect();
    if let Some(name) = absent.first() {
        let next = format_args!("it has {}", dotenv.names().join(", "));
        messages::trouble(format_args!("{shown} has no {name}; nothing was imported"), next);
        return Ok(ExitCode::from(MISSING));
    }
    let wanted: Vec<&str> =
        dotenv.names().into_iter().filter(|name| only.is_empty() || only.iter().any(|only| only == name)).collect();
    for name in &wanted {
        super::check_name(name)?;
    }
    let (full, empty): (Vec<&str>, Vec<&str>) =
        wanted.into_iter().partition(|name| dotenv.get(name).is_some_and(|value| !value.is_empty()));
    for name in empty {
        messages::warning(format_args!("{name} is empty in {shown}: not imported"));
    }
    if full.is_empty() {
        return Err(StoreError::new(format!("{shown} has no value to import"), "check the file"));
    }
    let replaced: Vec<bool> = store.change(|contents| {
        let value = |name: &str| SecretBytes::new(dotenv.get(name).unwrap_or_default().to_vec());
        Ok(full.iter().map(|name| contents.set(name, value(name))).collect())
    })?;
    for (name, replaced) in full.iter().zip(replaced) {
        let done = if replaced { "replaced in" } else { "written to" };
        messages::note(format_args!("{name} {done} {}", store.path().display()));
    }
    messages::next(format_args!(
        "in the manifest the source is \"store:NAME\"; {shown} still holds the values in clear: take them out of it"
    ));
    Ok(ExitCode::SUCCESS)
}
