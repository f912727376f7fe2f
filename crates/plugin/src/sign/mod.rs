//! What a script computes from a value without seeing it: MACs, JSON Web Tokens, Digest authentication, the signature of
//! AWS. Pure functions on values that somebody else holds.

mod aws;
mod digest;
mod jwt;

use ring::hmac;

pub use aws::{AwsRequest, AwsScope, aws_signature};
pub use digest::{Challenge, digest_response};
pub use jwt::jwt;

/// Why nothing can be computed. Never a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// There is no such algorithm.
    #[error("there is no algorithm {name} here; there are {known}")]
    Algorithm {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// The value is no key for it.
    #[error("the value is no key for {algorithm}: {why}")]
    Key {
        /// The algorithm.
        algorithm: String,
        /// Why not.
        why: &'static str,
    },
    /// The text is not what it should be.
    #[error("{0}")]
    Text(&'static str),
}

fn unknown(name: &str, known: &[&str]) -> SignError {
    SignError::Algorithm { name: name.to_owned(), known: known.join(", ") }
}

/// HMAC (RFC 2104) of `data` under `key`; the digest as Python's `hashlib` calls it.
///
/// # Errors
/// When there is no such digest.
pub fn mac(key: &[u8], digest: &str, data: &[u8]) -> Result<Vec<u8>, SignError> {
    let algorithm = match digest {
        "sha1" => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        "sha256" => hmac::HMAC_SHA256,
        "sha384" => hmac::HMAC_SHA384,
        "sha512" => hmac::HMAC_SHA512,
        _ => return Err(unknown(digest, &["sha1", "sha256", "sha384", "sha512"])),
    };
    Ok(hmac::sign(&hmac::Key::new(algorithm, key), data).as_ref().to_vec())
}

/// SHA-256 in hexadecimal digits.
pub fn sha256_hex(data: &[u8]) -> String {
    hex(ring::digest::digest(&ring::digest::SHA256, data).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_in_rfc_4231_and_rfc_2202() {
        // Test case 2 of each.
        for (digest, begins) in [
            ("sha1", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
            ("sha256", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
            ("sha384", "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec373"),
            ("sha512", "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7"),
        ] {
            let made = mac(b"Jefe", digest, b"what do ya want for nothing?").unwrap();
            assert!(hex(&made).starts_with(begins), "{digest}");
        }
        assert!(mac(b"k", "md5", b"").unwrap_err().to_string().contains("sha1, sha256"));
    }
}
