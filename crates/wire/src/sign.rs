//! What a script computes from a value without seeing it.

use hmac::{Hmac, Mac, digest::InvalidLength};
use sha2::Sha256;

/// HMAC-SHA-256 (RFC 2104) of `data` under the value `key`.
///
/// # Errors
/// Never for this construction, which takes keys of any length.
pub fn hmac_sha256(key: &[u8], data: &[u8]) -> Result<[u8; 32], InvalidLength> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key)?;
    mac.update(data);
    Ok(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    #[test]
    fn as_in_rfc_4231_test_case_2() {
        let mac = super::hmac_sha256(b"Jefe", b"what do ya want for nothing?").unwrap();
        assert_eq!(mac[..4], [0x5b, 0xdc, 0xc1, 0x46]);
    }
}
