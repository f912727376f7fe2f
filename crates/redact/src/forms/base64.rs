//! Base64 and base64url (RFC 4648) of a value that stands anywhere in what was encoded.
//!
//! Depending on how many bytes come before it, a value takes one of three shapes. Of each only the characters count
//! all of whose six bits are the value's: the outer ones depend on the neighbours.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::{Bytes, Forms, json, url};

/// Lengths of the lines in which base64 is wrapped: MIME and the `base64` tool (76), PEM (64).
const WRAPPED: [usize; 2] = [76, 64];

/// Base64 at the three offsets in both alphabets, with `+` and `/` as URLs and JSON write them, and wrapped.
pub(super) fn forms(value: &[u8], forms: &mut Forms) {
    for before in 0..3 {
        let standard = encode(value, before, |bytes, out| STANDARD_NO_PAD.encode_slice(bytes, out));
        url::of_base64(&standard, forms);
        json::of_base64(&standard, forms);
        if before == 0 {
            for width in WRAPPED.into_iter().filter(|width| standard.len() > *width) {
                for line in standard.chunks(width).filter(|line| line.len() >= 16) {
                    forms.add(line.to_vec());
                }
            }
        }
        forms.add(standard);
        forms.add(encode(value, before, |bytes, out| URL_SAFE_NO_PAD.encode_slice(bytes, out)));
    }
}

/// Base64 of base64, as Kubernetes shows a Basic header that somebody has stored: each of the three shapes at each of
/// the three offsets. (Of the letters of base64 both alphabets make the same.)
pub(super) fn twice(value: &[u8], forms: &mut Forms) {
    for before in 0..3 {
        let standard = encode(value, before, |bytes, out| STANDARD_NO_PAD.encode_slice(bytes, out));
        let url = encode(value, before, |bytes, out| URL_SAFE_NO_PAD.encode_slice(bytes, out));
        for once in [standard, url] {
            for before in 0..3 {
                forms.add(encode(&once, before, |bytes, out| STANDARD_NO_PAD.encode_slice(bytes, out)));
            }
        }
    }
}

/// The value's own characters, with `before` bytes in front of it in the first group of three.
fn encode<E>(value: &[u8], before: usize, into: impl FnOnce(&[u8], &mut [u8]) -> Result<usize, E>) -> Bytes {
    let mut input = Zeroizing::new(Vec::with_capacity(before + value.len()));
    input.resize(before, 0);
    input.extend_from_slice(value);
    let mut out = Zeroizing::new(vec![0; input.len().div_ceil(3) * 4]);
    let _ = into(&input, &mut out);
    let from = (before * 8).div_ceil(6);
    let to = input.len() * 8 / 6;
    Zeroizing::new(out.get(from..to).unwrap_or_default().to_vec())
}
