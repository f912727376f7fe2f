//! `tegmen report` and `tegmen guide` through the real binary.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tegmen_testing::{Project, contains};

/// Put together here, so that no file of the repository has what looks like a key.
const KEY: [&str; 3] = ["sk_li", "ve_9fK2mQ7x", "Lw4RzT8vBn1Yc6Hd"];
const PASSWORD: [&str; 2] = ["vK8#rTq2", "pLm9zX"];

fn tegmen(project: &Project, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tegmen"))
        .args(arguments)
        .current_dir(project.path())
        .env_clear()
        .env("HOME", project.path())
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

fn shop(folder: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/shop").join(folder)
}

/// The shop's test as a team wrote it.
fn before() -> Project {
    let project = Project::new().unwrap();
    let script = std::fs::read_to_string(shop("before/locustfile.py.template")).unwrap();
    let script = script.replace("@API_KEY@", &KEY.concat()).replace("@PASSWORD@", &PASSWORD.concat());
    project.write("locustfile.py", script).unwrap();
    project
}

/// The same with Tegmen, as the example has it; its secrets rotated the other day.
fn after() -> Project {
    let project = Project::new().unwrap();
    for file in ["locustfile.py", "tegmen.toml", ".pre-commit-config.yaml"] {
        project.write(file, std::fs::read(shop("after").join(file)).unwrap()).unwrap();
    }
    let day = jiff::Timestamp::now().strftime("%Y-%m-%dT00:00:00Z").to_string();
    let line = |name: &str| {
        format!("{{\"time\":\"{day}\",\"name\":\"{name}\",\"source\":\"vault\",\"outcome\":\"rotated\"}}\n")
    };
    project.write(".tegmen/rotations.jsonl", line("API_KEY") + &line("SHOP_PASSWORD")).unwrap();
    project
}

fn json(project: &Project, arguments: &[&str]) -> Value {
    let output = tegmen(project, &[&["report", "--no-doctor", "--format", "json"], arguments].concat());
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn level<'j>(report: &'j Value, threat: &str) -> &'j Value {
    &report["threats"].as_array().unwrap().iter().find(|known| known["id"] == threat).unwrap()["level"]
}

