//! Reading what a script asks for, by the path of Vault's API: read once, and watched over from then on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tegmen_secret::SecretBytes;
use tegmen_vault::{Error, ErrorKind, KvSecret, KvVersion, Login, Mount};

use super::ending::Ending;
use super::life::{Step, VaultLife};
use super::path::{Item, Path, Place, mount};
use super::{login, server};
use crate::fetch::context::Context;
use crate::fetch::local::Local;
use crate::{Manifest, names};

/// Logs in when somebody asks for something.
pub struct VaultOpener {
    pub(in crate::fetch) manifest: Manifest,
    pub(in crate::fetch) context: Context,
    pub(in crate::fetch) ending: Ending,
}

/// What was found at a path.
pub struct Found {
    /// How Vault answers at such a path.
    pub form: Form,
    /// Its fields.
    pub fields: Vec<FoundField>,
}

/// How Vault answers.
pub enum Form {
    /// `{"data": {FIELDS}}`.
    Plain,
    /// `{"data": {"data": {FIELDS}, "metadata": {…}}}`.
    Versioned {
        /// The version that was read.
        version: u64,
        /// When it was written, as Vault says it.
        created: String,
    },
}

/// A field of what was found.
pub struct FoundField {
    /// What Vault calls it.
    pub field: String,
    /// What its secret is called.
    pub name: String,
    /// Its value; a number, a list and so on is its JSON.
    pub value: SecretBytes,
    /// Whether it is a text.
    pub is_text: bool,
}

/// Why there is nothing.
pub struct Refused {
    /// The status with which Vault would answer.
    pub status: u16,
    /// Why, and what to do. Never a value.
    pub message: String,
}

impl VaultOpener {
    /// `None` where nothing says where a server is or how to log in.
    pub(in crate::fetch) fn new(manifest: &Manifest, context: &Context, ending: &Ending) -> Option<Self> {
        server::config(manifest, context).ok()?;
        if !login::is_said(manifest, context) {
            return None;
        }
        Some(Self { manifest: manifest.clone(), context: context.clone(), ending: ending.clone() })
    }

    /// Where the server is.
    pub fn address(&self) -> Option<String> {
        server::config(&self.manifest, &self.context).ok().map(|config| config.address.to_string())
    }

    /// The namespace.
    pub fn namespace(&self) -> Option<String> {
        server::config(&self.manifest, &self.context).ok()?.namespace
    }

    /// Logs in.
    ///
    /// # Errors
    /// When that cannot be.
    pub fn open(&self) -> Result<VaultLife, Refused> {
        VaultLife::begin(&self.manifest, &self.context, &mut Local::default(), self.ending.clone())
            .map_err(|trouble| Refused { status: 500, message: format!("{}; {}", trouble.why, trouble.next) })
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        let status = match &error.kind {
            ErrorKind::Denied { .. } | ErrorKind::BadToken => 403,
            ErrorKind::NoPath { .. } | ErrorKind::NoMount { .. } | ErrorKind::NoVersion { .. } => 404,
            ErrorKind::Deleted { .. } | ErrorKind::Destroyed { .. } => 404,
            _ if error.is_outage() => 503,
            _ => 500,
        };
        Self { status, message: format!("{error}; {}", error.next) }
    }
}

/// A path of the API that is being read: with the login that there is, while the life that it belongs to does other things.
pub struct Reading {
    login: Arc<Login>,
    mounts: Vec<Mount>,
    ending: Ending,
    poll: Duration,
}

/// What was read, before its fields have names.
pub struct Read {
    login: Arc<Login>,
    mounts: Vec<Mount>,
    path: Path,
    secret: KvSecret,
}

/// Why a path was not read.
pub enum Unread {
    /// The server refuses the login, before its time: with another one it may be read.
    Login(UsedUp),
    /// Any other reason.
    Refused(Refused),
}

/// A login that the server refuses, and in which words.
pub struct UsedUp(Arc<Login>, Refused);

impl From<Unread> for Refused {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Login(UsedUp(_, refused)) | Unread::Refused(refused) => refused,
        }
    }
}

impl Reading {
    /// Reads a path, for example `secret/data/shop`. `None` where KV version 2 has no secrets: its metadata and the like.
    ///
    /// # Errors
    /// When it cannot be had.
    pub fn read(self, api_path: &str, version: Option<u64>) -> Result<Option<Read>, Unread> {
        let login = Arc::clone(&self.login);
        self.try_read(api_path, version).map_err(|error| match error.kind {
            ErrorKind::BadToken => Unread::Login(UsedUp(login, error.into())),
            _ => Unread::Refused(error.into()),
        })
    }

