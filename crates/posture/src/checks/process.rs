//! The user, the capabilities and the limits that a test inherits.

use tegmen_findings::Severity;

use super::listed;
use crate::{
    check::{Check, Outcome},
    profile::Profile,
};

pub(super) const ALL: &[&Check] = &[
    &RUNNING_AS_ROOT,
    &EXCESS_CAPABILITIES,
    &PRIVILEGES_CAN_BE_GAINED,
    &NO_SECCOMP,
    &CORE_DUMPS_ALLOWED,
    &LOOSE_UMASK,
    &LITTLE_LOCKED_MEMORY,
    &NO_CONFINEMENT,
];

check! {
    RUNNING_AS_ROOT: "TGM520" "running-as-root" High Process,
    title: "the load test would run as root",
    why: "A load test needs no privilege. As root, every defect in the test, in Locust or in one of the packages that it \
          imports is a defect of the whole machine, and no other user's files are closed to it.",
    repair: "start it as an ordinary user; in a container `USER 10001` in the Dockerfile, in Kubernetes `runAsNonRoot: true`; \
             where only root can start it, `tegmen run --user locust --sandbox -- …`",
    references: [
        ("Kubernetes Pod Security Standards: running as non-root", "https://kubernetes.io/docs/concepts/security/pod-security-standards/"),
        ("CIS Docker Benchmark 4.1: a user for the container", "https://www.cisecurity.org/benchmark/docker"),
        ("CWE-250: Execution with Unnecessary Privileges", "https://cwe.mitre.org/data/definitions/250.html"),
    ],
    judge: |facts| {
        let uid = *facts.process.uid.get()?;
        if uid != 0 {
            return Outcome::pass(format!("the user has the number {uid}"));
        }
        let mapped = *facts.isolation.user_namespace.get().unwrap_or(&false);
        if mapped {
            return Ok(Outcome::fail("the user is root of a user namespace; outside it is another user").severity(Severity::Low));
        }
        Ok(Outcome::fail("the user is root"))
    },
}

/// Those with which a process could look into others, change the kernel or take the machine over (capabilities(7)).
const DANGEROUS: &[(u32, &str)] = &[
    (0, "CAP_CHOWN"),
    (1, "CAP_DAC_OVERRIDE"),
    (2, "CAP_DAC_READ_SEARCH"),
    (3, "CAP_FOWNER"),
    (6, "CAP_SETGID"),
    (7, "CAP_SETUID"),
    (12, "CAP_NET_ADMIN"),
    (13, "CAP_NET_RAW"),
    (16, "CAP_SYS_MODULE"),
    (17, "CAP_SYS_RAWIO"),
    (19, "CAP_SYS_PTRACE"),
    (21, "CAP_SYS_ADMIN"),
    (22, "CAP_SYS_BOOT"),
    (38, "CAP_PERFMON"),
    (39, "CAP_BPF"),
];

check! {
    EXCESS_CAPABILITIES: "TGM521" "excess-capabilities" Medium Process,
    title: "the process has capabilities that a load test does not need",
    why: "A capability is a piece of root. With CAP_SYS_PTRACE or CAP_SYS_ADMIN a process reads the memory of every other \
          one, with CAP_DAC_READ_SEARCH every file, whoever it runs as.",
    repair: "drop them: `--cap-drop ALL` for Docker, `capabilities: {drop: [ALL]}` in Kubernetes, `setpriv --inh-caps=-all \
             --bounding-set=-all` elsewhere; `tegmen run --sandbox` drops all for the test",
    references: [
        ("capabilities(7)", "https://man7.org/linux/man-pages/man7/capabilities.7.html"),
        ("Kubernetes Pod Security Standards: capabilities", "https://kubernetes.io/docs/concepts/security/pod-security-standards/"),
    ],
    judge: |facts| {
        let effective = *facts.process.effective.get()?;
        let held: Vec<&str> =
            DANGEROUS.iter().filter(|(bit, _)| effective >> bit & 1 == 1).map(|(_, name)| *name).collect();
        if held.is_empty() {
            return Outcome::pass(if effective == 0 {
                "no capability is effective".to_owned()
            } else {
                format!("none of the far-reaching capabilities is effective (the set is {effective:#x})")
            });
        }
        Ok(Outcome::fail(format!("effective: {}", listed(&held))))
    },
}

