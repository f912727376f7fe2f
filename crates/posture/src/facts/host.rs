//! The host.

use super::Fact;

/// The host: who cares for it.
#[derive(Debug, Clone, Default)]
pub struct Host {
    /// Updates that wait.
    pub updates: Fact<Updates>,
    /// Whether it has to be started again for updates to take effect.
    pub reboot_required: Fact<bool>,
    /// A firewall that is on, by name; `None`: none is.
    pub firewall: Fact<Option<String>>,
    /// Programs that watch it (audit daemon, sensor of an intrusion detection), by name.
    pub watchers: Fact<Vec<String>>,
    /// Whether the clock is kept right, as the kernel knows.
    pub clock_synchronised: Fact<bool>,
    /// Whether the file system of the project is on an encrypted device; with the device.
    pub disk_encrypted: Fact<(bool, String)>,
}

/// Updates that wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Updates {
    /// Who says it: `apt`, `dnf`, `apk`.
    pub manager: &'static str,
    /// How many of them are for security; `None`: the manager does not tell them apart.
    pub security: Option<usize>,
    /// How many in all.
    pub all: usize,
    /// How old the lists are that this was read from, in days, where that can be seen.
    pub lists_age: Option<u64>,
}
