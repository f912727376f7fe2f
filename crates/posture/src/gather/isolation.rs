//! Container or virtual machine: by what they leave to be seen from the inside.

use std::path::Path;

use super::line;
use crate::facts::{Container, Fact, Isolation, Mount};

const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

pub(super) fn gather() -> Isolation {
    let mounts = Fact::read("/proc/self/mountinfo", std::fs::read_to_string("/proc/self/mountinfo"));
    let container = container(mounts.ok().map_or("", String::as_str));
    Isolation {
        machine: machine(),
        user_namespace: Fact::read("/proc/self/uid_map", line("/proc/self/uid_map")).map(|map| !is_identity(&map)),
        root_writable: mounts.clone().and_then(|text| root_is_writable(&text), "the root file system is not listed"),
        service_account: Fact::known(std::fs::File::open(ACCOUNT).is_ok().then(|| ACCOUNT.to_owned())),
        host_mounts: mounts.map(|text| host_mounts(&text)),
        host_interfaces: Fact::read("/sys/class/net", interfaces()),
        host_processes: host_processes(),
        engine_sockets: Fact::known(engine_sockets()),
        container: Fact::known(container),
    }
}

fn container(mounts: &str) -> Option<Container> {
    let found = |engine: &str, sign: &str| Some(Container { engine: engine.to_owned(), sign: sign.to_owned() });
    if Path::new("/var/run/secrets/kubernetes.io").exists() {
        return found("kubernetes", "/var/run/secrets/kubernetes.io");
    }
    if Path::new("/run/.containerenv").exists() {
        return found("podman", "/run/.containerenv");
    }
    if Path::new("/.dockerenv").exists() {
        return found("docker", "/.dockerenv");
    }
    // What systemd and its like pass to the first process.
    if let Ok(text) = std::fs::read("/proc/1/environ")
        && let Some(value) = text.split(|byte| *byte == 0).find_map(|variable| variable.strip_prefix(b"container="))
    {
        return found(&String::from_utf8_lossy(value), "the environment of process 1");
    }
    let root = mounts.lines().find(|line| line.split(' ').nth(4) == Some("/"));
    if root.is_some_and(|line| line.contains(" - overlay ")) {
        return found("a container", "the root file system is an overlay");
    }
    None
}

fn machine() -> Fact<Option<String>> {
    let product =
        ["sys_vendor", "product_name"].map(|name| line(&format!("/sys/class/dmi/id/{name}")).unwrap_or_default());
    let known = [
        "QEMU",
        "KVM",
        "VMware",
        "VirtualBox",
        "Xen",
        "Bochs",
        "Parallels",
        "Amazon EC2",
        "Google",
        "Microsoft Corporation",
    ];
    if let Some(name) = known.into_iter().find(|name| product.iter().any(|text| text.contains(name))) {
        // Microsoft also makes machines of metal.
        if name != "Microsoft Corporation" || product[1] == "Virtual Machine" {
            return Fact::known(Some(name.to_owned()));
        }
    }
    if cfg!(target_arch = "x86_64") {
        return Fact::read("/proc/cpuinfo", std::fs::read_to_string("/proc/cpuinfo")).map(|text| {
            let flags = text.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
            flags.split_whitespace().any(|flag| flag == "hypervisor").then(|| "a hypervisor".to_owned())
        });
    }
    if product.iter().all(String::is_empty) {
        return Fact::unknown("this processor does not tell whether there is a hypervisor");
    }
    Fact::known(None)
}

/// Whether users are the same inside and outside.
fn is_identity(map: &str) -> bool {
    let numbers: Vec<u64> = map.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    numbers == [0, 0, u64::from(u32::MAX)]
}

fn root_is_writable(mounts: &str) -> Option<bool> {
    // The last one that is mounted there is the one that is seen.
    let root = mounts.lines().rfind(|line| line.split(' ').nth(4) == Some("/"))?;
    let (before, after) = root.split_once(" - ")?;
    let options = before.split(' ').nth(5)?;
    let of_the_file_system = after.split(' ').nth(2).unwrap_or_default();
    let is_rw = |options: &str| options.split(',').any(|option| option == "rw");
    Some(is_rw(options) && is_rw(of_the_file_system))
}

