//! Files: what the test wrote, in the project and in the temporary directories.

use std::{
    collections::{HashMap, HashSet},
    fs,
    io::{ErrorKind, Read},
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
};

use tegmen_findings::proof::Channel;

use super::packed::{self, Packed};
use crate::ledger::Ledger;

/// Larger files are searched up to here.
const LONGEST: u64 = 1024 * 1024 * 1024;
/// So much of a file is in memory at a time, and so much of what is packed is unpacked.
const AT_ONCE: usize = if cfg!(test) { 1 } else { 64 } * 1024 * 1024;
/// What stands at the end of a piece is looked at once more with the next one: longer than any form of a canary.
const OVERLAP: usize = 256 * 1024;
/// More files than that are nobody's project.
const MOST: usize = 200_000;
/// Other tools' files: nothing that a load test writes, unless one of its lines opens it.
const LEFT_OUT: [&str; 7] = [".git", "node_modules", ".venv", "venv", "site-packages", ".tox", "target"];

/// When something was changed, whatever time its file was given afterwards, and its length.
type Stamp = (i64, i64, u64);

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
            walk(root, &mut |path, data| {
                before.insert(path, stamp(data));
            });
        }
        Self { roots, before }
    }

    /// Takes everything that will be there for new.
    pub fn nothing_before(roots: Vec<PathBuf>) -> Self {
        Self { roots, before: HashMap::new() }
    }

    /// Searches what is new or has changed, and gives back which files that were. `channel` says in which channel a file
    /// belongs, by its path below the directory, and `None` for one that is left out.
    pub fn search(&self, ledger: &Ledger, channel: impl Fn(&Path) -> Option<Channel>) -> HashSet<PathBuf> {
        let mut searched = HashSet::new();
        for root in &self.roots {
            let is_whole = walk(root, &mut |path, data| {
                if self.before.get(&path) == Some(&stamp(data)) {
                    return;
                }
                let inside = path.strip_prefix(root).unwrap_or(&path);
                let Some(channel) = channel(inside) else { return };
                let shown = inside.display().to_string();
                if data.is_file() {
                    search(ledger, channel, &path, &shown);
                    searched.insert(path);
                } else {
                    look_at_name(ledger, channel, &path, &shown);
                }
            });
            if !is_whole {
                not_searched(ledger, &root.display().to_string(), &format!("it has more than {MOST} files"));
            }
        }
        searched
    }

    /// Searches what the scripts wrote elsewhere: files that they opened for writing and that were not among those.
    pub fn search_opened(ledger: &Ledger, searched: &HashSet<PathBuf>) {
        // The kernel's own: what is written there is no file.
        let kernel = ["/dev", "/proc", "/sys"].map(Path::new);
        let is_memory = |path: &Path| path.starts_with("/dev/shm");
        let opened: Vec<PathBuf> = ledger.state().opened.keys().map(PathBuf::from).collect();
        for path in opened {
            let is_kernels = kernel.iter().any(|root| path.starts_with(root)) && !is_memory(&path);
            if !searched.contains(&path) && !is_kernels && path.is_file() {
                search(ledger, Channel::Files, &path, &path.display().to_string());
            }
        }
    }
}

/// Searches a file: its name, what is in it, and that unpacked. One that cannot be read is named.
pub fn search(ledger: &Ledger, channel: Channel, path: &Path, shown: &str) {
    let mut first = true;
    let read = pieces(path, |piece, is_end| {
        if std::mem::take(&mut first) {
            ledger.look(channel, shown, shown.as_bytes());
            match packed::unpacked(piece, AT_ONCE as u64) {
                Packed::Not => {}
                Packed::Holds(_) if !is_end => not_searched(ledger, shown, "what is packed in it is too long"),
                Packed::Holds(held) => held.iter().for_each(|unpacked| ledger.look(channel, shown, unpacked)),
                Packed::Unknown(how) => not_searched(ledger, shown, &format!("it is packed with {how}")),
            }
        }
        ledger.look(channel, shown, piece);
    });
    match read {
        Ok(Whole::Yes) => {}
        Ok(Whole::No) => not_searched(ledger, shown, "it is longer than 1 GiB"),
        // It is gone, and nobody reads it either.
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => not_searched(ledger, shown, &format!("it cannot be read: {error}")),
    }
}

enum Whole {
    Yes,
    No,
}

/// Shows a file piece by piece, and for each whether it is the last one.
fn pieces(path: &Path, mut show: impl FnMut(&[u8], bool)) -> std::io::Result<Whole> {
    let mut file = fs::File::open(path)?;
    let (mut bytes, mut read) = (Vec::new(), 0);
    loop {
        let kept = bytes.len();
        (&mut file).take((AT_ONCE - kept) as u64).read_to_end(&mut bytes)?;
        read += (bytes.len() - kept) as u64;
        let is_end = bytes.len() < AT_ONCE;
        show(&bytes, is_end);
        if is_end {
            return Ok(Whole::Yes);
        }
        if read >= LONGEST {
            return Ok(Whole::No);
        }
        bytes.drain(..AT_ONCE - OVERLAP);
    }
}

