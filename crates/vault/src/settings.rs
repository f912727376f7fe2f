//! [`Settings`]: what the variables and the manifest say about a server; [`Config`]: what comes out of both.

use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use crate::headers::{Headers, ProxyUrl};
use crate::pace::RateLimit;

/// What one place says about the server. The first of several that says something wins, see [`Settings::or`].
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `VAULT_AGENT_ADDR`, else `VAULT_ADDR`.
    pub address: Option<String>,
    /// `VAULT_NAMESPACE`.
    pub namespace: Option<String>,
    /// The namespace of the login, where it is another; `/` is the root.
    pub login_namespace: Option<String>,
    /// `VAULT_CACERT`: a PEM file; then only what it signs is trusted.
    pub ca_cert: Option<PathBuf>,
    /// `VAULT_CACERT_BYTES`: the PEM text itself.
    pub ca_pem: Option<String>,
    /// `VAULT_CAPATH`: a directory of PEM files.
    pub ca_path: Option<PathBuf>,
    /// `VAULT_CLIENT_CERT`: a PEM file.
    pub client_cert: Option<PathBuf>,
    /// `VAULT_CLIENT_KEY`: a PEM file.
    pub client_key: Option<PathBuf>,
    /// `VAULT_TLS_SERVER_NAME`: the name that the certificate must have.
    pub tls_server_name: Option<String>,
    /// `VAULT_SKIP_VERIFY`.
    pub skip_verify: Option<bool>,
    /// `VAULT_CLIENT_TIMEOUT`: of one request.
    pub timeout: Option<Duration>,
    /// `VAULT_MAX_RETRIES`.
    pub max_retries: Option<u32>,
    /// `VAULT_PROXY_ADDR`, else `VAULT_HTTP_PROXY`: the HTTP proxy on the way.
    pub proxy: Option<ProxyUrl>,
    /// `VAULT_RATE_LIMIT`.
    pub rate_limit: Option<RateLimit>,
    /// `VAULT_DISABLE_REDIRECTS`.
    pub disable_redirects: Option<bool>,
    /// `VAULT_HEADERS`: headers for every request.
    pub headers: Option<Headers>,
    /// `VAULT_SRV_LOOKUP`.
    pub srv_lookup: Option<bool>,
    /// What was read and is not followed, a line each.
    pub notes: Vec<String>,
}

/// A server, and how to talk to it.
#[derive(Clone, Debug)]
pub struct Config {
    /// Scheme, host and port; a path where a proxy puts Vault below one. `http://localhost` for a socket.
    pub address: Url,
    /// The Unix socket that an Agent or Proxy listens on, where the address is one.
    pub socket: Option<PathBuf>,
    /// The namespace, without slashes at its ends.
    pub namespace: Option<String>,
    /// The namespace of the login, likewise.
    pub login_namespace: Option<String>,
    /// Where certificates and keys are, and the rest that is as it was set.
    pub(crate) settings: Settings,
    /// The time that one request may take, retries not counted.
    pub timeout: Duration,
    /// How often a request is tried again.
    pub max_retries: u32,
}

/// Why settings are of no use. Says which one, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SettingsError {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub next: String,
}

impl SettingsError {
    pub(crate) fn new(message: impl Into<String>, next: impl Into<String>) -> Self {
        Self { message: message.into(), next: next.into() }
    }
}

