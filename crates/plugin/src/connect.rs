//! The handshake with the broker.

use std::os::fd::{AsFd, OwnedFd};

use tegmen_sys::{channel::Channel, hardening, process, shared::Reader};
use tegmen_wire::protocol::{self, Answer, Hello};

use crate::ClientError;

/// What the broker gave.
pub struct Connection {
    /// For what the plugin tells later.
    pub channel: Channel,
    /// The shared memory.
    pub reader: Reader,
    /// For each secret that is served as a file: its name and its descriptor.
    pub files: Vec<(String, OwnedFd)>,
}

/// Asks the broker at the inherited `descriptor`. Forbids other processes to look into this one first: that is what the
/// broker insists on.
pub fn connect(descriptor: i32, package: &str) -> Result<Connection, ClientError> {
    let inherited = Channel::from_fd(process::inherited(descriptor).map_err(|_| ClientError::Closed)?);
    hardening::forbid_inspection().map_err(ClientError::Unreachable)?;
    hardening::forbid_core_dumps().map_err(ClientError::Unreachable)?;
    let (channel, theirs) = Channel::pair().map_err(ClientError::Unreachable)?;
    let hello = Hello { version: protocol::VERSION, package: package.to_owned() };
    inherited.send(&protocol::encode(&hello)?, &[theirs.as_fd()]).map_err(|error| match error.kind() {
        // Another descriptor has taken the number.
        std::io::ErrorKind::NotConnected | std::io::ErrorKind::InvalidInput => ClientError::Closed,
        _ if error.raw_os_error() == Some(88) => ClientError::Closed,
        _ => ClientError::Unreachable(error),
    })?;
    drop(theirs);
    let received = channel.receive(protocol::MAX_MESSAGE).map_err(ClientError::Unreachable)?;
    if received.bytes.is_empty() {
        return Err(ClientError::NotWelcome("it closed the connection".to_owned()));
    }
    let names = match protocol::decode(&received.bytes)? {
        Answer::Welcome { files } => files,
        Answer::Refused { reason } => return Err(ClientError::NotWelcome(reason)),
    };
    let mut descriptors = received.descriptors.into_iter();
    let memory = descriptors.next().ok_or(ClientError::Malformed)?;
    let reader = Reader::new(memory.as_fd()).map_err(ClientError::Unreachable)?;
    Ok(Connection { channel, reader, files: names.into_iter().zip(descriptors).collect() })
}
