//! `--baseline` and `--write-baseline`.

use std::process::ExitCode;

use anyhow::{Context, bail};
use camino::{Utf8Path, Utf8PathBuf};
use tegmen_audit::{Audit, Baseline, Scope};

use super::output;
use crate::messages;

/// A baseline and the file that it came from.
pub struct Known {
    baseline: Baseline,
    path: Utf8PathBuf,
}

/// Reads a baseline.
pub fn read(path: &Utf8Path) -> anyhow::Result<Known> {
    let text = std::fs::read_to_string(path).with_context(|| {
        format!("the baseline {path} could not be read; write one with `tegmen audit --write-baseline {path}`")
    })?;
    let baseline = Baseline::parse(&text).map_err(|error| anyhow::anyhow!("{path} {error}"))?;
    Ok(Known { baseline, path: path.to_owned() })
}

impl Known {
    /// Holds back what is known; gives how many places of the baseline are gone.
    pub fn apply(&self, audit: &mut Audit, scope: &Scope<'_>) -> usize {
        self.baseline.apply(audit, &directory(&self.path), self.path.as_str(), scope)
    }
}

/// Paths in a baseline are seen from its own directory, so that it does not matter where the audit is started.
fn directory(path: &Utf8Path) -> Utf8PathBuf {
    tegmen_audit::absolute(path).parent().map(Utf8Path::to_path_buf).unwrap_or_default()
}

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
pub fn write(path: &Utf8Path, audit: &Audit, quiet: bool) -> anyhow::Result<ExitCode> {
    let baseline = Baseline::of(&audit.findings, &directory(path));
    output::to_file(path, baseline.to_text().as_bytes(), "--write-baseline")?;
    let places = if baseline.len() == 1 { "1 place".to_owned() } else { format!("{} places", baseline.len()) };
    messages::note_unless(
        quiet,
        format!("{places} written to {path}; `tegmen audit --baseline {path}` tells only what is new"),
    );
    for problem in &audit.problems {
        messages::warning(tegmen_report::visible(&format!("{}: {}", problem.path, problem.message)));
    }
    Ok(if audit.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(2) })
}
