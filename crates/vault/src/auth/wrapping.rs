//! Response wrapping: a token that is good for taking out once what it holds.
//!
//! <https://developer.hashicorp.com/vault/docs/concepts/response-wrapping> says what to check before unwrapping.

use serde::Deserialize;
use tegmen_secret::SecretBytes;

use super::text;
use crate::answer::{Data, object};
use crate::client::{Call, Client};
use crate::error::{Error, ErrorKind};

impl Client {
    /// Takes out what a wrapping token holds, after checking that it was made where such things are made: whoever can
    /// put another wrapping token in its place could hand us a credential of theirs.
    pub(super) fn unwrap<T: for<'a> Deserialize<'a>>(
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
        let mut lookup = Call::login("sys/wrapping/lookup", None, body);
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
        let namespace = self.config().login_namespace.as_ref().map(|name| format!("{name}/"));
        let inside = namespace.and_then(|name| found.strip_prefix(&name)).unwrap_or(&found);
        if !right(inside) {
            let next = "do not use it: find out where it came from. If the method is mounted elsewhere, set `mount` under auth";
            return Err(Error::new(ErrorKind::CreationPath { what, expected: expected.to_owned(), found }, next));
        }
        let answer = self.call(&Call::login("sys/wrapping/unwrap", Some(wrapping), object(&[])))?;
        if !answer.is_success() {
            return Err(incident(answer.errors()));
        }
        answer.read().ok_or_else(|| {
            let what = format!("the wrapping token holds no {what}");
            Error::new(ErrorKind::NotVault { what }, "have a new wrapping token made")
        })
    }
}

#[derive(Deserialize)]
struct WrapInfo {
    creation_path: String,
}
