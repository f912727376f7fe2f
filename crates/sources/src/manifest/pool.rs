//! [`PoolSpec`]: what the manifest says of a pool, a credential for each simulated user.

use std::time::Duration;

use super::TlsPolicy;
use crate::{HostSpec, PlaceSpec, Source};

/// One pool of the manifest.
#[derive(Clone, Debug)]
pub struct PoolSpec {
    /// Where the records come from.
    pub source: Source,
    /// The fields whose values are secret: placeholders in Python. `*` is all of them.
    pub secret_fields: Vec<String>,
    /// How the records are written down; `None`: as they look.
    pub format: Option<PoolFormat>,
    /// The field that the key of a map becomes.
    pub key: String,
    /// The field that a record becomes which is a text and nothing else.
    pub value: String,
    /// What happens when all records are out.
    pub on_empty: OnEmpty,
    /// How long a user waits for a record at most, with [`OnEmpty::Wait`]; `None`: as long as it takes.
    pub wait: Option<Duration>,
    /// Which part of the records this broker gives out, where several brokers share them.
    pub share: Option<Share>,
    /// The origins to which secret fields may be sent; `None`: the test's own target.
    pub hosts: Option<Vec<HostSpec>>,
    /// The places in a request where they may stand; empty: all.
    pub places: Vec<PlaceSpec>,
    /// Whether requests that carry them must be over verified TLS.
    pub tls: TlsPolicy,
    /// Whether answers that repeat a value show its placeholder to Python.
    pub seal: bool,
    /// The line of the manifest on which it begins.
    pub line: usize,
}

/// How records are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolFormat {
    /// RFC 4180, the names of the fields in the first line; `;` or a tab may stand for the comma.
    Csv,
    /// A list of objects, a map of objects or of texts, or an object a line.
    Json,
}

/// What happens when somebody wants a record and all are out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnEmpty {
    /// `checkout()` raises.
    #[default]
    Fail,
    /// `checkout()` waits until a record is given back.
    Wait,
    /// The record that has been out for longest is given out once more.
    Cycle,
}

/// A part of a pool: `2/3` is the second of three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// From 1 up to `of`.
    pub part: u32,
    /// Into how many parts the records are divided.
    pub of: u32,
}

impl Share {
    /// Whether the record of that number, counted from 0, is in it.
    pub fn has(self, number: u64) -> bool {
        number % u64::from(self.of) == u64::from(self.part - 1)
    }
}

impl std::str::FromStr for Share {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "write a part and the number of parts: \"1/3\", \"2/3\", \"3/3\"";
        let (part, of) = text.split_once('/').ok_or(wrong)?;
        let (part, of) = (part.trim().parse().map_err(|_| wrong)?, of.trim().parse().map_err(|_| wrong)?);
        if part == 0 || part > of { Err(wrong) } else { Ok(Self { part, of }) }
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.part, self.of)
    }
}

impl std::fmt::Display for OnEmpty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Fail => "checkout() fails",
            Self::Wait => "users wait",
            Self::Cycle => "records are given out again",
        })
    }
}
