//! Terminals: their modes, their size, and who is in the foreground.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::termios::{LocalModes, OptionalActions, OutputModes, Termios};

/// A terminal's modes: how it echoes, edits lines, turns keys into signals and treats output.
#[derive(Debug, Clone)]
pub struct Modes(Termios);

impl Modes {
    /// Those that the terminal has now.
    ///
    /// # Errors
    /// When it is no terminal.
    pub fn of(terminal: impl AsFd) -> io::Result<Self> {
        Ok(Self(rustix::termios::tcgetattr(terminal)?))
    }

    /// Gives them to a terminal, at once: waiting for its output could take for ever.
    ///
    /// # Errors
    /// When it is no terminal any more.
    pub fn apply(&self, terminal: impl AsFd) -> io::Result<()> {
        Ok(rustix::termios::tcsetattr(terminal, OptionalActions::Now, &self.0)?)
    }

    /// These modes, but every key and every byte of output passes unchanged.
    #[must_use]
    pub fn raw(&self) -> Self {
        let mut raw = self.0.clone();
        raw.make_raw();
        Self(raw)
    }

    /// These modes for a terminal that only takes output: nothing is echoed, and newlines stay as they are, because
    /// the terminal behind it treats them.
    #[must_use]
    pub fn output_only(&self) -> Self {
        let mut modes = self.0.clone();
        modes.output_modes.remove(OutputModes::OPOST);
        modes.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL);
        Self(modes)
    }
}

/// Is it a terminal?
#[must_use]
pub fn is_terminal(descriptor: impl AsFd) -> bool {
    rustix::termios::isatty(descriptor)
}

/// Gives `to` the size of `from`; the kernel sends SIGWINCH to the foreground of `to` if that is a change.
///
/// # Errors
/// When one of them is no terminal.
pub fn copy_size(from: impl AsFd, to: impl AsFd) -> io::Result<()> {
    let size = rustix::termios::tcgetwinsize(from)?;
    Ok(rustix::termios::tcsetwinsize(to, size)?)
}

/// A terminal's width in characters, or that of the terminal of which it is the master; `None` when it is no terminal or
/// has no size.
#[must_use]
pub fn columns(terminal: impl AsFd) -> Option<u16> {
    rustix::termios::tcgetwinsize(terminal).ok().map(|size| size.ws_col).filter(|columns| *columns > 0)
}

/// Sets a terminal's size in characters.
///
/// # Errors
/// When it is no terminal.
pub fn set_size(terminal: impl AsFd, rows: u16, columns: u16) -> io::Result<()> {
    let size = rustix::termios::Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    Ok(rustix::termios::tcsetwinsize(terminal, size)?)
}

/// The process group in the foreground of a terminal.
///
/// # Errors
/// When it is neither our controlling terminal nor the master of a pseudo-terminal.
pub fn foreground_group(terminal: impl AsFd) -> io::Result<u32> {
    Ok(rustix::termios::tcgetpgrp(terminal)?.as_raw_nonzero().get().unsigned_abs())
}

/// Puts this process's group into the foreground of its controlling terminal. SIGTTOU must be blocked or handled.
///
/// # Errors
/// When it is not our controlling terminal.
pub fn take_foreground(terminal: impl AsFd) -> io::Result<()> {
    Ok(rustix::termios::tcsetpgrp(terminal, rustix::process::getpgrp())?)
}

/// Makes a terminal the controlling one of this session, whose leader this process must be.
///
/// # Errors
/// When it is another session's already.
pub fn make_controlling(terminal: impl AsFd) -> io::Result<()> {
    Ok(rustix::process::ioctl_tiocsctty(terminal)?)
}

/// Has this session a controlling terminal?
#[must_use]
pub fn has_controlling() -> bool {
    std::fs::File::open("/dev/tty").is_ok()
}

/// Are both descriptors the same file (device and inode)?
#[must_use]
pub fn same_file(one: BorrowedFd<'_>, other: BorrowedFd<'_>) -> bool {
    match (rustix::fs::fstat(one), rustix::fs::fstat(other)) {
        (Ok(a), Ok(b)) => (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino),
        _ => false,
    }
}

/// Are both the same terminal, also when one was opened as `/dev/tty`?
#[must_use]
pub fn same_terminal(one: BorrowedFd<'_>, other: BorrowedFd<'_>) -> bool {
    if !is_terminal(one) || !is_terminal(other) {
        return false;
    }
    let device = |descriptor| rustix::fs::fstat(descriptor).map(|stat| stat.st_rdev);
    match (device(one), device(other)) {
        (Ok(a), Ok(b)) if a == b => true,
        (Ok(a), Ok(b)) => {
            let alias = rustix::fs::makedev(5, 0);
            (a == alias && is_controlling(other)) || (b == alias && is_controlling(one))
        }
        _ => false,
    }
}

fn is_controlling(terminal: BorrowedFd<'_>) -> bool {
    matches!((rustix::termios::tcgetsid(terminal), rustix::process::getsid(None)), (Ok(a), Ok(b)) if a == b)
}

/// Is it a pipe or a socket, with somebody else at its other end?
#[must_use]
pub fn is_connection(descriptor: BorrowedFd<'_>) -> bool {
    use rustix::fs::FileType;
    rustix::fs::fstat(descriptor)
        .is_ok_and(|stat| matches!(FileType::from_raw_mode(stat.st_mode), FileType::Fifo | FileType::Socket))
}
