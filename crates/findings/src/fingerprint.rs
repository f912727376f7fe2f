//! Fingerprints: the same for the same defect after lines have moved, and saying nothing about a value.
//!
//! A value goes into no fingerprint, not even hashed: whoever has the fingerprint of a weak password could try candidates
//! until one fits.

/// The fingerprint of a finding: 32 hexadecimal digits (FNV-1a, 128 bits). `context` is what surrounds it (the names of class
/// and function), `ordinal` tells apart what is otherwise the same.
pub fn fingerprint(rule: &str, path: &str, name: &str, context: &str, ordinal: usize) -> String {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let ordinal = ordinal.to_string();
    let mut hash = BASIS;
    for part in [rule, path, name, context, &ordinal] {
        for byte in part.bytes().chain([0]) {
            hash = (hash ^ u128::from(byte)).wrapping_mul(PRIME);
        }
    }
    format!("{hash:032x}")
}

#[cfg(test)]
mod tests {
    use super::fingerprint;

    #[test]
    fn parts_do_not_run_together() {
        assert_ne!(fingerprint("a", "bc", "", "", 0), fingerprint("ab", "c", "", "", 0));
        assert_ne!(fingerprint("a", "b", "c", "d", 0), fingerprint("a", "b", "c", "d", 1));
        assert_eq!(fingerprint("a", "b", "c", "d", 0).len(), 32);
    }
}
