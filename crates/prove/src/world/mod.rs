//! A closed world for a test: no network but the machine's own, in which every name has an address, every address a
//! server, and every certificate is right. The test's code stays as it is.

pub mod authority;
pub mod datagrams;
pub mod doors;
pub mod gate;
pub mod names;
pub mod outside;

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, TcpListener},
    path::Path,
};

use tegmen_sys::{
    isolation::{self, IsolationError},
    sandbox::{self, Fence, Rules},
};

use self::doors::Doors;

/// Where resolvers are named, and how names are looked up.
const RESOLVERS: (&str, &str) = ("/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:2\n");
const LOOKUP: (&str, &str) = ("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n");

/// So many different ports a test can dial behind Landlock.
const LISTENERS: usize = 24;

/// What keeps the test from every network.
pub enum Enclosure {
    /// A network namespace: there is the loopback interface and nothing else.
    Namespace,
    /// Landlock and a filter of system calls: no connection but to these listeners and doors. Python is led there; what does not go
    /// through Python gets nowhere.
    Landlock {
        /// Where the target listens, each for one port that the test means.
        listeners: Vec<TcpListener>,
        /// The ports for everything else.
        doors: Doors,
    },
}

/// Why the world cannot be closed.
#[derive(Debug, thiserror::Error)]
pub enum CloseError {
    /// Neither way is there.
    #[error("neither a network namespace ({namespace}) nor Landlock ({landlock}) is to be had")]
    Neither {
        /// Why there is no namespace.
        namespace: IsolationError,
        /// Why Landlock does not do.
        landlock: std::io::Error,
    },
    /// It was begun, and cannot be ended.
    #[error(transparent)]
    Namespace(#[from] IsolationError),
    /// The same with Landlock.
    #[error("Landlock: {0}")]
    Landlock(#[from] std::io::Error),
}

/// Closes the world around this process, which must have one thread. `folder` is for files that stand in the place of the
/// system's.
///
/// # Errors
/// When the kernel does not give what is needed: nothing may run then.
pub fn close(folder: &Path) -> Result<Enclosure, CloseError> {
    if let Err(namespace) = isolation::possible() {
        return fence_off().map_err(|landlock| CloseError::Neither { namespace, landlock });
    }
    isolation::enter()?;
    for (path, text) in [RESOLVERS, LOOKUP] {
        let path = Path::new(path);
        let Some(name) = path.file_name().filter(|_| path.exists()) else { continue };
        let cover = folder.join(name);
        let covered = std::fs::write(&cover, text).and_then(|()| isolation::cover(path, &cover));
        covered.map_err(|source| IsolationError { step: "names cannot be led here", source })?;
    }
    Ok(Enclosure::Namespace)
}

/// Closes the world with Landlock. Threads that are there already, such as the one that dials the real target, stay outside.
///
/// # Errors
/// When the kernel has no Landlock that knows ports.
pub fn fence_off() -> std::io::Result<Enclosure> {
    let doors = Doors::chosen()?;
    let listeners: Vec<TcpListener> =
        (0..LISTENERS).map(|_| TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0))).collect::<std::io::Result<_>>()?;
    let mut rules = Rules::for_connections()?;
    let mut allowed: BTreeSet<u16> = doors.ports().iter().copied().collect();
    for listener in &listeners {
        allowed.insert(listener.local_addr()?.port());
    }
    for port in &allowed {
        rules.connect(*port)?;
    }
    let fence = Fence { landlock: rules.finish(), filters: sandbox::connections_only()?, ..Fence::default() };
    fence.put_on_this_thread()?;
    is_closed(|port| allowed.contains(&port))?;
    Ok(Enclosure::Landlock { listeners, doors })
}

/// Looks whether it is: what nobody was allowed is refused by the kernel, and not by whoever is dialled.
fn is_closed(is_allowed: impl Fn(u16) -> bool) -> std::io::Result<()> {
    let other = elsewhere(is_allowed)?;
    match std::net::TcpStream::connect(other.local_addr()?) {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {}
        _ => return Err(std::io::Error::other("connections are not closed")),
    }
    match std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)) {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Ok(()),
        _ => Err(std::io::Error::other("datagrams are not closed")),
    }
}

/// Listens at a port that is not among those: the kernel gives them out too, while nobody listens there.
fn elsewhere(is_allowed: impl Fn(u16) -> bool) -> std::io::Result<TcpListener> {
    // Held until another one is found, so that it is another one.
    let mut taken = Vec::new();
    loop {
        let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        if !is_allowed(other.local_addr()?.port()) {
            return Ok(other);
        }
        taken.push(other);
    }
}

/// Takes rights away from whatever is started from now on; after everything of the system is covered.
///
/// # Errors
/// When the kernel refuses.
pub fn limit() -> Result<(), IsolationError> {
    isolation::limit_rights().map_err(|source| IsolationError { step: "rights cannot be given up", source })
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn a_port_that_is_allowed_shows_nothing() {
        let allowed = RefCell::new(Vec::new());
        // As if the kernel gave out ports of the test itself, three times.
        let other = elsewhere(|port| {
            let mut allowed = allowed.borrow_mut();
            let is_one = allowed.len() < 3;
            if is_one {
                allowed.push(port);
            }
            is_one
        });
        assert!(!allowed.borrow().contains(&other.unwrap().local_addr().unwrap().port()));
        assert_eq!(allowed.borrow().len(), 3);
    }
}
