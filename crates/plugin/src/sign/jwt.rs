//! JSON Web Tokens (RFC 7519), signed (RFC 7515) with the algorithms of RFC 7518 and RFC 8037.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{self, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair},
};
use rustls_pki_types::{PrivateKeyDer, pem::PemObject};

use super::{SignError, mac, unknown};

const ALGORITHMS: [&str; 12] =
    ["HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];

/// The token with that header and those claims, both JSON, signed with `key`: the bytes of a shared key for `HS…`, a private
/// key in PEM for the others.
///
/// # Errors
/// When there is no such algorithm, or the value is no key for it.
pub fn jwt(key: &[u8], algorithm: &str, header: &[u8], claims: &[u8]) -> Result<String, SignError> {
    let mut token = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = signature(key, algorithm, token.as_bytes())?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Ok(token)
}

fn signature(key: &[u8], algorithm: &str, message: &[u8]) -> Result<Vec<u8>, SignError> {
    match algorithm {
        "HS256" => mac(key, "sha256", message),
        "HS384" => mac(key, "sha384", message),
        "HS512" => mac(key, "sha512", message),
        "RS256" => rsa(key, algorithm, &signature::RSA_PKCS1_SHA256, message),
        "RS384" => rsa(key, algorithm, &signature::RSA_PKCS1_SHA384, message),
        "RS512" => rsa(key, algorithm, &signature::RSA_PKCS1_SHA512, message),
        "PS256" => rsa(key, algorithm, &signature::RSA_PSS_SHA256, message),
        "PS384" => rsa(key, algorithm, &signature::RSA_PSS_SHA384, message),
        "PS512" => rsa(key, algorithm, &signature::RSA_PSS_SHA512, message),
        "ES256" => ecdsa(key, algorithm, &signature::ECDSA_P256_SHA256_FIXED_SIGNING, message),
        "ES384" => ecdsa(key, algorithm, &signature::ECDSA_P384_SHA384_FIXED_SIGNING, message),
        "EdDSA" => {
            let PrivateKeyDer::Pkcs8(der) = private(key, algorithm)? else { return Err(no_pkcs8(algorithm)) };
            let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der());
            Ok(pair.map_err(|_| wrong(algorithm, "it is of another kind"))?.sign(message).as_ref().to_vec())
        }
        _ => Err(unknown(algorithm, &ALGORITHMS)),
    }
}

fn rsa(
    key: &[u8],
    algorithm: &str,
    padding: &'static dyn signature::RsaEncoding,
    message: &[u8],
) -> Result<Vec<u8>, SignError> {
    let pair = match private(key, algorithm)? {
        PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
        PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
        _ => return Err(wrong(algorithm, "it is of another kind")),
    };
    let pair = pair.map_err(|_| wrong(algorithm, "it is no RSA key of 2048 bits or more"))?;
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(padding, &SystemRandom::new(), message, &mut signature)
        .map_err(|_| wrong(algorithm, "it is too short"))?;
    Ok(signature)
}

fn ecdsa(
    key: &[u8],
    algorithm: &str,
    curve: &'static signature::EcdsaSigningAlgorithm,
    message: &[u8],
) -> Result<Vec<u8>, SignError> {
    let PrivateKeyDer::Pkcs8(der) = private(key, algorithm)? else { return Err(no_pkcs8(algorithm)) };
    let random = SystemRandom::new();
    let pair = EcdsaKeyPair::from_pkcs8(curve, der.secret_pkcs8_der(), &random);
    let pair = pair.map_err(|_| wrong(algorithm, "it is of another kind, or of another curve"))?;
    let signature = pair.sign(&random, message).map_err(|_| wrong(algorithm, "it cannot sign"))?;
    Ok(signature.as_ref().to_vec())
}

fn private<'k>(key: &'k [u8], algorithm: &str) -> Result<PrivateKeyDer<'k>, SignError> {
    PrivateKeyDer::from_pem_slice(key).map_err(|_| wrong(algorithm, "it is no private key in PEM"))
}

fn wrong(algorithm: &str, why: &'static str) -> SignError {
    SignError::Key { algorithm: algorithm.to_owned(), why }
}

fn no_pkcs8(algorithm: &str) -> SignError {
    wrong(algorithm, "it is not PKCS #8; convert it with `openssl pkcs8 -topk8 -nocrypt`")
}
