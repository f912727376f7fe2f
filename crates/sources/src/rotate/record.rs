//! The record of rotations: what was rotated when, and how it ended. A file of JSON lines beside the manifest, to which
//! lines are only added. No line holds a value.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// Where it is, from the directory of the manifest.
pub const RECORD: &str = ".tegmen/rotations.jsonl";
/// The longest record that is read, in bytes; of a longer one the end.
const LONGEST: u64 = 16 << 20;

/// One line of the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// When, as RFC 3339 in UTC.
    pub time: String,
    /// The secret, or the rotation of the manifest.
    pub name: String,
    /// Where it is rotated.
    pub source: String,
    /// What happened.
    pub outcome: Outcome,
    /// Where the new value came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Origin>,
    /// The version of KV v2 that came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// The other places that got the value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub follow: Vec<String>,
    /// Whether a hook has told the target.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hook: bool,
}

/// What happened to a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Its rotation has begun. Where no other line follows, it was cut off in the middle.
    Begun,
    /// It has its new value, everywhere.
    Rotated,
    /// It has its old value again, everywhere.
    RolledBack,
    /// Its places may differ.
    Torn,
}

/// Where a new value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// Made by the rule of the manifest.
    Rule,
    /// Given on standard input.
    Given,
    /// Made by the server.
    Server,
}

/// The record of a project.
#[derive(Clone, Debug)]
pub struct Record {
    path: PathBuf,
}

/// What nobody else does at the same time.
pub struct Turn(#[expect(dead_code, reason = "the lock ends with it")] File);

impl Record {
    /// That of the project in this directory.
    pub fn of(directory: &Path) -> Self {
        Self { path: directory.join(RECORD) }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All lines, oldest first. What is no line of ours is skipped: somebody may have cut the file, or the machine stopped
    /// in the middle of a line.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn read(&self) -> std::io::Result<Vec<Line>> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LONGEST)))?;
        let mut bytes = Vec::new();
        file.take(LONGEST).read_to_end(&mut bytes)?;
        Ok(bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect())
    }

    /// The last line about a name, without those of what was rolled back.
    pub fn last<'l>(lines: &'l [Line], name: &str) -> Option<&'l Line> {
        lines.iter().rev().find(|line| line.name == name && line.outcome == Outcome::Rotated)
    }

    /// Whether the last rotation of a name was cut off, or left its places different.
    pub fn torn<'l>(lines: &'l [Line], name: &str) -> Option<&'l Line> {
        let last = lines.iter().rev().find(|line| line.name == name)?;
        matches!(last.outcome, Outcome::Begun | Outcome::Torn).then_some(last)
    }

    /// Adds a line, and has it on the disk.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&self, line: &Line) -> std::io::Result<()> {
        let mut file = self.open(&self.path)?;
        // One write: another process may add at the same time. A line that was cut off ends here.
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        if !ends_with_newline(&mut file)? {
            text.insert(0, b'\n');
        }
        file.write_all(&text)?;
        file.sync_all()
    }

    /// Waits for nobody: an error of the kind `WouldBlock` when another one rotates in this project.
    ///
    /// # Errors
    /// That, or when the lock cannot be made.
    pub fn turn(&self) -> std::io::Result<Turn> {
        let file = self.open(&self.path.with_file_name("rotations.lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(Turn(file)),
            Err(std::fs::TryLockError::WouldBlock) => Err(ErrorKind::WouldBlock.into()),
            Err(std::fs::TryLockError::Error(error)) => Err(error),
        }
    }

    fn open(&self, path: &Path) -> std::io::Result<File> {
        if let Some(directory) = path.parent() {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        }
        OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)
    }
}

fn ends_with_newline(file: &mut File) -> std::io::Result<bool> {
    let length = file.metadata()?.len();
    if length == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::Start(length - 1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// A time as the record and the server write it.
pub fn stamp(time: SystemTime) -> String {
    jiff::Timestamp::try_from(time).map(|stamp| stamp.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()).unwrap_or_default()
}

/// A time out of RFC 3339; `None` for what is none, and for the year 1, by which Vault means never.
pub fn moment(text: &str) -> Option<SystemTime> {
    let stamp: jiff::Timestamp = text.parse().ok()?;
    (stamp.as_second() > 0).then(|| stamp.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, outcome: Outcome) -> Line {
        Line {
            time: stamp(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_800_000_000)),
            name: name.into(),
            source: "store:X".into(),
            outcome,
            value: None,
            version: None,
            follow: Vec::new(),
            hook: false,
        }
    }

    #[test]
    fn lines_are_added_and_read() {
        let directory = tempfile::tempdir().unwrap();
        let record = Record::of(directory.path());
        assert_eq!(record.read().unwrap(), []);
        record.add(&line("A", Outcome::Begun)).unwrap();
        record.add(&line("A", Outcome::Rotated)).unwrap();
        record.add(&line("A", Outcome::Begun)).unwrap();
        // The machine stopped in the middle of a line.
        OpenOptions::new().append(true).open(record.path()).unwrap().write_all(b"{\"time\":\"20").unwrap();
        record.add(&line("B", Outcome::RolledBack)).unwrap();
        let lines = record.read().unwrap();
        assert_eq!(lines.len(), 4);
        assert_eq!(Record::last(&lines, "A"), Some(&line("A", Outcome::Rotated)));
        assert_eq!(Record::torn(&lines, "A"), Some(&line("A", Outcome::Begun)));
        assert_eq!((Record::last(&lines, "B"), Record::torn(&lines, "B")), (None, None));
        let text = std::fs::read_to_string(record.path()).unwrap();
        let first = r#"{"time":"2027-01-15T08:00:00Z","name":"A","source":"store:X","outcome":"begun"}"#;
        assert_eq!(text.lines().next(), Some(first));
    }

    #[test]
    fn one_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let record = Record::of(directory.path());
        let turn = record.turn().unwrap();
        assert_eq!(record.turn().err().unwrap().kind(), ErrorKind::WouldBlock);
        drop(turn);
        assert!(record.turn().is_ok());
    }

    #[test]
    fn times() {
        let time = moment("2026-01-02T03:04:05.123456789Z").unwrap();
        assert_eq!(stamp(time), "2026-01-02T03:04:05Z");
        assert!(moment("0001-01-01T00:00:00Z").is_none() && moment("soon").is_none());
        assert_eq!(moment("2026-01-02T04:04:05+01:00").map(stamp).as_deref(), Some("2026-01-02T03:04:05Z"));
    }
}
