//! The limits of this process (getrlimit(2)). `None` means that there is none.

use rustix::process::{Resource, getrlimit};

/// The largest core dump, in bytes.
#[must_use]
pub fn core() -> Option<u64> {
    getrlimit(Resource::Core).current
}

/// How much memory may be locked, in bytes.
#[must_use]
pub fn locked_memory() -> Option<u64> {
    getrlimit(Resource::Memlock).current
}
