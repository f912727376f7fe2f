//! The proof that nothing leaks: canaries in the place of secrets, a hostile target in the place of every host, and a
//! search through everything that comes out.
//!
//! - [`canary`] makes values that nobody owns, of the shape of those that they stand for.
//! - [`world`] is where the test runs: closed, with names, certificates and ports for whatever it dials.
//! - [`target`] answers it, well and badly, and writes down which canary arrived where.
//! - [`observe`] looks at what others could see while it runs: the web UI, messages, `/proc`, files.
//! - [`search`] finds canaries in all of that, and [`ledger`] keeps what was found.
//! - [`verdict`] makes a [`tegmen_findings::proof::Proof`] of it.
//!
//! What must not come in: real values, and printing.

pub mod canary;
pub mod ledger;
pub mod observe;
pub mod scripts;
pub mod search;
pub mod stage;
pub mod target;
pub mod verdict;
pub mod world;

/// Why a proof cannot be given.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// A certificate cannot be made.
    #[error("a certificate for the stand-in of the target cannot be made: {0}")]
    Certificate(#[from] rcgen::Error),
    /// TLS cannot be spoken.
    #[error("TLS for the stand-in of the target cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The operating system refuses.
    #[error("the operating system refused: {0}")]
    System(#[from] std::io::Error),
    /// There is no randomness.
    #[error("the operating system has no randomness to give: {0}")]
    Randomness(#[from] getrandom::Error),
}
