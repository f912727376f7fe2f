//! [`Heads`]: heads of requests that a client of `geventhttpclient` has written before.
//!
//! Writing the head anew is a tenth of all that a request costs, and a load test writes the same fields again and again. What the
//! plugin takes to put a value into a request is won back here.

use pyo3::{
    gc::{PyTraverseError, PyVisit},
    prelude::*,
    types::{PyBytes, PyDict, PyString, PyTuple, PyType},
};
use tegmen_plugin::{Purpose, Scheme};

use crate::{
    plugin::{Head, Plugin},
    request::refused,
};

/// So many are kept for a client: its user sends a few kinds of requests.
const MOST: usize = 4;

const LENGTH: &str = "\r\nContent-Length: ";

/// The heads that one client has written. They hold what the script has written, so placeholders at most.
#[pyclass(module = "tegmen._native")]
pub struct Heads {
    /// The type of the client's headers, whose storage is read as it is.
    headers_type: Py<PyType>,
    /// What the client was when they were written.
    client: Vec<Option<Py<PyAny>>>,
    defaults: Vec<Field>,
    /// Where it sends them.
    destination: Option<(Scheme, String, u16)>,
    /// The last that was used comes first.
    kept: Vec<Kept>,
}

struct Kept {
    method: String,
    given: Vec<Field>,
    chunked: Option<Py<PyAny>>,
    kind: Body,
    /// What follows the target of the request, to its end or to the length of the body.
    rest: String,
    /// What follows the length.
    last: Option<String>,
}

/// A header field: under what it is stored, and name and value, which differ from that in headers of `geventhttpclient`.
struct Field {
    key: Py<PyString>,
    stored: Py<PyAny>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    None,
    Empty,
    Some,
}

/// Method, target, body, headers, and whether the body is sent in chunks.
type Request<'py> =
    (Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>, Option<Bound<'py, PyAny>>);

/// A request as the client is about to write it.
struct Asked<'a, 'py> {
    method: &'a str,
    target: &'a str,
    kind: Body,
    body: &'a [u8],
    given: Option<&'a Bound<'py, PyDict>>,
    chunked: Option<&'a Bound<'py, PyAny>>,
}

#[pymethods]
impl Heads {
    /// For a client whose headers are of that type.
    #[new]
    fn new(headers_type: Py<PyType>) -> Self {
        Self { headers_type, client: Vec::new(), defaults: Vec::new(), destination: None, kept: Vec::new() }
    }

    /// The head that the client would write, if it has written one that differs in nothing but target and length of the body:
    /// as text. With a plugin, as it is to be sent, with its values where it carries a placeholder; a request whose body
    /// carries one is left to others.
    ///
    /// # Errors
    /// When a secret in it may not be sent to where the client sends.
    #[pyo3(signature = (client, request, plugin=None))]
    fn again<'py>(
        &mut self,
        client: &Bound<'py, PyAny>,
        request: Request<'py>,
        plugin: Option<&Bound<'py, Plugin>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = client.py();
        if self.kept.is_empty() {
            return Ok(None);
        }
        let Some(asked) = self.asked(&request) else { return Ok(None) };
        let Some(at) = self.kept.iter().position(|kept| kept.is_for(py, &asked)) else { return Ok(None) };
        if !self.is_as_before(client)? {
            return Ok(None);
        }
        let recent = &mut self.kept[..=at];
        recent.rotate_right(1);
        let (Some(kept), Some((scheme, host, port))) = (self.kept.first(), &self.destination) else { return Ok(None) };
        let written = kept.written(&asked);
        let text = PyString::new(py, &written);
        let Some(plugin) = plugin else { return Ok(Some(text.into_any())) };
        let mut plugin = plugin.try_borrow_mut()?;
        if plugin.0.carries(asked.body) {
            return Ok(None);
        }
        let filled = plugin.0.fill_head(*scheme, host, *port, written.as_bytes(), Purpose::Send).map_err(refused)?;
        drop(plugin);
        match filled {
            Some(filled) => Ok(Some(Bound::new(py, Head::new(&text, filled))?.into_any())),
            None => Ok(Some(text.into_any())),
        }
    }

    /// Keeps a head that the client has written, to be sent there: scheme, host and port.
    fn keep<'py>(
        &mut self,
        head: &Bound<'py, PyAny>,
        destination: (&str, String, u16),
        client: &Bound<'py, PyAny>,
        request: Request<'py>,
    ) -> PyResult<()> {
        let (Some(asked), Some(scheme)) = (self.asked(&request), Scheme::parse(destination.0)) else { return Ok(()) };
        let destination = Some((scheme, destination.1, destination.2));
        if self.client.is_empty() || self.destination != destination || !self.is_as_before(client)? {
            self.kept.clear();
            let Some(defaults) = self.defaults_of(client)?.as_ref().and_then(fields) else { return Ok(()) };
            self.defaults = defaults;
            self.client = state(client)?.into_iter().map(|value| value.map(Bound::unbind)).collect();
            self.destination = destination;
        }
        let has_own_length = self.defaults.iter().any(Field::is_length);
        let kept = text(head).and_then(|head| Kept::of(head, &asked, has_own_length));
        let Some(kept) = kept else { return Ok(()) };
        self.kept.truncate(MOST - 1);
        self.kept.insert(0, kept);
        Ok(())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.headers_type)?;
        self.client.iter().try_for_each(|value| visit.call(value.as_ref()))?;
        let given = self.kept.iter().flat_map(|kept| &kept.given);
        self.defaults.iter().chain(given).try_for_each(|field| visit.call(&field.stored))
    }

    fn __clear__(&mut self) {
        self.client.clear();
        self.defaults.clear();
        self.kept.clear();
    }
}

