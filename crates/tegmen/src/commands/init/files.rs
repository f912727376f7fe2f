//! The files beside the manifest: `.gitignore` and `.env.example`.

use camino::Utf8Path;

use super::proposal::{Keep, Proposal};
use crate::commands::fix::keep::ignored_by_git;
use crate::commands::fix::write::Replacement;
use crate::messages;

/// Has git ignore `.env` and Tegmen's own folder, and the example of `.env` know every name.
pub fn mind(directory: &Utf8Path, proposal: &Proposal) -> anyhow::Result<()> {
    let root = directory.as_std_path();
    if root.ancestors().any(|above| above.join(".git").exists()) {
        if directory.join(".env").exists() {
            ignored_by_git(root, &root.join(".env"))?;
        }
        ignored_by_git(root, &root.join(".tegmen"))?;
        for pool in proposal.pools.keys().filter(|_| proposal.keep == Keep::Today) {
            ignored_by_git(root, &root.join(format!("{}.csv", pool.to_ascii_lowercase())))?;
        }
    }
    let example = directory.join(".env.example");
    if proposal.keep == Keep::Today && (proposal.dotenv.is_some() || example.is_file()) {
        names(&example, proposal)?;
    }
    Ok(())
}

/// Adds the names that an example of `.env` does not have, without values.
fn names(example: &Utf8Path, proposal: &Proposal) -> anyhow::Result<()> {
    let before = match std::fs::read_to_string(example) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => anyhow::bail!("{example} cannot be read: {error}"),
    };
    let mut text = before.clone().unwrap_or_default();
    let is_there = |text: &str, name: &str| {
        text.lines().any(|line| {
            let line = line.trim_start_matches(['#', ' ']).trim_start_matches("export ");
            line.split_once('=').is_some_and(|(known, _)| known.trim() == name)
        })
    };
    let mut added = Vec::new();
    for secret in &proposal.secrets {
        let variable = secret.variables.first().unwrap_or(&secret.name);
        if !is_there(&text, variable) {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str(&format!("{variable}=\n"));
            added.push(variable.as_str());
        }
    }
    if added.is_empty() {
        return Ok(());
    }
    Replacement::prepare(example.as_std_path(), before.as_deref().map(str::as_bytes), text.as_bytes())
        .and_then(Replacement::persist)
        .map_err(|reason| anyhow::anyhow!("{example}: {reason}"))?;
    messages::note(format_args!(".env.example has {}", added.join(", ")));
    Ok(())
}
