//! Interfaces and routes of a network namespace.

use std::{io, net::IpAddr};

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink::SocketAddrNetlink, recv, sendto, socket_with,
};

/// The kernel's interface for interfaces and routes (rtnetlink(7)).
pub(crate) struct Route(rustix::fd::OwnedFd);

/// The loopback interface of a network namespace has this number.
const LOOPBACK: u32 = 1;

impl Route {
    pub(crate) fn open() -> io::Result<Self> {
        // NETLINK_ROUTE is protocol 0, which is what none is.
        Ok(Self(socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?))
    }

    pub(crate) fn loopback_up(&self) -> io::Result<()> {
        // struct ifinfomsg
        let mut body = vec![0u8; 4];
        body.extend(LOOPBACK.to_ne_bytes());
        body.extend((libc::IFF_UP as u32).to_ne_bytes());
        body.extend((libc::IFF_UP as u32).to_ne_bytes());
        self.ask(libc::RTM_NEWLINK, 0, &body)
    }

    /// `ip route add local default dev lo`
    pub(crate) fn every_address_is_local(&self, family: u8) -> io::Result<()> {
        self.local(family, &[])
    }

    /// `ip route add local ADDRESS dev lo`
    pub(crate) fn address_is_local(&self, address: IpAddr) -> io::Result<()> {
        match address {
            IpAddr::V4(address) => self.local(libc::AF_INET as u8, &address.octets()),
            IpAddr::V6(address) => self.local(libc::AF_INET6 as u8, &address.octets()),
        }
    }

    fn local(&self, family: u8, destination: &[u8]) -> io::Result<()> {
        // struct rtmsg, with RTA_DST and RTA_OIF behind it
        let (table, protocol, scope) = (libc::RT_TABLE_LOCAL, libc::RTPROT_BOOT, libc::RT_SCOPE_HOST);
        let bits = destination.len() as u8 * 8;
        let mut body = vec![family, bits, 0, 0, table, protocol, scope, libc::RTN_LOCAL];
        body.extend(0u32.to_ne_bytes());
        let mut attribute = |kind: u16, value: &[u8]| {
            body.extend((4 + value.len() as u16).to_ne_bytes());
            body.extend(kind.to_ne_bytes());
            body.extend(value);
        };
        if !destination.is_empty() {
            attribute(libc::RTA_DST, destination);
        }
        attribute(libc::RTA_OIF, &LOOPBACK.to_ne_bytes());
        self.ask(libc::RTM_NEWROUTE, libc::NLM_F_CREATE, &body)
    }

    fn ask(&self, kind: u16, flags: i32, body: &[u8]) -> io::Result<()> {
        let flags = (libc::NLM_F_REQUEST | libc::NLM_F_ACK | flags) as u16;
        let mut message = ((16 + body.len()) as u32).to_ne_bytes().to_vec();
        message.extend(kind.to_ne_bytes());
        message.extend(flags.to_ne_bytes());
        message.extend(1u32.to_ne_bytes());
        message.extend(0u32.to_ne_bytes());
        message.extend(body);
        sendto(&self.0, &message, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
        let mut answer = [0u8; 512];
        let (count, _) = recv(&self.0, &mut answer[..], RecvFlags::empty())?;
        // struct nlmsghdr, and the error as a negative errno.
        match answer[..count].get(16..20).and_then(|bytes| bytes.try_into().ok()).map(i32::from_ne_bytes) {
            Some(0) => Ok(()),
            Some(error) => Err(io::Error::from_raw_os_error(-error)),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}
