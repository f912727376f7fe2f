//! [`Login`]: a token in use, and its end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;
use tegmen_secret::SecretBytes;
use zeroize::Zeroizing;

use crate::answer::{Data, object};
use crate::client::{Call, Client};
use crate::error::{Error, ErrorKind};
use crate::retry::Repeat;

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
    term: Mutex<Term>,
    ended: AtomicBool,
}

/// For how long something is good.
#[derive(Clone, Copy, Debug)]
pub struct Term {
    /// When it was got, renewed or looked up.
    pub since: Instant,
    /// How long it lives from then on; `None`: for ever, as a root token does.
    pub ttl: Option<Duration>,
    /// Whether it can be renewed.
    pub renewable: bool,
}

impl Term {
    pub(crate) fn new(seconds: u64, renewable: bool) -> Self {
        let ttl = (seconds > 0).then(|| Duration::from_secs(seconds));
        Self { since: Instant::now(), ttl, renewable }
    }
}

impl Login {
    pub(crate) fn new(client: Client, token: SecretBytes, owner: TokenOwner, seconds: u64, renewable: bool) -> Self {
        let term = Mutex::new(Term::new(seconds, renewable));
        Self { client, token, owner, term, ended: AtomicBool::new(false) }
    }

    /// The client that logged in.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The same token, used through a client that gives up after `limit` and tries nothing twice: for somebody who has
    /// other things to do than to wait. The other one revokes it.
    #[must_use]
    pub fn hurried(&self, limit: Duration) -> Self {
        let term = Mutex::new(self.term());
        let (client, token) = (self.client.hurried(limit), self.token.clone());
        Self { client, token, owner: TokenOwner::Given, term, ended: AtomicBool::new(false) }
    }

    /// Whether this is its token.
    pub fn is_with(&self, token: &SecretBytes) -> bool {
        self.token == *token
    }

    /// Whose the token is.
    pub fn owner(&self) -> TokenOwner {
        self.owner
    }

    /// For how long the token is good.
    pub fn term(&self) -> Term {
        *self.term.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_term(&self, term: Term) {
        *self.term.lock().unwrap_or_else(PoisonError::into_inner) = term;
    }

    /// Has it not be renewed by us.
    pub(crate) fn lives_on(&self) {
        self.set_term(Term::new(0, false));
    }

    pub(crate) fn token(&self) -> &SecretBytes {
        &self.token
    }

    /// Asks the server how long the token lives.
    ///
    /// # Errors
    /// When the token is not valid. A token whose policies do not allow the question is taken to be valid.
    pub(crate) fn look_up(&self) -> Result<(), Error> {
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
            self.set_term(Term::new(data.ttl, data.renewable));
        }
        Ok(())
    }

    /// Whether the server accepts the token; `None` when it cannot be asked.
    pub(crate) fn is_accepted(&self) -> Option<bool> {
        let answer = self.client.call(&Call::get("auth/token/lookup-self", Some(&self.token))).ok()?;
        Some(answer.is_success() || answer.is_denied_by_policy())
    }

    /// Has the token live for `time` from now on: longer than it would have, or shorter. The server may grant less.
    ///
    /// # Errors
    /// When the server refuses or cannot be asked.
    pub fn renew(&self, time: Duration) -> Result<Term, Error> {
        const PATH: &str = "auth/token/renew-self";
        let mut call =
            Call::post(PATH, Some(&self.token), object(&[("increment", &format!("{}s", time.as_secs().max(1)))]));
        // Renewing twice does no harm.
        call.repeat = Repeat::Harmless;
        let answer = self.client.call(&call).map_err(|error| error.unless_at_maximum("token"))?;
        if answer.status == 403 {
            return Err(self.may_not("update", PATH, &answer));
        }
        let Some(renewed) = answer.read::<Renewed>().filter(|_| answer.is_success()) else {
            let next = "check the role's token_max_ttl and token_type";
            return Err(Error::new(ErrorKind::NotRenewed { what: "token".into() }, next).said(answer.errors()));
        };
        let term = Term::new(renewed.auth.lease_duration, renewed.auth.renewable);
        self.set_term(term);
        Ok(term)
    }

    /// Ends the login: revokes the token if it is ours, and with it every lease that was got with it. Further calls do
    /// nothing.
    pub fn revoke(&self) -> Revocation {
        if self.owner == TokenOwner::Given {
            return Revocation::NotOurs;
        }
        if self.ended.swap(true, Ordering::SeqCst) {
            return Revocation::AlreadyEnded;
        }
        let mut call = Call::post("auth/token/revoke-self", Some(&self.token), Zeroizing::new(Vec::new()));
        call.body = None;
        // Revoking twice does no harm.
        call.repeat = Repeat::Harmless;
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

#[derive(Deserialize)]
struct Renewed {
    auth: RenewedAuth,
}

#[derive(Deserialize)]
struct RenewedAuth {
    #[serde(default)]
    lease_duration: u64,
    #[serde(default)]
    renewable: bool,
}
