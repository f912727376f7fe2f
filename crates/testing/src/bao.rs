//! Other things that `bao` can be: a server that nobody has initialised, an Agent.

use std::fs::File;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::openbao::{binary, skip_openbao};

/// A running `bao` with a configuration of its own. Dropping it ends it.
pub struct Bao {
    child: Child,
    folder: TempDir,
}

impl Bao {
    /// Starts `bao COMMAND -config=…`; in the configuration `{folder}` is a folder of its own. `None` where such tests are to
    /// be left out. Does not wait until it answers.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(command: &str, configuration: impl Fn(&Path) -> String) -> Result<Option<Self>> {
        if skip_openbao() {
            return Ok(None);
        }
        let folder = tempfile::Builder::new().prefix("tegmen-bao-").tempdir()?;
        let file = folder.path().join("bao.hcl");
        std::fs::write(&file, configuration(folder.path()))?;
        let log = File::create(folder.path().join("bao.log"))?;
        let child = Command::new(binary()?)
            .args([command, &format!("-config={}", file.display())])
            .env_clear()
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot run bao")?;
        Ok(Some(Self { child, folder }))
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it wrote.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("bao.log")).unwrap_or_default()
    }
}

impl Drop for Bao {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port of 127.0.0.1 that was free just now.
///
/// # Errors
/// When there is none.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
