//! The child runner, through a real process of its own (`examples/child.rs`), pipes and real terminals.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "this is a test")]

mod drive;
mod outputs;
mod processes;
mod signals;
mod terminal;
