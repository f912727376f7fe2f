//! What `tegmen doctor --fix` does: changes that take nothing away from anybody who is to have it.

use std::{
    io::Write as _,
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// A repair that is safe to make without asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repair {
    /// Takes permissions of a file or folder away from group and others.
    Mode {
        /// The file.
        path: PathBuf,
        /// The bits to take away: `0o077`.
        without: u32,
    },
    /// Adds a line to a `.gitignore`.
    Ignore {
        /// The `.gitignore`; it may not be there yet.
        file: PathBuf,
        /// The pattern.
        pattern: String,
    },
}

impl Repair {
    /// What it does, in the imperative: `chmod go-rwx .env`.
    pub fn title(&self) -> String {
        match self {
            Self::Mode { path, without } => {
                let what = match without & 0o077 {
                    0o022 => "go-w",
                    0o077 => "go-rwx",
                    0o007 => "o-rwx",
                    0o002 => "o-w",
                    _ => return format!("chmod a-{without:o} {}", path.display()),
                };
                format!("chmod {what} {}", path.display())
            }
            Self::Ignore { file, pattern } => format!("add {pattern} to {}", file.display()),
        }
    }

    /// Does it. What is done already stays as it is. A link is not followed, and neither is a file with several names changed:
    /// somebody else could have put it there.
    ///
    /// # Errors
    /// When the file cannot be changed.
    pub fn apply(&self) -> std::io::Result<()> {
        match self {
            Self::Mode { path, without } => take_away(path, *without),
            Self::Ignore { file, pattern } => add_line(file, pattern),
        }
    }
}

fn take_away(path: &Path, without: u32) -> std::io::Result<()> {
    let refused = |why: &str| std::io::Error::new(std::io::ErrorKind::PermissionDenied, why.to_owned());
    let before = std::fs::symlink_metadata(path)?;
    if before.is_symlink() {
        return Err(refused("it is a link: change the file that it leads to"));
    }
    if before.is_file() && before.nlink() > 1 {
        return Err(refused("the file has several names"));
    }
    if !before.is_file() && !before.is_dir() {
        return Err(refused("it is neither file nor folder"));
    }
    // The mode is changed through the descriptor, so that it is that of the file that was looked at. What has taken its place
    // meanwhile must not make us wait (fifo(7)).
    let file = std::fs::OpenOptions::new().read(true).custom_flags(tegmen_sys::files::AT_ONCE).open(path)?;
    let now = file.metadata()?;
    if (now.dev(), now.ino()) != (before.dev(), before.ino()) {
        return Err(refused("the file was exchanged meanwhile"));
    }
    let mode = now.permissions().mode();
    if mode & without == 0 {
        return Ok(());
    }
    file.set_permissions(std::fs::Permissions::from_mode(mode & !without & 0o7777))
}

fn add_line(file: &Path, pattern: &str) -> std::io::Result<()> {
    if std::fs::metadata(file).is_ok_and(|known| !known.is_file()) {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "it is no file"));
    }
    let before = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    if before.lines().any(|line| line.trim() == pattern) {
        return Ok(());
    }
    let mut out = std::fs::OpenOptions::new().append(true).create(true).open(file)?;
    let begin = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    out.write_all(format!("{begin}{pattern}\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_loses_what_it_is_to_lose_and_keeps_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o754)).unwrap();
        let repair = Repair::Mode { path: path.clone(), without: 0o077 };
        assert!(repair.title().starts_with("chmod go-rwx "));
        for _ in 0..2 {
            repair.apply().unwrap();
            assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o7777, 0o700);
        }
    }

    #[test]
    fn links_and_files_with_several_names_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("theirs"), folder.path().join("link"));
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(Repair::Mode { path: link, without: 0o077 }.apply().is_err());
        std::fs::hard_link(&path, folder.path().join("second")).unwrap();
        assert!(Repair::Mode { path: path.clone(), without: 0o077 }.apply().is_err());
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o644);
    }

    #[test]
    fn a_pipe_with_a_name_keeps_nobody_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        assert!(std::process::Command::new("mkfifo").args(["-m", "644"]).arg(&path).status().unwrap().success());
        assert!(Repair::Mode { path: path.clone(), without: 0o077 }.apply().is_err());
        assert!(Repair::Ignore { file: path, pattern: ".env".to_owned() }.apply().is_err());
    }

    #[test]
    fn a_line_is_added_once_and_on_a_line_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(".gitignore");
        std::fs::write(&file, "*.pyc").unwrap();
        let repair = Repair::Ignore { file: file.clone(), pattern: ".env".to_owned() };
        repair.apply().unwrap();
        repair.apply().unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "*.pyc\n.env\n");
    }
}
