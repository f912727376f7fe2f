//! What Locust's own options say: files that it reads and writes, ports, the target. They stand on the command line, in the
//! environment and in `locust.conf`, in this order.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use super::{Request, variable};

/// Where a test may connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The host, as written.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Target {
    /// Whether it is this machine, by loopback.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let address: Option<std::net::IpAddr> = self.host.parse().ok();
        address.map_or(self.host == "localhost", |address| address.is_loopback())
    }

    /// `HOST:PORT`, or a URL, whose scheme then says the port.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.contains("://") {
            origin(text)
        } else {
            origin(&format!("https://{text}")).filter(|_| text.contains(':'))
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// What the options say about the network.
#[derive(Debug, Clone, Default)]
pub struct Ports {
    /// The targets of the test.
    pub targets: Vec<Target>,
    /// Other ports to connect to: the master's, that of a proxy.
    pub connect: BTreeSet<u16>,
    /// Ports to listen on.
    pub listen: BTreeSet<u16>,
    /// What those ports belong to, where it is outside: the master, a proxy.
    pub others: Vec<Target>,
    /// Where it is listened for what comes from outside: web page and master.
    pub doors: Vec<Target>,
}

/// A file, or several that begin alike.
pub(super) struct Output {
    pub(super) path: PathBuf,
    pub(super) suffixes: &'static [&'static str],
}

/// This machine, for itself.
const LOOPBACK: &str = "127.0.0.1";

/// The options that name outputs, and the files that each makes.
const OUTPUTS: &[(&str, &[&str])] = &[
    ("html", &[""]),
    ("json-file", &[".json"]),
    ("logfile", &[""]),
    ("csv", &["_stats.csv", "_stats_history.csv", "_failures.csv", "_exceptions.csv"]),
];

/// The value of an option. `Some("")` for one that stands alone.
fn option(request: &Request, name: &str, short: &str) -> Option<String> {
    let in_environment = || {
        let name = format!("LOCUST_{}", name.to_ascii_uppercase().replace('-', "_"));
        variable(&request.environment, &name).map(|value| value.to_string_lossy().into_owned())
    };
    given(request, name, short).or_else(in_environment).or_else(|| configured(request, name))
}

/// The same on the command line alone.
fn given(request: &Request, name: &str, short: &str) -> Option<String> {
    let long = format!("--{name}");
    let words: Vec<String> = request.command.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    words.iter().enumerate().find_map(|(at, word)| {
        if let Some(value) = word.strip_prefix(&long).and_then(|rest| rest.strip_prefix('=')) {
            return Some(value.to_owned());
        }
        if *word == long || (!short.is_empty() && word == short) {
            return Some(words.get(at + 1).filter(|next| !next.starts_with('-')).cloned().unwrap_or_default());
        }
        // `-Hhttps://…`, as argparse takes it.
        let glued = word.strip_prefix(short).filter(|_| !short.is_empty() && !word.starts_with("--"));
        glued.map(str::to_owned)
    })
}

/// The value in `locust.conf`, or in `[tool.locust]` of pyproject.toml.
fn configured(request: &Request, name: &str) -> Option<String> {
    // The environment does not name it.
    let file = given(request, "config", "").filter(|file| !file.is_empty());
    let text = std::fs::read_to_string(request.directory.join(file.as_deref().unwrap_or("locust.conf"))).ok();
    text.as_deref().and_then(|text| from_lines(text, name)).or_else(|| {
        let text = std::fs::read_to_string(request.directory.join("pyproject.toml")).ok()?;
        let (_, table) = text.split_once("[tool.locust]")?;
        from_lines(table.split("\n[").next()?, name)
    })
}

fn from_lines(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let line = line.trim();
        let end = line.find(['=', ':', ' ', '\t']).unwrap_or(line.len());
        let found = line[..end].trim_start_matches('-').to_ascii_lowercase().replace('_', "-");
        let value = line[end..].trim_start_matches(['=', ':', ' ', '\t']).trim().trim_matches(['"', '\'']);
        (found == name && !line.starts_with(['#', ';'])).then(|| value.to_owned())
    })
}

/// Outputs that are files. `/dev/stdout` and the like are none.
pub(super) fn outputs(request: &Request) -> Vec<Output> {
    OUTPUTS
        .iter()
        .filter_map(|(name, suffixes)| Some((option(request, name, "").filter(|value| !value.is_empty())?, *suffixes)))
        .map(|(value, suffixes)| Output { path: request.directory.join(value), suffixes })
        .filter(|output| !output.path.starts_with("/dev") && !output.path.starts_with("/proc"))
        .collect()
}

