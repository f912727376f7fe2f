//! The child's environment: placeholders where values were, nothing that opens the secrets manager.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    os::unix::ffi::{OsStrExt, OsStringExt},
};

use tegmen_broker::{keep::Keep, stand_in::StandIn};
use tegmen_classify::is_sensitive_variable;
use tegmen_sources::{Environment, locust_parses};

use super::shim::Shim;

/// Names the file for the keys of TLS connections, as OpenSSL, NSS and Python have it.
pub const KEY_LOG: &str = "SSLKEYLOGFILE";

/// A value shorter than this is not looked for inside other variables: it would be found everywhere.
const SHORTEST_INSIDE: usize = 6;

/// Set when an unknown version of Locust is allowed.
const ALLOW_LOCUST: &str = "TEGMEN_ALLOW_UNKNOWN_LOCUST";

/// The variables that hold placeholders, with commas between them.
const VARIABLES: &str = "TEGMEN_VARIABLES";

/// The origins that may use the web UI, with blanks between them.
const WEB_ORIGINS: &str = "TEGMEN_WEB_ORIGINS";

pub struct Builder(BTreeMap<OsString, OsString>);

impl Builder {
    pub fn new(environment: &Environment) -> Self {
        Self(environment.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    pub fn set(&mut self, name: &str, value: impl Into<OsString>) {
        self.0.insert(name.into(), value.into());
    }

    /// Takes variables away: what sources were read from, and the credentials for the secrets manager.
    pub fn without(&mut self, names: &BTreeSet<String>) {
        self.0.retain(|name, _| !name.to_str().is_some_and(|name| names.contains(name)));
    }

    /// Puts placeholders in: each secret's own variables, and wherever a value stands inside another variable.
    pub fn protect(&mut self, keep: &Keep) {
        let values = values(keep);
        for variable in self.0.values_mut() {
            for (_, value, placeholder) in &values {
                if memchr::memmem::find(variable.as_bytes(), value).is_some() {
                    *variable = OsString::from_vec(replaced(variable.as_bytes(), value, placeholder.as_bytes()));
                }
            }
        }
        let mut names = Vec::new();
        for (binding, placeholder) in keep.placeholders() {
            for name in &binding.env {
                self.set(name, placeholder);
                names.push(name.as_str());
            }
        }
        self.set(VARIABLES, names.join(","));
    }

    /// What is typed in a shell of the command is not kept.
    pub fn without_history(&mut self) {
        // Empty: no file. (/dev/null would be cut to length, or replaced, by a shell of root.)
        self.set("HISTFILE", "");
        self.set("LESSHISTFILE", "-");
    }

    /// Takes away the variable that has TLS libraries write down the keys of every connection, unless it is kept; whether
    /// it was there. Who has that file and what went over the wire can read it.
    pub fn without_key_log(&mut self, kept: &[String]) -> bool {
        !kept.iter().any(|name| name == KEY_LOG) && self.0.remove(&OsString::from(KEY_LOG)).is_some()
    }

    /// Takes away the variables that look sensitive and stand for no secret, but those in `kept`; gives back their names.
    pub fn take_sensitive(&mut self, keep: &Keep, kept: &[String]) -> Vec<String> {
        let names: Vec<String> = self.sensitive(keep).into_iter().map(str::to_owned).collect();
        let names: Vec<String> = names.into_iter().filter(|name| !kept.contains(name)).collect();
        self.without(&names.iter().cloned().collect());
        names
    }

    /// The variables that look sensitive and stand for no secret.
    fn sensitive(&self, keep: &Keep) -> Vec<&str> {
        let ours = |name: &str| keep.placeholders().any(|(binding, _)| binding.env.iter().any(|known| known == name));
        let variables = self.0.iter().filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)));
        let looks = |(name, value): &(&str, &str)| {
            value.len() >= SHORTEST_INSIDE && is_sensitive_variable(name, value) && !locust_parses(name)
        };
        variables.filter(|variable| looks(variable) && !ours(variable.0)).map(|(name, _)| name).collect()
    }

    /// The command with placeholders where a value stands in it, as after `--key "$API_KEY"`; and the names of those.
    pub fn command(command: &[OsString], keep: &Keep) -> (Vec<OsString>, Vec<String>) {
        let mut names = Vec::new();
        let mut command = command.to_vec();
        for (name, value, placeholder) in values(keep) {
            for word in &mut command {
                if memchr::memmem::find(word.as_bytes(), value).is_some() {
                    *word = OsString::from_vec(replaced(word.as_bytes(), value, placeholder.as_bytes()));
                    names.push(name.to_owned());
                }
            }
        }
        names.dedup();
        (command, names)
    }

    /// Leads scripts that use Vault themselves to what stands in for it, with what stands in for their credentials.
    pub fn stand_in(&mut self, stand_in: &StandIn, credentials: &BTreeSet<String>) {
        let is_set = |name: &str| self.0.contains_key(&OsString::from(name));
        let variants = if is_set("BAO_ADDR") { &["VAULT", "BAO"][..] } else { &["VAULT"] };
        let proxied = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"].into_iter().any(is_set);
        for name in credentials.iter().filter(|name| has_stand_in(name)) {
            self.set(name, stand_in.credential.as_str());
        }
        // They would lead past what stands in.
        for name in ["VAULT_AGENT_ADDR", "BAO_AGENT_ADDR", "VAULT_SRV_LOOKUP", "BAO_SRV_LOOKUP"] {
            self.0.remove(&OsString::from(name));
        }
        for variant in variants {
            self.set(&format!("{variant}_ADDR"), stand_in.address.as_str());
            self.set(&format!("{variant}_TOKEN"), stand_in.credential.as_str());
        }
        if proxied {
            for name in ["no_proxy", "NO_PROXY"] {
                let mut value = self.0.get(&OsString::from(name)).cloned().unwrap_or_default();
                if !value.is_empty() {
                    value.push(",");
                }
                value.push("127.0.0.1");
                self.set(name, value);
            }
        }
    }

    /// What the plugin needs to be found.
    pub fn plugin(&mut self, shim: &Shim, allow_unknown_locust: bool) {
        self.lead_path(shim.directory());
        if allow_unknown_locust {
            self.set(ALLOW_LOCUST, "1");
        }
    }

    /// Tells the plugin which origins may use the web UI besides its own. A variable of that name that is there already
    /// says nothing.
    pub fn web_origins(&mut self, origins: &[String]) {
        self.0.remove(&OsString::from(WEB_ORIGINS));
        if !origins.is_empty() {
            self.set(WEB_ORIGINS, origins.join(" "));
        }
    }

    /// Puts a directory before all others in which Python looks for modules.
    pub fn lead_path(&mut self, directory: &std::path::Path) {
        let mut path = directory.as_os_str().to_owned();
        if let Some(others) = self.0.get(&OsString::from("PYTHONPATH")).filter(|path| !path.is_empty()) {
            path.push(":");
            path.push(others);
        }
        self.set("PYTHONPATH", path);
    }

    pub fn finish(self) -> Vec<(OsString, OsString)> {
        self.0.into_iter().collect()
    }
}

