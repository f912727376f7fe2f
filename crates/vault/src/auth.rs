//! Logging in: with a token, or as an AppRole, each plain or response-wrapped.
//!
//! <https://developer.hashicorp.com/vault/docs/concepts/response-wrapping> says what to check before unwrapping.

use serde::Deserialize;
use tegmen_secret::SecretBytes;

use crate::answer::{Data, SecretText, object};
use crate::client::{Call, Client};
use crate::error::{Error, ErrorKind};
use crate::login::{Login, TokenOwner};

/// How to log in.
pub enum Auth {
    /// With a token that somebody else made, and that stays valid.
    Token(SecretBytes),
    /// With a wrapping token whose content is a token, which then is ours alone.
    WrappedToken(SecretBytes),
    /// As an AppRole.
    AppRole(AppRole),
}

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
    /// Logs in.
    ///
    /// # Errors
    /// When the login is refused, or a wrapping token is not what it should be.
    pub fn login(&self, auth: &Auth) -> Result<Login, Error> {
        match auth {
            Auth::Token(token) => self.take(token.clone(), TokenOwner::Given),
            Auth::WrappedToken(wrapping) => {
                let unwrapped: Authenticated = self.unwrap(wrapping, "token", "auth/token/create", |path| {
                    path == "auth/token/create"
                        || path == "auth/token/create-orphan"
                        || path.strip_prefix("auth/token/create/").is_some_and(|role| !role.contains('/'))
                })?;
                self.take(unwrapped.auth.client_token.0, TokenOwner::Ours)
            }
            Auth::AppRole(role) => self.approle(role),
        }
    }

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

    fn approle(&self, role: &AppRole) -> Result<Login, Error> {
        let path = format!("auth/{}/login", role.mount);
        let secret_id = self.secret_id(role)?;
        let role_id = text(&role.role_id, "RoleID")?;
        let body = match &secret_id {
            None => object(&[("role_id", role_id)]),
            Some(secret_id) => object(&[("role_id", role_id), ("secret_id", text(secret_id, "SecretID")?)]),
        };
        let answer = self.call(&Call::post(&path, None, body))?;
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
        let Some(authenticated) = answer.read::<Authenticated>() else {
            let what = "a login without a token".to_owned();
            return Err(Error::new(ErrorKind::NotVault { what }, "check the address and the mount"));
        };
        let auth = authenticated.auth;
        if auth.client_token.0.is_empty() {
            let next = "use a role without MFA for load tests: nobody is there to answer";
            return Err(Error::new(ErrorKind::SecondFactor, next));
        }
        Ok(Login::new(self.clone(), auth.client_token.0, TokenOwner::Ours, auth.lease_duration, auth.renewable))
    }

    /// Takes a token over and asks the server about it.
    fn take(&self, token: SecretBytes, owner: TokenOwner) -> Result<Login, Error> {
        // Built first: from here on a token of ours is revoked whatever happens.
        let login = Login::new(self.clone(), token, owner, 0, false);
        login.look_up()?;
        Ok(login)
    }

    /// Takes out what a wrapping token holds, after checking that it was made where such things are made: whoever can
    /// put another wrapping token in its place could hand us a credential of theirs.
    fn unwrap<T: for<'a> Deserialize<'a>>(
        &self,
        wrapping: &SecretBytes,
        what: &'static str,
        expected: &str,
        right: impl Fn(&str) -> bool,
    ) -> Result<T, Error> {
        let incident = |said: Vec<String>| {
            let next = "treat this as an incident unless you know better: somebody else may have used it. \
                        Have what it held revoked, find out who had the wrapping token, then have a new one made";
            Error::new(ErrorKind::Unwrap { what }, next).said(said)
        };
        let body = object(&[("token", text(wrapping, "wrapping token")?)]);
        let mut lookup = Call::post("sys/wrapping/lookup", None, body);
        lookup.repeat = crate::retry::Repeat::Harmless;
        let answer = self.call(&lookup)?;
        if !answer.is_success() {
            return Err(incident(answer.errors()));
        }
        let Some(info) = answer.read::<Data<WrapInfo>>() else {
            return Err(Error::new(
                ErrorKind::NotVault { what: "no wrapping information".into() },
                "check the address",
            ));
        };
        let found = info.data.creation_path;
        // In a namespace the path begins with its name.
        let namespace = self.config().namespace.as_ref().map(|name| format!("{name}/"));
        let inside = namespace.and_then(|name| found.strip_prefix(&name)).unwrap_or(&found);
        if !right(inside) {
            let next = "do not use it: find out where it came from. If the method is mounted elsewhere, set `mount` under auth";
            return Err(Error::new(ErrorKind::CreationPath { what, expected: expected.to_owned(), found }, next));
        }
        let answer = self.call(&Call::post("sys/wrapping/unwrap", Some(wrapping), object(&[])))?;
        if !answer.is_success() {
            return Err(incident(answer.errors()));
        }
        answer.read().ok_or_else(|| {
            let what = format!("the wrapping token holds no {what}");
            Error::new(ErrorKind::NotVault { what }, "have a new wrapping token made")
        })
    }
}

fn text<'s>(secret: &'s SecretBytes, what: &str) -> Result<&'s str, Error> {
    let wrong = |_| {
        let message = format!("the {what} for Vault is not text");
        Error::new(ErrorKind::Settings(message), "check what its source holds")
    };
    secret.expose_str().map_err(wrong)
}

#[derive(Deserialize)]
struct Authenticated {
    auth: AuthBlock,
}

#[derive(Deserialize)]
struct AuthBlock {
    #[serde(default)]
    client_token: SecretText,
    #[serde(default)]
    lease_duration: u64,
    #[serde(default)]
    renewable: bool,
}

#[derive(Deserialize)]
struct WrappedSecretId {
    secret_id: SecretText,
}

#[derive(Deserialize)]
struct WrapInfo {
    creation_path: String,
}
