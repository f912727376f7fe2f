//! [`Redactor`]: the redactor for Python, without a broker and without Locust.

use std::collections::BTreeMap;
use std::ffi::CString;

use pyo3::{
    exceptions::{PyTypeError, PyUserWarning, PyValueError},
    prelude::*,
    types::{PyBytes, PyDict, PyString},
};
use tegmen_redact::{Counts, Patterns};
use tegmen_secret::SecretBytes;

use crate::plugin::redacted;

/// Takes values, in any encoding, out of text and streams.
#[pyclass(module = "tegmen._native")]
pub struct Redactor {
    patterns: Patterns,
    /// The stream of `feed`, and what was counted in texts.
    stream: tegmen_redact::Redactor,
    counts: Counts,
}

#[pymethods]
impl Redactor {
    /// A redactor of some values by their names.
    #[new]
    #[pyo3(signature = (secrets=None))]
    fn new(py: Python<'_>, secrets: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        let patterns = Patterns::builder().build();
        let stream = tegmen_redact::Redactor::new(patterns.clone());
        let mut redactor = Self { patterns, stream, counts: Counts::default() };
        if let Some(secrets) = secrets {
            let pairs: Vec<_> = secrets.iter().collect();
            redactor.learn(py, pairs)?;
        }
        Ok(redactor)
    }

    /// Adds a value, also while a stream passes. What was added before stays known.
    fn add(&mut self, py: Python<'_>, name: &Bound<'_, PyString>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.learn(py, vec![(name.clone().into_any(), value.clone())])
    }

    /// The text with `[NAME]` in the place of every value.
    fn redact<'py>(&mut self, text: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let Self { patterns, counts, .. } = self;
        if let Ok(bytes) = text.cast::<PyBytes>() {
            return Ok(match patterns.redact_counted(bytes.as_bytes(), counts) {
                std::borrow::Cow::Borrowed(_) => text.clone(),
                std::borrow::Cow::Owned(redacted) => PyBytes::new(text.py(), &redacted).into_any(),
            });
        }
        let Ok(string) = text.cast::<PyString>() else {
            return Err(PyTypeError::new_err("only str and bytes can be redacted; say str(…) or repr(…) first"));
        };
        let clean = redacted(string, |bytes| {
            Ok(match patterns.redact_counted(bytes, counts) {
                std::borrow::Cow::Borrowed(_) => None,
                std::borrow::Cow::Owned(redacted) => Some(redacted),
            })
        })?;
        Ok(clean.map_or_else(|| text.clone(), Bound::into_any))
    }

    /// The next bytes of a stream: gives what is decided. The beginning of what may become a value is held back.
    fn feed<'py>(&mut self, py: Python<'py>, data: &[u8]) -> Bound<'py, PyBytes> {
        let mut out = Vec::with_capacity(data.len());
        self.stream.push(data, &mut out);
        PyBytes::new(py, &out)
    }

    /// The stream has ended: gives the rest of it. The next `feed` begins another one.
    fn finish<'py>(&mut self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let mut out = Vec::new();
        self.stream.finish(&mut out);
        PyBytes::new(py, &out)
    }

    /// How often each name was written so far, in texts and in streams.
    #[getter]
    fn counts(&self) -> BTreeMap<String, u64> {
        let mut counts = self.stream.counts();
        for (label, count) in self.counts.by_label(&self.patterns) {
            *counts.entry(label).or_default() += count;
        }
        counts
    }

    fn __repr__(&self) -> String {
        format!("<tegmen.Redactor of {} names>", self.patterns.labels().count())
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(PyTypeError::new_err("a redactor cannot be pickled: it holds values"))
    }
}

impl Redactor {
    /// Adds values by their names: all of them, or none.
    fn learn(&mut self, py: Python<'_>, pairs: Vec<(Bound<'_, PyAny>, Bound<'_, PyAny>)>) -> PyResult<()> {
        let mut builder = self.patterns.extend();
        for (name, value) in pairs {
            let name: String = name.extract()?;
            let bytes = match (value.cast::<PyString>(), value.cast::<PyBytes>()) {
                (Ok(text), _) => text.to_str()?.as_bytes().to_vec(),
                (_, Ok(bytes)) => bytes.as_bytes().to_vec(),
                _ => return Err(PyTypeError::new_err(format!("{name}: the value must be str or bytes"))),
            };
            let value = SecretBytes::new(bytes);
            builder.value_or_record(&name, &value).map_err(|refused| PyValueError::new_err(refused.to_string()))?;
        }
        for warning in builder.warnings() {
            let text = CString::new(warning.to_string())?;
            PyErr::warn(py, &py.get_type::<PyUserWarning>(), &text, 1)?;
        }
        self.patterns = builder.build();
        self.stream.set_patterns(self.patterns.clone());
        Ok(())
    }
}
