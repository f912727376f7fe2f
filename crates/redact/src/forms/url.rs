//! Percent-encoding (RFC 3986) as the usual libraries do it: they differ in what they leave as it is.

use super::escape::{self, LOWER, UPPER};
use super::{Bytes, Forms};

/// What is left as it is beside letters and digits, and what becomes of a space.
struct Style {
    keep: &'static str,
    space: &'static str,
}

const STYLES: &[Style] = &[
    // Python: quote, quote(safe=""), quote_plus and urlencode.
    Style { keep: "-._~/", space: "%20" },
    Style { keep: "-._~", space: "%20" },
    Style { keep: "-._~", space: "+" },
    // JavaScript: encodeURIComponent, encodeURI; URLSearchParams, Java's URLEncoder, HTML forms.
    Style { keep: "-._!~*'()", space: "%20" },
    Style { keep: "-._!~*'();,/?:@&=+$#", space: "%20" },
    Style { keep: "*-._", space: "+" },
    // jQuery.
    Style { keep: "-._!~*'()", space: "+" },
    // requests (requote_uri); urllib3: path, query.
    Style { keep: "-._~!#$%&'()*+,/:;=?@[]", space: "%20" },
    Style { keep: "-._~!$&'()*+,;=:@/", space: "%20" },
    Style { keep: "-._~!$&'()*+,;=:@/?", space: "%20" },
    // WHATWG URL: user information, path, query.
    Style { keep: "!$%&'()*+,-._~", space: "%20" },
    Style { keep: "!$%&'()*+,-./:;=@[\\]^_|~", space: "%20" },
    Style { keep: "!$%&()*+,-./:;=?@[\\]^_`{|}~", space: "%20" },
];

/// All styles, once and twice, and every byte encoded, with hexadecimal digits in both cases.
pub(super) fn forms(value: &[u8], forms: &mut Forms) {
    for digits in [UPPER, LOWER] {
        for style in STYLES {
            let once = encode(value, style, digits);
            // Encoded again, what there is of `%` becomes `%25`.
            forms.add(escape::bytes(&once, |byte, out| byte == b'%' && push(out, b"%25")));
            // A writer that leaves less as it is encodes the `+` for a blank as well.
            forms.add(encode(&once, &STYLES[1], digits));
            forms.add(once);
        }
    }
    every_byte(value, forms);
}

/// Every byte encoded, whether it needs it or not.
pub(super) fn every_byte(value: &[u8], forms: &mut Forms) {
    for digits in [UPPER, LOWER] {
        forms.add(escape::bytes(value, |byte, out| percent(byte, digits, out)));
    }
}

/// The styles that encode what is inside a query or a form: for values that are wrapped in something else first.
pub(super) fn common(value: &[u8], forms: &mut Forms) {
    for style in [&STYLES[1], &STYLES[2], &STYLES[3], &STYLES[5]] {
        forms.add(encode(value, style, UPPER));
    }
}

/// What base64 has of characters that are encoded: `+`, `/` and `=`.
pub(super) fn of_base64(value: &[u8], forms: &mut Forms) {
    for digits in [UPPER, LOWER] {
        forms.add(encode(value, &STYLES[0], digits));
        forms.add(encode(value, &STYLES[1], digits));
    }
}

fn encode(value: &[u8], style: &Style, digits: &[u8; 16]) -> Bytes {
    escape::bytes(value, |byte, out| match byte {
        b' ' => push(out, style.space.as_bytes()),
        _ if byte.is_ascii_alphanumeric() || style.keep.as_bytes().contains(&byte) => false,
        _ => percent(byte, digits, out),
    })
}

fn percent(byte: u8, digits: &[u8; 16], out: &mut Vec<u8>) -> bool {
    out.push(b'%');
    escape::hex(byte.into(), 2, digits, out);
    true
}

fn push(out: &mut Vec<u8>, bytes: &[u8]) -> bool {
    out.extend_from_slice(bytes);
    true
}
