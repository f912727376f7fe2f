//! The vocabulary of the audit: rule, finding, severity, confidence, location, fix. No I/O, no formats.
//!
//! A [`Finding`] is made by [`Finding::new`], which asks for severity and confidence, so that neither is ever forgotten.
//! Nothing in here may carry a value that was found: excerpts are masked by whoever makes them, and a fingerprint is made
//! of names and places only.

mod finding;
mod fingerprint;
mod fix;
mod inventory;
mod level;
mod location;
pub mod proof;
mod rule;
mod suppression;

pub use finding::{Finding, Problem, ProblemKind};
pub use fingerprint::fingerprint;
pub use fix::{Edit, Fix, Safety};
pub use inventory::{Origin, Use};
pub use level::{Confidence, Severity};
pub use location::{Excerpt, Location};
pub use rule::Rule;
pub use suppression::{SuppressedBy, Suppression};
