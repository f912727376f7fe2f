//! Seccomp: the system calls that a load test never makes and an attacker inside it would (seccomp(2)).
//!
//! A list of what is forbidden, not of what is allowed: Python programs and their native libraries make calls that nobody can
//! list beforehand. It closes looking into other processes, changing the kernel, namespaces and mounts, and the kinds of sockets
//! with which Landlock's rules on ports could be walked round.

use std::{collections::BTreeMap, io};

use libc::{
    SYS_acct, SYS_add_key, SYS_bpf, SYS_chroot, SYS_clock_settime, SYS_clone, SYS_clone3, SYS_delete_module,
    SYS_fchmod, SYS_fchmodat, SYS_fchown, SYS_fchownat, SYS_finit_module, SYS_fsconfig, SYS_fsetxattr, SYS_fsmount,
    SYS_fsopen, SYS_fspick, SYS_init_module, SYS_io_uring_enter, SYS_io_uring_register, SYS_io_uring_setup, SYS_ioctl,
    SYS_kcmp, SYS_kexec_load, SYS_keyctl, SYS_lsetxattr, SYS_mount, SYS_mount_setattr, SYS_move_mount,
    SYS_name_to_handle_at, SYS_nfsservctl, SYS_open_by_handle_at, SYS_open_tree, SYS_perf_event_open, SYS_pidfd_getfd,
    SYS_pivot_root, SYS_prlimit64, SYS_process_madvise, SYS_process_vm_readv, SYS_process_vm_writev, SYS_ptrace,
    SYS_quotactl, SYS_reboot, SYS_request_key, SYS_sendmmsg, SYS_sendmsg, SYS_sendto, SYS_setdomainname,
    SYS_sethostname, SYS_setns, SYS_settimeofday, SYS_setxattr, SYS_socket, SYS_swapoff, SYS_swapon, SYS_syslog,
    SYS_umount2, SYS_unshare, SYS_userfaultfd, SYS_vhangup,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

/// One instruction of a filter (linux/filter.h).
pub type Instruction = seccompiler::sock_filter;

/// Filters, which the kernel asks all of: what one forbids is forbidden.
pub type Programs = Vec<Vec<Instruction>>;

/// Calls that are forbidden whatever their arguments, and what they would be used for.
const CALLS: &[(i64, &str)] = &[
    (SYS_ptrace, "ptrace"),
    (SYS_process_vm_readv, "process_vm_readv"),
    (SYS_process_vm_writev, "process_vm_writev"),
    (SYS_process_madvise, "process_madvise"),
    (SYS_pidfd_getfd, "pidfd_getfd"),
    (SYS_kcmp, "kcmp"),
    (SYS_bpf, "bpf"),
    (SYS_perf_event_open, "perf_event_open"),
    (SYS_userfaultfd, "userfaultfd"),
    (SYS_keyctl, "keyctl"),
    (SYS_add_key, "add_key"),
    (SYS_request_key, "request_key"),
    (SYS_kexec_load, "kexec_load"),
    (SYS_init_module, "init_module"),
    (SYS_finit_module, "finit_module"),
    (SYS_delete_module, "delete_module"),
    (SYS_mount, "mount"),
    (SYS_umount2, "umount2"),
    (SYS_pivot_root, "pivot_root"),
    (SYS_chroot, "chroot"),
    (SYS_move_mount, "move_mount"),
    (SYS_open_tree, "open_tree"),
    (SYS_fsopen, "fsopen"),
    (SYS_fsconfig, "fsconfig"),
    (SYS_fsmount, "fsmount"),
    (SYS_fspick, "fspick"),
    (SYS_mount_setattr, "mount_setattr"),
    (SYS_unshare, "unshare"),
    (SYS_setns, "setns"),
    (SYS_open_by_handle_at, "open_by_handle_at"),
    (SYS_name_to_handle_at, "name_to_handle_at"),
    (SYS_acct, "acct"),
    (SYS_swapon, "swapon"),
    (SYS_swapoff, "swapoff"),
    (SYS_reboot, "reboot"),
    (SYS_sethostname, "sethostname"),
    (SYS_setdomainname, "setdomainname"),
    (SYS_settimeofday, "settimeofday"),
    (SYS_clock_settime, "clock_settime"),
    (SYS_syslog, "syslog"),
    (SYS_quotactl, "quotactl"),
    (SYS_nfsservctl, "nfsservctl"),
    (SYS_vhangup, "vhangup"),
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    (libc::SYS_kexec_file_load, "kexec_file_load"),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_iopl, "iopl"),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_ioperm, "ioperm"),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_modify_ldt, "modify_ldt"),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_uselib, "uselib"),
];

/// Calls that look as if the kernel did not have them: whoever makes them has another way then.
const ABSENT: &[(i64, &str)] = &[
    (SYS_io_uring_setup, "io_uring_setup"),
    (SYS_io_uring_enter, "io_uring_enter"),
    (SYS_io_uring_register, "io_uring_register"),
    // Its flags lie in memory, where a filter cannot look; `clone` has them in a register.
    (SYS_clone3, "clone3"),
];

