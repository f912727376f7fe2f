//! What files say to Locust: its options on command lines, in `locust.conf`, in `pyproject.toml` and in the environment.

use std::ops::Range;

use tegmen_syntax::Span;

use super::shell::Word;

/// Options that matter here, as they are called on the command line. All others are told from custom arguments by [`OPTIONS`].
#[rustfmt::skip]
const OPTIONS: &[&str] = &[
    "locustfile", "config", "host", "users", "spawn-rate", "hatch-rate", "clients", "run-time", "list", "config-users", "web-host", "web-port", "headless", "no-web", "autostart", "autoquit", "web-auth", "web-login",
    "tls-cert", "tls-key", "class-picker", "web-base-path", "master", "master-bind-host", "master-bind-port", "expect-workers", "expect-slaves", "expect-workers-max-wait", "enable-rebalancing", "worker", "slave",
    "processes", "master-host", "master-port", "tags", "exclude-tags", "csv", "csv-full-history", "print-stats", "only-summary", "reset-stats", "html", "html-file", "json", "json-file", "skip-log-setup", "skip-log", "loglevel", "logfile",
    "show-task-ratio", "show-task-ratio-json", "exit-code-on-error", "stop-timeout", "equal-weights", "stats-history", "profile", "otel", "web-login-path", "build-path",
];

/// A setting of Locust.
#[derive(Debug)]
pub struct Setting {
    /// Its name as on the command line, without dashes: `web-host`.
    pub name: String,
    /// What it is set to. May be a secret: never shown.
    pub value: String,
    /// Where the value stands.
    pub span: Span,
    /// Whether a variable goes into the value.
    pub expands: bool,
}

impl Setting {
    /// A setting by its name in a file or in the environment.
    pub fn new(name: &str, value: &str, span: &Range<usize>) -> Self {
        Self {
            name: option(name),
            value: value.to_owned(),
            span: Span::new(span.start as u32, span.end as u32),
            expands: value.contains('$') || value.contains("{{"),
        }
    }
}

impl Setting {
    /// Whether it turns something on: a flag, or any value but "false".
    pub fn is_on(&self) -> bool {
        !matches!(self.value.to_lowercase().as_str(), "false" | "0" | "no" | "off" | "none")
    }
}

/// The name of an option, however it is written: `LOCUST_WEB_HOST`, `web_host`, `--web-host`.
fn option(name: &str) -> String {
    let name = name.trim_start_matches('-');
    let name = name.strip_prefix("LOCUST_").unwrap_or(name).to_lowercase().replace('_', "-");
    match name.as_str() {
        "mode-master" => "master".to_owned(),
        "mode-worker" => "worker".to_owned(),
        _ => name,
    }
}

/// Whether a name in `locust.conf` is one of Locust's own.
pub fn is_option(name: &str) -> bool {
    OPTIONS.contains(&option(name).as_str())
}

/// Whether a variable of the environment is one of Locust's own.
pub fn is_variable(name: &str) -> bool {
    name.starts_with("LOCUST_") && is_option(name)
}

/// A call of Locust.
#[derive(Debug)]
pub struct Command {
    /// The options that it is given.
    pub options: Vec<Setting>,
}

impl Command {
    /// The places in it.
    pub fn spans(&mut self) -> impl Iterator<Item = &mut Span> {
        self.options.iter_mut().map(|option| &mut option.span)
    }

    /// The files that it hands to Locust.
    pub fn locustfiles(&self) -> Vec<String> {
        let files = self.options.iter().filter(|option| option.name == "locustfile");
        files.flat_map(|option| option.value.split(',').map(|name| name.trim().to_owned())).collect()
    }
}

/// The call of Locust in the words of a command, or in the arguments of a container that runs it.
pub fn command(text: &str, words: &[&Word]) -> Option<Command> {
    let is_locust = |word: &&Word| {
        let name = word.text.rsplit('/').next().unwrap_or_default();
        let name = name.split([':', '@']).next().unwrap_or_default();
        name == "locust" || word.text.contains("locustio/locust")
    };
    let start = match words.iter().position(is_locust) {
        Some(at) => at + 1,
        None => {
            let own = words.iter().filter(|word| {
                word.text.strip_prefix("--").is_some_and(|name| {
                    let name = name.split('=').next().unwrap_or_default();
                    matches!(
                        name,
                        "master" | "worker" | "headless" | "slave" | "no-web" | "locustfile" | "class-picker"
                    ) || name.starts_with("web-")
                        || name.starts_with("master-")
                        || name.starts_with("expect-")
                })
            });
            if own.count() == 0 || !text.contains("locust") {
                return None;
            }
            0
        }
    };
    let mut options = Vec::new();
    let words = &words[start..];
    for (at, word) in words.iter().enumerate().filter(|(_, word)| word.text.starts_with('-')) {
        let (name, value, span, expands) = match word.text.split_once('=') {
            Some((name, value)) => {
                (name, value, word.assigned.clone().unwrap_or_else(|| word.span.clone()), word.expands)
            }
            None => match words.get(at + 1).filter(|next| !next.text.starts_with('-')) {
                Some(next) => (word.text.as_str(), next.text.as_str(), next.span.clone(), next.expands),
                None => (word.text.as_str(), "", word.span.clone(), false),
            },
        };
        let name = match name {
            "-f" => "locustfile",
            "-H" => "host",
            name if name.starts_with("--") => name,
            _ => continue,
        };
        options.push(Setting { expands, ..Setting::new(name, value, &span) });
    }
    Some(Command { options })
}
