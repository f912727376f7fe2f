//! Digest authentication (RFC 7616; RFC 2617 where the server knows no `qop`).

use md5::{Digest, Md5};
use sha2::{Sha256, Sha512_256};

use super::{SignError, hex, unknown};

/// What the server asked, and what the request is.
#[derive(Clone, Copy, Debug)]
pub struct Challenge<'c> {
    /// `MD5`, `SHA-256` or `SHA-512-256`, with `-sess` or without.
    pub algorithm: &'c str,
    /// The realm.
    pub realm: &'c [u8],
    /// The server's nonce.
    pub nonce: &'c [u8],
    /// The client's.
    pub cnonce: &'c [u8],
    /// How often the nonce was used, as eight hexadecimal digits.
    pub count: &'c [u8],
    /// `auth`, `auth-int`, or nothing for RFC 2069.
    pub qop: &'c str,
    /// The method.
    pub method: &'c [u8],
    /// The target of the request.
    pub uri: &'c [u8],
    /// The body, for `auth-int`.
    pub body: &'c [u8],
}

/// The `response` of an `Authorization` field, in hexadecimal digits.
///
/// # Errors
/// When there is no such algorithm or `qop`.
pub fn digest_response(user: &[u8], password: &[u8], challenge: &Challenge<'_>) -> Result<String, SignError> {
    let name = challenge.algorithm.to_ascii_uppercase();
    let (name, is_session) = match name.strip_suffix("-SESS") {
        Some(name) => (name, true),
        None => (name.as_str(), false),
    };
    match name {
        "MD5" => response::<Md5>(user, password, challenge, is_session),
        "SHA-256" => response::<Sha256>(user, password, challenge, is_session),
        "SHA-512-256" => response::<Sha512_256>(user, password, challenge, is_session),
        _ => Err(unknown(challenge.algorithm, &["MD5", "SHA-256", "SHA-512-256"])),
    }
}

fn response<D: Digest>(
    user: &[u8],
    password: &[u8],
    challenge: &Challenge<'_>,
    is_session: bool,
) -> Result<String, SignError> {
    let mut first = joined::<D>(&[user, challenge.realm, password]);
    if is_session {
        first = joined::<D>(&[first.as_bytes(), challenge.nonce, challenge.cnonce]);
    }
    let second = match challenge.qop {
        "auth" | "" => joined::<D>(&[challenge.method, challenge.uri]),
        "auth-int" => joined::<D>(&[challenge.method, challenge.uri, joined::<D>(&[challenge.body]).as_bytes()]),
        _ => return Err(SignError::Text("the server wants a quality of protection that is neither auth nor auth-int")),
    };
    let (first, second) = (first.as_bytes(), second.as_bytes());
    Ok(match challenge.qop {
        "" => joined::<D>(&[first, challenge.nonce, second]),
        qop => joined::<D>(&[first, challenge.nonce, challenge.count, challenge.cnonce, qop.as_bytes(), second]),
    })
}

/// The hash of the parts with colons between them.
fn joined<D: Digest>(parts: &[&[u8]]) -> String {
    let mut hash = D::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            hash.update(b":");
        }
        hash.update(part);
    }
    hex(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7616, 3.9.1.
    #[test]
    fn as_in_the_rfc() {
        let challenge = |algorithm| Challenge {
            algorithm,
            realm: b"http-auth@example.org",
            nonce: b"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            cnonce: b"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
            count: b"00000001",
            qop: "auth",
            method: b"GET",
            uri: b"/dir/index.html",
            body: b"",
        };
        let made = |algorithm| digest_response(b"Mufasa", b"Circle of Life", &challenge(algorithm)).unwrap();
        assert_eq!(made("MD5"), "8ca523f5e9506fed4657c9700eebdbec");
        assert_eq!(made("SHA-256"), "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
        assert!(digest_response(b"u", b"p", &challenge("SHA")).is_err());
    }
}
