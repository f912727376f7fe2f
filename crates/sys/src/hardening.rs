//! What a process does to itself so that others of the same user cannot look into it.

use std::io;

/// Makes the process undumpable (prctl(2), `PR_SET_DUMPABLE`): `/proc/PID/mem`, `environ`, `fd` and ptrace(2) are
/// closed to other processes of the same user, and there is no core dump. Forked children inherit it; exec resets it.
///
/// # Errors
/// When the kernel refuses.
pub fn forbid_inspection() -> io::Result<()> {
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// Raises the limit on core dumps as far as it goes, for this process and its children; false when it stays at zero.
///
/// # Errors
/// When the kernel refuses.
pub fn allow_core_dumps() -> io::Result<bool> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Core);
    let raised = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
    rustix::process::setrlimit(rustix::process::Resource::Core, raised)?;
    Ok(limit.maximum != Some(0))
}

/// Sets the limit on core dumps to zero, for this process and its children.
///
/// # Errors
/// When the kernel refuses.
pub fn forbid_core_dumps() -> io::Result<()> {
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    rustix::process::setrlimit(rustix::process::Resource::Core, none)?;
    Ok(())
}
