//! The vocabulary of `tegmen prove`: what was shown of which secret in which channel. Plain data; written to
//! `.tegmen/prove.json`, and read from there by reports. It holds no value and no canary.
//!
//! The file is one [`Proof`] as JSON. `format` is [`FORMAT`]; a reader that knows another one must not guess.

use serde::{Deserialize, Serialize};

/// The version of this format.
pub const FORMAT: u32 = 1;

/// Ways out of a load test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// Locust's log file.
    Log,
    /// Statistics, failures and exceptions as CSV.
    Csv,
    /// Locust's HTML report.
    Html,
    /// Statistics as JSON.
    Json,
    /// Every page, endpoint and asset of the web UI.
    WebUi,
    /// Messages between workers and master.
    Messages,
    /// Files that the test wrote, in the project and in the temporary directories.
    Files,
    /// Compiled scripts.
    Bytecode,
    /// Hosts that the secret is not bound to, and whatever is no HTTP.
    OtherHosts,
    /// Places of a request in which the manifest does not allow it, at a host that it is bound to.
    OtherPlaces,
    /// `/proc/PID/environ`, to another process of the same user.
    Environ,
    /// Command lines of processes.
    CommandLine,
    /// The memory of the test's processes, to another process of the same user.
    Memory,
    /// A core dump.
    CoreDump,
    /// The system's log: syslog and journald.
    SystemLog,
    /// Traces and metrics to a collector of OpenTelemetry.
    Telemetry,
}

impl Channel {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 18] = [
        Self::Stdout,
        Self::Stderr,
        Self::Log,
        Self::Csv,
        Self::Html,
        Self::Json,
        Self::WebUi,
        Self::Messages,
        Self::Files,
        Self::Bytecode,
        Self::OtherHosts,
        Self::OtherPlaces,
        Self::Environ,
        Self::CommandLine,
        Self::Memory,
        Self::CoreDump,
        Self::SystemLog,
        Self::Telemetry,
    ];

    /// What it is called in tables.
    pub fn title(self) -> &'static str {
        match self {
            Self::Stdout => "standard output",
            Self::Stderr => "standard error",
            Self::Log => "log file",
            Self::Csv => "CSV files",
            Self::Html => "HTML report",
            Self::Json => "JSON statistics",
            Self::WebUi => "web UI",
            Self::Messages => "ZMQ, workers and master",
            Self::Files => "files written",
            Self::Bytecode => "compiled scripts",
            Self::OtherHosts => "other hosts",
            Self::OtherPlaces => "other places of a request",
            Self::Environ => "/proc/PID/environ",
            Self::CommandLine => "/proc/PID/cmdline",
            Self::Memory => "memory, seen from outside",
            Self::CoreDump => "core dump",
            Self::SystemLog => "syslog and journald",
            Self::Telemetry => "OpenTelemetry",
        }
    }
}

/// Whether the test ran with Tegmen's protection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protection {
    /// As under `tegmen run`.
    #[default]
    On,
    /// As without Tegmen.
    Off,
}

/// What was shown of a secret in a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// The channel was looked at while the secret was in use, and nothing of it was there.
    Clean,
    /// It, or at least eight bytes of it, came out.
    Leaked,
    /// Nothing was shown: the channel was not used, or the secret was not.
    NotExercised,
}

/// A place in the code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spot {
    /// The file, relative to the project.
    pub path: String,
    /// The line, from 1.
    pub line: u32,
}

impl std::fmt::Display for Spot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.path, self.line)
    }
}

/// A leak.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leak {
    /// Through which channel.
    pub channel: Channel,
    /// Of which secret.
    pub secret: String,
    /// How often it was found.
    pub count: u64,
    /// Whether all of it was there, and not only a piece.
    pub is_whole: bool,
    /// Where in the channel: a file, a page, a host.
    pub source: String,
    /// What stood there, the secret replaced by its name.
    pub sample: String,
    /// Where the script lets it out, where that is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub spot: Option<Spot>,
    /// Further lines that put it into the same channel.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub further: Vec<Spot>,
    /// What to do.
    pub repair: String,
}

/// A place of a host at which a secret arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// As `hosts` of the manifest has it.
    pub host: String,
    /// As `places` of the manifest has it; `elsewhere` where the manifest has no word for it.
    pub place: String,
    /// In how many requests.
    pub count: u64,
}

