//! `tegmen._native`: the native part of the Python package. Conversions only; the work is done in `wire` and `redact`.

mod answers;
mod cluster;
mod heads;
mod origin;
mod passing;
mod plugin;
mod redactor;
mod request;
mod signing;

use pyo3::prelude::*;

#[pymodule]
mod _native {
    #[pymodule_export]
    use super::answers::{Sealer, ask_pool, give_back, learn_answer, pool_answer, seal_tokens, sealer, seals};
    #[pymodule_export]
    use super::cluster::{MasterLink, WorkerLink};
    #[pymodule_export]
    use super::heads::Heads;
    #[pymodule_export]
    use super::passing::{answered, answered_gevent, carried, is_plain_event};
    #[pymodule_export]
    use super::plugin::{BrokerError, Head, Plugin};
    #[pymodule_export]
    use super::redactor::Redactor;
    #[pymodule_export]
    use super::request::SecretRefused;
    #[pymodule_export]
    use super::signing::{aws, digest, hmac, jwt};

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        // For the hooks, which pass over what need not be asked about.
        module.add("SHORTEST_ANSWER", tegmen_plugin::SHORTEST_ANSWER)?;
        module.add("LONGEST_ANSWER", tegmen_plugin::LONGEST_ANSWER)?;
        module.add("SHORTEST_PIECE", tegmen_plugin::SHORTEST_PIECE)
    }

    /// Whether a variable holds what is sensitive: its name says so, or the value is a URL with credentials.
    #[pyfunction]
    fn is_sensitive(name: &str, value: &str) -> bool {
        tegmen_plugin::is_sensitive_variable(name, value)
    }
}
