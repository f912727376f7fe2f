//! The native half of the plugin inside Locust, without Python: asks the broker for the shared memory, keeps up with it,
//! fills requests from it, and takes values out of texts.
//!
//! There is no thread and no lock in here, and nothing to redo after a fork: the mapping is inherited, and a new
//! generation is noticed at the next use.

mod answers;
mod client;
mod connect;
mod learning;
mod lines;
mod local;
mod masked;
mod passing;
mod pieces;
mod pools;
mod redacting;
mod reflection;
mod sealing;
mod sending;
mod shared;
pub mod sign;
mod signing;
mod tally;
mod telling;

pub use answers::{LONGEST as LONGEST_ANSWER, SHORTEST as SHORTEST_ANSWER};
pub use client::Client;
pub use passing::Texts;
pub use pools::{Answer, Field, Question};
pub use sealing::Sealer;
pub use sending::Purpose;
pub use tegmen_classify::is_sensitive_variable;
pub use tegmen_wire::{
    cluster,
    fill::{Filled, FilledHead, Refusal, Request},
    finder::SHORTEST as SHORTEST_PIECE,
    origin::{Origin, Scheme},
    protocol::{CHANNELS, LentKind},
    table::Entry,
};

/// What went wrong between plugin and broker.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// There is no broker at the address.
    #[error("the broker cannot be reached: {0}. Start the command with `tegmen run -- …`")]
    Unreachable(std::io::Error),
    /// The broker said no.
    #[error("the broker gave no secrets to this process: {0}")]
    NotWelcome(String),
    /// What came is not what a broker of this version sends.
    #[error("the broker's answer is not of this version; install the same version of tegmen everywhere")]
    Malformed,
    /// The broker's answer could not be read.
    #[error("the broker did not answer")]
    Silent,
    /// The request was refused.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// A value that was born in the test does not fit into a message.
    #[error("the value of [{0}] is too long to be protected: at most {max} KiB", max = tegmen_wire::protocol::MAX_MESSAGE >> 12)]
    TooLong(String),
    /// Too many values were born in the test.
    #[error(transparent)]
    Exhausted(#[from] tegmen_wire::placeholder::Exhausted),
    /// Nothing can be computed from the value.
    #[error("[{name}] cannot sign: {error}")]
    Sign {
        /// The name of the secret.
        name: String,
        /// Why.
        error: sign::SignError,
    },
    /// What is to be signed holds a placeholder: the signature would not be that of what is sent.
    #[error("what is to be signed holds the placeholder of [{0}]: sign a text without it")]
    PlaceholderInside(String),
    /// The system's random source failed.
    #[error("the operating system gave no randomness")]
    Randomness,
}

impl From<tegmen_wire::protocol::Malformed> for ClientError {
    fn from(_: tegmen_wire::protocol::Malformed) -> Self {
        Self::Malformed
    }
}