    fn try_read(mut self, api_path: &str, version: Option<u64>) -> Result<Option<Read>, Error> {
        let known = match mount(&self.login, &mut self.mounts, api_path) {
            Ok(known) => known,
            // Whatever can be read there.
            Err(Error { kind: ErrorKind::NotKv { .. }, .. }) => None,
            Err(error) => return Err(error),
        };
        // Where the server does not say what is mounted there, `data` in second place does.
        let two = known
            .as_ref()
            .map_or_else(|| api_path.split('/').nth(1) == Some("data"), |mount| mount.version == KvVersion::Two);
        let path = if two {
            without_data(api_path, known.as_ref().map(|mount| mount.path.as_str()))
        } else {
            Some(api_path.to_owned())
        };
        let Some(path) = path else { return Ok(None) };
        let mut path = Path::new(Place::Kv { path, version });
        let Self { login, mut mounts, ending, poll } = self;
        let secret = path.read(&login, &mut mounts, &ending, poll)?;
        Ok(Some(Read { login, mounts, path, secret }))
    }
}

impl VaultLife {
    /// Begins to read what a script asks for.
    pub fn reading(&self) -> Reading {
        let (login, mounts) = (Arc::clone(&self.login), self.mounts.clone());
        Reading { login, mounts, ending: self.ending.clone(), poll: self.poll }
    }

    /// The same after the server has refused that login before its time: with a new one, unless somebody has made one meanwhile.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub fn reading_anew(&mut self, used: &UsedUp) -> Result<Reading, Refused> {
        if Arc::ptr_eq(&self.login, &used.0) {
            self.new_login(&mut Step::default())?;
        }
        Ok(self.reading())
    }

    /// Takes what was read: its fields get names, and are watched over from then on.
    pub fn found(&mut self, read: Read) -> Found {
        let Read { login, mounts, mut path, secret } = read;
        for mount in mounts {
            if !self.mounts.contains(&mount) {
                self.mounts.push(mount);
            }
        }
        let mut fields = Vec::new();
        for field in secret.names() {
            let Ok(value) = secret.field(field) else { continue };
            let is_item = |item: &&Item| item.field == field;
            let known = self
                .paths
                .iter()
                .filter(|known| known.place == path.place)
                .flat_map(|known| &known.items)
                .find(is_item);
            let name = match known {
                Some(item) => item.name.clone(),
                None => {
                    let name = self.name_for(&path, field);
                    if !value.is_empty() {
                        path.items.push(Item { name: name.clone(), field: field.to_owned() });
                    }
                    name
                }
            };
            fields.push(FoundField { field: field.to_owned(), name, value, is_text: secret.is_text(field) });
        }
        let form = match secret.version() {
            Some(version) => Form::Versioned { version, created: secret.created().unwrap_or_default().to_owned() },
            None => Form::Plain,
        };
        if !path.items.is_empty() {
            // What was lent with a login that has come to its end meanwhile ends with it.
            if path.is_lent() && !Arc::ptr_eq(&self.login, &login) {
                path.renounce(Instant::now());
            }
            self.paths.push(path);
        }
        Found { form, fields }
    }

    /// A name for a field that the manifest does not name.
    fn name_for(&self, path: &Path, field: &str) -> String {
        let place = &path.place;
        let text = format!("{}.{field}", place.path().replace('/', "."));
        let mut name = text.replace(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.', "_");
        if let Place::Kv { version: Some(version), .. } = place {
            name = format!("{name}.v{version}");
        }
        if !names::is_secret_name(&name) {
            name.insert(0, '_');
        }
        let taken = |name: &str| {
            let mut items = self.paths.iter().chain([path]).flat_map(|path| &path.items);
            self.manifest.secrets.contains_key(name) || items.any(|item| item.name == name)
        };
        while taken(&name) {
            name.push('_');
        }
        name
    }
}

/// `MOUNT/data/PATH` as the command line tools write it: `MOUNT/PATH`.
fn without_data(api_path: &str, mount: Option<&str>) -> Option<String> {
    let mount = mount.or_else(|| api_path.split('/').next())?;
    let below = api_path.strip_prefix(mount)?.strip_prefix("/data/")?;
    Some(format!("{mount}/{below}"))
}
