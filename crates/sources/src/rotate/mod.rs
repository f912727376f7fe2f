//! Rotation: a new value for a secret in its source, and wherever else it stands.
//!
//! The order is always the same. The source gets the new value first, so that it cannot be lost; then the places that follow;
//! last the hook, which tells the target. If one of them fails, everything before it gets its old value back, in the reverse
//! order. A line in the [`Record`] says that a rotation has begun before anything is changed, and another how it ended.

mod age;
mod command;
mod follow;
mod journal;
mod kv;
mod local;
mod plan;
mod record;
mod rule;
mod secret_id;
mod subject;
mod work;

pub use age::Age;
pub use follow::{Follower, FollowerError};
pub use record::{Line, Origin, Outcome, Record, stamp};
pub(crate) use rule::set;
pub use rule::{LENGTHS, Rule, RuleError};
pub use subject::{Subject, Way};
pub use work::{Access, Done, Rotator};

use std::time::Duration;

use tegmen_vault::AppRoleName;

/// `[secrets.NAME.rotate]`: how a secret is rotated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RotateSpec {
    /// What a new value looks like.
    pub rule: Rule,
    /// A command that tells the target, with the new value on its standard input.
    pub hook: Option<String>,
    /// A command for a hook that failed, with the old value on its standard input.
    pub undo: Option<String>,
    /// The places that get the value after the source.
    pub follow: Vec<Follower>,
    /// The line of the manifest on which it begins.
    pub line: usize,
}

/// `[rotations.NAME]`: what is to be rotated and is no secret of the test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RotationSpec {
    /// What it is.
    pub kind: RotationKind,
    /// The age from which on it is to be rotated.
    pub max_age: Option<Duration>,
    /// Hook and followers; there is no rule, the server makes the value.
    pub rotate: RotateSpec,
}

/// What can be rotated beside secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RotationKind {
    /// `approle = "MOUNT/ROLE"`: a new SecretID of a role. The old one is destroyed in the end.
    SecretId {
        /// The role.
        role: AppRoleName,
        /// For how long it is wrapped; `None`: not at all.
        wrap: Option<Duration>,
    },
    /// `database_root = "MOUNT/CONNECTION"`: the password with which Vault itself connects to a database.
    DatabaseRoot {
        /// Where the engine is mounted.
        mount: String,
        /// The connection.
        connection: String,
    },
}
