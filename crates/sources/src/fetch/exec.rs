//! Running commands: `exec:`, which is what a command prints, and commands that are given a value. No shell, a time limit.

use std::io::{ErrorKind, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use tegmen_secret::SecretBytes;
use tegmen_sys::{process::ProcessHandle, signals};
use zeroize::{Zeroize, Zeroizing};

use super::LONGEST;
use super::context::Context;
use super::error::Trouble;
use super::files::without_newline;

/// How long a command may take: a login in a browser or a touch on a key fits.
const TIME_LIMIT: Duration = Duration::from_secs(60);
/// How much of what it says is shown, in characters.
const SHOWN: usize = 2000;

/// What the command prints, without the newline at its end; whether there was one.
pub(super) fn exec(context: &Context, command: &str) -> Result<(SecretBytes, bool), Trouble> {
    run(context, command, TIME_LIMIT, LONGEST)
}

/// The same, up to that many bytes: records of a pool.
pub(super) fn exec_long(context: &Context, command: &str, most: usize) -> Result<SecretBytes, Trouble> {
    run(context, command, TIME_LIMIT, most).map(|(value, _)| value)
}

fn run(context: &Context, command: &str, limit: Duration, most: usize) -> Result<(SecretBytes, bool), Trouble> {
    let words = shlex::split(command).unwrap_or_default();
    let program = words.first().cloned().unwrap_or_default();
    let Fed { status, mut output, errors } =
        feed(context, Feed { words: &words, input: None, environment: &[], limit, most })?;
    let bytes = std::mem::take(&mut *output);
    if !status.success() {
        // A command that fails may still have printed a value: only its standard error is shown.
        drop(SecretBytes::new(bytes));
        let said = said(String::from_utf8_lossy(&errors).trim());
        return Err(Trouble::new(
            format!("`{program}` failed ({status}) {said}"),
            format!("run it by hand in {}", context.directory.display()),
        ));
    }
    if bytes.len() > most {
        drop(SecretBytes::new(bytes));
        return Err(Trouble::new(format!("`{program}` printed more than {most} bytes"), "check the command"));
    }
    let (value, stripped) = without_newline(bytes);
    if value.is_empty() {
        return Err(Trouble::new(
            format!("`{program}` succeeded, but printed nothing"),
            "the value must be what the command prints on standard output",
        ));
    }
    Ok((value, stripped))
}

/// What a command said that failed, as the end of a sentence; of much the beginning.
pub(crate) fn said(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        _ if text.is_empty() => "and said nothing".to_owned(),
        Some((at, _)) => format!("and said: {}…", &text[..at]),
        None => format!("and said: {text}"),
    }
}

/// A command that is to be run.
pub(crate) struct Feed<'a> {
    /// The program and its arguments.
    pub(crate) words: &'a [String],
    /// What it gets on its standard input; `None`: nothing.
    pub(crate) input: Option<SecretBytes>,
    /// Variables beside those of the context. Never a value.
    pub(crate) environment: &'a [(&'a str, &'a str)],
    /// How long it may take.
    pub(crate) limit: Duration,
    /// How many bytes of its output are kept at most; of what is more, one.
    pub(crate) most: usize,
}

/// How a command ended, and what it wrote. Wiped.
pub(crate) struct Fed {
    pub(crate) status: ExitStatus,
    pub(crate) output: Zeroizing<Vec<u8>>,
    pub(crate) errors: Zeroizing<Vec<u8>>,
}