/// Every new namespace (clone(2)).
const NAMESPACES: &[i32] = &[
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWCGROUP,
];

/// Calls that give files to others, whatever their arguments: another owner, and lists of access, which are attributes.
const GIVEN: &[i64] = &[
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chown,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lchown,
    SYS_fchown,
    SYS_fchownat,
    SYS_setxattr,
    SYS_lsetxattr,
    SYS_fsetxattr,
    SETXATTRAT,
];
/// Calls that set modes, and which argument is the mode.
const MODES: &[(i64, u8)] = &[
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_chmod, 1),
    (SYS_fchmod, 1),
    (SYS_fchmodat, 2),
    (FCHMODAT2, 2),
];
/// The same number for every processor; libc does not have them for all.
const FCHMODAT2: i64 = 452;
const SETXATTRAT: i64 = 463;

/// The kernel's flag for data in the first packet of a connection: with it, `sendto` connects without `connect`.
const MSG_FASTOPEN: u64 = 0x2000_0000;
/// Of the second argument of socket(2), what is the type: the rest are flags.
const TYPE: u64 = 0xf;
/// A type that libc does not have (linux/net.h).
const SOCK_DCCP: i32 = 6;
/// The families of the internet.
const INTERNET: [u64; 2] = [libc::AF_INET as u64, libc::AF_INET6 as u64];

/// What is forbidden, for those who want to know.
#[must_use]
pub fn blocked() -> Vec<&'static str> {
    let more = [
        "new namespaces by clone",
        "pushing keys into a terminal (TIOCSTI)",
        "modes that give others something, owners, lists of access",
        "limits of other processes",
        "sockets other than TCP, UDP and the broker's channel",
    ];
    CALLS.iter().chain(&ABSENT[..3]).map(|(_, name)| *name).chain(more).collect()
}

/// The filters for this machine.
///
/// # Errors
/// When filters cannot be made for this processor.
pub fn programs() -> io::Result<Programs> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = whatever(CALLS);
    let namespaces = NAMESPACES.iter().map(|flag| rule(&[(0, masked(*flag as u64), *flag as u64)]));
    rules.insert(SYS_clone, namespaces.collect::<io::Result<_>>()?);
    // TIOCSTI and TIOCLINUX: typing for whoever sits at the terminal.
    rules.insert(SYS_ioctl, vec![rule(&[(1, SeccompCmpOp::Eq, 0x5412)])?, rule(&[(1, SeccompCmpOp::Eq, 0x541c)])?]);
    rules.extend(fast_open()?);
    rules.insert(SYS_socket, sockets()?);
    rules.extend(GIVEN.iter().map(|call| (*call, Vec::new())));
    for (call, mode) in MODES {
        // All bits but those of the owner: one of them is enough.
        let others = (0..12).map(|bit| 1 << bit).filter(|bit| bit & 0o7077 != 0);
        rules.insert(*call, others.map(|bit| rule(&[(*mode, masked(bit), bit)])).collect::<io::Result<_>>()?);
    }
    // Of this process itself, which 0 stands for, they are its own business.
    rules.insert(SYS_prlimit64, vec![rule(&[(0, SeccompCmpOp::Ne, 0)])?]);
    filters(rules, ABSENT)
}

/// The filters that close what Landlock's rules on connections leave open: datagrams, protocols other than TCP, other families
/// than the internet's and those within the machine, and ways to the network without these calls.
///
/// # Errors
/// When filters cannot be made for this processor.
pub fn connections_only() -> io::Result<Programs> {
    use SeccompCmpOp::{Eq, Ne};
    let mut sockets = vec![other_families()?];
    for family in INTERNET {
        for kind in [libc::SOCK_DGRAM, libc::SOCK_RAW, libc::SOCK_SEQPACKET, libc::SOCK_RDM, SOCK_DCCP] {
            sockets.push(rule(&[(0, Eq, family), (1, masked(TYPE), kind as u64)])?);
        }
        let stream = (1, masked(TYPE), libc::SOCK_STREAM as u64);
        sockets.push(rule(&[(0, Eq, family), stream, (2, Ne, 0), (2, Ne, libc::IPPROTO_TCP as u64)])?);
    }
    let mut rules = BTreeMap::from([(SYS_socket, sockets)]);
    rules.extend(fast_open()?);
    // clone3 can stay: there is no namespace to leave for.
    filters(rules, &ABSENT[..3])
}

/// The filters: what is forbidden by rule, and what is to look absent.
fn filters(rules: BTreeMap<i64, Vec<SeccompRule>>, absent: &[(i64, &str)]) -> io::Result<Programs> {
    let arch = std::env::consts::ARCH.try_into().map_err(|_| {
        io::Error::new(io::ErrorKind::Unsupported, format!("no filter can be made for {}", std::env::consts::ARCH))
    })?;
    let made = |rules, errno: i32| {
        let action = SeccompAction::Errno(errno as u32);
        SeccompFilter::new(rules, SeccompAction::Allow, action, arch)
            .and_then(BpfProgram::try_from)
            .map_err(|error| io::Error::other(format!("the filter of system calls cannot be made: {error}")))
    };
    let mut programs = vec![made(rules, libc::EPERM)?, made(whatever(absent), libc::ENOSYS)?];
    if cfg!(target_arch = "x86_64") {
        programs.push(no_second_numbering());
    }
    Ok(programs)
}

