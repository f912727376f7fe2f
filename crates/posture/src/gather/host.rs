//! The host: updates, firewall, who watches, the clock, the disk. The package manager is asked for what it knows already,
//! without the network.

use std::{
    io::Read as _,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use super::{age, line};
use crate::facts::{Fact, Host, Updates};

/// A package manager gets so much time.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) fn gather(project: &Path) -> Host {
    Host {
        updates: updates(),
        reboot_required: reboot_required(),
        firewall: firewall(),
        watchers: Fact::read("/proc", watchers()),
        clock_synchronised: Fact::read("the state of the clock", tegmen_sys::clock::is_synchronised()),
        disk_encrypted: disk(project),
    }
}

fn updates() -> Fact<Updates> {
    let exists = |path: &str| Path::new(path).exists();
    if exists("/usr/bin/apt-get") {
        let lists = Path::new("/var/lib/apt/lists");
        let is_empty = std::fs::read_dir(lists).map_or(true, |entries| {
            !entries.flatten().any(|entry| entry.file_name().to_string_lossy().contains("_Packages"))
        });
        if is_empty {
            return Fact::unknown("apt has no lists of packages here; `apt-get update` fetches them");
        }
        return ask("apt-get", &["--simulate", "--quiet", "dist-upgrade"]).map(|text| {
            let all: Vec<&str> = text.lines().filter(|line| line.starts_with("Inst ")).collect();
            let security = all.iter().filter(|line| line.to_ascii_lowercase().contains("-security")).count();
            Updates { manager: "apt", security: Some(security), all: all.len(), lists_age: age(lists) }
        });
    }
    if exists("/usr/bin/dnf") {
        return ask("dnf", &["--quiet", "--cacheonly", "updateinfo", "list", "--updates"]).map(|text| {
            let all: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
            let security = all.iter().filter(|line| line.contains("/Sec.") || line.contains(" security ")).count();
            Updates {
                manager: "dnf",
                security: Some(security),
                all: all.len(),
                lists_age: age(Path::new("/var/cache/dnf")),
            }
        });
    }
    if exists("/sbin/apk") {
        return ask("apk", &["--no-network", "version", "--limit", "<"]).map(|text| {
            let all = text.lines().filter(|line| line.contains(" < ")).count();
            Updates { manager: "apk", security: None, all, lists_age: age(Path::new("/var/cache/apk")) }
        });
    }
    Fact::unknown("none of apt, dnf and apk is here to be asked")
}

/// What a program prints. It is stopped when it takes too long.
fn ask(program: &str, arguments: &[&str]) -> Fact<String> {
    let run = || -> std::io::Result<String> {
        let mut child = Command::new(program)
            .args(arguments)
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let output = child.stdout.take();
        let reader = std::thread::spawn(move || {
            let mut text = Vec::new();
            let _ = output.map(|mut output| output.read_to_end(&mut text));
            String::from_utf8_lossy(&text).into_owned()
        });
        let end = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if Instant::now() > end {
                child.kill()?;
                child.wait()?;
                return Err(std::io::Error::new(std::io::ErrorKind::TimedOut, "it took too long"));
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let text = reader.join().map_err(|_| std::io::Error::other("its output could not be read"))?;
        if status.success() { Ok(text) } else { Err(std::io::Error::other(format!("it failed with {status}"))) }
    };
    Fact::read(&format!("what `{program}` says"), run())
}

fn reboot_required() -> Fact<bool> {
    if Path::new("/run/reboot-required").exists() || Path::new("/var/run/reboot-required").exists() {
        return Fact::known(true);
    }
    // Debian and its like say it in a file; where there is no kernel to compare with, nobody knows.
    let release = line("/proc/sys/kernel/osrelease").unwrap_or_default();
    let Ok(entries) = std::fs::read_dir("/boot") else { return Fact::unknown("/boot cannot be read") };
    let kernels: Vec<String> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.strip_prefix("vmlinuz-").map(str::to_owned))
        .collect();
    if kernels.is_empty() {
        return Fact::unknown("/boot holds no kernel to compare with");
    }
    // The one that runs was taken away: a newer one waits.
    Fact::known(!kernels.contains(&release))
}

