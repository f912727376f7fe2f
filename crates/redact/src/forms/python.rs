//! Python's `repr()`, `ascii()` and the repr of bytes. Which quotes stand around the whole depends on the whole, so a
//! value comes with its quotes escaped and not.

use super::escape::{self, LOWER};
use super::{Bytes, Forms};

/// `repr(str)`, `ascii(str)`.
pub(super) fn text_forms(value: &str, forms: &mut Forms) {
    for quote in ['\'', '\0'] {
        forms.add(text(value, quote, false));
        forms.add(text(value, quote, true));
    }
}

/// `repr(bytes)`.
pub(super) fn bytes_forms(value: &[u8], forms: &mut Forms) {
    for quote in [b'\'', b'\0'] {
        forms.add(escape::bytes(value, |byte, out| {
            if common(byte, quote, out) {
                return true;
            }
            let plain = matches!(byte, b' '..=b'~');
            if !plain {
                out.extend_from_slice(b"\\x");
                escape::hex(byte.into(), 2, LOWER, out);
            }
            !plain
        }));
    }
}

fn text(value: &str, quote: char, ascii: bool) -> Bytes {
    escape::chars(value, |char, out| {
        if u8::try_from(char).is_ok_and(|byte| common(byte, quote as u8, out)) {
            return true;
        }
        // What str.isprintable() says no to, as far as it occurs in values: controls, no-break space, soft hyphen.
        let printable = !char.is_control() && !matches!(char, '\u{a0}' | '\u{ad}') && (!ascii || char.is_ascii());
        if !printable {
            let (letter, width) = match u32::from(char) {
                0..=0xff => (b'x', 2),
                0x100..=0xffff => (b'u', 4),
                _ => (b'U', 8),
            };
            out.extend_from_slice(&[b'\\', letter]);
            escape::hex(char.into(), width, LOWER, out);
        }
        !printable
    })
}

/// The escapes that text and bytes share.
fn common(byte: u8, quote: u8, out: &mut Vec<u8>) -> bool {
    let letter = match byte {
        b'\\' => b'\\',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        b'\'' if quote == byte => byte,
        _ => return false,
    };
    out.extend_from_slice(&[b'\\', letter]);
    true
}
