//! Numbers of devices, and opening what may be no file.

/// For `custom_flags` of [`std::os::unix::fs::OpenOptionsExt`]: opening does not wait for anybody at the other end (open(2),
/// `O_NONBLOCK`).
pub const AT_ONCE: i32 = libc::O_NONBLOCK;

/// The major number of a device, as `stat` gives it.
#[must_use]
pub fn major(device: u64) -> u32 {
    rustix::fs::major(device)
}

/// The minor number.
#[must_use]
pub fn minor(device: u64) -> u32 {
    rustix::fs::minor(device)
}