check! {
    PRIVILEGES_CAN_BE_GAINED: "TGM522" "privileges-can-be-gained" Low Process,
    title: "programs that the test starts could gain privileges",
    why: "Without no_new_privs, a setuid program such as sudo or su is a way up for whatever runs inside the test.",
    repair: "`tegmen run` sets no_new_privs for the test and all that it starts; in Kubernetes also \
             `allowPrivilegeEscalation: false`, for Docker `--security-opt no-new-privileges`",
    references: [
        ("The kernel's documentation: no_new_privs", "https://docs.kernel.org/userspace-api/no_new_privs.html"),
        ("Kubernetes Pod Security Standards: privilege escalation", "https://kubernetes.io/docs/concepts/security/pod-security-standards/"),
    ],
    judge: |facts| {
        if *facts.process.no_new_privs.get()? {
            return Outcome::pass("no_new_privs is set");
        }
        let outcome = Outcome::fail("no_new_privs is not set here");
        Ok(if facts.profile.is_contained() { outcome.severity(Severity::Medium) } else { outcome })
    },
}

check! {
    NO_SECCOMP: "TGM523" "no-seccomp" Low Process,
    title: "no filter of system calls is in force",
    why: "A filter takes calls away that a load test never makes (ptrace, bpf, mount, keyctl, loading of modules): the first \
          ones that an attacker inside the test would try.",
    repair: "`tegmen run --sandbox` puts one on the test; containers get one by default: do not start them with \
             `seccomp=unconfined`, and in Kubernetes set `seccompProfile: {type: RuntimeDefault}`",
    references: [
        ("The kernel's documentation: seccomp", "https://docs.kernel.org/userspace-api/seccomp_filter.html"),
        ("Kubernetes Pod Security Standards: seccomp", "https://kubernetes.io/docs/concepts/security/pod-security-standards/"),
    ],
    judge: |facts| match *facts.process.seccomp.get()? {
        0 => {
            let outcome = Outcome::fail("seccomp is off for this process");
            Ok(if facts.profile.is_contained() { outcome.severity(Severity::Medium) } else { outcome })
        }
        _ => Outcome::pass("a filter is in force"),
    },
}

check! {
    CORE_DUMPS_ALLOWED: "TGM524" "core-dumps-allowed" Medium Process,
    title: "a crash would write the memory of the test to disk",
    why: "A core dump holds every secret that was in memory, and stays where nobody looks for secrets, often readable by a \
          crash reporter that sends it away.",
    repair: "`ulimit -c 0` in the shell or the service (`LimitCORE=0`); `tegmen run` does it for the test and for itself",
    references: [
        ("core(5)", "https://man7.org/linux/man-pages/man5/core.5.html"),
        ("CWE-528: Exposure of Core Dump File", "https://cwe.mitre.org/data/definitions/528.html"),
    ],
    judge: |facts| {
        let limit = facts.process.core_limit.get()?;
        let pipe = facts.kernel.core_pattern.ok().is_some_and(|pattern| pattern.starts_with('|'));
        match limit {
            Some(0) if pipe => Ok(Outcome::fail(
                "the limit is 0, but core_pattern pipes dumps to a program, for which the limit does not count",
            )
            .severity(Severity::Low)
            .repair("mark the processes as not dumpable, as `tegmen run` does, or set kernel.core_pattern to a file name")
            .at("/proc/sys/kernel/core_pattern", None)),
            Some(0) => Outcome::pass("the limit of core dumps is 0"),
            Some(bytes) => Ok(Outcome::fail(format!("dumps of up to {bytes} bytes are allowed"))),
            None => Ok(Outcome::fail("dumps of any size are allowed")),
        }
    },
}

