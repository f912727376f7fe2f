//! Where a request goes, as the clients say it.

use tegmen_plugin::{Origin, Scheme};

/// The scheme of that name. What is not known to be TLS is none: a secret goes there only where its rules say so.
pub fn scheme(name: &str) -> Scheme {
    Scheme::parse(name).unwrap_or(Scheme::Http)
}

/// The origin of scheme, host and port.
pub fn origin(scheme_name: &str, host: &str, port: u16) -> Origin {
    Origin::new(scheme(scheme_name), host, Some(port))
}
