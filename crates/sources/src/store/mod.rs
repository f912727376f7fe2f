//! The embedded store: one age-encrypted file, and the key that opens it. No server, no account.
//!
//! The file is JSON under the encryption, `{"NAME": {"value": "…", "updated": seconds}}`, with `base64` in place of `value`
//! where the bytes are not UTF-8. `age -d -i store.key store.age` reads it.

mod contents;
mod error;
mod files;
mod key;

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use etcetera::BaseStrategy;
use zeroize::Zeroizing;

pub use contents::{Contents, Entry};
pub use error::StoreError;

use crate::Environment;
use key::Key;

/// Where a store is. Reads and writes nothing until it is asked to.
#[derive(Clone)]
pub struct Store {
    path: PathBuf,
    key: Key,
}

/// How long another writer is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest store, in bytes.
const LONGEST: u64 = 64 << 20;

impl Store {
    /// The store of this environment: `named`, else `TEGMEN_STORE`, else `.tegmen/store.age` in the project where there is
    /// one, else `tegmen/store.age` in the user's data directory (`$XDG_DATA_HOME`, `~/.local/share`). The key is what
    /// `TEGMEN_STORE_KEY` holds or names, else `tegmen/store.key` in the user's data directory: never beside a store that
    /// lies in a project.
    ///
    /// # Errors
    /// When there is no home directory.
    pub fn locate(environment: &Environment, project: &Path, named: Option<&Path>) -> Result<Self, StoreError> {
        let local = project.join(".tegmen/store.age");
        let data = || data_directory(environment);
        let path = match (named, environment.text("TEGMEN_STORE")) {
            (Some(named), _) => named.to_owned(),
            (None, Some(variable)) => project.join(variable),
            (None, None) if local.exists() => local,
            (None, None) => data()?.join("store.age"),
        };
        let key = match environment.text("TEGMEN_STORE_KEY") {
            Some(text) if text.starts_with("AGE-SECRET-KEY-") => Key::text(text),
            Some(path) => Key::file(project.join(path)),
            None => Key::file(data()?.join("store.key")),
        };
        // Through a link, so that a write replaces the file and not the link.
        Ok(Self { path: path.canonicalize().unwrap_or(path), key })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file of its key, if the key is in a file.
    pub fn key_path(&self) -> Option<&Path> {
        self.key.path()
    }

    /// Whether there is a store.
    pub fn exists(&self) -> bool {
        self.path.exists()
    }

    /// What is in the store; nothing, where there is none.
    ///
    /// # Errors
    /// When the key is missing, is another one, or anybody else could read it; when the file is damaged.
    pub fn read(&self) -> Result<Contents, StoreError> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Contents::default()),
            Err(error) => return Err(StoreError::io(&self.path, &error)),
        };
        files::check(&self.path, &file, files::Guard::Store)?;
        if file.metadata().is_ok_and(|metadata| metadata.len() > LONGEST) {
            return Err(StoreError::new(
                format!("{} is too long to be a store", self.path.display()),
                "check the path",
            ));
        }
        let identity = self.key.existing(&self.path)?;
        let plain =
            decrypt(file, &identity).map_err(|error| StoreError::decrypt(&self.path, self.key.place(), &error))?;
        Contents::from_json(&plain).ok_or_else(|| {
            let message = format!("{} opens, but does not hold what a store holds", self.path.display());
            StoreError::new(message, "it was written by something else: restore it from a backup")
        })
    }

    /// Changes the store: one writer after another, and the file is always either the old or the new one. The key is made
    /// if there is none yet. When `change` gives an error, nothing is written.
    ///
    /// # Errors
    /// As [`read`](Self::read), and when it cannot be written or another writer holds it.
    pub fn change<R>(&self, change: impl FnOnce(&mut Contents) -> Result<R, StoreError>) -> Result<R, StoreError> {
        let directory = self.path.parent().unwrap_or(Path::new("."));
        files::private_directory(directory)?;
        let lock_path = self.path.with_extension("age.lock");
        let lock = files::open_private(&lock_path).map_err(|error| StoreError::io(&lock_path, &error))?;
        acquire(&lock, &lock_path)?;
        let mut contents = self.read()?;
        let result = change(&mut contents)?;
        let identity = if self.exists() { self.key.existing(&self.path)? } else { self.key.or_new()? };
        let plain = contents.to_json();
        let io = |error: &std::io::Error| StoreError::io(&self.path, error);
        let sealed = age::encrypt(&identity.to_public(), &plain).map_err(|error| {
            StoreError::new(
                format!("the store cannot be encrypted: {error}"),
                "this is a fault of tegmen: please report it",
            )
        })?;
        let mut file = tempfile::NamedTempFile::new_in(directory).map_err(|error| io(&error))?;
        file.write_all(&sealed).and_then(|()| file.as_file().sync_all()).map_err(|error| io(&error))?;
        file.persist(&self.path).map_err(|error| io(&error.error))?;
        files::sync_directory(directory);
        Ok(result)
    }
}

fn decrypt(file: File, identity: &age::x25519::Identity) -> Result<Zeroizing<Vec<u8>>, age::DecryptError> {
    let length = file.metadata().map_or(0, |metadata| metadata.len()).min(LONGEST) as usize;
    let decryptor = age::Decryptor::new_buffered(std::io::BufReader::new(file))?;
    let mut reader = decryptor.decrypt(std::iter::once(identity as &dyn age::Identity))?;
    // What is inside is shorter than the file, so the vector does not grow.
    let mut plain = Zeroizing::new(Vec::with_capacity(length + 1));
    std::io::Read::read_to_end(&mut reader, &mut plain).map_err(age::DecryptError::Io)?;
    Ok(plain)
}

fn acquire(lock: &File, path: &Path) -> Result<(), StoreError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(()),
            Err(std::fs::TryLockError::WouldBlock) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(std::fs::TryLockError::WouldBlock) => {
                let message = format!("another process has held {} for {} s", path.display(), PATIENCE.as_secs());
                return Err(StoreError::new(message, "wait until it has finished, then try again"));
            }
            Err(std::fs::TryLockError::Error(error)) => return Err(StoreError::io(path, &error)),
        }
    }
}

/// `tegmen` in the user's data directory.
fn data_directory(environment: &Environment) -> Result<PathBuf, StoreError> {
    // The specification has relative paths ignored.
    if let Some(path) = environment.text("XDG_DATA_HOME").map(Path::new).filter(|path| path.is_absolute()) {
        return Ok(path.join("tegmen"));
    }
    if let Some(home) = environment.text("HOME") {
        return Ok(Path::new(home).join(".local/share/tegmen"));
    }
    let strategy = etcetera::choose_base_strategy();
    strategy.map(|strategy| strategy.data_dir().join("tegmen")).map_err(|_| {
        StoreError::new(
            "the place of the store is not known: there is no home directory",
            "set TEGMEN_STORE and TEGMEN_STORE_KEY",
        )
    })
}
