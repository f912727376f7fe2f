//! The manifest, and where values come from.
//!
//! [`Manifest`] says which secrets a project has; [`fetch_all`] gets their values, all of them or an error that
//! names every one that cannot be had. What a value is used for is not known in here.

mod dotenv;
mod environment;
mod fetch;
mod host;
mod manifest;
mod names;
mod period;
mod place;
mod records;
pub mod rotate;
mod source;
pub mod store;
mod taken;

pub use dotenv::{Dotenv, DotenvError};
pub use environment::Environment;
pub use fetch::{
    Context, Cost, Ended, Ending, Fact, Facts, FetchError, FetchErrors, Fetched, Form, Found, FoundField, LocalSession,
    Note, Preflight, Read, Reading, Refused, Session, Step, Trouble, Unread, UsedUp, Values, VaultLife, VaultOpener,
    Visit, fetch_all, visit,
};
pub use host::{HostSpec, HostSpecError, Scheme};
pub use manifest::{
    AuditConfig, AuditTable, Bound, Credential, Directory, Manifest, ManifestError, NewSecret, OnEmpty, PoolFormat,
    PoolSpec, Problem, SecretSpec, Share, TlsPolicy, VaultAuth, VaultConfig, with_bounds, with_secrets,
};
pub use names::{LOCUST_VARIABLES, is_secret_name, locust_parses};
pub use period::period;
pub use place::{PlaceSpec, PlaceSpecError};
pub use records::{Record, RecordField, Records, Unusable, is_secret_field};
pub use source::{Source, SourceError};
pub use taken::{Left, LeftReason, Taken};
pub use tegmen_vault::Revocation;
