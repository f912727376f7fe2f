//! Holds the secrets, shares them with the plugin, runs and filters the child.
//!
//! - [`keep`] holds the values and publishes them in shared secret memory.
//! - [`ledger`] knows what a run knows of its secrets besides the values.
//! - [`channel`] hands that memory to the plugin, after a look at who asks.
//! - [`pools`] gives out records, one for each simulated user, and takes them back.
//! - [`life`] brings new values in while the test runs, and gives back in the end what was lent.
//! - [`stand_in`] answers scripts that ask Vault themselves, with placeholders; [`upstream`] is the Vault behind it.
//! - [`child`] runs the command and filters what it says; [`sandbox`] is what it may reach, [`relay`] its way there.
//!
//! What must not come in: where values come from (that is `sources`), how requests are filled (that is `wire`), printing.

pub mod channel;
pub mod child;
pub mod keep;
pub mod ledger;
pub mod life;
pub mod pools;
pub mod relay;
pub mod sandbox;
pub mod stand_in;
pub mod upstream;
