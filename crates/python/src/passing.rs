//! What the hooks ask of every request, every answer and every event, in one call each.

use std::borrow::Cow;

use pyo3::{
    prelude::*,
    types::{PyByteArray, PyDict, PyList, PyString, PyTuple},
};
use tegmen_plugin::Texts;

use crate::{
    plugin::{Plugin, broker_error},
    request,
};

/// Nothing that is secret stands in a request.
const NOTHING: u8 = 0;
/// A token that the target has issued does.
const ISSUED: u8 = 1;
/// A placeholder does, or what may hide one.
const PLACEHOLDER: u8 = 2;

/// The head of an answer holds a value or a placeholder.
const REFLECTS: u8 = 1;
/// There are hosts whose answers are sealed.
const SEALS: u8 = 2;
/// The body may give out credentials.
const GIVES_OUT: u8 = 4;
/// The body has a content encoding.
const PACKED: u8 = 8;

/// Content types in which servers hand out credentials. None at all is looked at too.
const TYPES: [&str; 5] = ["json", "javascript", "x-www-form-urlencoded", "text/plain", "text/html"];

/// What stands in the parts of a request: 0 nothing, 1 a token that the target has issued, 2 a placeholder or what may
/// hide one.
#[pyfunction]
#[pyo3(signature = (plugin, *parts))]
pub fn carried(plugin: &Bound<'_, Plugin>, parts: &Bound<'_, PyTuple>) -> PyResult<u8> {
    let has_issued = plugin.try_borrow()?.0.has_issued();
    let mut most = NOTHING;
    for part in parts.iter_borrowed() {
        if request::may_carry(plugin, &part)? {
            return Ok(PLACEHOLDER);
        }
        if has_issued && most == NOTHING && request::may_carry_issued(plugin, &part)? {
            most = ISSUED;
        }
    }
    Ok(most)
}

/// What is to be done about the head of an answer, as a sum: 1 it holds a value, 2 there are hosts whose answers are
/// sealed, 4 its body may give out credentials, 8 it has a content encoding. `fields` are the headers of `email.message`
/// or of `geventhttpclient`, as they are stored; those of the former have been searched before, only the reason was not.
/// With `carried`, which is for the answer to a request that carried something secret, the redactors learn the cookies.
#[pyfunction]
pub fn answered(
    plugin: &Bound<'_, Plugin>,
    fields: &Bound<'_, PyAny>,
    reason: Option<&Bound<'_, PyAny>>,
    carried: bool,
) -> PyResult<u8> {
    let mut head = Head {
        texts: Texts::new(),
        is_searched: true,
        carried,
        cookies: Vec::new(),
        gives_out: true,
        is_packed: false,
    };
    if let Some(reason) = reason.and_then(|reason| reason.cast::<PyString>().ok()) {
        head.texts.add(&[&latin_1(reason)?]);
    }
    if let Ok(stored) = fields.cast::<PyDict>() {
        head.is_searched = false;
        for (_, line) in stored {
            if let Ok(pair) = line.cast::<PyTuple>() {
                head.add(pair)?;
            } else if let Ok(lines) = line.cast::<PyList>() {
                head.add_all(lines)?;
            }
        }
    } else if carried && let Ok(lines) = fields.cast::<PyList>() {
        head.add_all(lines)?;
    }
    let Head { texts, cookies, gives_out, is_packed, .. } = head;
    let mut plugin = plugin.try_borrow_mut()?;
    let client = &mut plugin.0;
    let mut flags = 0;
    if client.knows(texts).map_err(broker_error)? {
        flags |= REFLECTS;
    }
    if client.seals_any().map_err(broker_error)? {
        flags |= SEALS;
    }
    if carried {
        flags |= if gives_out { GIVES_OUT } else { 0 } | if is_packed { PACKED } else { 0 };
        if !cookies.is_empty() {
            let cookies: Vec<&str> = cookies.iter().map(String::as_str).collect();
            client.learn_answer(b"", &cookies).map_err(broker_error)?;
        }
    }
    Ok(flags)
}

