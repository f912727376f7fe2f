//! Questions about another process: where it comes from, and whether others can look into it.

use std::{
    fs, io,
    net::{SocketAddr, SocketAddrV4},
};

use rustix::thread::{CapabilitySet, CapabilitySets};

/// Our own user.
pub fn own_uid() -> u32 {
    rustix::process::getuid().as_raw()
}

/// The user as whom we may do what we may do.
pub fn effective_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The user whose socket is the other end of a TCP connection within this machine: `theirs` is its address, `ours` that of
/// our end (proc_pid_net(5)). `None` when there is none such.
pub fn tcp_owner(theirs: SocketAddr, ours: SocketAddr) -> Option<u32> {
    let (SocketAddr::V4(theirs), SocketAddr::V4(ours)) = (theirs, ours) else { return None };
    let written =
        |address: SocketAddrV4| format!("{:08X}:{:04X}", u32::from_ne_bytes(address.ip().octets()), address.port());
    let (theirs, ours) = (written(theirs), written(ours));
    // A client without IPv6 shows in the first, one that mixes both in the second.
    let mapped = (format!("0000000000000000FFFF0000{theirs}"), format!("0000000000000000FFFF0000{ours}"));
    let find = |file: &str, (theirs, ours): (&str, &str)| {
        let table = fs::read_to_string(file).ok()?;
        table.lines().find_map(|line| {
            let mut fields = line.split_whitespace().skip(1);
            let found = fields.next()? == theirs && fields.next()? == ours;
            if found { fields.nth(4)?.parse().ok() } else { None }
        })
    };
    find("/proc/net/tcp", (&theirs, &ours)).or_else(|| find("/proc/net/tcp6", (&mapped.0, &mapped.1)))
}

/// Whether the process `pid` is `ancestor`, or came from it through any number of forks, as far as the processes in
/// between are still alive. (A broker is the subreaper of its child's orphans: they turn into its own children.)
pub fn descends_from(pid: u32, ancestor: u32) -> bool {
    let mut current = pid;
    // A bound, for the case that processes die and numbers are used again while we look.
    for _ in 0..4096 {
        if current == ancestor {
            return true;
        }
        match parent(current) {
            Ok(parent) if parent > 0 && parent != current => current = parent,
            _ => return false,
        }
    }
    false
}

/// The parent of a process, from `/proc/PID/stat` (proc(5)).
fn parent(pid: u32) -> io::Result<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in parentheses may hold anything, parentheses and spaces too.
    let fields = stat.rsplit_once(')').map(|(_, fields)| fields).unwrap_or_default();
    fields.split_whitespace().nth(1).and_then(|field| field.parse().ok()).ok_or(io::ErrorKind::InvalidData.into())
}

/// Whether a process traces (debugs) this one: `TracerPid` in `/proc/PID/status`.
///
/// # Errors
/// When the process is gone.
pub fn is_traced(pid: u32) -> io::Result<bool> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:"));
    Ok(tracer.is_some_and(|tracer| tracer.trim() != "0"))
}

/// What the kernel lets others of the same user do with a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inspection {
    /// They can look into it.
    Open,
    /// They cannot.
    Closed,
    /// It cannot be told: the process has capabilities with which it could look into any other. (A root user outside
    /// a container. There every process of the user can look into every other, whatever it says of itself.)
    Unknown,
}

/// Whether other processes of the same user can look into `pid`, which must be of our own user, or of `user` (user and group).
///
/// The kernel has no file that says it: this asks for `/proc/PID/environ` from a thread without the capabilities that
/// would open it anyway (ptrace(2), "Ptrace access mode checking"; since Linux 6.13 CAP_PERFMON opens it too).
///
/// # Errors
/// When the process is gone.
pub fn inspection(pid: u32, user: Option<(u32, u32)>) -> io::Result<Inspection> {
    let asked = std::thread::spawn(move || -> io::Result<Inspection> {
        if let Some((uid, gid)) = user {
            // The check of `/proc` is about these two, and both are the thread's own (setfsuid(2)).
            // SAFETY: changes numbers of this thread only, which ends soon.
            unsafe {
                libc::syscall(libc::SYS_setfsgid, gid);
                libc::syscall(libc::SYS_setfsuid, uid);
            }
        }
        let ours = drop_capabilities();
        match fs::File::open(format!("/proc/{pid}/environ")) {
            Ok(_) => Ok(Inspection::Open),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                // The kernel also refuses when the other has more capabilities than the one who asks.
                let more = permitted_capabilities(pid)? & !ours;
                Ok(if more == 0 { Inspection::Closed } else { Inspection::Unknown })
            }
            Err(error) => Err(error),
        }
    });
    asked.join().unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))
}

/// Takes the capabilities that override the check away from this thread, and says which are left.
fn drop_capabilities() -> u64 {
    let overriding = CapabilitySet::SYS_PTRACE | CapabilitySet::PERFMON | CapabilitySet::SYS_ADMIN;
    let Ok(sets) = rustix::thread::capabilities(None) else { return 0 };
    let effective = sets.effective - overriding;
    // Without them there is nothing to take away, and nothing that could fail.
    let _ = rustix::thread::set_capabilities(None, CapabilitySets { effective, ..sets });
    effective.bits()
}

fn permitted_capabilities(pid: u32) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = status.lines().find_map(|line| line.strip_prefix("CapPrm:"));
    field.and_then(|field| u64::from_str_radix(field.trim(), 16).ok()).ok_or(io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn the_owner_of_a_connection_is_found() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = std::net::TcpListener::bind(address) else { continue };
            let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (server, peer) = listener.accept().unwrap();
            let owner = tcp_owner(peer, server.local_addr().unwrap());
            assert_eq!(owner, peer.is_ipv4().then(own_uid), "{address}");
            let nobody = SocketAddr::new(peer.ip(), 1);
            assert_eq!(tcp_owner(nobody, server.local_addr().unwrap()), None);
            drop(client);
        }
    }

    #[test]
    fn a_child_descends_from_us_and_we_not_from_it() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        assert!(descends_from(child.id(), std::process::id()));
        assert!(!descends_from(std::process::id(), child.id()));
        assert_ne!(inspection(child.id(), None).unwrap(), Inspection::Closed);
        assert!(!is_traced(child.id()).unwrap());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(inspection(child.id(), None).is_err());
    }

    #[test]
    fn a_process_that_forbids_inspection_is_not_open() {
        let script = "import ctypes,sys\nctypes.CDLL(None).prctl(4,0,0,0,0)\nprint('x',flush=True)\nsys.stdin.read()";
        let mut child = Command::new("python3")
            .args(["-c", script])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut byte = [0];
        io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut byte).unwrap();
        assert_ne!(inspection(child.id(), None).unwrap(), Inspection::Open);
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
