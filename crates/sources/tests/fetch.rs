//! Values from the environment, dotenv files, files and commands; and what is said when they cannot be had.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::path::Path;

use tegmen_sources::{Context, Environment, Manifest, fetch_all};

fn manifest(secrets: &[(&str, &str)]) -> Manifest {
    let options: Vec<String> = secrets.iter().map(|(name, source)| format!("{name}={source}")).collect();
    Manifest::from_options(&options, &[]).unwrap()
}

fn context(directory: &Path, variables: &[(&str, &str)]) -> Context {
    let path = std::env::var("PATH").unwrap();
    let environment: Environment = variables.iter().copied().chain([("PATH", path.as_str())]).collect();
    Context { environment, directory: directory.to_owned() }
}

#[test]
fn values_come_from_everywhere() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(".env"), "export DB='p#1'\n").unwrap();
    std::fs::write(directory.path().join("key"), b"\xff\xfe\n\n").unwrap();
    let manifest = manifest(&[("A", "env:A_KEY"), ("B", "dotenv:.env#DB"), ("C", "file:key"), ("D", "exec:cat .env")]);
    let context =
        context(directory.path(), &[("A_KEY", "v1"), ("VAULT_TOKEN", "t"), ("BAO_SECRET_ID", "s"), ("X", "x")]);
    let mut fetched = fetch_all(&manifest, &context).unwrap_or_else(|errors| panic!("{errors}"));
    let values: Vec<_> = fetched.values.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
    let expected: [(&str, &[u8]); 4] = [("A", b"v1"), ("B", b"p#1"), ("C", b"\xff\xfe\n"), ("D", b"export DB='p#1'")];
    assert_eq!(values, expected);
    let notes: Vec<_> = fetched.notes.iter().map(|note| format!("{}: {}", note.secret, note.text)).collect();
    assert_eq!(
        notes,
        ["C: the newline at the end of the value was stripped", "D: the newline at the end of the value was stripped"]
    );
    assert_eq!(fetched.consumed.iter().collect::<Vec<_>>(), ["A_KEY", "BAO_SECRET_ID", "VAULT_TOKEN"]);

    std::fs::write(directory.path().join("key"), "new").unwrap();
    let (again, errors) = fetched.session.local.refetch();
    assert!(errors.0.is_empty());
    assert_eq!(again[2].1.expose(), b"new");
}

#[test]
fn every_failure_is_told_at_once() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(".env"), "API_KEY=\nDB_PASSWORD=x\n").unwrap();
    std::fs::write(directory.path().join("broken.env"), "A='hunter2\n").unwrap();
    std::fs::write(directory.path().join("empty"), "\n").unwrap();
    std::fs::create_dir(directory.path().join("dir")).unwrap();
    let manifest = manifest(&[
        ("A", "env:NOT_THERE"),
        ("B", "env:EMPTY"),
        ("C", "env:API_KEE"),
        ("D", "dotenv:.env#API_KEY"),
        ("E", "dotenv:.env#DB_PASSWROD"),
        ("F", "dotenv:nope.env#X"),
        ("G", "dotenv:broken.env#A"),
        ("H", "file:empty"),
        ("I", "file:dir"),
        ("J", "file:/nonexistent"),
        ("K", "exec:sh -c 'echo hunter2; echo vault is locked >&2; exit 1'"),
        ("L", "exec:true"),
    ]);
    let context = context(directory.path(), &[("EMPTY", ""), ("API_KEY", "hunter2")]);
    let Err(errors) = fetch_all(&manifest, &context) else { panic!("these cannot be had") };
    assert_eq!(errors.0.len(), 12);
    let text = errors.to_string().replace(&directory.path().display().to_string(), "[DIR]");
    // `K` holds the text in its own command line, nothing else does.
    assert_eq!(text.matches("hunter2").count(), 1, "{text}");
    insta::assert_snapshot!(text);
}
