//! Starting a program exactly as wanted, hearing of what happens to it, and signalling it.
//!
//! `std::process` neither keeps the signal mask, nor a process group in the foreground, nor tells which step failed.

use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::process::{Pid, WaitOptions};

use crate::sandbox::{Fence, Part};
use crate::signals::{SignalMask, reset_for_exec};

/// The process group that a new process gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// That of its parent.
    Inherit,
    /// One of its own.
    Own,
    /// That which this process of our session leads.
    Join(u32),
    /// One of its own, which is put into the foreground of the controlling terminal open at this descriptor.
    Foreground(RawFd),
}

/// What to start, and how.
#[derive(Debug)]
pub struct Launch<'a> {
    /// The program's files to try, in this order. See [`candidates`].
    pub files: Vec<PathBuf>,
    /// The arguments, the program's name first.
    pub arguments: Vec<OsString>,
    /// The whole environment.
    pub environment: Vec<(OsString, OsString)>,
    /// Its working directory, if not ours.
    pub directory: Option<PathBuf>,
    /// What becomes descriptor 0, 1 and 2; `None`: ours.
    pub standard: [Option<BorrowedFd<'a>>; 3],
    /// Descriptors that stay open, at their numbers. All others are closed.
    pub keep: Vec<RawFd>,
    /// Its process group.
    pub group: Group,
    /// The signal that the kernel sends it when the *thread* that starts it ends.
    pub death_signal: i32,
    /// The signals that it blocks.
    pub mask: SignalMask,
    /// What it is fenced off with; `None`: nothing.
    pub fence: Option<&'a Fence>,
}

/// The step at which a [`Launch`] failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Something that is ours to do: a pipe, fork, descriptors, the process group.
    Prepare,
    /// Going to the working directory.
    Directory,
    /// Putting this part of the fence on.
    Fence(Part),
    /// Executing the program.
    Execute,
}

/// Why a program did not start.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub struct LaunchError {
    /// Where.
    pub step: Step,
    /// The operating system's reason.
    pub source: io::Error,
}

impl LaunchError {
    fn prepare(source: impl Into<io::Error>) -> Self {
        Self { step: Step::Prepare, source: source.into() }
    }
}

/// The files that `program` can mean: itself when it has a slash, else one for each directory of `path` (`PATH`;
/// without one the POSIX default).
#[must_use]
pub fn candidates(program: &OsStr, path: Option<&OsStr>) -> Vec<PathBuf> {
    if program.as_bytes().contains(&b'/') {
        return vec![PathBuf::from(program)];
    }
    if program.is_empty() {
        return Vec::new();
    }
    std::env::split_paths(path.unwrap_or(OsStr::new("/bin:/usr/bin")))
        .map(|directory| if directory.as_os_str().is_empty() { PathBuf::from(".") } else { directory }.join(program))
        .collect()
}

impl Launch<'_> {
    /// Starts the program and returns its process id.
    ///
    /// # Errors
    /// With the step and the system's reason. Of several candidate files the most telling reason: one that is there and
    /// may not be executed before one that is not there.
    pub fn start(&self) -> Result<u32, LaunchError> {
        let prepared = Prepared::new(self).map_err(LaunchError::prepare)?;
        let (reader, writer) = io::pipe().map_err(LaunchError::prepare)?;
        let parent = rustix::process::getpid().as_raw_nonzero().get();
        let mask = SignalMask::block_all();
        // SAFETY: fork in a process with several threads: the child calls nothing but `run_child`, which keeps to
        // async-signal-safe calls on memory prepared beforehand, and never returns.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            // SAFETY: this is the forked child, with all signals blocked; every pointer is to memory of `prepared`.
            unsafe { prepared.run_child(self, parent, writer.as_raw_fd()) }
        }
        let failed = io::Error::last_os_error();
        mask.restore();
        drop(writer);
        if pid < 0 {
            return Err(LaunchError::prepare(failed));
        }
        let mut report = Vec::new();
        File::from(OwnedFd::from(reader)).read_to_end(&mut report).map_err(LaunchError::prepare)?;
        let Ok(report) = <[u8; 8]>::try_from(report.as_slice()) else { return Ok(pid.unsigned_abs()) };
        let [s0, s1, s2, s3, e0, e1, e2, e3] = report;
        let step = match i32::from_ne_bytes([s0, s1, s2, s3]) {
            1 => Step::Directory,
            2 => Step::Execute,
            other => Part::from_number(other).map_or(Step::Prepare, Step::Fence),
        };
        reap(pid.unsigned_abs());
        Err(LaunchError { step, source: io::Error::from_raw_os_error(i32::from_ne_bytes([e0, e1, e2, e3])) })
    }
}

