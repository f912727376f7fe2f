//! Files that nobody writes by hand: huge, deep, broken, in circles. Each is audited, and the rest with it.

#![allow(clippy::unwrap_used, reason = "this is a test")]

use std::fmt::Write as _;

use camino::Utf8PathBuf;
use tegmen_audit::{Audit, Options, audit};

fn audited(files: &[(&str, Vec<u8>)]) -> Audit {
    let directory = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(directory.path().join(name), bytes).unwrap();
    }
    audit(&[Utf8PathBuf::from_path_buf(directory.path().to_path_buf()).unwrap()], &Options::default()).unwrap()
}

const PRINTED: &str = "import os\nfrom locust import HttpUser\nprint(os.environ['API_TOKEN'])\n";

#[test]
fn a_list_of_a_hundred_thousand_entries_is_one_finding() {
    let mut text = PRINTED.to_owned();
    text.push_str("TOKENS = [");
    for i in 0..100_000u32 {
        // Nine in ten are words.
        if i % 10 == 0 {
            let _ = write!(text, "'{:08x}Qz{:06}', ", i.wrapping_mul(2_654_435_761), i);
        } else {
            text.push_str("'none', ");
        }
    }
    text.push_str("]\n");
    let audit = audited(&[("locustfile.py", text.into())]);
    let rules: Vec<&str> = audit.findings.iter().map(|finding| finding.rule.id).collect();
    assert_eq!(rules, ["secret-in-log", "hardcoded-credential-list"]);
    let list = &audit.findings[1];
    assert!(list.locations().len() > 9_000);
    let shown = list.locations().iter().filter_map(|place| place.excerpt.as_ref());
    assert!(shown.clone().count() <= 100);
    for excerpt in shown {
        assert!(!excerpt.text.contains("Qz0"), "a value is shown");
    }
}

#[test]
fn thousands_of_lists_and_dicts_take_no_time_for_each_other() {
    let mut text = PRINTED.to_owned();
    for i in 0..5_000 {
        let _ = writeln!(text, "D{i} = {{'a{i}': 'x', 'b{i}': 'y'}}\nL{i} = [('a{i}', 'x1'), ('b', 'y2')]");
    }
    assert_eq!(audited(&[("locustfile.py", text.into())]).findings.len(), 1);
}

#[test]
fn a_password_with_escapes_is_masked_whole() {
    for (row, shown) in [(r"anna:pa\\ss-1A", "***"), (r"anna:öMmer-1\tA1", "***"), ("anna:öMmer-1A", "anna:***")] {
        let text = format!("{PRINTED}accounts = ['{row}', 'bert:qx!ss-1A']\n");
        let audit = audited(&[("locustfile.py", text.into())]);
        let list = audit.findings.iter().find(|finding| finding.rule.id == "hardcoded-credential-list").unwrap();
        for excerpt in list.locations().iter().filter_map(|place| place.excerpt.as_ref()) {
            assert_eq!(excerpt.text, format!("accounts = ['{shown}', 'bert:***']"));
        }
    }
}

#[test]
fn a_dict_of_thousands_of_short_keys() {
    let mut text = PRINTED.to_owned();
    let _ = writeln!(text, "x = {{{}}}", "'p': 'page2A-9', ".repeat(20_000));
    assert_eq!(audited(&[("locustfile.py", text.into())]).findings.len(), 1);
}

#[test]
fn a_thousand_brackets_and_branches() {
    let mut text = PRINTED.to_owned();
    let _ = writeln!(text, "x = {}1{}", "[".repeat(1000), "]".repeat(1000));
    let _ = writeln!(text, "y = {}'a'{}", "f(".repeat(1000), ")".repeat(1000));
    let _ = writeln!(text, "z = {}'a'\nprint(z)", "token + ".repeat(5000));
    for depth in 0..90 {
        let _ = writeln!(text, "{}if x:", "    ".repeat(depth));
    }
    let _ = writeln!(text, "{}pass", "    ".repeat(90));
    let audit = audited(&[("locustfile.py", text.into()), ("other.py", PRINTED.into())]);
    let others = audit.findings.iter().filter(|finding| finding.location().path.ends_with("other.py"));
    assert_eq!(others.count(), 1);
}

#[test]
fn bytes_that_are_no_text_and_python_that_is_none() {
    let mut bytes = PRINTED.as_bytes().to_vec();
    bytes.extend(b"name = '\xff\xfe\xc3\x28'\n");
    let audit = audited(&[
        ("bytes.py", bytes),
        ("two.py", b"from locust import HttpLocust\nprint 'token', token\n".to_vec()),
        ("nothing.py", Vec::new()),
        ("zeros.py", vec![0; 4096]),
        ("whole.py", PRINTED.into()),
    ]);
    assert!(audit.findings.iter().any(|finding| finding.location().path.ends_with("whole.py")));
    assert!(audit.problems.iter().any(|problem| problem.path.ends_with("two.py")));
}

#[test]
fn modules_and_classes_in_circles() {
    let circle =
        |next: &str, text: &str| format!("from locust import HttpUser\nfrom {next} import *\n{text}").into_bytes();
    let audit = audited(&[
        (
            "a.py",
            circle(
                "b",
                "import b, c\nclass A(b.B):\n    def go(self):\n        return self.go(), c.C.token, b.f(b.TOKEN)\n",
            ),
        ),
        (
            "b.py",
            circle(
                "c",
                "import a, c\nTOKEN = a.TOKEN\nclass B(c.C):\n    token = a.A.token\ndef f(x):\n    return a.f(x)\n",
            ),
        ),
        (
            "c.py",
            circle(
                "a",
                "import a, b\nTOKEN = b.TOKEN\nclass C(a.A):\n    token = b.B.token\ndef f(x):\n    print(x)\n    return b.f(f(x))\n",
            ),
        ),
        ("whole.py", PRINTED.into()),
    ]);
    assert!(audit.findings.iter().any(|finding| finding.location().path.ends_with("whole.py")));
}

#[test]
fn a_session_of_a_recording_is_one_finding_whatever_changes_beside_it() {
    let session = "9f3c".repeat(3) + "a1b27d60";
    let entry = |seen: u32| {
        format!(r#"{{"request": {{"headers": [{{"name": "Cookie", "value": "seen={seen}; sid={session}"}}]}}}}"#)
    };
    let text = format!(r#"{{"log": {{"entries": [{}, {}, {}]}}}}"#, entry(1), entry(2), entry(3));
    let audit = audited(&[("login.har", text.into_bytes())]);
    let places: Vec<usize> = audit.findings.iter().map(|finding| finding.locations().len()).collect();
    assert_eq!(places, [3]);
}