impl Heads {
    /// `None` for a request of which nothing is kept: one that the client might refuse, or whose head depends on more.
    fn asked<'a, 'py>(&self, request: &'a Request<'py>) -> Option<Asked<'a, 'py>> {
        let (method, target, body, headers, chunked) = request;
        let (method, target) = (text(method)?, text(target)?);
        // In origin form, without a byte that some version of the client does not let through.
        let is_plain =
            target.starts_with('/') && !target.starts_with("//") && target.bytes().all(|b| b.is_ascii_graphic());
        let (kind, body) = match body.cast_exact::<PyBytes>().map(PyBytesMethods::as_bytes) {
            Ok(bytes) => (if bytes.is_empty() { Body::Empty } else { Body::Some }, bytes),
            Err(_) if body.is_none() => (Body::None, &[][..]),
            Err(_) => return None,
        };
        let given = if headers.is_none() { None } else { Some(self.stored(headers)?) };
        is_plain.then_some(Asked { method, target, kind, body, given, chunked: chunked.as_ref() })
    }

    /// Headers whose storage says all about them.
    fn stored<'a, 'py>(&self, headers: &'a Bound<'py, PyAny>) -> Option<&'a Bound<'py, PyDict>> {
        let is_known =
            headers.is_exact_instance_of::<PyDict>() || headers.get_type().is(self.headers_type.bind(headers.py()));
        if is_known { headers.cast::<PyDict>().ok() } else { None }
    }

    fn defaults_of<'py>(&self, client: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let defaults = client.getattr(pyo3::intern!(client.py(), "default_headers"))?;
        Ok(self.stored(&defaults).cloned())
    }

    /// Whether the client is what it was when the heads were written.
    fn is_as_before(&self, client: &Bound<'_, PyAny>) -> PyResult<bool> {
        let py = client.py();
        let Some(defaults) = self.defaults_of(client)? else { return Ok(false) };
        if !are_same(py, &self.defaults, Some(&defaults)) {
            return Ok(false);
        }
        let now = state(client)?;
        Ok(now.iter().zip(&self.client).all(|(now, before)| is_same_object(now.as_ref(), before.as_ref())))
    }
}

/// What a client's way to write a head depends on, apart from its arguments and its default headers.
fn state<'py>(client: &Bound<'py, PyAny>) -> PyResult<[Option<Bound<'py, PyAny>>; 8]> {
    let py = client.py();
    Ok([
        client.getattr_opt(pyo3::intern!(py, "version"))?,
        client.getattr_opt(pyo3::intern!(py, "host"))?,
        client.getattr_opt(pyo3::intern!(py, "port"))?,
        client.getattr_opt(pyo3::intern!(py, "use_proxy"))?,
        client.getattr_opt(pyo3::intern!(py, "ssl"))?,
        client.getattr_opt(pyo3::intern!(py, "_proxy_credentials"))?,
        client.getattr_opt(pyo3::intern!(py, "_base_url_string"))?,
        client.getattr_opt(pyo3::intern!(py, "headers_type"))?,
    ])
}

impl Field {
    fn is_length(&self) -> bool {
        Python::attach(|py| self.key.bind(py).to_str().is_ok_and(|key| key.eq_ignore_ascii_case("content-length")))
    }
}

