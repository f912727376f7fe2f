//! AWS Signature Version 4
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>).

use percent_encoding::percent_decode;
use ring::{digest, hmac};
use tegmen_wire::fill::Clear;
use zeroize::Zeroizing;

use super::hex;

/// For whom and when a signature is.
#[derive(Clone, Copy, Debug)]
pub struct AwsScope<'s> {
    /// `20261128T221500Z`.
    pub time: &'s str,
    /// `eu-central-1`.
    pub region: &'s str,
    /// `execute-api`, `s3`, …
    pub service: &'s str,
}

/// The request as it goes out, with values.
#[derive(Clone, Copy)]
pub struct AwsRequest<'r> {
    /// The method.
    pub method: &'r [u8],
    /// Path and query.
    pub target: &'r [u8],
    /// The fields to sign: names in any case.
    pub headers: &'r [(&'r [u8], &'r [u8])],
    /// The hash of the body in hexadecimal digits, or what S3 takes for it.
    pub body_hash: &'r [u8],
}

/// The names of the signed fields, and the signature.
pub fn aws_signature(key: &[u8], scope: &AwsScope<'_>, request: &AwsRequest<'_>) -> (String, String) {
    let mut fields: Vec<(Vec<u8>, Clear)> = Vec::new();
    for (name, value) in request.headers {
        let name = name.to_ascii_lowercase();
        let value = Zeroizing::new(trimmed(value));
        match fields.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => {
                values.push(b',');
                values.extend_from_slice(&value);
            }
            None => fields.push((name, value)),
        }
    }
    fields.sort_by(|(a, _), (b, _)| a.cmp(b));
    let names: Vec<String> = fields.iter().map(|(name, _)| String::from_utf8_lossy(name).into_owned()).collect();
    let names = names.join(";");
    let mut canonical = Zeroizing::new(Vec::new());
    let (path, query) = match memchr::memchr(b'?', request.target) {
        Some(at) => (&request.target[..at], &request.target[at + 1..]),
        None => (request.target, &b""[..]),
    };
    line(&mut canonical, request.method);
    line(&mut canonical, &canonical_path(path, scope.service));
    line(&mut canonical, &canonical_query(query));
    for (name, value) in &fields {
        canonical.extend_from_slice(name);
        canonical.push(b':');
        line(&mut canonical, value);
    }
    line(&mut canonical, b"");
    line(&mut canonical, names.as_bytes());
    canonical.extend_from_slice(request.body_hash);
    let date = scope.time.get(..8).unwrap_or_default();
    let hashed = hex(digest::digest(&digest::SHA256, &canonical).as_ref());
    let AwsScope { time, region, service } = scope;
    let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{date}/{region}/{service}/aws4_request\n{hashed}");
    let mut signing = Zeroizing::new([b"AWS4", key].concat());
    for part in [date, region, service, "aws4_request", to_sign.as_str()] {
        let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &signing), part.as_bytes());
        *signing = mac.as_ref().to_vec();
    }
    (names, hex(&signing))
}

fn line(out: &mut Vec<u8>, text: &[u8]) {
    out.extend_from_slice(text);
    out.push(b'\n');
}

/// Without blanks at the ends, and with one for several in between.
fn trimmed(value: &[u8]) -> Vec<u8> {
    let words: Vec<&[u8]> = value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
    words.join(&b' ')
}

/// Every service but S3 has dots and double slashes taken out, and what is encoded encoded once more.
fn canonical_path(path: &[u8], service: &str) -> Clear {
    if service == "s3" {
        let decoded = Zeroizing::new(percent_decode(path).collect::<Vec<u8>>());
        return encoded(&decoded, b"/");
    }
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let mut whole = Zeroizing::new(vec![b'/']);
    whole.extend_from_slice(&parts.join(&b'/'));
    if whole.len() > 1 && path.ends_with(b"/") {
        whole.push(b'/');
    }
    encoded(&whole, b"/")
}

fn canonical_query(query: &[u8]) -> Clear {
    let mut pairs: Vec<(Clear, Clear)> = Vec::new();
    for pair in query.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        let at = memchr::memchr(b'=', pair).unwrap_or(pair.len());
        let part = |text: &[u8]| {
            let decoded = Zeroizing::new(percent_decode(text).collect::<Vec<u8>>());
            encoded(&decoded, b"")
        };
        pairs.push((part(&pair[..at]), part(pair.get(at + 1..).unwrap_or_default())));
    }
    pairs.sort_by(|a, b| (a.0.as_slice(), a.1.as_slice()).cmp(&(b.0.as_slice(), b.1.as_slice())));
    let mut out = Zeroizing::new(Vec::new());
    for (index, (name, value)) in pairs.iter().enumerate() {
        if index > 0 {
            out.push(b'&');
        }
        out.extend_from_slice(name);
        out.push(b'=');
        out.extend_from_slice(value);
    }
    out
}

/// RFC 3986, with capital digits.
fn encoded(text: &[u8], keep: &[u8]) -> Clear {
    let mut out = Zeroizing::new(Vec::with_capacity(text.len() * 3));
    for byte in text {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) || keep.contains(byte) {
            out.push(*byte);
        } else {
            let digits = b"0123456789ABCDEF";
            out.extend([b'%', digits[usize::from(byte >> 4)], digits[usize::from(byte & 15)]]);
        }
    }
    out
}
