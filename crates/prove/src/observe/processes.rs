//! The processes of the test, as another process of the same user sees them: command line, environment, memory.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{Read, Seek, SeekFrom},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use tegmen_findings::proof::{Channel, Protection, lapse};

use crate::ledger::Ledger;

const PAUSE: Duration = Duration::from_millis(300);
/// Memory is read when a process has been there for so long: once it has begun its work, and later.
const MOMENTS: [Duration; 2] = [Duration::from_millis(2200), Duration::from_millis(5500)];
/// So much memory of a process is searched.
const LONGEST: usize = 1 << 30;

/// How deep to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// What `/proc` tells of processes.
    Surface,
    /// Their memory as well, which takes its time.
    Memory,
}

/// Counts the copies of secrets that processes below `root` have in their own memory, until `over`: with all rights of this
/// process, since no other process of the user can read there.
pub fn count_copies(ledger: &Ledger, root: u32, over: &AtomicBool) {
    let mut first_seen: BTreeMap<u32, (Instant, usize)> = BTreeMap::new();
    while !over.load(Ordering::Acquire) {
        for pid in below(root) {
            let (since, moment) = first_seen.entry(pid).or_insert_with(|| (Instant::now(), 0));
            if MOMENTS.get(*moment).is_none_or(|after| since.elapsed() < *after) {
                continue;
            }
            *moment += 1;
            let mut copies: BTreeMap<usize, u64> = BTreeMap::new();
            let mut read_any = false;
            for (from, length) in ranges(pid).unwrap_or_default() {
                let mut bytes = vec![0; length];
                let Ok(count) = tegmen_sys::process::read_memory(pid, from, &mut bytes) else { continue };
                read_any = true;
                for hit in ledger.searcher().search(&bytes[..count]).iter().filter(|hit| hit.is_whole) {
                    *copies.entry(hit.secret).or_default() += 1;
                }
            }
            if read_any {
                let mut state = ledger.state();
                let most = state.own_memory.get_or_insert_default();
                for (secret, count) in copies {
                    let known = most.entry(secret).or_default();
                    *known = count.max(*known);
                }
            }
        }
        super::pause(over, PAUSE);
    }
}

/// Looks again and again at everything below the process `root`, until `over`. Gives up the rights of this thread first. Under
/// protection it also looks whether the kernel knows of the protections.
pub fn watch(ledger: &Ledger, root: u32, protection: Protection, depth: Depth, over: &AtomicBool) {
    if tegmen_sys::isolation::be_one_of_them().is_err() {
        return;
    }
    // Memory takes its time; what comes and goes meanwhile is not to be missed.
    std::thread::scope(|scope| {
        if depth == Depth::Memory {
            scope.spawn(|| watch_memory(ledger, root, over));
        }
        let mut known = BTreeSet::new();
        while !over.load(Ordering::Acquire) {
            for pid in below(root) {
                let name = name(pid);
                let is_new = known.insert(pid);
                if protection == Protection::On {
                    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
                    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap_or_default();
                    let mut state = ledger.state();
                    for (protection, seen) in lapses(&status, &limits, pid == root && is_new) {
                        state.lapses.entry(protection).or_insert_with(|| format!("{name}: {seen}"));
                    }
                }
                if let Ok(line) = fs::read(format!("/proc/{pid}/cmdline")) {
                    ledger.look(Channel::CommandLine, &name, &line);
                }
                let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
                ledger.look(Channel::Environ, &name, &environment);
                look_at_names(ledger, pid);
            }
            super::pause(over, PAUSE);
        }
    });
}

/// The names of a process' threads, which everybody can read, however closed it is. Up to 15 bytes of what a script calls
/// them are in there.
fn look_at_names(ledger: &Ledger, pid: u32) {
    for thread in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
        let name = fs::read(thread.path().join("comm")).unwrap_or_default();
        if !ledger.searcher().search(&name).is_empty() {
            ledger.look(Channel::CommandLine, "the name of a thread", &name);
        }
    }
}

/// What the kernel does not know of in a process. The mask of modes is the script's own business once it runs: only that of the
/// first process counts, when it is seen for the first time.
fn lapses(status: &str, limits: &str, is_first: bool) -> Vec<(&'static str, String)> {
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let mut lapses = Vec::new();
    if field("NoNewPrivs:") == Some("0") {
        lapses.push((lapse::PRIVILEGES, "it could gain privileges by what it executes".to_owned()));
    }
    let mask = field("Umask:").and_then(|mask| u32::from_str_radix(mask, 8).ok());
    if let Some(mask) = mask.filter(|mask| is_first && mask & 0o077 != 0o077) {
        lapses.push((lapse::MODES, format!("its mask is {mask:03o}, so that others can read what it writes")));
    }
    if let Some(limit) = core_limit(limits).filter(|limit| *limit != "0") {
        lapses.push((lapse::CORE, format!("the limit is {limit}")));
    }
    lapses
}

/// The limit on core dumps, in `/proc/PID/limits`.
fn core_limit(limits: &str) -> Option<&str> {
    limits.lines().find_map(|line| line.strip_prefix("Max core file size")?.split_whitespace().next())
}