impl Kept {
    /// `None` where the target or the length of the body does not stand in the head as it would be put in again.
    fn of(head: &str, asked: &Asked<'_, '_>, has_own_length: bool) -> Option<Self> {
        let rest = head.strip_prefix(asked.method)?.strip_prefix(' ')?.strip_prefix(asked.target)?;
        // Sent as it is written: what is not ASCII is encoded on its way.
        if !rest.starts_with(" HTTP/") || !head.is_ascii() {
            return None;
        }
        let given = asked.given.map_or_else(|| Some(Vec::new()), fields)?;
        let (rest, last) = match asked.kind {
            Body::Some => {
                // One that the script has written stays what it is.
                if has_own_length || given.iter().any(Field::is_length) {
                    return None;
                }
                let (rest, length) = rest.rsplit_once(LENGTH)?;
                let last =
                    length.strip_prefix(&asked.body.len().to_string()).filter(|last| last.starts_with("\r\n"))?;
                (format!("{rest}{LENGTH}"), Some(last.to_owned()))
            }
            Body::None | Body::Empty => (rest.to_owned(), None),
        };
        let chunked = asked.chunked.map(|chunked| chunked.clone().unbind());
        Some(Self { method: asked.method.to_owned(), given, chunked, kind: asked.kind, rest, last })
    }

    fn is_for(&self, py: Python<'_>, asked: &Asked<'_, '_>) -> bool {
        is_same_object(asked.chunked, self.chunked.as_ref())
            && self.kind == asked.kind
            && self.method == asked.method
            && are_same(py, &self.given, asked.given)
    }

    fn written(&self, asked: &Asked<'_, '_>) -> String {
        let Self { rest, last, .. } = self;
        let mut head = String::with_capacity(
            asked.method.len() + asked.target.len() + rest.len() + last.as_ref().map_or(0, String::len) + 24,
        );
        for piece in [asked.method, " ", asked.target, rest] {
            head.push_str(piece);
        }
        if let Some(last) = last {
            head.push_str(&asked.body.len().to_string());
            head.push_str(last);
        }
        head
    }
}

/// The text of a `str`, and of nothing that only behaves like one.
fn text<'a>(object: &'a Bound<'_, PyAny>) -> Option<&'a str> {
    object.cast_exact::<PyString>().ok()?.to_str().ok()
}

/// The fields in the storage of headers. `None` where one is anything but text.
fn fields(stored: &Bound<'_, PyDict>) -> Option<Vec<Field>> {
    let field = |(key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>)| {
        let is_text = |object: &Bound<'_, PyAny>| text(object).is_some();
        let is_pair =
            || value.cast_exact::<PyTuple>().is_ok_and(|pair| pair.len() == 2 && pair.iter().all(|one| is_text(&one)));
        if !is_text(&key) || !(is_text(&value) || is_pair()) {
            return None;
        }
        Some(Field { key: key.cast_into::<PyString>().ok()?.unbind(), stored: value.unbind() })
    };
    stored.iter().map(field).collect()
}

/// Whether it is the very same object, or none as before.
fn is_same_object(now: Option<&Bound<'_, PyAny>>, before: Option<&Py<PyAny>>) -> bool {
    match (now, before) {
        (Some(now), Some(before)) => now.is(before),
        (now, before) => now.is_none() && before.is_none(),
    }
}

/// Whether the storage holds these fields, in this order.
fn are_same(py: Python<'_>, fields: &[Field], stored: Option<&Bound<'_, PyDict>>) -> bool {
    let Some(stored) = stored else { return fields.is_empty() };
    stored.len() == fields.len()
        && stored.iter().zip(fields).all(|((key, value), field)| {
            is_same_text(&key, field.key.bind(py)) && is_same_value(&value, field.stored.bind(py))
        })
}

fn is_same_value(value: &Bound<'_, PyAny>, before: &Bound<'_, PyAny>) -> bool {
    if value.is(before) {
        return true;
    }
    match (value.cast_exact::<PyTuple>(), before.cast_exact::<PyTuple>()) {
        (Ok(pair), Ok(before)) => {
            pair.len() == before.len()
                && pair.iter_borrowed().zip(before.iter_borrowed()).all(|(one, before)| is_same_text(&one, &before))
        }
        _ => is_same_text(value, before),
    }
}

fn is_same_text(one: &Bound<'_, PyAny>, other: &Bound<'_, PyAny>) -> bool {
    one.is(other) || matches!((text(one), text(other)), (Some(one), Some(other)) if one == other)
}
