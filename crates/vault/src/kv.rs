//! Reading KV engines, version 1 and 2.
//!
//! <https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2>. Which version a mount has is asked of the server as its
//! own command line does it: `sys/internal/ui/mounts/:path`. Where that is forbidden both versions are tried.

use std::collections::BTreeMap;

use serde::Deserialize;
use tegmen_secret::SecretBytes;

use crate::answer::{Answer, Data, Field, Fields};
use crate::client::Call;
use crate::error::{Error, ErrorKind};
use crate::login::Login;

/// The version of a KV engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KvVersion {
    /// Without versions of secrets.
    One,
    /// With versions of secrets.
    Two,
}

/// Where a KV engine is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Without a slash at its end.
    pub path: String,
    /// What the paths below it look like.
    pub version: KvVersion,
}

/// A secret of a KV engine. Holds values: no `Debug`.
pub struct KvSecret {
    pub(crate) path: String,
    pub(crate) fields: Fields,
    pub(crate) version: Option<u64>,
    pub(crate) created: Option<String>,
}

impl KvSecret {
    /// Mount and path.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The version that was read; `None` for KV v1.
    pub fn version(&self) -> Option<u64> {
        self.version
    }

    /// When that version was written, as the server says it; `None` for KV v1.
    pub fn created(&self) -> Option<&str> {
        self.created.as_deref()
    }

    /// The names of the fields.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.keys().map(String::as_str)
    }

    /// Whether the field is a text with something in it.
    pub fn is_text(&self, name: &str) -> bool {
        matches!(self.fields.get(name), Some(Field::Text(value)) if !value.is_empty())
    }

    /// The value of a field. A number, a list and so on is its JSON.
    ///
    /// # Errors
    /// When there is no such field, or it is null.
    pub fn field(&self, name: &str) -> Result<SecretBytes, Error> {
        match self.fields.get(name) {
            Some(Field::Text(value) | Field::Json(value)) => Ok(value.clone()),
            Some(Field::Null) => {
                let kind = ErrorKind::NoValue { path: self.path.clone(), field: name.to_owned() };
                Err(Error::new(kind, "write a value into it"))
            }
            None => {
                let fields = self.fields.keys().cloned().collect();
                let kind = ErrorKind::NoField { path: self.path.clone(), field: name.to_owned(), fields };
                Err(Error::new(kind, "correct the field after the # of the source, or add it in Vault"))
            }
        }
    }
}

impl Login {
    /// The mount that a path lies in; `None` when the server does not say it to this token.
    ///
    /// # Errors
    /// When there is no such mount, it is not KV, or the server cannot be asked.
    pub fn kv_mount(&self, mount_path: &str) -> Result<Option<Mount>, Error> {
        let question = format!("sys/internal/ui/mounts/{mount_path}");
        let answer = self.client().call(&Call::get(&question, Some(self.token())))?;
        if answer.status == 404 || (answer.status == 400 && answer.says("no matching mount")) {
            return Err(no_mount(mount_path));
        }
        let Some(Data { data }) = answer.read::<Data<MountInfo>>().filter(|_| answer.is_success()) else {
            return Ok(None);
        };
        let path = data.path.trim_matches('/').to_owned();
        if data.engine != "kv" && data.engine != "generic" {
            let next = "name a KV engine: `vault secrets list` shows them";
            return Err(Error::new(ErrorKind::NotKv { mount: path, engine: data.engine }, next));
        }
        let two = data.options.is_some_and(|options| options.version.as_deref() == Some("2"));
        Ok(Some(Mount { path, version: if two { KvVersion::Two } else { KvVersion::One } }))
    }

    /// Reads a secret, latest or this `version` of it. `mount` is what [`kv_mount`](Self::kv_mount) said.
    ///
    /// # Errors
    /// When it cannot be had; the error says which of the many reasons.
    pub fn kv_read(&self, mount: Option<&Mount>, mount_path: &str, version: Option<u64>) -> Result<KvSecret, Error> {
        match mount {
            Some(Mount { path, version: KvVersion::Two }) => {
                let below = below(mount_path, path)?;
                self.read_two(mount_path, path, below, version)
            }
            Some(Mount { path, version: KvVersion::One }) => {
                below(mount_path, path)?;
                if version.is_some() {
                    let message = format!("{path} is a KV engine of version 1, which keeps no versions");
                    return Err(Error::new(ErrorKind::Settings(message), "leave ?version= out of the source"));
                }
                self.read_one(mount_path)
            }
            None => self.read_unknown(mount_path, version),
        }
    }

