//! Puts the values into a request: each encoded as its place demands, so that a server parses back exactly the value,
//! and only towards the origins that the secret is bound to.
//!
//! Where a placeholder stands inside something (JSON in a form field, JSON in JSON, base64 in a header), the outer
//! layers are decoded, the value is put in, and they are encoded again. A placeholder that cannot be replaced is never
//! sent: the request is refused.

mod base64;
mod body;
mod cookie;
mod form;
mod graphql;
mod head;
mod header;
mod json;
mod multipart;
mod refusal;
mod socketio;
mod text;
mod url;
mod xml;

use std::cell::{Cell, RefCell};

pub use head::{FilledHead, fill_head};
pub use refusal::{Reason, Refusal};
pub use text::append;
use zeroize::Zeroizing;

use crate::{
    origin::{Origin, Scheme},
    place::Place,
    table::{Book, Entry, Span, Values},
};

/// Bytes that hold values; wiped when dropped.
pub type Clear = Zeroizing<Vec<u8>>;

/// How many layers of encoding are looked through.
const MAX_DEPTH: usize = 8;

/// A request as the client is about to send it, with placeholders.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Where the connection goes, or will go.
    pub origin: &'a Origin,
    /// The request target (RFC 9112, 3.2): path and query, or an absolute URL towards a proxy.
    pub target: &'a [u8],
    /// The header fields, in order.
    pub headers: &'a [(&'a [u8], &'a [u8])],
    /// The body, if it is at hand as a whole.
    pub body: Option<&'a [u8]>,
}

/// What has to be sent instead. `None` and absent headers stay as they were.
#[derive(Default)]
pub struct Filled {
    /// The request target.
    pub target: Option<Clear>,
    /// Header values, each with its index in the request.
    pub headers: Vec<(usize, Clear)>,
    /// The body.
    pub body: Option<Clear>,
    /// The names of the secrets that the request carries, without repetition.
    pub secrets: Vec<String>,
    /// Whether every secret in it allows a connection whose certificate is not verified.
    pub tls_unverified: bool,
}

/// Why a request was not filled.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The secret must not go there, or cannot be put there.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// The values have changed meanwhile: read the table again, and fill again.
    #[error("the secrets have changed while the request was being filled")]
    Stale,
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

type Result<T> = std::result::Result<T, Error>;

/// Secrets and where their values are read from.
#[derive(Clone, Copy)]
pub struct Layer<'a> {
    /// The secrets.
    pub book: &'a Book,
    /// Their values.
    pub values: &'a dyn Values,
}

/// Fills a request. `layers` are searched in order and share one tag; `targets` is the test's own target, to which a
/// secret without `hosts` is bound. `None` when the request carries no token.
///
/// # Errors
/// [`Error::Refused`] when a secret may not or cannot be sent so; [`Error::Stale`] when the caller has to read the table
/// again.
pub fn fill(layers: &[Layer<'_>], targets: &[Origin], request: &Request<'_>) -> Result<Option<Filled>> {
    // A target that is a whole URL goes to a proxy, which reads the request.
    let origin = match url::path_start(request.target) {
        0 => request.origin.clone(),
        // What cannot be read as a URL is no host that a secret is bound to.
        _ => std::str::from_utf8(request.target)
            .ok()
            .and_then(Origin::of_url)
            .unwrap_or_else(|| Origin::new(Scheme::Http, "", None)),
    };
    let filler = Filler {
        layers,
        targets,
        origin,
        next: request.origin,
        reader: Cell::new(Reader::Both),
        used: RefCell::default(),
        verified_only: Cell::new(false),
    };
    let mut filled = Filled::default();
    if filler.hits(request.origin.host.as_bytes()) {
        return Err(filler.refuse_in(request.origin.host.as_bytes(), Reason::InHost));
    }
    if filler.hits(request.target) {
        filled.target = Some(filler.target(request.target)?);
    }
    for (index, (name, value)) in request.headers.iter().enumerate() {
        if filler.hits(name) {
            return Err(filler.refuse_in(name, Reason::HeaderName));
        }
        if filler.hits(value) {
            filled.headers.push((index, filler.header(name, value)?));
        }
    }
    if let Some(body) = request.body {
        filled.body = filler.body(body, request.headers)?;
    }
    filled.secrets = filler.used.take();
    filled.tls_unverified = !filler.verified_only.get();
    Ok(if filled.secrets.is_empty() { None } else { Some(filled) })
}

/// Who reads the part of the request that is being filled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// Whoever is at the end of the connection, and the destination behind it.
    Both,
    /// The proxy alone: its own credentials.
    Proxy,
}

