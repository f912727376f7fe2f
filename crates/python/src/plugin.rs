//! [`Plugin`]: the process's view of the broker: the shared memory, and what it knows from it.

use std::sync::Arc;

use pyo3::{
    create_exception,
    exceptions::{PyRuntimeError, PyValueError},
    prelude::*,
    types::{PyBytes, PyDict, PyString, PyTuple},
};
use tegmen_plugin::{CHANNELS, Client, ClientError, Entry, FilledHead, Origin, Purpose, Scheme};

use crate::{
    origin::{self, origin},
    request,
};

create_exception!(_native, BrokerError, PyRuntimeError, "The broker did not give its secrets to this process.");

pub fn broker_error(error: ClientError) -> PyErr {
    BrokerError::new_err(error.to_string())
}

/// A secret's name, its variables, its placeholder, and whether Python code is to read the value.
type Description = (String, Vec<String>, String, bool);

/// The connection of this process to the broker.
#[pyclass(module = "tegmen._native")]
pub struct Plugin(pub(crate) Client);

#[pymethods]
impl Plugin {
    /// Asks the broker at the address, as the environment has it, for its secrets. From then on no other process of the same user can
    /// look into this one.
    #[new]
    fn new(address: &str) -> PyResult<Self> {
        Client::connect(address, env!("CARGO_PKG_VERSION")).map(Self).map_err(broker_error)
    }

    /// For each secret its name, its variables, its placeholder and whether Python code is to read the value.
    fn secrets(&mut self) -> PyResult<Vec<Description>> {
        let described = |entry: &Entry| {
            let binding = &entry.binding;
            (binding.name.clone(), binding.env.clone(), entry.placeholder.clone(), binding.reveal)
        };
        Ok(self.0.entries().map_err(broker_error)?.map(described).collect())
    }

    /// The names of the secrets that are served as files, with the number of the descriptor of each.
    fn files(&self) -> Vec<(String, i32)> {
        self.0.files()
    }

    /// The placeholder of the secret of that name, or of that environment variable.
    fn placeholder(&mut self, name: &str) -> PyResult<Option<String>> {
        self.0.placeholder(name).map_err(broker_error)
    }

