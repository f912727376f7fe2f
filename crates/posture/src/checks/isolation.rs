//! Container or virtual machine: is there one, and is it closed?

use tegmen_findings::Severity;

use super::listed;
use crate::{
    check::{Check, Outcome},
    profile::Profile,
};

pub(super) const ALL: &[&Check] = &[
    &NOT_ISOLATED,
    &NO_USER_NAMESPACE,
    &WRITABLE_ROOT,
    &SERVICE_ACCOUNT_TOKEN,
    &HOST_FOLDERS_MOUNTED,
    &HOST_NETWORK,
    &ENGINE_SOCKET,
    &HOST_PROCESSES,
];

const STANDARDS: &str = "https://kubernetes.io/docs/concepts/security/pod-security-standards/";

check! {
    NOT_ISOLATED: "TGM550" "not-isolated" Low Isolation,
    title: "the test shares a machine with everything else",
    why: "What goes wrong in a test that has a container or a virtual machine to itself goes wrong there. On a shared machine it \
          reaches keys, sessions and files of everything else.",
    repair: "run load tests in a container or on a machine of their own, or at least with `tegmen run --sandbox`",
    references: [
        ("Locust: running in Docker", "https://docs.locust.io/en/stable/running-in-docker.html"),
        ("NIST SP 800-190: Application Container Security Guide", "https://csrc.nist.gov/pubs/sp/800/190/final"),
    ],
    judge: |facts| {
        if let Some(container) = facts.isolation.container.get()? {
            return Outcome::pass(format!("in {} (by {})", container.engine, container.sign));
        }
        match facts.isolation.machine.get()? {
            Some(name) => Outcome::pass(format!("in a virtual machine ({name})")),
            None => Ok(Outcome::fail("neither a container nor a virtual machine shows")),
        }
    },
}

check! {
    NO_USER_NAMESPACE: "TGM551" "no-user-namespace" Low Isolation,
    title: "root in the container is root of the host",
    why: "Without a user namespace, a hole that leads out of the container leads to root of the host.",
    repair: "userns-remap or rootless mode for Docker and Podman, `hostUsers: false` in Kubernetes",
    references: [
        ("Docker: isolate containers with a user namespace", "https://docs.docker.com/engine/security/userns-remap/"),
        ("Kubernetes: user namespaces", "https://kubernetes.io/docs/concepts/workloads/pods/user-namespaces/"),
    ],
    judge: |facts| {
        if facts.isolation.container.get()?.is_none() {
            return Outcome::not_applicable("this is no container");
        }
        if *facts.isolation.user_namespace.get()? {
            return Outcome::pass("users are others outside");
        }
        let outcome = Outcome::fail("users in here have the same numbers outside");
        Ok(if facts.process.uid.ok() == Some(&0) { outcome.severity(Severity::Medium) } else { outcome })
    },
}

check! {
    WRITABLE_ROOT: "TGM552" "writable-root" Low Isolation,
    title: "the container's root file system can be written to",
    why: "Code that breaks into the test can change Locust, Python and the test itself, and stays for the next run.",
    repair: "`docker run --read-only --tmpfs /tmp`, in Kubernetes `readOnlyRootFilesystem: true` with an emptyDir for reports",
    references: [
        ("CIS Docker Benchmark 5.13: root file system read only", "https://www.cisecurity.org/benchmark/docker"),
        ("Kubernetes: security context", "https://kubernetes.io/docs/tasks/configure-pod-container/security-context/"),
    ],
    judge: |facts| {
        if facts.isolation.container.get()?.is_none() {
            return Outcome::not_applicable("this is no container");
        }
        if *facts.isolation.root_writable.get()? { Ok(Outcome::fail("it is mounted for reading and writing").at("/proc/self/mountinfo", None)) } else { Outcome::pass("it is mounted read-only") }
    },
}

check! {
    SERVICE_ACCOUNT_TOKEN: "TGM553" "service-account-token" Medium Isolation,
    title: "a token for the Kubernetes API is within reach of the test",
    why: "A load test talks to its target, not to the API of its cluster. Whoever gets the token acts as the service account: reads \
          Secrets, starts pods.",
    repair: "`automountServiceAccountToken: false` in the pod; where Vault's Kubernetes login needs one, a projected token with an \
             audience of its own, which `tegmen run --sandbox` keeps from the test",
    references: [
        ("Kubernetes: opt out of automounting", "https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#opt-out-of-api-credential-automounting"),
        ("CIS Kubernetes Benchmark 5.1.6", "https://www.cisecurity.org/benchmark/kubernetes"),
    ],
    judge: |facts| match facts.isolation.service_account.get()? {
        Some(path) => Ok(Outcome::fail("it is mounted and can be read").at(path, None)),
        None if facts.profile == Profile::Kubernetes => Outcome::pass("none is mounted"),
        None => Outcome::not_applicable("this is no pod"),
    },
}

