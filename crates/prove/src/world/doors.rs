//! The ports of a test. Behind Landlock they are chosen before anything starts, since its rules cannot be widened later.

use std::{
    io,
    net::{Ipv4Addr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// So many ports stand ready for one run: a self-test has some twenty stages of three.
const MOST: usize = 96;

/// Gives out ports of this machine. Clones are the same.
#[derive(Clone, Default)]
pub struct Doors(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Empty: whatever is free.
    ports: Vec<u16>,
    next: AtomicUsize,
}

impl Doors {
    /// Chooses ports that are free now.
    ///
    /// # Errors
    /// When there are not so many.
    pub fn chosen() -> io::Result<Self> {
        // All of them are held at once, so that no two are the same.
        let held: Vec<TcpListener> =
            (0..MOST).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect::<io::Result<_>>()?;
        let ports = held.iter().map(|door| Ok(door.local_addr()?.port())).collect::<io::Result<_>>()?;
        Ok(Self(Arc::new(Inner { ports, next: AtomicUsize::new(0) })))
    }

    /// All that were chosen.
    pub fn ports(&self) -> &[u16] {
        &self.0.ports
    }

    /// A port that nobody listens on.
    ///
    /// # Errors
    /// When there is none.
    pub fn free(&self) -> io::Result<u16> {
        for _ in 0..self.0.ports.len() {
            let next = self.0.next.fetch_add(1, Ordering::Relaxed) % self.0.ports.len();
            let port = self.0.ports[next];
            if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return Ok(port);
            }
        }
        if !self.0.ports.is_empty() {
            return Err(io::Error::other("all ports that were chosen before are in use"));
        }
        Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_chosen_is_given_out_and_nothing_else() {
        let doors = Doors::chosen().unwrap();
        let (one, other) = (doors.free().unwrap(), doors.free().unwrap());
        assert_ne!(one, other);
        assert!(doors.ports().contains(&one) && doors.ports().contains(&other));
        assert_ne!(Doors::default().free().unwrap(), 0);
    }
}
