//! `tegmen fix` through the real binary: where values go, what files keep, when nothing is written.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tegmen_testing::Project;

/// A password that nobody uses, not written in one piece.
fn password(seed: &str) -> String {
    format!("Qx7{seed}!{}9zK", "vT2")
}

struct Here {
    project: Project,
    home: Project,
}

impl Here {
    fn new(files: &[(&str, String)]) -> Self {
        let here = Self { project: Project::new().unwrap(), home: Project::new().unwrap() };
        for (name, text) in files {
            here.project.write(name, text).unwrap();
        }
        here
    }

    fn tegmen(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_tegmen"))
            .args(arguments)
            .current_dir(self.project.path())
            .env_clear()
            .env("HOME", self.home.path())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// Runs it, wants this status, and that no output has a value in it.
    fn fix(&self, arguments: &[&str], status: i32) -> String {
        let output = self.tegmen(&[&["fix"], arguments].concat());
        let text = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(status), "{text}");
        assert!(!text.contains("vT2"), "{text}");
        text
    }

    fn path(&self, name: &str) -> PathBuf {
        self.project.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn stored(&self, name: &str) -> String {
        text(&self.tegmen(&["secrets", "get", name]).stdout)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

fn script(seed: &str) -> String {
    format!("import os\nfrom locust import HttpUser\nPASSWORD = \"{}\"\n", password(seed))
}

const FIXED: &str =
    "import os\nfrom locust import HttpUser\nfrom tegmen import secret\nPASSWORD = secret(\"PASSWORD\")\n";

#[test]
fn a_value_goes_into_the_store_and_the_manifest() {
    let here = Here::new(&[("locustfile.py", script("a"))]);
    let said = here.fix(&["--to", "store"], 0);
    assert!(said.contains("1 finding fixed in 1 file, none left"), "{said}");
    assert_eq!(here.read("locustfile.py"), FIXED);
    assert_eq!(here.read("tegmen.toml"), "[secrets.PASSWORD]\nsource = \"store:PASSWORD\"\n");
    assert_eq!(here.stored("PASSWORD"), password("a"));
    assert_eq!(here.tegmen(&["audit"]).status.code(), Some(0));
    assert!(here.fix(&["--to", "store"], 0).contains("nothing to fix"));
    assert_eq!(here.read("locustfile.py"), FIXED);
    assert!(here.project.holding(password("a").as_bytes()).unwrap().is_empty());
}

#[test]
fn without_a_place_values_stay_and_the_rest_is_done() {
    let text = format!("{}KEY = os.getenv(\"SHOP_TOKEN\")\nprint(len(KEY), KEY + \"x\")\n", script("b"));
    let here = Here::new(&[("locustfile.py", text)]);
    let said = here.fix(&[], 1);
    assert!(said.contains("its value needs a place: --to store or --to dotenv"), "{said}");
    let after = here.read("locustfile.py");
    assert!(after.contains("KEY = os.environ[\"SHOP_TOKEN\"]"), "{after}");
    assert!(after.contains(&password("b")));
    assert!(!here.path("tegmen.toml").exists());
}

#[test]
fn a_diff_changes_nothing() {
    let here = Here::new(&[("locustfile.py", script("c"))]);
    let said = here.fix(&["--diff", "--to", "store"], 1);
    assert!(
        said.contains("-PASSWORD = \"***\"\n+from tegmen import secret\n+PASSWORD = secret(\"PASSWORD\")\n"),
        "{said}"
    );
    assert_eq!(here.read("locustfile.py"), script("c"));
    assert!(!here.path("tegmen.toml").exists());
    assert!(here.home.files().unwrap().is_empty());
    assert_eq!(here.fix(&["--diff", "--select", "TGM4"], 0), "tegmen: nothing would change\n");
}

#[test]
fn a_dotenv_file_is_private_and_ignored_by_git() {
    let odd = "a'b\\c #d";
    let text = format!(
        "from locust import HttpUser\nPASSWORD = {odd:?}\nclass A(HttpUser):\n    password = \"{}\"\n",
        password("d")
    );
    let here = Here::new(&[
        ("locustfile.py", text),
        (".env", "OTHER=1".to_owned()),
        (".gitignore", "*.pyc".to_owned()),
        ("tegmen.toml", "# ours\n[secrets.A_PASSWORD] # old\nsource = \"env:A\"\n".to_owned()),
    ]);
    std::fs::set_permissions(here.path(".env"), std::fs::Permissions::from_mode(0o644)).unwrap();
    here.fix(&["--to", "dotenv"], 0);
    assert_eq!(mode(&here.path(".env")), 0o600);
    assert_eq!(here.read(".gitignore"), "*.pyc\n/.env\n");
    let manifest = here.read("tegmen.toml");
    assert!(manifest.starts_with("# ours\n[secrets.A_PASSWORD] # old\nsource = \"env:A\"\n"), "{manifest}");
    assert!(manifest.contains("[secrets.PASSWORD]\nsource = \"dotenv:.env#PASSWORD\"\n"), "{manifest}");
    assert!(manifest.contains("[secrets.PASSWORD_2]\n"), "{manifest}");
    // Read back as it was written.
    let dotenv = here.read(".env");
    assert!(dotenv.starts_with("OTHER=1\nPASSWORD="), "{dotenv}");
    let output = here.tegmen(&["secrets", "import", ".env"]);
    assert!(output.status.success(), "{}", text_of(&output));
    assert_eq!(here.stored("PASSWORD"), odd);
    assert_eq!(here.stored("PASSWORD_2"), password("d"));
}

fn text_of(output: &Output) -> String {
    text(&output.stderr)
}

#[test]
fn what_a_file_is_it_stays() {
    let windows = format!(
        "\u{feff}import os\r\nfrom locust import HttpUser\r\nclass A(HttpUser):\r\n\tpassword = '{}'",
        password("e")
    );
    let mut latin: Vec<u8> =
        b"# -*- coding: latin-1 -*-\nfrom locust import HttpUser\nNAME = '\xe4'\nPASSWORD = '\xe4".to_vec();
    latin.extend_from_slice(password("f").as_bytes());
    latin.extend_from_slice(b"'\n");
    let here = Here::new(&[("windows.py", windows), ("real/linked.py", script("g"))]);
    std::fs::write(here.path("latin.py"), latin).unwrap();
    symlink("real/linked.py", here.path("link.py")).unwrap();
    std::fs::set_permissions(here.path("windows.py"), std::fs::Permissions::from_mode(0o640)).unwrap();
    here.fix(&["--to", "store", "windows.py", "latin.py", "link.py"], 0);
    assert_eq!(
        here.read("windows.py"),
        "\u{feff}import os\r\nfrom locust import HttpUser\r\nfrom tegmen import secret\r\nclass A(HttpUser):\r\n\tpassword = secret('A_PASSWORD')"
    );
    assert_eq!(mode(&here.path("windows.py")), 0o640);
    let latin = std::fs::read(here.path("latin.py")).unwrap();
    assert!(latin.windows(10).any(|part| part == b"NAME = '\xe4'"), "{latin:?}");
    assert!(here.path("link.py").symlink_metadata().unwrap().is_symlink());
    assert!(here.read("real/linked.py").contains("secret(\"PASSWORD"));
    let stored: Vec<String> = ["PASSWORD", "PASSWORD_2", "A_PASSWORD"].map(|name| here.stored(name)).to_vec();
    assert!(stored.contains(&format!("ä{}", password("f"))), "the value of the Latin-1 file is not what it was");
}

#[test]
fn a_file_that_cannot_be_written_keeps_everything_as_it_is() {
    let here = Here::new(&[("a.py", script("h")), ("b.py", script("i")), ("c.py", script("j"))]);
    std::fs::set_permissions(here.path("a.py"), std::fs::Permissions::from_mode(0o444)).unwrap();
    std::fs::hard_link(here.path("b.py"), here.path("other-name")).unwrap();
    let said = here.fix(&["--to", "store"], 2);
    assert!(said.contains("a.py: is read-only; make it writable with chmod u+w"), "{said}");
    assert!(said.contains("b.py: has 2 names (hard links)"), "{said}");
    assert_eq!(here.read("c.py"), script("j"));
    assert!(!here.path("tegmen.toml").exists());
    assert!(here.home.files().unwrap().is_empty());
}

#[test]
fn what_is_asked_for_wrongly_is_said() {
    let here = Here::new(&[("locustfile.py", script("k")), ("tegmen.toml", "[secrets.X]\nsorce = 1\n".to_owned())]);
    assert!(here.fix(&["--to", "vault"], 2).contains("write `store`, `dotenv` or `dotenv:FILE`"));
    assert!(here.fix(&["--to", "store"], 2).contains("tegmen.toml"));
    std::fs::remove_file(here.path("tegmen.toml")).unwrap();
    assert!(here.fix(&["nowhere"], 2).contains("no such file or directory"));
    assert!(here.fix(&["--select", "hardcoded-pasword"], 2).contains("did you mean"));
    std::fs::write(here.path("broken.py"), "password = 1\ndef f(:\n").unwrap();
    assert!(here.fix(&["--to", "store"], 2).contains("broken.py:2: does not parse"));
    assert_eq!(here.read("locustfile.py"), FIXED);
}

#[test]
fn what_the_audit_holds_back_stays() {
    let held = [
        ("locustfile.py", script("l")),
        ("known.py", script("m")),
        ("lab/a.py", script("n")),
        ("old/b.py", script("o")),
        ("marked.py", script("p").replace("\"\n", "\"  # tegmen: ignore[hardcoded-password] only in the lab\n")),
        (
            "log.py",
            "from locust import HttpUser\nimport os\nTOKEN = os.environ[\"SHOP_TOKEN\"]\nprint(TOKEN)\n".to_owned(),
        ),
        (
            "tegmen.toml",
            "[audit]\nignore = [\"secret-in-log\"]\nexclude = [\"old/\"]\nbaseline = \"known.json\"\n\
             [audit.per-file-ignores]\n\"lab/\" = [\"TGM1\"]\n"
                .to_owned(),
        ),
    ];
    let here = Here::new(&held);
    assert_eq!(here.tegmen(&["audit", "known.py", "--write-baseline", "known.json"]).status.code(), Some(0));
    let said = here.fix(&["--to", "store"], 0);
    assert!(said.contains("1 finding fixed in 1 file, none left; 3 held back and not touched"), "{said}");
    assert_eq!(here.read("locustfile.py"), FIXED);
    for (name, text) in held.iter().filter(|(name, _)| name.ends_with(".py") && *name != "locustfile.py") {
        assert_eq!(here.read(name), *text, "{name}");
    }
    assert_eq!(here.tegmen(&["audit"]).status.code(), Some(0));
    // With other words: what the options say wins.
    let said = here.fix(&["--to", "store", "--no-baseline", "known.py"], 0);
    assert!(said.contains("1 finding fixed in 1 file, none left"), "{said}");
    let said = here.fix(&["--to", "store", "--no-config", "--marks", "none", "--exclude", "old/,log.py"], 0);
    assert!(said.contains("2 findings fixed in 2 files, none left"), "{said}");
    assert_eq!(here.read("old/b.py"), script("o"));
}

#[test]
fn of_one_kind_only_what_the_baseline_does_not_know_is_fixed() {
    let class = |seed: &str| format!("class A:\n    password = \"{}\"\n", password(seed));
    let text = |seeds: &[&str]| {
        let classes: String = seeds.iter().map(|seed| class(seed)).collect();
        format!("from locust import HttpUser\n{classes}")
    };
    let here = Here::new(&[("locustfile.py", text(&["q"])), ("pyproject.toml", "[tool.tegmen.audit]\n".to_owned())]);
    assert_eq!(here.tegmen(&["audit", "--write-baseline", "known.json"]).status.code(), Some(0));
    std::fs::write(here.path("pyproject.toml"), "[tool.tegmen.audit]\nbaseline = \"known.json\"\n").unwrap();
    assert!(here.fix(&["--to", "store"], 0).contains("nothing to fix; 1 held back"));
    std::fs::write(here.path("locustfile.py"), text(&["q", "r"])).unwrap();
    assert!(here.fix(&["--to", "store", "--diff"], 1).contains("+    password = secret(\"PASSWORD"));
    here.fix(&["--to", "store"], 0);
    let after = here.read("locustfile.py");
    assert!(after.contains(&password("q")) && !after.contains(&password("r")), "one is known, one is not");
    assert_eq!(here.fix(&["--diff", "--to", "store"], 0), "tegmen: nothing would change\n");
}
