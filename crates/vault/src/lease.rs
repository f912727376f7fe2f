//! What is not KV: any path that can be read, and what is lent there for a time.
//!
//! <https://developer.hashicorp.com/vault/docs/concepts/lease>. A lease ends with the token that it was got with.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use ureq::http::Method;

use crate::answer::{Answer, Field, Fields, object};
use crate::client::Call;
use crate::error::{Error, ErrorKind};
use crate::kv::{KvSecret, no_mount, no_path, unexpected};
use crate::login::{Login, Term};
use crate::retry::Repeat;

/// What a path that is not KV answered. Holds values: no `Debug`.
pub struct Lent {
    /// Its fields.
    pub secret: KvSecret,
    /// For how long it is good; `None` when nothing says that it ends.
    pub term: Option<Term>,
    /// When there will be another value in its place, as with the password of a static role; `None` when nothing says so.
    pub changes_in: Option<Duration>,
    /// What it is renewed and given back by; `None` when there is nothing to give back.
    pub lease: Option<Lease>,
}

/// Something lent for a time.
#[derive(Clone, Debug)]
pub struct Lease {
    id: String,
    /// Where it was got.
    pub path: String,
}

impl Login {
    /// Reads any path; with parameters, writes them to it, as engines want it that make something to order
    /// (`pki/issue/ROLE`).
    ///
    /// # Errors
    /// When it cannot be had.
    pub fn read(&self, path: &str, parameters: &[(String, String)]) -> Result<Lent, Error> {
        let pairs: Vec<(&str, &str)> = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let call = if pairs.is_empty() {
            // Reading lends something anew each time: not to be done twice by chance.
            Call { repeat: Repeat::Once, ..Call::get(path, Some(self.token())) }
        } else {
            Call::post(path, Some(self.token()), object(&pairs))
        };
        let capability = if pairs.is_empty() { "read" } else { "update" };
        let answer = self.client().call(&call)?;
        match answer.status {
            200 => lent(path, &answer),
            403 => Err(self.may_not(capability, path, &answer)),
            404 if answer.says("no handler for route") => Err(no_mount(path)),
            404 => Err(no_path(path)),
            405 => {
                let kind = ErrorKind::Server { status: 405, path: path.to_owned() };
                let next = if pairs.is_empty() {
                    "this path wants parameters: ?name=value before the #"
                } else {
                    "this path takes no parameters: leave what stands after the ? out"
                };
                Err(Error::new(kind, next).said(answer.errors()))
            }
            _ => Err(unexpected(&answer, path)),
        }
    }

    /// Has a lease last for `time` from now on. The server may grant less.
    ///
    /// # Errors
    /// When the server refuses or cannot be asked.
    pub fn renew_lease(&self, lease: &Lease, time: Duration) -> Result<Term, Error> {
        const PATH: &str = "sys/leases/renew";
        let body = object(&[("lease_id", &lease.id), ("increment", &format!("{}s", time.as_secs().max(1)))]);
        let call = lease_call(PATH, self, body);
        let what = || format!("lease of {}", lease.path);
        let answer = self.client().call(&call).map_err(|error| error.unless_at_maximum(&what()))?;
        if answer.status == 403 {
            return Err(self.may_not("update", PATH, &answer));
        }
        let Some(renewed) = answer.read::<Body>().filter(|_| answer.is_success()) else {
            let next = "a new credential is asked for instead";
            return Err(Error::new(ErrorKind::NotRenewed { what: what() }, next).said(answer.errors()));
        };
        Ok(Term::new(renewed.lease_duration, renewed.renewable))
    }

    /// Gives a lease back before its time.
    ///
    /// # Errors
    /// When the server refuses or cannot be asked.
    pub fn revoke_lease(&self, lease: &Lease) -> Result<(), Error> {
        const PATH: &str = "sys/leases/revoke";
        let answer = self.client().call(&lease_call(PATH, self, object(&[("lease_id", &lease.id)])))?;
        match answer.status {
            200..300 => Ok(()),
            403 => Err(self.may_not("update", PATH, &answer)),
            _ => Err(unexpected(&answer, PATH)),
        }
    }
}

fn lease_call<'a>(path: &'a str, login: &'a Login, body: zeroize::Zeroizing<Vec<u8>>) -> Call<'a> {
    Call { method: Method::POST, repeat: Repeat::Harmless, ..Call::post(path, Some(login.token()), body) }
}

fn lent(path: &str, answer: &Answer) -> Result<Lent, Error> {
    let Some(Body { data: Some(fields), lease_id, lease_duration, renewable }) = answer.read() else {
        let what = "no fields in it".to_owned();
        return Err(Error::new(ErrorKind::NotVault { what }, "check the path"));
    };
    let lease = (!lease_id.is_empty()).then(|| Lease { id: lease_id, path: path.to_owned() });
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
    let number = |name: &str| fields.get(name).and_then(Field::number);
    // A certificate has no lease, but a date.
    let certificate = || number("expiration").map(|date| Term::new(date.saturating_sub(now).max(1), false));
    let term = lease.as_ref().map(|_| Term::new(lease_duration, renewable)).or_else(certificate);
    let code = path.split('/').rev().nth(1) == Some("code") && fields.keys().eq(["code"]);
    let changes_in = match number("rotation_period").and_then(|_| number("ttl")) {
        Some(seconds) => Some(Duration::from_secs(seconds)),
        // A code of the TOTP engine is that of a period, most often half a minute.
        None => code.then(|| Duration::from_secs(PERIOD - now % PERIOD)),
    };
    let secret = KvSecret { path: path.to_owned(), fields, version: None, created: None };
    Ok(Lent { secret, term, changes_in, lease })
}

/// The period of most TOTP keys, in seconds.
const PERIOD: u64 = 30;

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    data: Option<Fields>,
    #[serde(default)]
    lease_id: String,
    #[serde(default)]
    lease_duration: u64,
    #[serde(default)]
    renewable: bool,
}