/// Everything that the forked child needs, laid out before the fork: it must not allocate.
struct Prepared {
    files: Vec<CString>,
    _strings: Vec<CString>,
    arguments: Vec<*const libc::c_char>,
    /// For each file, should it be a script without `#!`, which the kernel does not know: `/bin/sh FILE ARGUMENTS...`.
    by_shell: Vec<Vec<*const libc::c_char>>,
    environment: Vec<*const libc::c_char>,
    directory: Option<CString>,
}

impl Prepared {
    fn new(launch: &Launch<'_>) -> io::Result<Self> {
        let mut strings = Vec::new();
        let mut list = |items: Vec<OsString>| -> io::Result<Vec<*const libc::c_char>> {
            let mut pointers = Vec::new();
            for item in items {
                let text = c_string(item)?;
                pointers.push(text.as_ptr());
                strings.push(text);
            }
            pointers.push(std::ptr::null());
            Ok(pointers)
        };
        if launch.arguments.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "there is no command"));
        }
        let arguments = list(launch.arguments.clone())?;
        let pairs = launch.environment.iter().map(|(name, value)| {
            let mut pair = name.clone();
            pair.push("=");
            pair.push(value);
            pair
        });
        let environment = list(pairs.collect())?;
        let files = launch.files.iter().map(|file| c_string(file.into())).collect::<io::Result<Vec<_>>>()?;
        let by_shell = files
            .iter()
            .map(|file| {
                [c"/bin/sh".as_ptr(), file.as_ptr()].into_iter().chain(arguments[1..].iter().copied()).collect()
            })
            .collect();
        let directory = launch.directory.as_deref().map(|path: &Path| c_string(path.into())).transpose()?;
        Ok(Self { files, _strings: strings, arguments, by_shell, environment, directory })
    }

    /// The forked child's whole life.
    ///
    /// # Safety
    /// Only in a forked child with all signals blocked.
    unsafe fn run_child(&self, launch: &Launch<'_>, parent: i32, report: RawFd) -> ! {
        // SAFETY: async-signal-safe calls only, on memory that was laid out before the fork and lives until exec.
        unsafe {
            let (step, errno) = match self.set_up(launch, parent) {
                Ok(()) => (2, self.execute()),
                Err(failure) => failure,
            };
            let message = [step, errno];
            libc::write(report, message.as_ptr().cast(), 8);
            libc::_exit(127)
        }
    }

    /// # Safety
    /// As [`Self::run_child`].
    unsafe fn set_up(&self, launch: &Launch<'_>, parent: i32) -> Result<(), (i32, i32)> {
        // SAFETY: as above.
        unsafe {
            let errno = || *libc::__errno_location();
            libc::prctl(libc::PR_SET_PDEATHSIG, launch.death_signal);
            if libc::getppid() != parent {
                // The parent died before the request took effect.
                libc::_exit(128 + launch.death_signal);
            }
            let group = match launch.group {
                Group::Inherit => None,
                Group::Own | Group::Foreground(_) => Some(0),
                Group::Join(leader) => Some(leader.cast_signed()),
            };
            if let Some(group) = group
                && libc::setpgid(0, group) != 0
            {
                return Err((0, errno()));
            }
            if let Group::Foreground(terminal) = launch.group
                && libc::tcsetpgrp(terminal, libc::getpid()) != 0
            {
                return Err((0, errno()));
            }
            for (number, source) in launch.standard.iter().enumerate() {
                if let Some(source) = source
                    && libc::dup2(source.as_raw_fd(), number as RawFd) < 0
                {
                    return Err((0, errno()));
                }
            }
            close_others_on_exec();
            for descriptor in &launch.keep {
                let flags = libc::fcntl(*descriptor, libc::F_GETFD);
                if flags < 0 || libc::fcntl(*descriptor, libc::F_SETFD, flags & !libc::FD_CLOEXEC) < 0 {
                    return Err((0, errno()));
                }
            }
            if !launch.fence.is_some_and(|fence| fence.core_dumps) {
                let no_core = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
                libc::setrlimit(libc::RLIMIT_CORE, &no_core);
            }
            if let Some(directory) = &self.directory
                && libc::chdir(directory.as_ptr()) != 0
            {
                return Err((1, errno()));
            }
            if let Some(fence) = launch.fence {
                fence.put_on()?;
                // Another user means that the kernel has forgotten it.
                libc::prctl(libc::PR_SET_PDEATHSIG, launch.death_signal);
                if libc::getppid() != parent {
                    libc::_exit(128 + launch.death_signal);
                }
            }
            reset_for_exec(&launch.mask);
            Ok(())
        }
    }

    /// Tries the candidates and returns the errno that tells most.
    ///
    /// # Safety
    /// As [`Self::run_child`].
    unsafe fn execute(&self) -> i32 {
        let mut telling = libc::ENOENT;
        for (file, by_shell) in self.files.iter().zip(&self.by_shell) {
            // SAFETY: null-terminated arrays of pointers to live C strings.
            let errno = unsafe {
                libc::execve(file.as_ptr(), self.arguments.as_ptr(), self.environment.as_ptr());
                if *libc::__errno_location() == libc::ENOEXEC {
                    libc::execve(c"/bin/sh".as_ptr(), by_shell.as_ptr(), self.environment.as_ptr());
                }
                *libc::__errno_location()
            };
            match errno {
                libc::ENOENT | libc::ENOTDIR => {}
                libc::EACCES => telling = libc::EACCES,
                other => return other,
            }
        }
        telling
    }
}

