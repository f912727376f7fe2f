//! A network of a command's own, which has no way out: loopback, and the addresses that somebody stands at in it
//! (network_namespaces(7)). And the sockets with which a relay leads through its wall.

use std::{
    fs::File,
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
    os::fd::{AsFd, OwnedFd},
    time::Duration,
};

use rustix::{
    net::{AddressFamily, SocketFlags, SocketType, bind, connect, listen, socket_with, sockopt},
    thread::UnshareFlags,
};

use crate::{
    isolation::{IsolationError, at, in_user_namespace},
    route::Route,
};

/// By what right the network is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Our own: that of root (CAP_SYS_ADMIN).
    Own,
    /// That which anybody has in a user namespace. Whoever owns that may look into every process in it, dumpable or not
    /// (ptrace(2), "Ptrace access mode checking"): the protection from other processes of the same user ends.
    UserNamespace,
}

/// The namespaces of a network, for [`crate::sandbox::Fence::network`].
#[derive(Debug)]
pub struct Spaces {
    /// The user namespace that it belongs to, if that is not ours.
    pub user: Option<OwnedFd>,
    /// The network namespace.
    pub network: OwnedFd,
}

/// A network that this process is in, and may change.
pub struct Network {
    route: Route,
    right: Right,
}

impl Network {
    /// Moves this process, which must have one thread, into a new one.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn enter(right: Right) -> Result<Self, IsolationError> {
        match right {
            // SAFETY: no descriptors are unshared, and there is one thread.
            Right::Own => unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET) }
                .map_err(at("the kernel gives no network namespace"))?,
            Right::UserNamespace => in_user_namespace(UnshareFlags::NEWNET)?,
        }
        let route = Route::open().map_err(at("the network cannot be set up"))?;
        route.loopback_up().map_err(at("the loopback interface cannot be used"))?;
        Ok(Self { route, right })
    }

    /// The namespaces, for a process that is to be in it.
    ///
    /// # Errors
    /// When /proc is not mounted.
    pub fn spaces(&self) -> io::Result<Spaces> {
        let user = match self.right {
            Right::Own => None,
            Right::UserNamespace => Some(File::open("/proc/self/ns/user")?.into()),
        };
        Ok(Spaces { user, network: File::open("/proc/self/ns/net")?.into() })
    }

    /// Lets an address be one of this machine's in here. Those of loopback are already.
    ///
    /// # Errors
    /// When the kernel refuses: it has no IPv6, for example.
    pub fn stand_at(&self, address: IpAddr) -> io::Result<()> {
        if address.is_loopback() {
            return Ok(());
        }
        match self.route.address_is_local(address) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        }
    }
}

fn family(address: SocketAddr) -> AddressFamily {
    if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 }
}

fn socket(address: SocketAddr, kind: SocketType) -> io::Result<OwnedFd> {
    Ok(socket_with(family(address), kind, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?)
}

/// A socket at an address that the interfaces may not have.
fn bound(address: SocketAddr, kind: SocketType) -> io::Result<OwnedFd> {
    let socket = socket(address, kind)?;
    if address.is_ipv4() {
        sockopt::set_ip_freebind(&socket, true)?;
    } else {
        sockopt::set_ipv6_v6only(&socket, true)?;
        sockopt::set_ipv6_freebind(&socket, true)?;
    }
    if kind == SocketType::STREAM {
        // Again at once, also where connections of before are still remembered (ip(7)).
        sockopt::set_socket_reuseaddr(&socket, true)?;
    }
    bind(&socket, &address)?;
    Ok(socket)
}

/// Listens; nothing blocks.
///
/// # Errors
/// When the port is taken.
pub fn listener(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = bound(address, SocketType::STREAM)?;
    listen(&socket, 4096)?;
    Ok(socket.into())
}

/// Takes datagrams; nothing blocks.
///
/// # Errors
/// When the port is taken.
pub fn datagrams(address: SocketAddr) -> io::Result<UdpSocket> {
    Ok(bound(address, SocketType::DGRAM)?.into())
}

/// The datagrams that arrive in this network, whoever they are for and whether anybody waits for them or not (raw(7)). Needs
/// the right to raw sockets in it (CAP_NET_RAW).
pub struct Datagrams {
    socket: OwnedFd,
    header: Header,
}

/// Whether the header of the network's protocol stands before a datagram that a raw socket gives.
#[derive(Clone, Copy)]
enum Header {
    /// IPv4 (raw(7)).
    Before,
    /// IPv6 (ipv6(7)).
    Absent,
}

/// A datagram as it arrived.
#[derive(Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Where to, as far as the kernel says: of IPv6 it does not.
    pub to: Option<IpAddr>,
    /// The port that it came from.
    pub source: u16,
    /// The port that it is for.
    pub port: u16,
    /// What is in it.
    pub bytes: &'a [u8],
}

