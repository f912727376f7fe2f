//! Logging in: with a token, or by one of the methods that make one.

mod approle;
mod aws;
mod credentials;
mod wrapping;

use serde::Deserialize;
use tegmen_secret::SecretBytes;

pub use approle::{AppRole, SecretId};
pub use aws::{AwsKeys, AwsRequest};
pub use credentials::{AzureMachine, Credentials};

use crate::answer::{Answer, SecretText};
use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::login::{Login, TokenOwner};

/// How to log in.
pub enum Auth {
    /// With a token that somebody else made, and that stays valid.
    Token(SecretBytes),
    /// With a wrapping token whose content is a token, which then is ours alone.
    WrappedToken(SecretBytes),
    /// With none: an Agent or Proxy adds a token of its own to every request.
    Agent,
    /// As an AppRole.
    AppRole(AppRole),
    /// By any other method.
    Credentials(Credentials),
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
            Auth::Agent => {
                let login = Login::new(self.clone(), SecretBytes::new(Vec::new()), TokenOwner::Given, 0, false);
                login.look_up().map_err(|error| match error.kind {
                    ErrorKind::BadToken => {
                        let next = "check that the address is that of an Agent or Proxy which has logged in itself \
                                    (auto_auth, use_auto_auth_token)";
                        Error { kind: ErrorKind::NoAgent, next: next.to_owned(), ..error }
                    }
                    _ => error,
                })?;
                // Whoever adds the token sees to it, too.
                login.lives_on();
                Ok(login)
            }
            Auth::AppRole(role) => self.approle(role),
            Auth::Credentials(credentials) => self.credentials(credentials),
        }
    }

    /// The token in the answer to a login.
    fn granted(&self, answer: &Answer) -> Result<Login, Error> {
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
        if token.is_empty() {
            // Without one an Agent's would count, which is not what was asked for.
            return Err(Error::new(ErrorKind::NoLogin, "check where the token comes from: it is empty"));
        }
        // Built first: from here on a token of ours is revoked whatever happens.
        let login = Login::new(self.clone(), token, owner, 0, false);
        login.look_up()?;
        Ok(login)
    }
}

pub(crate) fn text<'s>(secret: &'s SecretBytes, what: &str) -> Result<&'s str, Error> {
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
