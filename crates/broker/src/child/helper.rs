//! The helper: a second process of this program, without secrets, that does what one process cannot.
//!
//! As a **witness** it stands in the same process group as the child and tells whether a signal that reached us was sent to
//! all of us (Ctrl-C in a shared terminal, `kill -- -GROUP`, systemd, `pkill -f`): then the child has it already.
//!
//! As a **leader** it also leads a session with a terminal of its own and runs the child there: only a parent in the
//! same session can have a job that Ctrl-Z stops. (sudo has its monitor for the same reason.)

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tegmen_sys::process::{self, Change, Group, Launch, LaunchError, ProcessHandle, Step};
use tegmen_sys::sandbox::Fence;
use tegmen_sys::signals::{self, SignalEvents, SignalMask};
use tegmen_sys::{poll, terminal};

use super::messages::{FromHelper, ToHelper};

/// The helper's own name, in place of the program's. Not "tegmen": `pkill tegmen` must not reach it.
const NAME: &str = "run-helper";
/// How long ago a signal may have come to count as the one that is asked for.
const SAME: Duration = Duration::from_millis(200);
/// How often a directory is removed that somebody writes to, and how long it waits in between.
const TRIES: usize = 50;
const PAUSE: Duration = Duration::from_millis(200);

/// Which helper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Witness,
    Leader,
}

/// What the helper is started with.
pub(super) struct Start<'a> {
    pub(super) role: Role,
    /// The command. The witness does not run it but is listed with it, so that what finds one finds the other.
    pub(super) command: &'a [OsString],
    pub(super) environment: Vec<(OsString, OsString)>,
    pub(super) directory: Option<PathBuf>,
    pub(super) standard: [Option<BorrowedFd<'a>>; 3],
    /// The helper's own process group.
    pub(super) group: Group,
    /// What the command inherits.
    pub(super) keep: &'a [RawFd],
    pub(super) mask: SignalMask,
    /// What the command is fenced off with. The helper itself is not.
    pub(super) fence: Option<&'a Fence>,
    /// Directories that the helper removes, should the run not come to its end.
    pub(super) leftovers: &'a [PathBuf],
}

impl Start<'_> {
    /// Starts the helper and returns its process id and the line to it. Its first message is [`FromHelper::Ready`] or
    /// [`FromHelper::Failed`].
    pub(super) fn start(self) -> Result<(u32, UnixStream), LaunchError> {
        let (ours, theirs) = UnixStream::pair().map_err(|source| LaunchError { step: Step::Prepare, source })?;
        let role = if self.role == Role::Leader { "leader" } else { "witness" };
        let keep = self.keep.iter().map(RawFd::to_string).collect::<Vec<_>>().join(",");
        let packed = self.fence.map(Fence::pack).transpose();
        let packed = packed.map_err(|source| LaunchError { step: Step::Prepare, source })?;
        let parts = self.fence.map(Fence::descriptors).unwrap_or_default();
        let fence = packed.as_ref().map(AsRawFd::as_raw_fd);
        let own = [
            role.to_owned(),
            theirs.as_raw_fd().to_string(),
            keep,
            fence.map_or_else(String::new, |number| number.to_string()),
        ];
        let leftovers = self.leftovers.iter().map(|path| path.clone().into_os_string());
        let arguments = [NAME.into(), self.leftovers.len().to_string().into()].into_iter().chain(leftovers);
        let pid = Launch {
            files: vec![PathBuf::from("/proc/self/exe")],
            arguments: arguments.chain(own.map(OsString::from)).chain(self.command.iter().cloned()).collect(),
            environment: self.environment,
            directory: self.directory,
            standard: self.standard,
            keep: self.keep.iter().copied().chain([theirs.as_raw_fd()]).chain(parts).chain(fence).collect(),
            group: self.group,
            // Stopped with the command, it has to go on to hear of our end.
            death_signal: signals::CONTINUE,
            mask: self.mask,
            fence: None,
        }
        .start()?;
        Ok((pid, ours))
    }
}

/// To be called first thing in `main`: when this process was started as a helper, it does its work here, and the status to
/// exit with comes back. `None`: this is the program itself.
#[must_use]
pub fn run_helper_if_asked() -> Option<u8> {
    let mut arguments = std::env::args_os();
    if arguments.next()? != NAME {
        return None;
    }
    let count = arguments.next().and_then(|word| word.to_str()?.parse().ok()).unwrap_or(0);
    let leftovers: Vec<PathBuf> = arguments.by_ref().take(count).map(PathBuf::from).collect();
    Some(match Helper::begin(arguments).and_then(Helper::serve) {
        Ok(Run::Over) => 0,
        Ok(Run::Killed) => {
            leftovers.iter().for_each(|directory| remove(directory));
            125
        }
        Err(_) => 125,
    })
}

/// Removes a directory of a run that was killed. The command may be writing to it until it has ended, too.
fn remove(directory: &Path) {
    for _ in 0..TRIES {
        match std::fs::remove_dir_all(directory) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => std::thread::sleep(PAUSE),
            _ => return,
        }
    }
}

/// How the run came to its end.
enum Run {
    Over,
    Killed,
}

struct Helper {
    line: UnixStream,
    events: SignalEvents,
    /// When each signal came that was not asked for yet, by number.
    seen: [VecDeque<Instant>; 65],
    command: Option<Command>,
}

/// The command that a leader runs; it leads a process group of its own.
struct Command {
    pid: u32,
    stopped: bool,
}

