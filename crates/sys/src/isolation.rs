//! A world of its own for a process and all that it starts: a network that ends at this machine, and files that stand in
//! the place of others (network_namespaces(7), mount_namespaces(7), user_namespaces(7)).
//!
//! In the new network there is the loopback interface and nothing else, and *every* address is an address of this
//! machine: whatever is dialled arrives at a listener in here, or nowhere.

use std::{fs, io, path::Path};

use rustix::{
    mount::{MountPropagationFlags, mount_bind, mount_change},
    thread::{CapabilitySet, CapabilitySets, UnshareFlags},
};

use crate::route::Route;

/// The step at which the world could not be made.
#[derive(Debug, thiserror::Error)]
#[error("{step}: {source}")]
pub struct IsolationError {
    /// What was tried.
    pub step: &'static str,
    /// The operating system's reason.
    pub source: io::Error,
}

pub(crate) fn at<E: Into<io::Error>>(step: &'static str) -> impl Fn(E) -> IsolationError {
    move |source| IsolationError { step, source: source.into() }
}

/// Whether [`enter`] would succeed: tried in a child, since what it has done half cannot be undone. To be called while this process
/// has one thread.
///
/// # Errors
/// With what the child was refused.
pub fn possible() -> Result<(), IsolationError> {
    use std::io::{Read as _, Write as _};
    let step = "it cannot be found out whether the kernel gives namespaces";
    let (mut reader, writer) = io::pipe().map_err(at(step))?;
    // SAFETY: there is one thread, so that the child is a whole process; it ends without unwinding or running what is to run at exit.
    let child = unsafe { libc::fork() };
    if child < 0 {
        return Err(at(step)(io::Error::last_os_error()));
    }
    if child == 0 {
        let mut writer = writer;
        if let Err(error) = enter() {
            // Nobody reads: nothing could be said then.
            let _ = writer.write_all(error.to_string().as_bytes());
        }
        // SAFETY: ends this child at once.
        unsafe { libc::_exit(0) };
    }
    drop(writer);
    let mut said = String::new();
    reader.read_to_string(&mut said).map_err(at(step))?;
    // SAFETY: the child is ours, and nobody else waits for it.
    unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
    if said.is_empty() { Ok(()) } else { Err(IsolationError { step: "namespaces", source: io::Error::other(said) }) }
}

/// Moves this process, which must have one thread, into a network and a view of the file system of its own. Where it has
/// not the right to, it takes it in a user namespace, in which it is the user that it was.
///
/// # Errors
/// When the kernel refuses, or when the network has anything but the loopback interface afterwards.
pub fn enter() -> Result<(), IsolationError> {
    let spaces = UnshareFlags::NEWNET | UnshareFlags::NEWNS;
    // SAFETY: no descriptors are unshared, and there is one thread.
    if unsafe { rustix::thread::unshare_unsafe(spaces) }.is_err() {
        in_user_namespace(spaces)?;
    }
    mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE)
        .map_err(at("the view of the file system cannot be detached"))?;
    let kernel = Route::open().map_err(at("the network cannot be set up"))?;
    kernel.loopback_up().map_err(at("the loopback interface cannot be used"))?;
    kernel.every_address_is_local(libc::AF_INET as u8).map_err(at("addresses cannot be led here"))?;
    // Some machines have none.
    let _ = kernel.every_address_is_local(libc::AF_INET6 as u8);
    // Where this cannot be written the right to such ports is kept below.
    let _ = fs::write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
    only_loopback()
}

/// Moves this process, which must have one thread, into namespaces that it has the right to in a user namespace only. In that
/// one it is the user that it was (user_namespaces(7)).
pub(crate) fn in_user_namespace(spaces: UnshareFlags) -> Result<(), IsolationError> {
    let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    // SAFETY: no descriptors are unshared, and there is one thread.
    unsafe { rustix::thread::unshare_unsafe(spaces | UnshareFlags::NEWUSER) }
        .map_err(at("the kernel gives this user no namespace"))?;
    let write = |file: &str, text: String| fs::write(file, text).map_err(at("the user cannot be kept"));
    write("/proc/self/setgroups", "deny".to_owned())?;
    write("/proc/self/uid_map", format!("{user} {user} 1"))?;
    write("/proc/self/gid_map", format!("{group} {group} 1"))
}

/// Looks whether there is a way out.
fn only_loopback() -> Result<(), IsolationError> {
    let step = "the network is not closed";
    let table = fs::read_to_string("/proc/net/dev").map_err(at(step))?;
    let others = table.lines().skip(2).filter_map(|line| line.split(':').next()).filter(|name| name.trim() != "lo");
    // Kernels with tunnels built in put their templates into each network. They are down, and have no address.
    let is_up = |name: &str| {
        let flags = fs::read_to_string(format!("/sys/class/net/{}/flags", name.trim())).unwrap_or_default();
        let flags = u32::from_str_radix(flags.trim().trim_start_matches("0x"), 16).unwrap_or(0);
        flags & libc::IFF_UP as u32 != 0
    };
    let routes = fs::read_to_string("/proc/net/route").map_err(at(step))?;
    let leads_out = routes.lines().skip(1).any(|line| !line.starts_with("lo\t"));
    if others.into_iter().any(is_up) || leads_out {
        return Err(at(step)(io::Error::other("it has an interface besides loopback")));
    }
    Ok(())
}

/// Lets `with` stand in the place of the file `path`, for this process and what it starts.
///
/// # Errors
/// When there is no such file, or the kernel refuses.
pub fn cover(path: &Path, with: &Path) -> io::Result<()> {
    Ok(mount_bind(with, path)?)
}

/// The rights over files and ports that root keeps in the world: without them a container's root could not read what is
/// mounted into it.
const KEPT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::DAC_READ_SEARCH)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::NET_BIND_SERVICE);

/// Sees to it that nothing that this process starts has rights beyond those over files and ports, also where it is root:
/// it could look into every process otherwise, and what it sees would say nothing.
///
/// # Errors
/// When the kernel refuses.
pub fn limit_rights() -> io::Result<()> {
    let own = rustix::thread::capabilities(None)?;
    if own.permitted.is_empty() && !rustix::process::geteuid().is_root() {
        // An ordinary user's process, and no program could get it any.
        return Ok(());
    }
    for right in CapabilitySet::all().difference(KEPT).iter() {
        match rustix::thread::remove_capability_from_bounding_set(right) {
            // One that this kernel does not know.
            Ok(()) | Err(rustix::io::Errno::INVAL) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Gives up, for this thread, what the processes of the world have no right to: it sees what any process of the same user sees.
///
/// # Errors
/// When the kernel refuses.
pub fn be_one_of_them() -> io::Result<()> {
    let rights = rustix::thread::capabilities(None)?.permitted & KEPT;
    let sets = CapabilitySets { effective: rights, permitted: rights, inheritable: CapabilitySet::empty() };
    Ok(rustix::thread::set_capabilities(None, sets)?)
}
