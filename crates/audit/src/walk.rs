//! Which files an audit looks at.

use camino::{Utf8Path, Utf8PathBuf};
use ignore::WalkBuilder;
use tegmen_findings::Problem;

use crate::Options;

/// What a file is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKind {
    /// Python.
    Python,
    /// `NAME=value` lines: `.env`, shell scripts, `.properties`, INI, `locust.conf`, Makefiles.
    Lines,
    /// YAML.
    Yaml,
    /// TOML.
    Toml,
    /// JSON.
    Json,
    /// A Dockerfile.
    Dockerfile,
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

/// Files to look at, and places that could not be.
pub fn walk(paths: &[Utf8PathBuf], options: &Options) -> (Vec<(Utf8PathBuf, FileKind)>, Vec<Problem>) {
    let mut files = Vec::new();
    let mut problems = Vec::new();
    for path in paths {
        if path.is_file() {
            // What is named is looked at, whatever it is called.
            files.push((path.clone(), kind(path).unwrap_or(FileKind::Python)));
            continue;
        }
        let mut builder = WalkBuilder::new(path);
        let excluded = options.exclude.clone();
        builder.hidden(false).require_git(false).filter_entry(move |entry| {
            let directory = entry.file_type().is_some_and(|kind| kind.is_dir());
            let name = entry.file_name().to_string_lossy();
            let excluded = || {
                let path = Utf8Path::from_path(entry.path());
                excluded.as_ref().zip(path).is_some_and(|(patterns, path)| patterns.matches(path, true))
            };
            !(directory
                && entry.depth() > 0
                && (excluded() || SKIPPED.contains(&name.as_ref()) || entry.path().join("pyvenv.cfg").exists()))
        });
        for entry in builder.build() {
            match entry {
                Ok(entry) => {
                    if !entry.file_type().is_some_and(|kind| kind.is_file()) {
                        continue;
                    }
                    match Utf8PathBuf::from_path_buf(entry.into_path()) {
                        Ok(path) => {
                            let path = path.strip_prefix("./").map(Utf8Path::to_path_buf).unwrap_or(path);
                            if options.excludes(&path, false) {
                                continue;
                            }
                            if let Some(kind) = kind(&path) {
                                files.push((path, kind));
                            }
                        }
                        Err(path) => problems.push(Problem {
                            path: path.to_string_lossy().into_owned(),
                            line: None,
                            message: "the name of the file is not UTF-8; it was not audited".to_owned(),
                        }),
                    }
                }
                Err(error) => problems.push(Problem {
                    path: path.to_string(),
                    line: None,
                    message: format!("not audited: {error}"),
                }),
            }
        }
    }
    files.sort_by(|a, b| a.0.cmp(&b.0));
    files.dedup_by(|a, b| a.0 == b.0);
    (files, problems)
}

/// What a file is by its name; `None` for what is not looked at.
pub fn kind(path: &Utf8Path) -> Option<FileKind> {
    let name = path.file_name()?;
    let lower = name.to_lowercase();
    if GENERATED.contains(&name) {
        return None;
    }
    // Samples for others to copy.
    if ["example", "sample", "template", "dist", "tmpl"]
        .iter()
        .any(|word| lower.split('.').any(|part| part == *word || part.ends_with(&format!("-{word}"))))
    {
        return None;
    }
    if lower == ".env" || lower.starts_with(".env.") || lower.ends_with(".env") {
        return Some(FileKind::Lines);
    }
    if lower.starts_with("dockerfile") || lower.ends_with(".dockerfile") || lower == "containerfile" {
        return Some(FileKind::Dockerfile);
    }
    if lower == "makefile" || lower == "justfile" || lower == ".netrc" {
        return Some(FileKind::Lines);
    }
    match path.extension()?.to_lowercase().as_str() {
        "py" | "pyw" => Some(FileKind::Python),
        "yml" | "yaml" => Some(FileKind::Yaml),
        "toml" => Some(FileKind::Toml),
        "json" => Some(FileKind::Json),
        "conf" | "ini" | "cfg" | "properties" | "sh" | "bash" | "mk" => Some(FileKind::Lines),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        for (name, expected) in [
            ("locustfile.py", Some(FileKind::Python)),
            ("a/.env", Some(FileKind::Lines)),
            (".env.prod", Some(FileKind::Lines)),
            (".env.example", None),
            ("docker-compose.yml", Some(FileKind::Yaml)),
            ("Dockerfile.load", Some(FileKind::Dockerfile)),
            ("package-lock.json", None),
            ("README.md", None),
        ] {
            assert_eq!(kind(Utf8Path::new(name)), expected, "{name}");
        }
    }
}
