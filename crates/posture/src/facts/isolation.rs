//! Container or virtual machine.

use super::Fact;

/// Container or virtual machine, and how well it is closed.
#[derive(Debug, Clone, Default)]
pub struct Isolation {
    /// The container that this is in; `None`: in none that shows.
    pub container: Fact<Option<Container>>,
    /// The virtual machine that this is in, by name; `None`: none that shows.
    pub machine: Fact<Option<String>>,
    /// Whether user 0 in here is another user outside.
    pub user_namespace: Fact<bool>,
    /// Whether the root file system can be written to.
    pub root_writable: Fact<bool>,
    /// The token of a Kubernetes service account, if one is mounted and can be read.
    pub service_account: Fact<Option<String>>,
    /// Folders of the host that are mounted in the container.
    pub host_mounts: Fact<Vec<Mount>>,
    /// Signs of the host's own network: names of its interfaces.
    pub host_interfaces: Fact<Vec<String>>,
    /// Whether the processes of the host can be seen.
    pub host_processes: Fact<bool>,
    /// Sockets of container engines that can be opened.
    pub engine_sockets: Fact<Vec<String>>,
}

/// A container, by the way it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// `docker`, `podman`, `kubernetes`, …
    pub engine: String,
    /// Where that was seen.
    pub sign: String,
}

/// Something of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where it is mounted.
    pub at: String,
    /// What of the host, as far as it shows.
    pub from: String,
    /// Whether it can be written to.
    pub is_writable: bool,
}