impl Helper {
    fn begin(mut arguments: impl Iterator<Item = OsString>) -> io::Result<Self> {
        let mask = SignalMask::current();
        let mut word = || arguments.next().and_then(|word| word.into_string().ok()).ok_or(io::ErrorKind::InvalidInput);
        let (role, line, keep, fence) = (word()?, word()?, word()?, word()?);
        let number = |text: &str| text.parse::<RawFd>().map_err(|_| io::ErrorKind::InvalidInput);
        let line = UnixStream::from(process::inherited(number(&line)?)?);
        let keep = keep.split(',').filter(|text| !text.is_empty()).map(number).collect::<Result<Vec<_>, _>>()?;
        // The listing's short name would be "exe", from /proc/self/exe.
        process::set_name(c"run-helper")?;
        let mut helper = Self {
            line,
            events: SignalEvents::install()?,
            seen: std::array::from_fn(|_| VecDeque::new()),
            command: None,
        };
        if role == "leader" {
            let fence = if fence.is_empty() { Fence::default() } else { Fence::unpack(number(&fence)?)? };
            helper.lead(arguments.collect(), keep, mask, &fence)?;
        } else {
            FromHelper::Ready(0).send(&helper.line)?;
        }
        Ok(helper)
    }

    fn lead(&mut self, command: Vec<OsString>, keep: Vec<RawFd>, mask: SignalMask, fence: &Fence) -> io::Result<()> {
        process::new_session()?;
        terminal::make_controlling(io::stdin())?;
        let started = Launch {
            files: files(&command, std::env::var_os("PATH")),
            arguments: command,
            environment: std::env::vars_os().collect(),
            directory: None,
            standard: [None; 3],
            keep,
            group: Group::Foreground(io::stdin().as_raw_fd()),
            death_signal: signals::TERMINATE,
            mask,
            fence: Some(fence),
        }
        .start();
        match started {
            Ok(pid) => {
                self.command = Some(Command { pid, stopped: false });
                FromHelper::Ready(pid).send(&self.line)
            }
            Err(error) => {
                FromHelper::Failed(error.step, error.source.raw_os_error().unwrap_or(0)).send(&self.line)?;
                Err(error.source)
            }
        }
    }

    fn serve(mut self) -> io::Result<Run> {
        loop {
            let [_, asked] = poll::wait([self.events.as_fd(), self.line.as_fd()], None)?;
            let changed = self.take_signals();
            if changed && self.report_changes()? {
                return Ok(Run::Over);
            }
            if asked {
                match ToHelper::receive(&self.line) {
                    Ok(ToHelper::DidYouGet(signal)) => FromHelper::Got(self.got(signal)).send(&self.line)?,
                    Ok(ToHelper::Continue) => self.let_go_on(),
                    Ok(ToHelper::Leave) => return Ok(Run::Over),
                    // The end of the line.
                    Err(_) => {
                        self.end_command();
                        return Ok(Run::Killed);
                    }
                }
            }
        }
    }

    /// Ends the command of a run that was killed: what it writes to is about to be removed.
    fn end_command(&self) {
        if let Some(command) = &self.command {
            for signal in [signals::TERMINATE, signals::CONTINUE] {
                // Ended meanwhile: all the better.
                let _ = ProcessHandle::open(command.pid).and_then(|process| process.signal(signal));
            }
        }
    }

    /// Notes what came. Returns whether the command's state may have changed.
    fn take_signals(&mut self) -> bool {
        let mut changed = false;
        while let Some(event) = self.events.next() {
            changed |= event.number == signals::CHILD;
            if let Some(seen) = usize::try_from(event.number).ok().and_then(|number| self.seen.get_mut(number)) {
                let now = Instant::now();
                seen.retain(|at| now - *at < SAME);
                seen.push_back(now);
            }
        }
        changed
    }

    /// Did this signal come just now? Each time it came counts once.
    fn got(&mut self, signal: i32) -> bool {
        let Some(seen) = usize::try_from(signal).ok().and_then(|number| self.seen.get_mut(number)) else {
            return false;
        };
        seen.retain(|at| at.elapsed() < SAME);
        seen.pop_front().is_some()
    }

    /// Passes on what happened to the command. Returns whether it has ended.
    fn report_changes(&mut self) -> io::Result<bool> {
        let Some(command) = &mut self.command else { return Ok(false) };
        while let Some(change) = process::next_change(command.pid)? {
            match change {
                Change::Stopped(_) => command.stopped = true,
                Change::Continued => {
                    // Continued by somebody else: the run, which stopped with it, has to go on as well.
                    if std::mem::take(&mut command.stopped) {
                        let parent = ProcessHandle::open(std::os::unix::process::parent_id());
                        let _ = parent.and_then(|parent| parent.signal(signals::CONTINUE));
                    }
                }
                Change::Exited(_) | Change::Killed(_) => {
                    // A session's end sends SIGHUP to the terminal's foreground. What the command left running in the
                    // background is not to get it: this process alone is the foreground then.
                    SignalMask::block_all();
                    let _ = terminal::take_foreground(io::stdin());
                    FromHelper::Changed(change).send(&self.line)?;
                    return Ok(true);
                }
            }
            FromHelper::Changed(change).send(&self.line)?;
        }
        Ok(false)
    }

    fn let_go_on(&mut self) {
        if let Some(command) = &mut self.command
            && std::mem::take(&mut command.stopped)
        {
            let _ = process::signal_group(command.pid, signals::CONTINUE);
        }
    }
}

/// The files that the command's name can mean.
pub(super) fn files(command: &[OsString], path: Option<OsString>) -> Vec<PathBuf> {
    command.first().map(|program| process::candidates(program, path.as_deref())).unwrap_or_default()
}

/// A descriptor that reads as empty and swallows what is written.
pub(super) fn nowhere() -> io::Result<OwnedFd> {
    Ok(std::fs::OpenOptions::new().read(true).write(true).open("/dev/null")?.into())
}
