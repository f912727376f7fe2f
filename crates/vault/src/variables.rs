//! The variables that the command lines of Vault and OpenBao honour.
//!
//! <https://developer.hashicorp.com/vault/docs/commands#configure-environment-variables>, <https://openbao.org/docs/commands/>.
//! For each, `BAO_X` counts before `VAULT_X`, as in OpenBao, and an empty one counts as unset.

use std::path::PathBuf;
use std::time::Duration;

use crate::duration;
use crate::headers::{Headers, ProxyUrl};
use crate::pace::RateLimit;
use crate::settings::{Settings, SettingsError};

/// What the command lines read and a load test has no use for, with the reason.
const NOT_FOLLOWED: [(&str, &str); 2] = [
    ("WRAP_TTL", "values that come wrapped are of no use here"),
    ("MFA", "nobody is there to answer: use a role without a second factor"),
];

struct Variables<'g>(&'g dyn Fn(&str) -> Option<String>);

impl Variables<'_> {
    /// The name of the variable that counts, and what it says.
    fn read(&self, name: &str) -> Option<(String, String)> {
        [format!("BAO_{name}"), format!("VAULT_{name}")].into_iter().find_map(|variable| {
            (self.0)(&variable).filter(|value| !value.trim().is_empty()).map(|value| (variable, value))
        })
    }

    fn text(&self, name: &str) -> Option<String> {
        self.read(name).map(|(_, value)| value)
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        self.text(name).map(PathBuf::from)
    }

    /// Reads one with `parse`; what it does not read is a mistake. The text is not shown: it may be anything.
    fn parsed<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Option<T>,
        wanted: &str,
        next: &str,
    ) -> Result<Option<T>, SettingsError> {
        let Some((variable, value)) = self.read(name) else { return Ok(None) };
        match parse(value.trim()) {
            Some(parsed) => Ok(Some(parsed)),
            None => Err(SettingsError::new(format!("{variable} is not {wanted}"), next)),
        }
    }

    fn switch(&self, name: &str) -> Result<Option<bool>, SettingsError> {
        let parse = |value: &str| match value {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
            _ => None,
        };
        self.parsed(name, parse, "true or false", "set it to true or false")
    }
}

