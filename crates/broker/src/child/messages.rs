//! What the run and its helper say to each other: fixed-size messages over a socket pair.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

use tegmen_sys::process::{Change, Step};
use tegmen_sys::sandbox::Part;

/// One message: its kind and two numbers.
const SIZE: usize = 12;

/// What the helper says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FromHelper {
    /// It is set up; the process id of the command, or 0 when it does not run one.
    Ready(u32),
    /// The command did not start.
    Failed(Step, i32),
    /// The command's state changed.
    Changed(Change),
    /// The answer to [`ToHelper::DidYouGet`].
    Got(bool),
}

/// What the helper is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ToHelper {
    /// Did this signal reach the helper too, just now?
    DidYouGet(i32),
    /// Let the stopped command go on.
    Continue,
    /// The run has come to its end.
    Leave,
}

impl FromHelper {
    pub(super) fn send(self, mut to: &UnixStream) -> io::Result<()> {
        let numbers = match self {
            Self::Ready(pid) => [1, pid.cast_signed(), 0],
            Self::Failed(Step::Prepare, errno) => [2, 0, errno],
            Self::Failed(Step::Directory, errno) => [2, 1, errno],
            Self::Failed(Step::Execute, errno) => [2, 2, errno],
            Self::Failed(Step::Fence(part), errno) => [2, part as i32, errno],
            Self::Changed(Change::Exited(code)) => [3, 0, code],
            Self::Changed(Change::Killed(signal)) => [3, 1, signal],
            Self::Changed(Change::Stopped(signal)) => [3, 2, signal],
            Self::Changed(Change::Continued) => [3, 3, 0],
            Self::Got(yes) => [4, i32::from(yes), 0],
        };
        to.write_all(&pack(numbers))
    }

    /// The next message; waits for it.
    pub(super) fn receive(from: &UnixStream) -> io::Result<Self> {
        Ok(match unpack(from)? {
            [1, pid, _] => Self::Ready(pid.cast_unsigned()),
            [2, 0, errno] => Self::Failed(Step::Prepare, errno),
            [2, 1, errno] => Self::Failed(Step::Directory, errno),
            [2, 2, errno] => Self::Failed(Step::Execute, errno),
            [2, part, errno] => {
                Self::Failed(Step::Fence(Part::from_number(part).ok_or(io::ErrorKind::InvalidData)?), errno)
            }
            [3, 0, code] => Self::Changed(Change::Exited(code)),
            [3, 1, signal] => Self::Changed(Change::Killed(signal)),
            [3, 2, signal] => Self::Changed(Change::Stopped(signal)),
            [3, 3, _] => Self::Changed(Change::Continued),
            [4, yes, _] => Self::Got(yes != 0),
            _ => return Err(io::ErrorKind::InvalidData.into()),
        })
    }
}

impl ToHelper {
    pub(super) fn send(self, mut to: &UnixStream) -> io::Result<()> {
        to.write_all(&pack(match self {
            Self::DidYouGet(signal) => [1, signal, 0],
            Self::Continue => [2, 0, 0],
            Self::Leave => [3, 0, 0],
        }))
    }

    /// The next message; waits for it.
    pub(super) fn receive(from: &UnixStream) -> io::Result<Self> {
        Ok(match unpack(from)? {
            [1, signal, _] => Self::DidYouGet(signal),
            [2, _, _] => Self::Continue,
            [3, _, _] => Self::Leave,
            _ => return Err(io::ErrorKind::InvalidData.into()),
        })
    }
}

fn pack(numbers: [i32; 3]) -> [u8; SIZE] {
    let mut bytes = [0; SIZE];
    for (part, number) in bytes.chunks_exact_mut(4).zip(numbers) {
        part.copy_from_slice(&number.to_ne_bytes());
    }
    bytes
}

fn unpack(mut from: &UnixStream) -> io::Result<[i32; 3]> {
    let mut bytes = [0; SIZE];
    from.read_exact(&mut bytes)?;
    let mut numbers = [0; 3];
    for (number, part) in numbers.iter_mut().zip(bytes.chunks_exact(4)) {
        *number = i32::from_ne_bytes([part[0], part[1], part[2], part[3]]);
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_arrives_as_it_was_sent() {
        let (one, other) = UnixStream::pair().unwrap();
        for message in [
            FromHelper::Ready(4_000_000),
            FromHelper::Failed(Step::Execute, 13),
            FromHelper::Failed(Step::Fence(Part::Landlock), 22),
            FromHelper::Changed(Change::Killed(9)),
            FromHelper::Changed(Change::Continued),
            FromHelper::Got(true),
        ] {
            message.send(&one).unwrap();
            assert_eq!(FromHelper::receive(&other).unwrap(), message);
        }
        for message in [ToHelper::DidYouGet(15), ToHelper::Continue, ToHelper::Leave] {
            message.send(&one).unwrap();
            assert_eq!(ToHelper::receive(&other).unwrap(), message);
        }
    }
}
