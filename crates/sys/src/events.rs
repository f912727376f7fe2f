//! Waiting for many descriptors at once (epoll(7)). [`crate::poll`] is for a few.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    time::Duration,
};

use rustix::event::epoll::{self, EventData, EventFlags};

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Interest {
    /// That there is something to read, or the end.
    pub read: bool,
    /// That something can be written.
    pub write: bool,
}

/// Reading alone.
pub const READ: Interest = Interest { read: true, write: false };
/// Writing alone.
pub const WRITE: Interest = Interest { read: false, write: true };

impl Interest {
    fn flags(self) -> EventFlags {
        let mut flags = EventFlags::empty();
        flags.set(EventFlags::IN, self.read);
        flags.set(EventFlags::OUT, self.write);
        // Whoever waits for nothing has nothing to do about it.
        flags.set(EventFlags::ET, flags.is_empty());
        flags
    }
}

/// Descriptors, each with a number of ours.
pub struct Events(OwnedFd);

impl Events {
    /// None yet.
    ///
    /// # Errors
    /// When the kernel has no descriptor to give.
    pub fn new() -> io::Result<Self> {
        Ok(Self(epoll::create(epoll::CreateFlags::CLOEXEC)?))
    }

    /// Waits for a descriptor too. An error on it, and its end, are told in any case: over and over where something is waited for,
    /// and once where nothing is.
    ///
    /// # Errors
    /// When it is among them already, or cannot be waited for.
    pub fn add(&self, descriptor: impl AsFd, number: u64, interest: Interest) -> io::Result<()> {
        Ok(epoll::add(&self.0, descriptor, EventData::new_u64(number), interest.flags())?)
    }

    /// Waits for something else of it.
    ///
    /// # Errors
    /// When it is not among them.
    pub fn change(&self, descriptor: impl AsFd, number: u64, interest: Interest) -> io::Result<()> {
        Ok(epoll::modify(&self.0, descriptor, EventData::new_u64(number), interest.flags())?)
    }

    /// Waits for it no longer.
    ///
    /// # Errors
    /// When it is not among them.
    pub fn remove(&self, descriptor: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.0, descriptor)?)
    }

    /// Waits until something happens, or until `limit` has passed, and puts the numbers into `happened`.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn wait(&self, happened: &mut Vec<u64>, limit: Option<Duration>) -> io::Result<()> {
        let limit =
            limit.map(rustix::event::Timespec::try_from).transpose().map_err(|_| io::ErrorKind::InvalidInput)?;
        happened.clear();
        let mut events = [epoll::Event { flags: EventFlags::empty(), data: EventData::new_u64(0) }; 256];
        match epoll::wait(&self.0, &mut events[..], limit.as_ref()) {
            Ok(count) => happened.extend(events[..count].iter().map(|event| event.data.u64())),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn what_happens_is_told_by_its_number() {
        let events = Events::new().unwrap();
        let (mut ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        events.add(&theirs, 7, READ).unwrap();
        let mut happened = Vec::new();
        let soon = Some(Duration::from_millis(1));
        events.wait(&mut happened, soon).unwrap();
        assert!(happened.is_empty());
        ours.write_all(b"x").unwrap();
        events.wait(&mut happened, soon).unwrap();
        assert_eq!(happened, [7]);
        events.change(&theirs, 8, WRITE).unwrap();
        events.wait(&mut happened, soon).unwrap();
        assert_eq!(happened, [8]);
        events.remove(&theirs).unwrap();
        events.wait(&mut happened, soon).unwrap();
        assert!(happened.is_empty());
    }
}
