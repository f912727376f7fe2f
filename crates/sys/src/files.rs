//! Numbers of devices.

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
