//! Sequenced-packet sockets (unix(7)) that carry messages, descriptors and the kernel's word on who sent them.

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketAddrUnix, SocketFlags, SocketType, accept_with, bind, connect, listen, recvmsg, sendmsg,
    socket_with, socketpair,
};

/// How many descriptors a message may bring along.
pub const MAX_DESCRIPTORS: usize = 64;

/// One end of a pair of connected sockets.
pub struct Channel(OwnedFd);

/// Who sent a message, as the kernel says: at the time of sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sender {
    /// The process.
    pub pid: u32,
    /// Its user.
    pub uid: u32,
}

/// A message as it came in.
pub struct Received {
    /// The bytes; empty when the other end is gone (see [`Received::is_end`]).
    pub bytes: Vec<u8>,
    /// The descriptors that came along, closed on exec.
    pub descriptors: Vec<OwnedFd>,
    /// The sender, on a channel that [`Channel::identify_senders`] was called on.
    pub sender: Option<Sender>,
}

impl Received {
    /// Whether the other end is gone. An empty message is told from it where senders are identified.
    pub fn is_end(&self) -> bool {
        self.bytes.is_empty() && self.descriptors.is_empty() && self.sender.is_none()
    }
}

/// A socket that waits for others to connect: in the abstract namespace (unix(7)), so that no file is left behind.
pub struct Listener(OwnedFd);

impl Listener {
    /// Listens under that name.
    ///
    /// # Errors
    /// When the name is taken, or the kernel has no descriptors left.
    pub fn new(name: &str) -> io::Result<Self> {
        Self::on(Self::named(name)?)
    }

    /// A socket of that name on which nobody listens yet. Names belong to a network namespace.
    ///
    /// # Errors
    /// When the name is taken, or the kernel has no descriptors left.
    pub fn named(name: &str) -> io::Result<OwnedFd> {
        let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        // Sockets that are accepted inherit it. Set on them, it would come too late for a message that was sent between.
        rustix::net::sockopt::set_socket_passcred(&socket, true)?;
        bind(&socket, &SocketAddrUnix::new_abstract_name(name.as_bytes())?)?;
        Ok(socket)
    }

    /// Listens on a socket that [`Listener::named`] made, perhaps in another process: those who connect see who listens, not who
    /// made it.
    ///
    /// # Errors
    /// When it is no such socket.
    pub fn on(socket: OwnedFd) -> io::Result<Self> {
        listen(&socket, 64)?;
        Ok(Self(socket))
    }

    /// Waits for the next one. Messages on the channel say who sent them.
    ///
    /// # Errors
    /// When the kernel says so.
    pub fn accept(&self) -> io::Result<Channel> {
        loop {
            match accept_with(&self.0, SocketFlags::CLOEXEC) {
                Err(rustix::io::Errno::INTR | rustix::io::Errno::CONNABORTED) => {}
                // No descriptors left: for now.
                Err(rustix::io::Errno::MFILE | rustix::io::Errno::NFILE) => {
                    std::thread::sleep(std::time::Duration::from_millis(100));
                }
                other => break Ok(Channel(other?)),
            }
        }
    }
}

impl Channel {
    /// Connects to the listener of that name.
    ///
    /// # Errors
    /// When nobody listens there.
    pub fn connect(name: &str) -> io::Result<Self> {
        let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        connect(&socket, &SocketAddrUnix::new_abstract_name(name.as_bytes())?)?;
        Ok(Self(socket))
    }

    /// Who made the other end, as the kernel says.
    ///
    /// # Errors
    /// When the descriptor is no socket of that kind.
    pub fn peer(&self) -> io::Result<Sender> {
        let credentials = rustix::net::sockopt::socket_peercred(&self.0)?;
        Ok(Sender { pid: credentials.pid.as_raw_nonzero().get().unsigned_abs(), uid: credentials.uid.as_raw() })
    }

