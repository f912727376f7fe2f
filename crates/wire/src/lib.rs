//! Placeholders and how they become values: at the last step before the wire, towards bound origins only, encoded as
//! their place demands. And the protocol between the broker and the plugin, both ends.
//!
//! - [`placeholder`] makes the strings that stand for values.
//! - [`table`] is what the broker tells the plugin: names, placeholders, bindings, and where the values are.
//! - [`fill`](mod@fill) puts the values into a request. It does no I/O and knows no HTTP client.
//! - [`protocol`] is the handshake over the inherited channel.
//! - [`cluster`] seals what passes between Locust's master and its workers.
//! - [`names`] reads questions for host names and answers them, in networks that are made for a test.
//!
//! What must not come in: Python, Locust, sources of values.

pub mod cluster;
pub mod fill;
pub mod finder;
pub mod names;
pub mod origin;
pub mod place;
pub mod placeholder;
pub mod protocol;
pub mod table;
