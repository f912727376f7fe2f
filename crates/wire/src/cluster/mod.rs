//! What passes between a master and its workers, sealed: a handshake, sessions, frames.
//!
//! Locust's own messages travel in the clear and are believed. Here each of them is put into a [`frame`], in one of two
//! ways:
//!
//! - **Sealed**, where both ends have the same key: that of the manifest (`[cluster] key`), or the one that the broker
//!   makes for its own run, which forked workers share with their master. Both ends prove in a handshake that they have the
//!   key; then messages are encrypted and authenticated under keys that are made for this session and direction, and
//!   numbered. What is altered, repeated, out of order, from another session or under another worker's name is refused.
//! - **Open**, where neither end has a key from its manifest, and their brokers are different ones: as Locust would send
//!   it. Each end knows that it is, and takes nothing on trust that it must not.
//!
//! A key from the manifest is never given up for the open way.
//!
//! The handshake is that of the pattern NNpsk0 of the [Noise Protocol Framework](https://noiseprotocol.org/noise.html) in
//! what goes into the keys: the key of the cluster, a Diffie-Hellman agreement of two fresh X25519 keys, and a hash of all
//! that was said. So what was recorded cannot be read by somebody who gets hold of the key later. HKDF is RFC 5869, the
//! seal ChaCha20-Poly1305 (RFC 8439).
//!
//! No I/O, and no Locust: ends are handed frames and hand back frames.

mod frame;
mod keys;
mod master;
mod worker;

#[cfg(test)]
mod tests;

use std::fmt;

pub use keys::{ClusterKey, KeyOrigin, SHORTEST_KEY, WeakKey, random_key};
pub use master::Master;
pub use worker::Worker;

/// What came of a frame.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// The message in it, for Locust.
    pub message: Option<Vec<u8>>,
    /// Frames to send back to where it came from.
    pub replies: Vec<Vec<u8>>,
    /// What somebody should know about it.
    pub note: Option<Note>,
}

impl Received {
    fn message(message: Vec<u8>) -> Self {
        Self { message: Some(message), ..Self::default() }
    }

    fn note(note: Note) -> Self {
        Self { note: Some(note), ..Self::default() }
    }

    fn reply(reply: Vec<u8>) -> Self {
        Self { replies: vec![reply], ..Self::default() }
    }

    fn and_note(mut self, note: Note) -> Self {
        self.note = Some(note);
        self
    }
}

/// What happened at one end, for the person who runs the test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// From now on messages are sealed.
    Sealed,
    /// From now on messages travel in the open.
    Open,
    /// It is no frame: the other end runs without Tegmen.
    Foreign,
    /// The other end has another key.
    OtherKey,
    /// The other end has a key from its manifest, this one has none.
    KeyMissingHere,
    /// This end has a key from its manifest, the other one has none.
    KeyMissingThere,
    /// It was sealed, but not by the other end of this session: it was altered on the way, or it is somebody else's.
    Altered,
    /// It was here before, or something that was sent later was.
    Repeated,
    /// It was sealed in a session that this end does not know.
    UnknownSession,
    /// It travelled in the open where it has to be sealed, or the other way round.
    WrongWay,
    /// It is a frame of another version of the protocol, or not a whole one.
    Malformed,
}

impl Note {
    /// A word for it that stays the same in all versions.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sealed => "sealed",
            Self::Open => "open",
            Self::Foreign => "foreign",
            Self::OtherKey => "other-key",
            Self::KeyMissingHere => "key-missing-here",
            Self::KeyMissingThere => "key-missing-there",
            Self::Altered => "altered",
            Self::Repeated => "repeated",
            Self::UnknownSession => "unknown-session",
            Self::WrongWay => "wrong-way",
            Self::Malformed => "malformed",
        }
    }
}

/// Why nothing can be sent or begun.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClusterError {
    /// No randomness, or a session that has lasted for 2^64 messages.
    #[error("a message between master and workers cannot be sealed: the operating system gave no randomness")]
    Randomness,
}

impl From<ring::error::Unspecified> for ClusterError {
    fn from(_: ring::error::Unspecified) -> Self {
        Self::Randomness
    }
}

/// How messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Nothing was agreed on yet.
    Unknown,
    /// Encrypted and authenticated.
    Sealed,
    /// As they are.
    Open,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "unknown",
            Self::Sealed => "sealed",
            Self::Open => "open",
        })
    }
}
