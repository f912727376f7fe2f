//! Which files an audit looks at.

use std::sync::{Mutex, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use ignore::{DirEntry, WalkBuilder, WalkState};
use tegmen_findings::{Problem, ProblemKind};

use crate::{Options, git_ignores};

/// What a file is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileKind {
    /// Python.
    Python,
    /// A dotenv file.
    Dotenv,
    /// Names and values line by line: INI, `locust.conf`, properties, `.netrc` and its kin.
    Ini,
    /// YAML.
    Yaml,
    /// TOML.
    Toml,
    /// JSON: HAR, Postman and the rest.
    Json,
    /// A notebook of Jupyter.
    Notebook,
    /// A table: CSV, TSV.
    Csv,
    /// XML: JMeter, Maven.
    Xml,
    /// A Dockerfile.
    Dockerfile,
    /// A shell script.
    Shell,
    /// A Makefile.
    Makefile,
    /// A script that is searched without being parsed: Groovy, HCL, PowerShell, batch.
    Script,
    /// A sample for others to copy, of any kind: only what a provider issued counts in it.
    Sample,
}

/// Directories that hold other people's code, or none at all.
const SKIPPED: &[&str] = &[
    ".git",
    ".hg",
    ".svn",
    "node_modules",
    "site-packages",
    "__pycache__",
    ".venv",
    "venv",
    ".tox",
    ".nox",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".eggs",
    "bower_components",
    ".terraform",
    ".tegmen",
    ".idea",
    ".cache",
];

/// Files that are generated, long, and hold nothing of the kind.
const GENERATED: &[&str] = &[
    "package-lock.json",
    "composer.lock",
    "pnpm-lock.yaml",
    "yarn.lock",
    "poetry.lock",
    "uv.lock",
    "Pipfile.lock",
    "Cargo.lock",
];

/// Whether a directory of this name is not walked into.
pub fn is_skipped(name: &str) -> bool {
    SKIPPED.contains(&name)
}

/// So many entries are gone through by one thread: to start others would take longer.
const ALONE: usize = 500;

/// What a walk finds.
#[derive(Default)]
struct Found {
    files: Vec<(Utf8PathBuf, FileKind)>,
    problems: Vec<Problem>,
}

/// Files to look at, in the order of their paths as text, and places that could not be.
pub fn walk(paths: &[Utf8PathBuf], options: &Options) -> (Vec<(Utf8PathBuf, FileKind)>, Vec<Problem>) {
    let mut found = Found::default();
    for path in paths {
        // A pipe or a device too: reading it says what it is.
        if path.is_file() || path.exists() && !path.is_dir() {
            // What is named is looked at, whatever it is called.
            found.files.push((path.clone(), kind(path).unwrap_or(FileKind::Python)));
            continue;
        }
        let below = directory(path, options);
        found.files.extend(below.files);
        found.problems.extend(below.problems);
    }
    let Found { mut files, problems } = found;
    files.sort_by(|a, b| a.0.as_str().cmp(b.0.as_str()));
    files.dedup_by(|a, b| a.0 == b.0);
    (files, problems)
}

/// What there is below a directory.
fn directory(path: &Utf8Path, options: &Options) -> Found {
    let mut builder = WalkBuilder::new(path);
    let excluded = options.exclude.clone();
    builder.hidden(false).require_git(false).git_global(git_ignores::has_patterns_for_all()).filter_entry(
        move |entry| {
            let directory = entry.file_type().is_some_and(|kind| kind.is_dir());
            let excluded = || {
                let path = Utf8Path::from_path(entry.path());
                excluded.as_ref().zip(path).is_some_and(|(patterns, path)| patterns.matches(path, true))
            };
            !(directory
                && entry.depth() > 0
                && (excluded()
                    || entry.file_name().to_str().is_some_and(is_skipped)
                    || entry.path().join("pyvenv.cfg").exists()))
        },
    );
    let mut found = Found::default();
    let mut entries = builder.build();
    for entry in entries.by_ref().take(ALONE) {
        found.add(entry, path, options);
    }
    if entries.next().is_none() {
        return found;
    }
    // A large tree is gone through by all, from its beginning.
    let found = Mutex::new(Found::default());
    builder.build_parallel().run(|| {
        Box::new(|entry| {
            let mut one = Found::default();
            one.add(entry, path, options);
            if !(one.files.is_empty() && one.problems.is_empty()) {
                let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
                found.files.append(&mut one.files);
                found.problems.append(&mut one.problems);
            }
            WalkState::Continue
        })
    });
    found.into_inner().unwrap_or_else(PoisonError::into_inner)
}

impl Found {
    fn add(&mut self, entry: Result<DirEntry, ignore::Error>, root: &Utf8Path, options: &Options) {
        let unread = |path: String, message| Problem { kind: ProblemKind::Unread, path, line: None, message };
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => return self.problems.push(unread(root.to_string(), format!("not audited: {error}"))),
        };
        let file = entry.file_type().is_some_and(|kind| kind.is_file());
        // A pipe or a device by the name of a script: reading it might never end. Links inside the tree lead to
        // what is audited anyway, or out of it.
        let odd = !file && entry.file_type().is_none_or(|kind| !kind.is_dir() && !kind.is_symlink());
        if !(file || odd && special(entry.path())) {
            return;
        }
        match Utf8PathBuf::from_path_buf(entry.into_path()) {
            Ok(path) => {
                let path = path.strip_prefix("./").map(Utf8Path::to_path_buf).unwrap_or(path);
                if let Some(kind) = kind(&path).filter(|_| !options.excludes(&path, false)) {
                    self.files.push((path, kind));
                }
            }
            Err(path) => self.problems.push(unread(
                path.to_string_lossy().into_owned(),
                "the name of the file is not UTF-8; it was not audited".to_owned(),
            )),
        }
    }
}

