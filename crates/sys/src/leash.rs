//! A signal at the end of another process, which the kernel sends: nobody has to wait for it in a thread.
//!
//! The other process alone can write to a pipe. Whoever is to hear of its end has the pipe signal it (fcntl(2), `O_ASYNC`):
//! when nobody can write to it any more, the kernel does. (The death signal of prctl(2) comes from the parent only.)

use std::fs::{File, OpenOptions};
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

use crate::poll;

/// Which signal is sent in the place of SIGIO: fcntl(2); the number is the same on every architecture.
const F_SETSIG: i32 = 10;

/// What a process holds whose end others are to hear of.
pub struct Holder {
    leash: PipeReader,
    _held: PipeWriter,
}

impl Holder {
    /// For this process. What it starts gets neither end.
    ///
    /// # Errors
    /// When the kernel has no descriptors left.
    pub fn new() -> io::Result<Self> {
        let (leash, held) = io::pipe()?;
        // Whoever has it opens it anew, also as another user.
        rustix::fs::fchmod(&leash, rustix::fs::Mode::from_raw_mode(0o444))?;
        Ok(Self { leash, _held: held })
    }

    /// The descriptor to hand over, for [`Leash::new`].
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.leash.as_fd()
    }
}

/// The other end.
pub struct Leash {
    given: OwnedFd,
    /// The kernel signals one process for each time that the pipe was opened: forked ones need their own.
    armed: Option<File>,
}

impl Leash {
    /// With the descriptor of [`Holder::fd`].
    pub fn new(given: OwnedFd) -> Self {
        Self { given, armed: None }
    }

    /// From now on this process gets the signal when the holder ends; at once, if it has. To be called again after a fork.
    ///
    /// # Errors
    /// When the kernel refuses, or `/proc` is not there.
    pub fn arm(&mut self, signal: i32) -> io::Result<()> {
        let path = format!("/proc/self/fd/{}", self.given.as_raw_fd());
        let own = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
        let pid = rustix::process::getpid().as_raw_nonzero().get();
        set(own.as_raw_fd(), libc::F_SETOWN, pid)?;
        set(own.as_raw_fd(), F_SETSIG, signal)?;
        set(own.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK | libc::O_ASYNC)?;
        // The new end does not tell of a writer that was gone before.
        if matches!(poll::wait([self.given.as_fd()], Some(Duration::ZERO)), Ok([true])) {
            // SAFETY: raises a signal in this process; takes plain numbers.
            unsafe { libc::kill(pid, signal) };
        }
        self.armed = Some(own);
        Ok(())
    }
}

fn set(descriptor: RawFd, command: i32, value: i32) -> io::Result<()> {
    // SAFETY: these three commands of fcntl take a number, and the descriptor is open: its owner is borrowed by the caller.
    if unsafe { libc::fcntl(descriptor, command, value) } == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI32, Ordering};
    use std::time::Instant;

    use super::*;

    static SEEN: AtomicI32 = AtomicI32::new(0);

    extern "C" fn note(signal: i32) {
        SEEN.store(signal, Ordering::Relaxed);
    }

    #[test]
    fn the_end_of_the_holder_is_a_signal() {
        let handler = note as extern "C" fn(i32);
        // SAFETY: the handler stores into an atomic; no other test of this crate uses the signal.
        unsafe { libc::signal(libc::SIGUSR2, handler as libc::sighandler_t) };
        let holder = Holder::new().unwrap();
        let mut leash = Leash::new(holder.fd().try_clone_to_owned().unwrap());
        leash.arm(libc::SIGUSR2).unwrap();
        assert_eq!(SEEN.load(Ordering::Relaxed), 0);
        drop(holder);
        let since = Instant::now();
        while SEEN.load(Ordering::Relaxed) == 0 {
            assert!(since.elapsed() < Duration::from_secs(30));
            std::thread::yield_now();
        }
        SEEN.store(0, Ordering::Relaxed);
        // Too late: at once.
        leash.arm(libc::SIGUSR2).unwrap();
        while SEEN.load(Ordering::Relaxed) == 0 {
            assert!(since.elapsed() < Duration::from_secs(30));
            std::thread::yield_now();
        }
    }
}
