//! Quoting for a shell, and the doubled quotes of CSV (RFC 4180), which is quoting too.

use super::Forms;
use super::escape;

/// Single quotes as `shlex.quote` and as `set -x` write them, double quotes, a backslash each, and CSV.
pub(super) fn forms(value: &[u8], forms: &mut Forms) {
    for inner in [b"'\"'\"'".as_slice(), b"'\\''"] {
        forms.add(escape::bytes(value, |byte, out| {
            let quote = byte == b'\'';
            if quote {
                out.extend_from_slice(inner);
            }
            quote
        }));
    }
    backslashed(value, forms, |byte| matches!(byte, b'"' | b'\\' | b'$' | b'`'));
    // printf %q, and the names that ssh and make pass on.
    backslashed(value, forms, |byte| {
        !byte.is_ascii_alphanumeric() && byte.is_ascii() && !b"%+-./:=@_,".contains(&byte)
    });
    forms.add(escape::bytes(value, |byte, out| {
        let quote = byte == b'"';
        if quote {
            out.extend_from_slice(b"\"\"");
        }
        quote
    }));
}

fn backslashed(value: &[u8], forms: &mut Forms, escaped: impl Fn(u8) -> bool) {
    forms.add(escape::bytes(value, |byte, out| {
        if escaped(byte) {
            out.extend_from_slice(&[b'\\', byte]);
        }
        escaped(byte)
    }));
}
