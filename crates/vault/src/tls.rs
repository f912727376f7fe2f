//! The TLS side of a [`Config`]: certificates from files, and the name that a certificate must have.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;
use ureq::config::Config as AgentConfig;
use ureq::http::Uri;
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use url::Url;

use crate::settings::{Config, Settings, SettingsError};
use crate::socket::Socket;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);

/// An agent for the server of this configuration, and the URL to address it by: its host is the name that the
/// certificate must have.
pub(crate) fn agent(config: &Config) -> Result<(Agent, Url), SettingsError> {
    let settings = &config.settings;
    let tls = TlsConfig::builder()
        .root_certs(roots(settings)?)
        .client_cert(client(settings)?)
        .disable_verification(settings.skip_verify.unwrap_or(false))
        .build();
    let mut builder = Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        // A standby answers with a redirect; following it, token and all, is decided in `redirect`.
        .max_redirects(0)
        .timeout_global(Some(config.timeout))
        .timeout_connect(Some(config.timeout.min(CONNECT)))
        .user_agent(concat!("tegmen/", env!("CARGO_PKG_VERSION")));
    if let Some(proxy) = &settings.proxy {
        builder = builder.proxy(proxy.proxy());
    } else if config.is_loopback() {
        // As Go does it: what is on this machine is not asked of a proxy.
        builder = builder.proxy(None);
    }
    if let Some(path) = &config.socket {
        let agent = Agent::with_parts(
            builder.proxy(None).build(),
            Socket(path.clone()),
            // Nobody is to be asked for the name of this machine.
            Fixed("127.0.0.1:80".to_owned()),
        );
        return Ok((agent, config.address.clone()));
    }
    let mut url = config.address.clone();
    let mut real = None;
    if let Some(name) = settings.tls_server_name.as_deref().filter(|_| url.scheme() == "https") {
        real = Some(authority(&url));
        if url.set_host(Some(name)).is_err() {
            return Err(SettingsError::new("the TLS server name of Vault is no name", "check VAULT_TLS_SERVER_NAME"));
        }
    }
    let agent = match real {
        None => builder.build().new_agent(),
        Some(real) => Agent::with_parts(builder.build(), DefaultConnector::default(), Fixed(real)),
    };
    Ok((agent, url))
}

/// Finds the server where the address says, while the URL names what its certificate must name.
#[derive(Debug)]
struct Fixed(String);

impl Resolver for Fixed {
    fn resolve(&self, _: &Uri, config: &AgentConfig, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let real = format!("https://{}/", self.0).parse::<Uri>().map_err(|_| ureq::Error::HostNotFound)?;
        DefaultResolver::default().resolve(&real, config, timeout)
    }
}

fn authority(url: &Url) -> String {
    format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(443))
}

/// What the server's certificate must be signed by: the CA that is named and no other, else what the system trusts.
fn roots(settings: &Settings) -> Result<RootCerts, SettingsError> {
    let mut found = Vec::new();
    if let Some(path) = &settings.ca_cert {
        found = certificates(path)?;
    } else if let Some(text) = &settings.ca_pem {
        found = in_pem(text.as_bytes());
        if found.is_empty() {
            return Err(SettingsError::new(
                "VAULT_CACERT_BYTES holds no certificate",
                "give it the text of a PEM file",
            ));
        }
    } else if let Some(directory) = &settings.ca_path {
        let unreadable = |error: std::io::Error| {
            let next = "check VAULT_CAPATH, or `ca_path` under [vault]";
            SettingsError::new(format!("{} cannot be read: {error}", directory.display()), next)
        };
        for entry in std::fs::read_dir(directory).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.is_file() {
                found.extend(in_pem(&std::fs::read(&path).map_err(unreadable)?));
            }
        }
        if found.is_empty() {
            let message = format!("{} holds no certificate", directory.display());
            return Err(SettingsError::new(message, "put PEM files of the CA into it"));
        }
    } else {
        return Ok(RootCerts::PlatformVerifier);
    }
    Ok(RootCerts::Specific(Arc::new(found)))
}

