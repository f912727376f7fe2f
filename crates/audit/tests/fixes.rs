//! Every fix, before and after: `fixes/*.txt` hold scripts (`#### name`), the snapshots what becomes of them.
//!
//! Of each it is also asserted that no value is lost or shown, that the result parses, and that a second run finds nothing to do.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

mod made_up;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use tegmen_audit::{Fixed, Fixing, Options, fix_texts};

fn fixing() -> Fixing {
    Fixing { unsafe_too: true, move_values: true, taken: ["LOCUST_HOST".to_owned()].into(), baseline: None }
}

fn fix(text: &str) -> Fixed {
    fix_texts(&BTreeMap::from([("locustfile.py".to_owned(), text.to_owned())]), &Options::default(), &fixing())
}

fn outcome(text: &str) -> String {
    let (before, values) = made_up::fill(text);
    let fixed = fix(&before);
    let mut out = String::new();
    let mut after = before.clone();
    for file in &fixed.files {
        after = file.after.expose_str().unwrap().to_owned();
        out.push_str(&file.shown_after);
        for value in values.iter().flat_map(|value| value.lines()) {
            assert!(!file.shown_before.contains(value), "{text}\n{}", file.shown_before);
            assert!(!file.shown_after.contains(value), "{text}");
        }
    }
    for value in &values {
        let kept = fixed.secrets.iter().any(|secret| secret.value.expose_str().unwrap().contains(value.as_str()));
        let whole: String = fixed.secrets.iter().map(|secret| secret.value.expose_str().unwrap()).collect();
        assert!(after.contains(value.as_str()) || kept || whole.contains(value.as_str()), "lost: {text}\n{after}");
    }
    let again = fix(&after);
    assert!(again.files.is_empty(), "{}", again.files[0].after.expose_str().unwrap());
    writeln!(out, "----").unwrap();
    for applied in &fixed.applied {
        writeln!(out, "{}: {}: {} ({})", applied.line, applied.rule, applied.title, applied.safety.as_str()).unwrap();
    }
    for left in &fixed.left {
        let finding = &fixed.audit.findings[left.finding];
        writeln!(out, "left {}: {}: {:?}", finding.location().line, finding.rule.id, left.why).unwrap();
    }
    let names: Vec<String> =
        fixed.secrets.iter().map(|s| format!("{}{}", s.name, if s.reveal { " (reveal)" } else { "" })).collect();
    writeln!(out, "secrets: {}", names.join(", ")).unwrap();
    out
}

fn all(text: &str) -> String {
    let mut out = String::new();
    for section in text.strip_prefix("#### ").unwrap().split("\n#### ") {
        let (name, body) = section.split_once('\n').unwrap();
        let body =
            if name.starts_with("no line end") { body.trim_end().to_owned() } else { format!("{}\n", body.trim_end()) };
        write!(out, "#### {name}\n{}", outcome(&body)).unwrap();
    }
    out
}

#[test]
fn values() {
    insta::assert_snapshot!(all(include_str!("fixes/values.txt")));
}

#[test]
fn imports() {
    insta::assert_snapshot!(all(include_str!("fixes/imports.txt")));
}

#[test]
fn others() {
    insta::assert_snapshot!(all(include_str!("fixes/others.txt")));
}