    /// The value of the secret with that placeholder or of that name, as UTF-8; None when there is no such secret.
    fn reveal<'py>(&mut self, py: Python<'py>, name: &str) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let value = self.0.reveal(name).map_err(broker_error)?;
        Ok(value.map(|value| PyBytes::new(py, &value)))
    }

    /// Takes a value that was born in the test into protection, and gives its placeholder.
    fn protect(&mut self, name: &str, value: String) -> PyResult<String> {
        self.0.protect(name, value).map_err(broker_error)
    }

    /// Lets the redactor know a value that gets no placeholder.
    fn learn(&mut self, name: &str, value: String) -> PyResult<()> {
        self.0.learn(name, value).map_err(broker_error)
    }

    /// Tells the broker that Locust is running here.
    fn ready(&mut self, locust: String) -> PyResult<()> {
        self.0.ready(locust).map_err(broker_error)
    }

    /// To be called in a forked child: its placeholders get numbers of their own.
    fn forked(&mut self) -> PyResult<()> {
        self.0.forked().map_err(broker_error)
    }

    /// Adds an origin that the test was started against. False when the URL is none, or is plain http to elsewhere.
    fn add_target(&mut self, url: &str) -> bool {
        match target(url) {
            Some(origin) => {
                self.0.add_target(origin);
                true
            }
            None => false,
        }
    }

    /// Makes an origin the test's own target in every process of the run, where the run has none yet. False as above.
    fn pin_target(&mut self, url: &str) -> PyResult<bool> {
        match target(url) {
            Some(origin) => self.0.pin_target(origin).map(|()| true).map_err(broker_error),
            None => Ok(false),
        }
    }

    /// What the run knows of its secrets, as JSON.
    fn overview(&mut self) -> PyResult<String> {
        self.0.overview().map_err(broker_error)
    }

    /// Says that a request which was filled has not left, because nothing could be connected to.
    fn unsent(&mut self, names: Vec<String>, scheme: &str, host: &str, port: u16) {
        self.0.unsent(&origin(scheme, host, port), &names);
    }

    /// Counts a request that was refused by Python code.
    fn refused(&mut self, name: &str, to: &str, why: &str) {
        self.0.refused(name, to, why);
    }

    /// The origins that the test was started against.
    fn targets(&self) -> Vec<String> {
        self.0.targets().iter().map(ToString::to_string).collect()
    }

    /// The names of the secrets whose placeholder, or a part of it, stands in the text or the bytes.
    fn names_in(&mut self, data: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
        let data = request::Text::of(data)?;
        self.0.names_in(data.bytes()).map_err(broker_error)
    }

    /// Whether a placeholder of this run stands in the text or the bytes.
    fn carries(&self, data: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(self.0.carries(request::Text::of(data)?.bytes()))
    }

    /// Whether no placeholder can stand in any of the parts of a request, nor a content encoding that could hide one.
    /// Quick: this is asked for every request.
    #[pyo3(signature = (part, second=None, third=None, fourth=None, /))]
    fn is_clear(
        slf: &Bound<'_, Self>,
        part: &Bound<'_, PyAny>,
        second: Option<&Bound<'_, PyAny>>,
        third: Option<&Bound<'_, PyAny>>,
        fourth: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<bool> {
        for part in [Some(part), second, third, fourth].into_iter().flatten() {
            if request::may_carry(slf, part)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether some secret may go over a connection that does not verify where it leads.
    fn allows_unverified(&mut self) -> PyResult<bool> {
        self.0.allows_unverified().map_err(broker_error)
    }

    /// The text with `[NAME]` in the place of every placeholder and every value; None when it holds none. With the name
    /// of a channel, what was found is counted for the summary of the run.
    #[pyo3(signature = (text, channel=None))]
    fn redact<'py>(
        &mut self,
        text: &Bound<'py, PyString>,
        channel: Option<&str>,
    ) -> PyResult<Option<Bound<'py, PyString>>> {
        let channel = known_channel(channel)?;
        redacted(text, |bytes| self.0.redact(bytes, channel).map_err(broker_error))
    }

    /// As `redact`, for a text that quotes others and may have cut them: pieces of values go too.
    #[pyo3(signature = (text, channel=None))]
    fn redact_cut<'py>(
        &mut self,
        text: &Bound<'py, PyString>,
        channel: Option<&str>,
    ) -> PyResult<Option<Bound<'py, PyString>>> {
        let channel = known_channel(channel)?;
        redacted(text, |bytes| self.0.redact_cut(bytes, channel).map_err(broker_error))
    }

    /// The fields in the head of a response, a line each, with placeholders where values stand. None when nothing does.
    fn reflected<'py>(&mut self, py: Python<'py>, head: &[u8]) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let cleaned = self.0.reflected(head).map_err(broker_error)?;
        Ok(cleaned.map(|head| PyBytes::new(py, &head)))
    }

    /// Tells the broker what was masked, sent and refused since the last time.
    fn tell_counts(&mut self) {
        self.0.tell_counts();
    }

    fn __repr__(&self) -> &'static str {
        "<tegmen plugin>"
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(pyo3::exceptions::PyTypeError::new_err("the plugin cannot be pickled"))
    }

    /// Fills a request. None when it carries no placeholder; else the target, the header values by their index, the body
    /// (each None when unchanged), the names of the secrets and whether all of them allow an unverified connection. With
    /// `look`, only to see whether it may be sent: it is not counted.
    #[pyo3(signature = (scheme, host, port, target, headers, body, look=false))]
    #[allow(clippy::too_many_arguments, reason = "the parts of a request as the clients have them")]
    fn fill<'py>(
        slf: &Bound<'py, Self>,
        scheme: &str,
        host: &str,
        port: u16,
        target: &Bound<'py, PyAny>,
        headers: &Bound<'py, PyAny>,
        body: Option<&Bound<'py, PyAny>>,
        look: bool,
    ) -> PyResult<Option<request::FilledParts<'py>>> {
        let may_carry = request::may_carry(slf, target)?
            || request::may_carry(slf, headers)?
            || body.map_or(Ok(false), |body| request::may_carry(slf, body))?
            || slf.try_borrow()?.0.carries(host.as_bytes());
        if !may_carry {
            return Ok(None);
        }
        // Everything that may run Python code comes before the plugin is borrowed.
        let parts = request::Parts::new(target, headers, body)?;
        let mut plugin = slf.try_borrow_mut()?;
        let origin = origin(scheme, host, port);
        let filled = parts.with_request(&origin, |request| plugin.0.fill(request, purpose(look)));
        drop(plugin);
        request::filled(slf.py(), filled)
    }

    /// Fills the head of a request, as it goes out. None when it carries no placeholder; else what is to be sent, the
    /// names of the secrets and whether all of them allow an unverified connection. `look` as for `fill`.
    #[pyo3(signature = (scheme, host, port, head, look=false))]
    fn fill_head<'py>(
        slf: &Bound<'py, Self>,
        scheme: &str,
        host: &str,
        port: u16,
        head: &Bound<'py, PyAny>,
        look: bool,
    ) -> PyResult<Option<request::FilledHeadParts<'py>>> {
        let py = slf.py();
        let filled = head_filled(slf, (scheme, host, port), head, purpose(look))?;
        Ok(filled.map(|filled| (PyBytes::new(py, &filled.bytes), filled.secrets.to_vec(), filled.tls_unverified)))
    }

    /// As `fill_head`, where the connection is verified or need not be: the head, which says what the script has written
    /// and encodes to what goes over the wire. None when it carries no placeholder.
    fn head<'py>(
        slf: &Bound<'py, Self>,
        scheme: &str,
        host: &str,
        port: u16,
        head: &Bound<'py, PyString>,
    ) -> PyResult<Option<Head>> {
        let filled = head_filled(slf, (scheme, host, port), head, Purpose::Send)?;
        Ok(filled.map(|filled| Head::new(head, filled)))
    }
}

