//! Writing KV engines: a new value for one field of a secret, and back again.
//!
//! <https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2#create-update-secret>. Version 2 is written with
//! check-and-set: if somebody else has written meanwhile, nothing is changed. Version 1 knows no such thing.

use std::collections::BTreeMap;

use serde::Deserialize;
use tegmen_secret::SecretBytes;
use ureq::http::Method;
use zeroize::Zeroizing;

use crate::answer::{Data, Field};
use crate::client::Call;
use crate::error::{Error, ErrorKind};
use crate::kv::{KvSecret, KvVersion, Mount, below, no_mount, no_path, unexpected};
use crate::login::Login;

/// What is known about the versions of a secret of KV version 2.
#[derive(Clone, Debug)]
pub struct KvHistory {
    /// The latest version.
    pub current: u64,
    /// Every version that is still listed, oldest first.
    pub versions: Vec<KvState>,
    /// How many versions are kept; `None`: as many as the mount says, ten in general.
    pub max_versions: Option<u64>,
}

/// One version of a secret.
#[derive(Clone, Debug)]
pub struct KvState {
    /// Its number.
    pub version: u64,
    /// When it was written, as the server says it (RFC 3339).
    pub created: String,
    /// Whether it can be read: neither deleted nor destroyed.
    pub readable: bool,
}

impl KvSecret {
    /// The same fields, but this one with another value. A field that was a number, a list and so on, stays one where the
    /// value can be read as one.
    ///
    /// # Errors
    /// When the value is no text: JSON can hold no other.
    pub fn with(&self, name: &str, value: &SecretBytes) -> Result<Self, Error> {
        if value.expose_str().is_err() {
            let message = format!("the new value of the field {name} is no UTF-8 text, which is all that KV can hold");
            return Err(Error::new(ErrorKind::Settings(message), "encode it, for example in base64"));
        }
        let was_json = matches!(self.fields.get(name), Some(Field::Json(_)));
        let is_json = || serde_json::from_slice::<serde::de::IgnoredAny>(value.expose()).is_ok();
        let field = if was_json && is_json() { Field::Json(value.clone()) } else { Field::Text(value.clone()) };
        let mut fields: BTreeMap<_, _> =
            self.fields.iter().map(|(name, field)| (name.clone(), field.clone())).collect();
        fields.insert(name.to_owned(), field);
        Ok(Self { path: self.path.clone(), fields, version: self.version, created: self.created.clone() })
    }

    /// The JSON of the fields, in memory that is wiped.
    fn json(&self, body: &mut Zeroizing<Vec<u8>>) {
        body.push(b'{');
        for (index, (name, field)) in self.fields.iter().enumerate() {
            if index > 0 {
                body.push(b',');
            }
            // Writing into a vector cannot fail.
            let _ = serde_json::to_writer(&mut **body, name);
            body.push(b':');
            match field {
                Field::Text(text) => {
                    let _ = serde_json::to_writer(&mut **body, text.expose_str().unwrap_or_default());
                }
                Field::Json(json) => body.extend_from_slice(json.expose()),
                Field::Null => body.extend_from_slice(b"null"),
            }
        }
        body.push(b'}');
    }

    /// Room for every byte to be escaped, so that the vector does not grow and leave pieces behind.
    fn room(&self) -> usize {
        let length = |field: &Field| match field {
            Field::Text(bytes) | Field::Json(bytes) => bytes.len(),
            Field::Null => 4,
        };
        self.fields.iter().map(|(name, field)| 6 * (name.len() + length(field)) + 8).sum::<usize>() + 64
    }

    /// The mount, where the server did not say it: what reading has shown.
    fn seen_mount(&self) -> Mount {
        let version = if self.version.is_some() { KvVersion::Two } else { KvVersion::One };
        let path = self.path.split('/').next().unwrap_or_default().to_owned();
        Mount { path, version }
    }
}

