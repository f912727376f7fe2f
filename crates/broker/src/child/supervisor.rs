//! The thread that starts the child, passes signals on exactly once, follows its stops, and takes its end.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, TryLockError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tegmen_sys::process::{self, Change, Group, Launch, ProcessHandle};
use tegmen_sys::signals::{self, SignalEvent, SignalEvents, SignalMask};
use tegmen_sys::{hardening, poll, terminal};

use super::ChildOptions;
use super::helper::{self, Role, Start, nowhere};
use super::keyboard::Keyboard;
use super::messages::{FromHelper, ToHelper};
use super::patterns::{LivePatterns, LiveRedactor};
use super::pump::Pump;
use super::status::{End, ExitStatus, SpawnError};
use super::streams::{Place, Streams, Window};

/// How often what no signal announces is looked at: coming to the foreground, strays.
const TICK: Duration = Duration::from_millis(250);
/// A signal to several processes may reach us before it reaches the witness: how long to wait before asking it again.
const WITNESS_DELAYS: [Duration; 3] = [Duration::from_millis(5), Duration::from_millis(10), Duration::from_millis(20)];
/// After we were continued, the SIGCONT for it may be seen this much later.
const CONTINUED: Duration = Duration::from_millis(500);
/// Ended orphans are reaped after this time: a younger one may be a child that another thread of ours waits for.
const STRAY: Duration = Duration::from_secs(1);
/// The signals that end waiting for output that nobody takes, once the child has ended.
const IMPATIENT: [i32; 4] = [signals::HANGUP, signals::INTERRUPT, signals::QUIT, signals::TERMINATE];

/// The signals of this process; there is one stream of them.
static EVENTS: OnceLock<Mutex<SignalEvents>> = OnceLock::new();

fn events() -> io::Result<MutexGuard<'static, SignalEvents>> {
    let events = match EVENTS.get() {
        Some(events) => events,
        None => {
            let installed = SignalEvents::install()?;
            EVENTS.get_or_init(|| Mutex::new(installed))
        }
    };
    match events.try_lock() {
        Ok(guard) => Ok(guard),
        Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => {
            Err(io::Error::new(io::ErrorKind::ResourceBusy, "another child is still running"))
        }
    }
}

/// A child and all that belongs to its run.
pub(super) struct Supervisor {
    events: MutexGuard<'static, SignalEvents>,
    place: Place,
    windows: Vec<Window>,
    /// The child's own terminal, if it has one. The pump holds it.
    master: Option<Weak<std::fs::File>>,
    keyboard: Option<Keyboard>,
    helper: Option<Helper>,
    pid: u32,
    child: Option<ProcessHandle>,
    /// Dropped at the child's end: the pumps hear of it.
    running: PipeWriter,
    /// Whether a signal ended it.
    killed: Arc<AtomicBool>,
    pumps: Vec<JoinHandle<io::Result<()>>>,
    pumped: PipeReader,
    continued_at: Option<Instant>,
    stray: Option<(u32, Instant)>,
}

struct Helper {
    pid: u32,
    line: UnixStream,
    /// Changes that came while an answer was waited for.
    changes: VecDeque<Change>,
}

