//! Writing values on this machine: files, lines of dotenv files, entries of the store.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tegmen_secret::SecretBytes;
use zeroize::Zeroizing;

use crate::dotenv;
use crate::fetch::{Context, Trouble, without_newline};
use crate::store::{Store, StoreError};

/// The longest file that is rewritten, in bytes.
const LONGEST: u64 = 1 << 20;

/// Takes a file back to what it held; `None`: to not being there.
pub(super) fn restore(path: &Path, content: Option<&[u8]>) -> Result<(), Trouble> {
    match content {
        Some(content) => replace(path, content),
        None => std::fs::remove_file(path).map_err(|error| unwritable(path, &error)),
    }
}

/// The content of a file; `None` where there is none.
pub(super) fn content(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, Trouble> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(path, &error)),
    };
    let length = file.metadata().map_or(0, |metadata| metadata.len()).min(LONGEST);
    let mut bytes = Zeroizing::new(Vec::with_capacity(length as usize + 1));
    file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(|error| unreadable(path, &error))?;
    if bytes.len() as u64 > LONGEST {
        let next = "check that it is the right file";
        return Err(Trouble::new(format!("{} is longer than {LONGEST} bytes", path.display()), next));
    }
    Ok(Some(bytes))
}

/// Writes a file so that it is either the old or the new one, with the mode and the owner that it had; a new one is for this
/// user alone. Through a link, so that the link stays.
pub(super) fn replace(path: &Path, content: &[u8]) -> Result<(), Trouble> {
    let told = |error: &std::io::Error| unwritable(path, error);
    let real: PathBuf = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let directory = real.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(directory).map_err(|error| told(&error))?;
    if let Ok(old) = real.metadata() {
        let new = file.as_file().metadata().map_err(|error| told(&error))?;
        if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
            std::os::unix::fs::fchown(file.as_file(), Some(old.uid()), Some(old.gid())).map_err(|error| {
                Trouble::new(
                    format!("{} would get another owner: {error}", path.display()),
                    "rotate as the user to whom the file belongs",
                )
            })?;
        }
        let mode = std::fs::Permissions::from_mode(old.mode() & 0o7777);
        file.as_file().set_permissions(mode).map_err(|error| told(&error))?;
    }
    file.write_all(content).and_then(|()| file.as_file().sync_all()).map_err(|error| told(&error))?;
    file.persist(&real).map_err(|error| told(&error.error))?;
    if let Ok(directory) = File::open(directory) {
        let _ = directory.sync_all();
    }
    Ok(())
}

/// A file with another value in it: its newline at the end stays.
pub(super) fn file_with(old: Option<&[u8]>, value: &SecretBytes) -> Zeroizing<Vec<u8>> {
    let end: &[u8] = match old {
        Some([.., b'\r', b'\n']) => b"\r\n",
        Some([.., b'\n']) => b"\n",
        _ => b"",
    };
    let mut out = Zeroizing::new(Vec::with_capacity(value.len() + end.len()));
    out.extend_from_slice(value.expose());
    out.extend_from_slice(end);
    out
}

/// The value that a file holds.
pub(super) fn file_value(content: &[u8]) -> SecretBytes {
    without_newline(content.to_vec()).0
}

/// A dotenv file with another value in one of its lines.
pub(super) fn dotenv_with(
    context: &Context,
    path: &Path,
    text: &[u8],
    name: &str,
    value: &SecretBytes,
) -> Result<Zeroizing<Vec<u8>>, Trouble> {
    dotenv::with_value(text, name, value.expose(), &context.environment).map_err(|error| {
        let next = match error {
            dotenv::EditError::Missing(_) => format!("add a line {name}= to it"),
            dotenv::EditError::Broken(_) => "correct that line".to_owned(),
            dotenv::EditError::Unfit => "choose another `alphabet`, or keep the value elsewhere".to_owned(),
        };
        Trouble::new(format!("{}: {error}", path.display()), next)
    })
}

/// Writes an entry of the store; with `None` takes it out. Gives back the value that it had.
pub(super) fn stored(
    context: &Context,
    name: &str,
    value: Option<&SecretBytes>,
) -> Result<Option<SecretBytes>, Trouble> {
    let store = Store::locate(&context.environment, &context.directory, None)?;
    let done = store.change(|contents| {
        let old = contents.get(name).map(|entry| entry.value().clone());
        match value {
            Some(value) => drop(contents.set(name, value.clone())),
            None => drop(contents.remove(name)),
        }
        Ok(old)
    });
    Ok(done?)
}

/// The store's own file, for an entry's value and age.
pub(super) fn store(context: &Context) -> Result<Store, StoreError> {
    Store::locate(&context.environment, &context.directory, None)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Trouble {
    Trouble::new(format!("{} cannot be read: {error}", path.display()), "check the path and its permissions")
}

fn unwritable(path: &Path, error: &std::io::Error) -> Trouble {
    let next = match error.kind() {
        ErrorKind::ResourceBusy => "it is mounted by itself, so it cannot be replaced: mount its directory",
        ErrorKind::ReadOnlyFilesystem => "it is mounted for reading only: rotate where it comes from",
        _ => "the directory must be writable too: a new file takes the place of the old one",
    };
    Trouble::new(format!("{} cannot be written: {error}", path.display()), next)
}