/// What was shown of a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretProof {
    /// Its name.
    pub name: String,
    /// Where it is from: `manifest`, `environment`, `script` (a variable that a script reads), `literal` (it is written in a
    /// file), or `target` for what the target issued in the test.
    pub origin: String,
    /// Where it arrived, of the hosts that it is bound to.
    pub arrivals: Vec<Arrival>,
    /// Places that the manifest allows and in which it did not arrive.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub places_not_seen: Vec<String>,
    /// Requests that would have carried it and were refused: where to, and why.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub refused: Vec<Refusal>,
    /// How many whole copies of it one of the test's processes had in its own memory at most, which no other process of
    /// the user can read. `None`: that was not looked at.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub own_memory: Option<u64>,
    /// Why nothing can be shown of it, if that is so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unprovable: Option<String>,
}

/// Requests that Tegmen refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Where they were to go.
    pub to: String,
    /// Why not.
    pub why: String,
    /// How many.
    pub count: u64,
}

/// Which lines of a file ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileCoverage {
    /// The file, relative to the project.
    pub path: String,
    /// How many of its lines can run.
    pub lines: u32,
    /// How many did.
    pub ran: u32,
    /// Those that did not: the first and the last line of each group.
    pub missed: Vec<(u32, u32)>,
}

/// A protection that Tegmen promises and that was not there, as seen from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lapse {
    /// What is missing: one of [`lapse`].
    pub protection: String,
    /// How that was seen.
    pub seen: String,
}

/// The protections of which it can be seen from outside whether they are there.
pub mod lapse {
    /// What the test executes can gain no privileges.
    pub const PRIVILEGES: &str = "no_new_privs";
    /// No core dump is written.
    pub const CORE: &str = "the limit on core dumps";
    /// What the test writes is for its user alone.
    pub const MODES: &str = "the mask of modes of new files";
    /// The web UI answers its own page, and no other origin.
    pub const WEB_ORIGIN: &str = "the web UI's refusal of other origins";
}

/// What was shown of a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelProof {
    /// Which.
    pub channel: Channel,
    /// How many bytes of it were searched.
    pub bytes: u64,
    /// Why it was not exercised, if that is so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub not_exercised: Option<String>,
    /// What else there is to say, such as that it was closed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub note: Option<String>,
    /// For each secret, in their order.
    pub states: Vec<State>,
}

/// What of the scripts ran.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Tasks that ran.
    pub ran: Vec<String>,
    /// Tasks that did not.
    pub not_run: Vec<String>,
    /// How many requests the target got.
    pub requests: u64,
    /// The ways in which it was hostile, and how often.
    pub ways: Vec<(String, u64)>,
    /// The lines of the scripts, file by file. Empty where Python did not say.
    #[serde(default)]
    pub files: Vec<FileCoverage>,
}

/// One run of `tegmen prove`, with or without protection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// [`FORMAT`].
    pub format: u32,
    /// Tegmen's version.
    pub tegmen: String,
    /// When it began, in seconds since 1970 (UTC).
    pub began: u64,
    /// How long it took, in seconds.
    pub seconds: u64,
    /// With or without.
    pub protection: Protection,
    /// What kept it from every network: `network namespace` or `Landlock`; for a run against the real target with the origins
    /// that it was open to.
    pub isolation: String,
    /// The secrets.
    pub secrets: Vec<SecretProof>,
    /// The channels.
    pub channels: Vec<ChannelProof>,
    /// What came out.
    pub leaks: Vec<Leak>,
    /// Which protections were missing.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub lapses: Vec<Lapse>,
    /// What ran.
    pub coverage: Coverage,
    /// What the person should know of this proof.
    pub remarks: Vec<String>,
}

impl Leak {
    /// The lines of the script that let it out, as far as they are known, with commas.
    pub fn places(&self) -> String {
        self.spot.iter().chain(&self.further).map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
}

impl Proof {
    /// Whether nothing leaked, and every protection was there.
    pub fn is_clean(&self) -> bool {
        self.leaks.is_empty() && self.lapses.is_empty()
    }

    /// The secrets that the test has from outside, as opposed to what the target issued.
    pub fn own_secrets(&self) -> impl Iterator<Item = &SecretProof> {
        self.secrets.iter().filter(|secret| secret.origin != "target")
    }

    /// Whether nothing is shown, although nothing leaked: no request was made, no task ran, or no secret arrived and that is
    /// because requests were refused.
    pub fn is_idle(&self) -> bool {
        let has_arrived = self.own_secrets().any(|secret| !secret.arrivals.is_empty());
        let was_refused = self.own_secrets().any(|secret| !secret.refused.is_empty());
        let none_ran = self.coverage.ran.is_empty() && !self.coverage.not_run.is_empty();
        self.is_clean() && (self.coverage.requests == 0 || none_ran || was_refused && !has_arrived)
    }

    /// The channel of that kind.
    pub fn channel(&self, channel: Channel) -> Option<&ChannelProof> {
        self.channels.iter().find(|known| known.channel == channel)
    }
}