/// Marks every descriptor from 3 on to be closed by exec.
///
/// # Safety
/// Only in a forked child.
unsafe fn close_others_on_exec() {
    // SAFETY: changes flags of descriptors of this forked child only.
    unsafe {
        let every = libc::c_uint::MAX;
        if libc::syscall(libc::SYS_close_range, 3 as libc::c_uint, every, libc::CLOSE_RANGE_CLOEXEC) == 0 {
            return;
        }
        // Linux before 5.11.
        let mut limit: libc::rlimit = std::mem::zeroed();
        libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit);
        for descriptor in 3..limit.rlim_cur.min(65_536) as RawFd {
            let flags = libc::fcntl(descriptor, libc::F_GETFD);
            if flags >= 0 {
                libc::fcntl(descriptor, libc::F_SETFD, flags | libc::FD_CLOEXEC);
            }
        }
    }
}

fn c_string(text: OsString) -> io::Result<CString> {
    CString::new(text.into_vec())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "an argument or a variable contains a NUL byte"))
}

/// What happened to a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It exited with this code.
    Exited(i32),
    /// This signal ended it.
    Killed(i32),
    /// This signal stopped it.
    Stopped(i32),
    /// It goes on.
    Continued,
}

/// Reads another process' memory at `address`; gives back how many bytes could be read. The kernel asks for the right to trace
/// that process (process_vm_readv(2), ptrace(2)), also where the file of its memory belongs to somebody else.
///
/// # Errors
/// When nothing can be read there.
pub fn read_memory(pid: u32, address: u64, into: &mut [u8]) -> io::Result<usize> {
    let local = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
    let remote = libc::iovec { iov_base: address as usize as *mut libc::c_void, iov_len: into.len() };
    // SAFETY: the local range is that of `into`, which nobody else uses meanwhile; the remote one is looked at by the kernel only.
    let count = unsafe { libc::process_vm_readv(pid as libc::pid_t, &local, 1, &remote, 1, 0) };
    if count < 0 { Err(io::Error::last_os_error()) } else { Ok(count as usize) }
}

/// The next change of a child's state that was not yet reported. Never blocks. An end is reaped.
///
/// # Errors
/// When `pid` is not a child of ours.
pub fn next_change(pid: u32) -> io::Result<Option<Change>> {
    let options = WaitOptions::NOHANG | WaitOptions::UNTRACED | WaitOptions::CONTINUED;
    let Some((_, status)) = rustix::process::waitpid(Some(id(pid)?), options)? else { return Ok(None) };
    Ok(Some(if let Some(code) = status.exit_status() {
        Change::Exited(code)
    } else if let Some(signal) = status.terminating_signal() {
        Change::Killed(signal)
    } else if let Some(signal) = status.stopping_signal() {
        Change::Stopped(signal)
    } else {
        Change::Continued
    }))
}

