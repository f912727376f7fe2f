//! What is computed from a value that Python does not see.

use pyo3::{prelude::*, types::PyBytes};
use tegmen_plugin::{
    ClientError,
    sign::{AwsScope, Challenge},
};

use pyo3::exceptions::{PyTypeError, PyValueError};

use crate::{
    origin::origin,
    plugin::{Plugin, broker_error},
    request,
};

/// What the script has got wrong is not the broker's error.
fn sign_error(error: ClientError) -> PyErr {
    match error {
        ClientError::Sign { .. } => PyValueError::new_err(error.to_string()),
        ClientError::PlaceholderInside(_) => PyTypeError::new_err(error.to_string()),
        ClientError::Refused(_) => request::refused(error),
        _ => broker_error(error),
    }
}

/// HMAC of the data under the value of the secret with that placeholder or name.
#[pyfunction]
pub fn hmac<'py>(
    mut plugin: PyRefMut<'_, Plugin>,
    py: Python<'py>,
    secret: &str,
    digest: &str,
    data: &[u8],
) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let mac = plugin.0.hmac(secret, digest, data).map_err(sign_error)?;
    Ok(mac.map(|mac| PyBytes::new(py, &mac)))
}

/// A JSON Web Token with that header and those claims, signed with the value; outputs show it by the label.
#[pyfunction]
pub fn jwt(
    mut plugin: PyRefMut<'_, Plugin>,
    secret: &str,
    algorithm: &str,
    header: &[u8],
    claims: &[u8],
    label: &str,
) -> PyResult<Option<String>> {
    plugin.0.jwt(secret, algorithm, header, claims, label).map_err(sign_error)
}

/// Scheme, host and port of somebody.
type Destination = (String, String, u16);

/// The `response` of Digest authentication; `to` is who has asked, where that is known.
#[allow(clippy::too_many_arguments, reason = "the fields of the header, as RFC 7616 names them")]
#[pyfunction]
#[pyo3(signature = (plugin, user, password, *, algorithm, realm, nonce, cnonce, count, qop, method, uri, body, to=None))]
pub fn digest(
    mut plugin: PyRefMut<'_, Plugin>,
    user: &str,
    password: &str,
    algorithm: &str,
    realm: &str,
    nonce: &str,
    cnonce: &str,
    count: &str,
    qop: &str,
    method: &str,
    uri: &str,
    body: &[u8],
    to: Option<Destination>,
) -> PyResult<Option<String>> {
    let to = to.map(|(scheme, host, port)| origin(&scheme, &host, port));
    let challenge = Challenge {
        algorithm,
        realm: realm.as_bytes(),
        nonce: nonce.as_bytes(),
        cnonce: cnonce.as_bytes(),
        count: count.as_bytes(),
        qop,
        method: method.as_bytes(),
        uri: uri.as_bytes(),
        body,
    };
    plugin.0.digest(user, password, &challenge, to.as_ref()).map_err(sign_error)
}

/// The signature of AWS for a request: the names of the signed fields, the signature, the hash of the body.
#[allow(clippy::too_many_arguments, reason = "the parts of a request, and what it is signed for")]
#[pyfunction]
#[pyo3(signature = (plugin, secret, *, time, region, service, method, scheme, host, port, target, headers, body, body_hash))]
pub fn aws(
    mut plugin: PyRefMut<'_, Plugin>,
    secret: &str,
    time: &str,
    region: &str,
    service: &str,
    method: &str,
    scheme: &str,
    host: &str,
    port: u16,
    target: &str,
    headers: Vec<(String, String)>,
    body: &[u8],
    body_hash: Option<&str>,
) -> PyResult<Option<(String, String, String)>> {
    let origin = origin(scheme, host, port);
    let headers: Vec<(&[u8], &[u8])> =
        headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
    let request = tegmen_plugin::Request {
        origin: &origin,
        target: target.as_bytes(),
        headers: &headers,
        body: (!body.is_empty()).then_some(body),
    };
    let scope = AwsScope { time, region, service };
    let hash = body_hash.map(str::as_bytes);
    plugin.0.aws(secret, &scope, method.as_bytes(), &request, hash).map_err(sign_error)
}
