//! What the scripts of a project say of themselves, as far as the stage has to know it: their text, and the variables
//! that they read. The audit knows more; here a name too many does no harm.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// More and larger files than that are nobody's load test.
const MOST: usize = 2_000;
const LARGEST: u64 = 1024 * 1024;
const LEFT_OUT: [&str; 8] = [".git", "node_modules", ".venv", "venv", "site-packages", "__pycache__", ".tox", "target"];

/// The Python files below a directory.
pub fn read(project: &Path) -> Vec<String> {
    let (mut waiting, mut texts): (Vec<PathBuf>, Vec<String>) = (vec![project.to_owned()], Vec::new());
    while let Some(directory) = waiting.pop() {
        // What cannot be read cannot be run either.
        let Ok(entries) = fs::read_dir(&directory) else { continue };
        for entry in entries.flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let Ok(data) = entry.metadata() else { continue };
            if data.is_dir() && !LEFT_OUT.iter().any(|left| name == *left) {
                waiting.push(path);
            } else if data.is_file() && data.len() <= LARGEST && path.extension().is_some_and(|end| end == "py") {
                texts.extend(fs::read_to_string(&path));
            }
            if texts.len() >= MOST {
                return texts;
            }
        }
    }
    texts
}

/// The secrets that these scripts ask for, and the variables of the environment that they read and whose names say that
/// they are sensitive.
pub fn sensitive_variables(scripts: &[String]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for script in scripts {
        for reading in ["environ[", "environ.get(", "getenv(", "secret("] {
            for rest in script.split(reading).skip(1) {
                let rest = rest.trim_start();
                let Some(quote) = rest.chars().next().filter(|quote| ['"', '\''].contains(quote)) else { continue };
                let name = rest[1..].split(quote).next().unwrap_or_default();
                let is_name = !name.is_empty()
                    && name.len() < 100
                    && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
                    && !name.starts_with(|c: char| c.is_ascii_digit());
                if is_name && (reading == "secret(" || tegmen_classify::is_sensitive_name(name)) {
                    names.insert(name.to_owned());
                }
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_are_read() {
        let script =
            r#"a = os.environ["API_KEY"]; b = os.getenv('DB_PASSWORD', ""); c = environ.get( "HOME"); os.environ[x]"#;
        let names = sensitive_variables(&[script.to_owned()]);
        assert_eq!(names.iter().map(String::as_str).collect::<Vec<_>>(), ["API_KEY", "DB_PASSWORD"]);
    }
}
