//! AppRole: a RoleID, and in general a SecretID, plain or response-wrapped.

use serde::Deserialize;
use tegmen_secret::SecretBytes;

use super::{Auth, text};
use crate::answer::{Data, SecretText, object};
use crate::client::{Call, Client};
use crate::error::{Error, ErrorKind};
use crate::login::Login;

/// An AppRole login.
pub struct AppRole {
    /// Where the method is mounted, without `auth/`.
    pub mount: String,
    /// The RoleID.
    pub role_id: SecretBytes,
    /// The SecretID; `None` for a role that has none.
    pub secret_id: Option<SecretId>,
}

impl AppRole {
    /// Whether its SecretID has to be unwrapped first.
    pub fn is_wrapped(&self) -> bool {
        matches!(self.secret_id, Some(SecretId::Wrapped(_)))
    }
}

/// A SecretID.
pub enum SecretId {
    /// As it is.
    Plain(SecretBytes),
    /// A wrapping token whose content it is.
    Wrapped(SecretBytes),
}

impl Client {
    /// The same, with the SecretID that a wrapping token holds in its place: a wrapping token is good for once, the
    /// SecretID may be for more. Everything else stays as it is.
    ///
    /// # Errors
    /// When a wrapping token is not what it should be.
    pub fn opened(&self, auth: Auth) -> Result<Auth, Error> {
        let Auth::AppRole(role) = auth else { return Ok(auth) };
        let secret_id = self.secret_id(&role)?.map(SecretId::Plain);
        Ok(Auth::AppRole(AppRole { secret_id, ..role }))
    }

    fn secret_id(&self, role: &AppRole) -> Result<Option<SecretBytes>, Error> {
        Ok(match &role.secret_id {
            None => None,
            Some(SecretId::Plain(secret_id)) => Some(secret_id.clone()),
            Some(SecretId::Wrapped(wrapping)) => {
                let prefix = format!("auth/{}/role/", role.mount);
                let expected = format!("{prefix}<name>/secret-id");
                let unwrapped: Data<WrappedSecretId> = self.unwrap(wrapping, "SecretID", &expected, |path| {
                    path.strip_prefix(&prefix)
                        .and_then(|rest| rest.strip_suffix("/secret-id"))
                        .is_some_and(|name| !name.is_empty() && !name.contains('/'))
                })?;
                Some(unwrapped.data.secret_id.0)
            }
        })
    }

    pub(super) fn approle(&self, role: &AppRole) -> Result<Login, Error> {
        let path = format!("auth/{}/login", role.mount);
        let secret_id = self.secret_id(role)?;
        let role_id = text(&role.role_id, "RoleID")?;
        let body = match &secret_id {
            None => object(&[("role_id", role_id)]),
            Some(secret_id) => object(&[("role_id", role_id), ("secret_id", text(secret_id, "SecretID")?)]),
        };
        let answer = self.call(&Call::login(&path, None, body))?;
        if !answer.is_success() {
            let next = match (&role.secret_id, answer.says("permission denied")) {
                (_, true) => format!(
                    "check that AppRole is enabled at auth/{} and that the address and namespace are right",
                    role.mount
                ),
                (None, _) => "check the RoleID; most roles want a SecretID as well".to_owned(),
                (Some(_), _) => {
                    "check RoleID and SecretID; a SecretID may be used up, expired, or bound to other addresses"
                        .to_owned()
                }
            };
            return Err(Error::new(ErrorKind::LoginRefused { path }, next).said(answer.errors()));
        }
        self.granted(&answer)
    }
}

#[derive(Deserialize)]
struct WrappedSecretId {
    secret_id: SecretText,
}
