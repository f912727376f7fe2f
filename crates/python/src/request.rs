//! The parts of a request, from Python and back.

use pyo3::{
    create_exception,
    exceptions::{PyOSError, PyTypeError},
    prelude::*,
    pybacked::{PyBackedBytes, PyBackedStr},
    types::{PyByteArray, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple},
};
use tegmen_plugin::{Client, ClientError, Filled, Origin, Request};

use crate::plugin::{Plugin, broker_error};

create_exception!(
    _native,
    SecretRefused,
    PyOSError,
    "A request was refused before it was sent: it would have carried a secret to where it may not go."
);

/// Text or bytes, without a copy where that is possible.
pub enum Text {
    Str(PyBackedStr),
    Bytes(PyBackedBytes),
    Other(Vec<u8>),
}

impl Text {
    pub fn of(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(text) = object.cast::<PyString>() {
            // Text that is no valid Unicode (lone surrogates) holds no placeholder that could be found.
            return Ok(text.extract().map_or_else(|_| Self::Other(Vec::new()), Self::Str));
        }
        if let Ok(bytes) = object.cast::<PyBytes>() {
            return Ok(Self::Bytes(bytes.clone().into()));
        }
        if let Ok(bytes) = object.cast::<PyByteArray>() {
            return Ok(Self::Other(bytes.to_vec()));
        }
        Err(PyTypeError::new_err("text or bytes are needed"))
    }

    /// Anything else has no placeholder in it: a number as a header's value.
    fn lenient(object: &Bound<'_, PyAny>) -> Self {
        Self::of(object).unwrap_or_else(|_| Self::Other(Vec::new()))
    }

    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Str(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
            Self::Other(bytes) => bytes,
        }
    }
}

/// Whether a placeholder, or a content encoding that may hide one, is in this part of a request. Reads the storage of
/// dicts directly, also of those that are something else to Python code: this is all that most requests cost.
pub fn may_carry(plugin: &Bound<'_, Plugin>, part: &Bound<'_, PyAny>) -> PyResult<bool> {
    may_hold(plugin, part, Client::carries)
}

/// The same of a token that the target has issued.
pub fn may_carry_issued(plugin: &Bound<'_, Plugin>, part: &Bound<'_, PyAny>) -> PyResult<bool> {
    may_hold(plugin, part, Client::carries_issued)
}

fn may_hold(
    plugin: &Bound<'_, Plugin>,
    part: &Bound<'_, PyAny>,
    holds: impl Fn(&Client, &[u8]) -> bool,
) -> PyResult<bool> {
    let is_simple = part.is_none() || part.is_instance_of::<PyString>() || part.is_instance_of::<PyBytes>();
    // This may run Python code, and so comes before the plugin is borrowed.
    let stored = if is_simple { part.clone() } else { storage(part) };
    let plugin = plugin.try_borrow()?;
    Ok(scan(&stored, 0, &|bytes| holds(&plugin.0, bytes)))
}

fn scan(object: &Bound<'_, PyAny>, depth: usize, holds: &impl Fn(&[u8]) -> bool) -> bool {
    if let Ok(text) = object.cast::<PyString>() {
        return text.to_str().is_ok_and(|text| holds(text.as_bytes()));
    }
    if let Ok(bytes) = object.cast::<PyBytes>() {
        return holds(bytes.as_bytes());
    }
    if depth > 3 {
        return true;
    }
    if let Ok(dict) = object.cast::<PyDict>() {
        return dict.iter().any(|(name, value)| {
            is_content_encoding(&name) || scan(&name, depth + 1, holds) || scan(&value, depth + 1, holds)
        });
    }
    if let Ok(pair) = object.cast::<PyTuple>() {
        return pair.iter_borrowed().any(|item| scan(&item, depth + 1, holds));
    }
    if let Ok(list) = object.cast::<PyList>() {
        return list.iter().any(|item| scan(&item, depth + 1, holds));
    }
    // Numbers and None carry nothing; anything else is looked at closely.
    !(object.is_none() || object.is_instance_of::<PyInt>() || object.is_instance_of::<PyFloat>())
}

fn is_content_encoding(name: &Bound<'_, PyAny>) -> bool {
    name.cast::<PyString>()
        .is_ok_and(|name| name.to_str().is_ok_and(|name| name.eq_ignore_ascii_case("content-encoding")))
}