/// The same of an answer of `geventhttpclient`. If its body is there, and nothing else is to be done about it, the
/// redactors know what it gives out by then: 4 is not in the sum.
#[pyfunction]
pub fn answered_gevent(plugin: &Bound<'_, Plugin>, response: &Bound<'_, PyAny>, carried: bool) -> PyResult<u8> {
    let py = plugin.py();
    let fields = response.getattr(pyo3::intern!(py, "_headers_index"))?;
    let reason = response.getattr(pyo3::intern!(py, "status_message"))?;
    let flags = answered(plugin, &fields, Some(&reason), carried)?;
    if flags & (GIVES_OUT | SEALS | PACKED) != GIVES_OUT
        || !response.getattr(pyo3::intern!(py, "message_complete"))?.is_truthy()?
    {
        return Ok(flags);
    }
    let body = response.getattr(pyo3::intern!(py, "_body_buffer"))?;
    let Ok(body) = body.cast::<PyByteArray>() else { return Ok(flags) };
    plugin.try_borrow_mut()?.0.learn_answer(&body.to_vec(), &[]).map_err(broker_error)?;
    Ok(flags & !GIVES_OUT)
}

/// The head of an answer, as it is gone through.
struct Head {
    texts: Texts,
    is_searched: bool,
    carried: bool,
    cookies: Vec<String>,
    gives_out: bool,
    is_packed: bool,
}

impl Head {
    fn add_all(&mut self, lines: &Bound<'_, PyList>) -> PyResult<()> {
        for line in lines.iter() {
            if let Ok(pair) = line.cast::<PyTuple>() {
                self.add(pair)?;
            }
        }
        Ok(())
    }

    /// A header field: its name and its value. Anything else is none.
    fn add(&mut self, pair: &Bound<'_, PyTuple>) -> PyResult<()> {
        let (Ok(name), Ok(value)) = (pair.get_borrowed_item(0), pair.get_borrowed_item(1)) else { return Ok(()) };
        let (Ok(name), Ok(value)) = (name.cast::<PyString>(), value.cast::<PyString>()) else { return Ok(()) };
        if !self.is_searched {
            self.texts.add(&[&latin_1(&name)?, b": ", &latin_1(&value)?]);
        }
        if !self.carried {
            return Ok(());
        }
        let name = name.to_str().unwrap_or_default();
        if name.eq_ignore_ascii_case("set-cookie") {
            self.cookies.push(value.to_str().unwrap_or_default().to_owned());
        } else if name.eq_ignore_ascii_case("content-encoding") {
            self.is_packed = true;
        } else if name.eq_ignore_ascii_case("content-type") {
            let kind = value.to_str().unwrap_or_default().to_ascii_lowercase();
            self.gives_out = kind.is_empty() || TYPES.iter().any(|known| kind.contains(known));
        }
        Ok(())
    }
}

/// The bytes of text that came as ISO 8859-1.
fn latin_1<'a>(text: &'a Bound<'_, PyString>) -> PyResult<Cow<'a, [u8]>> {
    match text.to_str() {
        Ok(ascii) if ascii.is_ascii() => Ok(Cow::Borrowed(ascii.as_bytes())),
        Ok(wide) => Ok(Cow::Owned(wide.chars().map(|letter| u8::try_from(letter).unwrap_or(b'?')).collect())),
        Err(_) => Ok(Cow::Owned(Vec::new())),
    }
}

/// Whether what an event tells of a request needs no second look: nothing went wrong, there is no context, and neither
/// a value nor a placeholder stands in its names and its URL.
#[pyfunction]
pub fn is_plain_event(plugin: &Bound<'_, Plugin>, arguments: &Bound<'_, PyDict>) -> PyResult<bool> {
    let py = plugin.py();
    if arguments.get_item(pyo3::intern!(py, "exception"))?.is_some_and(|exception| !exception.is_none()) {
        return Ok(false);
    }
    if let Some(context) = arguments.get_item(pyo3::intern!(py, "context"))? {
        let is_empty = context.is_none() || context.cast::<PyDict>().is_ok_and(|context| context.is_empty());
        if !is_empty {
            return Ok(false);
        }
    }
    let mut texts = Texts::new();
    for name in [pyo3::intern!(py, "request_type"), pyo3::intern!(py, "name"), pyo3::intern!(py, "url")] {
        let Some(text) = arguments.get_item(name)? else { continue };
        match text.cast::<PyString>().map(|text| text.to_str().map(str::as_bytes)) {
            Ok(Ok(bytes)) => texts.add(&[bytes]),
            // No text, which is passed on as it is; or none that is Unicode.
            Ok(Err(_)) => return Ok(false),
            Err(_) => {}
        }
    }
    Ok(!plugin.try_borrow_mut()?.0.knows(texts).map_err(broker_error)?)
}
