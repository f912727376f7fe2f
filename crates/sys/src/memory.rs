//! Memory that does not reach a swap device or a core dump.

use std::io;

/// Locks the pages that hold `bytes` (mlock(2)) and leaves them out of core dumps (madvise(2), `MADV_DONTDUMP`).
/// The pages stay locked for the life of the process: locks do not nest, and a page may hold another secret.
///
/// # Errors
/// When the kernel refuses, usually because of `RLIMIT_MEMLOCK`.
#[cfg(target_os = "linux")]
pub fn lock(bytes: &[u8]) -> io::Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    // SAFETY: mlock and madvise(MADV_DONTDUMP) read no memory and change no content; the range is that of a live
    // slice, rounded outwards to whole pages, which stay mapped while the slice lives.
    unsafe {
        let page = libc::sysconf(libc::_SC_PAGESIZE) as usize;
        let start = bytes.as_ptr() as usize / page * page;
        let end = (bytes.as_ptr() as usize + bytes.len()).div_ceil(page) * page;
        let _ = libc::madvise(start as *mut libc::c_void, end - start, libc::MADV_DONTDUMP);
        if libc::mlock(start as *const libc::c_void, end - start) != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Elsewhere: not done.
///
/// # Errors
/// Never.
#[cfg(not(target_os = "linux"))]
pub fn lock(_bytes: &[u8]) -> io::Result<()> {
    Ok(())
}
