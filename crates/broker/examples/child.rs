//! Runs a command through the child runner, for its tests and for trying it by hand:
//! `child [--leave FILE] [--hide LABEL=VALUE]... COMMAND [ARGUMENTS...]`. With `--leave` the child is given up as soon as the file
//! is there, as when something of ours fails.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use tegmen_broker::child::{self, ChildOptions};
use tegmen_redact::Patterns;
use tegmen_secret::SecretBytes;
use tegmen_sys::sandbox::Fence;

fn main() -> ExitCode {
    if let Some(status) = child::run_helper_if_asked() {
        return status.into();
    }
    let mut patterns = Patterns::builder();
    let mut command: Vec<OsString> = std::env::args_os().skip(1).collect();
    let leaves = command.first().is_some_and(|word| word == "--leave") && command.len() > 2;
    let leave = leaves.then(|| PathBuf::from(command.drain(..2).nth(1).unwrap_or_default()));
    while command.first().is_some_and(|word| word == "--hide") && command.len() > 1 {
        let pair = command.drain(..2).nth(1).unwrap_or_default().to_string_lossy().into_owned();
        let (label, value) = pair.split_once('=').unwrap_or(("SECRET", &pair));
        if let Err(refused) = patterns.value(label, &SecretBytes::from(value.to_owned())) {
            return fail(125, &refused);
        }
    }
    let env = std::env::vars_os().collect();
    let leftovers = std::env::var_os("LEFTOVER").map(Into::into).into_iter().collect();
    let fence = Fence::default();
    let options = ChildOptions { command, env, inherit_fds: Vec::new(), cwd: None, fence, leftovers };
    match child::spawn(options, patterns.build()) {
        Ok(child) => {
            if let Some(file) = leave {
                while !file.exists() {
                    std::thread::sleep(Duration::from_millis(10));
                }
                drop(child);
                return fail(125, &"given up");
            }
            let status = child.wait();
            match status.output_error() {
                Some(error) => fail(125, error),
                None => status.code().into(),
            }
        }
        Err(error) => fail(error.code(), &error),
    }
}

fn fail(code: u8, error: &dyn std::fmt::Display) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "child: {error}");
    code.into()
}
