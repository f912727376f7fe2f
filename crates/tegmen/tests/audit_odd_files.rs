//! `tegmen audit` on files that are not what their names say: one clear line each, and the rest is still audited.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tegmen_testing::Project;

/// A script with one finding, which must be found whatever lies beside it.
const BAD: &str = "password = 'hunter2x'\n";

fn project(files: &[(&str, &[u8])]) -> Project {
    let project = Project::new().unwrap();
    for (name, bytes) in files {
        let path = project.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    project
}

fn tegmen(project: &Project, arguments: &[&str]) -> Output {
    command(project, arguments).output().unwrap()
}

fn command(project: &Project, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tegmen"));
    command.args(arguments).current_dir(project.path()).env_clear().stdin(Stdio::null());
    command
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The lines about a file that are no excerpt of it.
fn about<'o>(text: &'o str, file: &str) -> Vec<&'o str> {
    let said = |line: &&str| line.starts_with("problem: ") || line.starts_with("note: ");
    text.lines().filter(said).filter(|line| line.contains(file)).collect()
}

#[test]
fn a_finding_goes_before_a_file_that_does_not_parse() {
    let old = "from locust import HttpLocust\nprint 'hello'\n";
    let both = project(&[("old.py", old.as_bytes()), ("new.py", BAD.as_bytes())]);
    let output = tegmen(&both, &["audit"]);
    assert_eq!(output.status.code(), Some(1), "{}", out(&output));
    assert_eq!(
        about(&out(&output), "old.py"),
        ["problem: old.py:2: is Python 2 (the `print` statement); audited as far as it could be read"]
    );
    assert!(!out(&output).contains("hunter2x"));

    let alone = project(&[("old.py", old.as_bytes()), ("broken.py", b"def f(:\n    token = [\n")]);
    let output = tegmen(&alone, &["audit"]);
    assert_eq!(output.status.code(), Some(2), "{}", out(&output));
    assert_eq!(about(&out(&output), "broken.py").len(), 1);
    assert!(about(&out(&output), "broken.py")[0].starts_with("problem: broken.py:1: does not parse as Python 3"));
    assert_eq!(tegmen(&alone, &["audit", "--allow-unparsed"]).status.code(), Some(0));
    assert_eq!(tegmen(&both, &["audit", "--allow-unparsed"]).status.code(), Some(1));
}

#[test]
fn python_2_is_audited_with_all_rules() {
    let old = "from locust import HttpLocust, TaskSet\nclass T(TaskSet):\n    def on_start(self):\n        r = self.client.post('/login', {'password': 'hunter2x'})\n        print 'token', r.json()['token']\n";
    let output = tegmen(&project(&[("locustfile.py", old.as_bytes())]), &["audit"]);
    let text = out(&output);
    assert!(text.contains("locustfile.py:4:") && text.contains("locustfile.py:5:"), "{text}");
    assert!(text.contains("hardcoded-password") && text.contains("secret-in-log"), "{text}");
    assert!(!text.contains("hunter2x"), "{text}");
}

