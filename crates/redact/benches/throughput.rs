//! Megabytes per second.

fn main() {}
