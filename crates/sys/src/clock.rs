//! What the kernel knows about its clock.

use std::io;

/// Whether something keeps the clock right: the kernel is told so by it (adjtimex(2), `STA_UNSYNC`). Changes nothing.
///
/// # Errors
/// When the kernel does not tell.
pub fn is_synchronised() -> io::Result<bool> {
    // SAFETY: adjtimex fills the structure; with no modes set, as zeroed, it changes nothing.
    let (state, status) = unsafe {
        let mut data: libc::timex = std::mem::zeroed();
        (libc::adjtimex(&mut data), data.status)
    };
    match state {
        -1 => Err(io::Error::last_os_error()),
        libc::TIME_ERROR => Ok(false),
        _ => Ok(status & libc::STA_UNSYNC == 0),
    }
}
