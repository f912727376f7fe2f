//! What the child writes: redacted, complete, in order, apart.

use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::drive::run;

const HIDE: [&str; 2] = ["--hide", "KEY=correct-horse-battery"];

fn hidden(script: &str) -> std::process::Output {
    run(&HIDE).args(["sh", "-c", script]).output().unwrap()
}

#[test]
fn both_streams_are_redacted_and_stay_apart() {
    let output = hidden("echo to out correct-horse-battery; echo to err correct-horse-battery >&2");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "to out [KEY]\n");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "to err [KEY]\n");
}

#[test]
fn a_secret_in_pieces_is_redacted_on_both_streams() {
    let script = "for part in correct -hor se-batt ery; do printf %s $part; printf %s $part >&2; sleep 0.05; done";
    let output = hidden(script);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "[KEY]");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "[KEY]");
}

#[test]
fn the_beginning_of_a_secret_from_a_killed_child_stays_hidden() {
    let output = hidden("printf correct-horse-batt; kill -KILL $$");
    assert_eq!(output.status.code(), Some(137));
    assert!(!String::from_utf8_lossy(&output.stdout).contains("correct-horse"));
}

#[test]
fn two_streams_into_one_file_keep_their_order() {
    let runner = super::drive::runner();
    let script = "i=0; while [ $i -lt 200 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done";
    let mut command = std::process::Command::new("sh");
    command.args(["-c", r#"exec "$0" sh -c "$1" 2>&1"#]).arg(runner).arg(script);
    let output = command.output().unwrap();
    let expected: String = (0..200).map(|i| format!("out {i}\nerr {i}\n")).collect();
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
}

#[test]
fn ten_megabytes_pass_complete_and_unchanged() {
    let script = "import sys; sys.stdout.write(''.join('line %07d\\n' % i for i in range(800_000)))";
    let output = run(&HIDE).args(["python3", "-c", script]).output().unwrap();
    let expected: String = (0..800_000).map(|i| format!("line {i:07}\n")).collect();
    assert!(output.stdout == expected.as_bytes(), "{} bytes of {}", output.stdout.len(), expected.len());
}

#[test]
fn standard_input_reaches_the_child_byte_for_byte() {
    let bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let mut child = run(&["cat"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let sent = bytes.clone();
    let writer = std::thread::spawn(move || input.write_all(&sent).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.stdout == bytes);
}

#[test]
fn a_grandchild_that_keeps_the_output_open_does_not_keep_us() {
    let since = Instant::now();
    let script = "sleep 60 & echo the pid is $!; echo correct-horse-battery";
    let output = hidden(script);
    assert!(since.elapsed() < Duration::from_secs(30));
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(shown.ends_with("[KEY]\n"), "{shown}");
    // What would outlive the command without us does so with us.
    let pid = shown.split_whitespace().nth(3).unwrap();
    assert!(super::drive::is_alive(pid));
    super::drive::run(&["kill", pid]).status().unwrap();
}

#[test]
fn a_grandchild_that_writes_for_ever_does_not_keep_us() {
    let output = hidden("yes & echo");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_reader_that_goes_away_ends_the_child_as_it_would_have() {
    let script = r#""$0" yes | head -n 1; echo ${PIPESTATUS[0]}"#;
    let output = std::process::Command::new("bash").args(["-c", script]).arg(super::drive::runner()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "y\n141\n");
}

#[test]
fn output_that_cannot_be_written_is_an_error() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = run(&["echo", "x"]).stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(125));
    assert!(String::from_utf8_lossy(&output.stderr).contains("No space left"));
}

#[test]
fn dev_stdout_can_be_opened() {
    let output = hidden("echo correct-horse-battery > /dev/stdout");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "[KEY]\n");
}
