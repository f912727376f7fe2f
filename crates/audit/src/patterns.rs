//! Patterns of paths, as `.gitignore` has them, from a directory on.

use camino::{Utf8Path, Utf8PathBuf};
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::Error;

/// Patterns of paths: `tests/fixtures/`, `*.min.json`, `!keep.json`.
#[derive(Debug, Clone)]
pub struct Patterns {
    /// The directory that they start from, absolute.
    root: Utf8PathBuf,
    matcher: Gitignore,
}

impl Patterns {
    /// Patterns that start from `root`.
    ///
    /// # Errors
    /// The first that is none.
    pub fn new(root: &Utf8Path, patterns: &[String]) -> Result<Self, Error> {
        let root = absolute(root);
        let mut builder = GitignoreBuilder::new(&root);
        let wrong = |pattern: &str, error: &ignore::Error| Error::Pattern {
            pattern: pattern.to_owned(),
            reason: error.to_string().rsplit(": ").next().unwrap_or_default().to_owned(),
        };
        for pattern in patterns {
            builder.add_line(None, pattern).map_err(|error| wrong(pattern, &error))?;
        }
        let matcher = builder.build().map_err(|error| wrong(&patterns.join(", "), &error))?;
        Ok(Self { root, matcher })
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.matcher.is_empty()
    }

    /// Whether one of them matches a path or a directory above it. What does not lie below the directory that they start from is
    /// matched by none.
    pub fn matches(&self, path: &Utf8Path, is_directory: bool) -> bool {
        if self.matcher.is_empty() {
            return false;
        }
        let path = absolute(path);
        match path.strip_prefix(&self.root) {
            Ok(relative) if !relative.as_str().is_empty() => {
                self.matcher.matched_path_or_any_parents(relative, is_directory).is_ignore()
            }
            _ => false,
        }
    }
}

/// A path without `.` and `..`, from the root on. Links are not followed: names are compared, not files.
pub fn absolute(path: &Utf8Path) -> Utf8PathBuf {
    let whole = std::path::absolute(path).ok().and_then(|path| Utf8PathBuf::from_path_buf(path).ok());
    let mut out = Utf8PathBuf::new();
    for part in whole.as_deref().unwrap_or(path).components() {
        match part {
            camino::Utf8Component::ParentDir => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}

/// A path as seen from `root`, if it lies below; else as it is.
pub fn relative(path: &str, root: Option<&Utf8Path>) -> String {
    let Some(root) = root else { return path.to_owned() };
    let whole = absolute(Utf8Path::new(path));
    whole.strip_prefix(root).map_or_else(|_| path.to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(patterns: &[&str]) -> Patterns {
        let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
        Patterns::new(Utf8Path::new("/project"), &patterns).unwrap()
    }

    #[test]
    fn patterns_are_those_of_gitignore() {
        let patterns = patterns(&["fixtures/", "/data/*.json", "*.min.py", "!keep.min.py"]);
        for (path, expected) in [
            ("/project/tests/fixtures/a.py", true),
            ("/project/data/x.json", true),
            ("/project/more/data/x.json", false),
            ("/project/a.min.py", true),
            ("/project/keep.min.py", false),
            ("/project/tests/../tests/fixtures/a.py", true),
            ("/elsewhere/fixtures/a.py", false),
            ("/project", false),
        ] {
            assert_eq!(patterns.matches(Utf8Path::new(path), false), expected, "{path}");
        }
        assert!(Patterns::new(Utf8Path::new("/project"), &["[z-a]".to_owned()]).is_err());
    }

    #[test]
    fn paths_are_seen_from_the_root() {
        assert_eq!(relative("/project/./load/../a.py", Some(Utf8Path::new("/project"))), "a.py");
        assert_eq!(relative("/other/a.py", Some(Utf8Path::new("/project"))), "/other/a.py");
        assert_eq!(relative("load/a.py", None), "load/a.py");
    }
}
