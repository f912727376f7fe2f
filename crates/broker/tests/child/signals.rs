//! Every signal reaches the child exactly once, whoever sent it and however.

use super::drive::{COUNTER, Driven, eventually, runner};

/// HUP, INT, QUIT, USR1, TERM.
const SIGNALS: [(i32, &str); 5] = [(1, "HUP"), (2, "INT"), (3, "QUIT"), (10, "USR1"), (15, "TERM")];

/// Sends each signal in turn and looks how often it came.
fn each_comes_once(mut driven: Driven, send: impl Fn(&Driven, i32)) {
    driven.expect("ready ");
    for (number, name) in SIGNALS {
        send(&driven, number);
        driven.expect(&format!("got {name} 1"));
    }
    // The kernel merges equal signals that come before a process has taken the first: not at once.
    driven.settle();
    send(&driven, 15);
    driven.expect("got TERM 2");
    let shown = driven.settle().to_owned();
    for twice in ["got HUP 2", "got INT 2", "got QUIT 2", "got USR1 2", "got TERM 3"] {
        assert!(!shown.contains(twice), "{shown}");
    }
    send(&driven, 12);
    driven.expect("done");
    assert_eq!(driven.end().0, 0);
}

fn with_pipes() -> Driven {
    Driven::with_pipes(&["python3", "-c", COUNTER])
}

fn at_terminal() -> Driven {
    Driven::at_terminal(runner().to_str().unwrap(), &["python3", "-c", COUNTER])
}

/// At a terminal, but not alone: the output goes into a pipe.
fn in_pipeline() -> Driven {
    let script = r#"exec "$0" python3 -c "$1" > >(trap "" HUP INT QUIT TERM USR1 USR2; exec cat)"#;
    Driven::at_terminal("bash", &["-c", script, runner().to_str().unwrap(), COUNTER])
}

#[test]
fn to_us_alone_without_a_terminal() {
    each_comes_once(with_pipes(), Driven::signal);
}

#[test]
fn to_our_group_without_a_terminal() {
    each_comes_once(with_pipes(), Driven::signal_group);
}

#[test]
fn to_us_alone_at_a_terminal() {
    each_comes_once(at_terminal(), Driven::signal);
}

#[test]
fn to_our_group_at_a_terminal() {
    each_comes_once(at_terminal(), Driven::signal_group);
}

#[test]
fn to_our_group_in_a_pipeline() {
    each_comes_once(in_pipeline(), Driven::signal_group);
}

#[test]
fn to_us_alone_in_a_pipeline() {
    each_comes_once(in_pipeline(), Driven::signal);
}

#[test]
fn to_every_process_with_the_command_in_its_arguments() {
    for start in [with_pipes, at_terminal, in_pipeline] {
        let mut driven = start();
        let pid = driven.expect_line("ready ");
        // As `pkill -f` finds them: us, the child, and whoever else shows the command.
        let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let Ok(other) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
            let shown = std::fs::read(format!("/proc/{other}/cmdline")).unwrap_or_default();
            if shown.ends_with(&arguments) && belongs_to(other, driven.pid()) {
                tegmen_sys::process::ProcessHandle::open(other).unwrap().signal(15).unwrap();
            }
        }
        driven.expect("got TERM 1");
        let shown = driven.settle();
        assert!(!shown.contains("got TERM 2"), "{shown}");
    }
}

/// Is `pid` that process or one of its descendants?
fn belongs_to(mut pid: u32, ancestor: u32) -> bool {
    while pid > 1 && pid != ancestor {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let after_name = stat.rsplit_once(") ").map(|(_, rest)| rest.to_owned()).unwrap_or_default();
        pid = after_name.split(' ').nth(1).and_then(|parent| parent.parse().ok()).unwrap_or(0);
    }
    pid == ancestor
}

#[test]
fn a_signal_that_the_child_does_not_handle_ends_it_and_us() {
    let mut driven = Driven::with_pipes(&["sh", "-c", "echo ready; exec sleep 60"]);
    driven.expect("ready");
    driven.signal(15);
    assert_eq!(driven.end().0, 143);
}

#[test]
fn stop_and_continue_to_us_alone_reach_the_child_once() {
    let mut shell = Driven::shell();
    shell.line("$R python3 -c \"$COUNTER\" < /dev/null | cat &");
    let pid = shell.expect_line("ready ");
    let stat = |pid: &str| std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let us = stat(&pid).rsplit_once(") ").unwrap().1.split(' ').nth(1).unwrap().to_owned();
    let handle = tegmen_sys::process::ProcessHandle::open(us.parse().unwrap()).unwrap();
    handle.signal(20).unwrap();
    eventually("the stop of both", || stat(&pid).contains(") T ") && stat(&us).contains(") T "));
    handle.signal(18).unwrap();
    shell.expect("got CONT 1");
    let shown = shell.settle();
    assert!(!shown.contains("got CONT 2"), "{shown}");
    handle.signal(12).unwrap();
    shell.expect("done");
}
