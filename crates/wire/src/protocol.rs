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

use crate::{origin::Origin, table::Binding};

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
pub const VERSION: u32 = 2;

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
    /// The descriptor of the shared memory comes along; one that tells of the broker's end; then those of the files, in this
    /// order.
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
    /// A descriptor comes along: the socket on which this process asks for records of pools ([`Ask`]). Its end is the end
    /// of the process.
    Pools,
    /// A token that the target has issued: the redactor has to know it, until there are many newer ones. With it comes a
    /// descriptor, as with `Learn`.
    Token {
        /// The name that is shown.
        name: String,
        /// The value. The message is wiped after use.
        value: String,
    },
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

/// What the plugin asks on the socket that it has sent with [`Tell::Pools`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "ask")]
pub enum Ask {
    /// What there is to know about a pool.
    Describe {
        /// Comes back with the answer.
        id: u64,
        /// The name of the pool.
        pool: String,
    },
    /// A record of a pool.
    Checkout {
        /// Comes back with the answer.
        id: u64,
        /// The name of the pool.
        pool: String,
        /// Whether it was asked for before, in vain.
        again: bool,
    },
    /// A record is not needed any more. There is no answer.
    Return {
        /// The name of the pool.
        pool: String,
        /// The number of the record.
        record: u32,
    },
}

/// What the broker answers to an [`Ask`], with its number.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Lending {
    /// The number of the question.
    pub id: u64,
    /// The pool that it was about.
    pub pool: String,
    /// The answer.
    pub lent: Lent,
}

impl Lending {
    /// Wipes the fields of the record.
    pub fn wipe(&mut self) {
        if let Lent::Record { fields, .. } = &mut self.lent {
            fields.iter_mut().for_each(|field| zeroize::Zeroize::zeroize(&mut field.value));
        }
    }
}

/// The answer to a question about a pool.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "lent")]
pub enum Lent {
    /// A record.
    Record {
        /// Its number, for giving it back.
        record: u32,
        /// The number of its first token: both ends make the same placeholders from it.
        token: u32,
        /// Its fields, in their order.
        fields: Vec<LentField>,
        /// The rules of its secret fields.
        binding: Box<Binding>,
        /// Whether somebody else has it too.
        shared: bool,
    },
    /// All records are out.
    Empty {
        /// How many there are.
        size: u32,
        /// Whether a user waits for one.
        waits: bool,
        /// For how many milliseconds at most; `None`: as long as it takes.
        limit: Option<u64>,
    },
    /// What there is to know about the pool.
    Description {
        /// How many records there are.
        size: u32,
    },
    /// There is no such pool.
    Unknown {
        /// Those that there are.
        pools: Vec<String>,
    },
    /// The record cannot be given out.
    Failed {
        /// Why.
        reason: String,
    },
}

/// A field of a record that is lent. The message is wiped after use.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LentField {
    /// Its name.
    pub name: String,
    /// What stands in it: text, or JSON of what is no text.
    pub value: String,
    /// What it is.
    pub kind: LentKind,
}

/// What a field of a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LentKind {
    /// A text that anybody may see.
    Text,
    /// JSON of what anybody may see.
    Json,
    /// A value: Python gets its placeholder.
    Secret,
}

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
