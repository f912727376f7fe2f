//! What is in Vault: one login for all that is rotated there, KV with its history, and roles.

use std::sync::Arc;
use std::time::SystemTime;

use tegmen_secret::SecretBytes;
use tegmen_vault::{Error, ErrorKind, KvHistory, KvSecret, KvVersion, Login, Mount};

use super::record::moment;
use super::subject::rotate_role;
use crate::fetch::{Context, Local, Trouble, log_in, login_is_precious, mount};
use crate::{Manifest, names};

/// Vault, once somebody asks for it.
pub(super) struct Vault {
    manifest: Manifest,
    context: Context,
    login: Option<Result<Arc<Login>, Trouble>>,
    mounts: Vec<Mount>,
}

/// A field of a KV secret, as it was read.
pub(super) struct Read {
    pub(super) mount: Option<Mount>,
    pub(super) secret: KvSecret,
    /// The field, as Vault calls it.
    pub(super) field: String,
    pub(super) value: SecretBytes,
}

/// What is at a path.
pub(super) enum Found {
    Kv(Read),
    /// A static role, and where it is rotated.
    StaticRole(String),
}

impl Vault {
    pub(super) fn new(manifest: &Manifest, context: &Context) -> Self {
        Self { manifest: manifest.clone(), context: context.clone(), login: None, mounts: Vec::new() }
    }

    pub(super) fn lend(&mut self, login: Arc<Login>) {
        self.login = Some(Ok(login));
    }

    /// Whether logging in uses something up that cannot be had again.
    pub(super) fn login_is_precious(&self) -> bool {
        self.login.is_none() && login_is_precious(&self.manifest, &self.context)
    }

    /// The login, made once; one that failed is not tried again.
    pub(super) fn login(&mut self) -> Result<Arc<Login>, Trouble> {
        let Self { manifest, context, login, .. } = self;
        let made = || log_in(manifest, context, &mut Local::default()).map(|made| Arc::new(made.login));
        login.get_or_insert_with(made).clone()
    }

    /// The fields of a path that hold a text, as a run takes them.
    pub(super) fn fields(&mut self, path: &str) -> Result<Vec<String>, Trouble> {
        let login = self.login()?;
        let mount = mount(&login, &mut self.mounts, path)?;
        let secret = login.kv_read(mount.as_ref(), path, None)?;
        Ok(secret.names().filter(|name| secret.is_text(name)).map(str::to_owned).collect())
    }

    pub(super) fn read(&mut self, path: &str, field: &str) -> Result<Found, Trouble> {
        let login = self.login()?;
        let mount = match mount(&login, &mut self.mounts, path) {
            Err(error @ Error { kind: ErrorKind::NotKv { .. }, .. }) => {
                return match rotate_role(path) {
                    Some(rotate) => Ok(Found::StaticRole(rotate)),
                    None => Err(Trouble::new(
                        error.to_string(),
                        "only KV secrets and static roles can be given a new value from here",
                    )),
                };
            }
            other => other?,
        };
        let secret = login.kv_read(mount.as_ref(), path, None)?;
        // A field of a whole path is named as its secret is, without characters that a name cannot have.
        let is_it = |name: &&str| *name == field || names::as_name(name) == field;
        let exact = secret.names().find(|name| *name == field);
        let field = exact.or_else(|| secret.names().find(is_it)).unwrap_or(field).to_owned();
        let value = secret.field(&field)?;
        Ok(Found::Kv(Read { mount, secret, field, value }))
    }

    /// When the value of a field was first written: a new version may have another field changed, and a value that was rolled
    /// back is as old as it was. The second is whether that is for certain: older versions may be gone.
    pub(super) fn written(
        &mut self,
        path: &str,
        field: &str,
        read: &Read,
    ) -> Result<Option<(SystemTime, bool)>, Trouble> {
        let login = self.login()?;
        let Some(mount) = read.mount.as_ref().filter(|mount| mount.version == KvVersion::Two) else { return Ok(None) };
        let Some(mut since) = read.secret.created().and_then(moment) else { return Ok(None) };
        let Some(KvHistory { current, versions, .. }) = login.kv_history(mount, path)? else {
            // Without metadata the latest version is all that is known, unless it is the first.
            return Ok(Some((since, read.secret.version() == Some(1))));
        };
        // Since that moment it is certain only if nothing before it could hide the same value.
        let mut certain = versions.first().is_some_and(|state| state.version == 1);
        for state in versions.iter().rev().filter(|state| state.version < current) {
            match state.readable.then(|| login.kv_read(Some(mount), path, Some(state.version))) {
                Some(Ok(older)) if older.field(field).is_ok_and(|older| older == read.value) => {
                    since = moment(&state.created).unwrap_or(since);
                }
                // Another value, or no such field.
                Some(Ok(_)) => {}
                Some(Err(error)) if error.is_outage() => return Err(error.into()),
                Some(Err(_)) | None => certain = false,
            }
        }
        Ok(Some((since, certain)))
    }

    /// Writes a field anew. Gives back the version that came of it.
    pub(super) fn write(&mut self, field: &str, read: &Read, value: &SecretBytes) -> Result<Option<u64>, Trouble> {
        let next = read.secret.with(field, value)?;
        self.put(read.mount.as_ref(), &next, read.secret.version(), field, value)
    }

    /// Puts the fields back that were there before version `ours`. If somebody has written since, theirs stays.
    pub(super) fn write_back(&mut self, field: &str, read: &Read, ours: Option<u64>) -> Result<(), Trouble> {
        self.put(read.mount.as_ref(), &read.secret, ours, field, &read.value).map(drop)
    }

    fn put(
        &mut self,
        mount: Option<&Mount>,
        secret: &KvSecret,
        expected: Option<u64>,
        field: &str,
        value: &SecretBytes,
    ) -> Result<Option<u64>, Trouble> {
        let login = self.login()?;
        match login.kv_write(mount, secret, expected) {
            Ok(version) => Ok(version),
            Err(error) if error.is_outage() => {
                // The answer was lost, the write perhaps not: what is there now tells.
                let is_ours = |found: &KvSecret| {
                    let next = expected.is_none_or(|expected| found.version() == Some(expected + 1));
                    next && found.field(field).is_ok_and(|found| found == *value)
                };
                match login.kv_read(mount, secret.path(), None) {
                    Ok(found) if is_ours(&found) => Ok(found.version()),
                    _ => Err(error.into()),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// When the password of a static role was last rotated.
    pub(super) fn role_rotated(&mut self, path: &str) -> Result<Option<SystemTime>, Trouble> {
        let read = self.login()?.read(path, &[])?;
        let stamp = read.secret.field("last_vault_rotation").ok();
        Ok(stamp.as_ref().and_then(|stamp| stamp.expose_str().ok()).and_then(moment))
    }

    /// Has the server do what a path stands for.
    pub(super) fn order(&mut self, path: &str) -> Result<(), Trouble> {
        Ok(self.login()?.order(path)?)
    }

    /// Which of these capabilities the token lacks at a path; `None` when the server does not say.
    pub(super) fn lacks(&mut self, path: &str, wanted: &[&str]) -> Result<Option<bool>, Trouble> {
        let login = self.login()?;
        let Ok(said) = login.capabilities(&[path]) else { return Ok(None) };
        let has = |word: &str| said.iter().flatten().any(|capability| capability == word || capability == "root");
        Ok(Some(!wanted.iter().any(|word| has(word))))
    }
}
