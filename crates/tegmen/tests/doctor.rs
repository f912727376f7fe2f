//! `tegmen doctor` through the real binary.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::{
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tegmen_testing::Project;

/// A home folder and a project in it, with nothing of our environment.
fn doctor(home: &Project, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tegmen"))
        .arg("doctor")
        .args(arguments)
        .current_dir(home.path().join("project"))
        .env_clear()
        .env("HOME", home.path())
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn home(files: &[(&str, &str, u32)]) -> Project {
    let home = Project::new().unwrap();
    std::fs::create_dir(home.path().join("project")).unwrap();
    mode(&home.path().join("project"), 0o755);
    for (name, text, bits) in files {
        let path = home.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        mode(&path, *bits);
    }
    home
}

fn mode(path: &Path, bits: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(bits)).unwrap();
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The answer to one check, as JSON has it.
fn answer(home: &Project, check: &str, more: &[&str], environment: &[(&str, &str)]) -> Value {
    let mut arguments = vec!["--select", check, "--format", "json"];
    arguments.extend(more);
    let output = doctor(home, &arguments, environment);
    let document: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", err(&output)));
    document["answers"][0].clone()
}

const LOCUSTFILE: &str = "from locust import HttpUser, task\n";

#[test]
fn the_exit_status_says_whether_something_fails_that_was_asked_for() {
    let home = home(&[("project/locustfile.py", LOCUSTFILE, 0o666)]);
    let status = |arguments: &[&str]| doctor(&home, arguments, &[]).status.code();
    assert_eq!(status(&["--select", "locustfile-writable"]), Some(1));
    assert_eq!(status(&["--select", "locustfile-writable", "--fail-on", "never"]), Some(0));
    assert_eq!(status(&["--select", "manifest-writable"]), Some(0));
    assert_eq!(status(&["--select", "no-such-check"]), Some(2));
    assert_eq!(status(&["--manifest", "nowhere.toml"]), Some(2));
}

#[test]
fn every_answer_says_what_was_found_why_and_what_to_do() {
    let home = home(&[("project/locustfile.py", LOCUSTFILE, 0o644)]);
    let output = doctor(&home, &["--format", "json", "--fail-on", "never"], &[]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let answers = document["answers"].as_array().unwrap();
    assert!(answers.len() >= 40);
    for answer in answers {
        for key in ["check", "code", "outcome", "severity", "found", "why", "repair"] {
            assert!(answer[key].as_str().is_some_and(|text| !text.is_empty()), "{key} of {answer}");
        }
        assert!(!answer["references"].as_array().unwrap().is_empty());
        let outcome = answer["outcome"].as_str().unwrap();
        assert!(["pass", "fail", "not known", "not applicable"].contains(&outcome), "{outcome}");
        assert_ne!(answer["found"], "nobody has looked", "{}", answer["check"]);
    }
}

#[test]
fn fix_takes_away_what_others_may_and_says_so() {
    let home = home(&[
        ("project/locustfile.py", LOCUSTFILE, 0o666),
        ("project/.env", "SHOP=1\n", 0o644),
        (".aws/credentials", "x\n", 0o644),
    ]);
    let text = out(&doctor(&home, &["--select", "TGM56"], &[]));
    assert!(text.contains("chmod go-w"), "{text}");
    let output = doctor(&home, &["--select", "TGM56", "--fix"], &[]);
    let said = err(&output);
    assert!(said.contains("done: chmod go-rwx") && said.contains(".env"), "{said}");
    let bits = |name: &str| std::fs::metadata(home.path().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(bits("project/locustfile.py"), 0o644);
    assert_eq!(bits("project/.env"), 0o600);
    assert_eq!(bits(".aws/credentials"), 0o600);
    for check in ["locustfile-writable", "dotenv-readable", "credentials-readable"] {
        assert_eq!(answer(&home, check, &[], &[])["outcome"], "pass", "{check}");
    }
}

#[test]
fn fix_writes_gitignore_where_git_would_take_a_dotenv_file_in() {
    let home = home(&[("project/.env", "SHOP=1\n", 0o600)]);
    let made = Command::new("git").args(["init", "-q"]).current_dir(home.path().join("project")).status();
    if !made.is_ok_and(|status| status.success()) {
        eprintln!("skipped: there is no git");
        return;
    }
    assert_eq!(answer(&home, "dotenv-not-ignored", &[], &[])["outcome"], "fail");
    doctor(&home, &["--select", "dotenv-not-ignored", "--fix"], &[]);
    assert_eq!(std::fs::read_to_string(home.path().join("project/.gitignore")).unwrap(), ".env\n");
    assert_eq!(answer(&home, "dotenv-not-ignored", &[], &[])["outcome"], "pass");
}

#[test]
fn no_format_shows_a_value() {
    let value = ["kL8x", "Qz71", "mmRT"].concat();
    let history = format!("ls\nexport SHOP_TOKEN={value}\n");
    let home = home(&[
        (".bash_history", &history, 0o600),
        ("project/.env", &format!("SHOP_TOKEN={value}\n"), 0o644),
        (".aws/credentials", &value, 0o644),
        (".ssh/id_test", &["-----BEGIN RSA ", "PRIVATE KEY-----\n", &value].concat(), 0o600),
        (".vault-token", &value, 0o600),
    ]);
    // A neighbour with the value in its environment and on its command line.
    let mut neighbour = Command::new("sleep").arg("600").env("DB_PASSWORD", &value).spawn().unwrap();
    let url = format!("https://user:{value}@shop.example.com");
    for format in ["text", "json", "html", "sarif"] {
        let output = doctor(
            &home,
            &["--format", format, "--verbose", "--", "locust", "--host", &url, "--api-key", &value],
            &[("SHOP_TOKEN", &value)],
        );
        assert!(out(&output).len() > 1000, "{format}: {}", err(&output));
        assert!(!out(&output).contains(&value), "{format}");
        assert!(!err(&output).contains(&value), "{format}");
    }
    let found = answer(&home, "sensitive-variables-elsewhere", &[], &[]);
    let _ = neighbour.kill();
    let _ = neighbour.wait();
    assert!(found["found"].as_str().unwrap().contains("DB_PASSWORD"), "{found}");
    let found = answer(&home, "secret-in-history", &[], &[]);
    assert_eq!(found["places"][0]["line"], 2);
    assert_eq!(answer(&home, "sensitive-variables", &[], &[("SHOP_TOKEN", &value)])["found"], "SHOP_TOKEN");
    assert_eq!(answer(&home, "ssh-keys-in-reach", &[], &[])["outcome"], "fail");
    assert_eq!(answer(&home, "vault-token-on-disk", &[], &[])["outcome"], "fail");
}

/// Whether a check blames this place. Other starts of Locust may be going on on the machine that runs the tests.
fn blames(home: &Project, check: &str, place: &str, more: &[&str], environment: &[(&str, &str)]) -> bool {
    let answer = answer(home, check, more, environment);
    answer["outcome"] == "fail" && answer["found"].as_str().unwrap().contains(place)
}

#[test]
fn the_settings_of_locust_are_read_wherever_they_stand() {
    let home = home(&[("project/locust.conf", "web-host = 0.0.0.0\n", 0o644)]);
    assert!(blames(&home, "web-ui-everywhere", "locust.conf", &[], &[]));
    let home = self::home(&[]);
    let closed = ["--", "locust", "--web-host", "127.0.0.1", "--web-login"];
    let open = ["--", "locust"];
    for check in ["web-ui-everywhere", "web-ui-without-login"] {
        assert!(blames(&home, check, "the command", &open, &[]), "{check}");
        assert!(!blames(&home, check, "the command", &closed, &[]), "{check}");
        assert!(!blames(&home, check, "the environment", &[], &[("LOCUST_WEB_PORT", "1")]), "{check}");
    }
    assert!(blames(&home, "web-ui-everywhere", "the environment", &[], &[("LOCUST_WEB_HOST", "0.0.0.0")]));
}

#[test]
fn the_profile_is_detected_and_can_be_said() {
    let home = home(&[]);
    let profile = |arguments: &[&str], environment: &[(&str, &str)]| {
        let arguments: Vec<&str> =
            ["--format", "json", "--select", "running-as-root"].iter().chain(arguments).copied().collect();
        let document: Value = serde_json::from_slice(&doctor(&home, &arguments, environment).stdout).unwrap();
        document["profile"].as_str().unwrap().to_owned()
    };
    assert_eq!(profile(&[], &[("CI", "true")]), "ci");
    assert_eq!(profile(&[], &[("KUBERNETES_SERVICE_HOST", "10.0.0.1")]), "kubernetes");
    assert_eq!(profile(&["--profile", "container"], &[("CI", "true")]), "container");
}

#[test]
fn a_check_explains_itself() {
    let output = Command::new(env!("CARGO_BIN_EXE_tegmen")).args(["explain", "running-as-root"]).output().unwrap();
    let text = out(&output);
    assert!(text.contains("TGM520") && text.contains("**Repair:**") && text.contains("https://"), "{text}");
    let output = Command::new(env!("CARGO_BIN_EXE_tegmen")).args(["doctor", "--list"]).output().unwrap();
    assert!(out(&output).lines().count() >= 40);
}
