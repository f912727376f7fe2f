//! The kernel's settings, and what it has to offer to a sandbox.

use tegmen_findings::Severity;

use super::{listed, plural};
use crate::check::{Check, Outcome};

pub(super) const ALL: &[&Check] = &[
    &PTRACE_OPEN,
    &CORE_PATTERN_LEAKS,
    &UNENCRYPTED_SWAP,
    &LOCKDOWN_OFF,
    &OLD_KERNEL,
    &NO_LANDLOCK,
    &NO_SECRET_MEMORY,
    &KERNEL_ADDRESSES_VISIBLE,
    &UNPRIVILEGED_BPF,
    &LINKS_UNPROTECTED,
];

const SYSCTL_KERNEL: &str = "https://docs.kernel.org/admin-guide/sysctl/kernel.html";
const SYSCTL_FS: &str = "https://docs.kernel.org/admin-guide/sysctl/fs.html";

check! {
    PTRACE_OPEN: "TGM530" "ptrace-open" Medium Kernel,
    title: "every process can read the memory of the user's other processes",
    why: "With ptrace or /proc/PID/mem, any program that runs as the same user takes the secrets out of Locust's memory: a \
          browser, an editor's plug-in, a package's install script.",
    repair: "`sysctl kernel.yama.ptrace_scope=1` and a file in /etc/sysctl.d; `tegmen run` closes its own processes and those \
             that get secrets by itself",
    references: [
        ("The kernel's documentation: Yama", "https://docs.kernel.org/admin-guide/LSM/Yama.html"),
        ("CIS Benchmarks: ptrace_scope is restricted", "https://www.cisecurity.org/cis-benchmarks"),
    ],
    judge: |facts| match facts.kernel.ptrace_scope.get()? {
        Some(0) => Ok(Outcome::fail("kernel.yama.ptrace_scope is 0").at("/proc/sys/kernel/yama/ptrace_scope", None)),
        Some(scope) => Outcome::pass(format!("kernel.yama.ptrace_scope is {scope}")),
        None => Ok(Outcome::fail("Yama is not in this kernel, so nothing restricts ptrace between a user's own processes")
            .severity(Severity::Low)),
    },
}

check! {
    CORE_PATTERN_LEAKS: "TGM531" "core-pattern-leaks" Low Kernel,
    title: "core dumps are handed to a program or end up where others can read",
    why: "A crash handler keeps dumps, and with them the secrets, in a place of its own, and some send them on. \
          fs.suid_dumpable=1 lets even privileged programs write readable ones.",
    repair: "`sysctl fs.suid_dumpable=0`, and core_pattern=core with a limit of 0, or `Storage=none` in \
             /etc/systemd/coredump.conf",
    references: [
        ("core(5)", "https://man7.org/linux/man-pages/man5/core.5.html"),
        ("The kernel's documentation: suid_dumpable", SYSCTL_FS),
        ("CIS Benchmarks: core dumps are restricted", "https://www.cisecurity.org/cis-benchmarks"),
    ],
    judge: |facts| {
        let pattern = facts.kernel.core_pattern.get()?;
        if facts.kernel.suid_dumpable.ok() == Some(&1) {
            return Ok(Outcome::fail("fs.suid_dumpable is 1").severity(Severity::Medium).at("/proc/sys/fs/suid_dumpable", None));
        }
        let open = ["/tmp/", "/var/tmp/", "/dev/shm/"].iter().any(|folder| pattern.starts_with(folder));
        if let Some(program) = pattern.strip_prefix('|') {
            let program = program.split_whitespace().next().unwrap_or_default();
            Ok(Outcome::fail(format!("dumps go to {program}")).at("/proc/sys/kernel/core_pattern", None))
        } else if open {
            Ok(Outcome::fail(format!("dumps go to {pattern}")).at("/proc/sys/kernel/core_pattern", None))
        } else {
            Outcome::pass(format!("core_pattern is {pattern:?}"))
        }
    },
}

