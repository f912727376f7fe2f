//! `--write-baseline`.

use std::process::ExitCode;

use anyhow::bail;
use camino::Utf8Path;
use tegmen_audit::{Audit, Baseline, BaselineFile};

use super::output;
use crate::messages;

/// Anything but a baseline stays as it is.
pub fn may_be_overwritten(path: &Utf8Path) -> anyhow::Result<()> {
    output::can_be_written(path, "--write-baseline")?;
    let Ok(text) = std::fs::read_to_string(path) else { return Ok(()) };
    if !text.trim().is_empty() && Baseline::parse(&text).is_err() {
        bail!(
            "{path} is there and no baseline of tegmen, so it is not overwritten; choose another file with --write-baseline"
        );
    }
    Ok(())
}

/// Writes what was found. A file that could not be audited is missing in it, which the exit status says.
pub fn write(path: &Utf8Path, audit: &Audit) -> anyhow::Result<ExitCode> {
    let baseline = Baseline::of(&audit.findings, &BaselineFile::directory(path));
    output::to_file(path, baseline.to_text().as_bytes(), "--write-baseline")?;
    let places = if baseline.len() == 1 { "1 place".to_owned() } else { format!("{} places", baseline.len()) };
    messages::note(format!("{places} written to {path}; `tegmen audit --baseline {path}` tells only what is new"));
    for problem in &audit.problems {
        messages::warning(tegmen_report::visible(&format!("{}: {}", problem.path, problem.message)));
    }
    Ok(if audit.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(2) })
}
