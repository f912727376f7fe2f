//! Sensitive variables of this and of other processes, sensitive words on command lines and in histories. What is read is
//! looked at and dropped: names and lines remain.

use std::{
    io::Read as _,
    os::unix::ffi::OsStrExt,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use tegmen_classify::{find_tokens, find_url_credentials, is_dummy, is_sensitive_name, is_sensitive_variable};

use super::files;
use crate::facts::{Environment, Fact, History, Neighbour};

/// A command line or environment is read up to here, in bytes.
const LONGEST: u64 = 1 << 20;
/// A history is read from its end, so many bytes.
const HISTORY: u64 = 4 << 20;

pub(super) fn gather() -> Environment {
    // Under `tegmen run` these hold placeholders.
    let placeholders = std::env::var("TEGMEN_VARIABLES").unwrap_or_default();
    let is_placeholder = |name: &str| placeholders.split(',').any(|known| known == name);
    let mut sensitive: Vec<String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, value)| is_filled(name, &value.to_string_lossy()) && !is_placeholder(name))
        .map(|(name, _)| name)
        .collect();
    sensitive.sort();
    let preload = ["LD_PRELOAD", "LD_AUDIT", "PYTHONSTARTUP", "PYTHONINSPECT", "PYTHONBREAKPOINT"]
        .into_iter()
        .filter(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
        .map(str::to_owned)
        .collect();
    Environment {
        sensitive,
        preload,
        neighbours: Fact::read("/proc", neighbours()),
        histories: histories(),
        history_off: std::env::var_os("HISTFILE").is_some_and(|file| file.is_empty() || file == "/dev/null"),
    }
}

/// Whether a variable holds something that is sensitive. What is empty, or stands for a value, is not.
fn is_filled(name: &str, value: &str) -> bool {
    !value.is_empty() && is_sensitive_variable(name, value) && !is_dummy(value) && !names_a_file(value)
}

/// Paths and sockets are no secrets themselves.
fn names_a_file(value: &str) -> bool {
    value.starts_with('/') || value.starts_with("unix:")
}

fn neighbours() -> std::io::Result<Vec<Neighbour>> {
    let (own, uid) = (std::process::id(), tegmen_sys::peer::effective_uid());
    if !Path::new("/proc/self/environ").exists() {
        return Err(std::io::Error::new(std::io::ErrorKind::NotFound, "no processes are in it"));
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        if pid == own || entry.metadata().map_or(true, |known| known.uid() != uid) {
            continue;
        }
        let read = |name: &str| -> Option<Vec<u8>> {
            let mut bytes = Vec::new();
            std::fs::File::open(entry.path().join(name)).ok()?.take(LONGEST).read_to_end(&mut bytes).ok()?;
            Some(bytes)
        };
        let environment = read("environ").unwrap_or_default();
        // What `tegmen run` has started holds placeholders.
        if environment.split(|byte| *byte == 0).any(|variable| variable.starts_with(b"TEGMEN_CHANNEL=")) {
            continue;
        }
        let variables = variables(&environment);
        let options = read("cmdline").map_or_else(Vec::new, |bytes| options(&bytes));
        if variables.is_empty() && options.is_empty() {
            continue;
        }
        let name = read("comm").map_or_else(String::new, |bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
        found.push(Neighbour { pid, name, variables, options });
    }
    found.sort_by_key(|neighbour| neighbour.pid);
    Ok(found)
}

/// The names of the sensitive variables in an environment.
fn variables(bytes: &[u8]) -> Vec<String> {
    let mut names: Vec<String> = bytes
        .split(|byte| *byte == 0)
        .filter_map(|variable| std::str::from_utf8(variable).ok()?.split_once('='))
        .filter(|(name, value)| is_filled(name, value))
        .map(|(name, _)| name.to_owned())
        .collect();
    names.sort();
    names.dedup();
    names
}

/// The options of a command line behind which something sensitive stands.
fn options(bytes: &[u8]) -> Vec<String> {
    let words: Vec<&str> = bytes.split(|byte| *byte == 0).filter_map(|word| std::str::from_utf8(word).ok()).collect();
    sensitive_words(&words)
}

/// Of the words of a command: the names of options with a sensitive value, of assignments of one, and what else looks like
/// one. Never the value.
pub(super) fn sensitive_words(words: &[&str]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut add = |what: String| {
        if !found.contains(&what) {
            found.push(what);
        }
    };
    for (at, word) in words.iter().enumerate() {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (*word, words.get(at + 1).copied().filter(|next| word.starts_with('-') && !next.starts_with('-'))),
        };
        let is_name =
            name.len() < 60 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        let plain = name.trim_start_matches('-');
        let is_sensitive = plain.len() > 2 && is_sensitive_name(plain) && value.is_some_and(is_a_value);
        let are_users = name == "--config-users" && value.is_some_and(|value| value.contains('{'));
        if is_name && (is_sensitive || are_users) {
            add(name.to_owned());
        } else if !find_tokens(word).is_empty() {
            add("a token".to_owned());
        } else if find_url_credentials(word).is_some_and(|found| is_a_value(&word[found.password])) {
            add("a URL with credentials".to_owned());
        }
    }
    found
}

