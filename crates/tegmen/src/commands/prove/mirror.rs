//! A copy of the project for a test, where the files themselves cannot be covered: its own files are copied, what is large and
//! nobody's own is linked to.

use std::{fs, io, os::unix::fs::symlink, path::Path};

/// Folders that are linked to as they are: nothing in them is the project's own.
const LINKED: [&str; 7] = [".git", "node_modules", ".venv", "venv", "site-packages", ".tox", "target"];
/// Compiled scripts hold what the scripts held.
const LEFT_OUT: [&str; 2] = ["__pycache__", ".tegmen"];
/// Larger files are linked to.
const LARGEST: u64 = 32 * 1024 * 1024;

/// Makes it.
///
/// # Errors
/// When something cannot be read or written.
pub fn make(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, name, kind) = (entry.path(), entry.file_name(), entry.file_type()?);
        let copy = to.join(&name);
        if LEFT_OUT.iter().any(|left| name == *left) {
            continue;
        }
        if kind.is_dir() && !LINKED.iter().any(|linked| name == *linked) {
            make(&path, &copy)?;
        } else if kind.is_file() && entry.metadata()?.len() <= LARGEST {
            fs::copy(&path, &copy)?;
        } else if kind.is_dir() || kind.is_file() || kind.is_symlink() {
            symlink(&path, &copy)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_files_are_copied_and_the_rest_is_linked() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        for name in ["tests", ".venv", "__pycache__"] {
            fs::create_dir_all(from.join(name)).unwrap();
        }
        fs::write(from.join("tests/locustfile.py"), "x = 1").unwrap();
        make(&from, &to).unwrap();
        fs::write(to.join("tests/locustfile.py"), "x = 2").unwrap();
        assert_eq!(fs::read_to_string(from.join("tests/locustfile.py")).unwrap(), "x = 1");
        assert!(to.join(".venv").is_symlink() && !to.join("__pycache__").exists());
    }
}