/// Folders that come from a disk of the host: the root of the mount (4th field) is a folder of another file system.
fn host_mounts(mounts: &str) -> Vec<Mount> {
    let own = ["/etc/resolv.conf", "/etc/hosts", "/etc/hostname", "/dev/termination-log"];
    let mut found = Vec::new();
    for line in mounts.lines() {
        let Some((before, after)) = line.split_once(" - ") else { continue };
        let fields: Vec<&str> = before.split(' ').collect();
        let (Some(from), Some(at), Some(options)) = (fields.get(3), fields.get(4), fields.get(5)) else { continue };
        let kind = after.split(' ').next().unwrap_or_default();
        let is_disk =
            ["ext4", "ext3", "xfs", "btrfs", "zfs", "f2fs", "virtiofs", "9p", "fuse.grpcfuse"].contains(&kind);
        let is_volume = from.contains("/volumes/") || from.contains("/kubernetes.io~");
        if is_disk && *at != "/" && !own.contains(at) && !is_volume {
            let is_writable = options.split(',').any(|option| option == "rw");
            found.push(Mount { at: (*at).to_owned(), from: (*from).to_owned(), is_writable });
        }
    }
    found
}

/// Interfaces that only a host has: bridges and the ends of containers' cables.
fn interfaces() -> std::io::Result<Vec<String>> {
    let names = std::fs::read_dir("/sys/class/net")?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let of_a_host =
        ["docker0", "cni0", "cbr0", "virbr0", "br-", "veth", "cali", "flannel", "podman0", "lxcbr0", "cilium"];
    Ok(names.filter(|name| of_a_host.iter().any(|begin| name.starts_with(begin))).collect())
}

/// Kernel threads are seen in the first PID namespace only.
fn host_processes() -> Fact<bool> {
    match line("/proc/2/comm") {
        Ok(name) => Fact::known(name == "kthreadd"),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Fact::known(false),
        Err(error) => Fact::read("/proc/2/comm", Err(error)),
    }
}

fn engine_sockets() -> Vec<String> {
    let mut candidates: Vec<String> = [
        "/var/run/docker.sock",
        "/run/docker.sock",
        "/run/podman/podman.sock",
        "/run/containerd/containerd.sock",
        "/run/crio/crio.sock",
    ]
    .map(str::to_owned)
    .into();
    if let Some(run) = std::env::var_os("XDG_RUNTIME_DIR").and_then(|run| run.into_string().ok()) {
        candidates.push(format!("{run}/docker.sock"));
        candidates.push(format!("{run}/podman/podman.sock"));
    }
    if let Some(socket) = std::env::var("DOCKER_HOST").ok().as_deref().and_then(|host| host.strip_prefix("unix://")) {
        candidates.push(socket.to_owned());
    }
    let mut found: Vec<std::path::PathBuf> = Vec::new();
    candidates.retain(|path| {
        let Ok(real) = std::fs::canonicalize(path) else { return false };
        let is_new = !found.contains(&real);
        found.push(real);
        // To connect is the question, and asking it leaves no trace.
        is_new && std::os::unix::net::UnixStream::connect(path).is_ok()
    });
    candidates
}

#[cfg(test)]
mod tests {
    use super::*;

    const POD: &str = "\
1 0 0:50 / / rw,relatime - overlay overlay rw,lowerdir=/a
2 1 0:60 / /proc rw - proc proc rw
3 1 8:1 /var/lib/kubelet/pods/u/etc-hosts /etc/hosts rw - ext4 /dev/sda1 rw
4 1 8:1 /var/log /host/log ro - ext4 /dev/sda1 rw
5 1 0:70 / /var/run/secrets/kubernetes.io/serviceaccount ro - tmpfs tmpfs rw
6 1 8:1 /var/lib/docker/volumes/data/_data /data rw - ext4 /dev/sda1 rw
";

    #[test]
    fn folders_of_the_host_are_told_from_the_containers_own() {
        let found = host_mounts(POD);
        assert_eq!(found, [Mount { at: "/host/log".into(), from: "/var/log".into(), is_writable: false }]);
        assert_eq!(root_is_writable(POD), Some(true));
        assert_eq!(root_is_writable("1 0 0:50 / / ro - overlay overlay rw"), Some(false));
        assert!(container(POD).is_some());
    }

    #[test]
    fn a_map_of_all_users_onto_themselves_is_none() {
        assert!(is_identity("         0          0 4294967295"));
        assert!(!is_identity("         0     100000      65536"));
    }
}
