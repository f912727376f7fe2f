//! One output of the child: read, redacted, written on. Nothing else reads it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tegmen_sys::{poll, terminal};

use super::patterns::LiveRedactor;

/// How much is read at once. A pipe holds 64 KiB.
const CHUNK: usize = 64 * 1024;
/// After the child's end, how long an output that somebody else still holds open may be silent.
const SILENCE: Duration = Duration::from_millis(100);
/// After the child's end, how long others may go on writing to its output. What the child itself wrote is never cut.
const LINGER: Duration = Duration::from_secs(2);

/// From a pipe or a pseudo-terminal to where the output was meant to go.
pub(super) struct Pump {
    /// Shared with whoever sets the size of a pseudo-terminal; closed when the last one lets go.
    pub(super) from: Arc<File>,
    pub(super) to: File,
    pub(super) redactor: LiveRedactor,
    /// Reaches its end when the child has ended.
    pub(super) ended: OwnedFd,
    /// Set before that when a signal ended the child: its last words may be cut.
    pub(super) killed: Arc<AtomicBool>,
}

/// How an output came to its end.
enum Close {
    /// Nobody can write to it any more.
    Complete,
    /// Others can; what they write from here on is lost.
    Left,
}

impl Pump {
    /// Pumps until all is passed on. A reader that went away ends it early and silently: by the closed pipe the child
    /// learns of it as it would have without us.
    pub(super) fn run(mut self) -> io::Result<()> {
        let mut buffer = vec![0; CHUNK];
        let mut out = Vec::with_capacity(CHUNK);
        let result = self.pump(&mut buffer, &mut out);
        let result = result.and_then(|close| {
            out.clear();
            // The end of the output may be noticed before the end of the child.
            let ended = matches!(poll::wait([self.ended.as_fd()], Some(SILENCE)), Ok([true]));
            if matches!(close, Close::Left) || (ended && self.killed.load(Ordering::Acquire)) {
                self.redactor.finish_cut(&mut out);
            } else {
                self.redactor.finish(&mut out);
            }
            write_all(&self.to, &out)
        });
        match result {
            Err(error) if is_reader_gone(&error) => Ok(()),
            other => other,
        }
    }

    fn pump(&mut self, buffer: &mut [u8], out: &mut Vec<u8>) -> io::Result<Close> {
        loop {
            let [data, ended] = poll::wait([self.from.as_fd(), self.ended.as_fd()], None)?;
            if data {
                if self.pass_on(buffer, out)?.is_none() {
                    return Ok(Close::Complete);
                }
            } else if ended {
                return self.drain(buffer, out);
            }
        }
    }

    /// The child has ended. Whatever it wrote is there to be read; others may hold its output open for ever.
    fn drain(&mut self, buffer: &mut [u8], out: &mut Vec<u8>) -> io::Result<Close> {
        let since = Instant::now();
        let mut owed = poll::bytes_waiting(&*self.from).unwrap_or(0);
        loop {
            let [data] = poll::wait([self.from.as_fd()], Some(SILENCE))?;
            if !data || (owed == 0 && since.elapsed() > LINGER) {
                return Ok(Close::Left);
            }
            match self.pass_on(buffer, out)? {
                None => return Ok(Close::Complete),
                Some(passed) => owed = owed.saturating_sub(passed as u64),
            }
        }
    }

    /// One chunk. `None`: the end.
    fn pass_on(&mut self, buffer: &mut [u8], out: &mut Vec<u8>) -> io::Result<Option<usize>> {
        match (&*self.from).read(buffer) {
            Ok(0) => Ok(None),
            Ok(count) => {
                out.clear();
                // The width may have changed since the last time; a pipe has none.
                self.redactor.push(&buffer[..count], terminal::columns(&*self.from), out);
                write_all(&self.to, out)?;
                Ok(Some(count))
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(Some(0)),
            // A pseudo-terminal whose last user has closed it.
            Err(error) if error.raw_os_error() == Some(EIO) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

const EIO: i32 = 5;

/// Nobody reads any more: a broken pipe, or a terminal that hung up.
fn is_reader_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe || error.raw_os_error() == Some(EIO)
}

/// Writes everything, also to a descriptor that somebody has set non-blocking.
pub(super) fn write_all(mut to: &File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match to.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => poll::wait_until_writable(to)?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
