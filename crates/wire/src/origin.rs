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
        let bare = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
        // An address has several spellings (`127.1`, `0:0::1`), and every client dials the same.
        let address = match bare.parse::<IpAddr>() {
            Ok(address) => Some(address),
            Err(_) => match url::Host::parse(bare) {
                Ok(url::Host::Ipv4(address)) => Some(address.into()),
                _ => None,
            },
        };
        let host = address.map_or_else(|| bare.to_ascii_lowercase(), |address| address.to_string());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_compared_in_normal_form() {
        let origin = |url: &str| Origin::of_url(url).unwrap();
        assert_eq!(origin("https://SHOP.example.com./orders"), origin("https://shop.example.com:443"));
        assert_eq!(origin("http://[::1]:8000/x"), Origin::new(Scheme::Http, "[::1]", Some(8000)));
        assert_eq!(Origin::new(Scheme::Http, "127.1", None), Origin::new(Scheme::Http, "2130706433", None));
        assert_eq!(Origin::new(Scheme::Http, "0:0::1", None), Origin::new(Scheme::Http, "[::1]", None));
        assert_ne!(Origin::new(Scheme::Http, "::ffff:127.0.0.1", None), Origin::new(Scheme::Http, "127.0.0.1", None));
        assert!(origin("http://127.0.0.9:1").is_loopback() && origin("http://[::1]").is_loopback());
        assert!(origin("http://a.localhost").is_loopback() && !origin("http://localhost.example.com").is_loopback());
    }

    #[test]
    fn an_origin_is_shown_as_the_manifest_would_have_it() {
        let shown = |url: &str| Origin::of_url(url).unwrap().as_hosts_entry();
        assert_eq!(shown("https://idp.example.com/token"), "idp.example.com");
        assert_eq!(shown("https://idp.example.com:8443/"), "idp.example.com:8443");
        assert_eq!(shown("http://[::1]:80/"), "http://[::1]");
    }
}
