//! Placeholders in bodies: by content type and content encoding.

use std::io::{Read, Write};

use flate2::{Compression, read, write};
use zeroize::Zeroizing;

use super::{Clear, Filler, Reason, Result, Shape};
use crate::place::Place;

/// How much a compressed body may grow when it is looked into.
const MAX_INFLATED: u64 = 256 << 20;

type Headers<'a> = &'a [(&'a [u8], &'a [u8])];

fn header<'a>(headers: Headers<'a>, name: &str) -> Option<&'a str> {
    let (_, value) = headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name.as_bytes()))?;
    std::str::from_utf8(value).ok().map(str::trim)
}

/// Whether the body has to be decoded before it can be searched.
pub(super) fn is_compressed(headers: Headers<'_>) -> bool {
    header(headers, "content-encoding").is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity"))
}

/// What a content type says about how a value has to be encoded.
enum Kind<'a> {
    Json,
    Form,
    Xml,
    Multipart(&'a str),
    Text(Charset),
    Graphql,
    Binary,
    Unknown,
}

fn kind(content_type: Option<&str>) -> Kind<'_> {
    let Some(content_type) = content_type.filter(|text| !text.is_empty()) else { return Kind::Unknown };
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let (kind, subtype) = essence.split_once('/').unwrap_or((&essence, ""));
    match (kind, subtype) {
        (_, "json" | "x-ndjson" | "ndjson" | "jsonlines" | "json-seq" | "graphql+json" | "csp-report") => Kind::Json,
        (_, subtype) if subtype.ends_with("+json") => Kind::Json,
        (_, "x-www-form-urlencoded") => Kind::Form,
        (_, "xml" | "html") => Kind::Xml,
        (_, subtype) if subtype.ends_with("+xml") => Kind::Xml,
        ("multipart", _) => boundary(content_type).map_or(Kind::Binary, Kind::Multipart),
        (_, "graphql") => Kind::Graphql,
        ("text", _) | (_, "javascript" | "yaml" | "x-yaml" | "toml" | "sql") => {
            Kind::Text(parameter(content_type, "charset").map_or(Charset::Utf8, Charset::of))
        }
        _ => Kind::Binary,
    }
}

fn parameter<'a>(content_type: &'a str, name: &str) -> Option<&'a str> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (key, value) = parameter.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then_some(value.trim().trim_matches('"'))
    })
}

fn boundary(content_type: &str) -> Option<&str> {
    parameter(content_type, "boundary")
}

/// The character sets in which a text may be written, as far as that matters for a value.
#[derive(Clone, Copy)]
enum Charset {
    Utf8,
    Latin1,
    /// Only ASCII is the same in (nearly) all of them.
    Other,
}

impl Charset {
    fn of(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" | "us-ascii" | "ascii" => Self::Utf8,
            "iso-8859-1" | "iso8859-1" | "latin1" | "latin-1" => Self::Latin1,
            _ => Self::Other,
        }
    }

    fn write(self, value: &[u8]) -> std::result::Result<Vec<u8>, &'static str> {
        if value.is_ascii() {
            return Ok(value.to_vec());
        }
        let text = std::str::from_utf8(value).map_err(|_| "it is not text")?;
        match self {
            Self::Latin1 => text
                .chars()
                .map(|character| u8::try_from(u32::from(character)))
                .collect::<std::result::Result<_, _>>()
                .map_err(|_| "the character set of the body has no such characters; send it as UTF-8"),
            _ => Err("the body is not in UTF-8, and the value is not in ASCII; send the body as UTF-8"),
        }
    }
}

