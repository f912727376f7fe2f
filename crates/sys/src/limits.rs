//! The limits of this process (getrlimit(2)). `None` means that there is none.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

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

/// Lets this process have as many descriptors as the kernel has for any, where it has the right to that (CAP_SYS_RESOURCE), else
/// as many as it may. For one that starts no other.
pub fn lift_descriptors() {
    let most = std::fs::read_to_string("/proc/sys/fs/nr_open").ok().and_then(|text| text.trim().parse().ok());
    if setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most }).is_err() || most.is_none() {
        raise_descriptors();
    }
}

/// Lets this process have as many descriptors as it may.
pub fn raise_descriptors() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    // What the kernel does not give is missing where it is needed, and said there.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}