#[test]
fn encodings() {
    let wide: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain("API_TOKEN=9f8a7b6c5d4e3f2a1b0c\n".encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    let project = project(&[
        ("latin.py", b"# caf\xe9\npassword = 'hunter2x'\n"),
        ("declared.py", b"# -*- coding: latin-1 -*-\nname = 'caf\xe9'\n"),
        ("binary.py", b"\x7fELF\0\0\0\x01"),
        (".env", &wide),
        ("shop.properties", b"title=caf\xe9\ndb.password=hunter3x\n"),
    ]);
    let output = tegmen(&project, &["audit"]);
    let text = out(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert_eq!(about(&text, "latin.py"), ["problem: latin.py: is not UTF-8 (line 1); audited as Latin-1"]);
    assert_eq!(about(&text, "declared.py"), [] as [&str; 0]);
    assert_eq!(about(&text, "binary.py"), ["problem: binary.py: holds NUL bytes and is no text; not audited"]);
    assert_eq!(about(&text, "shop.properties"), ["note: shop.properties: is not UTF-8 (line 1); audited as Latin-1"]);
    for place in ["latin.py:2:", ".env:1:", "shop.properties:2:"] {
        assert!(text.contains(place), "{place}\n{text}");
    }
    assert!(!text.contains("hunter") && !text.contains("9f8a7b6c"), "{text}");
}

#[test]
fn what_is_no_file() {
    let project = project(&[("good.py", BAD.as_bytes()), ("pack.py/inside.py", b"password = 'hunter4x'\n")]);
    let at = |name: &str| project.path().join(name);
    let made = Command::new("mkfifo").arg(at("pipe.py")).status().unwrap();
    assert!(made.success());
    symlink(".", at("loop")).unwrap();
    symlink("b", at("a")).unwrap();
    symlink("a", at("b")).unwrap();
    symlink("/dev/zero", at("zero.py")).unwrap();
    let output = tegmen(&project, &["audit"]);
    let text = out(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert_eq!(about(&text, "pipe.py"), ["problem: pipe.py: is a pipe, no file; not audited"]);
    assert!(text.contains("good.py:1:") && text.contains("pack.py/inside.py:1:"), "{text}");

    for (named, what) in [("pipe.py", "is a pipe"), ("zero.py", "is a device"), ("a", "not audited")] {
        let output = tegmen(&project, &["audit", named]);
        let text = out(&output);
        assert_eq!(output.status.code(), Some(2), "{named}: {text}");
        assert!(about(&text, named).len() == 1 && about(&text, named)[0].contains(what), "{named}: {text}");
    }
}

#[test]
fn large_files() {
    let mut large = "x = 1\n".repeat(1_800_000);
    large.push_str(BAD);
    let mut rows = "a,b\n".repeat(2_000_000);
    rows.push_str("c,d\n");
    let list = format!("ITEMS = [{}]\n{BAD}", "'abcdefgh', ".repeat(100_000));
    let deep = format!("x = {}{}\n{BAD}", "[".repeat(1_000), "]".repeat(1_000));
    let project = project(&[
        ("large.py", large.as_bytes()),
        ("rows.csv", rows.as_bytes()),
        ("list.py", list.as_bytes()),
        ("deep.py", deep.as_bytes()),
        ("deep.json", "[".repeat(200_000).as_bytes()),
        ("deep.yaml", format!("a: {}", "[".repeat(200_000)).as_bytes()),
    ]);
    let output = tegmen(&project, &["audit", "--format", "json"]);
    let text = out(&output);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    for place in ["large.py", "list.py", "deep.py"] {
        assert!(text.contains(&format!("\"path\": \"{place}\"")), "{place}");
    }
}

/// The user and group to run as where this runs as root, for whom no file is unreadable.
fn ordinary_user() -> Option<(u32, u32)> {
    let known = std::fs::read_to_string("/etc/passwd").ok()?;
    ["tester:", "nobody:"].iter().find_map(|user| {
        let mut fields = known.lines().find(|line| line.starts_with(user))?.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    })
}

#[test]
fn no_permission() {
    let project = project(&[("good.py", BAD.as_bytes()), ("closed.py", BAD.as_bytes()), ("room/x.py", BAD.as_bytes())]);
    let mode = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(project.path(), 0o755);
    mode(&project.path().join("closed.py"), 0);
    mode(&project.path().join("room"), 0);
    let mut command = command(&project, &["audit"]);
    let root = std::fs::read(project.path().join("closed.py")).is_ok();
    if root {
        let Some((user, group)) = ordinary_user() else {
            println!("skipped: this runs as root, and there is no other user");
            return;
        };
        command.uid(user).gid(group);
    }
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => {
            println!("skipped: the binary cannot be run as another user ({error})");
            mode(&project.path().join("room"), 0o755);
            return;
        }
    };
    mode(&project.path().join("room"), 0o755);
    let text = out(&output);
    assert_eq!(output.status.code(), Some(1), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(about(&text, "closed.py"), ["problem: closed.py: could not be read (permission denied); not audited"]);
    assert_eq!(about(&text, "room").len(), 1, "{text}");
    assert!(text.contains("good.py:1:"), "{text}");
}