check! {
    LOOSE_UMASK: "TGM525" "loose-umask" Low Process,
    title: "new files are readable by others",
    why: "Reports, CSV files and logs of a load test hold names, URLs and answers of the target. With the usual umask of 022 \
          every user of the machine can read them, with 002 or 000 also change them.",
    repair: "`umask 077` in the shell's start-up file or `UMask=0077` in the service; `tegmen run` does it for what the test writes \
             (`--umask keep` leaves yours)",
    references: [
        ("umask(2)", "https://man7.org/linux/man-pages/man2/umask.2.html"),
        ("CIS Benchmarks: default user umask", "https://www.cisecurity.org/cis-benchmarks"),
        ("CWE-276: Incorrect Default Permissions", "https://cwe.mitre.org/data/definitions/276.html"),
    ],
    judge: |facts| {
        let umask = *facts.process.umask.get()?;
        if umask & 0o007 == 0o007 {
            return Outcome::pass(format!("the umask is {umask:03o}"));
        }
        let outcome = Outcome::fail(format!("the umask is {umask:03o}"));
        Ok(if umask & 0o002 == 0 {
            outcome.severity(Severity::High)
        } else if facts.profile == Profile::Laptop {
            outcome.severity(Severity::Medium)
        } else {
            // Whoever is alone in a container or on a runner shares files with nobody.
            outcome
        })
    },
}

check! {
    LITTLE_LOCKED_MEMORY: "TGM526" "little-locked-memory" Low Process,
    title: "secrets cannot be kept from the swap device",
    why: "Values stay out of swap and core dumps in memory that is locked, or in memfd_secret, which the kernel itself cannot \
          read. With neither, a value may end up on disk in clear.",
    repair: "raise the limit: `ulimit -l 8192`, `LimitMEMLOCK=8M` in the service, `--ulimit memlock=8388608` for Docker; or use \
             a kernel with memfd_secret",
    references: [
        ("memfd_secret(2)", "https://man7.org/linux/man-pages/man2/memfd_secret.2.html"),
        ("mlock(2)", "https://man7.org/linux/man-pages/man2/mlock.2.html"),
    ],
    judge: |facts| {
        let limit = *facts.process.locked_limit.get()?;
        let enough = limit.is_none_or(|bytes| bytes >= 4 << 20);
        let secret = *facts.kernel.secret_memory.get().unwrap_or(&false);
        let amount = limit.map_or_else(|| "any amount".to_owned(), |bytes| format!("{} KiB", bytes / 1024));
        match (enough, secret) {
            (true, _) => Outcome::pass(format!("{amount} of memory may be locked")),
            (false, true) => Outcome::pass(format!("only {amount} of memory may be locked, but there is memfd_secret")),
            (false, false) => Ok(Outcome::fail(format!("{amount} of memory may be locked, and there is no memfd_secret"))),
        }
    },
}

check! {
    NO_CONFINEMENT: "TGM527" "no-confinement" Low Process,
    title: "neither AppArmor nor SELinux confines the container",
    why: "The profile of the container engine is what stands between a hole in the kernel's namespaces and the host.",
    repair: "start the container without `apparmor=unconfined` or `label=disable`; in Kubernetes leave `appArmorProfile` at \
             RuntimeDefault",
    references: [
        ("Kubernetes Pod Security Standards: AppArmor and SELinux", "https://kubernetes.io/docs/concepts/security/pod-security-standards/"),
        ("AppArmor profiles for Docker", "https://docs.docker.com/engine/security/apparmor/"),
    ],
    judge: |facts| {
        if !facts.profile.is_contained() {
            return Outcome::not_applicable("asked in containers only");
        }
        match facts.process.confinement.get()? {
            Some(label) => Outcome::pass(format!("confined as {label}")),
            None => Ok(Outcome::fail("no profile and no label is in force")),
        }
    },
}
