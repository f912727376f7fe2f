//! Runs `examples/child.rs` at a terminal or with pipes, and waits for what it shows.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tegmen_sys::process::ProcessHandle;
use tegmen_sys::pty::Pty;
use tegmen_sys::{poll, process, terminal};

/// How long anything may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long to wait for what must not come.
pub const QUIET: Duration = Duration::from_millis(300);

/// The example's binary, beside this test's.
pub fn runner() -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.join("examples").join("child")
}

pub fn run(arguments: &[&str]) -> Command {
    let mut command = Command::new(runner());
    command.args(arguments);
    command
}

/// A Python program that says which signals it gets, and how often.
pub const COUNTER: &str = r#"
import os, signal, time
counts = {}
def on(number, frame):
    name = signal.Signals(number).name[3:]
    counts[name] = counts.get(name, 0) + 1
    size = "%dx%d" % os.get_terminal_size(1) if os.isatty(1) else "no terminal"
    os.write(1, ("got %s %d at %s\n" % (name, counts[name], size)).encode())
for name in "HUP INT QUIT TERM USR1 USR2 WINCH CONT".split():
    signal.signal(getattr(signal, "SIG" + name), on)
os.write(1, b"ready %d\n" % os.getpid())
end = time.monotonic() + 60
while time.monotonic() < end and "USR2" not in counts:
    time.sleep(0.01)
os.write(1, b"done\n")
"#;

/// A Python program that reads single keys as Locust does, and says which came.
pub const KEYS: &str = r#"
import os, termios, tty
before = termios.tcgetattr(0)
tty.setcbreak(0, termios.TCSANOW)
os.write(1, b"ready\n")
key = b""
while key != b"q":
    key = os.read(0, 1)
    os.write(1, b"key <%s>\n" % key)
termios.tcsetattr(0, termios.TCSADRAIN, before)
"#;

/// A process that is being driven, and all that it has shown.
pub struct Driven {
    input: Option<File>,
    output: File,
    process: Child,
    shown: String,
    read_to: usize,
}

impl Driven {
    /// An interactive shell at a terminal. `$R` is the runner, `$COUNTER` and `$KEYS` are the programs above.
    pub fn shell() -> Self {
        let mut driven = Self::at_terminal("bash", &["--norc", "--noprofile", "-i"]);
        driven.expect("$ ");
        driven.line("bind 'set enable-bracketed-paste off'");
        driven.expect("$ ");
        driven
    }

    /// As the first process of a new terminal, as a terminal emulator starts it.
    pub fn at_terminal(program: &str, arguments: &[&str]) -> Self {
        let Pty { master, slave } = Pty::open().unwrap();
        terminal::set_size(&slave, 24, 80).unwrap();
        let end = || Stdio::from(slave.try_clone().unwrap());
        let mut command = Command::new("setsid");
        command.arg("--ctty").arg(program).args(arguments).env("TERM", "xterm").env("PS1", "$ ");
        command.env("R", runner()).env("COUNTER", COUNTER).env("KEYS", KEYS).env("INPUTRC", "/dev/null");
        let process = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        let input = Some(master.try_clone().unwrap());
        Self { input, output: master, process, shown: String::new(), read_to: 0 }
    }

    /// In a session without a terminal, standard output and errors in one pipe.
    pub fn with_pipes(arguments: &[&str]) -> Self {
        Self::with_pipes_of(runner().to_str().unwrap(), arguments)
    }

    /// The same with another program, which may become the runner.
    pub fn with_pipes_of(program: &str, arguments: &[&str]) -> Self {
        let (output, writer) = std::io::pipe().unwrap();
        let mut command = Command::new("setsid");
        command.arg(program).args(arguments).stdin(Stdio::piped());
        command.stdout(writer.try_clone().unwrap()).stderr(writer);
        let mut process = command.spawn().unwrap();
        let input = process.stdin.take().map(|input| File::from(OwnedFd::from(input)));
        Self { input, output: File::from(OwnedFd::from(output)), process, shown: String::new(), read_to: 0 }
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    pub fn signal(&self, number: i32) {
        ProcessHandle::open(self.pid()).unwrap().signal(number).unwrap();
    }

    pub fn signal_group(&self, number: i32) {
        process::signal_group(self.pid(), number).unwrap();
    }

    pub fn keys(&mut self, keys: &str) {
        self.input.as_ref().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    /// Types a line and waits for its echo, so that [`Self::expect`] finds what the command says, not what was typed.
    pub fn line(&mut self, line: &str) {
        self.keys(&format!("{line}\r"));
        self.expect("\n");
    }

    /// Closes the terminal, as when its window is closed.
    pub fn hang_up(&mut self) {
        self.input = None;
        self.output = File::open("/dev/null").unwrap();
    }

    pub fn resize(&self, rows: u16, columns: u16) {
        terminal::set_size(&self.output, rows, columns).unwrap();
    }

    /// Waits until `text` is shown, after what was waited for before; returns what came in between.
    pub fn expect(&mut self, text: &str) -> String {
        let since = Instant::now();
        loop {
            if let Some(at) = self.shown[self.read_to..].find(text) {
                let before = self.shown[self.read_to..self.read_to + at].to_owned();
                self.read_to += at + text.len();
                return before;
            }
            assert!(since.elapsed() < PATIENCE, "no {text:?} in:\n{}", self.shown);
            assert!(self.read(QUIET) != Some(0), "the end came before {text:?}:\n{}", self.shown);
        }
    }

    /// The rest of the line after `text`.
    pub fn expect_line(&mut self, text: &str) -> String {
        self.expect(text);
        self.expect("\n").trim_end().to_owned()
    }

    /// Reads for a while; everything shown so far.
    pub fn settle(&mut self) -> &str {
        let since = Instant::now();
        while since.elapsed() < QUIET {
            if self.read(QUIET - since.elapsed().min(QUIET)) == Some(0) {
                break;
            }
        }
        &self.shown
    }

    /// Waits for the end; returns the exit status and everything shown.
    pub fn end(mut self) -> (i32, String) {
        let since = Instant::now();
        while self.process.try_wait().unwrap().is_none() {
            assert!(since.elapsed() < PATIENCE, "does not end:\n{}", self.shown);
            self.read(Duration::from_millis(20));
        }
        while self.read(Duration::from_millis(50)).is_some_and(|count| count > 0) {}
        let code = self.process.wait().unwrap().code().unwrap_or(-1);
        (code, std::mem::take(&mut self.shown))
    }

    /// One read: `None` when nothing came in time, 0 at the end.
    fn read(&mut self, limit: Duration) -> Option<usize> {
        let [ready] = poll::wait([self.output.as_fd()], Some(limit)).unwrap();
        if !ready {
            return None;
        }
        let mut buffer = [0; 65536];
        match self.output.read(&mut buffer) {
            Ok(count) => {
                self.shown.push_str(&String::from_utf8_lossy(&buffer[..count]));
                Some(count)
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => None,
            Err(_) => {
                // A terminal that nobody has open. The process may still be on its way out.
                std::thread::sleep(Duration::from_millis(5));
                Some(0)
            }
        }
    }
}

impl Drop for Driven {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Waits until `condition` holds.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let since = Instant::now();
    while !condition() {
        assert!(since.elapsed() < PATIENCE, "{what} did not come true");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Is there a process with this number that has not ended?
pub fn is_alive(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.contains(") Z ") && !stat.contains(") X "))
}
