//! The real terminal while the child has one of its own behind it: its modes, and its keys.

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tegmen_sys::signals::SignalMask;
use tegmen_sys::terminal::{self, Modes};
use tegmen_sys::{poll, process};

/// While it is held, our terminal passes every key to the child's terminal, which does with it what it is set to do:
/// echo it, edit a line, turn it into a signal.
pub(super) struct Keyboard {
    terminal: File,
    /// Its modes before, to be put back.
    before: Option<Modes>,
    held: Arc<AtomicBool>,
    wake: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
}

impl Keyboard {
    /// Nothing is passed before [`Self::hold`]. `held` says to others whether the terminal is raw.
    pub(super) fn new(master: Arc<File>, held: Arc<AtomicBool>) -> io::Result<Self> {
        let terminal = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        let (woken, wake) = io::pipe()?;
        let reader = Reader { terminal: terminal.try_clone()?, master, held: Arc::clone(&held), woken };
        let thread = std::thread::Builder::new().name("keyboard".to_owned()).spawn(move || reader.run())?;
        Ok(Self { terminal, before: None, held, wake: Some(wake), thread: Some(thread) })
    }

    /// Are we in the terminal's foreground?
    pub(super) fn is_ours(&self) -> bool {
        terminal::foreground_group(&self.terminal).is_ok_and(|group| group == process::own_group())
    }

    /// Takes the keys, if we are in the foreground; else leaves them to who is.
    pub(super) fn hold(&mut self) {
        if self.held.load(Ordering::Acquire) || !self.is_ours() {
            return;
        }
        if let Ok(modes) = Modes::of(&self.terminal)
            && modes.raw().apply(&self.terminal).is_ok()
        {
            self.before = Some(modes);
            self.held.store(true, Ordering::Release);
            self.wake_reader();
        }
    }

    /// Gives the keys back, and the modes if the terminal is still ours to set.
    pub(super) fn release(&mut self) {
        self.held.store(false, Ordering::Release);
        self.wake_reader();
        if let Some(before) = self.before.take()
            && self.is_ours()
        {
            let _ = before.apply(&self.terminal);
        }
    }

    /// Somebody else may have set the modes meanwhile, a shell that stopped us with SIGSTOP: takes the keys anew.
    pub(super) fn hold_again(&mut self) {
        self.held.store(false, Ordering::Release);
        self.hold();
    }

    fn wake_reader(&self) {
        if let Some(mut wake) = self.wake.as_ref() {
            let _ = wake.write_all(&[0]);
        }
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        self.release();
        drop(self.wake.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Reader {
    terminal: File,
    master: Arc<File>,
    held: Arc<AtomicBool>,
    /// A byte when `held` changed, the end when all is over.
    woken: PipeReader,
}

impl Reader {
    fn run(mut self) {
        // A key that is read just when we lose the foreground must not stop the process: SIGTTIN is blocked here.
        SignalMask::block_all();
        let mut buffer = [0; 4096];
        loop {
            let (key, woken) = if self.held.load(Ordering::Acquire) {
                match poll::wait([self.terminal.as_fd(), self.woken.as_fd()], None) {
                    Ok([key, woken]) => (key, woken),
                    Err(_) => return,
                }
            } else {
                (false, true)
            };
            if woken {
                if !matches!(self.woken.read(&mut buffer[..1]), Ok(1)) {
                    return;
                }
            } else if key {
                match self.terminal.read(&mut buffer) {
                    // The terminal hung up; SIGHUP tells the rest.
                    Ok(0) => return,
                    Ok(count) if self.pass_on(&buffer[..count]).is_err() => return,
                    Ok(_) => {}
                    // Not in the foreground any more, or nothing there after all: not again at once.
                    Err(_) => std::thread::sleep(Duration::from_millis(50)),
                }
            }
        }
    }

    fn pass_on(&mut self, mut keys: &[u8]) -> io::Result<()> {
        while !keys.is_empty() {
            let (writable, woken) = poll::wait_to_write(self.master.as_fd(), self.woken.as_fd())?;
            if woken && self.woken.read(&mut [0])? == 0 {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            if writable {
                match (&*self.master).write(keys) {
                    Ok(count) => keys = &keys[count..],
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }
}
