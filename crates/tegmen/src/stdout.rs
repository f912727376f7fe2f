//! Standard output: what was asked for. Nobody who reads it is an error, anything else that keeps it from being written is.

use std::io::{self, ErrorKind, Write};

use anyhow::Context as _;

/// Writes it as it is.
///
/// # Errors
/// When it cannot be written, as on a full disk.
pub fn write(text: impl AsRef<[u8]>) -> anyhow::Result<()> {
    write_to(io::stdout(), text.as_ref())
}

/// Writes it, without its colours where they are not wanted.
///
/// # Errors
/// As above.
pub fn write_coloured(text: impl AsRef<[u8]>) -> anyhow::Result<()> {
    write_to(anstream::stdout(), text.as_ref())
}

fn write_to(mut output: impl Write, text: &[u8]) -> anyhow::Result<()> {
    match output.write_all(text).and_then(|()| output.flush()) {
        // Whoever read it has had enough: `tegmen audit | head`.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other.context("standard output could not be written"),
    }
}