fn watch_memory(ledger: &Ledger, root: u32, over: &AtomicBool) {
    let mut first_seen: BTreeMap<u32, (Instant, usize)> = BTreeMap::new();
    let (mut closed, mut open) = (BTreeSet::new(), BTreeSet::new());
    while !over.load(Ordering::Acquire) {
        for pid in below(root) {
            let (since, moment) = first_seen.entry(pid).or_insert_with(|| (Instant::now(), 0));
            if MOMENTS.get(*moment).is_none_or(|after| since.elapsed() < *after) {
                continue;
            }
            *moment += 1;
            let name = name(pid);
            let is_dumped = may_dump(ledger, pid, &name);
            let mut show = |bytes: &[u8]| {
                ledger.look(Channel::Memory, &name, bytes);
                if is_dumped {
                    // What would be written is what is in the memory.
                    ledger.look(Channel::CoreDump, &name, bytes);
                }
            };
            let is_open = memory(pid, &mut show).is_ok();
            ledger.look(Channel::Memory, &name, b"");
            if is_open {
                open.insert(pid)
            } else {
                closed.insert(pid)
            };
            let note = format!("{} closed to others, {} open", processes(closed.len()), open.len());
            ledger.note(Channel::Memory, &note);
        }
        super::pause(over, PAUSE);
    }
}

fn processes(count: usize) -> String {
    if count == 1 { "1 process".to_owned() } else { format!("{count} processes") }
}

/// Whether a core dump of the process may be written.
fn may_dump(ledger: &Ledger, pid: u32, name: &str) -> bool {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap_or_default();
    let limit = core_limit(&limits);
    ledger.look(Channel::CoreDump, name, b"");
    if limit == Some("0") {
        ledger.note(Channel::CoreDump, "none is written: the limit is 0");
    }
    limit.is_some_and(|limit| limit != "0")
}

/// Shows the writable memory of a process, piece by piece.
fn memory(pid: u32, show: &mut impl FnMut(&[u8])) -> std::io::Result<()> {
    let mut file = fs::File::open(format!("/proc/{pid}/mem"))?;
    let mut read_any = false;
    for (from, length) in ranges(pid)? {
        let mut bytes = vec![0; length];
        if file.seek(SeekFrom::Start(from)).is_err() {
            continue;
        }
        // Some mappings cannot be read, such as those of secret memory.
        let mut done = 0;
        while done < length {
            match file.read(&mut bytes[done..]) {
                Ok(0) | Err(_) => break,
                Ok(count) => done += count,
            }
        }
        read_any |= done > 0;
        show(&bytes[..done]);
    }
    if read_any { Ok(()) } else { Err(std::io::ErrorKind::PermissionDenied.into()) }
}

/// The writable ranges of a process' memory: where each begins, and its length.
fn ranges(pid: u32) -> std::io::Result<Vec<(u64, usize)>> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let (mut total, mut ranges) = (0, Vec::new());
    for line in maps.lines() {
        let mut fields = line.split_whitespace();
        let (Some(range), Some(rights)) = (fields.next(), fields.next()) else { continue };
        let Some((from, to)) = range.split_once('-') else { continue };
        let (Ok(from), Ok(to)) = (u64::from_str_radix(from, 16), u64::from_str_radix(to, 16)) else { continue };
        let length = (to - from) as usize;
        if rights.starts_with("rw") && total + length <= LONGEST {
            total += length;
            ranges.push((from, length));
        }
    }
    Ok(ranges)
}

/// The process and all that descend from it.
pub fn below(root: u32) -> Vec<u32> {
    let mut parents: Vec<(u32, u32)> = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // After the name, which may hold anything, in parentheses: state, parent.
        let parent = status.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse().ok());
        if let Some(parent) = parent {
            parents.push((pid, parent));
        }
    }
    let mut family = vec![root];
    let mut at = 0;
    while let Some(member) = family.get(at).copied() {
        family.extend(parents.iter().filter(|(pid, parent)| *parent == member && *pid != member).map(|(pid, _)| *pid));
        at += 1;
    }
    family
}

/// Whether a process is there, and not only the rest of one that nobody has asked for yet.
pub fn is_running(pid: u32) -> bool {
    let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    state.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}

/// What a process calls itself, and its number.
pub fn name(pid: u32) -> String {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    format!("{} ({pid})", name.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_thread_is_seen() {
        let value = tegmen_secret::SecretBytes::from("kR7qZ2mW9xTbLcV8".to_owned());
        let searcher = crate::search::Searcher::new([("KEY", &[value][..])]);
        let ledger = Ledger::new(std::sync::Arc::new(searcher));
        let (over, wait) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::Builder::new().name("kR7qZ2mW9xTbLcV8".to_owned()).spawn(move || wait.recv());
        while ledger.state().channels.is_empty() {
            look_at_names(&ledger, std::process::id());
        }
        assert_eq!(ledger.state().channels[&Channel::CommandLine].found[&0][0].source, "the name of a thread");
        drop(over);
        assert!(thread.unwrap().join().unwrap().is_err());
    }

    #[test]
    fn what_the_kernel_does_not_know_of_is_a_lapse() {
        let status = "Name:\tlocust\nUmask:\t0077\nNoNewPrivs:\t1\n";
        let limits = "Max core file size        0                    unlimited            bytes\n";
        assert_eq!(lapses(status, limits, true), []);
        let (status, limits) = (status.replace("0077", "0022").replace('1', "0"), limits.replacen('0', "unlimited", 1));
        let found: Vec<&str> = lapses(&status, &limits, true).into_iter().map(|(protection, _)| protection).collect();
        assert_eq!(found, [lapse::PRIVILEGES, lapse::MODES, lapse::CORE]);
        assert_eq!(lapses(&status, &limits, false).len(), 2);
        assert_eq!(lapses("", "", true), []);
    }
}