check! {
    HOST_FOLDERS_MOUNTED: "TGM554" "host-folders-mounted" Medium Isolation,
    title: "folders of the host are mounted in the container",
    why: "Through them the test reads and, if they can be written to, changes what belongs to the host.",
    repair: "mount the test's own folder only, read-only (`-v \"$PWD\":/mnt/locust:ro`); in Kubernetes use a ConfigMap instead of \
             hostPath",
    references: [
        ("Kubernetes Pod Security Standards: hostPath volumes", STANDARDS),
        ("CIS Docker Benchmark 5.6: host system directories", "https://www.cisecurity.org/benchmark/docker"),
    ],
    judge: |facts| {
        if facts.isolation.container.get()?.is_none() {
            return Outcome::not_applicable("this is no container");
        }
        let mounts = facts.isolation.host_mounts.get()?;
        if mounts.is_empty() {
            return Outcome::pass("none shows");
        }
        let sensitive = |from: &str| {
            from == "/" || ["/etc", "/root", "/home", "/var/run", "/run", "/var/lib/kubelet", "/boot", "/proc", "/sys"].contains(&from)
        };
        let names: Vec<String> = mounts
            .iter()
            .map(|mount| format!("{} ({}{})", mount.at, mount.from, if mount.is_writable { ", writable" } else { "" }))
            .collect();
        let outcome = mounts.iter().fold(Outcome::fail(listed(&names)), |outcome, mount| outcome.at(&mount.at, None));
        let worst = mounts.iter().any(|mount| sensitive(&mount.from));
        let writable = mounts.iter().any(|mount| mount.is_writable);
        Ok(match (worst, writable) {
            (true, true) => outcome.severity(Severity::High),
            (true, false) => outcome,
            (false, _) => outcome.severity(Severity::Low),
        })
    },
}

check! {
    HOST_NETWORK: "TGM555" "host-network" Medium Isolation,
    title: "the container has the host's network",
    why: "Services that listen on the host's loopback only, and the metadata service of the cloud, are open to the test.",
    repair: "leave out `--network host` and `hostNetwork: true`; publish the port of the web UI instead",
    references: [
        ("Kubernetes Pod Security Standards: host namespaces", STANDARDS),
        ("CIS Docker Benchmark 5.10: the host's network namespace", "https://www.cisecurity.org/benchmark/docker"),
    ],
    judge: |facts| {
        if facts.isolation.container.get()?.is_none() {
            return Outcome::not_applicable("this is no container");
        }
        let signs = facts.isolation.host_interfaces.get()?;
        if signs.is_empty() {
            return Outcome::pass("no interface shows that only a host has");
        }
        Ok(Outcome::fail(format!("interfaces of a host: {}", listed(signs))).at("/sys/class/net", None))
    },
}

check! {
    ENGINE_SOCKET: "TGM556" "engine-socket" High Isolation,
    title: "the test can give orders to the container engine",
    why: "Whoever may connect to Docker's socket is root of the host: a container with the host's disk mounted is one \
          request away.",
    repair: "do not mount the socket; take the user out of the group docker, or use rootless Docker or Podman",
    references: [
        ("Docker: protect the daemon socket", "https://docs.docker.com/engine/security/protect-access/"),
        ("OWASP Docker Security: do not expose the daemon socket", "https://cheatsheetseries.owasp.org/cheatsheets/Docker_Security_Cheat_Sheet.html"),
    ],
    judge: |facts| {
        let sockets = facts.isolation.engine_sockets.get()?;
        if sockets.is_empty() {
            return Outcome::pass("no socket of an engine could be connected to");
        }
        let outcome = Outcome::fail(format!("open to this user: {}", listed(sockets)));
        let outcome = sockets.iter().fold(outcome, |outcome, path| outcome.at(path, None));
        // Rootless: the engine is the user's own.
        let own = sockets.iter().all(|path| path.starts_with("/run/user/"));
        Ok(if own { outcome.severity(Severity::Medium) } else { outcome })
    },
}

check! {
    HOST_PROCESSES: "TGM557" "host-processes" Medium Isolation,
    title: "the container sees the processes of the host",
    why: "Their command lines are open to the test, and to a root user in the container also their environments and memory.",
    repair: "leave out `--pid host` and `hostPID: true`",
    references: [
        ("Kubernetes Pod Security Standards: host namespaces", STANDARDS),
        ("CIS Docker Benchmark 5.16: the host's process namespace", "https://www.cisecurity.org/benchmark/docker"),
    ],
    judge: |facts| {
        if facts.isolation.container.get()?.is_none() {
            return Outcome::not_applicable("this is no container");
        }
        if *facts.isolation.host_processes.get()? { Ok(Outcome::fail("the kernel's own threads are listed in /proc").at("/proc/2", None)) } else { Outcome::pass("the container has processes of its own only") }
    },
}