/// Where Tegmen takes a secret from: `--secret API_KEY=file:key`.
const SOURCES: &[&str] = &["env:", "dotenv:", "file:", "store:", "exec:", "vault:", "vault-dynamic:", "secretspec:"];

/// Not empty, no reference to a variable, no path, no source, nothing that stands for a value.
fn is_a_value(value: &str) -> bool {
    let value = value.trim_matches(['"', '\'']);
    let source = value.split_once('=').map_or(value, |(_, source)| source);
    value.len() > 3
        && !SOURCES.iter().any(|begin| source.starts_with(begin))
        && !value.starts_with('$')
        && !value.starts_with("<")
        && !value.starts_with("@")
        && !value.contains("$(")
        && !names_a_file(value)
        && !["true", "false", "none", "null"].contains(&value.to_ascii_lowercase().as_str())
        && !is_dummy(value)
}

fn histories() -> Fact<Vec<History>> {
    let Some(home) = std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute()) else {
        return Fact::unknown("HOME does not say where the histories of shells are");
    };
    let mut paths: Vec<PathBuf> = [
        ".bash_history",
        ".zsh_history",
        ".histfile",
        ".local/share/fish/fish_history",
        ".python_history",
        ".psql_history",
        ".mysql_history",
    ]
    .map(|name| home.join(name))
    .into();
    let named = std::env::var_os("HISTFILE").map(PathBuf::from).filter(|file| file.is_absolute());
    paths.extend(named.filter(|file| file != Path::new("/dev/null")));
    paths.sort();
    paths.dedup();
    Fact::known(paths.iter().filter_map(|path| history(path)).collect())
}

/// `None` where there is no such file. One of which that cannot be known is one of which nothing is known.
fn history(path: &Path) -> Option<History> {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    let name = path.display().to_string();
    match std::fs::metadata(path) {
        Ok(known) if !known.is_file() => None,
        Err(error) if matches!(error.kind(), NotFound | NotADirectory) => None,
        Err(error) => {
            let reason = format!("{name} cannot be read: {error}");
            Some(History { lines: Fact::unknown(&reason), is_readable_by_others: Fact::unknown(reason), path: name })
        }
        Ok(_) => Some(History {
            lines: Fact::read(&name, read_end(path)).map(|(first, text)| lines(first, &text)),
            is_readable_by_others: files::standing(path).map(|standing| standing.is_readable_by_others()),
            path: name,
        }),
    }
}

