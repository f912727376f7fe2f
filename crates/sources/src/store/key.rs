//! The key of the store: an age identity, in a file of its own or in a variable.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use age::secrecy::ExposeSecret;
use age::x25519::Identity;
use tegmen_secret::SecretBytes;
use zeroize::Zeroizing;

use super::error::StoreError;
use super::files::{self, Guard};

/// Where the key is.
#[derive(Clone)]
pub(super) enum Key {
    File(PathBuf),
    Text(SecretBytes),
}

impl Key {
    pub(super) fn file(path: PathBuf) -> Self {
        Self::File(path)
    }

    pub(super) fn text(text: &str) -> Self {
        Self::Text(SecretBytes::from(text.to_owned()))
    }

    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Text(_) => None,
        }
    }

    /// What messages call it.
    pub(super) fn place(&self) -> &str {
        match self {
            Self::File(path) => path.to_str().unwrap_or("of TEGMEN_STORE_KEY"),
            Self::Text(_) => "in TEGMEN_STORE_KEY",
        }
    }

    /// The key of a store that exists already.
    pub(super) fn existing(&self, store: &Path) -> Result<Identity, StoreError> {
        self.read()?.ok_or_else(|| {
            StoreError::new(
                format!("there is the store {}, but not its key {}", store.display(), self.place()),
                "restore the key, or name it with TEGMEN_STORE_KEY; without it nobody can read the store",
            )
        })
    }

    /// The key, made now if there is none.
    pub(super) fn or_new(&self) -> Result<Identity, StoreError> {
        if let Some(identity) = self.read()? {
            return Ok(identity);
        }
        let Self::File(path) = self else { return Err(wrong(self.place())) };
        let directory = path.parent().unwrap_or(Path::new("."));
        files::private_directory(directory)?;
        let io = |error: &std::io::Error| StoreError::io(path, error);
        let identity = Identity::generate();
        // As age-keygen writes it. Complete before it has its name, so that nobody reads half a key; the temporary file
        // is for this user alone, and the name is taken only if nobody took it meanwhile.
        let mut file = tempfile::NamedTempFile::new_in(directory).map_err(|error| io(&error))?;
        let secret = identity.to_string();
        let written = writeln!(file, "# public key: {}", identity.to_public())
            .and_then(|()| file.write_all(secret.expose_secret().as_bytes()))
            .and_then(|()| file.write_all(b"\n"))
            .and_then(|()| file.as_file().sync_all());
        written.map_err(|error| io(&error))?;
        match file.persist_noclobber(path) {
            Ok(_) => {
                files::sync_directory(directory);
                Ok(identity)
            }
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => {
                self.read()?.ok_or_else(|| StoreError::io(path, &error.error))
            }
            Err(error) => Err(StoreError::io(path, &error.error)),
        }
    }

    fn read(&self) -> Result<Option<Identity>, StoreError> {
        let text = match self {
            Self::Text(text) => text.clone(),
            Self::File(path) => {
                let io = |error: &std::io::Error| StoreError::io(path, error);
                let file = match File::open(path) {
                    Ok(file) => file,
                    Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                    Err(error) => return Err(io(&error)),
                };
                files::check(path, &file, Guard::Key)?;
                let mut bytes = Zeroizing::new(Vec::with_capacity(4097));
                file.take(4096).read_to_end(&mut bytes).map_err(|error| io(&error))?;
                SecretBytes::new(std::mem::take(&mut *bytes))
            }
        };
        let lines = text.expose_str().unwrap_or_default().lines().map(str::trim);
        let mut keys = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        match (keys.next().map(Identity::from_str), keys.next()) {
            (Some(Ok(identity)), None) => Ok(Some(identity)),
            _ => Err(wrong(self.place())),
        }
    }
}

fn wrong(place: &str) -> StoreError {
    StoreError::new(format!("the key {place} is no age identity"), "it is one line that begins with AGE-SECRET-KEY-1")
}
