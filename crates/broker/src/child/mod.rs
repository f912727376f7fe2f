//! Runs the child: its output passes a redactor, everything else is as if we were not there.
//!
//! - What was a terminal stays one, with its size; standard output and errors stay apart, or one, as they were.
//! - Every signal reaches the child exactly once, whoever sent it and however.
//! - Ctrl-Z, `fg` and `bg` work as with the command itself.
//! - We exit as the child does, reap orphans, and take the child with us should we be killed.
//!
//! Where we are alone with a terminal, the child gets one of its own behind it ([`streams::Place::OwnTerminal`]); else it
//! stays beside us, in our process group. In both cases a [`helper`] process stands by.
//!
//! What must not come in: secrets (they come as patterns of the redactor only), and messages to the user.

mod helper;
mod keyboard;
mod messages;
mod patterns;
mod pump;
mod status;
mod streams;
mod supervisor;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tegmen_redact::Patterns;
use tegmen_sys::process::ProcessHandle;
use tegmen_sys::sandbox::Fence;
use tegmen_sys::signals::{self, SignalMask};

pub use helper::run_helper_if_asked;
pub use patterns::Masked;
pub use status::{ExitStatus, SpawnError};

use patterns::LivePatterns;
use status::End;
use supervisor::Supervisor;

/// What to run.
#[derive(Debug)]
pub struct ChildOptions {
    /// The program, looked up in the `PATH` of `env` unless it has a slash, and its arguments.
    pub command: Vec<OsString>,
    /// Its whole environment.
    pub env: Vec<(OsString, OsString)>,
    /// Descriptors that stay open in it, at the same numbers. Every other one, but 0, 1 and 2, is closed.
    pub inherit_fds: Vec<OwnedFd>,
    /// Its working directory, if not ours.
    pub cwd: Option<PathBuf>,
    /// What it is fenced off with.
    pub fence: Fence,
    /// Directories of ours that go away with us, should we be killed.
    pub leftovers: Vec<PathBuf>,
}

/// A child that runs. Dropped without having been waited for, it is ended: something of ours has failed, and nobody would
/// search what it says.
#[derive(Debug)]
pub struct Child {
    pid: u32,
    process: Option<ProcessHandle>,
    handle: Handle,
    /// `None` once somebody waits.
    supervisor: Option<JoinHandle<ExitStatus>>,
}

/// How long a child that is to end may take for it, before it is killed.
const GRACE: Duration = Duration::from_secs(10);
/// How long it may take after that until its output has come through. What it has left running may hold that open.
const REST: Duration = Duration::from_secs(2);

/// What other threads may do while the child runs. A clone is for the same child.
#[derive(Clone)]
pub struct Handle {
    patterns: LivePatterns,
    raw: Arc<AtomicBool>,
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Handle")
    }
}

/// Starts a command. From here on the signals of this process are the child's; before, they have their usual effect.
/// One child at a time. `main` must have called [`run_helper_if_asked`].
///
/// # Errors
/// When the command did not start; [`SpawnError::code`] is the status to exit with.
pub fn spawn(options: ChildOptions, patterns: Patterns) -> Result<Child, SpawnError> {
    let patterns = LivePatterns::new(patterns);
    let raw = Arc::new(AtomicBool::new(false));
    let handle = Handle { patterns: patterns.clone(), raw: Arc::clone(&raw) };
    let mask = SignalMask::current();
    let (sender, receiver) = mpsc::channel();
    let supervise = move || match Supervisor::start(options, &patterns, raw, mask) {
        Ok(supervisor) => {
            let _ = sender.send(Ok(supervisor.pid()));
            supervisor.run()
        }
        Err(error) => {
            let code = i32::from(error.code());
            let _ = sender.send(Err(error));
            ExitStatus { end: End::Code(code), output_error: None }
        }
    };
    let supervisor = std::thread::Builder::new()
        .name("supervisor".to_owned())
        .spawn(supervise)
        .map_err(SpawnError::own("start a thread"))?;
    match receiver.recv() {
        Ok(Ok(pid)) => Ok(Child { pid, process: ProcessHandle::open(pid).ok(), handle, supervisor: Some(supervisor) }),
        Ok(Err(error)) => {
            let _ = supervisor.join();
            Err(error)
        }
        Err(_) => Err(SpawnError::own("start the command")(std::io::ErrorKind::Other.into())),
    }
}

impl Child {
    /// The command's process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// For other threads.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// See [`Handle::set_patterns`].
    pub fn set_patterns(&self, patterns: Patterns) {
        self.handle.set_patterns(patterns);
    }

    /// Waits for the child's end, until all its output was passed on and the terminal is as it was before. The signal
    /// handlers stay: what comes after has no effect, so that the last work (to revoke a token) is done in peace.
    #[must_use]
    pub fn wait(mut self) -> ExitStatus {
        let lost = ExitStatus { end: End::Code(125), output_error: None };
        self.supervisor.take().and_then(|supervisor| supervisor.join().ok()).unwrap_or(lost)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let Some(supervisor) = self.supervisor.take() else { return };
        for (signal, patience) in [(signals::TERMINATE, GRACE), (signals::KILL, REST)] {
            // Ended meanwhile: all the better.
            let _ = self.process.as_ref().map(|process| process.signal(signal));
            let until = Instant::now() + patience;
            while !supervisor.is_finished() && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        if supervisor.is_finished() {
            let _ = supervisor.join();
        }
    }
}

impl Handle {
    /// Replaces what is searched for in the child's output. What is read after this returns is searched for the new
    /// patterns.
    pub fn set_patterns(&self, patterns: Patterns) {
        self.patterns.set(patterns);
    }

    /// Adds what a plugin has masked in an output of Locust: `channel` is one of [`tegmen_wire::protocol::CHANNELS`].
    /// Other channels, and names that no secret has, are nonsense and left out.
    pub fn count(&self, channel: &str, counts: BTreeMap<String, u64>) {
        let known = tegmen_wire::protocol::CHANNELS.into_iter().find(|known| *known == channel);
        if let Some(channel) = known {
            self.patterns.count(channel, counts);
        }
    }

    /// How often what was masked so far, by channel and label.
    #[must_use]
    pub fn masked(&self) -> Masked {
        self.patterns.masked()
    }

    /// A line on standard error while the child runs, also when its terminal is raw. It may quote a server, which may quote
    /// anything: it is redacted like the child's own.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn say(&self, line: &str) -> std::io::Result<()> {
        let ending = if self.raw.load(Ordering::Acquire) { "\r\n" } else { "\n" };
        let line = self.patterns.redact(line);
        std::io::stderr().lock().write_all(format!("{line}{ending}").as_bytes())
    }
}

/// An output without a child, for tests of what is searched for.
#[cfg(test)]
impl Handle {
    pub(crate) fn of(patterns: Patterns) -> Self {
        Self { patterns: LivePatterns::new(patterns), raw: Arc::default() }
    }

    pub(crate) fn redact(&self, text: &str) -> String {
        self.patterns.redact(text)
    }
}
