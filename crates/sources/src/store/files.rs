//! Files that nobody else may read: made so, and refused when they are not.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use super::error::StoreError;

/// What a file is guarded against.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Guard {
    /// The key: nobody else may read or write it.
    Key,
    /// The encrypted store: nobody else may write it.
    Store,
}

/// Refuses a file that others could read or change, or that belongs to somebody else.
pub(super) fn check(path: &Path, file: &File, guard: Guard) -> Result<(), StoreError> {
    let metadata = file.metadata().map_err(|error| StoreError::io(path, &error))?;
    if !metadata.is_file() {
        return Err(StoreError::new(format!("{} is not a file", path.display()), "check the path"));
    }
    let own = tegmen_sys::peer::own_uid();
    if metadata.uid() != own {
        return Err(StoreError::new(
            format!("{} belongs to another user (uid {}, not {own})", path.display(), metadata.uid()),
            format!("if it is yours: chown {own} {}", quoted(path)),
        ));
    }
    let (bits, what) = match guard {
        Guard::Key => (0o077, "read or write"),
        Guard::Store => (0o022, "write"),
    };
    if metadata.mode() & bits != 0 {
        return Err(StoreError::new(
            format!("other users may {what} {} (mode {:03o})", path.display(), metadata.mode() & 0o777),
            format!("chmod 600 {}", quoted(path)),
        ));
    }
    Ok(())
}

/// Makes the directory, for this user alone; one that is there must not be writable for others.
pub(super) fn private_directory(path: &Path) -> Result<(), StoreError> {
    if path.as_os_str().is_empty() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| StoreError::io(path, &error))?;
    let metadata = path.metadata().map_err(|error| StoreError::io(path, &error))?;
    // Whoever may write here may put another file in place of ours; the sticky bit forbids that.
    if metadata.mode() & 0o022 != 0 && metadata.mode() & 0o1000 == 0 {
        return Err(StoreError::new(
            format!("other users may write in {} (mode {:03o})", path.display(), metadata.mode() & 0o777),
            format!("chmod go-w {}", quoted(path)),
        ));
    }
    Ok(())
}

pub(super) fn open_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Has the renaming itself on disk. Not every file system can do it, and without it the store is still whole.
pub(super) fn sync_directory(path: &Path) {
    if let Ok(directory) = File::open(path) {
        let _ = directory.sync_all();
    }
}

fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    shlex::try_quote(&text).map_or(text.clone(), |quoted| quoted.into_owned())
}