/// Rules for calls whatever their arguments.
fn whatever(calls: &[(i64, &str)]) -> BTreeMap<i64, Vec<SeccompRule>> {
    calls.iter().map(|(call, _)| (*call, Vec::new())).collect()
}

/// Sending with which a connection is made without `connect`: calls, and which argument has the flags.
fn fast_open() -> io::Result<Vec<(i64, Vec<SeccompRule>)>> {
    [(SYS_sendto, 3), (SYS_sendmsg, 2), (SYS_sendmmsg, 3)]
        .into_iter()
        .map(|(call, argument)| Ok((call, vec![rule(&[(argument, masked(MSG_FASTOPEN), MSG_FASTOPEN)])?])))
        .collect()
}

/// Sockets of other families than the internet's, those within the machine, and the kernel's.
fn other_families() -> io::Result<SeccompRule> {
    use SeccompCmpOp::Ne;
    let [inet, inet6] = INTERNET;
    rule(&[(0, Ne, libc::AF_UNIX as u64), (0, Ne, inet), (0, Ne, inet6), (0, Ne, libc::AF_NETLINK as u64)])
}

/// The sockets that are refused: of other families than the internet's, of other protocols than TCP and UDP (Landlock's rules
/// on ports are for TCP alone, and MPTCP and SCTP would pass them by), and of those within the machine all but the kind that
/// the broker's channel is: behind the others are the engines of containers, agents of keys, the desktop.
fn sockets() -> io::Result<Vec<SeccompRule>> {
    use SeccompCmpOp::{Eq, Ne};
    let (unix, route) = (libc::AF_UNIX as u64, libc::AF_NETLINK as u64);
    let (stream, datagram, raw) = (libc::SOCK_STREAM as u64, libc::SOCK_DGRAM as u64, libc::SOCK_RAW as u64);
    let packet = libc::SOCK_SEQPACKET as u64;
    let (tcp, udp) = (libc::IPPROTO_TCP as u64, libc::IPPROTO_UDP as u64);
    let is = |kind: u64| (1, masked(TYPE), kind);
    let mut rules = vec![other_families()?];
    for kind in [stream, datagram, raw] {
        rules.push(rule(&[(0, Eq, unix), is(kind)])?);
    }
    // Interfaces and addresses (getifaddrs), and nothing else of the kernel.
    rules.push(rule(&[(0, Eq, route), (2, Ne, libc::NETLINK_ROUTE as u64)])?);
    for family in INTERNET {
        for kind in [raw, packet, libc::SOCK_RDM as u64, SOCK_DCCP as u64] {
            rules.push(rule(&[(0, Eq, family), is(kind)])?);
        }
        rules.push(rule(&[(0, Eq, family), is(stream), (2, Ne, 0), (2, Ne, tcp)])?);
        rules.push(rule(&[(0, Eq, family), is(datagram), (2, Ne, 0), (2, Ne, udp)])?);
    }
    Ok(rules)
}

fn masked(mask: u64) -> SeccompCmpOp {
    SeccompCmpOp::MaskedEq(mask)
}

/// All of these: argument, comparison, value.
fn rule(conditions: &[(u8, SeccompCmpOp, u64)]) -> io::Result<SeccompRule> {
    let unmade = |error| io::Error::other(format!("a rule of the filter cannot be made: {error}"));
    let conditions = conditions
        .iter()
        .map(|(argument, operator, value)| {
            SeccompCondition::new(*argument, SeccompCmpArgLen::Dword, operator.clone(), *value)
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(unmade)?;
    SeccompRule::new(conditions).map_err(unmade)
}

/// x86-64 has a second numbering of the same calls (x32, from 0x4000_0000 on) that a filter by number does not see: none of it.
fn no_second_numbering() -> Vec<Instruction> {
    const FIRST: u32 = 0x4000_0000;
    let statement = |code: u32, k: u32| Instruction { code: code as u16, jt: 0, jf: 0, k };
    vec![
        // The number of the call, at the beginning of seccomp_data.
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0),
        Instruction { code: (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16, jt: 0, jf: 1, k: FIRST },
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32),
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_made_and_short_enough() {
        let programs = programs().unwrap();
        assert!(programs.len() >= 2);
        // The kernel's limit (BPF_MAXINSNS).
        assert!(programs.iter().all(|program| program.len() < 4096));
        assert!(blocked().contains(&"ptrace"));
        let programs = connections_only().unwrap();
        assert!(programs.len() >= 2 && programs.iter().all(|program| program.len() < 4096));
    }
}
