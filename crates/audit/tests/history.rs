//! The history of real repositories, made by git.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]

use std::path::Path;
use std::process::Command;

use camino::Utf8PathBuf;
use tegmen_audit::{Audit, Baseline, Error, Options, Scope, history};
use tempfile::TempDir;

/// A repository that goes when the test ends.
struct Repository {
    folder: TempDir,
}

impl Repository {
    fn new() -> Self {
        let repository = Self { folder: tempfile::tempdir().unwrap() };
        repository.git(&["init", "-q", "-b", "main", "."]);
        repository
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn git(&self, args: &[&str]) -> String {
        git(self.path(), args)
    }

    /// Writes a file and commits everything.
    fn commit(&self, file: &str, text: &str) -> String {
        let path = self.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", file]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn audit(&self, within: &str) -> Result<Audit, Error> {
        audit(&self.path().join(within))
    }
}

fn git(folder: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args([
            "-c",
            "user.name=n",
            "-c",
            "user.email=n@example.com",
            "-c",
            "commit.gpgsign=false",
            "-c",
            "protocol.file.allow=always",
        ])
        .args(args)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn audit(path: &Path) -> Result<Audit, Error> {
    tegmen_audit::audit_with_history(&[Utf8PathBuf::from_path_buf(path.to_owned()).unwrap()], &Options::default())
}

/// A password that nobody has, different for each `n`.
fn password(n: usize) -> String {
    ["Kw7", "zQx", "41p"].map(|part| format!("{part}{}", n * 7 + 3)).concat()
}

fn hard_coded(value: &str) -> String {
    format!("from locust import HttpUser\n\nPASSWORD = \"{value}\"\n")
}

const CLEAN: &str = "from locust import HttpUser\nimport os\n\nPASSWORD = os.environ[\"PASSWORD\"]\n";

/// The messages of what was found.
fn messages(audit: &Audit) -> Vec<&str> {
    audit.findings.iter().map(|finding| finding.message.as_str()).collect()
}

#[test]
fn what_was_removed_is_found_with_its_commits_and_without_its_value() {
    let repository = Repository::new();
    let value = password(1);
    let added = repository.commit("load/locustfile.py", &hard_coded(&value));
    repository.commit("load/locustfile.py", &format!("# more\n{}", hard_coded(&value)));
    let removed = repository.commit("load/locustfile.py", CLEAN);
    for packed in [false, true] {
        if packed {
            repository.git(&["gc", "-q"]);
        }
        let audit = repository.audit("").unwrap();
        let [finding] = &audit.findings[..] else { panic!("{:?}", messages(&audit)) };
        assert_eq!(finding.rule.id, "hardcoded-password");
        assert!(finding.location().path.ends_with("load/locustfile.py"));
        assert_eq!(finding.location().line, 3);
        assert!(finding.message.contains(&format!("since {}", &added[..10])), "{}", finding.message);
        assert!(finding.message.contains(&format!("removed in {}", &removed[..10])), "{}", finding.message);
        assert!(!format!("{audit:?}").contains(&value));
        // Whoever does not ask for it is told nothing of it.
        let path = Utf8PathBuf::from_path_buf(repository.path().to_owned()).unwrap();
        assert!(tegmen_audit::audit(&[path], &Options::default()).unwrap().findings.is_empty());
    }
}

#[test]
fn what_is_still_there_is_found_once_and_what_was_exchanged_twice() {
    let repository = Repository::new();
    repository.commit("a.py", &hard_coded(&password(1)));
    repository.commit("a.py", &hard_coded(&password(2)));
    repository.git(&["mv", "a.py", "b.py"]);
    repository.commit("c.txt", "");
    let audit = repository.audit("").unwrap();
    assert_eq!(audit.findings.len(), 2, "{:?}", messages(&audit));
    let past: Vec<_> = audit.findings.iter().filter(|finding| finding.message.contains("history")).collect();
    assert_eq!(past.len(), 1);
    assert_ne!(audit.findings[0].fingerprint(), audit.findings[1].fingerprint());
    // The fingerprint stays when the history goes on.
    let before = past[0].fingerprint().to_owned();
    repository.commit("d.py", CLEAN);
    let after = repository.audit("").unwrap();
    assert!(after.findings.iter().any(|finding| finding.fingerprint() == before));
}

#[test]
fn files_beside_the_scripts_and_deleted_ones_count() {
    let repository = Repository::new();
    repository.commit(".env", &format!("DB_PASSWORD={}\n", password(1)));
    repository.commit("node_modules/x/a.py", &hard_coded(&password(3)));
    repository.git(&["rm", "-q", "-r", ".env", "node_modules"]);
    repository.commit(".gitignore", ".env\n");
    // Now it is ignored, and what git does not have is not audited: the history has it all the same.
    std::fs::write(repository.path().join(".env"), format!("DB_PASSWORD={}\n", password(1))).unwrap();
    let audit = repository.audit("").unwrap();
    assert_eq!(messages(&audit).len(), 1, "{:?}", messages(&audit));
    assert!(audit.findings[0].location().path.ends_with(".env"));
}

#[test]
fn merges_branches_tags_and_working_trees_are_searched() {
    let repository = Repository::new();
    repository.commit("a.py", CLEAN);
    repository.git(&["checkout", "-q", "-b", "side"]);
    repository.commit("side.py", &hard_coded(&password(1)));
    let gone = repository.commit("side.py", CLEAN);
    repository.git(&["checkout", "-q", "main"]);
    repository.commit("b.py", CLEAN);
    repository.git(&["merge", "-q", "--no-edit", "side"]);
    // Only a branch has it, and it is not checked out.
    repository.git(&["checkout", "-q", "-b", "other"]);
    repository.commit("other.py", &hard_coded(&password(2)));
    repository.git(&["checkout", "-q", "main"]);
    // Only a tag.
    repository.git(&["checkout", "-q", "--detach"]);
    repository.commit("tagged.py", &hard_coded(&password(3)));
    repository.git(&["tag", "-a", "-m", "t", "v1"]);
    repository.git(&["checkout", "-q", "main"]);
    let audit = repository.audit("").unwrap();
    let of = |file: &str| {
        audit
            .findings
            .iter()
            .find(|finding| finding.location().path.ends_with(file))
            .map(|finding| finding.message.clone())
    };
    assert_eq!(audit.findings.len(), 3, "{:?}", messages(&audit));
    assert!(of("side.py").unwrap().contains(&format!("removed in {}", &gone[..10])));
    assert!(of("other.py").unwrap().contains("still at the tip of a branch or tag"));
    assert!(of("tagged.py").unwrap().contains("still at the tip of a branch or tag"));
    // A linked working tree, a bare clone and packed references have the same history.
    repository.git(&["pack-refs", "--all"]);
    let elsewhere = tempfile::tempdir().unwrap();
    let linked = elsewhere.path().join("linked");
    repository.git(&["worktree", "add", "-q", "--detach", linked.to_str().unwrap()]);
    assert_eq!(super_count(&linked), 3);
    let bare = elsewhere.path().join("bare.git");
    repository.git(&["clone", "-q", "--mirror", ".", bare.to_str().unwrap()]);
    assert_eq!(super_count(&bare), 3);
}

fn super_count(path: &Path) -> usize {
    audit(path).unwrap().findings.len()
}

#[test]
fn only_what_was_asked_for_is_searched() {
    let repository = Repository::new();
    repository.commit("a/x.py", &hard_coded(&password(1)));
    repository.commit("b/x.py", &hard_coded(&password(2)));
    repository.commit("a/x.py", CLEAN);
    repository.commit("b/x.py", CLEAN);
    assert_eq!(repository.audit("").unwrap().findings.len(), 2);
    assert_eq!(repository.audit("a").unwrap().findings.len(), 1);
    let file = repository.audit("b/x.py").unwrap();
    assert_eq!(file.findings.len(), 1);
    assert!(file.findings[0].location().path.ends_with("b/x.py"));
}

#[test]
fn a_mark_in_the_commit_holds_it_back() {
    let repository = Repository::new();
    let marked =
        hard_coded(&password(1)).replace("\"\n", "\"  # tegmen: ignore[hardcoded-password] of a test system\n");
    repository.commit("a.py", &marked);
    repository.commit("a.py", CLEAN);
    let audit = repository.audit("").unwrap();
    assert_eq!((audit.findings.len(), audit.suppressed.len()), (0, 1), "{:?}", messages(&audit));
}

#[test]
fn no_history_is_no_finding_and_no_repository_an_error() {
    let repository = Repository::new();
    std::fs::write(repository.path().join("a.py"), hard_coded(&password(1))).unwrap();
    assert_eq!(repository.audit("").unwrap().findings.len(), 1);
    let elsewhere = tempfile::tempdir().unwrap();
    let error = audit(elsewhere.path()).unwrap_err();
    assert!(matches!(error, Error::History(history::Error::NoRepository { .. })), "{error}");
}

#[test]
fn a_submodule_is_passed_over() {
    let inner = Repository::new();
    inner.commit("a.py", CLEAN);
    let repository = Repository::new();
    repository.git(&["submodule", "--quiet", "add", inner.path().to_str().unwrap(), "sub"]);
    repository.commit("a.py", &hard_coded(&password(1)));
    repository.commit("a.py", CLEAN);
    assert_eq!(repository.audit("").unwrap().findings.len(), 1);
}

#[test]
fn a_history_that_is_not_all_here_is_an_error() {
    let origin = Repository::new();
    origin.commit("a.py", &hard_coded(&password(1)));
    origin.commit("a.py", CLEAN);
    let url = format!("file://{}", origin.path().display());
    let elsewhere = tempfile::tempdir().unwrap();
    git(elsewhere.path(), &["clone", "-q", "--depth", "1", &url, "shallow"]);
    let error = audit(&elsewhere.path().join("shallow")).unwrap_err();
    assert!(error.to_string().contains("git fetch --unshallow"), "{error}");
    origin.git(&["config", "uploadpack.allowFilter", "true"]);
    git(elsewhere.path(), &["clone", "-q", "--no-local", "--filter=blob:none", &url, "partial"]);
    let error = audit(&elsewhere.path().join("partial")).unwrap_err();
    assert!(error.to_string().contains("--refetch"), "{error}");
    // A pack of which a part is gone.
    git(elsewhere.path(), &["clone", "-q", "--mirror", "--no-local", &url, "torn"]);
    let torn = elsewhere.path().join("torn");
    let packs: Vec<_> = std::fs::read_dir(torn.join("objects/pack"))
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "pack"))
        .collect();
    for pack in packs {
        let mut bytes = std::fs::read(&pack).unwrap();
        let length = bytes.len();
        bytes[20..length - 20].fill(0xff);
        std::fs::remove_file(&pack).unwrap();
        std::fs::write(&pack, bytes).unwrap();
    }
    assert!(matches!(audit(&torn).unwrap_err(), Error::History(_)));
}