impl Settings {
    /// These settings, and where they say nothing, the others.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        // A CA named here is not mixed with one named there.
        let ca = if self.ca_cert.is_some() || self.ca_pem.is_some() || self.ca_path.is_some() { &self } else { &other };
        let (ca_cert, ca_pem, ca_path) = (ca.ca_cert.clone(), ca.ca_pem.clone(), ca.ca_path.clone());
        Self {
            address: self.address.or(other.address),
            namespace: self.namespace.or(other.namespace),
            login_namespace: self.login_namespace.or(other.login_namespace),
            ca_cert,
            ca_pem,
            ca_path,
            client_cert: self.client_cert.or(other.client_cert),
            client_key: self.client_key.or(other.client_key),
            tls_server_name: self.tls_server_name.or(other.tls_server_name),
            skip_verify: self.skip_verify.or(other.skip_verify),
            timeout: self.timeout.or(other.timeout),
            max_retries: self.max_retries.or(other.max_retries),
            proxy: self.proxy.or(other.proxy),
            rate_limit: self.rate_limit.or(other.rate_limit),
            disable_redirects: self.disable_redirects.or(other.disable_redirects),
            headers: self.headers.or(other.headers),
            srv_lookup: self.srv_lookup.or(other.srv_lookup),
            notes: self.notes.into_iter().chain(other.notes).collect(),
        }
    }

    /// What comes out: 60 seconds a request and two retries where nothing is said, as with Vault's own client.
    ///
    /// # Errors
    /// When there is no address, or it is none.
    pub fn resolve(self) -> Result<Config, SettingsError> {
        let next = "set VAULT_ADDR or `address` under [vault], for example https://vault.example.com:8200";
        let Some(text) = &self.address else {
            return Err(SettingsError::new("the address of Vault is not known", next));
        };
        let socket = text.strip_prefix("unix://").map(PathBuf::from);
        if socket.as_ref().is_some_and(|path| !path.is_absolute()) {
            return Err(SettingsError::new(
                "the address of Vault is a socket without a whole path",
                "write unix:///run/vault-agent.sock, with three slashes",
            ));
        }
        let text = if socket.is_some() { "http://localhost" } else { text.as_str() };
        let Some(mut address) = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https")) else {
            return Err(SettingsError::new("the address of Vault is not a URL", next));
        };
        if !address.username().is_empty() || address.password().is_some() {
            return Err(SettingsError::new("the address of Vault has a user name or password in it", next));
        }
        if self.srv_lookup == Some(true) && socket.is_none() && !has_port(text) {
            return Err(SettingsError::new(
                "VAULT_SRV_LOOKUP is set, but SRV records of the DNS are not looked up here",
                "write the port into the address, or unset VAULT_SRV_LOOKUP",
            ));
        }
        address.set_query(None);
        address.set_fragment(None);
        let path = address.path().trim_end_matches('/').to_owned();
        address.set_path(path.strip_suffix("/v1").unwrap_or(&path));
        let trimmed = |name: &str| Some(name.trim_matches('/').to_owned()).filter(|name| !name.is_empty());
        let namespace = self.namespace.as_deref().and_then(trimmed);
        let login_namespace = match &self.login_namespace {
            Some(name) => trimmed(name),
            None => namespace.clone(),
        };
        Ok(Config {
            address,
            socket,
            namespace,
            login_namespace,
            timeout: self.timeout.unwrap_or(Duration::from_secs(60)),
            max_retries: self.max_retries.unwrap_or(2),
            settings: self,
        })
    }
}

/// Whether a port is written out; [`Url`] forgets one that is the default of its scheme.
fn has_port(address: &str) -> bool {
    let authority = address.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
    authority.rsplit(']').next().is_some_and(|end| end.contains(':'))
}

impl Config {
    /// What was set and is not followed, a line each.
    pub fn notes(&self) -> &[String] {
        &self.settings.notes
    }

    /// The address as it is shown.
    pub fn shown(&self) -> String {
        match &self.socket {
            Some(path) => format!("unix://{}", path.display()),
            None => self.address.as_str().trim_end_matches('/').to_owned(),
        }
    }

    /// Whether the connection has a client certificate.
    pub(crate) fn has_client_certificate(&self) -> bool {
        self.settings.client_cert.is_some() && self.settings.client_key.is_some()
    }

    /// Whether token and values travel in clear over a network.
    pub fn is_in_clear(&self) -> bool {
        self.address.scheme() == "http" && !self.is_loopback()
    }

    /// Whether the server's certificate is not verified.
    pub fn is_unverified(&self) -> bool {
        self.address.scheme() == "https" && self.settings.skip_verify == Some(true)
    }

    pub(crate) fn is_loopback(&self) -> bool {
        match self.address.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
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
    fn bao_wins_and_empty_is_unset() {
        let read = settings(&[
            ("VAULT_ADDR", "https://vault"),
            ("BAO_ADDR", "https://bao"),
            ("BAO_NAMESPACE", ""),
            ("VAULT_NAMESPACE", "team/"),
            ("VAULT_CLIENT_TIMEOUT", "1m30s"),
            ("VAULT_SKIP_VERIFY", "T"),
        ])
        .unwrap();
        let config = read.resolve().unwrap();
        assert_eq!(config.address.as_str(), "https://bao/");
        assert_eq!(config.namespace.as_deref(), Some("team"));
        assert_eq!(config.timeout, Duration::from_secs(90));
        assert!(config.is_unverified() && !config.is_in_clear());
    }

    #[test]
    fn the_manifest_wins_over_variables() {
        let manifest = Settings {
            address: Some("http://10.1.1.1:8200/v1/".into()),
            ca_cert: Some("own.pem".into()),
            ..Settings::default()
        };
        let variables =
            settings(&[("VAULT_ADDR", "https://v"), ("VAULT_CAPATH", "/certs"), ("VAULT_MAX_RETRIES", "5")]);
        let config = manifest.or(variables.unwrap()).resolve().unwrap();
        assert_eq!(config.address.as_str(), "http://10.1.1.1:8200/");
        assert_eq!(config.settings.ca_path, None);
        assert_eq!(config.max_retries, 5);
        assert!(config.is_in_clear());
    }

    #[test]
    fn mistakes() {
        assert!(settings(&[("VAULT_SKIP_VERIFY", "yes")]).is_err());
        assert!(settings(&[("BAO_CLIENT_TIMEOUT", "soon")]).unwrap_err().message.contains("BAO_CLIENT_TIMEOUT"));
        for address in [None, Some("vault:8200"), Some("ftp://x"), Some("https://u:p@vault"), Some("unix://a.sock")] {
            assert!(Settings { address: address.map(str::to_owned), ..Settings::default() }.resolve().is_err());
        }
    }
}
