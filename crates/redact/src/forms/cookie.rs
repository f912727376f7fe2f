//! The quoted string of a cookie (RFC 2109), with the octal escapes of Python's `http.cookies`. We send a value so that a
//! cookie cannot hold as it is.

use super::escape;
use super::{Forms, json, python};

/// Of the bytes, as we send it, and of the characters, as Python writes it.
pub(super) fn forms(value: &str, forms: &mut Forms) {
    let mut inner = Forms::default();
    inner.add(escape::bytes(value.as_bytes(), escaped));
    inner.add(escape::chars(value, |char, out| u8::try_from(u32::from(char)).is_ok_and(|byte| escaped(byte, out))));
    for quoted in inner.into_vec().iter().filter(|quoted| quoted.as_slice() != value.as_bytes()) {
        forms.add(quoted.clone());
        // A header is seen within something else, mostly.
        if let Ok(text) = std::str::from_utf8(quoted) {
            json::plain(text, forms);
            python::text_forms(text, forms);
        }
    }
}

fn escaped(byte: u8, out: &mut Vec<u8>) -> bool {
    match byte {
        b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
        b' '..=b'~' if !b";,".contains(&byte) => return false,
        _ => out.extend_from_slice(&[b'\\', b'0' + (byte >> 6), b'0' + (byte >> 3 & 7), b'0' + (byte & 7)]),
    }
    true
}