/// Folders, links and sockets have names, and a link leads somewhere. Where there is nothing in them, nothing was exercised.
fn look_at_name(ledger: &Ledger, channel: Channel, path: &Path, shown: &str) {
    let link = fs::read_link(path).unwrap_or_default();
    for text in [shown.as_bytes(), link.as_os_str().as_bytes()] {
        if !ledger.searcher().search(text).is_empty() {
            ledger.look(channel, shown, text);
        }
    }
}

fn not_searched(ledger: &Ledger, what: &str, why: &str) {
    ledger.state().unsearched.insert(what.to_owned(), why.to_owned());
}

fn stamp(data: &fs::Metadata) -> Stamp {
    (data.ctime(), data.ctime_nsec(), data.len())
}

/// Visits everything below a directory, and gives back whether that was all of it.
fn walk(root: &Path, visit: &mut impl FnMut(PathBuf, &fs::Metadata)) -> bool {
    let (mut waiting, mut seen) = (vec![root.to_owned()], 0);
    while let Some(directory) = waiting.pop() {
        // What may not be read by this user was not written by its test.
        let Ok(entries) = fs::read_dir(&directory) else { continue };
        for entry in entries.flatten() {
            let Ok(data) = entry.metadata() else { continue };
            let name = entry.file_name();
            if data.is_dir() && LEFT_OUT.iter().any(|left| name == *left) {
                continue;
            }
            seen += 1;
            if seen > MOST {
                return false;
            }
            visit(entry.path(), &data);
            if data.is_dir() {
                waiting.push(entry.path());
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tegmen_secret::SecretBytes;

    use super::*;
    use crate::search::Searcher;

    const VALUE: &str = "kR7qZ2mW9xTbLcV8aP3dF6gH";

    fn ledger() -> Ledger {
        Ledger::new(Arc::new(Searcher::new([("KEY", &[SecretBytes::from(VALUE.to_owned())][..])])))
    }

    /// The sources in which it was found.
    fn found(ledger: &Ledger) -> Vec<String> {
        let state = ledger.state();
        let found = state.channels.get(&Channel::Files).and_then(|seen| seen.found.get(&0));
        let mut sources: Vec<String> = found.into_iter().flatten().map(|found| found.source.clone()).collect();
        sources.sort();
        sources
    }

    #[test]
    fn names_links_and_what_was_given_its_old_time_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("same.txt"), "x".repeat(VALUE.len())).unwrap();
        fs::create_dir(path("old")).unwrap();
        let files = Files::before(vec![folder.path().to_owned()]);
        let time = fs::metadata(path("same.txt")).unwrap().modified().unwrap();
        fs::write(path("same.txt"), VALUE).unwrap();
        fs::File::open(path("same.txt")).unwrap().set_modified(time).unwrap();
        fs::create_dir_all(path("old").join(VALUE)).unwrap();
        std::os::unix::fs::symlink(format!("/nowhere/{VALUE}"), path("link")).unwrap();
        let ledger = ledger();
        let searched = files.search(&ledger, |_| Some(Channel::Files));
        assert_eq!(found(&ledger), ["link".to_owned(), format!("old/{VALUE}"), "same.txt".to_owned()]);
        assert_eq!(searched, HashSet::from([path("same.txt")]));
    }

    #[test]
    fn what_a_line_opened_is_searched_wherever_it_lies() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("target/results.txt");
        fs::create_dir(folder.path().join("target")).unwrap();
        let files = Files::before(vec![folder.path().to_owned()]);
        fs::write(&file, VALUE).unwrap();
        let ledger = ledger();
        let spot = tegmen_findings::proof::Spot { path: "locustfile.py".to_owned(), line: 7 };
        ledger.state().opened.insert(file.display().to_string(), spot);
        let searched = files.search(&ledger, |_| Some(Channel::Files));
        assert_eq!(found(&ledger), [""; 0]);
        Files::search_opened(&ledger, &searched);
        assert_eq!(found(&ledger), [file.display().to_string()]);
    }

    #[test]
    fn a_long_file_is_searched_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("long");
        for before in [AT_ONCE - 10, AT_ONCE + 10_000] {
            let mut bytes = vec![b'.'; before];
            bytes.extend(VALUE.as_bytes());
            fs::write(&file, bytes).unwrap();
            let ledger = ledger();
            search(&ledger, Channel::Files, &file, "long");
            assert_eq!(found(&ledger), ["long"]);
            assert!(ledger.state().unsearched.is_empty());
        }
    }

    #[test]
    fn what_cannot_be_unpacked_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("notes");
        fs::write(&file, b"BZh91AY&SY and so on").unwrap();
        let ledger = ledger();
        search(&ledger, Channel::Files, &file, "notes");
        assert_eq!(ledger.state().unsearched["notes"], "it is packed with bzip2");
    }
}
