//! What goes along with every request and may hold a credential of whatever stands before Vault.

use std::collections::BTreeMap;
use std::fmt;

use tegmen_secret::SecretBytes;
use ureq::http::{HeaderName, HeaderValue};
use url::Url;

use crate::answer::SecretText;

/// Headers of our own. Its `Debug` says the names only.
#[derive(Clone)]
pub struct Headers(Vec<(HeaderName, HeaderValue)>);

impl Headers {
    /// Reads a JSON object of texts. `None` when it is none, or names a header that is Vault's own.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let found: BTreeMap<&str, SecretText> = serde_json::from_str(text).ok()?;
        let header = |(name, SecretText(value)): (&str, SecretText)| {
            let name = HeaderName::try_from(name).ok()?;
            let mut value = HeaderValue::from_bytes(value.expose()).ok().filter(|value| !value.is_empty())?;
            value.set_sensitive(true);
            (!name.as_str().starts_with("x-vault-")).then_some((name, value))
        };
        found.into_iter().map(header).collect::<Option<_>>().map(Self)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.0.iter().map(|(name, value)| (name, value))
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// The URL of a proxy, which may have a password in it. Its `Debug` leaves that out.
#[derive(Clone)]
pub struct ProxyUrl {
    text: SecretBytes,
    shown: String,
}

impl ProxyUrl {
    /// Reads a URL. `None` when it is none, or of a scheme that no proxy has.
    pub fn parse(text: &str) -> Option<Self> {
        let mut url = Url::parse(text).ok().filter(Url::has_host)?;
        if !matches!(url.scheme(), "http" | "https" | "socks4" | "socks4a" | "socks5") {
            return None;
        }
        ureq::Proxy::new(text).ok()?;
        let text = SecretBytes::from(text.to_owned());
        // Neither can fail where there is a host.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        let shown = url.as_str().trim_end_matches('/').to_owned();
        Some(Self { text, shown })
    }

    /// The URL without user name and password.
    pub fn shown(&self) -> String {
        self.shown.clone()
    }

    pub(crate) fn proxy(&self) -> Option<ureq::Proxy> {
        ureq::Proxy::new(self.text.expose_str().ok()?).ok()
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}
