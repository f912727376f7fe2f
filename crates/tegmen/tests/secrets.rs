//! `tegmen secrets` through the real binary.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};

use tegmen_testing::Project;

struct Home(Project);

impl Home {
    fn new() -> Self {
        Self(Project::new().unwrap())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tegmen"));
        command.arg("secrets").args(arguments).current_dir(self.0.path()).env_clear().env("HOME", self.0.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn with_input(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        // A command that refuses its arguments does not read its input.
        let _ = child.stdin.take().unwrap().write_all(input);
        child.wait_with_output().unwrap()
    }

    fn set(&self, name: &str, value: &[u8]) {
        let output = self.with_input(&["set", name], value);
        assert!(output.status.success(), "{}", said(&output));
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn set_get_list_rm() {
    let home = Home::new();
    let value = ["correct horse", " battery"].concat();
    let output = home.with_input(&["set", "API_KEY"], format!("{value}\n").as_bytes());
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout.is_empty());
    assert!(said(&output).contains("newline at the end of the value was stripped") && !said(&output).contains(&value));
    assert_eq!(home.run(&["get", "API_KEY"]).stdout, value.as_bytes());

    let bytes = b"\xff\x00line 1\nline 2\n\n";
    assert!(home.with_input(&["set", "--keep-newline", "BYTES"], bytes).status.success());
    assert_eq!(home.run(&["get", "BYTES"]).stdout, bytes);

    let output = home.run(&["list"]);
    let list = String::from_utf8(output.stdout).unwrap();
    let names: Vec<_> = list.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(names, ["API_KEY", "BYTES"]);
    assert!(!list.contains("horse"));

    // No file anywhere holds the value.
    assert!(home.0.holding(value.as_bytes()).unwrap().is_empty());
    assert!(home.0.holding(b"line 2").unwrap().is_empty());

    assert_eq!(home.run(&["get", "NOPE"]).status.code(), Some(1));
    let output = home.run(&["rm", "API_KEY", "NOPE"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("API_KEY removed") && said(&output).contains("has no NOPE"));
    assert_eq!(home.run(&["get", "API_KEY"]).status.code(), Some(1));
    assert_eq!(home.run(&["rm", "BYTES"]).status.code(), Some(0));
    let output = home.run(&["list"]);
    assert!(output.status.success() && output.stdout.is_empty() && said(&output).contains("nothing is stored"));
}

#[test]
fn a_value_in_argv_is_refused_and_not_repeated() {
    let home = Home::new();
    for arguments in [&["set", "API_KEY", "hunter2"][..], &["set", "API_KEY=hunter2"], &["set", "hunter2", "x", "y"]] {
        let output = home.with_input(arguments, b"other");
        assert_eq!(output.status.code(), Some(2));
        assert!(said(&output).contains("not given on the command line"), "{}", said(&output));
        assert!(!said(&output).contains("hunter2"));
    }
    assert!(home.0.files().unwrap().is_empty());
}

#[test]
fn empty_values_and_bad_names_are_refused() {
    let home = Home::new();
    for input in [&b""[..], b"\n"] {
        let output = home.with_input(&["set", "A"], input);
        assert_eq!(output.status.code(), Some(2));
        assert!(said(&output).contains("the value is empty"));
    }
    assert!(said(&home.with_input(&["set", "a-b"], b"x")).contains("cannot be the name"));
    assert!(home.0.files().unwrap().is_empty());
}

#[test]
fn import_all_or_some() {
    let home = Home::new();
    home.0.write("app.env", "export A='one'\nB=\"two\nlines\"\nEMPTY=\nC=three # comment\n").unwrap();
    let output = home.run(&["import", "app.env", "--only", "A,C"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("still holds the values in clear"));
    assert_eq!(home.run(&["get", "C"]).stdout, b"three");
    assert_eq!(home.run(&["get", "B"]).status.code(), Some(1));
    let output = home.run(&["import", "app.env"]);
    assert!(said(&output).contains("A replaced in") && said(&output).contains("EMPTY is empty"));
    assert_eq!(home.run(&["get", "B"]).stdout, b"two\nlines");

    assert_eq!(home.run(&["import", "app.env", "--only", "NOPE"]).status.code(), Some(1));
    assert_eq!(home.run(&["import", "nope.env"]).status.code(), Some(2));
    home.0.write("broken.env", "D=fine\nE='hunter2\n").unwrap();
    let output = home.run(&["import", "broken.env"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("line 2") && !said(&output).contains("hunter2"));
    assert_eq!(home.run(&["get", "D"]).status.code(), Some(1));
}

#[test]
fn a_key_that_others_can_read_is_refused_with_the_command_that_helps() {
    let home = Home::new();
    home.set("A", b"value");
    let key = home.0.path().join(".local/share/tegmen/store.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let output = home.run(&["get", "A"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    assert!(said(&output).contains(&format!("chmod 600 {}", key.display())), "{}", said(&output));
}

#[test]
fn a_store_of_the_project_and_one_that_is_named() {
    let home = Home::new();
    assert!(home.with_input(&["set", "A", "--store", ".tegmen/store.age"], b"local").status.success());
    // Found without being named, from below as well.
    home.0.write("tegmen.toml", "").unwrap();
    home.0.write("sub/dir/file", "").unwrap();
    let output = home.command(&["get", "A"]).current_dir(home.0.path().join("sub/dir")).output().unwrap();
    assert_eq!(output.stdout, b"local", "{}", said(&output));
    // Its key is not beside it.
    let key = home.0.path().join(".local/share/tegmen/store.key");
    assert!(key.exists());
    let output = home.command(&["list"]).env("TEGMEN_STORE", "other.age").output().unwrap();
    assert!(output.stdout.is_empty() && output.status.success());
}

#[test]
fn writers_at_the_same_time() {
    let home = Home::new();
    std::thread::scope(|scope| {
        for writer in 0..6 {
            let home = &home;
            scope.spawn(move || home.set(&format!("W{writer}"), b"value"));
        }
    });
    assert_eq!(String::from_utf8(home.run(&["list"]).stdout).unwrap().lines().count(), 6);
}

/// Runs a command at a terminal of its own, types `keys` when `wanted` appears, and prints what the terminal shows.
const AT_A_TERMINAL: &str = r#"
import os, pty, sys
wanted, keys, command = sys.argv[1].encode(), sys.argv[2].encode(), sys.argv[3:]
pid, terminal = pty.fork()
if pid == 0:
    os.execv(command[0], command)
shown = b""
while True:
    try:
        chunk = os.read(terminal, 4096)
    except OSError:
        break
    if not chunk:
        break
    shown += chunk
    if wanted and wanted in shown:
        os.write(terminal, keys)
        wanted = b""
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;

impl Home {
    fn at_a_terminal(&self, wanted: &str, keys: &str, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = Command::new("python3");
        command.args(["-c", AT_A_TERMINAL, wanted, keys, env!("CARGO_BIN_EXE_tegmen"), "secrets"]).args(arguments);
        command.current_dir(self.0.path()).env("HOME", self.0.path()).env_remove("XDG_DATA_HOME");
        let output = command.env_remove("TEGMEN_STORE").env_remove("TEGMEN_STORE_KEY").output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

#[test]
fn at_a_terminal_a_value_is_asked_for_unseen_and_not_shown_without_being_asked() {
    let home = Home::new();
    let (code, shown) = home.at_a_terminal("not shown", "typed-value\n", &["set", "API_KEY"]);
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("Value of API_KEY") && !shown.contains("typed-value"), "{shown}");
    assert_eq!(home.run(&["get", "API_KEY"]).stdout, b"typed-value");

    let (code, shown) =
        home.at_a_terminal("not shown", "x\u{15}wrong\u{7f}\u{7f}\u{7f}ü\u{7f}ait\r", &["set", "EDITED"]);
    assert_eq!(code, Some(0), "{shown}");
    assert_eq!(home.run(&["get", "EDITED"]).stdout, b"wrait");
    let long = "t".repeat(20_000);
    assert_eq!(home.at_a_terminal("not shown", &format!("{long}\r"), &["set", "LONG"]).0, Some(0));
    assert_eq!(home.run(&["get", "LONG"]).stdout, long.as_bytes());

    let (code, shown) = home.at_a_terminal("not shown", "\u{3}", &["set", "API_KEY"]);
    assert!(code == Some(2) && shown.contains("interrupted"), "{shown}");
    let (code, shown) = home.at_a_terminal("not shown", "line 1\nline 2\nline 3\n", &["set", "API_KEY"]);
    assert!(code == Some(2) && shown.contains("more than one line") && !shown.contains("line 1"), "{shown}");
    assert_eq!(home.run(&["get", "API_KEY"]).stdout, b"typed-value");

    let (code, shown) = home.at_a_terminal("", "", &["get", "API_KEY"]);
    assert_eq!(code, Some(2));
    assert!(shown.contains("add --show") && !shown.contains("typed-value"), "{shown}");
    let (code, shown) = home.at_a_terminal("", "", &["get", "API_KEY", "--show"]);
    assert_eq!((code, shown.as_str()), (Some(0), "typed-value\r\n"));
}
