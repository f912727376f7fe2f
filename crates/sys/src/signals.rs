//! Receiving signals as events that can be polled, and stopping oneself as a job does.
//!
//! A handler writes each signal into a pipe. `signalfd` would need every thread of the process to block the signals,
//! also those of libraries that were started earlier; a handler works whichever thread the kernel picks.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

/// SIGCHLD, which [`SignalEvents`] reports as well.
pub const CHILD: i32 = libc::SIGCHLD;
/// SIGWINCH: the terminal's size changed.
pub const WINDOW: i32 = libc::SIGWINCH;
/// SIGCONT.
pub const CONTINUE: i32 = libc::SIGCONT;
/// SIGHUP.
pub const HANGUP: i32 = libc::SIGHUP;
/// SIGINT.
pub const INTERRUPT: i32 = libc::SIGINT;
/// SIGQUIT.
pub const QUIT: i32 = libc::SIGQUIT;
/// SIGTERM.
pub const TERMINATE: i32 = libc::SIGTERM;
/// SIGKILL.
pub const KILL: i32 = libc::SIGKILL;
/// SIGTSTP, SIGTTIN and SIGTTOU: the stop signals of job control.
pub const JOB_STOPS: [i32; 3] = [libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU];

/// Named signals that are received and passed on. Not among them: what cannot be caught, what reports a fault of this
/// very process (SEGV, BUS, FPE, ILL, TRAP, SYS, ABRT), PIPE, and TTIN and TTOU, which only the kernel sends.
const PASSED_ON: [i32; 17] = [
    libc::SIGHUP,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGTERM,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGALRM,
    libc::SIGVTALRM,
    libc::SIGPROF,
    libc::SIGWINCH,
    libc::SIGCONT,
    libc::SIGTSTP,
    libc::SIGURG,
    libc::SIGIO,
    libc::SIGPWR,
    libc::SIGXCPU,
    libc::SIGXFSZ,
];

/// The highest signal number of Linux.
const LAST: i32 = 64;

static PIPE: AtomicI32 = AtomicI32::new(-1);
static CHILD_WAS_IGNORED: AtomicBool = AtomicBool::new(false);

/// One signal that this process received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignalEvent {
    /// The signal's number.
    pub number: i32,
    /// Sent by the kernel itself (the terminal's Ctrl-C, a new window size, a hang-up), not by a process.
    pub from_kernel: bool,
}

/// The stream of signals that this process receives from now on.
#[derive(Debug)]
pub struct SignalEvents {
    reader: OwnedFd,
}

impl SignalEvents {
    /// Installs the handlers: for SIGCHLD, for every named signal worth passing on, and for the real-time signals.
    /// A signal that is ignored (nohup) stays ignored. The handlers stay for the life of the process; once nobody reads
    /// the events, the signals have no effect.
    ///
    /// # Errors
    /// When the pipe or a handler cannot be made, or when this was called before.
    pub fn install() -> io::Result<Self> {
        use rustix::pipe::{PipeFlags, pipe_with};
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        if PIPE.compare_exchange(-1, writer.as_raw_fd(), Ordering::SeqCst, Ordering::SeqCst).is_err() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "signal handlers are already installed"));
        }
        // The handler needs the descriptor for as long as the process lives.
        std::mem::forget(writer);
        CHILD_WAS_IGNORED.store(disposition(libc::SIGCHLD)?.sa_sigaction == libc::SIG_IGN, Ordering::SeqCst);
        handle(libc::SIGCHLD)?;
        for number in PASSED_ON.into_iter().chain(libc::SIGRTMIN()..=LAST) {
            if disposition(number)?.sa_sigaction != libc::SIG_IGN {
                handle(number)?;
            }
        }
        Ok(Self { reader })
    }

    /// The next signal that was received, if there is one. Never blocks.
    #[must_use]
    pub fn next(&self) -> Option<SignalEvent> {
        let mut record = [0u8; RECORD];
        match rustix::io::read(&self.reader, &mut record) {
            Ok(RECORD) => {
                let field =
                    |at: usize| i32::from_ne_bytes([record[at], record[at + 1], record[at + 2], record[at + 3]]);
                Some(SignalEvent { number: field(0), from_kernel: field(4) > 0 })
            }
            _ => None,
        }
    }
}

impl AsFd for SignalEvents {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }
}

/// Bytes of one event in the pipe: number and code. Less than PIPE_BUF, so written as a whole or not at all.
const RECORD: usize = 8;

extern "C" fn on_signal(number: libc::c_int, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    // SAFETY: the kernel hands a valid siginfo to a handler that was installed with SA_SIGINFO; only
    // async-signal-safe calls are made (write), the buffer is on this stack, and errno is put back.
    unsafe {
        let errno = *libc::__errno_location();
        let record = [number, (*info).si_code];
        libc::write(PIPE.load(Ordering::Relaxed), record.as_ptr().cast(), RECORD);
        *libc::__errno_location() = errno;
    }
}

fn disposition(number: i32) -> io::Result<libc::sigaction> {
    // SAFETY: sigaction with a null new action only reads; a zeroed sigaction is a valid value to be filled.
    unsafe {
        let mut old: libc::sigaction = std::mem::zeroed();
        if libc::sigaction(number, std::ptr::null(), &mut old) != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(old)
    }
}

