//! The host: patched, firewalled, watched.

use tegmen_findings::Severity;

use super::{listed, plural};
use crate::{
    check::{Check, Outcome},
    profile::Profile,
};

pub(super) const ALL: &[&Check] = &[
    &UPDATES_PENDING,
    &STALE_PACKAGE_LISTS,
    &REBOOT_REQUIRED,
    &NO_FIREWALL,
    &NOBODY_WATCHES,
    &CLOCK_NOT_SYNCHRONISED,
    &DISK_UNENCRYPTED,
];

check! {
    UPDATES_PENDING: "TGM540" "updates-pending" Medium Host,
    title: "security updates wait to be installed",
    why: "A load generator that is not patched is the easiest way to the secrets on it.",
    repair: "install them: `apt-get upgrade`, `dnf upgrade --security`, `apk upgrade`; for a container, build the image anew on a \
             current base",
    references: [
        ("CIS Controls 7: continuous vulnerability management", "https://www.cisecurity.org/controls/continuous-vulnerability-management"),
        ("CWE-1395: Dependency on Vulnerable Third-Party Component", "https://cwe.mitre.org/data/definitions/1395.html"),
    ],
    judge: |facts| {
        let updates = facts.host.updates.get()?;
        match (updates.security, updates.all) {
            (Some(0), all) => Outcome::pass(format!("no security update waits, by what {} knows ({all} of other kinds)", updates.manager)),
            (Some(security), all) => {
                let outcome = Outcome::fail(format!("{} of {all} updates, by what {} knows", plural(security, "security update"), updates.manager));
                Ok(if security >= 20 { outcome.severity(Severity::High) } else { outcome })
            }
            (None, 0) => Outcome::pass(format!("no update waits, by what {} knows", updates.manager)),
            (None, all) => Ok(Outcome::fail(format!("{}; {} does not say which are for security", plural(all, "update"), updates.manager))),
        }
    },
}

/// Lists that are older say nothing about today.
const STALE: u64 = 14;

check! {
    STALE_PACKAGE_LISTS: "TGM541" "stale-package-lists" Low Host,
    title: "nobody has asked for updates for long",
    why: "The package manager knows of updates only after it has asked. That none waits means little when it has not.",
    repair: "`apt-get update` (or unattended-upgrades, dnf-automatic), then ask again",
    references: [("Debian's manual: automatic updates", "https://wiki.debian.org/UnattendedUpgrades")],
    judge: |facts| {
        let updates = facts.host.updates.get()?;
        match updates.lists_age {
            None => Outcome::not_known(format!("the age of {}'s lists does not show", updates.manager)),
            Some(age) if age > STALE => Ok(Outcome::fail(format!("the lists of {} are {age} days old", updates.manager))),
            Some(age) => Outcome::pass(format!("the lists of {} are {} old", updates.manager, plural(age as usize, "day"))),
        }
    },
}

check! {
    REBOOT_REQUIRED: "TGM542" "reboot-required" Medium Host,
    title: "updates are installed that do not take effect before a reboot",
    why: "The hole is closed on disk and open in memory.",
    repair: "start the machine again",
    references: [("CIS Controls 7: continuous vulnerability management", "https://www.cisecurity.org/controls/continuous-vulnerability-management")],
    judge: |facts| {
        if facts.profile.is_contained() {
            return Outcome::not_applicable("the host's concern, which a container cannot change");
        }
        if *facts.host.reboot_required.get()? {
            Ok(Outcome::fail("a reboot is due"))
        } else {
            Outcome::pass("no reboot is due")
        }
    },
}

