//! Locust.

use super::Fact;

/// Locust's settings and versions.
#[derive(Debug, Clone, Default)]
pub struct Locust {
    /// The settings of every start that can be seen: configuration files, environment, processes, the command that was asked about.
    pub settings: Vec<Settings>,
    /// The packages of the Python environment that runs Locust.
    pub packages: Fact<Vec<Package>>,
    /// That environment.
    pub python: Fact<String>,
    /// Today, in days since 1970, to tell how old the list of advisories is.
    pub today: u64,
}

/// The settings of one start of Locust, those that matter here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// Where they stand: a file, or a process.
    pub place: String,
    /// Whether this start has no web UI.
    pub headless: bool,
    /// Whether it is a worker.
    pub worker: bool,
    /// Whether it is a master.
    pub master: bool,
    /// `--web-host`, empty where it is not given.
    pub web_host: String,
    /// `--web-login`.
    pub web_login: bool,
    /// `--tls-cert`.
    pub tls: bool,
    /// `--master-bind-host`, empty where it is not given.
    pub bind_host: String,
    /// `--config-users` with a value on a command line.
    pub config_users: bool,
    /// The level of the log.
    pub loglevel: String,
    /// Scheme and host of the target; never more of it.
    pub target: Option<(String, String)>,
    /// Whether its processes were seen running.
    pub is_running: bool,
}

/// An installed package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its normalised name.
    pub name: String,
    /// Its version.
    pub version: String,
}
