//! [`Login`]: a token in use, and its end.

use std::time::{Duration, Instant};

use serde::Deserialize;
use tegmen_secret::SecretBytes;
use zeroize::Zeroizing;

use crate::answer::Data;
use crate::client::{Call, Client};
use crate::error::{Error, ErrorKind};

/// How long revoking a token may take.
const GOODBYE: Duration = Duration::from_secs(10);

/// Whose a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenOwner {
    /// It came out of our own login or unwrapping; nobody else has it. It is revoked at the end.
    Ours,
    /// Somebody else made it and may be using it, such as a developer's own `~/.vault-token`. It is left alone: revoking
    /// it would log that person out, and end every lease and child token that they hold.
    Given,
}

/// What became of the token at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// It is revoked.
    Revoked,
    /// It was not ours.
    NotOurs,
    /// It had ended before.
    AlreadyEnded,
    /// The server did not do it; the token ends by its time to live.
    Failed(Error),
}

/// A token in use. Dropping it revokes the token if it is ours.
pub struct Login {
    client: Client,
    token: SecretBytes,
    owner: TokenOwner,
    since: Instant,
    ttl: Option<Duration>,
    renewable: bool,
    ended: bool,
}

impl Login {
    pub(crate) fn new(client: Client, token: SecretBytes, owner: TokenOwner, seconds: u64, renewable: bool) -> Self {
        let ttl = (seconds > 0).then(|| Duration::from_secs(seconds));
        Self { client, token, owner, since: Instant::now(), ttl, renewable, ended: false }
    }

    /// The client that logged in.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Whose the token is.
    pub fn owner(&self) -> TokenOwner {
        self.owner
    }

    /// How long the token lives from when it was got or looked up; `None`: for ever, as a root token does.
    pub fn ttl(&self) -> Option<Duration> {
        self.ttl
    }

    /// When [`ttl`](Self::ttl) began.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// Whether the token can be renewed.
    pub fn is_renewable(&self) -> bool {
        self.renewable
    }

    pub(crate) fn token(&self) -> &SecretBytes {
        &self.token
    }

    /// Asks the server how long the token lives.
    ///
    /// # Errors
    /// When the token is not valid. A token whose policies do not allow the question is taken to be valid.
    pub(crate) fn look_up(&mut self) -> Result<(), Error> {
        let answer = self.client.call(&Call::get("auth/token/lookup-self", Some(&self.token)))?;
        if answer.is_denied_by_policy() {
            return Ok(());
        }
        if answer.status == 403 {
            let next = "get a new one (`vault login`), or check where it comes from, the address and the namespace";
            return Err(Error::new(ErrorKind::BadToken, next).said(answer.errors()));
        }
        if !answer.is_success() {
            let kind = ErrorKind::Server { status: answer.status, path: "auth/token/lookup-self".into() };
            return Err(Error::new(kind, "check the address and the namespace").said(answer.errors()));
        }
        if let Some(Data { data }) = answer.read::<Data<Lookup>>() {
            self.since = Instant::now();
            self.ttl = (data.ttl > 0).then(|| Duration::from_secs(data.ttl));
            self.renewable = data.renewable;
        }
        Ok(())
    }

    /// Whether the server accepts the token; `None` when it cannot be asked.
    pub(crate) fn is_accepted(&self) -> Option<bool> {
        let answer = self.client.call(&Call::get("auth/token/lookup-self", Some(&self.token))).ok()?;
        Some(answer.is_success() || answer.is_denied_by_policy())
    }

    /// Ends the login: revokes the token if it is ours. Further calls do nothing.
    pub fn revoke(&mut self) -> Revocation {
        if self.owner == TokenOwner::Given {
            return Revocation::NotOurs;
        }
        if self.ended {
            return Revocation::AlreadyEnded;
        }
        self.ended = true;
        let mut call = Call::post("auth/token/revoke-self", Some(&self.token), Zeroizing::new(Vec::new()));
        call.body = None;
        // Revoking twice does no harm.
        call.repeat = crate::retry::Repeat::Harmless;
        // Nobody wants to wait for the end.
        call.limit = Some(GOODBYE);
        match self.client.call(&call) {
            Ok(answer) if answer.is_success() => Revocation::Revoked,
            Ok(answer) if answer.status == 403 => Revocation::AlreadyEnded,
            Ok(answer) => {
                let kind = ErrorKind::Server { status: answer.status, path: "auth/token/revoke-self".into() };
                Revocation::Failed(Error::new(kind, "revoke it by hand").said(answer.errors()))
            }
            Err(error) => Revocation::Failed(error),
        }
    }
}

impl Drop for Login {
    fn drop(&mut self) {
        self.revoke();
    }
}

#[derive(Deserialize)]
struct Lookup {
    #[serde(default)]
    ttl: u64,
    #[serde(default)]
    renewable: bool,
}
