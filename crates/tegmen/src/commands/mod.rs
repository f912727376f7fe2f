//! One file per subcommand: its arguments, and the calls that they become; and what several of them have in common.

pub mod audit;
mod choices;
pub mod completions;
pub mod doctor;
pub mod explain;
pub mod fix;
pub mod guide;
pub mod init;
mod names;
mod progress;
pub mod prove;
pub mod redact;
pub mod reference;
pub mod report;
pub mod rotate;
pub mod run;
pub mod secrets;
mod settings;
mod spinner;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use camino::Utf8PathBuf;
use tegmen_sys::hardening;

/// Before there is a value to protect: no core dumps, and no other process that looks into this one.
///
/// # Errors
/// When the kernel refuses.
fn close_process() -> anyhow::Result<()> {
    hardening::forbid_core_dumps().context("core dumps cannot be switched off")?;
    hardening::forbid_inspection().context("other processes cannot be kept from looking into this one")
}

/// Where the project begins that these paths belong to: here, or, since what lies elsewhere is a project of its own, there.
fn project_of(paths: &[Utf8PathBuf], here: &Path) -> PathBuf {
    let first = paths.first().map_or(here.to_owned(), |path| here.join(path));
    let first = first.canonicalize().unwrap_or(first);
    match (first.starts_with(here), first.is_dir()) {
        (true, _) => here.to_owned(),
        (false, true) => first,
        (false, false) => first.parent().map_or(here.to_owned(), Path::to_owned),
    }
}
