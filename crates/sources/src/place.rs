//! [`PlaceSpec`]: where in a request a secret may stand, as `places` names it.

use std::fmt;
use std::str::FromStr;

/// One entry of `places`. A secret without `places` may stand anywhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PlaceSpec {
    /// `header:NAME`, the name in lower case.
    Header(String),
    /// `query`: the value of any parameter of the URL; `query:NAME`: of this one.
    Query(Option<String>),
    /// `path`: the path of the URL.
    Path,
    /// `body`: anywhere in the body; `body:NAME`: the form field or JSON key of this name.
    Body(Option<String>),
    /// `cookie:NAME`: the value of this cookie.
    Cookie(String),
    /// `basic`: user name or password of HTTP Basic authentication.
    Basic,
}

/// Why a text is no place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PlaceSpecError {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

const KINDS: [&str; 6] = ["header", "query", "path", "body", "cookie", "basic"];

impl FromStr for PlaceSpec {
    type Err = PlaceSpecError;

    fn from_str(text: &str) -> Result<Self, PlaceSpecError> {
        let wrong = |message: String, hint: &str| Err(PlaceSpecError { message, hint: Some(hint.to_owned()) });
        let (kind, name) = match text.split_once(':') {
            Some((kind, name)) => (kind, Some(name)),
            None => (text, None),
        };
        if name == Some("") {
            return wrong(format!("`{text}` names nothing after the colon"), "write the name, or leave the colon out");
        }
        let named = name.map(str::to_owned);
        match (kind, name) {
            ("header" | "cookie", Some(name)) if !name.bytes().all(is_token_byte) => {
                wrong(format!("`{name}` is no name of a {kind}"), "letters, digits and !#$%&'*+-.^_`|~ only")
            }
            ("header", Some(name)) => Ok(Self::Header(name.to_ascii_lowercase())),
            ("cookie", Some(name)) => Ok(Self::Cookie(name.to_owned())),
            ("header", None) => wrong("`header` needs a name".into(), "for example \"header:Authorization\""),
            ("cookie", None) => wrong("`cookie` needs a name".into(), "for example \"cookie:session\""),
            ("query", _) => Ok(Self::Query(named)),
            ("body", _) => Ok(Self::Body(named)),
            ("path", None) => Ok(Self::Path),
            ("basic", None) => Ok(Self::Basic),
            ("path" | "basic", Some(_)) => wrong(format!("`{kind}` takes no name"), &format!("write \"{kind}\" alone")),
            _ => match crate::names::nearest(kind, &KINDS) {
                Some(near) => wrong(format!("`{kind}` is not a place"), &format!("did you mean `{near}`?")),
                None => wrong(
                    format!("`{kind}` is not a place"),
                    "a place is header:NAME, query, query:NAME, path, body, body:NAME, cookie:NAME or basic",
                ),
            },
        }
    }
}

/// A byte of a token (RFC 9110, section 5.6.2).
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// As the manifest writes it.
impl fmt::Display for PlaceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => write!(f, "header:{name}"),
            Self::Query(None) => f.write_str("query"),
            Self::Query(Some(name)) => write!(f, "query:{name}"),
            Self::Path => f.write_str("path"),
            Self::Body(None) => f.write_str("body"),
            Self::Body(Some(name)) => write!(f, "body:{name}"),
            Self::Cookie(name) => write!(f, "cookie:{name}"),
            Self::Basic => f.write_str("basic"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_comes_back() {
        for text in ["header:x-api-key", "query", "query:token", "path", "body", "body:password", "cookie:sid", "basic"]
        {
            assert_eq!(text.parse::<PlaceSpec>().unwrap().to_string(), text);
        }
        assert_eq!("header:X-API-Key".parse(), Ok(PlaceSpec::Header("x-api-key".into())));
    }

    #[test]
    fn mistakes_are_told() {
        let told = |text: &str| {
            let error = text.parse::<PlaceSpec>().unwrap_err();
            format!("{error}; {}", error.hint.clone().unwrap())
        };
        assert_eq!(told("headr:X"), "`headr` is not a place; did you mean `header`?");
        assert_eq!(told("header"), "`header` needs a name; for example \"header:Authorization\"");
        assert_eq!(told("path:x"), "`path` takes no name; write \"path\" alone");
        assert_eq!(told("query:"), "`query:` names nothing after the colon; write the name, or leave the colon out");
        assert!(told("header:a b").starts_with("`a b` is no name of a header"));
    }
}
