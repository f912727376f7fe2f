//! The kernel.

use super::Fact;

/// The kernel and its settings.
#[derive(Debug, Clone, Default)]
pub struct Kernel {
    /// `kernel.yama.ptrace_scope`; `None`: Yama is not there.
    pub ptrace_scope: Fact<Option<u8>>,
    /// `kernel.core_pattern`.
    pub core_pattern: Fact<String>,
    /// `fs.suid_dumpable`.
    pub suid_dumpable: Fact<u8>,
    /// What memory is swapped to.
    pub swaps: Fact<Vec<Swap>>,
    /// `none`, `integrity` or `confidentiality`; `None`: lockdown is not there.
    pub lockdown: Fact<Option<String>>,
    /// `uname -r`.
    pub release: Fact<String>,
    /// How many days ago it was built.
    pub age: Fact<u64>,
    /// The version of Landlock's interface; 0: none.
    pub landlock: Fact<u32>,
    /// Whether there is `memfd_secret(2)`.
    pub secret_memory: Fact<bool>,
    /// `kernel.kptr_restrict`.
    pub kptr_restrict: Fact<u8>,
    /// `kernel.dmesg_restrict`.
    pub dmesg_restrict: Fact<u8>,
    /// `kernel.unprivileged_bpf_disabled`.
    pub unprivileged_bpf_disabled: Fact<u8>,
    /// `kernel.perf_event_paranoid`.
    pub perf_event_paranoid: Fact<i8>,
    /// `fs.protected_symlinks` and `fs.protected_hardlinks`.
    pub protected_links: Fact<(u8, u8)>,
}

/// A swap device or file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swap {
    /// Its path.
    pub path: String,
    /// Whether what is written there is encrypted, or stays in memory (zram); `None`: it cannot be told.
    pub is_protected: Option<bool>,
}
