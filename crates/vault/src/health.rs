//! What state a server is in, when it does not do what it is asked for.
//!
//! <https://developer.hashicorp.com/vault/api-docs/system/health>

use std::time::Duration;

use crate::client::{Call, Client, Within};
use crate::error::{Error, ErrorKind};

/// How long the question may take: the answer to the first one has come already.
const PATIENCE: Duration = Duration::from_secs(5);

impl Client {
    /// Asks the server for its state. `None` when it is an active server, or does not say.
    pub(crate) fn state(&self) -> Option<Error> {
        let mut call = Call::get("sys/health", None);
        call.limit = Some(PATIENCE);
        call.within = Within::Server;
        let (answer, _) = self.send(&call).ok()?;
        // Of these numbers something else in between may mean another thing; an answer of Vault has this field.
        if !answer.body.windows(b"\"initialized\"".len()).any(|window| window == b"\"initialized\"") {
            return None;
        }
        match answer.status {
            429 | 472 | 473 => Some(standby()),
            501 => Some(Error::new(ErrorKind::NotInitialized, "have it initialized (`vault operator init`)")),
            503 => Some(sealed()),
            _ => None,
        }
    }
}

pub(crate) fn standby() -> Error {
    Error::new(ErrorKind::Standby, "set the address to that of the active server, or of the load balancer before all")
}

pub(crate) fn sealed() -> Error {
    Error::new(ErrorKind::Sealed, "have it unsealed (`vault operator unseal`), then run again")
}