    /// Without knowing the mount: its first part is tried as KV v2, then the path as KV v1.
    fn read_unknown(&self, mount_path: &str, version: Option<u64>) -> Result<KvSecret, Error> {
        let Some((first, below)) = mount_path.split_once('/') else { return Err(no_mount(mount_path)) };
        let two = match self.read_two(mount_path, first, below, version) {
            Ok(secret) => return Ok(secret),
            Err(error) => error,
        };
        let may_be_one = matches!(two.kind, ErrorKind::Denied { .. } | ErrorKind::NoPath { .. });
        // Without a mount there is nothing under the other version either.
        if version.is_some() || !may_be_one {
            return Err(two);
        }
        match self.read_one(mount_path) {
            Ok(secret) => Ok(secret),
            Err(one) if matches!(one.kind, ErrorKind::BadToken) => Err(one),
            Err(_) => {
                let mut error = two;
                if matches!(error.kind, ErrorKind::Denied { .. }) {
                    error.next += "; check the mount too: a mount that does not exist is denied in the same words";
                }
                Err(error)
            }
        }
    }

    fn read_one(&self, mount_path: &str) -> Result<KvSecret, Error> {
        let answer = self.client().call(&Call::get(mount_path, Some(self.token())))?;
        match answer.status {
            200 => {
                let Some(Data { data }) = answer.read::<Data<Fields>>() else { return Err(not_a_secret()) };
                Ok(KvSecret { path: mount_path.to_owned(), fields: data, version: None, created: None })
            }
            403 => Err(self.denied(mount_path, &answer)),
            404 if answer.says("no handler for route") => Err(no_mount(mount_path)),
            404 => Err(no_path(mount_path)),
            _ => Err(unexpected(&answer, mount_path)),
        }
    }

    fn read_two(&self, mount_path: &str, mount: &str, below: &str, version: Option<u64>) -> Result<KvSecret, Error> {
        let path = format!("{mount}/data/{below}");
        let mut call = Call::get(&path, Some(self.token()));
        call.query = version.map(|version| ("version", version.to_string()));
        let answer = self.client().call(&call)?;
        match answer.status {
            200 => {
                let Some(Data { data }) = answer.read::<Data<Versioned>>() else { return Err(not_a_secret()) };
                let fields = data.data.unwrap_or_default();
                let Metadata { version, created_time, .. } = data.metadata;
                let path = mount_path.to_owned();
                Ok(KvSecret { path, fields, version: Some(version), created: Some(created_time) })
            }
            403 => Err(self.denied(&path, &answer)),
            404 => match answer.read::<Data<Versioned>>() {
                // A version that is gone is answered with what is known about it.
                Some(Data { data }) => {
                    let (path, version) = (mount_path.to_owned(), data.metadata.version);
                    if data.metadata.destroyed {
                        let next = "it cannot be had back: write a new version, or name another with ?version=";
                        Err(Error::new(ErrorKind::Destroyed { path, version }, next))
                    } else {
                        let next = format!(
                            "undelete it (`vault kv undelete -versions={version} {path}`) or write a new version"
                        );
                        Err(Error::new(ErrorKind::Deleted { path, version }, next))
                    }
                }
                None if answer.says("no handler for route") => Err(no_mount(mount_path)),
                None => Err(self.missing_two(mount_path, mount, below, version)),
            },
            _ => Err(unexpected(&answer, &path)),
        }
    }

    /// Nothing there: no such secret, or no such version of it?
    fn missing_two(&self, mount_path: &str, mount: &str, below: &str, version: Option<u64>) -> Error {
        let Some(version) = version else { return no_path(mount_path) };
        let latest = match self.read_two(mount_path, mount, below, None) {
            Ok(secret) => secret.version,
            Err(Error { kind: ErrorKind::Deleted { version, .. } | ErrorKind::Destroyed { version, .. }, .. }) => {
                Some(version)
            }
            Err(_) => return no_path(mount_path),
        };
        let next = match latest {
            Some(latest) => format!("the latest is {latest}; old ones go when max_versions is reached"),
            None => "leave ?version= out for the latest".to_owned(),
        };
        Error::new(ErrorKind::NoVersion { path: mount_path.to_owned(), version }, next)
    }

