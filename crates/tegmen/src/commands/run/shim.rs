//! A directory for PYTHONPATH with a `sitecustomize.py`: where Python lacks the package tegmen, it stops Locust with the
//! exact command that installs it. Which Python will run is not known before: it may be behind pipx, uv or make.

use std::path::Path;

use tempfile::TempDir;

const SITECUSTOMIZE: &str = include_str!("sitecustomize.py");

/// The directory; gone when dropped.
pub struct Shim(TempDir);

impl Shim {
    pub fn new() -> std::io::Result<Self> {
        let directory = tempfile::Builder::new().prefix("tegmen-").tempdir()?;
        let text = SITECUSTOMIZE.replace("@VERSION@", env!("CARGO_PKG_VERSION"));
        std::fs::write(directory.path().join("sitecustomize.py"), text)?;
        Ok(Self(directory))
    }

    pub fn directory(&self) -> &Path {
        self.0.path()
    }
}
