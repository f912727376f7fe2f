//! What the plugin does with answers and pools.

use pyo3::{
    IntoPyObjectExt,
    prelude::*,
    types::{PyBytes, PyTuple},
};
use tegmen_plugin::{Answer, LentKind, Question};

use crate::{
    origin,
    plugin::{Plugin, broker_error},
};

/// Takes values out of the body of one answer.
#[pyclass(module = "tegmen._native")]
pub struct Sealer(tegmen_plugin::Sealer);

#[pymethods]
impl Sealer {
    /// The next bytes; gives what is decided.
    fn push<'py>(&mut self, py: Python<'py>, data: &[u8]) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.push(data))
    }

    /// The rest.
    fn finish<'py>(&mut self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.finish())
    }
}

/// Lets the redactors know the credentials in the body of an answer and in its `Set-Cookie` lines. How many were new.
#[pyfunction]
pub fn learn_answer(mut plugin: PyRefMut<'_, Plugin>, body: &[u8], cookies: Vec<String>) -> PyResult<usize> {
    let cookies: Vec<&str> = cookies.iter().map(String::as_str).collect();
    plugin.0.learn_answer(body, &cookies).map_err(broker_error)
}

/// Whether answers from there are sealed.
#[pyfunction]
pub fn seals(mut plugin: PyRefMut<'_, Plugin>, scheme: &str, host: &str, port: u16) -> PyResult<bool> {
    plugin.0.seals(origin::scheme(scheme), host, port).map_err(broker_error)
}

/// What the body of one answer goes through.
#[pyfunction]
pub fn sealer(mut plugin: PyRefMut<'_, Plugin>) -> PyResult<Sealer> {
    plugin.0.sealer().map(Sealer).map_err(broker_error)
}

/// Takes the credentials in the body of an answer from there into protection.
#[pyfunction]
pub fn seal_tokens(mut plugin: PyRefMut<'_, Plugin>, body: &[u8], scheme: &str, host: &str, port: u16) -> PyResult<()> {
    plugin.0.seal_tokens(body, origin::scheme(scheme), host, port).map_err(broker_error)
}

/// Asks for a record of a pool (`checkout`, `again`), or what there is to know of it (`describe`): the number of the question, and the descriptor
/// that can be read when there is an answer.
#[pyfunction]
pub fn ask_pool(mut plugin: PyRefMut<'_, Plugin>, pool: &str, question: &str) -> PyResult<(u64, i32)> {
    let question = match question {
        "describe" => Question::Describe,
        "again" => Question::CheckoutAgain,
        _ => Question::Checkout,
    };
    plugin.0.ask_pool(pool, question).map_err(broker_error)
}

/// The answer to the question; None when it is not there yet.
#[pyfunction]
pub fn pool_answer<'py>(
    mut plugin: PyRefMut<'_, Plugin>,
    py: Python<'py>,
    question: u64,
    pool: &str,
) -> PyResult<Option<Bound<'py, PyTuple>>> {
    let Some(answer) = plugin.0.pool_answer(question, pool).map_err(broker_error)? else { return Ok(None) };
    let items = match answer {
        Answer::Record { record, fields, shared } => {
            let kind = |kind| match kind {
                LentKind::Text => "text",
                LentKind::Json => "json",
                LentKind::Secret => "secret",
            };
            let field = |field: tegmen_plugin::Field| (field.name, kind(field.kind), field.text, field.label);
            let fields: Vec<_> = fields.into_iter().map(field).collect();
            ("record", record, fields, shared).into_bound_py_any(py)?
        }
        Answer::Empty { size, waits, limit } => {
            let seconds = limit.map(|limit| limit as f64 / 1000.0);
            ("empty", size, waits, seconds).into_bound_py_any(py)?
        }
        Answer::Size(size) => ("size", size).into_bound_py_any(py)?,
        Answer::Unknown(pools) => ("unknown", pools).into_bound_py_any(py)?,
        Answer::Failed(reason) => ("failed", reason).into_bound_py_any(py)?,
    };
    Ok(Some(items.cast_into::<PyTuple>()?))
}

/// Gives a record back, with the placeholders of its secret fields.
#[pyfunction]
pub fn give_back(mut plugin: PyRefMut<'_, Plugin>, pool: &str, record: u32, placeholders: Vec<String>) {
    plugin.0.give_back(pool, record, &placeholders);
}