fn client(settings: &Settings) -> Result<Option<ClientCert>, SettingsError> {
    let (Some(cert), Some(key)) = (&settings.client_cert, &settings.client_key) else {
        return match (&settings.client_cert, &settings.client_key) {
            (None, None) => Ok(None),
            _ => Err(SettingsError::new(
                "a client certificate for Vault needs its key, and a key its certificate",
                "set both VAULT_CLIENT_CERT and VAULT_CLIENT_KEY, or neither",
            )),
        };
    };
    let chain = certificates(cert)?;
    let mut bytes = read(key)?;
    let private = PrivateKey::from_pem(&bytes);
    zeroize::Zeroize::zeroize(&mut bytes);
    let private = private.map_err(|_| {
        SettingsError::new(format!("{} holds no private key", key.display()), "name a PEM file with an unencrypted key")
    })?;
    Ok(Some(ClientCert::new_with_certs(&chain, private)))
}

fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, SettingsError> {
    let found = in_pem(&read(path)?);
    if found.is_empty() {
        return Err(SettingsError::new(format!("{} holds no certificate", path.display()), "name a PEM file"));
    }
    Ok(found)
}

fn in_pem(bytes: &[u8]) -> Vec<Certificate<'static>> {
    parse_pem(bytes)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect()
}

fn read(path: &Path) -> Result<Vec<u8>, SettingsError> {
    std::fs::read(path).map_err(|error| {
        let next = "check the path and that this user may read it";
        SettingsError::new(format!("{} cannot be read: {error}", path.display()), next)
    })
}

/// What is wrong with TLS, when it is TLS.
pub(crate) fn cause(error: &ureq::Error) -> Option<String> {
    match error {
        ureq::Error::Rustls(error) => Some(error.to_string()),
        ureq::Error::Tls(text) => Some((*text).to_owned()),
        ureq::Error::Pem(error) => Some(error.to_string()),
        // Handshakes happen inside of reads, which wrap what they say.
        ureq::Error::Io(error) => {
            let inner = error.get_ref()?.to_string();
            ["certificate", "TLS", "corrupt message", "handshake", "peer "]
                .iter()
                .any(|word| inner.contains(word))
                .then_some(inner)
        }
        _ => None,
    }
}

/// The cause in plain words, with what to do about it.
pub(crate) fn explain(cause: &str) -> (String, &'static str) {
    let is = |word: &str| cause.contains(word);
    if is("UnknownIssuer") || is("unknown certificate authority") || is("self-signed") || is("CaUsedAsEndEntity") {
        let next = "name the CA's PEM file with VAULT_CACERT, or `ca_cert` under [vault]";
        return ("the certificate was signed by a CA that is not trusted here".into(), next);
    }
    if is("NotValidForName") || is("not valid for name") || is("not valid for any names") {
        let next = "use the name in the certificate as address, or say it with VAULT_TLS_SERVER_NAME";
        return ("the certificate is for another name".into(), next);
    }
    if is("Expired") || is("expired") {
        return ("the certificate has expired".into(), "have it renewed; check the clock of this machine");
    }
    if is("NotValidYet") || is("not valid yet") {
        return ("the certificate is not valid yet".into(), "check the clock of this machine");
    }
    if is("corrupt message") || is("InvalidMessage") || is("InvalidContentType") {
        return ("the server does not speak TLS".into(), "check the port; a server without TLS has an http:// address");
    }
    if is("CertificateRequired") || is("certificate required") || is("HandshakeFailure") {
        let next = "give one with VAULT_CLIENT_CERT and VAULT_CLIENT_KEY";
        return (format!("the server may want a client certificate ({cause})"), next);
    }
    (cause.to_owned(), "check the server's certificate and its CA")
}