impl Login {
    /// Writes the fields of a secret to where they were read; `mount` is what [`kv_mount`](Self::kv_mount) said. Gives back
    /// the version that came of it, `None` for KV version 1. With `expected`, KV version 2 writes only if that is still the
    /// latest version.
    ///
    /// # Errors
    /// [`ErrorKind::Changed`] when it is not; others when the server refuses or cannot be asked. After one that is an
    /// [outage](Error::is_outage) it is not known whether it was written.
    pub fn kv_write(
        &self,
        mount: Option<&Mount>,
        secret: &KvSecret,
        expected: Option<u64>,
    ) -> Result<Option<u64>, Error> {
        let seen = secret.seen_mount();
        let mount = mount.unwrap_or(&seen);
        let mut body = Zeroizing::new(Vec::with_capacity(secret.room()));
        let path = match mount.version {
            KvVersion::One => {
                secret.json(&mut body);
                secret.path.clone()
            }
            KvVersion::Two => {
                if let Some(expected) = expected {
                    body.extend_from_slice(format!("{{\"options\":{{\"cas\":{expected}}},\"data\":").as_bytes());
                } else {
                    body.extend_from_slice(b"{\"data\":");
                }
                secret.json(&mut body);
                body.push(b'}');
                format!("{}/data/{}", mount.path, below(&secret.path, &mount.path)?)
            }
        };
        let answer = self.client().call(&Call::post(&path, Some(self.token()), body))?;
        match answer.status {
            200..300 => Ok(answer.read::<Data<Written>>().map(|Data { data }| data.version)),
            400 if answer.says("check-and-set") => {
                let kind = ErrorKind::Changed { path: secret.path.clone() };
                Err(Error::new(kind, "nothing was changed by us: look at what is there now, then try again"))
            }
            403 => Err(self.may_not("update", &path, &answer)),
            404 if answer.says("no handler for route") => Err(no_mount(&secret.path)),
            404 => Err(no_path(&secret.path)),
            _ => Err(unexpected(&answer, &path)),
        }
    }

    /// The versions of a KV v2 secret. `None` when there are none, or the token may not read its metadata.
    ///
    /// # Errors
    /// When the server cannot be asked, or the token is not valid.
    pub fn kv_history(&self, mount: &Mount, mount_path: &str) -> Result<Option<KvHistory>, Error> {
        let path = format!("{}/metadata/{}", mount.path, below(mount_path, &mount.path)?);
        let answer = self.client().call(&Call::get(&path, Some(self.token())))?;
        if answer.status == 403 && !answer.is_denied_by_policy() {
            let error = self.denied(&path, &answer);
            return if error.kind == ErrorKind::BadToken { Err(error) } else { Ok(None) };
        }
        let Some(Data { data }) = answer.read::<Data<History>>().filter(|_| answer.is_success()) else {
            return Ok(None);
        };
        let versions = data.versions.into_iter().map(|(version, state)| KvState {
            version,
            readable: state.deletion_time.is_empty() && !state.destroyed,
            created: state.created_time,
        });
        let max_versions = Some(data.max_versions).filter(|number| *number > 0);
        Ok(Some(KvHistory { current: data.current_version, versions: versions.collect(), max_versions }))
    }

    /// What the token may do at each of the paths of the API, in their order.
    ///
    /// # Errors
    /// When the server does not say.
    pub fn capabilities(&self, paths: &[&str]) -> Result<Vec<Vec<String>>, Error> {
        const PATH: &str = "sys/capabilities-self";
        let mut body = Zeroizing::new(Vec::new());
        let _ = serde_json::to_writer(&mut *body, &BTreeMap::from([("paths", paths)]));
        let mut call = Call { method: Method::POST, ..Call::post(PATH, Some(self.token()), body) };
        call.repeat = crate::retry::Repeat::Harmless;
        let answer = self.client().call(&call)?;
        if answer.status == 403 {
            return Err(self.may_not("update", PATH, &answer));
        }
        let Some(Data { data }) = answer.read::<Data<BTreeMap<String, serde_json::Value>>>() else {
            return Err(unexpected(&answer, PATH));
        };
        let list = |path: &&str| {
            let list = data.get(*path).and_then(serde_json::Value::as_array).into_iter().flatten();
            list.filter_map(|word| word.as_str().map(str::to_owned)).collect()
        };
        Ok(paths.iter().map(list).collect())
    }
}

#[derive(Deserialize)]
struct Written {
    version: u64,
}

#[derive(Deserialize)]
struct History {
    current_version: u64,
    #[serde(default)]
    max_versions: u64,
    #[serde(default)]
    versions: BTreeMap<u64, State>,
}

#[derive(Deserialize)]
struct State {
    #[serde(default)]
    created_time: String,
    #[serde(default)]
    deletion_time: String,
    #[serde(default)]
    destroyed: bool,
}
