//! Asking for a value at the terminal.
//!
//! The echo is off before the question appears: what is typed or pasted at once would be seen otherwise. Keys are read
//! one by one: the terminal's own line editing would cut a line after 4,095 bytes, and long tokens are longer.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use tegmen_secret::SecretBytes;
use tegmen_sources::store::StoreError;
use tegmen_sys::poll;
use tegmen_sys::terminal::Modes;
use zeroize::Zeroizing;

/// The longest value, in bytes.
const LONGEST: usize = 64 << 10;
/// How long after the end of a line the next one of a paste may take.
const PASTE: Duration = Duration::from_millis(100);

const END: u8 = 0x04;
const INTERRUPT: u8 = 0x03;
const ERASE_LINE: u8 = 0x15;

/// A terminal whose modes come back when this is dropped.
struct Quiet<'t> {
    terminal: &'t File,
    modes: Modes,
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        let _ = self.modes.apply(self.terminal);
    }
}

pub(super) fn ask(question: &str) -> Result<SecretBytes, StoreError> {
    let unreadable = |error: io::Error| {
        StoreError::new(format!("the terminal cannot be read: {error}"), "give the value on standard input")
    };
    let mut terminal = File::options().read(true).write(true).open("/dev/tty").map_err(unreadable)?;
    let before = Modes::of(&terminal).map_err(unreadable)?;
    let reading = terminal.try_clone().map_err(unreadable)?;
    let quiet = Quiet { terminal: &reading, modes: before };
    quiet.modes.raw().apply(&reading).map_err(unreadable)?;
    terminal.write_all(question.as_bytes()).map_err(unreadable)?;
    let answer = line(&reading);
    let more = matches!(poll::wait([reading.as_fd()], Some(PASTE)), Ok([true]));
    if more {
        drain(&reading);
    }
    let _ = terminal.write_all(b"\r\n");
    drop(quiet);
    match answer.map_err(unreadable)? {
        None => Err(StoreError::new("interrupted: nothing was written", "run the command again")),
        Some(_) if more => Err(StoreError::new(
            "the value has more than one line, which a prompt cannot take: nothing was written",
            "give it on standard input, for example: tegmen secrets set NAME < FILE",
        )),
        Some(value) => Ok(value),
    }
}

/// The keys up to Enter; `None` after Ctrl-C or at the end of the input.
fn line(mut terminal: &File) -> io::Result<Option<SecretBytes>> {
    let mut value = Zeroizing::new(Vec::with_capacity(LONGEST));
    loop {
        let mut key = [0];
        if terminal.read(&mut key)? == 0 {
            return Ok(None);
        }
        match key[0] {
            b'\r' | b'\n' => return Ok(Some(SecretBytes::new(std::mem::take(&mut *value)))),
            END if value.is_empty() => return Ok(None),
            INTERRUPT => return Ok(None),
            ERASE_LINE => value.clear(),
            0x08 | 0x7f => {
                // A character may have several bytes: those after its first begin with the bits 10.
                while value.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
            }
            _ if value.len() == LONGEST => return Err(io::Error::other(format!("more than {LONGEST} bytes"))),
            key => value.push(key),
        }
    }
}

/// Reads what is left of a paste, so that the shell does not take it for commands.
fn drain(mut terminal: &File) {
    let mut rest = Zeroizing::new([0; 4096]);
    while matches!(poll::wait([terminal.as_fd()], Some(PASTE)), Ok([true])) {
        if !matches!(terminal.read(&mut *rest), Ok(1..)) {
            break;
        }
    }
}