fn firewall() -> Fact<Option<String>> {
    let ufw = std::fs::read_to_string("/etc/ufw/ufw.conf").unwrap_or_default();
    if ufw.lines().any(|line| line.trim() == "ENABLED=yes") {
        return Fact::known(Some("ufw".to_owned()));
    }
    for (name, sign) in [("firewalld", "/run/firewalld.pid"), ("firewalld", "/var/run/firewalld.pid")] {
        if Path::new(sign).exists() {
            return Fact::known(Some(name.to_owned()));
        }
    }
    if tegmen_sys::peer::effective_uid() != 0 {
        return Fact::unknown(
            "only root can list the rules of the kernel's firewall, and neither ufw nor firewalld shows",
        );
    }
    let mut asked = false;
    for (program, arguments) in [("nft", &["list", "ruleset"][..]), ("iptables", &["-S"])] {
        if let Ok(text) = ask(program, arguments).get() {
            asked = true;
            // A policy that lets everything in is no firewall.
            let denies = ["drop", "reject", "DROP", "REJECT"].iter().any(|word| text.contains(word));
            if denies {
                return Fact::known(Some(format!("{program}, by its rules")));
            }
        }
    }
    if asked { Fact::known(None) } else { Fact::unknown("neither nft nor iptables is here to list the rules") }
}

/// Programs that record or watch what happens on a host.
const WATCHERS: &[(&str, &str)] = &[
    ("auditd", "the audit daemon"),
    ("falcon-sensor", "CrowdStrike Falcon"),
    ("falco", "Falco"),
    ("osqueryd", "osquery"),
    ("wazuh-agentd", "Wazuh"),
    ("ossec-agentd", "OSSEC"),
    ("tetragon", "Tetragon"),
    ("tracee", "Tracee"),
    ("mdatp", "Microsoft Defender"),
    ("wdavdaemon", "Microsoft Defender"),
    ("sentinelone-agent", "SentinelOne"),
    ("elastic-agent", "Elastic Agent"),
    ("auditbeat", "Auditbeat"),
    ("samhain", "Samhain"),
    ("aide", "AIDE"),
];

fn watchers() -> std::io::Result<Vec<String>> {
    let mut found: Vec<String> = Vec::new();
    for entry in std::fs::read_dir("/proc")?.flatten() {
        if let Ok(name) = std::fs::read_to_string(entry.path().join("comm"))
            // The kernel keeps the first 15 characters of a name.
            && let Some((_, what)) = WATCHERS.iter().find(|(known, _)| known.get(..15).unwrap_or(known) == name.trim())
            && !found.iter().any(|known| known == what)
        {
            found.push((*what).to_owned());
        }
    }
    Ok(found)
}

/// Whether the file system of a folder lies on a device of dm-crypt, itself or below.
fn disk(folder: &Path) -> Fact<(bool, String)> {
    use std::os::unix::fs::MetadataExt as _;
    let device = match std::fs::metadata(folder) {
        Ok(known) => known.dev(),
        Err(error) => return Fact::read(&folder.display().to_string(), Err(error)),
    };
    let (major, minor) = (tegmen_sys::files::major(device), tegmen_sys::files::minor(device));
    if major == 0 {
        return Fact::unknown("the project's file system shows no device (an overlay, a network, a pool)");
    }
    let node = format!("/sys/dev/block/{major}:{minor}");
    let Ok(path) = std::fs::canonicalize(&node) else { return Fact::unknown(format!("{node} is not there")) };
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    Fact::known((is_encrypted(&path, 0), format!("/dev/{name}")))
}

fn is_encrypted(device: &Path, depth: usize) -> bool {
    if std::fs::read_to_string(device.join("dm/uuid")).is_ok_and(|uuid| uuid.starts_with("CRYPT-")) {
        return true;
    }
    let Ok(slaves) = std::fs::read_dir(device.join("slaves")) else { return false };
    let below: Vec<_> = slaves.flatten().filter_map(|slave| std::fs::canonicalize(slave.path()).ok()).collect();
    depth < 8 && !below.is_empty() && below.iter().all(|slave| is_encrypted(slave, depth + 1))
}