/// Runs a command to its end, in the directory and with the environment of the context. No shell.
pub(crate) fn feed(
    context: &Context,
    Feed { words, input, environment, limit, most }: Feed<'_>,
) -> Result<Fed, Trouble> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(Trouble::new("the command is empty", "write the command after exec:"));
    };
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(&context.directory)
        .env_clear()
        .envs(context.environment.iter())
        .envs(environment.iter().copied())
        .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| match error.kind() {
            ErrorKind::NotFound => Trouble::new(
                format!("there is no command `{program}`"),
                "install it, or write its whole path; there is no shell, so pipes and && need sh -c '…'",
            ),
            ErrorKind::PermissionDenied => {
                Trouble::new(format!("`{program}` cannot be run: permission denied"), "make it executable")
            }
            _ => Trouble::new(format!("`{program}` cannot be run: {error}"), "check the command"),
        })?;
    let deadline = Instant::now() + limit;
    if let (Some(mut pipe), Some(input)) = (child.stdin.take(), input) {
        // On a thread: a command that reads nothing would hold us up. One that has ended does not want it.
        std::thread::spawn(move || {
            let _ = pipe.write_all(input.expose());
        });
    }
    let output = reader(child.stdout.take(), most + 1);
    let errors = reader(child.stderr.take(), 1 << 16);
    let mut told = None;
    let status = loop {
        // Where our own end has to wait for the command, the command is asked to end: the signal may have been for us alone.
        if let Some(signal) = signals::waiting_end().filter(|signal| told != Some(*signal)) {
            told = Some(signal);
            // Ended meanwhile: all the better.
            let _ = ProcessHandle::open(child.id()).and_then(|process| process.signal(signal));
        }
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(5)),
            Ok(None) => {
                end(&mut child);
                return Err(Trouble::new(
                    format!("`{program}` did not end within {} seconds", limit.as_secs()),
                    "run it by hand: it may wait for an answer that nobody can give here",
                ));
            }
            Err(error) => {
                end(&mut child);
                return Err(Trouble::new(format!("`{program}` was lost: {error}"), "try again"));
            }
        }
    };
    // A grandchild that stays may hold the pipes open: what is there by now is the output.
    let patience = Duration::from_secs(2);
    let (output, errors) = (collect(&output, patience), collect(&errors, patience));
    Ok(Fed { status, output: Zeroizing::new(output), errors: Zeroizing::new(errors) })
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// Reads a pipe to its end on a thread, so that neither of two full pipes stops the child.
fn reader(pipe: Option<impl Read + Send + 'static>, limit: usize) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let Some(mut pipe) = pipe else { return };
        let mut chunk = [0; 4096];
        let mut taken = 0;
        while let Ok(count @ 1..) = pipe.read(&mut chunk) {
            // Beyond the limit it is read and dropped: a child that blocks on a full pipe would look hung.
            if taken <= limit && sender.send(chunk[..count].to_vec()).is_err() {
                break;
            }
            taken += count;
        }
        chunk.zeroize();
    });
    receiver
}

fn collect(receiver: &Receiver<Vec<u8>>, patience: Duration) -> Vec<u8> {
    let deadline = Instant::now() + patience;
    let mut chunks = Vec::new();
    while let Ok(chunk) = receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        chunks.push(chunk);
    }
    let all = chunks.concat();
    chunks.zeroize();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> Context {
        Context { environment: crate::Environment::of_this_process(), directory: std::env::temp_dir() }
    }

    fn trouble(command: &str) -> String {
        match run(&context(), command, Duration::from_millis(300), LONGEST) {
            Ok(_) => panic!("{command} gave a value"),
            Err(trouble) => trouble.why,
        }
    }

    #[test]
    fn one_newline_is_taken_off() {
        let (value, stripped) = exec(&context(), "printf 'a b\\n\\n'").ok().unwrap();
        assert_eq!((value.expose(), stripped), (&b"a b\n"[..], true));
        let (value, stripped) = exec(&context(), "printf '%s' 'x\"y'").ok().unwrap();
        assert_eq!((value.expose(), stripped), (&b"x\"y"[..], false));
    }

    #[test]
    fn standard_input_is_empty_and_there_is_no_shell() {
        assert_eq!(exec(&context(), "echo $HOME | cat").ok().unwrap().0.expose(), b"$HOME | cat");
        assert_eq!(trouble("cat"), "`cat` succeeded, but printed nothing");
    }

    #[test]
    fn failures_show_no_output() {
        assert_eq!(
            trouble("sh -c 'echo hunter2; echo locked >&2; exit 3'"),
            "`sh` failed (exit status: 3) and said: locked"
        );
        assert_eq!(trouble("no-such-command-here x"), "there is no command `no-such-command-here`");
        assert_eq!(trouble("sleep 30"), "`sleep` did not end within 0 seconds");
        assert_eq!(trouble("head -c 1100000 /dev/zero"), "`head` printed more than 1048576 bytes");
    }

    #[test]
    fn a_grandchild_that_stays_does_not_hold_the_run() {
        let start = Instant::now();
        let (value, _) = run(&context(), "sh -c 'sleep 20 & echo v'", Duration::from_secs(10), LONGEST).ok().unwrap();
        assert_eq!(value.expose(), b"v");
        assert!(start.elapsed() < Duration::from_secs(15));
    }
}