impl Supervisor {
    /// Starts the child. To be called on a thread that stays until the end: the kernel ends the child with it.
    pub(super) fn start(
        options: ChildOptions,
        patterns: &LivePatterns,
        raw: Arc<AtomicBool>,
        mask: SignalMask,
    ) -> Result<Self, SpawnError> {
        SignalMask::block_all();
        if !options.fence.core_dumps {
            hardening::forbid_core_dumps().map_err(SpawnError::own("forbid core dumps (RLIMIT_CORE)"))?;
        }
        process::adopt_orphans().map_err(SpawnError::own("become the reaper of orphaned processes"))?;
        let events = events().map_err(SpawnError::own("receive signals"))?;
        let place = Place::find();
        let mut streams = Streams::open(place).map_err(SpawnError::own("open the child's standard streams"))?;
        let mut keyboard = match &streams.master {
            None => None,
            Some(master) => Some(Keyboard::new(Arc::clone(master), raw).map_err(SpawnError::own("read the terminal"))?),
        };
        let (ended, running) = io::pipe().map_err(SpawnError::own("make a pipe"))?;
        let (pumped, pumping) = io::pipe().map_err(SpawnError::own("make a pipe"))?;
        let killed = Arc::new(AtomicBool::new(false));
        let mut pumps = Vec::new();
        for output in streams.outputs.drain(..) {
            let own = SpawnError::own("copy a descriptor");
            let ended = OwnedFd::from(ended.try_clone().map_err(own)?);
            let redactor = LiveRedactor::new(patterns, output.channel);
            let pump = Pump { from: output.from, to: output.to, redactor, ended, killed: Arc::clone(&killed) };
            let pumping = pumping.try_clone().map_err(SpawnError::own("copy a descriptor"))?;
            let work = move || {
                SignalMask::block_all();
                let result = pump.run();
                drop(pumping);
                result
            };
            let thread = std::thread::Builder::new().name("output".to_owned()).spawn(work);
            pumps.push(thread.map_err(SpawnError::own("start a thread"))?);
        }
        // What is typed as soon as the child says something goes to its terminal already; ours would echo it in clear.
        if let Some(keyboard) = &mut keyboard {
            keyboard.hold();
        }
        // Last: after it nothing can fail that would leave the child alone.
        let (helper, pid) = launch(options, place, &streams, mask)?;
        let child = ProcessHandle::open(pid).ok();
        let master = streams.master.as_ref().map(Arc::downgrade);
        Ok(Self {
            events,
            place,
            windows: streams.windows,
            master,
            keyboard,
            helper: Some(helper),
            pid,
            child,
            running,
            killed,
            pumps,
            pumped,
            continued_at: None,
            stray: None,
        })
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// Stays with the child until its end.
    pub(super) fn run(mut self) -> ExitStatus {
        let end = loop {
            if let Some(end) = self.step() {
                break end;
            }
        };
        self.finish(end)
    }

    fn step(&mut self) -> Option<End> {
        if let Some(helper) = &self.helper {
            let ready = poll::wait([self.events.as_fd(), helper.line.as_fd()], Some(TICK));
            if matches!(ready, Ok([_, true])) {
                self.hear_helper();
            }
        } else {
            let _ = poll::wait([self.events.as_fd()], Some(TICK));
        }
        while let Some(event) = self.events.next() {
            if event.number != signals::CHILD {
                self.received(event);
            }
        }
        self.sweep_strays();
        if let Some(keyboard) = &mut self.keyboard {
            keyboard.hold();
        }
        while let Some(change) = self.next_change() {
            match change {
                Change::Exited(code) => return Some(End::Code(code)),
                Change::Killed(signal) => return Some(End::Signal(signal)),
                Change::Stopped(signal) => self.stopped(signal),
                Change::Continued => {}
            }
        }
        None
    }

    fn next_change(&mut self) -> Option<Change> {
        if let Some(helper) = &mut self.helper
            && self.place == Place::OwnTerminal
        {
            return helper.changes.pop_front();
        }
        process::next_change(self.pid).ok().flatten()
    }

    fn hear_helper(&mut self) {
        let Some(helper) = &mut self.helper else { return };
        match FromHelper::receive(&helper.line) {
            Ok(FromHelper::Changed(change)) => helper.changes.push_back(change),
            Ok(_) => {}
            // Somebody ended the helper. A child that it ran is ours to wait for now.
            Err(_) => {
                process::reap(helper.pid);
                self.helper = None;
            }
        }
    }

    /// Passes a signal on, unless the child has it already.
    fn received(&mut self, event: SignalEvent) {
        match event.number {
            signals::WINDOW => {
                self.windows.iter().for_each(Window::update);
                if self.place == Place::OwnTerminal && event.from_kernel {
                    // The child's own terminal has just told it.
                    return;
                }
            }
            signals::CONTINUE => {
                self.windows.iter().for_each(Window::update);
                if let Some(keyboard) = &mut self.keyboard {
                    keyboard.hold_again();
                }
                if self.continued_at.take().is_some_and(|at| at.elapsed() < CONTINUED) {
                    return;
                }
            }
            _ => {}
        }
        if self.reached_witness(event) {
            return;
        }
        if event.from_kernel
            && let Some(master) = self.master.as_ref().and_then(Weak::upgrade)
            && let Ok(group) = terminal::foreground_group(&*master)
            && process::signal_group(group, event.number).is_ok()
        {
            return;
        }
        if let Some(child) = &self.child {
            let _ = child.signal(event.number);
        }
    }

    /// Did the signal reach the helper too, and so the child?
    fn reached_witness(&mut self, event: SignalEvent) -> bool {
        let mut answer = self.ask_helper(event.number);
        for delay in WITNESS_DELAYS {
            if answer != Some(false) {
                break;
            }
            std::thread::sleep(delay);
            answer = self.ask_helper(event.number);
        }
        // What a terminal's keys and size send, goes to the whole group in any case. A hang-up goes to a session's leader.
        let to_all = event.from_kernel && self.place == Place::Beside;
        answer == Some(true) || (to_all && ![signals::HANGUP, signals::CONTINUE].contains(&event.number))
    }

    fn ask_helper(&mut self, signal: i32) -> Option<bool> {
        let helper = self.helper.as_mut()?;
        ToHelper::DidYouGet(signal).send(&helper.line).ok()?;
        loop {
            match FromHelper::receive(&helper.line).ok()? {
                FromHelper::Got(answer) => return Some(answer),
                FromHelper::Changed(change) => helper.changes.push_back(change),
                FromHelper::Ready(_) | FromHelper::Failed(..) => {}
            }
        }
    }

    /// The child was stopped: as its shell sees us, we are it, so we stop too, and go on with it.
    fn stopped(&mut self, signal: i32) {
        match &mut self.keyboard {
            // Beside us in the group, only a stop of job control is one for all.
            None if !signals::JOB_STOPS.contains(&signal) => return,
            None => {}
            Some(keyboard) => {
                if let Some(master) = self.master.as_ref().and_then(Weak::upgrade) {
                    wait_until_shown(&master);
                }
                keyboard.release();
            }
        }
        let since = Instant::now();
        signals::stop_this_process();
        self.windows.iter().for_each(Window::update);
        if let Some(keyboard) = &mut self.keyboard {
            keyboard.hold();
            if let Some(helper) = &self.helper {
                // This continues the child; the SIGCONT that continued us is not passed on as a second one. There was
                // none if the kernel discarded the stop.
                self.continued_at = (since.elapsed() > Duration::from_millis(1)).then(Instant::now);
                let _ = ToHelper::Continue.send(&helper.line);
            }
        }
    }

    fn sweep_strays(&mut self) {
        let helper = self.helper.as_ref().map(|helper| helper.pid);
        match (process::ended_child().filter(|pid| *pid != self.pid && Some(*pid) != helper), self.stray) {
            (Some(pid), Some((stray, since))) if pid == stray => {
                if since.elapsed() > STRAY {
                    process::reap(pid);
                    self.stray = None;
                }
            }
            (found, _) => self.stray = found.map(|pid| (pid, Instant::now())),
        }
    }

    /// The child has ended: shows the rest of its output and gives the terminal back.
    fn finish(self, end: End) -> ExitStatus {
        self.killed.store(matches!(end, End::Signal(_)), Ordering::Release);
        drop(self.running);
        let complete = loop {
            let Ok([_, pumped]) = poll::wait([self.events.as_fd(), self.pumped.as_fd()], None) else { break false };
            let mut impatient = false;
            while let Some(event) = self.events.next() {
                impatient |= IMPATIENT.contains(&event.number);
            }
            if pumped || impatient {
                break pumped;
            }
        };
        let mut output_error = None;
        for pump in self.pumps {
            if (complete || pump.is_finished())
                && let Ok(Err(error)) = pump.join()
            {
                output_error.get_or_insert(error);
            }
        }
        drop(self.keyboard);
        if let Some(helper) = self.helper {
            let _ = ToHelper::Leave.send(&helper.line);
            drop(helper.line);
            process::reap(helper.pid);
        }
        ExitStatus { end, output_error }
    }
}

/// Starts the helper and the command; returns the helper and the command's process id.
fn launch(
    options: ChildOptions,
    place: Place,
    streams: &Streams,
    mask: SignalMask,
) -> Result<(Helper, u32), SpawnError> {
    let ChildOptions { command, env, inherit_fds, cwd, fence, leftovers } = options;
    let Some(program) = command.first().cloned() else {
        return Err(SpawnError::NotFound { command: OsString::new() });
    };
    let stdin = streams.stdin.as_ref().map(AsFd::as_fd);
    for stream in stdin.into_iter().chain([streams.stdout.as_fd(), streams.stderr.as_fd()]) {
        fence.admit(stream);
    }
    let keep: Vec<RawFd> = inherit_fds.iter().map(AsRawFd::as_raw_fd).collect();
    let path = env.iter().find(|(name, _)| name == "PATH").map(|(_, path)| path.clone());
    let files = helper::files(&command, path);
    let output = [streams.stdout.as_fd(), streams.stderr.as_fd()].map(Some);
    let own = SpawnError::own("start the helper process (is /proc mounted?)");
    if place == Place::OwnTerminal {
        let standard = [streams.stdin.as_ref().map(AsFd::as_fd), output[0], output[1]];
        let start = Start {
            role: Role::Leader,
            command: &command,
            environment: env,
            directory: cwd,
            standard,
            group: Group::Inherit,
            keep: &keep,
            mask,
            fence: Some(&fence),
            leftovers: &leftovers,
        };
        let started = start.start().map_err(|error| match error.step {
            process::Step::Directory => SpawnError::of_launch(error, &program, &files),
            _ => own(error.source),
        })?;
        let (helper, pid) = Helper::ready(started, &program, &files)?;
        return Ok((helper, pid));
    }
    let nowhere = nowhere().map_err(SpawnError::own("open /dev/null"))?;
    let start = Start {
        role: Role::Witness,
        command: &command,
        environment: Vec::new(),
        directory: None,
        standard: [Some(nowhere.as_fd()); 3],
        group: if place == Place::OwnGroup { Group::Own } else { Group::Inherit },
        keep: &[],
        mask,
        fence: None,
        leftovers: &leftovers,
    };
    let (helper, _) = Helper::ready(start.start().map_err(|error| own(error.source))?, &program, &files)?;
    let started = Launch {
        files: files.clone(),
        arguments: command,
        environment: env,
        directory: cwd,
        standard: [None, output[0], output[1]],
        keep,
        group: if place == Place::OwnGroup { Group::Join(helper.pid) } else { Group::Inherit },
        death_signal: signals::TERMINATE,
        mask,
        fence: Some(&fence),
    }
    .start();
    match started {
        Ok(pid) => Ok((helper, pid)),
        Err(error) => {
            drop(helper.line);
            process::reap(helper.pid);
            Err(SpawnError::of_launch(error, &program, &files))
        }
    }
}

impl Helper {
    /// Waits for the helper's first word; returns the process id it says.
    fn ready(
        (helper, line): (u32, UnixStream),
        program: &OsString,
        files: &[std::path::PathBuf],
    ) -> Result<(Self, u32), SpawnError> {
        let failure = match FromHelper::receive(&line) {
            Ok(FromHelper::Ready(pid)) => return Ok((Self { pid: helper, line, changes: VecDeque::new() }, pid)),
            Ok(FromHelper::Failed(step, errno)) => {
                let source = io::Error::from_raw_os_error(errno);
                SpawnError::of_launch(process::LaunchError { step, source }, program, files)
            }
            Ok(_) => SpawnError::own("understand the helper process")(io::ErrorKind::InvalidData.into()),
            Err(error) => SpawnError::own("set the helper process up")(error),
        };
        drop(line);
        process::reap(helper);
        Err(failure)
    }
}

/// Waits, shortly, until what the child wrote to its terminal was read.
fn wait_until_shown(master: &std::fs::File) {
    for _ in 0..20 {
        std::thread::sleep(Duration::from_millis(2));
        if poll::bytes_waiting(master).unwrap_or(0) == 0 {
            return;
        }
    }
}
