//! Earlier reports, for the trend: `.tegmen/history/TIME.json`, ratings and counts only.

use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use anyhow::Context;
use tegmen_posture::risk::{FORMAT, Run};

/// Where they are, from the directory of the manifest.
const FOLDER: &str = ".tegmen/history";
/// No more of them are read: the last ones.
const MOST: usize = 500;
/// None of them is longer, in bytes.
const LONGEST: u64 = 1 << 20;

/// What was stored.
#[derive(Default)]
pub struct Stored {
    /// The oldest first.
    pub runs: Vec<Run>,
    /// What could not be read.
    pub remarks: Vec<String>,
}

/// Reads them. One that is broken is left out and said.
pub fn read(directory: &Path) -> Stored {
    let mut stored = Stored::default();
    let folder = directory.join(FOLDER);
    let Ok(entries) = std::fs::read_dir(&folder) else { return stored };
    let mut names: Vec<_> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    names.sort();
    for path in names.split_off(names.len().saturating_sub(MOST)) {
        let fits = std::fs::metadata(&path).is_ok_and(|known| known.is_file() && known.len() <= LONGEST);
        let run = fits.then(|| std::fs::read(&path).ok()).flatten();
        match run.and_then(|bytes| serde_json::from_slice::<Run>(&bytes).ok()) {
            Some(run) if run.format == FORMAT => stored.runs.push(run),
            _ => {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                stored
                    .remarks
                    .push(format!("{FOLDER}/{name} is no report of this version; it is missing in the trend"));
            }
        }
    }
    stored.runs.sort_by(|a, b| a.time.cmp(&b.time));
    stored
}

/// Adds one.
pub fn add(directory: &Path, run: &Run) -> anyhow::Result<()> {
    let folder = directory.join(FOLDER);
    let path = folder.join(format!("{}.json", run.time.replace(':', "")));
    let written = || -> anyhow::Result<()> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        let mut text = serde_json::to_vec(run)?;
        text.push(b'\n');
        std::io::Write::write_all(&mut file, &text)?;
        Ok(())
    };
    written().with_context(|| format!("{} could not be written; --no-record goes without the trend", path.display()))
}
