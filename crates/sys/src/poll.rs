//! Waiting for descriptors.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};

/// Waits until one of `readable` can be read without blocking (or is at its end), or until `limit` has passed.
/// Returns for each whether it can.
///
/// # Errors
/// When the kernel refuses.
pub fn wait<const N: usize>(readable: [BorrowedFd<'_>; N], limit: Option<Duration>) -> io::Result<[bool; N]> {
    let mut descriptors = readable.map(|descriptor| PollFd::from_borrowed_fd(descriptor, PollFlags::IN));
    poll(&mut descriptors, limit)?;
    Ok(descriptors.map(|descriptor| !descriptor.revents().is_empty()))
}

/// Waits until `writable` takes bytes, or until `readable` can be read. Returns for each whether it is so.
///
/// # Errors
/// When the kernel refuses.
pub fn wait_to_write(writable: BorrowedFd<'_>, readable: BorrowedFd<'_>) -> io::Result<(bool, bool)> {
    let mut descriptors =
        [PollFd::from_borrowed_fd(writable, PollFlags::OUT), PollFd::from_borrowed_fd(readable, PollFlags::IN)];
    poll(&mut descriptors, None)?;
    Ok((!descriptors[0].revents().is_empty(), !descriptors[1].revents().is_empty()))
}

/// Waits until `writable` takes bytes.
///
/// # Errors
/// When the kernel refuses.
pub fn wait_until_writable(writable: impl AsFd) -> io::Result<()> {
    let writable = writable.as_fd();
    poll(&mut [PollFd::from_borrowed_fd(writable, PollFlags::OUT)], None)
}

fn poll(descriptors: &mut [PollFd<'_>], limit: Option<Duration>) -> io::Result<()> {
    let limit = limit.map(rustix::event::Timespec::try_from).transpose().map_err(|_| io::ErrorKind::InvalidInput)?;
    match rustix::event::poll(descriptors, limit.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// How many bytes wait to be read.
///
/// # Errors
/// When the descriptor does not tell.
pub fn bytes_waiting(descriptor: impl AsFd) -> io::Result<u64> {
    Ok(rustix::io::ioctl_fionread(descriptor)?)
}
