//! How a child ended, or why it did not start, as exit statuses.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use tegmen_sys::process::{LaunchError, Step};

/// How the child ended.
#[derive(Debug)]
pub struct ExitStatus {
    pub(super) end: End,
    pub(super) output_error: Option<io::Error>,
}

/// The two ways to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Code(i32),
    Signal(i32),
}

impl ExitStatus {
    /// The status for our own exit: the child's code, or 128 + n for signal n.
    #[must_use]
    pub fn code(&self) -> u8 {
        let code = match self.end {
            End::Code(code) => code,
            End::Signal(signal) => 128 + signal,
        };
        u8::try_from(code & 0xff).unwrap_or(u8::MAX)
    }

    /// The signal that ended the child, if one did.
    #[must_use]
    pub fn signal(&self) -> Option<i32> {
        match self.end {
            End::Code(_) => None,
            End::Signal(signal) => Some(signal),
        }
    }

    /// Why a part of the child's output could not be passed on (a full disk, say). A reader that went away is no error.
    #[must_use]
    pub fn output_error(&self) -> Option<&io::Error> {
        self.output_error.as_ref()
    }
}

/// Why the child did not start.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// There is no such command.
    #[error(
        "the command {command:?} was not found{}",
        if command.as_encoded_bytes().contains(&b'/') { "; check its path" } else {
            " in any directory of PATH; check its spelling, give its path, or activate its environment first"
        }
    )]
    NotFound {
        /// As it was given.
        command: OsString,
    },
    /// It is there and cannot be executed.
    #[error("the command {} cannot be run: {reason}", file.display())]
    CannotRun {
        /// The file.
        file: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
    /// Something of our own failed.
    #[error("cannot {doing}: {source}")]
    Own {
        /// What was being done, to complete the sentence "cannot …".
        doing: String,
        /// The operating system's reason.
        source: io::Error,
    },
}

impl SpawnError {
    /// The exit status for it, as `env` and `timeout` have them: 127 not found, 126 cannot run, 125 our own failure.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Self::NotFound { .. } => 127,
            Self::CannotRun { .. } => 126,
            Self::Own { .. } => 125,
        }
    }

    pub(super) fn own(doing: &str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Own { doing: doing.to_owned(), source }
    }

    /// Tells the reasons apart for which a command did not start. `files` are those that were tried.
    pub(super) fn of_launch(error: LaunchError, command: &OsString, files: &[PathBuf]) -> Self {
        let LaunchError { step, source } = error;
        match step {
            Step::Prepare => Self::Own { doing: "start the command".to_owned(), source },
            Step::Fence(part) => Self::Own { doing: part.doing().to_owned(), source },
            Step::Directory => Self::Own { doing: "enter the command's working directory".to_owned(), source },
            Step::Execute => {
                let Some(file) = files.iter().find(|file| file.symlink_metadata().is_ok()).cloned() else {
                    return match source.kind() {
                        io::ErrorKind::NotFound => Self::NotFound { command: command.clone() },
                        _ => Self::CannotRun { file: command.into(), reason: source.to_string() },
                    };
                };
                let reason = match source.kind() {
                    io::ErrorKind::NotFound => {
                        "the file is there, but not the interpreter that its first line names (or its loader); \
                         reinstall it, or run it with the right interpreter"
                            .to_owned()
                    }
                    io::ErrorKind::PermissionDenied if file.is_dir() => "it is a directory".to_owned(),
                    io::ErrorKind::PermissionDenied => {
                        "permission denied; make it executable (chmod +x), and check that its file system allows that"
                            .to_owned()
                    }
                    _ => source.to_string(),
                };
                Self::CannotRun { file, reason }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_128_more() {
        assert_eq!(ExitStatus { end: End::Signal(15), output_error: None }.code(), 143);
        assert_eq!(ExitStatus { end: End::Code(3), output_error: None }.code(), 3);
    }
}
