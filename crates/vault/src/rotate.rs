//! What the server rotates itself: SecretIDs of AppRole, the passwords of static roles and of its own connections.
//!
//! <https://developer.hashicorp.com/vault/api-docs/auth/approle>, <https://developer.hashicorp.com/vault/api-docs/secret/databases>.

use std::time::Duration;

use serde::Deserialize;
use tegmen_secret::SecretBytes;

use crate::answer::{Data, SecretText, object};
use crate::auth::text;
use crate::client::Call;
use crate::error::{Error, ErrorKind};
use crate::kv::{no_mount, no_path, unexpected};
use crate::login::Login;
use crate::retry::Repeat;

/// A role of AppRole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppRoleName {
    /// Where the method is mounted, without `auth/`.
    pub mount: String,
    /// The role.
    pub role: String,
}

impl AppRoleName {
    fn path(&self, rest: &str) -> String {
        format!("auth/{}/role/{}/{rest}", self.mount, self.role)
    }
}

impl Login {
    /// A new SecretID; with `wrap`, the token of one that is wrapped for this time.
    ///
    /// # Errors
    /// When the server refuses or cannot be asked.
    pub fn new_secret_id(&self, role: &AppRoleName, wrap: Option<Duration>) -> Result<SecretBytes, Error> {
        let path = role.path("secret-id");
        let call = Call { wrap, ..Call::login(&path, Some(self.token()), object(&[])) };
        let answer = self.client().call(&call)?;
        match answer.status {
            200..300 => {}
            403 => return Err(self.may_not("update", &path, &answer)),
            404 => return Err(no_path(&path)),
            _ => return Err(unexpected(&answer, &path)),
        }
        let secret = match wrap {
            Some(_) => answer.read::<Wrapped>().map(|answer| answer.wrap_info.token.0),
            None => answer.read::<Data<NewSecretId>>().map(|answer| answer.data.secret_id.0),
        };
        secret.filter(|secret| !secret.is_empty()).ok_or_else(|| {
            let what = "no SecretID in it".to_owned();
            Error::new(ErrorKind::NotVault { what }, "check the role and where the method is mounted")
        })
    }

    /// Destroys a SecretID. One that is not there any more is as good as destroyed.
    ///
    /// # Errors
    /// When the server refuses or cannot be asked.
    pub fn destroy_secret_id(&self, role: &AppRoleName, secret_id: &SecretBytes) -> Result<(), Error> {
        let path = role.path("secret-id/destroy");
        let body = object(&[("secret_id", text(secret_id, "SecretID")?)]);
        let call = Call { repeat: Repeat::Harmless, ..Call::login(&path, Some(self.token()), body) };
        let answer = self.client().call(&call)?;
        match answer.status {
            200..300 | 404 => Ok(()),
            403 => Err(self.may_not("update", &path, &answer)),
            _ => Err(unexpected(&answer, &path)),
        }
    }

    /// When a SecretID was made, as the server says it (RFC 3339). `None` when it is not there any more.
    ///
    /// # Errors
    /// When the server refuses or cannot be asked.
    pub fn secret_id_created(&self, role: &AppRoleName, secret_id: &SecretBytes) -> Result<Option<String>, Error> {
        let path = role.path("secret-id/lookup");
        let body = object(&[("secret_id", text(secret_id, "SecretID")?)]);
        let call = Call { repeat: Repeat::Harmless, ..Call::login(&path, Some(self.token()), body) };
        let answer = self.client().call(&call)?;
        match answer.status {
            200 => Ok(answer.read::<Data<Looked>>().map(|Data { data }| data.creation_time)),
            204 | 404 => Ok(None),
            403 => Err(self.may_not("update", &path, &answer)),
            _ => Err(unexpected(&answer, &path)),
        }
    }

    /// Has the server do what a path stands for, such as `database/rotate-role/shop`.
    ///
    /// # Errors
    /// When the server refuses or cannot be asked.
    pub fn order(&self, path: &str) -> Result<(), Error> {
        let answer = self.client().call(&Call::post(path, Some(self.token()), object(&[])))?;
        match answer.status {
            200..300 => Ok(()),
            403 => Err(self.may_not("update", path, &answer)),
            404 if answer.says("no handler for route") => Err(no_mount(path)),
            404 => Err(no_path(path)),
            _ => Err(unexpected(&answer, path)),
        }
    }
}

#[derive(Deserialize)]
struct NewSecretId {
    #[serde(default)]
    secret_id: SecretText,
}

#[derive(Deserialize)]
struct Wrapped {
    wrap_info: WrapInfo,
}

#[derive(Deserialize)]
struct WrapInfo {
    #[serde(default)]
    token: SecretText,
}

#[derive(Deserialize)]
struct Looked {
    #[serde(default)]
    creation_time: String,
}
