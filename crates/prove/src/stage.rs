//! What goes along in the Python processes of the test: a directory for PYTHONPATH, and the plan in a variable.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use serde::Serialize;
use serde_json::Value;

/// The variable with the plan.
pub const VARIABLE: &str = "TEGMEN_STAGE";

/// Its files: what Python runs when it begins, and what that is made of.
const CODE: [(&str, &str); 11] = [
    ("sitecustomize.py", include_str!("stage/sitecustomize.py")),
    ("_tegmen_stage/__init__.py", include_str!("stage/_tegmen_stage/__init__.py")),
    ("_tegmen_stage/events.py", include_str!("stage/_tegmen_stage/events.py")),
    ("_tegmen_stage/gate.py", include_str!("stage/_tegmen_stage/gate.py")),
    ("_tegmen_stage/lines.py", include_str!("stage/_tegmen_stage/lines.py")),
    ("_tegmen_stage/network.py", include_str!("stage/_tegmen_stage/network.py")),
    ("_tegmen_stage/places.py", include_str!("stage/_tegmen_stage/places.py")),
    ("_tegmen_stage/plain.py", include_str!("stage/_tegmen_stage/plain.py")),
    ("_tegmen_stage/said.py", include_str!("stage/_tegmen_stage/said.py")),
    ("_tegmen_stage/switches.py", include_str!("stage/_tegmen_stage/switches.py")),
    ("_tegmen_stage/tasks.py", include_str!("stage/_tegmen_stage/tasks.py")),
];

/// A test that lets its secret out everywhere.
pub const LEAKY: &str = include_str!("leaky.py");
/// A test that is clean under protection, and under nothing less.
pub const CAREFUL: &str = include_str!("careful.py");

/// What the code in the test's processes is to do.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// The socket of the gate.
    pub gate: String,
    /// The certificate of the authority.
    pub authority: PathBuf,
    /// The directory of the project: lines outside it are nobody's.
    pub project: PathBuf,
    /// Options of Locust, as its parser calls them, that are set whatever the command line says.
    pub options: BTreeMap<&'static str, Value>,
    /// The most users at a time, for tests that bring their own shape.
    pub users: u32,
    /// The longest time, in seconds, for those.
    pub seconds: u32,
    /// Whether it is told which lines ran.
    pub lines: bool,
    /// Whether names and connections have to be led to the target in the process, since the world cannot do it.
    pub led: bool,
    /// Sockets in the place of those of the system's logs, where these cannot be covered.
    pub logs: BTreeMap<String, PathBuf>,
    /// Whether the test runs without protection, so that `secret()` and `protect()` give plain strings.
    pub plain: bool,
    /// Protections that are switched off, for the self-test. They are known here only: the package has no such switch.
    pub off: Vec<&'static str>,
    /// A file with the records of pools, for a test without protection.
    pub pools: Option<PathBuf>,
    /// The longest wait between two tasks, in seconds.
    pub wait: f64,
}

/// Writes the code into a directory, which is for PYTHONPATH.
///
/// # Errors
/// When it cannot be written.
pub fn write(directory: &Path) -> io::Result<()> {
    std::fs::create_dir_all(directory.join("_tegmen_stage"))?;
    CODE.iter().try_for_each(|(file, text)| std::fs::write(directory.join(file), text))
}