check! {
    NO_FIREWALL: "TGM543" "no-firewall" Medium Host,
    title: "no firewall stands before the machine",
    why: "Locust's web UI (8089) and its master (5557) listen in clear text and, by default, on all interfaces. Without a \
          firewall whoever reaches the machine reaches them.",
    repair: "let in what is needed: `ufw default deny incoming && ufw allow OpenSSH && ufw enable`, or nftables; in a cloud, check \
             the security group and say so with `--ignore no-firewall`",
    references: [
        ("CIS Benchmarks: host based firewall", "https://www.cisecurity.org/cis-benchmarks"),
        ("Locust: running distributed", "https://docs.locust.io/en/stable/running-distributed.html"),
    ],
    judge: |facts| {
        if facts.profile.is_contained() {
            return Outcome::not_applicable("the host's or the cluster's concern (network policies), which does not show from inside");
        }
        match facts.host.firewall.get()? {
            Some(name) => Outcome::pass(format!("on: {name}")),
            None => Ok(Outcome::fail("no rule of the kernel's firewall drops anything")),
        }
    },
}

check! {
    NOBODY_WATCHES: "TGM544" "nobody-watches" Low Host,
    title: "no audit daemon or monitoring was seen",
    why: "When something does go wrong, nobody hears of it, and nobody can tell afterwards what was read.",
    repair: "install auditd, or the sensor that your organisation uses",
    references: [
        ("CIS Benchmarks: auditing", "https://www.cisecurity.org/cis-benchmarks"),
        ("auditd(8)", "https://man7.org/linux/man-pages/man8/auditd.8.html"),
    ],
    judge: |facts| {
        let seen = facts.host.watchers.get()?;
        if !seen.is_empty() {
            return Outcome::pass(format!("seen: {}", listed(seen)));
        }
        let hidden = facts.profile.is_contained() && facts.isolation.host_processes.ok() != Some(&true);
        if hidden || facts.profile == Profile::Ci {
            return Outcome::not_known("the processes of the host do not show from here");
        }
        Ok(Outcome::fail("none of the programs that Tegmen knows is running"))
    },
}

check! {
    CLOCK_NOT_SYNCHRONISED: "TGM545" "clock-not-synchronised" Low Host,
    title: "nothing keeps the clock right",
    why: "Tokens, certificates and signed requests are valid by the clock: a wrong one breaks logins in the middle of a test, \
          makes an expired certificate look good, and puts the audit logs of different machines out of order.",
    repair: "switch on systemd-timesyncd (`timedatectl set-ntp true`) or chrony; in a container it is the host's concern",
    references: [
        ("adjtimex(2): STA_UNSYNC", "https://man7.org/linux/man-pages/man2/adjtimex.2.html"),
        ("CIS Benchmarks: time synchronization", "https://www.cisecurity.org/cis-benchmarks"),
    ],
    judge: |facts| {
        if *facts.host.clock_synchronised.get()? {
            Outcome::pass("the kernel knows the clock as synchronised")
        } else {
            Ok(Outcome::fail("the kernel does not know the clock as synchronised"))
        }
    },
}

check! {
    DISK_UNENCRYPTED: "TGM546" "disk-unencrypted" Medium Host,
    title: "the project lies on a disk in clear",
    why: "Whoever gets the disk, by theft, by repair or by a forgotten snapshot, gets `.env` files, histories, reports and logs.",
    repair: "encrypt it (LUKS, the cloud's disk encryption); where it is encrypted below what shows here, say so with \
             `--ignore disk-unencrypted`",
    references: [
        ("cryptsetup(8)", "https://man7.org/linux/man-pages/man8/cryptsetup.8.html"),
        ("CWE-311: Missing Encryption of Sensitive Data", "https://cwe.mitre.org/data/definitions/311.html"),
    ],
    judge: |facts| {
        if facts.profile != Profile::Laptop {
            return Outcome::not_applicable("asked on machines that people own; elsewhere the disk is the provider's concern");
        }
        let (encrypted, device) = facts.host.disk_encrypted.get()?;
        if *encrypted {
            return Outcome::pass(format!("{device} is encrypted"));
        }
        // The disk of a virtual machine may well be encrypted where it is made of.
        if facts.isolation.machine.ok().is_some_and(Option::is_some) {
            return Outcome::not_known(format!("{device} is not encrypted here; below the virtual machine it may be"));
        }
        Ok(Outcome::fail(format!("{device} is not encrypted")))
    },
}
