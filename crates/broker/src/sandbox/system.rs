//! What every program needs of the system, and holds no secret.

use std::path::PathBuf;

use tegmen_sys::sandbox::Access;

/// Of `/etc` only what name resolution, certificates, time zones and loaders read: the rest is other programs' settings.
/// Of `/proc`, everything: what other processes have there is closed by the kernel to whoever is in a Landlock domain,
/// but for their command lines.
pub(super) const PATHS: &[(&str, Access)] = &[
    ("/usr", Access::Execute),
    ("/bin", Access::Execute),
    ("/sbin", Access::Execute),
    ("/lib", Access::Execute),
    ("/lib32", Access::Execute),
    ("/lib64", Access::Execute),
    ("/opt", Access::Execute),
    ("/nix/store", Access::Execute),
    ("/run/current-system", Access::Execute),
    ("/etc/alternatives", Access::Read),
    ("/etc/ca-certificates", Access::Read),
    ("/etc/gai.conf", Access::Read),
    ("/etc/group", Access::Read),
    ("/etc/host.conf", Access::Read),
    ("/etc/hosts", Access::Read),
    ("/etc/inputrc", Access::Read),
    ("/etc/ld.so.cache", Access::Read),
    ("/etc/ld.so.conf", Access::Read),
    ("/etc/ld.so.conf.d", Access::Read),
    ("/etc/locale.alias", Access::Read),
    ("/etc/localtime", Access::Read),
    ("/etc/mime.types", Access::Read),
    ("/etc/nsswitch.conf", Access::Read),
    ("/etc/os-release", Access::Read),
    ("/etc/passwd", Access::Read),
    ("/etc/pki/ca-trust", Access::Read),
    ("/etc/pki/tls/certs", Access::Read),
    ("/etc/pki/tls/cert.pem", Access::Read),
    ("/etc/protocols", Access::Read),
    ("/etc/resolv.conf", Access::Read),
    ("/etc/services", Access::Read),
    ("/etc/ssl/certs", Access::Read),
    ("/etc/ssl/cert.pem", Access::Read),
    ("/etc/ssl/openssl.cnf", Access::Read),
    ("/etc/crypto-policies", Access::Read),
    ("/etc/terminfo", Access::Read),
    ("/etc/timezone", Access::Read),
    ("/var/lib/ca-certificates", Access::Read),
    ("/proc", Access::Read),
    ("/sys/devices/system/cpu", Access::Read),
    ("/sys/fs/cgroup", Access::Read),
    ("/sys/kernel/mm/transparent_hugepage", Access::Read),
    ("/dev/null", Access::Device),
    ("/dev/zero", Access::Device),
    ("/dev/full", Access::Device),
    ("/dev/random", Access::Device),
    ("/dev/urandom", Access::Device),
    ("/dev/tty", Access::Device),
];

/// Where links of the above lead out of it, which systemd's `resolv.conf` does.
pub(super) fn linked() -> Vec<PathBuf> {
    ["/etc/resolv.conf", "/etc/localtime", "/etc/hosts"]
        .iter()
        .filter_map(|path| std::fs::canonicalize(path).ok())
        .collect()
}
