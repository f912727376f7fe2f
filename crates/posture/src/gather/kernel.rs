//! The kernel: `/proc/sys`, `/sys/kernel/security`, and what it answers when it is asked for a feature.

use tegmen_sys::{sandbox, shared};

use super::{line, number, optional, today};
use crate::facts::{Fact, Kernel, Swap};

pub(super) fn gather() -> Kernel {
    let version = "/proc/sys/kernel/version";
    Kernel {
        ptrace_scope: optional("/proc/sys/kernel/yama/ptrace_scope", |text| text.parse().ok()),
        core_pattern: Fact::read("/proc/sys/kernel/core_pattern", line("/proc/sys/kernel/core_pattern")),
        suid_dumpable: number("/proc/sys/fs/suid_dumpable"),
        swaps: Fact::read("/proc/swaps", std::fs::read_to_string("/proc/swaps")).map(|text| swaps(&text)),
        lockdown: lockdown(),
        release: Fact::read("uname -r", line("/proc/sys/kernel/osrelease")),
        age: Fact::read(version, line(version)).and_then(
            |text| built(&text).map(|day| today().saturating_sub(day)),
            "the version of the kernel does not say when it was built",
        ),
        landlock: Fact::known(sandbox::landlock_version()),
        secret_memory: Fact::known(shared::has_secret_memory()),
        kptr_restrict: number("/proc/sys/kernel/kptr_restrict"),
        dmesg_restrict: number("/proc/sys/kernel/dmesg_restrict"),
        unprivileged_bpf_disabled: number("/proc/sys/kernel/unprivileged_bpf_disabled"),
        perf_event_paranoid: number("/proc/sys/kernel/perf_event_paranoid"),
        protected_links: links(),
    }
}

fn links() -> Fact<(u8, u8)> {
    let hard = number::<u8>("/proc/sys/fs/protected_hardlinks");
    match (number::<u8>("/proc/sys/fs/protected_symlinks").get(), hard.get()) {
        (Ok(soft), Ok(hard)) => Fact::known((*soft, *hard)),
        (Err(unknown), _) | (_, Err(unknown)) => Fact::unknown(unknown.0),
    }
}

/// `none [integrity] confidentiality`: what holds stands in brackets.
fn lockdown() -> Fact<Option<String>> {
    let path = "/sys/kernel/security/lockdown";
    let fact = optional(path, |text| {
        let (_, rest) = text.split_once('[')?;
        rest.split_once(']').map(|(word, _)| word.to_owned())
    });
    // Not there, or not to be seen: only a mounted securityfs tells.
    if fact.ok() == Some(&None) && !std::path::Path::new("/sys/kernel/security/lsm").exists() {
        return Fact::unknown("securityfs is not mounted here");
    }
    fact
}

fn swaps(text: &str) -> Vec<Swap> {
    let devices = text.lines().skip(1).filter_map(|line| line.split_whitespace().next());
    devices.map(|path| Swap { path: path.to_owned(), is_protected: is_protected(path) }).collect()
}

/// zram stays in memory; a device of dm-crypt says so in its uuid. A file is as its file system is, which is not looked at.
fn is_protected(path: &str) -> Option<bool> {
    let device = std::fs::canonicalize(path).ok()?;
    let name = device.file_name()?.to_str()?;
    if name.starts_with("zram") {
        return Some(true);
    }
    if !device.starts_with("/dev") {
        return None;
    }
    match std::fs::read_to_string(format!("/sys/block/{name}/dm/uuid")) {
        Ok(uuid) => Some(uuid.starts_with("CRYPT-")),
        Err(_) => Some(false),
    }
}

/// The day on which the kernel was built, from `uname -v`: `… (2024-05-03)` or `… Thu May 2 18:53:44 UTC 2024`.
fn built(version: &str) -> Option<u64> {
    let words: Vec<&str> = version.split_whitespace().collect();
    if let Some(date) = words.iter().find_map(|word| word.strip_prefix('(')?.strip_suffix(')')) {
        let mut parts = date.split('-').map(str::parse::<i64>);
        if let (Some(Ok(year)), Some(Ok(month)), Some(Ok(day))) = (parts.next(), parts.next(), parts.next()) {
            return day_of(year, month, day);
        }
    }
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let at = words.iter().position(|word| MONTHS.contains(word))?;
    let month = MONTHS.iter().position(|month| *month == words[at])? as i64 + 1;
    let day = words.get(at + 1)?.parse().ok()?;
    let year = words[at..].iter().filter_map(|word| word.parse::<i64>().ok()).find(|year| *year > 1990)?;
    day_of(year, month, day)
}

/// Days since 1970 of a date (Howard Hinnant's `days_from_civil`).
pub(super) fn day_of(year: i64, month: i64, day: i64) -> Option<u64> {
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let era = year / 400;
    let of_era = year - era * 400;
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    u64::try_from(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_of_the_build_is_read_in_the_ways_of_distributions() {
        let day = day_of(2024, 5, 3);
        assert_eq!(day, Some(19_846));
        assert_eq!(day_of(1970, 1, 1), Some(0));
        assert_eq!(built("#1 SMP PREEMPT_DYNAMIC Debian 6.1.90-1 (2024-05-03)"), day);
        assert_eq!(built("#35-Ubuntu SMP PREEMPT_DYNAMIC Fri May  3 15:51:52 UTC 2024"), day);
        assert_eq!(built("#1 SMP PREEMPT_DYNAMIC @0"), None);
        // What is built reproducibly says a date that is none.
        assert_eq!(built("#1-NixOS SMP Tue Jan  1 00:00:00 UTC 1980"), None);
    }

    #[test]
    fn swap_is_protected_only_where_that_shows() {
        let text = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n/no/such/file  file 1 0 -2\n";
        assert_eq!(swaps(text), [Swap { path: "/no/such/file".to_owned(), is_protected: None }]);
        assert!(swaps("Filename\tType\n").is_empty());
    }
}
