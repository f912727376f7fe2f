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

/// Lets this process have as many descriptors as it may.
pub fn raise_descriptors() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    // What the kernel does not give is missing where it is needed, and said there.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}
