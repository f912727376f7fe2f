//! What the broker and the relay inside say to each other: JSON, a message each, with descriptors.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    os::fd::{BorrowedFd, OwnedFd},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tegmen_sys::channel::Channel;

/// The longest message.
pub(super) const MAX: usize = 16 * 1024;

/// How it begins.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Begin {
    /// Whether in a user namespace.
    pub(super) user: bool,
    /// The abstract name of the broker's socket.
    pub(super) channel: String,
    /// The servers of names that the test will ask.
    pub(super) resolvers: Vec<IpAddr>,
}

/// What the broker says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum ToInside {
    Begin(Begin),
    /// Stand at these addresses.
    Stand(Vec<SocketAddr>),
    /// Whoever connects to the listener that comes along is to be led there.
    Door {
        inside: SocketAddr,
    },
    /// What became of the connection that was asked for under this number.
    Dialled {
        number: u64,
        outcome: Outcome,
    },
    /// The addresses of a name; `None`: it is not one that the test may reach.
    Known {
        name: String,
        addresses: Option<Vec<IpAddr>>,
    },
}

/// What becomes of a connection that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Outcome {
    /// It is begun, and comes along.
    Begun,
    /// Nobody is there.
    Down,
    /// There is none, for reasons of our own: it may not be, or there are no descriptors.
    None,
}

/// What the relay says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum FromInside {
    /// The network is made; its namespaces come along, after a socket that has the broker's name inside.
    Ready,
    /// It is not.
    Failed { why: String },
    /// Somebody wants to go there.
    Dial { number: u64, to: SocketAddr },
    /// Somebody asks for this name.
    Ask { name: String },
}

pub(super) fn encoded(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let bytes = serde_json::to_vec(message)?;
    if bytes.len() > MAX { Err(io::ErrorKind::InvalidInput.into()) } else { Ok(bytes) }
}

pub(super) fn send(channel: &Channel, message: &impl Serialize, along: &[BorrowedFd<'_>]) -> io::Result<()> {
    channel.send(&encoded(message)?, along)
}

/// Waits for a message.
///
/// # Errors
/// When the other end is gone, or says something else.
pub(super) fn receive<T: DeserializeOwned>(channel: &Channel) -> io::Result<(T, Vec<OwnedFd>)> {
    decoded(channel.receive(MAX)?)
}

pub(super) fn decoded<T: DeserializeOwned>(received: tegmen_sys::channel::Received) -> io::Result<(T, Vec<OwnedFd>)> {
    if received.is_end() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok((serde_json::from_slice(&received.bytes)?, received.descriptors))
}
