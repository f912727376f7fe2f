//! `tegmen redact` through its real binary.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "this is a test")]

use std::io::{Read, Write};
use std::process::{Child, Command, Output, Stdio};

const VALUE: &str = "correct-horse/battery+staple";

/// `tegmen redact` with these arguments and an environment of its own.
fn redact(args: &[&str], environment: &[(&str, &str)]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_tegmen"))
        .arg("redact")
        .args(args)
        .env_clear()
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("tegmen starts")
}

fn run(args: &[&str], environment: &[(&str, &str)], input: &[u8]) -> Output {
    let mut child = redact(args, environment);
    match child.stdin.take().expect("piped").write_all(input) {
        // It has ended already, because of what its arguments say.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {}
        written => written.expect("it reads"),
    }
    child.wait_with_output().expect("it ends")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

#[test]
fn values_in_clear_and_encoded() {
    let input = format!("a {VALUE} b correct-horse%2Fbattery%2Bstaple c correct-horse\\/battery+staple\n");
    let output = run(&["--secret", "KEY=env:KEY"], &[("KEY", VALUE)], input.as_bytes());
    assert_eq!(text(&output.stdout), "a [KEY] b [KEY] c [KEY]\n");
    assert!(output.status.success());
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn a_file_as_source() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("key");
    std::fs::write(&path, format!("{VALUE}\n")).expect("written");
    let option = format!("KEY=file:{}", path.display());
    let output = run(&["--secret", &option], &[], format!("<{VALUE}>").as_bytes());
    assert_eq!(text(&output.stdout), "<[KEY]>");
}

#[test]
fn the_sensitive_variables_of_the_environment() {
    let url = ["postgres://shop:", "s3cr3t-pass", "@db/shop"].concat();
    let environment = [
        ("API_KEY", VALUE),
        ("DATABASE_URL", url.as_str()),
        ("EMPTY_TOKEN", ""),
        ("DEBUG_TOKEN", "1"),
        ("COLOR", "always"),
    ];
    let input = format!("{VALUE} {url} s3cr3t-pass 1 always");
    let output = run(&["--env"], &environment, input.as_bytes());
    assert_eq!(text(&output.stdout), "[API_KEY] [DATABASE_URL] [DATABASE_URL] 1 always");
}

#[test]
fn what_is_safe_comes_out_at_once() {
    let mut child = redact(&["--secret", "KEY=env:KEY"], &[("KEY", VALUE)]);
    let (mut input, mut output) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
    let mut expect = |write: &str, read: &str| {
        input.write_all(write.as_bytes()).expect("it reads");
        let mut bytes = vec![0; read.len()];
        output.read_exact(&mut bytes).expect("it writes");
        assert_eq!(text(&bytes), read);
    };
    expect("Password: ", "Password: ");
    expect("\r10% correct-horse", "\r10% ");
    expect("/battery+staple", "[KEY]");
    expect("correct-tool", "correct-tool");
    drop(input);
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn bytes_that_are_no_text_pass() {
    let noise: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let mut child = redact(&["--secret", "KEY=env:KEY"], &[("KEY", VALUE)]);
    let mut input = child.stdin.take().expect("piped");
    let sent = noise.clone();
    let writer = std::thread::spawn(move || input.write_all(&sent));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("no panic").expect("it reads");
    assert_eq!(output.stdout, noise);
}

#[test]
fn a_reader_that_has_had_enough_is_no_error() {
    let mut child = redact(&["--secret", "KEY=env:KEY"], &[("KEY", VALUE)]);
    drop(child.stdout.take());
    let mut input = child.stdin.take().expect("piped");
    let _ = input.write_all(b"line\n");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success());
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn an_interrupt_lets_the_rest_through() {
    let mut child = redact(&["--secret", "KEY=env:KEY"], &[("KEY", VALUE)]);
    let mut input = child.stdin.take().expect("piped");
    input.write_all(b"running\n").expect("it reads");
    let mut first = [0; 8];
    child.stdout.as_mut().expect("piped").read_exact(&mut first).expect("it writes");
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    assert!(killed.success());
    input.write_all(format!("summary {VALUE}\n").as_bytes()).expect("it still reads");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(text(&output.stdout), "summary [KEY]\n");
}

#[test]
fn mistakes_are_told_without_the_value() {
    let nothing = run(&[], &[], b"");
    assert_eq!(nothing.status.code(), Some(2));
    assert!(text(&nothing.stderr).contains("nothing to look for"), "{}", text(&nothing.stderr));

    let missing = run(&["--secret", "KEY=env:NO_SUCH"], &[], b"x");
    assert_eq!(missing.status.code(), Some(2));
    assert!(text(&missing.stderr).contains("NO_SUCH") && missing.stdout.is_empty());

    let short = run(&["--secret", "PIN=env:PIN"], &[("PIN", "qz")], b"x");
    assert_eq!(short.status.code(), Some(2));
    assert!(text(&short.stderr).contains("PIN") && !text(&short.stderr).contains("qz"), "{}", text(&short.stderr));

    let weak = run(&["--secret", "PIN=env:PIN"], &[("PIN", "qzx7")], b"qzx7 aqzx7b");
    assert_eq!(text(&weak.stdout), "[PIN] aqzx7b");
    assert!(text(&weak.stderr).contains("warning") && !text(&weak.stderr).contains("qzx7"), "{}", text(&weak.stderr));
}

#[test]
fn colours_and_the_width_of_a_terminal() {
    let input = format!("\x1b[1m{}\x1b[0m{}\n", &VALUE[..9], &VALUE[9..]);
    let output = run(&["--secret", "KEY=env:KEY"], &[("KEY", VALUE)], input.as_bytes());
    assert_eq!(text(&output.stdout), "\x1b[1m\x1b[0m[KEY]\n");
    let folded = format!("key {}\n{}.\n", &VALUE[..16], &VALUE[16..]);
    let output = run(&["--secret", "KEY=env:KEY", "--width", "20"], &[("KEY", VALUE)], folded.as_bytes());
    assert_eq!(text(&output.stdout), "key \n[KEY].\n");
}

#[test]
fn counts_on_request() {
    let input = format!("{VALUE} {VALUE} ");
    let output = run(&["--secret", "KEY=env:KEY", "--counts"], &[("KEY", VALUE)], input.as_bytes());
    assert_eq!(text(&output.stdout), "[KEY] [KEY] ");
    assert_eq!(text(&output.stderr), "tegmen: masked 2 times: KEY\n");
    let output = run(&["--secret", "KEY=env:KEY", "--counts"], &[("KEY", VALUE)], b"clean");
    assert_eq!(text(&output.stderr), "tegmen: nothing was masked\n");
}

#[test]
fn all_secrets_of_a_manifest_are_those_of_its_pools_too() {
    let directory = tempfile::tempdir().expect("a directory");
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).expect("written");
    write("users.csv", "user,password\nann,password-of-ann\nbob,password-of-bob\neve,x\n");
    write(
        "tegmen.toml",
        "[secrets]\nKEY = { source = \"env:KEY\" }\n[cluster]\nkey = \"env:CLUSTER\"\n[pools.shoppers]\nsource = \
         \"file:users.csv\"\nsecret_fields = [\"password\"]\n",
    );
    let manifest = directory.path().join("tegmen.toml").display().to_string();
    let cluster = "c".repeat(40);
    let input = format!("ann password-of-ann bob cGFzc3dvcmQtb2YtYm9i {VALUE} {cluster}");
    let environment = [("KEY", VALUE), ("CLUSTER", cluster.as_str())];
    let output = run(&["--manifest", &manifest], &environment, input.as_bytes());
    let said = text(&output.stderr);
    let expected = "ann [shoppers.password] bob [shoppers.password] [KEY] [CLUSTER_KEY]";
    assert_eq!(text(&output.stdout), expected, "{said}");
    assert!(said.contains("pool shoppers: 1 secret value is too short to be looked for"), "{said}");
}
