//! Opening a folder without what lies in it that has to stay closed. Landlock can only add: where something below a folder
//! stays closed, what lies beside it is opened piece by piece.

use std::path::{Path, PathBuf};

use tegmen_sys::sandbox::Access;

use super::Policy;

/// In the home folder: credentials, keys, sessions, histories.
const HOME: &[&str] = &[
    ".aws",
    ".azure",
    ".bash_history",
    ".boto",
    ".cargo/credentials",
    ".cargo/credentials.toml",
    ".config/chromium",
    ".config/gcloud",
    ".config/gh",
    ".config/git/credentials",
    ".config/google-chrome",
    ".config/op",
    ".config/rclone",
    ".docker",
    ".git-credentials",
    ".gnupg",
    ".histfile",
    ".kube",
    ".local/share/fish",
    ".local/share/keyrings",
    ".local/share/tegmen",
    ".mozilla",
    ".my.cnf",
    ".mysql_history",
    ".netrc",
    ".npmrc",
    ".password-store",
    ".pgpass",
    ".psql_history",
    ".pypirc",
    ".python_history",
    ".s3cfg",
    ".ssh",
    ".terraform.d",
    ".vault-token",
    ".zsh_history",
];

/// In the project: `.git/config` often holds a token, and the store may lie in `.tegmen`.
const PROJECT: &[&str] = &[".git", ".tegmen"];

/// More entries of one folder are not opened one by one.
const MOST: usize = 4096;

/// What stays closed.
pub(super) struct Closed(Vec<PathBuf>);

impl Closed {
    pub(super) fn new(home: Option<&Path>, more: &[PathBuf], project: &[PathBuf]) -> Self {
        let of_home = home.into_iter().flat_map(|home| HOME.iter().map(move |name| home.join(name)));
        let of_project = project.iter().flat_map(|folder| PROJECT.iter().map(move |name| folder.join(name)));
        let all = of_home.chain(of_project).chain(more.iter().cloned());
        Self(all.filter_map(|path| path.canonicalize().ok()).collect())
    }

    /// Opens a file, or a folder but for what stays closed.
    pub(super) fn open(&self, path: &Path, access: Access, policy: &mut Policy) {
        let Ok(path) = path.canonicalize() else { return };
        if self.0.iter().any(|closed| path.starts_with(closed)) {
            return;
        }
        if !self.0.iter().any(|closed| closed.starts_with(&path)) {
            policy.allow(&path, access);
            return;
        }
        let Ok(entries) = std::fs::read_dir(&path) else { return };
        // The names can be seen, so that Python finds its modules.
        policy.allow(&path, Access::List);
        for entry in entries.flatten().take(MOST) {
            // Where a link leads, Landlock looks at the place it leads to: only that counts.
            if entry.file_type().is_ok_and(|kind| !kind.is_symlink()) {
                self.open(&entry.path(), access, policy);
            }
        }
    }
}