/// The dict behind the headers of `requests`, which Python code sees through a class of its own.
pub fn storage<'py>(headers: &Bound<'py, PyAny>) -> Bound<'py, PyAny> {
    if headers.is_instance_of::<PyDict>() {
        return headers.clone();
    }
    headers.getattr(pyo3::intern!(headers.py(), "_store")).unwrap_or_else(|_| headers.clone())
}

type Pair<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>);

/// The fields in the storage of the headers of `requests` and `geventhttpclient`: pairs, by their names in lower case.
/// `None` for other headers, and where a name has several lines.
fn stored_pairs<'py>(headers: &Bound<'py, PyAny>) -> Option<Vec<Pair<'py>>> {
    if headers.is_exact_instance_of::<PyDict>() {
        return None;
    }
    let stored = storage(headers);
    let pair = |pair: Bound<'py, PyAny>| pair.cast::<PyTuple>().ok()?.extract().ok();
    stored.cast::<PyDict>().ok()?.iter().map(|(_, value)| pair(value)).collect()
}

/// A request as Python has it.
pub struct Parts {
    target: Text,
    headers: Vec<(Text, Text)>,
    body: Option<Text>,
}

impl Parts {
    pub fn new(
        target: &Bound<'_, PyAny>,
        headers: &Bound<'_, PyAny>,
        body: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let mut pairs = Vec::with_capacity(12);
        if let Some(stored) = stored_pairs(headers) {
            for (name, value) in &stored {
                pairs.push((Text::lenient(name), Text::lenient(value)));
            }
        } else if let Ok(dict) = headers.cast_exact::<PyDict>() {
            for (name, value) in dict {
                pairs.push((Text::lenient(&name), Text::lenient(&value)));
            }
        } else if !headers.is_none() {
            for pair in headers.call_method0(pyo3::intern!(headers.py(), "items"))?.try_iter()? {
                let (name, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = pair?.extract()?;
                pairs.push((Text::lenient(&name), Text::lenient(&value)));
            }
        }
        Ok(Self { target: Text::lenient(target), headers: pairs, body: body.map(Text::lenient) })
    }

    pub fn with_request<T>(&self, origin: &Origin, work: impl FnOnce(&Request<'_>) -> T) -> T {
        let headers: Vec<(&[u8], &[u8])> =
            self.headers.iter().map(|(name, value)| (name.bytes(), value.bytes())).collect();
        let body = self.body.as_ref().map(Text::bytes);
        work(&Request { origin, target: self.target.bytes(), headers: &headers, body })
    }
}

/// Target, headers, body, names of the secrets, whether an unverified connection will do.
pub type FilledParts<'py> =
    (Option<Bound<'py, PyBytes>>, Vec<(usize, Bound<'py, PyBytes>)>, Option<Bound<'py, PyBytes>>, Vec<String>, bool);

pub fn filled<'py>(py: Python<'py>, filled: Result<Option<Filled>, ClientError>) -> PyResult<Option<FilledParts<'py>>> {
    match filled {
        Ok(None) => Ok(None),
        Ok(Some(filled)) => {
            let bytes = |bytes: &[u8]| PyBytes::new(py, bytes);
            Ok(Some((
                filled.target.as_ref().map(|target| bytes(target)),
                filled.headers.iter().map(|(index, value)| (*index, bytes(value))).collect(),
                filled.body.as_ref().map(|body| bytes(body)),
                filled.secrets,
                filled.tls_unverified,
            )))
        }
        Err(error) => Err(refused(error)),
    }
}

/// What is to be sent in the place of a head, the names of the secrets, whether an unverified connection will do.
pub type FilledHeadParts<'py> = (Bound<'py, PyBytes>, Vec<String>, bool);

pub fn refused(error: ClientError) -> PyErr {
    match error {
        ClientError::Refused(refusal) => SecretRefused::new_err(refusal.to_string()),
        error => broker_error(error),
    }
}

/// A head as it goes out: text is sent as ISO 8859-1.
pub fn latin_1(head: &Bound<'_, PyAny>) -> PyResult<Text> {
    match head.cast::<PyString>() {
        Ok(text) if !text.to_str().is_ok_and(str::is_ascii) => Text::of(&text.call_method1("encode", ("latin-1",))?),
        _ => Text::of(head),
    }
}
