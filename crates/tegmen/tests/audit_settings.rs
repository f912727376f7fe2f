//! `tegmen audit`: baselines, settings in files, and manners, through the real binary.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::process::{Command, Stdio};

use tegmen_testing::Project;

fn project(files: &[(&str, &str)]) -> Project {
    let project = Project::new().unwrap();
    for (name, text) in files {
        let path = project.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    project
}

/// The exit status, standard output and standard error.
fn audit(project: &Project, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tegmen"))
        .arg("audit")
        .args(arguments)
        .current_dir(project.path())
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_baseline_holds_back_what_is_known_and_tells_what_is_gone() {
    let project = project(&[("load/a.py", "password = 'hunter2x'\napi_password = 'hunter3x'\n")]);
    assert_eq!(audit(&project, &["--write-baseline", "load/b.json"]).0, Some(0));
    let text = std::fs::read_to_string(project.path().join("load/b.json")).unwrap();
    assert!(text.contains("\"path\": \"a.py\"") && !text.contains("hunter"), "{text}");
    let (status, shown, _) = audit(&project, &["--baseline", "load/b.json"]);
    assert_eq!(status, Some(0), "{shown}");
    assert!(shown.contains("2 in the baseline"), "{shown}");

    let changed = "\n\npassword = 'hunter2x'\nnew_password = 'x9hunter'\n";
    std::fs::write(project.path().join("load/a.py"), changed).unwrap();
    let (status, shown, hints) = audit(&project, &["--baseline", "load/b.json"]);
    assert_eq!(status, Some(1), "{shown}");
    assert!(shown.contains("new_password") && shown.contains("1 of the baseline gone"), "{shown}");
    assert!(hints.contains("--write-baseline"), "{hints}");
    // Where it is started and how the paths are written makes no difference.
    let absolute = project.path().join("load");
    let (_, shown, _) = audit(&project, &[absolute.to_str().unwrap(), "--baseline", "load/b.json"]);
    assert!(shown.contains("1 in the baseline"), "{shown}");
}

#[test]
fn what_is_no_baseline_is_told_and_never_overwritten() {
    let project = project(&[("a.py", "password = 'hunter2x'\n"), ("other.json", "{\"results\": []}")]);
    let (status, _, told) = audit(&project, &["--baseline", "other.json"]);
    assert_eq!(status, Some(2));
    assert!(told.contains("other.json is no baseline of tegmen"), "{told}");
    let (status, _, told) = audit(&project, &["--write-baseline", "other.json"]);
    assert_eq!(status, Some(2));
    assert!(told.contains("is not overwritten"), "{told}");
    let (status, _, told) = audit(&project, &["--baseline", "none.json"]);
    assert_eq!(status, Some(2));
    assert!(told.contains("--write-baseline none.json"), "{told}");
}

#[test]
fn settings_stand_in_a_file_and_options_win() {
    let project = project(&[
        (
            "tegmen.toml",
            "[audit]\nfail-on = \"high\"\nexclude = [\"old/\"]\nmarks = \"own\"\n[audit.severity]\n\
             hardcoded-password = \"medium\"\n[audit.per-file-ignores]\n\"lab/\" = [\"TGM1\"]\n",
        ),
        ("load/a.py", "password = 'hunter2x'  # nosec\n"),
        ("old/b.py", "password = 'hunter2x'\n"),
        ("lab/c.py", "password = 'hunter3x'\n"),
        (".git/HEAD", ""),
    ]);
    let (status, shown, _) = audit(&project, &[]);
    assert_eq!(status, Some(0), "{shown}");
    assert!(shown.contains(": 0 high, 1 medium, 0 low; 1 ignored"), "{shown}");
    assert_eq!(audit(&project, &["--fail-on", "low"]).0, Some(1));
    assert_eq!(audit(&project, &["--fail-on", "low", "--marks", "all"]).0, Some(0));
    // The file is looked for from what is audited upward.
    assert_eq!(audit(&project, &["load"]).0, Some(0));
    assert_eq!(audit(&project, &["load", "--no-config", "--marks", "none"]).0, Some(1));

    let pyproject = project.path().join("pyproject.toml");
    std::fs::write(&pyproject, "[tool.tegmen.audit]\nfail-on = \"low\"\n").unwrap();
    let (status, _, told) = audit(&project, &[]);
    assert_eq!(status, Some(2));
    assert!(told.contains("tegmen.toml and pyproject.toml both have settings for the audit"), "{told}");
    assert_eq!(audit(&project, &["--config", "pyproject.toml"]).0, Some(1));
    std::fs::write(&pyproject, "[tool.tegmen.audit]\nselct = [\"TGM1\"]\n").unwrap();
    let (status, _, told) = audit(&project, &["--config", "pyproject.toml"]);
    assert_eq!(status, Some(2));
    assert!(told.contains("pyproject.toml:2:1: unknown key `selct`") && told.contains("`select`"), "{told}");
}

#[test]
fn a_file_that_cannot_be_written_is_told_before_the_work() {
    let project = project(&[("a.py", "password = 'hunter2x'\n")]);
    let (status, shown, told) = audit(&project, &["-o", "nowhere/audit.json"]);
    assert_eq!((status, shown.as_str()), (Some(2), ""));
    assert!(told.contains("there is no directory nowhere"), "{told}");
}

#[test]
fn quiet_leaves_the_findings_alone() {
    let project = project(&[("a.py", "password = 'hunter2x'\n")]);
    let (status, shown, told) = audit(&project, &["--quiet"]);
    assert_eq!((status, told.as_str()), (Some(1), ""));
    assert!(shown.starts_with("high[TGM101") && !shown.contains("1 finding"), "{shown}");
    std::fs::write(project.path().join("a.py"), "x = 1\n").unwrap();
    assert_eq!(audit(&project, &["--quiet"]), (Some(0), String::new(), String::new()));
}

#[test]
fn marks_that_name_no_rule_are_told_with_the_nearest() {
    let project = project(&[("a.py", "password = 'hunter2x'  # tegmen: ignore[hardcoded-pasword]\n")]);
    let (status, shown, _) = audit(&project, &[]);
    assert_eq!(status, Some(1));
    assert!(shown.contains("does not exist, \"hardcoded-pasword\"; did you mean \"hardcoded-password\"?"), "{shown}");
}
