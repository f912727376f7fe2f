//! The protocol between the plugin and the broker.
//!
//! The child inherits one end of a pair of sequenced-packet sockets; its number stands in [`CHANNEL_VARIABLE`]. Several
//! processes may hold it (a `make` that starts a master and two workers), so it carries only [`Hello`]s, each with a
//! socket of the sender's own (SCM_RIGHTS) on which the conversation goes on. Where a program in between has closed the
//! descriptor, as Python's `subprocess` does, the plugin connects to an abstract socket instead, and the conversation
//! goes on there. The kernel says who sent a Hello (SCM_CREDENTIALS); either way the broker answers only a process that
//! is not dumpable and that came from its own child. The answer brings the shared secret memory as a descriptor.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::origin::Origin;

/// The environment variable with the number of the inherited descriptor.
pub const CHANNEL_VARIABLE: &str = "TEGMEN_CHANNEL";

/// Where the broker is to be found: what stands in [`CHANNEL_VARIABLE`], as `NUMBER,NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The number of the inherited descriptor.
    pub descriptor: i32,
    /// The name of the abstract socket.
    pub name: String,
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{},{}", self.descriptor, self.name)
    }
}

impl std::str::FromStr for Address {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let (descriptor, name) = text.split_once(',').ok_or(Malformed)?;
        Ok(Self { descriptor: descriptor.parse().map_err(|_| Malformed)?, name: name.to_owned() })
    }
}

/// Both ends must be of the same build of the protocol.
pub const VERSION: u32 = 1;

/// The longest message, in bytes. Values that the plugin protects are sent in one.
pub const MAX_MESSAGE: usize = 128 * 1024;

/// The first message of a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`VERSION`] as the plugin knows it.
    pub version: u32,
    /// The version of the plugin's package, for the message when the two do not fit.
    pub package: String,
}

/// What the broker answers to a Hello.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "answer")]
pub enum Answer {
    /// The descriptor of the shared memory comes along; then those of the files, in this order.
    Welcome {
        /// For each secret that is served as a file: its name.
        files: Vec<String>,
    },
    /// Nothing comes along.
    Refused {
        /// Why, for the person who runs the test.
        reason: String,
    },
}

/// What the plugin tells the broker later on.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "tell")]
pub enum Tell {
    /// A value that was born in the test: the redactor has to know it. With it comes a descriptor, which the broker
    /// closes when the redactor does.
    Learn {
        /// The name that is shown.
        name: String,
        /// Its placeholder.
        placeholder: String,
        /// The value. The message is wiped after use.
        value: String,
    },
    /// The plugin is in place in a process that runs Locust.
    Ready {
        /// The version of Locust.
        locust: String,
    },
    /// How often names were put in the place of values in one of Locust's outputs, since the last time.
    Masked {
        /// One of [`CHANNELS`].
        channel: String,
        /// By the name that is shown.
        counts: BTreeMap<String, u64>,
    },
    /// How often requests have carried secrets, or would have, since the last time.
    Journeys {
        /// By secret and destination.
        journeys: Vec<Journey>,
    },
    /// An origin that the test is started against.
    Target {
        /// The origin.
        origin: Origin,
        /// Whether every process of the run is to take it for the test's target: a person entered it in the web UI, at the
        /// first start of a test that had none.
        pin: bool,
    },
    /// Asks for what the run knows of its secrets. With it comes a socket, on which the answer is sent in pieces of at
    /// most [`PIECE`] bytes, and closed.
    Overview,
}

/// How many requests with a secret went to one destination, or were to go there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journey {
    /// The secret's name.
    pub name: String,
    /// The origin.
    pub to: String,
    /// What became of them.
    pub outcome: Outcome,
    /// How many; less than nothing takes back what was told before.
    pub count: i64,
}

/// What became of a request with a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was sent.
    Sent,
    /// It was refused before it was sent.
    Refused {
        /// Why, in a few words.
        why: String,
    },
}

/// The longest piece of an answer that is sent in several, in bytes.
pub const PIECE: usize = 32 * 1024;

/// The outputs of Locust in which the plugin puts names in the place of values, and counts them: log records, the names
/// in statistics, failures, exceptions, pages of the web UI, the HTML report, what workers tell the master, and telemetry.
pub const CHANNELS: [&str; 8] =
    ["log", "statistics", "failures", "exceptions", "pages", "report", "messages", "telemetry"];

/// A message that is not what the other end would send.
#[derive(Debug, thiserror::Error)]
#[error("the message is not of protocol version {VERSION}")]
pub struct Malformed;

/// A message as bytes.
///
/// # Errors
/// When it is longer than [`MAX_MESSAGE`].
pub fn encode<T: Serialize>(message: &T) -> Result<zeroize::Zeroizing<Vec<u8>>, Malformed> {
    let bytes = zeroize::Zeroizing::new(serde_json::to_vec(message).map_err(|_| Malformed)?);
    if bytes.len() > MAX_MESSAGE { Err(Malformed) } else { Ok(bytes) }
}

/// Bytes as a message.
///
/// # Errors
/// When they are none. The error holds no part of them.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Malformed> {
    serde_json::from_slice(bytes).map_err(|_| Malformed)
}
