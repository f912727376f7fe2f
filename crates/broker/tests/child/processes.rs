//! How the child begins and ends, what it inherits, and what becomes of other processes.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::drive::{Driven, eventually, is_alive, run, runner};

fn code(arguments: &[&str]) -> Option<i32> {
    run(arguments).output().unwrap().status.code()
}

#[test]
fn the_exit_status_is_that_of_the_child() {
    assert_eq!(code(&["true"]), Some(0));
    assert_eq!(code(&["sh", "-c", "exit 42"]), Some(42));
    assert_eq!(code(&["sh", "-c", "kill -TERM $$"]), Some(143));
    assert_eq!(code(&["sh", "-c", "kill -KILL $$"]), Some(137));
}

#[test]
fn what_cannot_be_run_and_what_is_not_there_are_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str, mode: u32| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let cases = [
        ("no-such-command".to_owned(), 127, "not found in any directory of PATH"),
        ("/no/such/command".to_owned(), 127, "not found; check its path"),
        (file("plain", "text", 0o644), 126, "chmod +x"),
        ("/".to_owned(), 126, "it is a directory"),
        (file("lost", "#!/no/such/interpreter\n", 0o755), 126, "interpreter"),
    ];
    for (command, code, message) in cases {
        let output = run(&[&command]).output().unwrap();
        let shown = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{shown}");
        assert!(shown.contains(message), "{shown}");
    }
    assert_eq!(code(&[&file("bare", "exit 9\n", 0o755)]), Some(9), "a script without #! is run by sh");
}

#[test]
fn the_same_statuses_at_a_terminal() {
    let runner = runner();
    let runner = runner.to_str().unwrap();
    for (command, status) in [("exit 5", 5), ("kill -KILL $$", 137)] {
        assert_eq!(Driven::at_terminal(runner, &["sh", "-c", command]).end().0, status);
    }
    assert_eq!(Driven::at_terminal(runner, &["no-such-command"]).end().0, 127);
    assert_eq!(Driven::at_terminal(runner, &["/"]).end().0, 126);
}

/// The child's descriptors, signal mask and ignored signals, as it finds them.
const STATE: &str = r#"
import os, re
status = open("/proc/self/status").read()
field = lambda name: re.search(name + r":\s*(\S+)", status)[1]
# Signals 32 and 33 are the C library's own.
own = 3 << 31
ignored = int(field("SigIgn"), 16) & ~own
print("state", sorted(int(n) for n in os.listdir("/proc/self/fd"))[:-1], field("SigBlk"), ignored)
"#;

#[test]
fn descriptors_and_signal_settings_are_those_of_a_fresh_process() {
    let state = |command: &mut Command| {
        let output = command.args(["python3", "-ISc", STATE]).output().unwrap();
        let shown = String::from_utf8(output.stdout).unwrap();
        let (descriptors, signals) = shown.split_once(']').unwrap();
        (descriptors.to_owned(), signals.to_owned())
    };
    // Python itself ignores two signals, hence the comparison.
    let (_, direct) = state(&mut Command::new("env"));
    assert_eq!(state(&mut run(&[])), ("state [0, 1, 2".to_owned(), direct.clone()));
    let nohup = ["-c", r#"trap "" HUP USR1; exec "$0" "$@""#];
    let (_, native) = state(Command::new("bash").args(nohup).arg("env"));
    assert_ne!(native, direct);
    assert_eq!(state(Command::new("bash").args(nohup).arg(runner())).1, native);
}

#[test]
fn the_same_descriptors_at_a_terminal() {
    let mut driven = Driven::at_terminal(runner().to_str().unwrap(), &["python3", "-ISc", STATE]);
    assert!(driven.expect_line("state ").starts_with("[0, 1, 2] 0000000000000000"));
}

#[test]
fn no_core_dumps() {
    assert_eq!(run(&["sh", "-c", "ulimit -Hc"]).output().unwrap().stdout, b"0\n");
}

#[test]
fn killed_without_warning_we_take_the_child_along() {
    for terminal in [false, true] {
        let command = ["sh", "-c", "echo pid $$; exec sleep 60"];
        let mut driven = if terminal {
            Driven::at_terminal(runner().to_str().unwrap(), &command)
        } else {
            Driven::with_pipes(&command)
        };
        let pid = driven.expect_line("pid ");
        assert!(is_alive(&pid));
        driven.signal(9);
        eventually("the child's end", || !is_alive(&pid));
        drop(driven);
    }
}

#[test]
fn a_child_that_nobody_waits_for_is_ended_and_what_it_says_at_last_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ready");
    let file = file.to_str().unwrap();
    let program = r#"trap 'echo ended; exit 0' TERM; echo pid $$; : > "$0"; while :; do sleep 0.02; done"#;
    let arguments = ["--leave", file, "sh", "-c", program, file];
    for terminal in [false, true] {
        let mut driven = if terminal {
            Driven::at_terminal(runner().to_str().unwrap(), &arguments)
        } else {
            Driven::with_pipes(&arguments)
        };
        let pid = driven.expect_line("pid ");
        driven.expect("ended");
        driven.expect("given up");
        assert!(!is_alive(&pid), "it has ended before us");
        std::fs::remove_file(file).unwrap();
    }
}

#[test]
fn killed_without_warning_we_leave_no_directory() {
    let directory = tempfile::tempdir().unwrap();
    let leftover = directory.path().join("leftover");
    let variable = format!("LEFTOVER={}", leftover.display());
    let runner = runner();
    let command = ["env", &variable, runner.to_str().unwrap(), "sh", "-c", "echo > $LEFTOVER/file; sleep 60"];
    for terminal in [false, true] {
        std::fs::create_dir(&leftover).unwrap();
        let driven = if terminal {
            Driven::at_terminal(command[0], &command[1..])
        } else {
            Driven::with_pipes_of(command[0], &command[1..])
        };
        eventually("the start", || leftover.join("file").exists());
        driven.signal(9);
        eventually("the end of the directory", || !leftover.exists());
    }
    assert!(directory.path().exists());
}

#[test]
fn orphans_are_reaped() {
    let mut driven = Driven::with_pipes(&["sh", "-c", "(sleep 0.1 & echo orphan $!); sleep 60"]);
    let orphan = driven.expect_line("orphan ");
    eventually("the orphan's end", || !std::path::Path::new(&format!("/proc/{orphan}")).exists());
}

#[test]
fn as_pid_1_we_reap_and_pass_signals_on() {
    let unshare = ["--user", "--map-root-user", "--pid", "--fork", "--mount-proc"];
    if !Command::new("unshare").args(unshare).arg("true").output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no PID namespace may be made here");
        return;
    }
    // Within the namespace the runner is PID 1; a second process in it sends the signal.
    let inner = r#"
        (sleep 3; echo $(cat /proc/[0-9]*/stat | grep -c ") Z ") zombies; kill -TERM 1) &
        exec "$0" sh -c 'trap "echo caught; exit 3" TERM; (sleep 0.1 &); while :; do sleep 0.05; done'
    "#;
    let output = Command::new("unshare").args(unshare).args(["sh", "-c", inner]).arg(runner()).output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(3), "{shown}");
    assert_eq!(shown, "0 zombies\ncaught\n");
}