impl Settings {
    /// Reads the standard variables.
    ///
    /// # Errors
    /// When a number, a switch, a duration and so on is none.
    pub fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let variables = Variables(&get);
        let mut notes: Vec<String> = NOT_FOLLOWED
            .iter()
            .filter_map(|(name, why)| variables.read(name).map(|(name, _)| format!("{name} is not followed: {why}")))
            .collect();
        let timeout = variables.parsed(
            "CLIENT_TIMEOUT",
            duration::parse,
            "a duration",
            "write seconds, or for example 30s or 1m30s",
        )?;
        if timeout == Some(Duration::ZERO) {
            let text =
                "a VAULT_CLIENT_TIMEOUT of 0 is not followed: without a limit a server that hangs holds up the run";
            notes.push(text.to_owned());
        }
        let count = |value: &str| value.parse().ok();
        let rate = "a rate limit";
        // An Agent or a Proxy stands in front of the server; whoever set both means it.
        let address = variables.text("AGENT_ADDR").or_else(|| variables.text("ADDR"));
        let proxy = |name| {
            let next = "write http://NAME:PORT, https:// or socks5://";
            variables.parsed(name, ProxyUrl::parse, "the URL of a proxy", next)
        };
        Ok(Self {
            address,
            namespace: variables.text("NAMESPACE"),
            login_namespace: None,
            ca_cert: variables.path("CACERT"),
            ca_pem: variables.text("CACERT_BYTES"),
            ca_path: variables.path("CAPATH"),
            client_cert: variables.path("CLIENT_CERT"),
            client_key: variables.path("CLIENT_KEY"),
            tls_server_name: variables.text("TLS_SERVER_NAME"),
            skip_verify: variables.switch("SKIP_VERIFY")?,
            timeout: timeout.filter(|timeout| !timeout.is_zero()),
            max_retries: variables.parsed("MAX_RETRIES", count, "a number", "set it to 0 or more")?,
            proxy: proxy("PROXY_ADDR")?.or(proxy("HTTP_PROXY")?),
            rate_limit: variables.parsed(
                "RATE_LIMIT",
                RateLimit::parse,
                rate,
                "write RATE or RATE:BURST, as in 10:20",
            )?,
            disable_redirects: variables.switch("DISABLE_REDIRECTS")?,
            headers: variables.parsed(
                "HEADERS",
                Headers::parse,
                "a JSON object of headers",
                "write {\"name\": \"text\"}; names beginning with X-Vault- are not to be set",
            )?,
            srv_lookup: variables.switch("SRV_LOOKUP")?,
            notes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::from_variables(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn agents_and_proxies() {
        let both = [("BAO_ADDR", "https://bao"), ("VAULT_AGENT_ADDR", "http://127.0.0.1:8100")];
        assert_eq!(settings(&both).unwrap().address.as_deref(), Some("http://127.0.0.1:8100"));
        let agents = [("BAO_AGENT_ADDR", "unix:///run/agent.sock"), ("VAULT_AGENT_ADDR", "http://127.0.0.1:8100")];
        let config = settings(&agents).unwrap().resolve().unwrap();
        assert_eq!(config.socket, Some("/run/agent.sock".into()));
        assert_eq!(config.shown(), "unix:///run/agent.sock");
        assert!(!config.is_in_clear());

        let proxies = [("BAO_HTTP_PROXY", "http://one:1"), ("VAULT_PROXY_ADDR", "http://u:p@two:2")];
        let found = settings(&proxies).unwrap();
        assert_eq!(found.proxy.as_ref().map(ProxyUrl::shown).as_deref(), Some("http://two:2"));
        assert!(!format!("{found:?}").contains("u:p"), "{found:?}");
    }

    /// What is read of a variable, in whichever way that can be seen.
    fn seen(variables: &[(&str, &str)]) -> String {
        settings(variables).map_or_else(|error| error.message, |found| format!("{found:?}"))
    }

    #[test]
    fn of_every_variable_that_of_openbao_counts_first() {
        for (name, one, other) in [
            ("ADDR", "https://one", "https://other"),
            ("AGENT_ADDR", "https://one", "https://other"),
            ("NAMESPACE", "one", "other"),
            ("CACERT", "one", "other"),
            ("CACERT_BYTES", "one", "other"),
            ("CAPATH", "one", "other"),
            ("CLIENT_CERT", "one", "other"),
            ("CLIENT_KEY", "one", "other"),
            ("TLS_SERVER_NAME", "one", "other"),
            ("SKIP_VERIFY", "true", "false"),
            ("CLIENT_TIMEOUT", "1s", "2m"),
            ("MAX_RETRIES", "1", "2"),
            ("PROXY_ADDR", "http://one:1", "http://other:1"),
            ("HTTP_PROXY", "http://one:1", "http://other:1"),
            ("RATE_LIMIT", "1:1", "2:2"),
            ("HEADERS", r#"{"one": "x"}"#, r#"{"other": "x"}"#),
            ("DISABLE_REDIRECTS", "true", "false"),
            ("SRV_LOOKUP", "true", "false"),
        ] {
            let (bao, vault) = (format!("BAO_{name}"), format!("VAULT_{name}"));
            let (bao, vault) = (bao.as_str(), vault.as_str());
            assert_ne!(seen(&[(vault, one)]), seen(&[(vault, other)]), "{name} is read");
            assert_ne!(seen(&[(vault, one)]), seen(&[]), "{name} is read");
            assert_eq!(seen(&[(bao, one), (vault, other)]), seen(&[(vault, one)]), "{name}");
            assert_eq!(seen(&[(bao, ""), (vault, other)]), seen(&[(vault, other)]), "{name}");
        }
    }

    #[test]
    fn what_is_not_followed_is_said() {
        let found = settings(&[("VAULT_WRAP_TTL", "60"), ("BAO_CLIENT_TIMEOUT", "0"), ("VAULT_ADDR", "https://v")]);
        let config = found.unwrap().resolve().unwrap();
        assert_eq!(config.timeout, Duration::from_secs(60));
        assert_eq!(config.notes().len(), 2);
        assert!(config.notes()[0].starts_with("VAULT_WRAP_TTL is not followed"), "{:?}", config.notes());

        let srv = |address: &str| settings(&[("VAULT_ADDR", address), ("VAULT_SRV_LOOKUP", "true")]).unwrap().resolve();
        assert!(srv("https://vault").unwrap_err().message.contains("SRV"));
        assert!(srv("https://[::1]/").is_err());
        assert!(srv("https://vault:443").is_ok() && srv("unix:///run/agent.sock").is_ok());
    }

    #[test]
    fn mistakes_name_the_variable_and_show_nothing() {
        for (name, value) in [
            ("VAULT_RATE_LIMIT", "hunter2"),
            ("BAO_RATE_LIMIT", "0"),
            ("VAULT_HEADERS", "hunter2"),
            ("VAULT_HEADERS", r#"{"X-Vault-Token": "hunter2"}"#),
            ("VAULT_HEADERS", r#"{"a": ["hunter2"]}"#),
            ("VAULT_HEADERS", r#"{"a": "hunter2\n"}"#),
            ("VAULT_HTTP_PROXY", "hunter2://x"),
            ("BAO_PROXY_ADDR", "http://"),
            ("VAULT_DISABLE_REDIRECTS", "hunter2"),
            ("VAULT_SRV_LOOKUP", "hunter2"),
            ("VAULT_MAX_RETRIES", "hunter2"),
        ] {
            let error = settings(&[(name, value)]).unwrap_err();
            assert!(error.message.starts_with(name), "{name}: {error}");
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }
}
