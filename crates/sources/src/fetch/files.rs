//! `env:`, `dotenv:` and `file:`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tegmen_secret::SecretBytes;
use zeroize::Zeroize;

use super::LONGEST;
use super::context::Context;
use super::error::Trouble;
use crate::dotenv::Dotenv;
use crate::names::nearest;

pub(super) fn env(context: &Context, name: &str) -> Result<SecretBytes, Trouble> {
    match context.environment.get(name) {
        Some(value) if value.is_empty() => Err(Trouble::new(
            format!("the environment variable {name} is set, but empty"),
            format!("give {name} its value before `tegmen` starts"),
        )),
        Some(value) => Ok(SecretBytes::new(value.as_encoded_bytes().to_vec())),
        None => {
            let names: Vec<&str> = context.environment.names().collect();
            let near = nearest(name, &names).map(|near| format!("; there is a variable {near}")).unwrap_or_default();
            Err(Trouble::new(
                format!("the environment variable {name} is not set{near}"),
                format!("export {name}, or name another source in the manifest"),
            ))
        }
    }
}

/// The dotenv files of a run, each read once.
#[derive(Default)]
pub(super) struct Dotenvs(BTreeMap<PathBuf, Result<Arc<Dotenv>, Trouble>>);

impl Dotenvs {
    pub(super) fn get(&mut self, context: &Context, file: &Path, name: &str) -> Result<SecretBytes, Trouble> {
        let path = context.path(file);
        let dotenv = self.0.entry(path.clone()).or_insert_with(|| {
            let mut bytes = read(&path)?;
            let parsed = Dotenv::parse(&bytes, &context.environment);
            bytes.zeroize();
            parsed.map(Arc::new).map_err(|error| {
                Trouble::new(format!("{}: {error}", path.display()), "correct that line; quote values with spaces or #")
            })
        });
        let dotenv = dotenv.as_ref().map_err(Clone::clone)?;
        match dotenv.get(name) {
            Some([]) => Err(Trouble::new(
                format!("{name} in {} is empty", path.display()),
                format!("write the value after {name}="),
            )),
            Some(value) => Ok(SecretBytes::new(value.to_vec())),
            None => {
                let names = dotenv.names();
                let near = nearest(name, &names).map(|near| format!("; it has {near}")).unwrap_or_default();
                Err(Trouble::new(
                    format!("{} has no {name}{near}", path.display()),
                    format!("add a line {name}=… to it, or correct the name after the # in the manifest"),
                ))
            }
        }
    }
}

/// The content of the file, without the newline at its end; whether there was one.
pub(super) fn file(context: &Context, path: &Path) -> Result<(SecretBytes, bool), Trouble> {
    let path = context.path(path);
    let (value, stripped) = without_newline(read(&path)?);
    if value.is_empty() {
        return Err(Trouble::new(format!("{} is empty", path.display()), "write the value into the file"));
    }
    Ok((value, stripped))
}

/// Takes one newline off the end, as an editor or `echo` leaves it.
pub(crate) fn without_newline(mut bytes: Vec<u8>) -> (SecretBytes, bool) {
    let length = match bytes.as_slice() {
        [start @ .., b'\r', b'\n'] | [start @ .., b'\n'] => start.len(),
        all => all.len(),
    };
    let stripped = length < bytes.len();
    bytes.truncate(length);
    (SecretBytes::new(bytes), stripped)
}

/// Why a file cannot be read.
pub(super) fn told(path: &Path, error: &std::io::Error) -> Trouble {
    let shown = path.display();
    match error.kind() {
        ErrorKind::NotFound => Trouble::new(
            format!("there is no file {shown}"),
            "correct the path; it starts at the directory of the manifest unless it begins with / or ~/",
        ),
        ErrorKind::PermissionDenied => {
            Trouble::new(format!("{shown} cannot be read: permission denied"), "make it readable for this user")
        }
        ErrorKind::IsADirectory => Trouble::new(format!("{shown} is a directory"), "name a file in it"),
        _ => Trouble::new(format!("{shown} cannot be read: {error}"), "check the path"),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Trouble> {
    let told = |error: &std::io::Error| told(path, error);
    let file = File::open(path).map_err(|error| told(&error))?;
    // Room from the start, so that the vector does not grow and leave pieces of the value behind.
    let size = file.metadata().map_or(0, |metadata| metadata.len()).min(LONGEST as u64) as usize;
    let mut bytes = Vec::with_capacity(size + 1);
    file.take(LONGEST as u64 + 1).read_to_end(&mut bytes).map_err(|error| told(&error))?;
    if bytes.len() > LONGEST {
        bytes.zeroize();
        let next = "check that it is the right file";
        return Err(Trouble::new(format!("{} is longer than {LONGEST} bytes", path.display()), next));
    }
    Ok(bytes)
}
