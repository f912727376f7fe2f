//! The standard streams of this process, led elsewhere for a time.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

/// Leads them back when dropped.
#[derive(Debug)]
pub struct Led {
    before: [OwnedFd; 3],
}

impl Led {
    /// Leads standard input, output and error to these descriptors, for this process and what it starts meanwhile.
    ///
    /// # Errors
    /// When the kernel has no descriptors left.
    pub fn to(input: BorrowedFd<'_>, output: BorrowedFd<'_>, error: BorrowedFd<'_>) -> io::Result<Self> {
        let copy = |of: BorrowedFd<'_>| of.try_clone_to_owned();
        let before = [copy(io::stdin().as_fd())?, copy(io::stdout().as_fd())?, copy(io::stderr().as_fd())?];
        let led = Self { before };
        set(input, output, error)?;
        Ok(led)
    }

    /// Standard error as it was before, for what has to be said meanwhile.
    pub fn error(&self) -> BorrowedFd<'_> {
        self.before[2].as_fd()
    }
}

impl Drop for Led {
    fn drop(&mut self) {
        let [input, output, error] = &self.before;
        // There is nobody left to tell that nobody can be told anything.
        let _ = set(input.as_fd(), output.as_fd(), error.as_fd());
    }
}

fn set(input: BorrowedFd<'_>, output: BorrowedFd<'_>, error: BorrowedFd<'_>) -> io::Result<()> {
    rustix::stdio::dup2_stdin(input)?;
    rustix::stdio::dup2_stdout(output)?;
    rustix::stdio::dup2_stderr(error)?;
    Ok(())
}