#[test]
fn protection_lowers_the_risk_of_the_example_from_high_to_low() {
    let (worse, better) = (json(&before(), &[]), json(&after(), &[]));
    assert_eq!((&worse["risk"]["level"], &better["risk"]["level"]), (&"high".into(), &"low".into()), "{better:#}");
    for threat in ["repository", "logs", "rotation"] {
        assert_eq!((level(&worse, threat), level(&better, threat)), (&"high".into(), &"low".into()), "{threat}");
    }
    // Nobody asked the machine: that is said, and not rated.
    assert!(level(&better, "execution").is_null());
    let names: Vec<&str> =
        better["secrets"].as_array().unwrap().iter().map(|secret| secret["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["API_KEY", "SHOP_PASSWORD"]);
    assert_eq!(better["secrets"][0]["uses"][0]["path"], "locustfile.py");
    assert_eq!(better["secrets"][0]["protection"], "enforced");
    let plan = worse["plan"].as_array().unwrap();
    assert_eq!(plan.last().unwrap()["leaves"], "low", "{plan:#?}");
}

#[test]
fn no_format_has_a_value() {
    let project = before();
    for file in ["risk.html", "risk.md", "risk.json", "risk.txt"] {
        let output = tegmen(&project, &["report", "--no-doctor", "-o", file]);
        assert_eq!(output.status.code(), Some(0), "{}", err(&output));
        let text = std::fs::read(project.path().join(file)).unwrap();
        for value in [KEY.concat(), PASSWORD.concat()] {
            // Nor half of one.
            for part in [value.as_bytes(), &value.as_bytes()[value.len() / 2..]] {
                assert!(!contains(&text, part) && !contains(&output.stderr, part), "{file}");
            }
        }
        assert!(contains(&text, b"SHOP_API_KEY"), "{file}");
    }
    for value in [KEY.concat(), PASSWORD.concat()] {
        let files = project.holding(value.as_bytes()).unwrap();
        assert_eq!(files, [project.path().join("locustfile.py")]);
    }
    let page = std::fs::read_to_string(project.path().join("risk.html")).unwrap();
    for outside in ["http://", "https://", "<script", "src=", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn ratings_are_kept_for_the_trend_and_nothing_else() {
    let project = before();
    assert!(!project.path().join(".tegmen").exists());
    tegmen(&project, &["report", "--no-doctor"]);
    tegmen(&project, &["report", "--no-doctor", "-o", "a.html", "--no-record"]);
    assert!(!project.path().join(".tegmen").exists());
    project.write(".tegmen/history/2026-01-01T000000Z.json", r#"{"format":1,"time":"2026-01-01T00:00:00Z","level":"critical","score":60.0,"total":300.0,"threats":{},"secrets":2,"protected":0,"findings":[5,3,0]}"#).unwrap();
    project.write(".tegmen/history/2026-01-02T000000Z.json", "{\"format\":").unwrap();
    let output = tegmen(&project, &["report", "--no-doctor", "-o", "b.html"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let page = std::fs::read_to_string(project.path().join("b.html")).unwrap();
    assert!(page.contains("<svg") && page.contains("2026-01-01: critical, 300"), "{page}");
    assert!(page.contains("2026-01-02T000000Z.json is no report of this version"), "{page}");
    let kept = std::fs::read_dir(project.path().join(".tegmen/history")).unwrap().count();
    assert_eq!(kept, 3);
    assert_eq!(json(&project, &[])["runs"].as_array().unwrap().len(), 3);
}

#[test]
fn what_is_at_stake_and_the_exit_status() {
    let project = before();
    assert_eq!(json(&project, &["--stakes", "production"])["risk"]["level"], "critical");
    assert_eq!(tegmen(&project, &["report", "--no-doctor", "--fail-on", "high"]).status.code(), Some(1));
    assert_eq!(tegmen(&project, &["report", "--no-doctor", "--fail-on", "critical"]).status.code(), Some(0));
    assert_eq!(tegmen(&after(), &["report", "--no-doctor", "--fail-on", "medium"]).status.code(), Some(0));
    let output = tegmen(&project, &["report", "-o", "nowhere/x.html"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("there is no directory nowhere"), "{}", err(&output));
}

#[test]
fn a_proof_that_found_a_leak_counts() {
    let project = after();
    let proof = |leaks: &str| {
        format!(
            "{{\"format\":1,\"began\":1750000000,\"protection\":\"on\",\"channels\":[{{\"channel\":\"stdout\",\"states\":[\"clean\"]}},\
             {{\"channel\":\"core-dump\",\"states\":[\"not-exercised\"]}}],\"leaks\":[{leaks}]}}"
        )
    };
    project.write(".tegmen/prove.json", proof("")).unwrap();
    let report = json(&project, &[]);
    assert_eq!(report["proof"]["clean"], serde_json::json!(["stdout"]));
    assert_eq!(report["proof"]["not_exercised"], serde_json::json!(["core dump"]));
    assert_eq!(report["risk"]["level"], "low");
    project.write(".tegmen/prove.json", proof("{\"channel\":\"log\",\"secret\":\"API_KEY\"}")).unwrap();
    assert_eq!(level(&json(&project, &[]), "logs"), "high");
    // One from the future is not guessed at.
    project.write(".tegmen/prove.json", "{\"format\":99}").unwrap();
    let report = json(&project, &[]);
    assert!(report["proof"].is_null());
    assert!(report["remarks"].to_string().contains("no proof of this version"));
}

#[test]
fn the_machine_is_rated_when_it_is_asked() {
    let project = after();
    let output = tegmen(&project, &["report", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(level(&report, "execution").is_string(), "{report:#}");
    assert!(report["checks"].as_array().unwrap().len() > 20);
}

#[test]
fn an_empty_directory_says_so() {
    let project = Project::new().unwrap();
    let output = tegmen(&project, &["report", "--no-doctor"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert!(
        out(&output).contains("no secret was found") || out(&output).contains("No secret was found"),
        "{}",
        out(&output)
    );
}

#[test]
fn the_guide_is_about_this_project() {
    let project = after();
    let output = tegmen(&project, &["guide"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let guide = out(&output);
    for part in
        ["API_KEY", "vault:secret/locust/shop", "tegmen run -- locust", "print(f\"logging in", "max_age", "team"]
    {
        assert!(guide.contains(part), "{part}: {guide}");
    }
    let output = tegmen(&before(), &["guide"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("`tegmen init` writes one"), "{}", err(&output));
}

#[test]
fn pools_and_the_key_of_a_cluster_are_in_inventory_and_guide() {
    let project = Project::new().unwrap();
    let script = "from locust import HttpUser, task\nfrom tegmen import pool\n\nSHOPPERS = pool(\"shoppers\")\n\n\n\
                  class Shopper(HttpUser):\n    @task\n    def go(self):\n        me = SHOPPERS.checkout()\n        \
                  self.client.get(\"/\", auth=(me.user, me.password))\n";
    project.write("locustfile.py", script).unwrap();
    project.write("Makefile", "load:\n\ttegmen run -- locust --worker\n").unwrap();
    let pools = "[pools.shoppers]\nsource = \"vault:secret/locust/shoppers\"\nsecret_fields = [\"password\"]\n";
    project.write("tegmen.toml", pools).unwrap();
    let state = |report: &Value| {
        let gaps = report["gaps"].as_array().unwrap().clone();
        gaps.into_iter().find(|gap| gap["requirement"] == "Master and workers").unwrap()["state"].clone()
    };
    let report = json(&project, &[]);
    assert_eq!(report["secrets"][0]["name"], "shoppers.password");
    assert_eq!(report["secrets"][0]["kind"], "pool");
    assert_eq!(report["secrets"][0]["uses"][0]["line"], 4);
    assert_eq!(state(&report), "partly");
    project.write("tegmen.toml", format!("{pools}\n[cluster]\nkey = \"vault:secret/locust/cluster#key\"\n")).unwrap();
    let report = json(&project, &[]);
    assert_eq!(report["secrets"][0]["kind"], "cluster-key");
    assert_eq!(state(&report), "met");
    let guide = out(&tegmen(&project, &["guide"]));
    for part in ["pool(\"shoppers\").checkout()", "A login for each simulated user", "Master and workers have a key"] {
        assert!(guide.contains(part), "{part}: {guide}");
    }
}