/// The origin of a URL that a test may be started against: over TLS, or on this machine.
fn target(url: &str) -> Option<Origin> {
    Origin::of_url(url).filter(|origin| origin.scheme == Scheme::Https || origin.is_loopback())
}

fn purpose(look: bool) -> Purpose {
    if look { Purpose::Look } else { Purpose::Send }
}

/// The channel of that name.
fn known_channel(name: Option<&str>) -> PyResult<Option<&'static str>> {
    let Some(name) = name else { return Ok(None) };
    match CHANNELS.into_iter().find(|known| *known == name) {
        Some(channel) => Ok(Some(channel)),
        None => Err(PyValueError::new_err(format!("there is no channel {name}; there are {}", CHANNELS.join(", ")))),
    }
}

fn head_filled(
    plugin: &Bound<'_, Plugin>,
    (scheme, host, port): (&str, &str, u16),
    head: &Bound<'_, PyAny>,
    purpose: Purpose,
) -> PyResult<Option<FilledHead>> {
    // This may run Python code, and so comes before the plugin is borrowed.
    let head = request::latin_1(head)?;
    let scheme = origin::scheme(scheme);
    plugin.try_borrow_mut()?.0.fill_head(scheme, host, port, head.bytes(), purpose).map_err(request::refused)
}

/// The head of a request with values.
#[pyclass(module = "tegmen._native", frozen)]
pub struct Head {
    /// As the script has it.
    #[pyo3(get)]
    written: Py<PyString>,
    sent: Py<PyBytes>,
    secrets: Arc<[String]>,
}

impl Head {
    pub fn new(written: &Bound<'_, PyString>, filled: FilledHead) -> Self {
        let sent = PyBytes::new(written.py(), &filled.bytes).unbind();
        Self { written: written.clone().unbind(), sent, secrets: filled.secrets }
    }
}

#[pymethods]
impl Head {
    /// The names of the secrets in it.
    #[getter]
    fn secrets(&self) -> Vec<String> {
        self.secrets.to_vec()
    }

    /// What goes over the wire.
    #[pyo3(signature = (*_args, **_options))]
    fn encode(&self, py: Python<'_>, _args: &Bound<'_, PyTuple>, _options: Option<&Bound<'_, PyDict>>) -> Py<PyBytes> {
        self.sent.clone_ref(py)
    }

    fn __str__(&self, py: Python<'_>) -> Py<PyString> {
        self.written.clone_ref(py)
    }

    fn __repr__(&self) -> &'static str {
        "<the head of a request>"
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(pyo3::exceptions::PyTypeError::new_err("the head of a request cannot be pickled"))
    }
}

/// Text through a function on its bytes. Text that is not Unicode, which Python makes of file names and of broken answers,
/// goes through as the bytes it came from.
pub fn redacted<'py>(
    text: &Bound<'py, PyString>,
    redact: impl FnOnce(&[u8]) -> PyResult<Option<Vec<u8>>>,
) -> PyResult<Option<Bound<'py, PyString>>> {
    let py = text.py();
    if let Ok(unicode) = text.to_str() {
        let bytes = redact(unicode.as_bytes())?;
        // A value that is not UTF-8 can have matched across the bytes of a character.
        return Ok(bytes.map(|bytes| PyString::new(py, &String::from_utf8_lossy(&bytes))));
    }
    for errors in ["surrogateescape", "surrogatepass"] {
        let Ok(bytes) = text.call_method1("encode", ("utf-8", errors)) else { continue };
        let bytes = bytes.cast_into::<PyBytes>()?;
        let Some(bytes) = redact(bytes.as_bytes())? else { return Ok(None) };
        let text = PyBytes::new(py, &bytes).call_method1("decode", ("utf-8", errors))?;
        return Ok(Some(text.cast_into::<PyString>()?));
    }
    Ok(None)
}