#[test]
fn exclusions_count_in_the_history_too() {
    let repository = Repository::new();
    // The same tree at two paths, of which one is left out.
    repository.commit("a/x.py", &hard_coded(&password(1)));
    repository.commit("b/x.py", &hard_coded(&password(1)));
    repository.commit("a/y.py", &hard_coded(&password(2)));
    repository.git(&["rm", "-q", "-r", "a", "b"]);
    repository.commit("c.py", CLEAN);
    let root = Utf8PathBuf::from_path_buf(repository.path().to_owned()).unwrap();
    let exclude = tegmen_audit::Patterns::new(&root, &["a/".to_owned()]).unwrap();
    let options = Options { exclude: Some(exclude), ..Options::default() };
    let audit = tegmen_audit::audit_with_history(&[root], &options).unwrap();
    let [finding] = &audit.findings[..] else { panic!("{:?}", messages(&audit)) };
    assert!(finding.location().path.ends_with("b/x.py"));
}

#[test]
fn a_baseline_knows_what_the_history_has_and_only_the_history_says_it_is_gone() {
    let repository = Repository::new();
    repository.commit("a.py", &hard_coded(&password(1)));
    let root = Utf8PathBuf::from_path_buf(repository.path().to_owned()).unwrap();
    let options = Options::default();
    let present = Baseline::of(&repository.audit("").unwrap().findings, &root);
    repository.commit("a.py", CLEAN);
    let past = Baseline::of(&repository.audit("").unwrap().findings, &root);
    assert_eq!((present.len(), past.len()), (1, 1));
    let paths = [root.clone()];
    let apply = |baseline: &Baseline, history: bool| {
        let mut audit = if history { repository.audit("") } else { tegmen_audit::audit(&paths, &options) }.unwrap();
        let gone =
            baseline.apply(&mut audit, &root, "baseline.json", &Scope { paths: &paths, options: &options, history });
        (audit.findings.len(), audit.suppressed.len(), gone)
    };
    assert_eq!(apply(&past, true), (0, 1, 0));
    assert_eq!(apply(&past, false), (0, 0, 0));
    // What was known of the file is not what is known of the history.
    assert_eq!(apply(&present, true), (1, 0, 1));
}

#[test]
fn notebooks_are_searched_cell_by_cell() {
    let repository = Repository::new();
    let notebook = |source: &str| {
        let source = source.replace('"', "\\\"");
        format!(
            "{{\"cells\": [{{\"cell_type\": \"code\", \"source\": [\"{source}\"], \"metadata\": {{}}, \"outputs\": []}}], \
             \"metadata\": {{}}, \"nbformat\": 4, \"nbformat_minor\": 5}}\n"
        )
    };
    let value = password(4);
    repository.commit("load.ipynb", &notebook(&format!("password = \"{value}\"")));
    repository.commit("load.ipynb", &notebook("password = input()"));
    let audit = repository.audit("").unwrap();
    let [finding] = &audit.findings[..] else { panic!("{:?}", messages(&audit)) };
    assert!(finding.message.contains("in the history since"), "{}", finding.message);
    assert!(!format!("{audit:?}").contains(&value));
}
