//! `tegmen audit` and `tegmen explain` through the real binary.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::process::{Command, Output, Stdio};

use tegmen_testing::Project;

fn tegmen(project: &Project, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tegmen"))
        .args(arguments)
        .current_dir(project.path())
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

const CLEAN: &str = "from locust import HttpUser, task\n\n\nclass Shopper(HttpUser):\n    @task\n    def go(self):\n        self.client.get(\"/\")\n";

fn project(files: &[(&str, &str)]) -> Project {
    let project = Project::new().unwrap();
    for (name, text) in files {
        let path = project.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    project
}

#[test]
fn exit_status_says_what_was_found() {
    let clean = project(&[("locustfile.py", CLEAN)]);
    let output = tegmen(&clean, &["audit"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert_eq!(out(&output), "no findings in 1 file\n");

    let bad =
        project(&[("locustfile.py", "password = \"hunter2x\"\nimport os\nT = os.getenv('A_TOKEN')\nprint(len(T))\n")]);
    assert_eq!(tegmen(&bad, &["audit"]).status.code(), Some(1));
    assert_eq!(tegmen(&bad, &["audit", "--fail-on", "never"]).status.code(), Some(0));
    assert_eq!(tegmen(&bad, &["audit", "--fail-on", "high", "--ignore", "hardcoded-password"]).status.code(), Some(0));
    assert_eq!(tegmen(&bad, &["audit", "--select", "TGM2", "--fail-on", "medium"]).status.code(), Some(1));
}

#[test]
fn mistakes_in_arguments_say_what_to_do() {
    let project = project(&[("locustfile.py", CLEAN)]);
    let output = tegmen(&project, &["audit", "nowhere"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("nowhere: no such file or directory"), "{}", err(&output));
    let output = tegmen(&project, &["audit", "--select", "hardcoded-pasword"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("did you mean \"hardcoded-password\"?"), "{}", err(&output));
}

#[test]
fn gitignored_files_and_environments_are_left_alone() {
    let project = project(&[
        (".gitignore", ".env\n"),
        (".env", "API_KEY=9f8a7b6c5d4e3f2a1b0c\n"),
        ("locustfile.py", CLEAN),
        ("venv/pyvenv.cfg", ""),
        ("venv/lib/x.py", "password = 'hunter2x'\n"),
        ("env3/pyvenv.cfg", ""),
        ("env3/lib/x.py", "password = 'hunter2x'\n"),
        ("node_modules/x.py", "password = 'hunter2x'\n"),
    ]);
    let output = tegmen(&project, &["audit"]);
    assert_eq!(output.status.code(), Some(0), "{}", out(&output));
    assert_eq!(tegmen(&project, &["audit", ".env"]).status.code(), Some(1));
}

#[test]
fn an_ignore_that_nothing_needs_is_told() {
    let project =
        project(&[("locustfile.py", "password = 'hunter2x'  # tegmen: ignore[TGM101]\nx = 1  # tegmen: ignore\n")]);
    let output = tegmen(&project, &["audit"]);
    assert_eq!(output.status.code(), Some(0), "{}", out(&output));
    assert!(
        out(&output).contains("note: locustfile.py:2: this `tegmen: ignore` holds nothing back"),
        "{}",
        out(&output)
    );
    assert!(out(&output).contains("1 ignored"));
}

#[test]
fn json_has_the_settled_fields_and_fingerprints_survive_moved_lines() {
    let source = "class A:\n    password = 'hunter2x'\n    db_password = 'hunter3x'\n";
    let first = project(&[("a.py", source)]);
    let moved = project(&[("a.py", &format!("# a comment\nimport os\n\n{source}"))]);
    let read = |project: &Project| {
        let output = tegmen(project, &["audit", "--format", "json"]);
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        document["findings"].as_array().unwrap().clone()
    };
    let (first, moved) = (read(&first), read(&moved));
    for field in [
        "rule",
        "code",
        "severity",
        "confidence",
        "path",
        "line",
        "column",
        "message",
        "name",
        "fingerprint",
        "locations",
    ] {
        assert!(!first[0][field].is_null(), "{field}");
    }
    assert_eq!(first[0]["line"], 2);
    assert_eq!(moved[0]["line"], 5);
    assert_eq!(first[0]["fingerprint"], moved[0]["fingerprint"]);
    assert_eq!(first[1]["fingerprint"], moved[1]["fingerprint"]);
    assert_ne!(first[0]["fingerprint"], first[1]["fingerprint"]);
}

#[test]
fn output_goes_to_a_file() {
    let project = project(&[("a.py", "password = 'hunter2x'\n")]);
    let output = tegmen(&project, &["audit", "--format", "sarif", "-o", "audit.sarif"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let document: serde_json::Value =
        serde_json::from_slice(&std::fs::read(project.path().join("audit.sarif")).unwrap()).unwrap();
    assert_eq!(document["version"], "2.1.0");
    assert_eq!(document["runs"][0]["results"][0]["ruleId"], "TGM101");
}

#[test]
fn rules_are_explained() {
    let project = project(&[]);
    for name in ["hardcoded-password", "TGM101", "tgm101"] {
        let output = tegmen(&project, &["explain", name]);
        assert!(out(&output).starts_with("# TGM101 hardcoded-password\n"), "{}", out(&output));
    }
    assert!(out(&tegmen(&project, &["explain", "--all"])).lines().count() > 20);
    let output = tegmen(&project, &["explain", "secret-in-lock"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("did you mean \"secret-in-log\"?"), "{}", err(&output));
}

/// Letters and digits without a pattern.
fn noise(seed: u64, length: usize) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            char::from(b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"[(state >> 33) as usize % 57])
        })
        .collect()
}

fn base64(text: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let group = chunk.iter().fold(0_u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for i in 0..=chunk.len() {
            out.push(char::from(LETTERS[(group >> (18 - 6 * i)) as usize & 63]));
        }
    }
    out
}

/// No output has a value, nor its base64, nor eight bytes of either.
#[test]
fn no_format_has_a_value() {
    let mut values: Vec<String> = Vec::new();
    let make = |values: &mut Vec<String>, seed: u64, length: usize| {
        let value = noise(seed, length);
        values.push(value.clone());
        value
    };
    let mut source = String::from("import os, requests\nfrom locust import HttpUser, task\n");
    for seed in 0..40 {
        let (a, b, c, d) = (
            make(&mut values, seed * 10 + 1, 14),
            make(&mut values, seed * 10 + 2, 40),
            make(&mut values, seed * 10 + 3, 64),
            make(&mut values, seed * 10 + 4, 24),
        );
        let basic = base64(&format!("user:{d}"));
        source.push_str(&format!(
            "class U{seed}(HttpUser):\n    password = '{a}'; other = '{a}'  # was {a}\n    api_key = \"{b}\" \"{c}\"\n    # token = '{d}' and {d}\n    def on_start(self):\n        self.client.post('/login', data='{{\"user\": \"x\", \"password\": \"{a}\"}}', headers={{'Authorization': 'Basic {basic}', 'X-Api-Key': '{b}'}})\n        login('u', '{a}'); print('{b}', self.password)\n        self.client.get(f'/x?token={c}&u={{self.x}}')\n        db = os.getenv('DATABASE_URL', 'postgresql://u:{d}@h/{a}')\n        raise Exception('{d}' + self.password)\n        t = os.getenv('{c}{c}')\n"
        ));
        values.push(basic);
    }
    let project = project(&[
        ("locustfile.py", &source),
        (".env", &format!("API_KEY={}\nDB_PASSWORD='{}'\nX={}\n", values[1], values[0], values[1])),
        ("broken.py", &format!("def (:\n  password = '{}'\n  print '{}'\n'''{}", values[4], values[5], values[6])),
        ("k8s.yaml", &format!("env:\n  - name: TOKEN\n    value: {}\n", values[2])),
        // In odd places: as a key, as a reason, in the name of a file, over lines, far out in a line, beside other letters.
        (
            "odd.py",
            &format!(
                "api_token = '{a}'  # tegmen: ignore[TGM102] the value is {a}\nTOKENS = {{'{a}': '{a}', 'päss': '{b}'}}\n\
                 password = (\n    '{b}'\n    '{c}'\n)\nsecret_key = '''{c}\n{d}'''\n\
                 x = '{long}'; password = '{d}'; y = '{long}{d}{long}' # tegmen: ignore[{a}]\n\
                 passwort_ü = 'ü{a}ü'\n",
                a = values[3],
                b = values[8],
                c = values[9],
                d = values[13],
                long = "word ".repeat(400),
            ),
        ),
        (&format!("{}.py", values[3]), "password = 'short1x'\n"),
        (&format!("{}/conf.env", values[3]), &format!("DB_PASSWORD={}\n", values[8])),
    ]);
    for format in ["text", "json", "sarif", "html", "markdown", "github", "gitlab", "junit"] {
        let output = tegmen(&project, &["audit", "--format", format]);
        assert_eq!(output.status.code(), Some(1), "{format}");
        let shown = format!("{}{}", out(&output), err(&output));
        assert!(shown.len() > 1000, "{format}");
        let windows: std::collections::HashSet<&[u8]> = shown.as_bytes().windows(8).collect();
        for value in &values {
            for form in [value.clone(), base64(value), base64(&format!("user:{value}"))] {
                let lines: Vec<&str> = shown.lines().filter(|line| line.contains(&form)).collect();
                assert!(lines.is_empty(), "{format}: a whole value is shown in {lines:?}");
                for piece in form.as_bytes().windows(8).step_by(4) {
                    assert!(!windows.contains(piece), "{format}: a part of a value is shown");
                }
            }
        }
    }
}