fn handle(number: i32) -> io::Result<()> {
    // SAFETY: the structure is fully initialised, and the handler is async-signal-safe (see there).
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_signal as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
        libc::sigfillset(&mut action.sa_mask);
        if libc::sigaction(number, &action, std::ptr::null_mut()) != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// The set of signals that a thread blocks.
#[derive(Clone, Copy)]
pub struct SignalMask(libc::sigset_t);

impl std::fmt::Debug for SignalMask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SignalMask")
    }
}

impl SignalMask {
    /// What the calling thread blocks now.
    #[must_use]
    pub fn current() -> Self {
        Self::change(libc::SIG_BLOCK, &empty_set())
    }

    /// Blocks every signal in the calling thread and returns what it blocked before. Threads of ours do this, so that
    /// a handler interrupts none of their calls, and so that SIGTTOU and SIGTTIN do not stop the process.
    pub fn block_all() -> Self {
        let mut all = empty_set();
        // SAFETY: a live, initialised set.
        unsafe { libc::sigfillset(&mut all) };
        Self::change(libc::SIG_SETMASK, &all)
    }

    /// Makes this the calling thread's set.
    pub fn restore(&self) {
        Self::change(libc::SIG_SETMASK, &self.0);
    }

    fn change(how: libc::c_int, set: &libc::sigset_t) -> Self {
        let mut old = empty_set();
        // SAFETY: both pointers are to live sets; the call changes the calling thread's mask only.
        unsafe { libc::pthread_sigmask(how, set, &mut old) };
        Self(old)
    }
}

/// A signal that asks this process to end and waits, since it is blocked ([`SignalMask::block_all`]).
#[must_use]
pub fn waiting_end() -> Option<i32> {
    let mut waiting = empty_set();
    // SAFETY: a live, initialised set.
    unsafe { libc::sigpending(&mut waiting) };
    // SAFETY: a live set, and numbers of signals.
    [libc::SIGINT, libc::SIGTERM, libc::SIGHUP]
        .into_iter()
        .find(|number| unsafe { libc::sigismember(&waiting, *number) } == 1)
}

fn empty_set() -> libc::sigset_t {
    // SAFETY: a zeroed sigset_t is a value that sigemptyset may fill.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        set
    }
}

/// Stops this process as Ctrl-Z would, and returns when it is continued. Returns at once where the kernel discards the
/// stop, because nobody could continue us (an orphaned process group, PID 1).
pub fn stop_this_process() {
    // SAFETY: plain sigaction and mask calls on live values. raise() aims at the calling thread, so that the stop has
    // happened when it returns.
    unsafe {
        let mut default: libc::sigaction = std::mem::zeroed();
        default.sa_sigaction = libc::SIG_DFL;
        let mut before: libc::sigaction = std::mem::zeroed();
        libc::sigaction(libc::SIGTSTP, &default, &mut before);
        let mut stop = empty_set();
        libc::sigaddset(&mut stop, libc::SIGTSTP);
        let mask = SignalMask::change(libc::SIG_UNBLOCK, &stop);
        libc::raise(libc::SIGTSTP);
        mask.restore();
        libc::sigaction(libc::SIGTSTP, &before, std::ptr::null_mut());
    }
}

/// Ignores SIGINT from now on, as the last part of a pipeline does that has to outlive what comes before it.
///
/// # Errors
/// When the kernel refuses.
pub fn ignore_interrupts() -> io::Result<()> {
    // SAFETY: a live, zeroed sigaction with SIG_IGN for a handler; no code of ours runs on the signal.
    let result = unsafe {
        let mut ignore: libc::sigaction = std::mem::zeroed();
        ignore.sa_sigaction = libc::SIG_IGN;
        libc::sigaction(libc::SIGINT, &ignore, std::ptr::null_mut())
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Gives every signal the action that the next program expects, and then `mask`. Only for a forked child before exec.
///
/// # Safety
/// To be called between fork and exec, with all signals blocked. Makes async-signal-safe calls only.
pub(crate) unsafe fn reset_for_exec(mask: &SignalMask) {
    // SAFETY: as this function demands; all structures are initialised and on the stack.
    unsafe {
        let mut default: libc::sigaction = std::mem::zeroed();
        default.sa_sigaction = libc::SIG_DFL;
        let mut current: libc::sigaction = std::mem::zeroed();
        for number in 1..=LAST {
            if libc::sigaction(number, std::ptr::null(), &mut current) != 0 {
                continue;
            }
            // Rust's runtime ignores SIGPIPE; every other ignored signal was ignored by whoever started us.
            if current.sa_sigaction != libc::SIG_IGN || number == libc::SIGPIPE {
                if number == libc::SIGCHLD && CHILD_WAS_IGNORED.load(Ordering::Relaxed) {
                    default.sa_sigaction = libc::SIG_IGN;
                }
                libc::sigaction(number, &default, std::ptr::null_mut());
                default.sa_sigaction = libc::SIG_DFL;
            }
        }
        libc::sigprocmask(libc::SIG_SETMASK, &mask.0, std::ptr::null_mut());
    }
}
