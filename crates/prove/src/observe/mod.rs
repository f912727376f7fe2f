//! What others can see of a test while it runs, and what it leaves behind. Each observer looks with the rights of any
//! process of the same user, and shows the ledger what it sees.

pub mod files;
mod packed;
pub mod processes;
pub mod relay;
pub mod web;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

/// Waits for so long, or until it is over.
pub fn pause(over: &AtomicBool, length: Duration) {
    let begun = Instant::now();
    while !over.load(Ordering::Acquire) && begun.elapsed() < length {
        std::thread::sleep(Duration::from_millis(20).min(length));
    }
}