/// The work on one request.
struct Filler<'a> {
    layers: &'a [Layer<'a>],
    targets: &'a [Origin],
    /// Where the request is meant to arrive.
    origin: Origin,
    /// Where the connection goes: the same, or a proxy.
    next: &'a Origin,
    reader: Cell<Reader>,
    used: RefCell<Vec<String>>,
    verified_only: Cell<bool>,
}

impl<'a> Filler<'a> {
    fn hits(&self, bytes: &[u8]) -> bool {
        self.layers.first().is_some_and(|layer| layer.book.finder().hits(bytes))
    }

    /// The value, if the secret may be sent to this origin and stand in this place.
    fn value(&self, layer: &Layer<'_>, entry: &Entry, span: Span, place: &Place) -> Result<Clear> {
        let binding = &entry.binding;
        if self.reader.get() == Reader::Both && !binding.permits(&self.origin, self.targets) {
            return Err(self.refuse(entry, Reason::NotBound));
        }
        if !binding.permits(self.next, self.targets) {
            let reason = if *self.next == self.origin { Reason::NotBound } else { Reason::Proxy };
            return Err(self.refusal(entry, self.next, reason));
        }
        if !binding.places.is_empty() && !binding.places.iter().any(|allowed| allowed.covers(place)) {
            return Err(self.refuse(entry, Reason::WrongPlace(place.clone())));
        }
        if !binding.tls_unverified {
            self.verified_only.set(true);
        }
        let mut used = self.used.borrow_mut();
        if !used.contains(&binding.name) {
            used.push(binding.name.clone());
        }
        layer.values.copy(span).ok_or(Error::Stale)
    }

    fn refuse(&self, entry: &Entry, reason: Reason) -> Error {
        self.refusal(entry, &self.origin, reason)
    }

    fn refusal(&self, entry: &Entry, origin: &Origin, reason: Reason) -> Error {
        let manifest = self.layers.iter().find_map(|layer| layer.book.table().manifest.clone());
        Refusal::new(&entry.binding, origin, self.targets, manifest, reason).into()
    }

    /// A refusal where it is not known which secret it was. Where there is but one, it was that.
    fn refuse_any(&self, reason: Reason) -> Error {
        let mut entries = self.layers.iter().flat_map(|layer| &layer.book.table().entries);
        if let (Some(entry), None) = (entries.next(), entries.next()) {
            return self.refuse(entry, reason);
        }
        Refusal::unnamed(&self.origin, reason).into()
    }

    /// Fills a text that has been decoded from something, or that has no declared type: what it is, it shows.
    fn sniff(&self, text: &[u8], place: &Place, depth: usize) -> Result<Clear> {
        if depth > MAX_DEPTH {
            return Err(self.refuse_any(Reason::TooDeep));
        }
        if !self.hits(text) {
            return Ok(Zeroizing::new(text.to_vec()));
        }
        match self.shape(text.trim_ascii()) {
            Shape::Json => self.json(text, place, depth),
            Shape::Xml => self.xml(text, place, depth),
            Shape::Graphql => self.graphql(text, place, depth),
            Shape::SocketIo => self.socketio(text, place, depth),
            Shape::Url => self.url(text, place, depth),
            Shape::Plain => self.raw(text, place, depth),
        }
    }

    /// What a text without surrounding white space is. A placeholder that looks like something is just text.
    fn shape(&self, text: &[u8]) -> Shape {
        match (text.first(), text.last()) {
            _ if self.is_placeholder(text) => Shape::Plain,
            (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']')) if json::is_json(text) => Shape::Json,
            (Some(b'<'), Some(b'>')) => Shape::Xml,
            _ if graphql::is_graphql(text) => Shape::Graphql,
            _ if socketio::is_socketio(text) => Shape::SocketIo,
            _ if url::is_url(text) => Shape::Url,
            _ => Shape::Plain,
        }
    }
}

/// What a text shows itself to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Json,
    Xml,
    Graphql,
    SocketIo,
    Url,
    Plain,
}

#[cfg(test)]
mod tests;