/// A child that has ended and was not reaped yet, whichever it is. It stays as it is.
#[must_use]
pub fn ended_child() -> Option<u32> {
    // SAFETY: waitid fills the zeroed structure; WNOWAIT leaves the child alone. With WNOHANG and nothing to report the
    // process id stays 0.
    let pid = unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        if libc::waitid(libc::P_ALL, 0, &mut info, libc::WEXITED | libc::WNOHANG | libc::WNOWAIT) != 0 {
            return None;
        }
        info.si_pid()
    };
    u32::try_from(pid).ok().filter(|pid| *pid != 0)
}

/// Takes the end of a child, so that nothing of it stays behind; waits for the end.
pub fn reap(pid: u32) {
    if let Ok(pid) = id(pid) {
        while let Err(rustix::io::Errno::INTR) = rustix::process::waitpid(Some(pid), WaitOptions::empty()) {}
    }
}

/// A process that stays the one it is, also when its number is given to another.
#[derive(Debug)]
pub struct ProcessHandle(OwnedFd);

impl ProcessHandle {
    /// Takes hold of a running process.
    ///
    /// # Errors
    /// When there is no such process.
    pub fn open(pid: u32) -> io::Result<Self> {
        Ok(Self(rustix::process::pidfd_open(id(pid)?, rustix::process::PidfdFlags::empty())?))
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// When it has ended, or may not be signalled.
    pub fn signal(&self, number: i32) -> io::Result<()> {
        let none = std::ptr::null::<libc::siginfo_t>();
        // SAFETY: a descriptor that we own, a null siginfo (the kernel makes one as for kill), no flags.
        let result = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, self.0.as_raw_fd(), number, none, 0) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

/// Sends a signal to a whole process group.
///
/// # Errors
/// When there is no such group, or none of it may be signalled.
pub fn signal_group(group: u32, number: i32) -> io::Result<()> {
    let group = id(group)?.as_raw_nonzero().get();
    // SAFETY: kill takes plain numbers. A negative one names a group; `group` is positive and not 1-based "everybody".
    if unsafe { libc::kill(-group, number) } == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Makes descendants whose parent ends children of this process, so that it can reap them.
///
/// # Errors
/// When the kernel refuses.
pub fn adopt_orphans() -> io::Result<()> {
    Ok(rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?)
}

/// Begins a new session without a terminal, with this process as its leader.
///
/// # Errors
/// When this process leads a process group.
pub fn new_session() -> io::Result<()> {
    rustix::process::setsid()?;
    Ok(())
}

/// The process group of this process; 0 when its leader is outside our PID namespace.
#[must_use]
pub fn own_group() -> u32 {
    // SAFETY: takes nothing and cannot fail. (rustix panics on 0.)
    unsafe { libc::getpgrp() }.unsigned_abs()
}

/// A descriptor that this process was started with, by its number: a copy that is closed on exec, as the original is
/// from now on.
///
/// # Errors
/// When nothing is open at this number.
pub fn inherited(number: RawFd) -> io::Result<OwnedFd> {
    use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_setfd};
    if number < 0 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: borrowed for the length of this function only, in which nothing of ours closes it; a number that is not
    // open is an error of the first call.
    let original = unsafe { BorrowedFd::borrow_raw(number) };
    fcntl_setfd(original, FdFlags::CLOEXEC)?;
    Ok(fcntl_dupfd_cloexec(original, 3)?)
}

/// Sets the name under which this thread, and a process by its first thread, is listed.
///
/// # Errors
/// When the kernel refuses.
pub fn set_name(name: &std::ffi::CStr) -> io::Result<()> {
    Ok(rustix::thread::set_name(name)?)
}

fn id(pid: u32) -> io::Result<Pid> {
    let raw = i32::try_from(pid).map_err(|_| io::ErrorKind::InvalidInput)?;
    Ok(Pid::from_raw(raw).filter(|_| raw > 0).ok_or(io::ErrorKind::InvalidInput)?)
}
