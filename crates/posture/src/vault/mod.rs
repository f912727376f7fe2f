//! Vault's configuration: what a run's token may do, how the server is set up.

use crate::check::Check;

/// What is known about Vault.
#[derive(Debug, Clone, Default)]
pub struct Facts {}

/// The checks, by code: TGM6xx.
pub fn checks() -> Vec<&'static Check> {
    Vec::new()
}
