//! Places: where in a request a value stands.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where in a request a value stands. In a manifest's `places`, a missing name means any.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// A header field; the name in lower case.
    Header(String),
    /// A cookie of that name.
    Cookie(Option<String>),
    /// A query parameter.
    Query(Option<String>),
    /// The path.
    Path,
    /// The body: the form field, the part of a multipart body or the JSON key of that name.
    Body(Option<String>),
    /// Basic authentication (RFC 7617).
    Basic,
}

impl Place {
    /// Whether this entry of `places` covers the place `actual`.
    pub fn covers(&self, actual: &Place) -> bool {
        match (self, actual) {
            (Self::Cookie(None), Self::Cookie(_))
            | (Self::Query(None), Self::Query(_))
            | (Self::Body(None), Self::Body(_)) => true,
            // Basic authentication stands in the Authorization header, cookies in the Cookie header.
            (Self::Header(name), Self::Basic) => name == "authorization" || name == "proxy-authorization",
            (Self::Header(name), Self::Cookie(_)) => name == "cookie",
            _ => self == actual,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => write!(f, "header:{name}"),
            Self::Cookie(Some(name)) => write!(f, "cookie:{name}"),
            Self::Cookie(None) => f.write_str("cookie"),
            Self::Query(Some(name)) => write!(f, "query:{name}"),
            Self::Query(None) => f.write_str("query"),
            Self::Path => f.write_str("path"),
            Self::Body(Some(name)) => write!(f, "body:{name}"),
            Self::Body(None) => f.write_str("body"),
            Self::Basic => f.write_str("basic"),
        }
    }
}
