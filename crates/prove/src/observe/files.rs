//! Files: what the test wrote, in the project and in the temporary directories.

use std::{
    collections::HashMap,
    fs,
    io::Read,
    path::{Path, PathBuf},
    time::SystemTime,
};

use tegmen_findings::proof::Channel;

use super::packed;
use crate::ledger::Ledger;

/// Larger files are searched up to here.
const LONGEST: u64 = 64 * 1024 * 1024;
/// More files than that are nobody's project.
const MOST: usize = 200_000;
/// Other tools' files: nothing that a load test writes.
const LEFT_OUT: [&str; 7] = [".git", "node_modules", ".venv", "venv", "site-packages", ".tox", "target"];

type Stamp = (SystemTime, u64);

/// The files as they were before.
pub struct Files {
    roots: Vec<PathBuf>,
    before: HashMap<PathBuf, Stamp>,
}

impl Files {
    /// Looks at everything below these directories.
    pub fn before(roots: Vec<PathBuf>) -> Self {
        let mut before = HashMap::new();
        for root in &roots {
            walk(root, &mut |path, stamp| {
                before.insert(path, stamp);
            });
        }
        Self { roots, before }
    }

    /// Takes everything that will be there for new.
    pub fn nothing_before(roots: Vec<PathBuf>) -> Self {
        Self { roots, before: HashMap::new() }
    }

    /// Searches what is new or has changed. `channel` says in which channel a file belongs, and `None` for one that is
    /// left out.
    pub fn search(&self, ledger: &Ledger, channel: impl Fn(&Path) -> Option<Channel>) {
        for root in &self.roots {
            walk(root, &mut |path, stamp| {
                if self.before.get(&path) == Some(&stamp) {
                    return;
                }
                let Some(channel) = channel(&path) else { return };
                let shown = path.strip_prefix(root).unwrap_or(&path).display().to_string();
                search(ledger, channel, &path, &shown);
            });
        }
    }

    /// Searches what the scripts wrote elsewhere: files that they opened for writing and that lie below none of these
    /// directories.
    pub fn search_opened(ledger: &Ledger, roots: &[&Path]) {
        // The kernel's own: what is written there is no file.
        let kernel = ["/dev", "/proc", "/sys"].map(Path::new);
        let is_memory = |path: &Path| path.starts_with("/dev/shm");
        let opened: Vec<PathBuf> = ledger.state().opened.keys().map(PathBuf::from).collect();
        for path in opened {
            let is_known = roots.iter().any(|root| path.starts_with(root));
            let is_kernels = kernel.iter().any(|root| path.starts_with(root)) && !is_memory(&path);
            if !is_known && !is_kernels && path.is_file() {
                search(ledger, Channel::Files, &path, &path.display().to_string());
            }
        }
    }
}

/// Searches a file: its name, what is in it, and that unpacked. One that cannot be read is passed over.
pub fn search(ledger: &Ledger, channel: Channel, path: &Path, shown: &str) {
    let mut bytes = Vec::new();
    if fs::File::open(path).and_then(|file| file.take(LONGEST).read_to_end(&mut bytes)).is_err() {
        return;
    }
    ledger.look(channel, shown, shown.as_bytes());
    ledger.look(channel, shown, &bytes);
    for unpacked in packed::unpacked(&bytes, LONGEST) {
        ledger.look(channel, shown, &unpacked);
    }
}

fn walk(root: &Path, visit: &mut impl FnMut(PathBuf, Stamp)) {
    let (mut waiting, mut seen) = (vec![root.to_owned()], 0);
    while let Some(directory) = waiting.pop() {
        // What may not be read by this user was not written by its test.
        let Ok(entries) = fs::read_dir(&directory) else { continue };
        for entry in entries.flatten() {
            let Ok(data) = entry.metadata() else { continue };
            let name = entry.file_name();
            if data.is_dir() && !LEFT_OUT.iter().any(|left| name == *left) {
                waiting.push(entry.path());
            } else if data.is_file() {
                seen += 1;
                if seen > MOST {
                    return;
                }
                visit(entry.path(), (data.modified().unwrap_or(SystemTime::UNIX_EPOCH), data.len()));
            }
        }
    }
}