    /// Two connected ends, closed on exec.
    ///
    /// # Errors
    /// When the kernel has no descriptors left.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (a, b) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Self(a), Self(b)))
    }

    /// Takes over a socket that came from elsewhere.
    pub fn from_fd(fd: OwnedFd) -> Self {
        Self(fd)
    }

    /// Asks the kernel to say for each message that comes in who sent it (SO_PASSCRED).
    ///
    /// # Errors
    /// When the descriptor is no socket.
    pub fn identify_senders(&self) -> io::Result<()> {
        Ok(rustix::net::sockopt::set_socket_passcred(&self.0, true)?)
    }

    /// Sends a message, with descriptors.
    ///
    /// # Errors
    /// When the other end is gone, or the message is too long. SIGPIPE is not raised.
    pub fn send(&self, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        self.send_with(bytes, descriptors, SendFlags::NOSIGNAL)
    }

    /// As [`send`](Self::send), but an error where the other end takes nothing more for now.
    ///
    /// # Errors
    /// As there.
    pub fn send_now(&self, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        self.send_with(bytes, descriptors, SendFlags::NOSIGNAL | SendFlags::DONTWAIT)
    }

    fn send_with(&self, bytes: &[u8], descriptors: &[BorrowedFd<'_>], flags: SendFlags) -> io::Result<()> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(descriptors)) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "too many descriptors in one message"));
        }
        sendmsg(&self.0, &[IoSlice::new(bytes)], &mut ancillary, flags)?;
        Ok(())
    }

    /// Waits for a message of up to `capacity` bytes. Longer ones are an error.
    ///
    /// # Errors
    /// When the kernel says so, or the message was longer.
    pub fn receive(&self, capacity: usize) -> io::Result<Received> {
        self.receive_with(capacity, RecvFlags::CMSG_CLOEXEC)
    }

    /// As [`receive`](Self::receive), but an error of the kind `WouldBlock` where there is no message yet.
    ///
    /// # Errors
    /// As there.
    pub fn receive_now(&self, capacity: usize) -> io::Result<Received> {
        self.receive_with(capacity, RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT)
    }

    fn receive_with(&self, capacity: usize, flags: RecvFlags) -> io::Result<Received> {
        let mut bytes = vec![0; capacity];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS), ScmCredentials(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let message = loop {
            let slices = &mut [IoSliceMut::new(&mut bytes)];
            match recvmsg(&self.0, slices, &mut ancillary, flags) {
                Err(rustix::io::Errno::INTR) => {}
                other => break other?,
            }
        };
        let (mut descriptors, mut sender) = (Vec::new(), None);
        for item in ancillary.drain() {
            match item {
                RecvAncillaryMessage::ScmRights(received) => descriptors.extend(received),
                RecvAncillaryMessage::ScmCredentials(credentials) => {
                    sender = Some(Sender {
                        pid: credentials.pid.as_raw_nonzero().get().unsigned_abs(),
                        uid: credentials.uid.as_raw(),
                    });
                }
                _ => {}
            }
        }
        if message.flags.contains(rustix::net::ReturnFlags::TRUNC) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the message is too long"));
        }
        bytes.truncate(message.bytes);
        Ok(Received { bytes, descriptors, sender })
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl From<Channel> for OwnedFd {
    fn from(channel: Channel) -> Self {
        channel.0
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn a_message_brings_descriptors_and_its_sender() {
        let (a, b) = Channel::pair().unwrap();
        b.identify_senders().unwrap();
        let (mut ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        a.send(b"hello", &[theirs.as_fd()]).unwrap();
        let received = b.receive(100).unwrap();
        assert_eq!(received.bytes, b"hello");
        assert_eq!(received.sender.unwrap().pid, std::process::id());
        let mut other = std::os::unix::net::UnixStream::from(received.descriptors.into_iter().next().unwrap());
        ours.write_all(b"x").unwrap();
        let mut byte = [0];
        other.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"x");
    }

    #[test]
    fn a_listener_learns_who_connects() {
        let name = format!("tegmen-test-{}", std::process::id());
        let listener = Listener::new(&name).unwrap();
        let ours = Channel::connect(&name).unwrap();
        let theirs = listener.accept().unwrap();
        ours.send(b"hello", &[]).unwrap();
        let received = theirs.receive(100).unwrap();
        assert_eq!((received.bytes.as_slice(), received.sender.unwrap().pid), (&b"hello"[..], std::process::id()));
        assert!(Channel::connect("tegmen-test-nobody").is_err());
    }

    #[test]
    fn an_empty_message_is_not_the_end() {
        let (a, b) = Channel::pair().unwrap();
        b.identify_senders().unwrap();
        a.send(b"", &[]).unwrap();
        assert!(!b.receive(10).unwrap().is_end());
        drop(a);
        assert!(b.receive(10).unwrap().is_end());
    }

    #[test]
    fn nobody_waits_for_one_who_does_not_read() {
        let (a, _b) = Channel::pair().unwrap();
        let full = (0..100_000).find_map(|_| a.send_now(&[0; 1000], &[]).err()).unwrap();
        assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn a_message_that_is_too_long_is_an_error_and_the_end_is_empty() {
        let (a, b) = Channel::pair().unwrap();
        a.send(&[0; 50], &[]).unwrap();
        assert!(b.receive(10).is_err());
        drop(a);
        assert!(b.receive(10).unwrap().bytes.is_empty());
    }
}
