//! A closed world for a test: no network but the machine's own, in which every name has an address, every address a
//! server, and every certificate is right. The test's code stays as it is.

pub mod authority;
pub mod datagrams;
pub mod gate;
pub mod names;

use std::path::Path;

use tegmen_sys::isolation::{self, IsolationError};

/// Where resolvers are named, and how names are looked up.
const RESOLVERS: (&str, &str) = ("/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:2\n");
const LOOKUP: (&str, &str) = ("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n");

/// Closes the world around this process, which must have one thread. `folder` is for files that stand in the place of the
/// system's.
///
/// # Errors
/// When the kernel does not give what is needed: nothing may run then.
pub fn close(folder: &Path) -> Result<(), IsolationError> {
    isolation::enter()?;
    for (path, text) in [RESOLVERS, LOOKUP] {
        let path = Path::new(path);
        let Some(name) = path.file_name().filter(|_| path.exists()) else { continue };
        let cover = folder.join(name);
        let covered = std::fs::write(&cover, text).and_then(|()| isolation::cover(path, &cover));
        covered.map_err(|source| IsolationError { step: "names cannot be led here", source })?;
    }
    Ok(())
}

/// Takes rights away from whatever is started from now on; after everything of the system is covered.
///
/// # Errors
/// When the kernel refuses.
pub fn limit() -> Result<(), IsolationError> {
    isolation::limit_rights().map_err(|source| IsolationError { step: "rights cannot be given up", source })
}
