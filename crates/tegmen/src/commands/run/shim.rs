//! A directory for PYTHONPATH with a `sitecustomize.py`: where Python lacks the package tegmen, it stops Locust with the
//! exact command that installs it. Which Python will run is not known before: it may be behind pipx, uv or make.

use std::{
    io::Write,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use tempfile::TempDir;

const SITECUSTOMIZE: &str = include_str!("sitecustomize.py");

/// The directory; gone when dropped.
pub struct Shim(TempDir);

impl Shim {
    pub fn new() -> std::io::Result<Self> {
        // Python runs what lies here: nobody else may write to it, whatever the umask.
        let readable = std::fs::Permissions::from_mode(0o755);
        let directory = tempfile::Builder::new().prefix("tegmen-").permissions(readable).tempdir()?;
        let text = SITECUSTOMIZE.replace("@VERSION@", env!("CARGO_PKG_VERSION"));
        let path = directory.path().join("sitecustomize.py");
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o644).open(path)?;
        file.write_all(text.as_bytes())?;
        Ok(Self(directory))
    }

    pub fn directory(&self) -> &Path {
        self.0.path()
    }
}
