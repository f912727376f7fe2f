//! The inside of a JSON string (RFC 8259, section 7), as the usual writers escape it.

use super::escape::{self, LOWER, UPPER};
use super::{Bytes, Forms};

/// What a writer escapes beyond what it must.
#[derive(Clone, Copy)]
struct Style {
    ascii: bool,
    also: &'static str,
    digits: &'static [u8; 16],
    slash: bool,
}

const RAW: Style = Style { ascii: false, also: "", digits: LOWER, slash: false };
const ASCII: Style = Style { ascii: true, ..RAW };

const STYLES: &[Style] = &[
    // JavaScript, serde_json, orjson; Python's json, and the same in capitals (Java).
    RAW,
    ASCII,
    Style { digits: UPPER, ..ASCII },
    // PHP.
    Style { slash: true, ..RAW },
    Style { slash: true, ..ASCII },
    // Go; Jinja's tojson filter (Flask, Locust's web UI); .NET.
    Style { also: "<>&\u{2028}\u{2029}", ..RAW },
    Style { also: "<>&'", ..ASCII },
    Style { also: "<>&'\"+`", digits: UPPER, ..ASCII },
];

/// All styles, once, the plain ones twice (JSON in JSON), and the plainest a third time (a log line in JSON about it).
pub(super) fn forms(value: &str, forms: &mut Forms) {
    for style in STYLES {
        forms.add(encode(value, *style));
    }
    for style in [RAW, ASCII] {
        if let Ok(once) = std::str::from_utf8(&encode(value, style)) {
            plain(once, forms);
            if let Ok(twice) = std::str::from_utf8(&encode(once, RAW)) {
                forms.add(encode(twice, RAW));
            }
        }
    }
}

/// The two styles of nearly all writers.
pub(super) fn plain(value: &str, forms: &mut Forms) {
    forms.add(encode(value, RAW));
    forms.add(encode(value, ASCII));
}

/// The slash of base64, as PHP escapes it.
pub(super) fn of_base64(value: &[u8], forms: &mut Forms) {
    if let Ok(value) = std::str::from_utf8(value) {
        forms.add(encode(value, STYLES[3]));
    }
}

fn encode(value: &str, style: Style) -> Bytes {
    escape::chars(value, |char, out| {
        let short = match char {
            _ if style.also.contains(char) => None,
            '"' => Some(b"\\\""),
            '\\' => Some(b"\\\\"),
            '/' if style.slash => Some(b"\\/"),
            '\u{8}' => Some(b"\\b"),
            '\u{c}' => Some(b"\\f"),
            '\n' => Some(b"\\n"),
            '\r' => Some(b"\\r"),
            '\t' => Some(b"\\t"),
            '\0'..='\u{1f}' => None,
            // Python writes DEL as an escape too.
            _ if style.ascii && !matches!(char, ' '..='~') => None,
            _ => return false,
        };
        match short {
            Some(short) => out.extend_from_slice(short),
            None => {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    out.extend_from_slice(b"\\u");
                    escape::hex((*unit).into(), 4, style.digits, out);
                }
            }
        }
        true
    })
}
