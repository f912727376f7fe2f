//! This process.

use super::Fact;

/// This process: what a test that is started from the same shell inherits.
#[derive(Debug, Clone, Default)]
pub struct Process {
    /// The effective user.
    pub uid: Fact<u32>,
    /// The effective capabilities, a bit each (capability.h).
    pub effective: Fact<u64>,
    /// Those that it, or what it executes, could still get.
    pub bounding: Fact<u64>,
    /// Whether what it executes can gain privileges no more.
    pub no_new_privs: Fact<bool>,
    /// The mode of seccomp: 0 none, 1 strict, 2 a filter.
    pub seccomp: Fact<u8>,
    /// The mask of modes of new files.
    pub umask: Fact<u32>,
    /// The largest core dump in bytes; `None`: unlimited.
    pub core_limit: Fact<Option<u64>>,
    /// How many bytes may be locked into memory; `None`: unlimited.
    pub locked_limit: Fact<Option<u64>>,
    /// The profile of AppArmor or the context of SELinux, if there is one.
    pub confinement: Fact<Option<String>>,
}