check! {
    UNENCRYPTED_SWAP: "TGM532" "unencrypted-swap" Medium Kernel,
    title: "memory is swapped to a device in clear",
    why: "What Python's memory holds may be written to the swap device at any time, and stays there after the test, for \
          whoever gets the disk.",
    repair: "`swapoff -a` on a load generator, swap on zram, or an encrypted device (`/etc/crypttab` with the option swap)",
    references: [
        ("crypttab(5)", "https://man7.org/linux/man-pages/man5/crypttab.5.html"),
        ("CWE-591: Sensitive Data Storage in Improperly Locked Memory", "https://cwe.mitre.org/data/definitions/591.html"),
    ],
    judge: |facts| {
        let swaps = facts.kernel.swaps.get()?;
        let clear: Vec<&str> =
            swaps.iter().filter(|swap| swap.is_protected == Some(false)).map(|swap| swap.path.as_str()).collect();
        if !clear.is_empty() {
            return Ok(Outcome::fail(format!("in clear: {}", listed(&clear))).at("/proc/swaps", None));
        }
        let open: Vec<&str> = swaps.iter().filter(|swap| swap.is_protected.is_none()).map(|swap| swap.path.as_str()).collect();
        if !open.is_empty() {
            return Outcome::not_known(format!("whether {} is encrypted is a matter of the disk below", listed(&open)));
        }
        Outcome::pass(if swaps.is_empty() { "there is no swap".to_owned() } else { "swap is encrypted or in memory".to_owned() })
    },
}

check! {
    LOCKDOWN_OFF: "TGM533" "lockdown-off" Low Kernel,
    title: "root can read the kernel's memory",
    why: "Lockdown keeps even root from reading kernel memory and from loading unsigned code: the last line for what lies in \
          the memory of a load generator.",
    repair: "boot with Secure Boot, or with `lockdown=integrity` on the kernel's command line",
    references: [("kernel_lockdown(7)", "https://man7.org/linux/man-pages/man7/kernel_lockdown.7.html")],
    judge: |facts| {
        if facts.profile.is_contained() {
            return Outcome::not_applicable("the host's concern, which a container cannot change");
        }
        match facts.kernel.lockdown.get()?.as_deref() {
            Some("none") => Ok(Outcome::fail("lockdown is off").at("/sys/kernel/security/lockdown", None)),
            Some(mode) => Outcome::pass(format!("lockdown is {mode}")),
            None => Ok(Outcome::fail("this kernel has no lockdown")),
        }
    },
}

/// A kernel that is older has missed several rounds of fixes.
const OLD: u64 = 180;

check! {
    OLD_KERNEL: "TGM534" "old-kernel" Medium Kernel,
    title: "the kernel that runs is old",
    why: "Distributions fix holes in the kernel every few weeks; with each, a local user can become root and read everything.",
    repair: "install the distribution's current kernel and start the machine again",
    references: [("The kernel's releases", "https://www.kernel.org/category/releases.html")],
    judge: |facts| {
        let age = *facts.kernel.age.get()?;
        let release = facts.kernel.release.get()?;
        if age > OLD {
            return Ok(Outcome::fail(format!("{release} was built {age} days ago")));
        }
        Outcome::pass(format!("{release} was built {}", if age == 0 { "today".to_owned() } else { plural(age as usize, "day") + " ago" }))
    },
}

check! {
    NO_LANDLOCK: "TGM535" "no-landlock" Low Kernel,
    title: "the kernel cannot fence the test off from files and ports",
    why: "`tegmen run --sandbox` uses Landlock: without it, code inside the test can read whatever the user can read.",
    repair: "use Linux 5.13 or newer with Landlock among `lsm=` on the kernel's command line; for rules on ports, 6.7 or newer",
    references: [("The kernel's documentation: Landlock", "https://docs.kernel.org/userspace-api/landlock.html")],
    judge: |facts| match *facts.kernel.landlock.get()? {
        0 => Ok(Outcome::fail("Landlock is not there")),
        version @ 1..=3 => Ok(Outcome::fail(format!("Landlock has version {version}: files, but no ports"))),
        version => Outcome::pass(format!("Landlock has version {version}: files and ports")),
    },
}

