//! Pseudo-terminals.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use rustix::pty::OpenptFlags;

/// A new pseudo-terminal. Both ends are closed on exec, and neither becomes a controlling terminal by being opened.
#[derive(Debug)]
pub struct Pty {
    /// Our end: what the program writes is read here. Does not block.
    pub master: File,
    /// The program's end: a terminal.
    pub slave: OwnedFd,
}

impl Pty {
    /// Opens one. The slave belongs to the user of this process, so that `/dev/stdout` can be opened through it.
    ///
    /// # Errors
    /// When there is no `/dev/ptmx`, or when no more pseudo-terminals may be had.
    pub fn open() -> io::Result<Self> {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = rustix::pty::openpt(flags)?;
        rustix::pty::grantpt(&master)?;
        rustix::pty::unlockpt(&master)?;
        let slave = rustix::pty::ioctl_tiocgptpeer(&master, flags)?;
        rustix::io::ioctl_fionbio(&master, true)?;
        Ok(Self { master: File::from(master), slave })
    }
}