impl Datagrams {
    /// Those over IPv4.
    ///
    /// # Errors
    /// When this process has no right to it.
    pub fn v4() -> io::Result<Self> {
        Self::of(AddressFamily::INET, Header::Before)
    }

    /// Those over IPv6.
    ///
    /// # Errors
    /// When this process has no right to it, or the machine has no IPv6.
    pub fn v6() -> io::Result<Self> {
        Self::of(AddressFamily::INET6, Header::Absent)
    }

    fn of(family: AddressFamily, header: Header) -> io::Result<Self> {
        let protocol = Some(rustix::net::ipproto::UDP);
        let socket = socket_with(family, SocketType::RAW, SocketFlags::CLOEXEC, protocol)?;
        Ok(Self { socket, header })
    }

    /// Waits for the next one, and reads it into `buffer`.
    ///
    /// # Errors
    /// When the kernel says so.
    pub fn receive<'a>(&self, buffer: &'a mut [u8]) -> io::Result<Datagram<'a>> {
        let count = loop {
            match rustix::net::recv(&self.socket, &mut buffer[..], rustix::net::RecvFlags::empty()) {
                Ok((count, _)) => break count,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        };
        read(&buffer[..count], self.header).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }
}

/// Takes a datagram (RFC 768) out of what a raw socket gives.
fn read(bytes: &[u8], header: Header) -> Option<Datagram<'_>> {
    let (to, bytes) = match header {
        // RFC 791: the length of the header in words of four bytes, and at last where to.
        Header::Before => {
            let address: [u8; 4] = bytes.get(16..20)?.try_into().ok()?;
            (Some(IpAddr::from(address)), bytes.get(usize::from(bytes[0] & 15) * 4..)?)
        }
        Header::Absent => (None, bytes),
    };
    let port = |at: usize| Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    Some(Datagram { to, source: port(0)?, port: port(2)?, bytes: bytes.get(8..)? })
}

/// Begins a connection and does not wait for it: the socket can be written to when it has come about, or failed
/// ([`came_about`]).
///
/// # Errors
/// When it fails at once.
pub fn dial(to: SocketAddr) -> io::Result<OwnedFd> {
    let socket = socket(to, SocketType::STREAM)?;
    match connect(&socket, &to) {
        Ok(()) | Err(rustix::io::Errno::INPROGRESS) => Ok(socket),
        Err(error) => Err(error.into()),
    }
}

/// Whether a connection that was begun has come about.
///
/// # Errors
/// When it has not: why.
pub fn came_about(socket: impl AsFd) -> io::Result<()> {
    Ok(sockopt::socket_error(socket)??)
}

/// Lets the other end of a connection see, when it is closed, that it was cut off and has not come to its end.
pub fn cut(socket: impl AsFd) {
    // Without it the other end sees an end, and no data: nothing that it would take for an answer.
    let _ = sockopt::set_socket_linger(socket, Some(Duration::ZERO));
}

/// Small messages go out at once.
pub fn hurry(socket: impl AsFd) {
    // A connection within the machine may not know the option.
    let _ = sockopt::set_tcp_nodelay(socket, true);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_comes_about_or_not() {
        let listener = listener("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let socket = dial(address).unwrap();
        crate::poll::wait_until_writable(&socket).unwrap();
        came_about(&socket).unwrap();
        drop(listener);
        let refused = dial(address).and_then(|socket| {
            crate::poll::wait_until_writable(&socket)?;
            came_about(&socket)
        });
        assert!(refused.is_err());
    }

    #[test]
    fn a_datagram_is_read_out_of_its_packet() {
        let udp = [0, 53, 4, 210, 0, 10, 0, 0, b'h', b'i'];
        let (source, port, bytes) = (53, 1234, &b"hi"[..]);
        assert_eq!(read(&udp, Header::Absent), Some(Datagram { to: None, source, port, bytes }));
        let mut packet = vec![0x45; 16];
        packet.extend([192, 0, 2, 7]);
        packet.extend(udp);
        let to = Some("192.0.2.7".parse().unwrap());
        assert_eq!(read(&packet, Header::Before), Some(Datagram { to, source, port, bytes }));
        for length in 0..28 {
            assert_eq!(read(&packet[..length], Header::Before), None, "{length}");
        }
    }

    #[test]
    fn an_address_that_nobody_has_can_be_stood_at() {
        // Of a block that is for documentation (RFC 5737).
        assert!(datagrams("192.0.2.1:0".parse().unwrap()).is_ok());
        assert!(listener("192.0.2.1:0".parse().unwrap()).is_ok());
    }
}
