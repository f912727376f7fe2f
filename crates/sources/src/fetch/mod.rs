//! Getting the values: all of them, or an error for each that cannot be had.

mod context;
mod error;
mod exec;
mod facts;
mod files;
mod local;
mod pool;
mod preflight;
mod secretspec;
mod session;
mod vault;
mod visit;

use std::collections::BTreeSet;

use tegmen_secret::SecretBytes;

pub use context::{Context, manager_credentials};
pub use error::{FetchError, FetchErrors, Trouble};
pub(crate) use exec::{Feed, feed, said};
pub use facts::{Fact, Facts};
pub(crate) use files::without_newline;
pub(crate) use local::Local;
pub use preflight::Preflight;
pub use session::{LocalSession, Session, Values};
pub use vault::{
    Ended, Ending, Form, Found, FoundField, Read, Reading, Refused, Step, Unread, UsedUp, VaultLife, VaultOpener,
};
pub(crate) use vault::{log_in, login_is_precious, mount};
pub use visit::{Cost, Visit, visit};

use crate::{Manifest, Records, Source};

/// The longest value, in bytes. What is longer is no secret but a mistake, such as the wrong file.
pub(crate) const LONGEST: usize = 1 << 20;

/// The values of a manifest, with what the broker has to know about how they were got.
pub struct Fetched {
    /// Every secret of the manifest, by name.
    pub values: Vec<(String, SecretBytes)>,
    /// The records of every pool of the manifest, by name.
    pub pools: Vec<(String, Records)>,
    /// The manifest, in which a source that is a whole path has become a secret for each field.
    pub manifest: Manifest,
    /// What was done to a value that somebody should know.
    pub notes: Vec<Note>,
    /// What somebody should know about the connection to Vault, such as that it is not encrypted.
    pub warnings: Vec<String>,
    /// The variables that sources and logins read, and every other that is a credential of a secrets manager: the
    /// broker takes them out of the child's environment.
    pub consumed: BTreeSet<String>,
    /// Those of them that are credentials for logging in to a secrets manager.
    pub credentials: BTreeSet<String>,
    /// What stays open: the login, and the way to the values.
    pub session: Session,
}

/// Something that was done to a value, for example "trailing newline stripped".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The secret.
    pub secret: String,
    /// Where it came from.
    pub source: Source,
    /// What was done.
    pub text: String,
}

/// Gets the values of all secrets, with one login for all that need one.
///
/// # Errors
/// With every secret that cannot be had. A login made on the way is revoked.
pub fn fetch_all(manifest: &Manifest, context: &Context) -> Result<Fetched, FetchErrors> {
    let session::First { session, manifest: expanded, values, pools, notes } = session::first(manifest, context)?;
    let warnings = session.vault.as_ref().map(|vault| vault::warnings(vault.config(), manifest)).unwrap_or_default();
    let consumed = context::consumed(manifest, &context.environment);
    let credentials = context::credentials(manifest, &context.environment);
    Ok(Fetched { values, pools, manifest: expanded, notes, warnings, consumed, credentials, session })
}
