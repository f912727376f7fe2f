//! Origins (RFC 6454): the destinations to which a secret may be sent.

use std::{fmt, net::IpAddr};

use serde::{Deserialize, Serialize};

/// The scheme of an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// In clear.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// The scheme of that name, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            _ if text.eq_ignore_ascii_case("http") => Some(Self::Http),
            _ if text.eq_ignore_ascii_case("https") => Some(Self::Https),
            _ => None,
        }
    }

    /// The port when none is written.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}

/// Scheme, host and port: where a request goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// The scheme.
    pub scheme: Scheme,
    /// The host: lower case, without brackets and without a trailing dot.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Origin {
    /// The origin with its host in normal form.
    pub fn new(scheme: Scheme, host: &str, port: Option<u16>) -> Self {
        let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase();
        Self { scheme, host, port: port.unwrap_or(scheme.default_port()) }
    }

    /// The origin of an absolute http or https URL; `None` for anything else.
    pub fn of_url(url: &str) -> Option<Self> {
        let url = url::Url::parse(url.trim()).ok()?;
        Some(Self::new(Scheme::parse(url.scheme())?, url.host_str()?, url.port()))
    }

    /// Whether the host is this machine: `localhost`, a name below it, or a loopback address.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost"
            || self.host.ends_with(".localhost")
            || self.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    /// As the manifest would have it in `hosts`: the scheme is written for plain http only, the port where it is not
    /// the default.
    pub fn as_hosts_entry(&self) -> String {
        let scheme = if self.scheme == Scheme::Http { "http://" } else { "" };
        format!("{scheme}{}", self.authority())
    }

    fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == self.scheme.default_port() { host } else { format!("{host}:{}", self.port) }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority())
    }
}

/// One entry of `hosts`: the origins that it allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowed {
    /// The scheme, where one is written. Without it: https, and to loopback plain http too.
    pub scheme: Option<Scheme>,
    /// The host in normal form.
    pub host: String,
    /// The port, where one is written.
    pub port: Option<u16>,
}

impl Allowed {
    /// Exactly that origin.
    pub fn exactly(origin: &Origin) -> Self {
        Self { scheme: Some(origin.scheme), host: origin.host.clone(), port: Some(origin.port) }
    }

    /// Whether a request to `origin` may carry the secret.
    pub fn permits(&self, origin: &Origin) -> bool {
        let scheme = match self.scheme {
            Some(scheme) => origin.scheme == scheme,
            None => origin.scheme == Scheme::Https || origin.is_loopback(),
        };
        scheme && self.host == origin.host && self.port.unwrap_or(origin.scheme.default_port()) == origin.port
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Scheme::Http) = self.scheme {
            f.write_str("http://")?;
        }
        let port = self.port.unwrap_or(self.scheme.unwrap_or(Scheme::Https).default_port());
        let origin = Origin { scheme: self.scheme.unwrap_or(Scheme::Https), host: self.host.clone(), port };
        f.write_str(&origin.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(scheme: Option<Scheme>, host: &str, port: Option<u16>) -> Allowed {
        Allowed { scheme, host: host.to_owned(), port }
    }

    #[test]
    fn a_bare_name_means_https_on_443() {
        let shop = allowed(None, "shop.example.com", None);
        assert!(shop.permits(&Origin::of_url("https://SHOP.example.com./orders").unwrap()));
        for other in ["http://shop.example.com", "https://shop.example.com:8443", "https://a.shop.example.com"] {
            assert!(!shop.permits(&Origin::of_url(other).unwrap()), "{other}");
        }
    }

    #[test]
    fn plain_http_to_loopback_or_when_written_out() {
        assert!(allowed(None, "127.0.0.1", Some(8000)).permits(&Origin::of_url("http://127.0.0.1:8000").unwrap()));
        assert!(allowed(None, "::1", Some(8000)).permits(&Origin::of_url("http://[::1]:8000/x").unwrap()));
        assert!(!allowed(None, "10.0.0.1", Some(8000)).permits(&Origin::of_url("http://10.0.0.1:8000").unwrap()));
        let written = allowed(Some(Scheme::Http), "10.0.0.1", Some(8000));
        assert!(written.permits(&Origin::of_url("http://10.0.0.1:8000").unwrap()));
        assert!(!written.permits(&Origin::of_url("https://10.0.0.1:8000").unwrap()));
    }

    #[test]
    fn an_origin_is_shown_as_the_manifest_would_have_it() {
        let shown = |url: &str| Origin::of_url(url).unwrap().as_hosts_entry();
        assert_eq!(shown("https://idp.example.com/token"), "idp.example.com");
        assert_eq!(shown("https://idp.example.com:8443/"), "idp.example.com:8443");
        assert_eq!(shown("http://[::1]:80/"), "http://[::1]");
    }
}
