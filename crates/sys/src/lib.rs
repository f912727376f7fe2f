//! All calls to the operating system that the standard library does not make: the only crate with `unsafe`.
//!
//! Every module owns one subject and gives safe functions. What is specific to Linux has a harmless substitute
//! elsewhere where that is cheap.

pub mod channel;
pub mod clock;
pub mod events;
pub mod files;
pub mod hardening;
pub mod isolation;
pub mod leash;
pub mod limits;
pub mod memory;
pub mod network;
pub mod peer;
pub mod poll;
pub mod process;
pub mod pty;
mod route;
pub mod sandbox;
pub mod shared;
pub mod signals;
pub mod standard;
pub mod terminal;
pub mod users;
