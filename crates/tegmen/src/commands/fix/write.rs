//! Files that are replaced as a whole, or not at all.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A file with new content, written beside the old one and not yet in its place.
pub struct Replacement {
    path: PathBuf,
    before: Option<Vec<u8>>,
    file: NamedTempFile,
}

impl Replacement {
    /// Writes `after` beside `path`, whose content must be `before`; `None`: there must be no such file. A link stays one:
    /// what it points at is replaced. Mode and owner stay.
    pub fn prepare(path: &Path, before: Option<&[u8]>, after: &[u8]) -> Result<Self, String> {
        let mode = match before {
            Some(_) => None,
            None => Some(0o644),
        };
        Self::with_mode(path, before, after, mode)
    }

    /// As [`prepare`](Self::prepare), with this mode rather than the one that the file has.
    pub fn with_mode(path: &Path, before: Option<&[u8]>, after: &[u8], mode: Option<u32>) -> Result<Self, String> {
        let path = if before.is_some() {
            path.canonicalize().map_err(|error| format!("cannot be found any more: {error}"))?
        } else {
            path.to_owned()
        };
        let existing = match before {
            Some(before) => {
                let metadata = writable(&path)?;
                unchanged(&path, before)?;
                Some(metadata)
            }
            None if path.symlink_metadata().is_ok() => return Err("was made by somebody else meanwhile".to_owned()),
            None => None,
        };
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let wrong = |error: std::io::Error| format!("cannot be written: {error}; check its directory");
        let mut file = tempfile::Builder::new().prefix(".tegmen-").tempfile_in(directory).map_err(wrong)?;
        file.write_all(after).map_err(wrong)?;
        if let Some(metadata) = &existing {
            let own = file.as_file().metadata().map_err(wrong)?;
            if (own.uid(), own.gid()) != (metadata.uid(), metadata.gid()) {
                fchown(file.as_file(), Some(metadata.uid()), Some(metadata.gid())).map_err(|error| {
                    format!("belongs to another user or group, which cannot be kept: {error}; run this as its owner")
                })?;
            }
        }
        let mode = mode.or(existing.map(|metadata| metadata.mode() & 0o7777)).unwrap_or(0o600);
        file.as_file().set_permissions(std::fs::Permissions::from_mode(mode)).map_err(wrong)?;
        file.as_file().sync_all().map_err(wrong)?;
        Ok(Self { path, before: before.map(<[u8]>::to_vec), file })
    }

    /// Puts the new content in place, unless the file has changed since.
    pub fn persist(self) -> Result<(), String> {
        let wrong = |error: std::io::Error| format!("cannot be replaced: {error}");
        match &self.before {
            Some(before) => {
                unchanged(&self.path, before)?;
                self.file.persist(&self.path).map_err(|error| wrong(error.error))?;
            }
            None => {
                self.file.persist_noclobber(&self.path).map_err(|error| wrong(error.error))?;
            }
        }
        // Not every file system can do this, and the file is whole without it.
        if let Some(directory) = self.path.parent().and_then(|directory| File::open(directory).ok()) {
            let _ = directory.sync_all();
        }
        Ok(())
    }
}

fn writable(path: &Path) -> Result<std::fs::Metadata, String> {
    let metadata = path.metadata().map_err(|error| format!("cannot be looked at: {error}"))?;
    if !metadata.is_file() {
        return Err("is not a file".to_owned());
    }
    if metadata.permissions().readonly() {
        return Err("is read-only; make it writable with chmod u+w".to_owned());
    }
    if metadata.nlink() > 1 {
        return Err(format!(
            "has {} names (hard links), and the others would keep the value; make a copy of its own",
            metadata.nlink()
        ));
    }
    match OpenOptions::new().write(true).open(path) {
        Ok(_) => Ok(metadata),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            Err("may not be written by this user; check its owner and mode".to_owned())
        }
        Err(error) => Err(format!("cannot be written: {error}")),
    }
}

fn unchanged(path: &Path, before: &[u8]) -> Result<(), String> {
    match std::fs::read(path) {
        Ok(now) if now == before => Ok(()),
        Ok(_) => Err("has changed meanwhile and was left alone; run the command again".to_owned()),
        Err(error) => Err(format!("cannot be read again: {error}")),
    }
}