impl Filler<'_> {
    /// Fills a body. `None` when it carries no token.
    pub(super) fn body(&self, body: &[u8], headers: Headers<'_>) -> Result<Option<Clear>> {
        let content_type = header(headers, "content-type");
        if !is_compressed(headers) {
            return if self.hits(body) { self.content(body, content_type, 0).map(Some) } else { Ok(None) };
        }
        let name = header(headers, "content-encoding").unwrap_or_default();
        let unreadable = || self.refuse_any(Reason::Compressed(name.to_owned()));
        let coding = Coding::of(name).ok_or_else(unreadable)?;
        let plain = coding.decode(body).ok_or_else(unreadable)?;
        if !self.hits(&plain) {
            return Ok(None);
        }
        let filled = self.content(&plain, content_type, 0)?;
        coding.encode(&filled).map(Some).ok_or_else(unreadable)
    }

    /// Fills content of the type given.
    pub(super) fn content(&self, content: &[u8], content_type: Option<&str>, depth: usize) -> Result<Clear> {
        self.content_in(content, content_type, &Place::Body(None), depth)
    }

    /// The same, where it is known which part of the body it is.
    pub(super) fn content_in(
        &self,
        content: &[u8],
        content_type: Option<&str>,
        place: &Place,
        depth: usize,
    ) -> Result<Clear> {
        match kind(content_type) {
            Kind::Json => self.json(content, place, depth),
            Kind::Form => self.form(content, &|name| Place::Body(Some(name.to_owned())), depth),
            Kind::Xml => self.xml(content, place, depth),
            Kind::Multipart(boundary) => self.multipart(content, boundary.as_bytes(), depth),
            Kind::Text(Charset::Utf8) => self.sniff(content, place, depth),
            Kind::Text(charset) => self.replace(content, place, depth, &mut |_, value| charset.write(value)),
            Kind::Graphql => self.graphql(content, place, depth),
            Kind::Unknown if std::str::from_utf8(content).is_ok() => self.sniff(content, place, depth),
            // What is JSON or XML as a whole holds no lengths; FastHttpUser calls every body of bytes octet-stream.
            Kind::Binary if matches!(self.shape(content.trim_ascii()), Shape::Json | Shape::Xml) => {
                self.sniff(content, place, depth)
            }
            Kind::Unknown | Kind::Binary => self.binary(content, depth),
        }
    }

    /// In a format that is not known, lengths may stand anywhere: only a value of the placeholder's length can be put in.
    fn binary(&self, content: &[u8], depth: usize) -> Result<Clear> {
        let filled = self.raw(content, &Place::Body(None), depth)?;
        if filled.len() == content.len() {
            return Ok(filled);
        }
        let why = "the body is of a binary type, where only a value as long as its placeholder can be put in; give the \
                   request a Content-Type that says what it is, or use secret(…).reveal()";
        Err(self.refuse_in(content, Reason::Impossible(Place::Body(None), why)))
    }
}

/// The content codings that can be undone (RFC 9110, 8.4.1).
enum Coding {
    Gzip,
    Deflate,
}

impl Coding {
    fn of(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "deflate" => Some(Self::Deflate),
            _ => None,
        }
    }

    fn decode(&self, body: &[u8]) -> Option<Clear> {
        let mut out = Zeroizing::new(Vec::new());
        let read = match self {
            Self::Gzip => read::MultiGzDecoder::new(body).take(MAX_INFLATED).read_to_end(&mut out),
            Self::Deflate => read::ZlibDecoder::new(body).take(MAX_INFLATED).read_to_end(&mut out),
        };
        read.ok().filter(|length| (*length as u64) < MAX_INFLATED).map(|_| out)
    }

    fn encode(&self, plain: &[u8]) -> Option<Clear> {
        let out = Vec::with_capacity(plain.len() / 2 + 256);
        let encoded = match self {
            Self::Gzip => {
                let mut encoder = write::GzEncoder::new(out, Compression::default());
                encoder.write_all(plain).and_then(|()| encoder.finish())
            }
            Self::Deflate => {
                let mut encoder = write::ZlibEncoder::new(out, Compression::default());
                encoder.write_all(plain).and_then(|()| encoder.finish())
            }
        };
        encoded.ok().map(Zeroizing::new)
    }
}
