//! [`HostSpec`]: an origin to which a secret may be sent, as `hosts` names it.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

/// The scheme of an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// TLS, certificate verified unless the secret opts out.
    Https,
    /// In clear: only where it is written out, or towards loopback.
    Http,
}

/// An origin: scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostSpec {
    /// How the request must travel.
    pub scheme: Scheme,
    /// Lower case, international names in their ASCII form, IPv6 addresses without brackets.
    pub host: String,
    /// Always there; 443 or 80 where the text names none.
    pub port: u16,
}

/// Why a text is no origin, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct HostSpecError {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl HostSpec {
    /// Reads one entry of `hosts`: `name`, `name:port`, `https://name[:port]` or `http://name[:port]`.
    ///
    /// A bare name means https. A bare loopback name (`localhost`, `127.0.0.1`, `::1`) means https and http both,
    /// because nothing travels: hence the list.
    ///
    /// # Errors
    /// When the text is not an origin: a path, a user name, a wildcard, another scheme.
    pub fn parse(text: &str) -> Result<Vec<Self>, HostSpecError> {
        let wrong = |message: String, hint: &str| {
            Err(HostSpecError { message, hint: (!hint.is_empty()).then(|| hint.to_owned()) })
        };
        if text.trim() != text || text.is_empty() {
            return wrong("a host is empty or has spaces around it".into(), "");
        }
        if text.contains('*') {
            return wrong(
                format!("`{text}` has a wildcard"),
                "name each host: a secret goes only to hosts that are written out",
            );
        }
        // `::1` without brackets would otherwise be read as a name with a port.
        let bracketed = match text.parse::<IpAddr>() {
            Ok(IpAddr::V6(address)) => format!("[{address}]"),
            _ => text.to_owned(),
        };
        let (scheme, url) = match bracketed.split_once("://") {
            Some(("https", _)) => (Some(Scheme::Https), bracketed.clone()),
            Some(("http", _)) => (Some(Scheme::Http), bracketed.clone()),
            Some((other, _)) => {
                return wrong(format!("`{other}://` is not a scheme for hosts"), "use https:// or http://");
            }
            None => (None, format!("https://{bracketed}")),
        };
        let Ok(url) = Url::parse(&url) else {
            return wrong(format!("`{text}` is not a host"), "write a name, name:port or https://name:port");
        };
        if !url.username().is_empty() || url.password().is_some() {
            // The text may hold a password: it is not repeated.
            return wrong("a host has a user name or password in it".into(), "leave out everything before the @");
        }
        let Some(host) = url.host() else {
            return wrong(format!("`{text}` names no host"), "");
        };
        let after = text.split_once("://").map_or(text, |(_, rest)| rest);
        if after.contains(['/', '?', '#']) {
            let origin = url.origin().ascii_serialization();
            let origin = if scheme.is_none() { origin.trim_start_matches("https://").to_owned() } else { origin };
            return wrong(format!("`{text}` is more than a host: paths do not count"), &format!("write \"{origin}\""));
        }
        let loopback = match &host {
            Host::Domain(name) => *name == "localhost" || name.ends_with(".localhost"),
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        };
        let name = match host {
            Host::Domain(name) => name.trim_end_matches('.').to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        // `Url` drops a port that is the default of https, also when the text writes it out.
        let port = url.port().or_else(|| text.ends_with(":443").then_some(443));
        let spec = |scheme: Scheme| {
            let port = port.unwrap_or(if scheme == Scheme::Https { 443 } else { 80 });
            Self { scheme, host: name.clone(), port }
        };
        Ok(match scheme {
            Some(scheme) => vec![spec(scheme)],
            None if loopback => vec![spec(Scheme::Https), spec(Scheme::Http)],
            None => vec![spec(Scheme::Https)],
        })
    }
}

/// `https://name:port`, the port only when it is not the scheme's own.
impl fmt::Display for HostSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, default) = match self.scheme {
            Scheme::Https => ("https", 443),
            Scheme::Http => ("http", 80),
        };
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == default { write!(f, "{scheme}://{host}") } else { write!(f, "{scheme}://{host}:{}", self.port) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match HostSpec::parse(text) {
            Ok(specs) => specs.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
            Err(error) => format!("{error}; {}", error.hint.clone().unwrap_or_default()),
        }
    }

    #[test]
    fn a_bare_name_means_https() {
        assert_eq!(shown("shop.example.com"), "https://shop.example.com");
        assert_eq!(shown("Shop.Example.com:8443"), "https://shop.example.com:8443");
        assert_eq!(shown("bücher.example"), "https://xn--bcher-kva.example");
        assert_eq!(shown("10.0.0.7"), "https://10.0.0.7");
        assert_eq!(shown("[2001:db8::1]:8443"), "https://[2001:db8::1]:8443");
        assert_eq!(shown("2001:db8::1"), "https://[2001:db8::1]");
    }

    #[test]
    fn plain_http_only_written_out_or_loopback() {
        assert_eq!(shown("http://shop.example.com"), "http://shop.example.com");
        assert_eq!(shown("localhost:8080"), "https://localhost:8080 http://localhost:8080");
        assert_eq!(shown("127.0.0.1"), "https://127.0.0.1 http://127.0.0.1");
        assert_eq!(shown("localhost:443"), "https://localhost http://localhost:443");
        assert_eq!(shown("::1"), "https://[::1] http://[::1]");
        assert_eq!(shown("https://localhost:8080"), "https://localhost:8080");
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        assert_eq!(
            shown("*.example.com"),
            "`*.example.com` has a wildcard; name each host: a secret goes only to hosts that are written out"
        );
        assert_eq!(
            shown("shop.example.com/api"),
            "`shop.example.com/api` is more than a host: paths do not count; write \"shop.example.com\""
        );
        assert_eq!(shown("ftp://a"), "`ftp://` is not a scheme for hosts; use https:// or http://");
        let credentials = ["https://u:", "pw", "@shop"].concat();
        assert!(!shown(&credentials).contains("pw"));
        for text in ["", " a", "a b", "a:99999", "https://", "http:///x"] {
            assert!(HostSpec::parse(text).is_err(), "{text}");
        }
    }
}
