//! `tegmen run` through its real binary, where no Python is needed. The rest is in `tests/`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::fs::File;
use std::process::{Command, Stdio};

use tegmen_testing::Project;

fn tegmen(project: &Project, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tegmen"));
    command.args(arguments).current_dir(project.path()).env_clear();
    command.env("HOME", project.path()).env("PATH", std::env::var_os("PATH").unwrap()).stdin(Stdio::null());
    command
}

/// A device that is always full.
fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

#[test]
fn the_exit_status_is_that_of_the_command_also_where_no_message_can_be_written() {
    let project = Project::new().unwrap();
    let arguments = ["run", "--secret", "KEY=env:KEY", "--hosts", "x", "--", "sh", "-c", "exit 3"];
    let mut command = tegmen(&project, &arguments);
    let status = command.env("KEY", "correct-horse").stdout(Stdio::null()).stderr(full()).status().unwrap();
    assert_eq!(status.code(), Some(3));
}

#[test]
fn a_result_that_cannot_be_written_is_an_error() {
    let project = Project::new().unwrap();
    let output = tegmen(&project, &["explain", "--all"]).stdout(full()).stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("standard output could not be written"), "{said}");
    project.write("tegmen.toml", "[secrets]\nKEY = { source = \"env:KEY\" }\n").unwrap();
    let output = tegmen(&project, &["rotate"]).stdout(full()).stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
}

#[test]
fn what_is_wrong_with_an_option_is_said_before_a_source_is_asked() {
    let project = Project::new().unwrap();
    let secret = "KEY=exec:sh -c 'touch asked; echo correct-horse'";
    let options = ["run", "--secret", secret, "--hosts", "x", "--web-origin", "nonsense", "--", "true"];
    let output = tegmen(&project, &options).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(125), "{said}");
    assert!(said.contains("--web-origin"), "{said}");
    assert!(!project.path().join("asked").exists(), "what is good for one login would be used up");
}