/// Whether what is no file has a name that would have it audited.
fn special(path: &std::path::Path) -> bool {
    Utf8Path::from_path(path).is_some_and(|path| kind(path).is_some())
}

/// What a file is by its name; `None` for what is not looked at.
pub fn kind(path: &Utf8Path) -> Option<FileKind> {
    let name = path.file_name()?;
    let lower = name.to_lowercase();
    if GENERATED.contains(&name) || lower.ends_with(".min.js") || lower.ends_with(".lock.json") {
        return None;
    }
    let kind = by_name(&lower)?;
    // Samples for others to copy.
    let is_sample = |part: &str| {
        ["example", "sample", "template", "dist", "tmpl", "examples", "samples", "tpl"]
            .iter()
            .any(|word| part.strip_suffix(word).is_some_and(|rest| rest.is_empty() || rest.ends_with('-')))
    };
    match (lower.split(['.', '_']).skip(1).any(is_sample), kind) {
        (false, kind) => Some(kind),
        (true, FileKind::Python) if is_settings(&lower) => None,
        (true, FileKind::Python) => Some(FileKind::Python),
        (true, _) => Some(FileKind::Sample),
    }
}

/// Whether a Python file has settings for others to fill in, rather than a script that happens to be an example.
fn is_settings(lower: &str) -> bool {
    ["config", "conf", "setting", "secret", "credential", "env", "local", "param", "constant", "account", "user"]
        .iter()
        .any(|word| lower.contains(word))
}

fn by_name(lower: &str) -> Option<FileKind> {
    if lower == ".env"
        || lower.starts_with(".env.")
        || lower.starts_with(".env-")
        || lower.starts_with(".env_")
        || lower.contains(".env") && !lower.contains(".envrc")
        || matches!(lower, ".flaskenv" | "env" | "env.list")
    {
        // `.env.py` is Python, `settings.env.json` JSON.
        let ending = lower.rsplit('.').next().and_then(by_ending);
        return Some(ending.unwrap_or(FileKind::Dotenv));
    }
    if lower.starts_with("dockerfile") || lower.ends_with(".dockerfile") || lower.starts_with("containerfile") {
        return Some(FileKind::Dockerfile);
    }
    match lower {
        "makefile" | "gnumakefile" | "justfile" => return Some(FileKind::Makefile),
        "jenkinsfile" => return Some(FileKind::Script),
        ".netrc" | "_netrc" | ".pgpass" | ".npmrc" | ".pypirc" | ".s3cfg" | "credentials" | ".my.cnf" | "pip.conf"
        | ".htpasswd" => return Some(FileKind::Ini),
        "procfile" | ".envrc" | ".bashrc" | ".bash_profile" | ".profile" | ".zshrc" | ".bash_aliases" => {
            return Some(FileKind::Shell);
        }
        _ => {}
    }
    if lower.starts_with("makefile.") || lower.starts_with("jenkinsfile") {
        return Some(if lower.starts_with('m') { FileKind::Makefile } else { FileKind::Script });
    }
    by_ending(lower.rsplit_once('.')?.1)
}

fn by_ending(ending: &str) -> Option<FileKind> {
    Some(match ending {
        "py" | "pyw" => FileKind::Python,
        "yml" | "yaml" | "jinja2" | "j2" => FileKind::Yaml,
        "toml" => FileKind::Toml,
        "json" | "har" | "jsonc" | "json5" | "webmanifest" => FileKind::Json,
        "ipynb" => FileKind::Notebook,
        "csv" | "tsv" => FileKind::Csv,
        "xml" | "jmx" | "config" => FileKind::Xml,
        "conf" | "ini" | "cfg" | "properties" | "cnf" => FileKind::Ini,
        "env" => FileKind::Dotenv,
        "sh" | "bash" | "zsh" | "ksh" => FileKind::Shell,
        "mk" => FileKind::Makefile,
        "groovy" | "jenkinsfile" | "tf" | "tfvars" | "hcl" | "ps1" | "bat" | "cmd" => FileKind::Script,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        for (name, expected) in [
            ("locustfile.py", Some(FileKind::Python)),
            ("a/.env", Some(FileKind::Dotenv)),
            (".env.prod", Some(FileKind::Dotenv)),
            ("prod.env", Some(FileKind::Dotenv)),
            (".env.json", Some(FileKind::Json)),
            (".env.example", Some(FileKind::Sample)),
            ("values.sample.yaml", Some(FileKind::Sample)),
            ("example.py", Some(FileKind::Python)),
            ("locust_example.py", Some(FileKind::Python)),
            ("config_example.py", None),
            ("dist.yaml", Some(FileKind::Yaml)),
            ("Jenkinsfile", Some(FileKind::Script)),
            ("x.ipynb", Some(FileKind::Notebook)),
            ("docker-compose.yml", Some(FileKind::Yaml)),
            ("Dockerfile.load", Some(FileKind::Dockerfile)),
            ("package-lock.json", None),
            ("README.md", None),
        ] {
            assert_eq!(kind(Utf8Path::new(name)), expected, "{name}");
        }
    }
}