/// The end of a file, and the number of its first line as far as that is known (1 for a whole file).
fn read_end(path: &Path) -> std::io::Result<(u32, String)> {
    use std::io::Seek as _;
    let mut file = std::fs::File::open(path)?;
    let length = file.metadata()?.len();
    let mut before = 0;
    if length > HISTORY {
        // Lines of the beginning are counted, not looked at.
        let mut rest = (&mut file).take(length - HISTORY);
        let mut piece = [0; 1 << 16];
        loop {
            let read = rest.read(&mut piece)?;
            if read == 0 {
                break;
            }
            before += piece[..read].iter().filter(|byte| **byte == b'\n').count() as u32;
        }
        file.seek(std::io::SeekFrom::Start(length - HISTORY))?;
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok((before + 1, String::from_utf8_lossy(&bytes).into_owned()))
}

fn lines(first: u32, text: &str) -> Vec<u32> {
    let numbered = (first..).zip(text.lines());
    numbered.filter(|(_, line)| holds_a_secret(line)).map(|(number, _)| number).collect()
}

fn holds_a_secret(line: &str) -> bool {
    // zsh puts time and duration before the command, fish a key.
    let line = line.strip_prefix("- cmd: ").unwrap_or(line);
    let line = if line.starts_with(": ") { line.split_once(';').map_or(line, |(_, command)| command) } else { line };
    let words: Vec<&str> = line.split_whitespace().map(|word| word.trim_matches(['"', '\''])).collect();
    !sensitive_words(&words).is_empty()
}

/// A process of this user, for those who look for Locust.
pub(super) struct Running {
    pub(super) pid: u32,
    /// The words of its command line.
    pub(super) words: Vec<String>,
    /// Where it works; `None` where that cannot be told.
    pub(super) directory: Option<PathBuf>,
}

/// The processes of this user.
pub(super) fn running() -> Vec<Running> {
    let uid = tegmen_sys::peer::effective_uid();
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        if entry.metadata().map_or(true, |known| known.uid() != uid) {
            continue;
        }
        let Ok(bytes) = std::fs::read(entry.path().join("cmdline")) else { continue };
        let words = bytes.split(|byte| *byte == 0).map(|word| std::ffi::OsStr::from_bytes(word).to_string_lossy());
        let words = words.map(std::borrow::Cow::into_owned).filter(|word| !word.is_empty()).collect();
        found.push(Running { pid, words, directory: std::fs::read_link(entry.path().join("cwd")).ok() });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sensitive_in_a_history_is_found_by_its_line() {
        let value = ["hK8d2", "pLw9Qz"].concat();
        let text = format!(
            "ls\nexport API_KEY={value}\nexport API_KEY=$(pass show api)\n: 1700000000:0;curl --token {value} x\n\
             locust --headless --password-file /run/p\necho token\nexport TOKEN=\n"
        );
        assert_eq!(lines(1, &text), [2, 4]);
        assert_eq!(lines(101, &text), [102, 104]);
    }

    #[test]
    fn words_of_commands_are_named_without_their_values() {
        let value = ["Zx7", "kQ93mmv"].concat();
        let url = ["https://user:", &value, "@shop.example.com"].concat();
        let words = [
            "locust",
            "--api-key",
            &value,
            "--host",
            &url,
            "--users",
            "5",
            "--config-users",
            "{\"user_class_name\": 1}",
        ];
        let found = sensitive_words(&words);
        assert_eq!(found, ["--api-key", "a URL with credentials", "--config-users"]);
        assert!(!format!("{found:?}").contains(&value));
        assert!(sensitive_words(&["tegmen", "run", "--secret", "API_KEY=env:API_KEY", "--", "locust"]).is_empty());
    }

    #[test]
    fn names_of_variables_are_kept_and_nothing_else() {
        let value = ["q0W", "ert98Tz"].concat();
        let bytes = format!("PATH=/bin\0API_TOKEN={value}\0SSH_AUTH_SOCK=/run/x\0DB_PASSWORD=\0EMPTY_TOKEN=changeme\0");
        assert_eq!(variables(bytes.as_bytes()), ["API_TOKEN"]);
    }
}
