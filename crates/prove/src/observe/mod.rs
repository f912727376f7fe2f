//! What others can see of a test while it runs, and what it leaves behind. Each observer looks with the rights of any
//! process of the same user, and shows the ledger what it sees.

pub mod files;
pub mod processes;
pub mod relay;
pub mod web;
