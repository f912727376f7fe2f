//! Proofs of `tegmen prove`, for people and for machines.

mod html;
mod junit;
mod text;

use tegmen_findings::proof::{Proof, Protection};

pub use html::html;
pub use junit::junit;
pub use text::text;

/// The proof under Tegmen's protection, and the one without it where that was asked for.
fn both(proofs: &[Proof]) -> (Option<&Proof>, Option<&Proof>) {
    let of = |protection| proofs.iter().find(|proof| proof.protection == protection);
    (of(Protection::On), of(Protection::Off))
}

/// How many of the test's own secrets arrived, and how many there are.
fn arrived(proof: &Proof) -> (usize, usize) {
    let arrived = proof.own_secrets().filter(|secret| !secret.arrivals.is_empty()).count();
    (arrived, proof.own_secrets().count())
}

/// The proofs as JSON: what `.tegmen/prove.json` holds, once for each run.
///
/// # Errors
/// When they cannot be written as JSON; they always can.
pub fn json(proofs: &[Proof]) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(&serde_json::json!({ "proofs": proofs }))?;
    text.push('\n');
    Ok(text)
}
