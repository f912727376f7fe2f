//! `tegmen init` through the real binary.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::process::{Command, Output, Stdio};

use tegmen_testing::Project;

const SCRIPT: &str = "import os\nfrom locust import HttpUser, task\n\nAPI_KEY = os.environ[\"LOCUST_API_KEY\"]\n\n\n\
                      class Shopper(HttpUser):\n    host = \"https://shop.example.com/v1\"\n\n    @task\n    def go(self):\n        \
                      self.client.get(\"/\", auth=(\"load\", os.getenv(\"SHOP_PASSWORD\")), headers={\"X-Api-Key\": API_KEY})\n";

fn tegmen(project: &Project, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tegmen"))
        .args(arguments)
        .current_dir(project.path())
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", project.path())
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn project(files: &[(&str, &str)]) -> Project {
    let project = Project::new().unwrap();
    for (name, text) in files {
        project.write(name, text).unwrap();
    }
    project
}

fn read(project: &Project, name: &str) -> String {
    std::fs::read_to_string(project.path().join(name)).unwrap()
}

#[test]
fn a_project_gets_a_manifest_that_run_takes() {
    let project = project(&[
        ("locustfile.py", SCRIPT),
        ("Makefile", "load:\n\tlocust --headless --host http://127.0.0.1:8000\n"),
    ]);
    let output = tegmen(&project, &["init", "--yes", "--owner", "team-shop"], &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let manifest = read(&project, "tegmen.toml");
    insta::assert_snapshot!(manifest);
    assert!(text(&output.stderr).contains("tegmen run -- locust"), "{}", text(&output.stderr));
    let values = [("LOCUST_API_KEY", "a-made-up-key-77"), ("SHOP_PASSWORD", "a-made-up-word-78")];
    let run =
        tegmen(&project, &["run", "--", "/bin/sh", "-c", "echo $LOCUST_API_KEY $API_KEY $SHOP_PASSWORD"], &values);
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    assert_eq!(text(&run.stdout), "[API_KEY] [API_KEY] [SHOP_PASSWORD]\n");
    // A second time nothing is overwritten.
    let again = tegmen(&project, &["init", "--yes"], &[]);
    assert_eq!(again.status.code(), Some(2));
    assert!(text(&again.stderr).contains("tegmen.toml is there already"), "{}", text(&again.stderr));
    assert_eq!(read(&project, "tegmen.toml"), manifest);
}

#[test]
fn pools_and_the_key_of_a_cluster_are_proposed() {
    let script = "from locust import HttpUser, task\nfrom tegmen import pool\n\nSHOPPERS = pool(\"shoppers\")\n\n\n\
                  class Shopper(HttpUser):\n    host = \"https://shop.example.com\"\n\n    @task\n    def go(self):\n        \
                  me = SHOPPERS.checkout()\n        self.client.get(\"/\", auth=(me.user, me.password))\n";
    let project = project(&[
        ("locustfile.py", script),
        ("Makefile", "load:\n\ttegmen run -- locust --master\n"),
        (".git/HEAD", "ref: refs/heads/main\n"),
    ]);
    let shown = tegmen(&project, &["init", "--dry-run", "--source", "vault:secret/locust/shop"], &[]);
    let shown = text(&shown.stdout);
    for wanted in [
        "[pools.shoppers]",
        "\"vault:secret/locust/shop/shoppers\"",
        "# key = \"vault:secret/locust/shop#cluster_key\"",
    ] {
        assert!(shown.contains(wanted), "{wanted}: {shown}");
    }
    let output = tegmen(&project, &["init", "--yes"], &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("shoppers.csv, the names of the fields"), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("[cluster] key"), "{}", text(&output.stderr));
    assert_eq!(read(&project, ".gitignore"), "/.tegmen\n/shoppers.csv\n");
    // With the records there, a run takes it as it is.
    project.write("shoppers.csv", "user,password\nann,a-made-up-word-79\n").unwrap();
    let run = tegmen(&project, &["run", "--", "/bin/sh", "-c", "echo started"], &[]);
    assert_eq!((run.status.code(), text(&run.stdout).as_str()), (Some(0), "started\n"), "{}", text(&run.stderr));
}

#[test]
fn dotenv_gitignore_and_the_example_are_minded() {
    let project = project(&[
        ("locustfile.py", SCRIPT),
        (".env", "LOCUST_API_KEY=a-made-up-key-77\n"),
        (".env.example", "# to be filled\nLOCUST_API_KEY=\n"),
        (".gitignore", "*.pyc\n"),
        (".git/HEAD", "ref: refs/heads/main\n"),
    ]);
    let output = tegmen(&project, &["init", "--yes"], &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let manifest = read(&project, "tegmen.toml");
    assert!(manifest.contains("source = \"dotenv:.env#LOCUST_API_KEY\""), "{manifest}");
    assert!(manifest.contains("source = \"env:SHOP_PASSWORD\""), "{manifest}");
    assert_eq!(read(&project, ".gitignore"), "*.pyc\n/.env\n/.tegmen\n");
    assert_eq!(read(&project, ".env.example"), "# to be filled\nLOCUST_API_KEY=\nSHOP_PASSWORD=\n");
    assert!(!text(&output.stderr).contains("a-made-up-key") && !manifest.contains("a-made-up-key"));
}

#[test]
fn other_sources_and_hosts() {
    let project = project(&[("load/test.py", SCRIPT)]);
    let arguments = [
        "init",
        "load",
        "--dry-run",
        "--source",
        "vault:secret/locust/shop",
        "--hosts",
        "a.example.com,b.example.com:8443",
    ];
    let output = tegmen(&project, &arguments, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let manifest = text(&output.stdout);
    assert!(manifest.contains("source = \"vault:secret/locust/shop#api_key\""), "{manifest}");
    assert!(manifest.contains("hosts = [\"a.example.com\", \"b.example.com:8443\"]"), "{manifest}");
    assert!(!project.path().join("load/tegmen.toml").exists());
    let output = tegmen(&project, &["init", "load", "--yes", "--source", "store"], &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(read(&project, "load/tegmen.toml").contains("source = \"store:API_KEY\""));
    assert!(text(&output.stderr).contains("tegmen secrets set API_KEY"), "{}", text(&output.stderr));
    for wrong in [["--source", "valt:x/y"], ["--hosts", "*.example.com"], ["--source", "vault:x"]] {
        let output = tegmen(&project, &[&["init", "--yes"], &wrong[..]].concat(), &[]);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn where_there_is_nothing_it_says_what_to_do() {
    let empty = project(&[("app.py", "import os\nKEY = os.environ['API_KEY']\n")]);
    let output = tegmen(&empty, &["init", "--yes"], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("no script imports locust"), "{}", text(&output.stderr));

    let password = ["Zk99-", "aaQ7x"].concat();
    let literal = project(&[("locustfile.py", &format!("from locust import HttpUser\npassword = \"{password}\"\n"))]);
    let output = tegmen(&literal, &["init", "--yes"], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("tegmen fix --to store"), "{}", text(&output.stderr));

    let script = project(&[("locustfile.py", SCRIPT)]);
    let output = tegmen(&script, &["init"], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("--yes takes what is proposed"), "{}", text(&output.stderr));
    assert!(!script.path().join("tegmen.toml").exists());
}