check! {
    NO_SECRET_MEMORY: "TGM536" "no-secret-memory" Low Kernel,
    title: "the kernel has no memfd_secret",
    why: "Memory from memfd_secret is not even in the kernel's own map: neither swap, nor hibernation, nor a hole that reads kernel \
          memory gets at it. Without it, values lie in memory that is locked only.",
    repair: "use Linux 5.14 or newer; before 6.5, `secretmem.enable=1` on the kernel's command line",
    references: [("memfd_secret(2)", "https://man7.org/linux/man-pages/man2/memfd_secret.2.html")],
    judge: |facts| {
        if *facts.kernel.secret_memory.get()? {
            Outcome::pass("memfd_secret is there")
        } else {
            Ok(Outcome::fail("memfd_secret is not there, or not allowed here"))
        }
    },
}

check! {
    KERNEL_ADDRESSES_VISIBLE: "TGM537" "kernel-addresses-visible" Low Kernel,
    title: "every user can read the kernel's addresses or log",
    why: "They are what an attacker inside the test needs first to use a hole in the kernel.",
    repair: "`sysctl kernel.kptr_restrict=1 kernel.dmesg_restrict=1` and a file in /etc/sysctl.d",
    references: [("The kernel's documentation: sysctl", SYSCTL_KERNEL)],
    judge: |facts| {
        let (pointers, log) = (*facts.kernel.kptr_restrict.get()?, *facts.kernel.dmesg_restrict.get()?);
        let mut open = Vec::new();
        if pointers == 0 {
            open.push("kernel.kptr_restrict is 0");
        }
        if log == 0 {
            open.push("kernel.dmesg_restrict is 0");
        }
        if open.is_empty() {
            return Outcome::pass(format!("kernel.kptr_restrict is {pointers}, kernel.dmesg_restrict is {log}"));
        }
        Ok(Outcome::fail(open.join(", ")).at("/proc/sys/kernel/kptr_restrict", None))
    },
}

check! {
    UNPRIVILEGED_BPF: "TGM538" "unprivileged-tracing" Low Kernel,
    title: "every user can load BPF programs or trace the kernel",
    why: "Both have been the way to root of many holes, and a load test needs neither.",
    repair: "`sysctl kernel.unprivileged_bpf_disabled=1 kernel.perf_event_paranoid=2` and a file in /etc/sysctl.d; `tegmen run \
             --sandbox` closes both to the test",
    references: [("The kernel's documentation: sysctl", SYSCTL_KERNEL)],
    judge: |facts| {
        let (bpf, perf) = (*facts.kernel.unprivileged_bpf_disabled.get()?, *facts.kernel.perf_event_paranoid.get()?);
        let mut open = Vec::new();
        if bpf == 0 {
            open.push("kernel.unprivileged_bpf_disabled is 0".to_owned());
        }
        if perf < 2 {
            open.push(format!("kernel.perf_event_paranoid is {perf}"));
        }
        if open.is_empty() {
            return Outcome::pass(format!("kernel.unprivileged_bpf_disabled is {bpf}, kernel.perf_event_paranoid is {perf}"));
        }
        Ok(Outcome::fail(open.join(", ")).at("/proc/sys/kernel/unprivileged_bpf_disabled", None))
    },
}

check! {
    LINKS_UNPROTECTED: "TGM539" "links-unprotected" Medium Kernel,
    title: "links in shared folders can lead writes astray",
    why: "With these protections off, another user puts a link into /tmp where a test writes its report or log, and gets it \
          written over a file of the victim's, or reads it.",
    repair: "`sysctl fs.protected_symlinks=1 fs.protected_hardlinks=1` and a file in /etc/sysctl.d",
    references: [
        ("The kernel's documentation: protected links", SYSCTL_FS),
        ("CWE-59: Improper Link Resolution Before File Access", "https://cwe.mitre.org/data/definitions/59.html"),
    ],
    judge: |facts| {
        let (soft, hard) = *facts.kernel.protected_links.get()?;
        if soft > 0 && hard > 0 {
            return Outcome::pass("fs.protected_symlinks and fs.protected_hardlinks are on");
        }
        let off = [(soft, "fs.protected_symlinks"), (hard, "fs.protected_hardlinks")];
        let off: Vec<&str> = off.iter().filter(|(value, _)| *value == 0).map(|(_, name)| *name).collect();
        Ok(Outcome::fail(format!("off: {}", off.join(", "))).at("/proc/sys/fs/protected_symlinks", None))
    },
}
