//! The project's files, and credentials within reach.

use std::path::PathBuf;

use super::Fact;

/// The project's files, and credentials within reach.
#[derive(Debug, Clone, Default)]
pub struct Files {
    /// The project's folder.
    pub root: PathBuf,
    /// The user who asks.
    pub uid: u32,
    /// Locustfiles, manifest, store, `.env`: those that are there.
    pub project: Vec<ProjectFile>,
    /// The folder itself.
    pub folder: Fact<Standing>,
    /// `.env` files that git does not ignore, from the folder; an error where this is no repository.
    pub unignored: Fact<Vec<String>>,
    /// The `.gitignore` to write into.
    pub gitignore: PathBuf,
    /// Files in the home folder that hold credentials.
    pub credentials: Fact<Vec<Credential>>,
    /// Private keys of SSH.
    pub keys: Fact<Vec<Key>>,
    /// Folders from which programs or Python modules are taken, and into which others can write.
    pub open_search_folders: Fact<Vec<String>>,
}

/// What a file of the project is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A locustfile, or a module beside it.
    Locustfile,
    /// `tegmen.toml`.
    Manifest,
    /// The embedded store.
    Store,
    /// The key of the store.
    StoreKey,
    /// A file with variables.
    Dotenv,
    /// A file that the manifest names as the source of a secret.
    Source,
}

impl Role {
    /// Whether others who read it get a secret.
    pub fn is_secret(self) -> bool {
        matches!(self, Self::Store | Self::StoreKey | Self::Dotenv | Self::Source)
    }
}

/// A file of the project.
#[derive(Debug, Clone)]
pub struct ProjectFile {
    /// What it is.
    pub role: Role,
    /// Where it is.
    pub path: PathBuf,
    /// Owner and mode.
    pub standing: Fact<Standing>,
}

/// Owner and mode of a file or folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// The permissions.
    pub mode: u32,
    /// Whether the group is the owner's own: nobody else is in it, as far as that can be seen.
    pub group_is_private: bool,
}

impl Standing {
    /// Whether somebody but the owner can read it.
    pub fn is_readable_by_others(&self) -> bool {
        self.mode & 0o004 != 0 || (self.mode & 0o040 != 0 && !self.group_is_private)
    }

    /// Whether somebody but the owner can write it.
    pub fn is_writable_by_others(&self) -> bool {
        self.mode & 0o002 != 0 || (self.mode & 0o020 != 0 && !self.group_is_private)
    }
}

/// A file that holds credentials of something else.
#[derive(Debug, Clone)]
pub struct Credential {
    /// What for: `AWS`, `Vault`.
    pub what: &'static str,
    /// Where.
    pub path: PathBuf,
    /// Owner and mode.
    pub standing: Fact<Standing>,
}

/// A private key.
#[derive(Debug, Clone)]
pub struct Key {
    /// Where.
    pub path: PathBuf,
    /// How it is protected.
    pub protection: Protection,
}

/// How a private key is protected on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// With a passphrase.
    Passphrase,
    /// Not at all.
    None,
    /// It is of a kind that is not known.
    Unknown,
}
