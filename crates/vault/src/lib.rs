//! A small client for Vault and OpenBao: logging in, reading KV and whatever else can be read, keeping what is lent
//! for a time, and nothing left behind.
//!
//! What it holds is secret: tokens and values are [`SecretBytes`](tegmen_secret::SecretBytes), no type that holds one
//! has a `Debug`, and of what a server answers only its `errors` texts reach a message, cut short.

mod answer;
mod auth;
mod client;
mod duration;
mod error;
mod kv;
mod lease;
mod login;
mod redirect;
mod retry;
mod settings;
mod tls;

pub use auth::{AppRole, Auth, SecretId};
pub use client::Client;
pub use error::{Error, ErrorKind};
pub use kv::{KvSecret, KvVersion, Mount};
pub use lease::{Lease, Lent};
pub use login::{Login, Revocation, Term, TokenOwner};
pub use retry::jitter;
pub use settings::{Config, Settings, SettingsError};