/// The files that Locust reads, beside the project: its own settings, locustfiles elsewhere with what lies beside them, and
/// whatever else the command line names that is there.
pub(super) fn inputs(request: &Request, home: Option<&Path>) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = home.iter().map(|home| home.join(".locust.conf")).collect();
    let mut words: Vec<String> =
        request.command.iter().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    words.extend(option(request, "locustfile", "-f"));
    for word in words {
        let value = word.split_once('=').map_or(word.as_str(), |(_, value)| value);
        for part in value.split(',').filter(|part| !part.is_empty() && !part.starts_with('-')) {
            let path = request.directory.join(part);
            // Python takes modules from the folder of the script.
            let folder =
                path.extension().is_some_and(|extension| extension == "py").then(|| path.parent().map(Path::to_owned));
            let is_root = |path: &Path| path.parent().is_none() || home.is_some_and(|home| home.starts_with(path));
            if let Some(folder) = folder.flatten().filter(|folder| folder.is_dir() && !is_root(folder)) {
                found.push(folder);
            }
            if path.is_file() || (path.is_dir() && !is_root(&path)) {
                found.push(path);
            }
        }
    }
    found
}

/// Ports and targets.
pub(super) fn ports(request: &Request) -> Ports {
    let number =
        |name: &str, default: u16| option(request, name, "").and_then(|text| text.parse().ok()).unwrap_or(default);
    let switch = |name: &str| option(request, name, "").is_some_and(|value| !["false", "0"].contains(&value.as_str()));
    let mut ports = Ports::default();
    let processes = option(request, "processes", "").is_some();
    let host = |name: &str| option(request, name, "").filter(|host| !host.is_empty());
    // On this machine unless told otherwise, as the plugin has it.
    let here = || LOOPBACK.to_owned();
    if switch("master") || processes {
        let port = number("master-bind-port", 5557);
        ports.listen.insert(port);
        // Of `--processes` alone the workers are inside, beside their master.
        if switch("master") {
            ports.doors.push(Target { host: host("master-bind-host").unwrap_or_else(here), port });
        }
    }
    if switch("worker") || processes {
        ports.connect.insert(number("master-port", 5557));
        ports.connect.insert(number("master-bind-port", 5557));
        if switch("worker") {
            let host = host("master-host").unwrap_or_else(here);
            ports.others.push(Target { host, port: number("master-port", 5557) });
        }
    }
    if !switch("headless") && (!switch("worker") || processes) {
        let port = number("web-port", 8089);
        ports.listen.insert(port);
        ports.doors.push(Target { host: host("web-host").unwrap_or_else(here), port });
    }
    for name in ["http_proxy", "https_proxy", "all_proxy"] {
        for name in [name.to_owned(), name.to_ascii_uppercase()] {
            let proxy = variable(&request.environment, &name).and_then(|url| origin(&url.to_string_lossy()));
            ports.connect.extend(proxy.as_ref().map(|proxy| proxy.port));
            ports.others.extend(proxy);
        }
    }
    match option(request, "host", "-H").filter(|host| !host.is_empty()) {
        Some(host) => ports.targets.extend(origin(&host)),
        None => ports.targets = written(request),
    }
    ports
}

/// `https://host[:port]/…`
fn origin(url: &str) -> Option<Target> {
    let (scheme, rest) = url.split_once("://")?;
    let usual = match scheme.to_ascii_lowercase().as_str() {
        "https" | "wss" => 443,
        "http" | "ws" => 80,
        _ => return None,
    };
    let authority = rest.split(['/', '?', '#']).next()?.rsplit('@').next()?;
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
    };
    let port = match port {
        Some(port) => port.parse().ok()?,
        None => usual,
    };
    (!host.is_empty()).then(|| Target { host: host.to_owned(), port })
}

/// `host = "https://…"` as a locustfile has it in its classes.
fn written(request: &Request) -> Vec<Target> {
    let named = option(request, "locustfile", "-f").unwrap_or_else(|| "locustfile.py".to_owned());
    let mut files: Vec<PathBuf> = Vec::new();
    for part in named.split(',') {
        let path = request.directory.join(part);
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path());
            files.extend(entries.filter(|path| path.extension().is_some_and(|extension| extension == "py")));
        } else if path.extension().is_none() {
            files.push(path.with_extension("py"));
        } else {
            files.push(path);
        }
    }
    // `locust` is behind something else (make, a shell): the folder's own scripts.
    for word in &request.command {
        let path = request.directory.join(word);
        if path.extension().is_some_and(|extension| extension == "py") {
            files.push(path);
        }
    }
    let mut found: Vec<Target> = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        for line in text.lines() {
            let Some(rest) = line.trim_start().strip_prefix("host") else { continue };
            let Some((_, value)) = rest.split_once('=') else { continue };
            let value = value.trim().trim_start_matches(['f', 'r']).trim_start_matches(['"', '\'']);
            let target = origin(value.split(['"', '\'']).next().unwrap_or_default());
            found.extend(target.filter(|target| !found.contains(target)));
        }
    }
    found
}
