//! What the escapers share: a buffer that never moves its bytes, and character escapes.

use zeroize::Zeroizing;

use super::Bytes;

/// Escapes character by character. `write` puts a character's escape into the buffer and says whether it did;
/// otherwise the character stands for itself.
pub(super) fn chars(text: &str, mut write: impl FnMut(char, &mut Vec<u8>) -> bool) -> Bytes {
    // No escape takes more than 12 bytes for a byte of UTF-8: the buffer does not grow, so no copy stays behind.
    let mut out = Zeroizing::new(Vec::with_capacity(text.len() * 12));
    for char in text.chars() {
        if !write(char, &mut out) {
            out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    out
}

/// Escapes byte by byte, in the same way, with six bytes for one at most.
pub(super) fn bytes(value: &[u8], mut write: impl FnMut(u8, &mut Vec<u8>) -> bool) -> Bytes {
    let mut out = Zeroizing::new(Vec::with_capacity(value.len() * 6));
    for byte in value {
        if !write(*byte, &mut out) {
            out.push(*byte);
        }
    }
    out
}

/// A number in hexadecimal, of at least `width` digits.
pub(super) fn hex(number: u32, width: u32, digits: &[u8; 16], out: &mut Vec<u8>) {
    let used = (32 - number.leading_zeros()).div_ceil(4).max(width);
    for place in (0..used).rev() {
        out.push(digits[(number >> (4 * place) & 15) as usize]);
    }
}

pub(super) const LOWER: &[u8; 16] = b"0123456789abcdef";
pub(super) const UPPER: &[u8; 16] = b"0123456789ABCDEF";
