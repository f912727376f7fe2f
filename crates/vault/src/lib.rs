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
mod headers;
mod health;
pub mod identity;
mod inspect;
mod kv;
mod lease;
mod login;
mod pace;
mod redirect;
mod retry;
mod rotate;
mod settings;
mod socket;
mod tls;
mod variables;
mod write;

pub use auth::{AppRole, Auth, AwsKeys, AwsRequest, AzureMachine, Credentials, SecretId};
pub use client::Client;
pub use error::{Error, ErrorKind};
pub use headers::{Headers, ProxyUrl};
pub use inspect::{AclRule, AppRoleFacts, TokenFacts, rules_of};
pub use kv::{KvSecret, KvVersion, Mount};
pub use lease::{Lease, Lent};
pub use login::{Login, Revocation, Term, TokenOwner};
pub use pace::RateLimit;
pub use retry::jitter;
pub use rotate::AppRoleName;
pub use settings::{Config, Settings, SettingsError};
pub use write::{KvHistory, KvState};
