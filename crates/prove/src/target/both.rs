//! A connection for the tests of protocols.

use std::io::{self, Cursor, Read, Write};

/// Reads from one side, writes to the other.
pub struct Both(pub Cursor<Vec<u8>>, pub Vec<u8>);

impl Read for Both {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read(bytes)
    }
}

impl Write for Both {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.1.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