    /// The version of a KV v2 secret that is the latest, from its metadata. `None` when the token may not read those, they
    /// are not there (any more), or that version may be deleted.
    ///
    /// # Errors
    /// When the server cannot be asked, or the token is not valid.
    pub fn kv_latest(&self, mount: &Mount, mount_path: &str) -> Result<Option<u64>, Error> {
        let path = format!("{}/metadata/{}", mount.path, below(mount_path, &mount.path)?);
        let answer = self.client().call(&Call::get(&path, Some(self.token())))?;
        match answer.status {
            200 => Ok(answer.read::<Data<Latest>>().and_then(|Data { data }| data.usable())),
            403 if !answer.is_denied_by_policy() => match self.denied(&path, &answer) {
                error if error.kind == ErrorKind::BadToken => Err(error),
                _ => Ok(None),
            },
            _ => Ok(None),
        }
    }

    /// Denied: because of the policies, or because the token is none (any more)?
    pub(crate) fn denied(&self, path: &str, answer: &Answer) -> Error {
        self.may_not("read", path, answer)
    }

    pub(crate) fn may_not(&self, capability: &'static str, path: &str, answer: &Answer) -> Error {
        if self.is_accepted() == Some(false) {
            let next = "log in again; a token ends with its time to live, its parent, or a use limit";
            return Error::new(ErrorKind::BadToken, next).said(answer.errors());
        }
        let next = format!("add to the token's policy: path \"{path}\" {{ capabilities = [\"{capability}\"] }}");
        Error::new(ErrorKind::Denied { path: path.to_owned(), capability }, next).said(answer.errors())
    }
}

/// The part of a path below its mount.
pub(crate) fn below<'p>(mount_path: &'p str, mount: &str) -> Result<&'p str, Error> {
    mount_path
        .strip_prefix(mount)
        .and_then(|rest| rest.strip_prefix('/'))
        .filter(|rest| !rest.is_empty())
        .ok_or_else(|| no_path(mount_path))
}

pub(crate) fn no_mount(path: &str) -> Error {
    let next = "check the first part of the path: `vault secrets list` shows the mounts";
    Error::new(ErrorKind::NoMount { path: path.to_owned() }, next)
}

pub(crate) fn no_path(path: &str) -> Error {
    let next = if path.split('/').nth(1) == Some("data") {
        "leave `data/` out of the path: it is added for KV version 2"
    } else {
        "check the path: `vault kv list` shows what is there"
    };
    Error::new(ErrorKind::NoPath { path: path.to_owned() }, next)
}

fn not_a_secret() -> Error {
    Error::new(ErrorKind::NotVault { what: "no secret in it".into() }, "check the address and the path")
}

pub(crate) fn unexpected(answer: &Answer, path: &str) -> Error {
    let kind = ErrorKind::Server { status: answer.status, path: path.to_owned() };
    Error::new(kind, "check the path; the server's log may say more").said(answer.errors())
}

#[derive(Deserialize)]
struct MountInfo {
    path: String,
    #[serde(rename = "type")]
    engine: String,
    options: Option<MountOptions>,
}

#[derive(Deserialize)]
struct MountOptions {
    version: Option<String>,
}

#[derive(Deserialize)]
struct Versioned {
    data: Option<Fields>,
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    version: u64,
    #[serde(default)]
    created_time: String,
    #[serde(default)]
    destroyed: bool,
}

#[derive(Deserialize)]
struct Latest {
    current_version: u64,
    #[serde(default)]
    versions: BTreeMap<u64, State>,
}

#[derive(Deserialize)]
struct State {
    #[serde(default)]
    deletion_time: String,
    #[serde(default)]
    destroyed: bool,
}

impl Latest {
    fn usable(&self) -> Option<u64> {
        let state = self.versions.get(&self.current_version);
        // A time may lie in the future; reading tells.
        state.is_none_or(|state| state.deletion_time.is_empty() && !state.destroyed).then_some(self.current_version)
    }
}
