//! [`WorkerLink`] and [`MasterLink`]: what passes between Locust's processes, sealed. The key stays in here.

use pyo3::{prelude::*, types::PyBytes};
use tegmen_plugin::cluster::{ClusterError, ClusterKey, Master, Received, Worker};

use crate::plugin::{BrokerError, Plugin, broker_error};

/// The message for Locust, the frames to send back, a word for what happened.
type Heard<'py> = (Option<Bound<'py, PyBytes>>, Vec<Bound<'py, PyBytes>>, Option<&'static str>);

fn heard(py: Python<'_>, received: Received) -> Heard<'_> {
    let bytes = |bytes: &Vec<u8>| PyBytes::new(py, bytes);
    let replies = received.replies.iter().map(bytes).collect();
    (received.message.as_ref().map(bytes), replies, received.note.map(|note| note.word()))
}

fn key(py: Python<'_>, plugin: &Py<Plugin>) -> PyResult<ClusterKey> {
    plugin.try_borrow_mut(py)?.0.cluster_key().map_err(broker_error)
}

fn failed(error: ClusterError) -> PyErr {
    BrokerError::new_err(error.to_string())
}

/// A worker's end of its connection to the master.
#[pyclass(module = "tegmen._native")]
pub struct WorkerLink {
    plugin: Py<Plugin>,
    worker: Worker,
}

#[pymethods]
impl WorkerLink {
    /// For the worker of that name, which is the identity of its socket.
    #[new]
    fn new(plugin: Py<Plugin>, node: &str) -> Self {
        Self { plugin, worker: Worker::new(node.as_bytes()) }
    }

    /// A message for the master: the frames to send now.
    fn send<'py>(&mut self, py: Python<'py>, message: &[u8]) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        let frames = self.worker.send(&key(py, &self.plugin)?, message).map_err(failed)?;
        Ok(frames.iter().map(|frame| PyBytes::new(py, frame)).collect())
    }

    /// A frame from the master: the message in it, the frames to send back, and a word for what happened.
    fn receive<'py>(&mut self, py: Python<'py>, frame: &[u8]) -> PyResult<Heard<'py>> {
        let received = self.worker.receive(&key(py, &self.plugin)?, frame).map_err(failed)?;
        Ok(heard(py, received))
    }

    /// How messages travel: "sealed", "open" or "unknown".
    #[getter]
    fn way(&self) -> String {
        self.worker.way().to_string()
    }
}

/// A master's end of its connections to workers.
#[pyclass(module = "tegmen._native")]
pub struct MasterLink {
    plugin: Py<Plugin>,
    master: Master,
}

#[pymethods]
impl MasterLink {
    /// For a master.
    #[new]
    fn new(plugin: Py<Plugin>) -> Self {
        Self { plugin, master: Master::new() }
    }

    /// A message for a worker: the frame to send; None when it was not let in.
    fn send<'py>(&mut self, py: Python<'py>, node: &[u8], message: &[u8]) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let frame = self.master.send(node, message).map_err(failed)?;
        Ok(frame.map(|frame| PyBytes::new(py, &frame)))
    }

    /// A frame from a worker of that name, or from somebody who says so: the message in it, the frames to send back, and a
    /// word for what happened.
    fn receive<'py>(&mut self, py: Python<'py>, node: &[u8], frame: &[u8]) -> PyResult<Heard<'py>> {
        let received = self.master.receive(&key(py, &self.plugin)?, node, frame).map_err(failed)?;
        Ok(heard(py, received))
    }

    /// How messages to that worker travel: "sealed", "open" or "unknown".
    fn way(&self, node: &[u8]) -> String {
        self.master.way(node).to_string()
    }
}
