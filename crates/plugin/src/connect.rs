//! The handshake with the broker.

use std::os::fd::{AsFd, OwnedFd};

use tegmen_sys::{channel::Channel, hardening, leash::Leash, peer, process, shared::Reader};
use tegmen_wire::protocol::{self, Address, Answer, Hello};

use crate::ClientError;

/// What the broker gave.
pub struct Connection {
    /// For what the plugin tells later.
    pub channel: Channel,
    /// The shared memory.
    pub reader: Reader,
    /// By which this process hears of the broker's end.
    pub leash: Leash,
    /// For each secret that is served as a file: its name and its descriptor.
    pub files: Vec<(String, OwnedFd)>,
}

/// Asks the broker at that address. Forbids other processes to look into this one first: that is what the broker insists
/// on.
pub fn connect(address: &str, package: &str) -> Result<Connection, ClientError> {
    let address: Address = address.parse()?;
    hardening::forbid_inspection().map_err(ClientError::Unreachable)?;
    hardening::forbid_core_dumps().map_err(ClientError::Unreachable)?;
    let hello = protocol::encode(&Hello { version: protocol::VERSION, package: package.to_owned() })?;
    let channel = match by_descriptor(address.descriptor, &hello) {
        Ok(channel) => channel,
        // Closed, or something else by now.
        Err(_) => by_name(&address.name, &hello).map_err(ClientError::Unreachable)?,
    };
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
    let leash = Leash::new(descriptors.next().ok_or(ClientError::Malformed)?);
    let reader = Reader::new(memory.as_fd()).map_err(ClientError::Unreachable)?;
    Ok(Connection { channel, reader, leash, files: names.into_iter().zip(descriptors).collect() })
}

/// Through the inherited descriptor: it brings the broker a socket of our own.
fn by_descriptor(descriptor: i32, hello: &[u8]) -> std::io::Result<Channel> {
    let inherited = Channel::from_fd(process::inherited(descriptor)?);
    let (ours, theirs) = Channel::pair()?;
    inherited.send(hello, &[theirs.as_fd()])?;
    Ok(ours)
}

fn by_name(name: &str, hello: &[u8]) -> std::io::Result<Channel> {
    let channel = Channel::connect(name)?;
    // After the end of the broker somebody else could listen under its name, and learn what the test takes into protection.
    let broker = channel.peer()?;
    // Root may have started the test as somebody else (`--user`).
    let trusted = broker.uid == peer::own_uid() || broker.uid == 0;
    if !trusted || !peer::descends_from(std::process::id(), broker.pid) {
        return Err(std::io::Error::new(std::io::ErrorKind::PermissionDenied, "another program took its place"));
    }
    channel.send(hello, &[])?;
    Ok(channel)
}