/// The origins of `--web-origin`.
///
/// # Errors
/// When one is none.
pub fn web_origins(texts: &[String]) -> anyhow::Result<Vec<String>> {
    texts.iter().map(|text| web_origin(text)).collect()
}

/// An origin as browsers write it.
fn web_origin(text: &str) -> anyhow::Result<String> {
    let parsed = url::Url::parse(text).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https") && matches!(url.path(), "" | "/") && url.query().is_none()
    });
    match parsed {
        Some(url) => Ok(url.origin().ascii_serialization()),
        None => anyhow::bail!("--web-origin: {text:?} is no origin; write for example https://locust.example.com"),
    }
}

/// Whether a script can be given something else in the place of this credential. What names a file or a service, is a key of
/// TLS, or belongs to the connection has no stand-in: it is not there.
fn has_stand_in(name: &str) -> bool {
    let ends = ["_FILE", "_CLIENT_KEY", "_PATH", "_URL", "_HEADER", "_HEADERS", "_PROXY", "_PROXY_ADDR"];
    !ends.iter().any(|end| name.ends_with(end)) && !name.starts_with("ACTIONS_") && name != "TEGMEN_STORE_KEY"
}

/// Name, value and placeholder of each secret, of those that can be told from other text. The longest first: where one
/// value is a part of another, the other is what stands there.
fn values(keep: &Keep) -> Vec<(&str, &[u8], &str)> {
    let mut values: Vec<(&str, &[u8], &str)> = keep
        .values()
        .zip(keep.placeholders())
        .map(|((name, value), (_, placeholder))| (name, value.expose(), placeholder))
        .filter(|(_, value, _)| value.len() >= SHORTEST_INSIDE)
        .collect();
    values.sort_by_key(|(_, value, _)| std::cmp::Reverse(value.len()));
    values
}

fn replaced(text: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut done = 0;
    for at in memchr::memmem::find_iter(text, old) {
        out.extend_from_slice(&text[done..at]);
        out.extend_from_slice(new);
        done = at + old.len();
    }
    out.extend_from_slice(&text[done..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_script_logs_in_with_has_a_stand_in_and_the_way_there_has_none() {
        for name in ["VAULT_TOKEN", "VAULT_SECRET_ID", "MY_ROLE", "VAULT_ID_TOKEN", "AWS_SECRET_ACCESS_KEY"] {
            assert!(has_stand_in(name), "{name}");
        }
        let others = "VAULT_HEADERS BAO_HTTP_PROXY VAULT_PROXY_ADDR VAULT_CLIENT_KEY VAULT_WRAP_TOKEN_FILE IDENTITY_HEADER \
                      ACTIONS_ID_TOKEN_REQUEST_TOKEN ACTIONS_ID_TOKEN_REQUEST_URL TEGMEN_STORE_KEY";
        for name in others.split_whitespace() {
            assert!(!has_stand_in(name), "{name}");
        }
    }
}
