//! [`Lines`]: header fields that were filled before. A load test sends the same few fields again and again.

use std::{collections::HashMap, ops::Range, sync::Arc};

use tegmen_secret::SecretBytes;
use tegmen_wire::{
    fill::{self, FilledHead, Layer},
    origin::{Origin, Scheme},
};
use zeroize::Zeroizing;

/// So many fields are kept, and no more: a test with a token for each of ten thousand users has as many.
const MOST: usize = 1 << 14;

/// Where a request goes, as the client has it.
pub type Dialled<'a> = (Scheme, &'a str, u16);

/// Filled header fields of one generation of the shared memory, by destination and by what the script has written. They
/// are wiped when the values change.
#[derive(Default)]
pub struct Lines {
    generation: u64,
    by_host: HashMap<String, Vec<Destination>>,
    kept: usize,
    /// What was counted before the fields were forgotten.
    counted: Vec<Counted>,
}

/// A destination, the secrets that requests to it have carried, and how many requests.
pub type Counted = (Origin, Arc<[String]>, i64);

struct Destination {
    scheme: Scheme,
    port: u16,
    origin: Origin,
    lines: HashMap<Box<[u8]>, Line>,
    /// How many requests have carried which secrets.
    sent: Vec<(Arc<[String]>, i64)>,
}

struct Line {
    sent: SecretBytes,
    secrets: Arc<[String]>,
    tls_unverified: bool,
}

impl Lines {
    /// Fills a head of which all placeholders stand in header fields of a line each. `None` for any other, and for one
    /// that is refused: [`fill::fill_head`] says why. What it gives is what that would give, since header fields are
    /// filled one by one.
    pub fn fill(
        &mut self,
        generation: u64,
        layers: &[Layer<'_>],
        targets: &[Origin],
        dialled: Dialled<'_>,
        head: &[u8],
    ) -> Option<FilledHead> {
        let finder = layers.first()?.book.finder();
        let (mut found, _) = finder.find(head, 0)?;
        let request_line = memchr::memchr(b'\n', head)?;
        // An absolute target is meant for somebody behind the destination; see `fill`.
        if found < request_line || memchr::memmem::find(&head[..request_line], b"://").is_some() {
            return None;
        }
        if self.generation != generation || self.kept >= MOST {
            *self = Self { generation, counted: self.take_counted(), ..Self::default() };
        }
        let mut filled = FilledHead {
            bytes: Zeroizing::new(Vec::with_capacity(head.len() + 512)),
            secrets: Arc::default(),
            tls_unverified: true,
        };
        let mut done = 0;
        loop {
            let written = line_around(head, found)?;
            let line = self.line(layers, targets, dialled, &head[written.clone()])?;
            fill::append(&mut filled.bytes, &head[done..written.start]);
            fill::append(&mut filled.bytes, line.sent.expose());
            filled.secrets = joined(&filled.secrets, &line.secrets);
            filled.tls_unverified &= line.tls_unverified;
            done = written.end;
            match finder.find(head, done) {
                Some((next, _)) => found = next,
                None => break,
            }
        }
        fill::append(&mut filled.bytes, &head[done..]);
        self.count(dialled, &filled.secrets);
        Some(filled)
    }

    /// What was counted since the last time.
    pub fn take_counted(&mut self) -> Vec<Counted> {
        let mut counted = std::mem::take(&mut self.counted);
        for destination in self.by_host.values_mut().flatten() {
            let sent = std::mem::take(&mut destination.sent).into_iter();
            counted.extend(sent.map(|(secrets, times)| (destination.origin.clone(), secrets, times)));
        }
        counted
    }

    /// Counts a request. The same few secrets are looked for by where they stand in memory: this is done for every one.
    fn count(&mut self, (scheme, host, port): Dialled<'_>, secrets: &Arc<[String]>) {
        let is_meant = |known: &&mut Destination| known.port == port && known.scheme == scheme;
        let Some(known) = self.by_host.get_mut(host).and_then(|known| known.iter_mut().find(is_meant)) else { return };
        match known.sent.iter_mut().find(|(known, _)| Arc::ptr_eq(known, secrets)) {
            Some((_, times)) => *times += 1,
            // Of several fields the names are joined anew each time.
            None => match known.sent.iter_mut().find(|(known, _)| known == secrets) {
                Some((_, times)) => *times += 1,
                None => known.sent.push((secrets.clone(), 1)),
            },
        }
    }

    /// Forgets all of them: what a placeholder stood for is not to be sent any more.
    pub fn forget(&mut self) {
        *self = Self { generation: self.generation, counted: self.take_counted(), ..Self::default() };
    }

    /// The header field, filled.
    fn line(
        &mut self,
        layers: &[Layer<'_>],
        targets: &[Origin],
        (scheme, host, port): Dialled<'_>,
        written: &[u8],
    ) -> Option<&Line> {
        let is_meant = |known: &Destination| known.port == port && known.scheme == scheme;
        // Looked up twice where it is new: an entry of a map would need a key of its own each time.
        if !self.by_host.get(host).is_some_and(|known| known.iter().any(is_meant)) {
            if layers.first()?.book.finder().hits(host.as_bytes()) {
                return None;
            }
            let origin = Origin::new(scheme, host, Some(port));
            let new = Destination { scheme, port, origin, lines: HashMap::new(), sent: Vec::new() };
            self.by_host.entry(host.to_owned()).or_default().push(new);
            self.kept += 1;
        }
        let known = self.by_host.get_mut(host)?.iter_mut().find(|known| is_meant(known))?;
        if !known.lines.contains_key(written) {
            let line = Line::fill(layers, targets, &known.origin, written)?;
            known.lines.insert(written.into(), line);
            self.kept += 1;
        }
        known.lines.get(written)
    }
}

/// The whole line that a place in a head is in. `None` when it is one of several that make up a header field (RFC 9112,
/// 5.2), or when it ends in an odd way.
fn line_around(head: &[u8], place: usize) -> Option<Range<usize>> {
    let start = memchr::memrchr(b'\n', &head[..place])? + 1;
    let end = memchr::memchr2(b'\r', b'\n', &head[place..]).map_or(head.len(), |at| place + at);
    let is_blank = |at: usize| matches!(head.get(at), Some(b' ' | b'\t'));
    let is_whole = head[..start].ends_with(b"\r\n") && (end == head.len() || head[end..].starts_with(b"\r\n"));
    (is_whole && !is_blank(start) && !is_blank(end + 2)).then_some(start..end)
}

/// Names without repetition; nothing is copied where the same secrets stand in both.
fn joined(names: &Arc<[String]>, more: &Arc<[String]>) -> Arc<[String]> {
    if names.is_empty() {
        return more.clone();
    }
    if more.iter().all(|name| names.contains(name)) {
        return names.clone();
    }
    let new = more.iter().filter(|name| !names.contains(name));
    names.iter().chain(new).cloned().collect()
}

impl Line {
    /// Fills a header field by itself.
    fn fill(layers: &[Layer<'_>], targets: &[Origin], origin: &Origin, written: &[u8]) -> Option<Self> {
        // As the head of a request that has but this field.
        let head = [b"GET / HTTP/1.1\r\n", written].concat();
        let filled = fill::fill_head(layers, targets, origin, &head).ok()??;
        let sent = SecretBytes::new(filled.bytes.get(head.len() - written.len()..)?.to_vec());
        Some(Self { sent, secrets: filled.secrets, tls_unverified: filled.tls_unverified })
    }
}

#[cfg(test)]
mod tests {
    use tegmen_wire::{
        placeholder::{Maker, Tag},
        table::{Binding, Book, Table, Values},
    };

    use super::*;

    /// Two secrets, one of them for one host only; where their values stand.
    struct Two {
        book: Book,
        values: Vec<u8>,
        placeholders: [String; 2],
    }

    fn two() -> Two {
        let tag = Tag::random().unwrap();
        let mut maker = Maker::new(tag.clone());
        let mut book =
            Book::new(Table { tag, manifest: None, targets: Vec::new(), entries: Vec::new(), cluster: None }).unwrap();
        let mut values = Vec::new();
        let placeholders = [("API_KEY", "first-value-of-some-length"), ("TOKEN", "second \"value\" of some length")];
        let placeholders = placeholders.map(|(name, value)| {
            let value = SecretBytes::from(value.to_owned());
            let placeholder = maker.make(&value).unwrap();
            let hosts = (name == "TOKEN").then(|| vec![Origin::new(Scheme::Http, "shop.example", Some(80))]);
            let binding = Binding { name: name.into(), hosts, ..Binding::default() };
            book.add(binding, &placeholder, &value, &mut |value| {
                values.extend_from_slice(value.expose());
                tegmen_wire::table::Span { start: values.len() - value.len(), len: value.len() }
            });
            placeholder.text
        });
        Two { book, values, placeholders }
    }

    /// The same as the slow way gives, whatever the head, the first time and the second.
    #[test]
    fn what_is_remembered_is_what_would_be_made() {
        let Two { book, values, placeholders: [key, token] } = &two();
        let targets =
            [Origin::new(Scheme::Http, "127.0.0.1", Some(8000)), Origin::new(Scheme::Http, "shop.example", None)];
        let values: &dyn Values = &Held(values);
        let layers = [Layer { book, values }];
        let basic = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("user:{key}"));
        let mut lines = Lines::default();
        let heads = [
            format!("GET / HTTP/1.1\r\nHost: a\r\nX-Api-Key: {key}\r\nAccept: */*\r\n\r\n"),
            format!("GET / HTTP/1.1\r\nX-Api-Key: {key}\r\nAuthorization: Bearer {token}\r\nY: {key}"),
            format!("GET / HTTP/1.1\r\nX: a=\"{token}\"\r\nCookie: a={key}; b={token}\r\n"),
            format!("GET /?key={key} HTTP/1.1\r\nX-Api-Key: {key}\r\n\r\n"),
            format!("GET http://127.0.0.1:8000/ HTTP/1.1\r\nX-Api-Key: {key}\r\n\r\n"),
            format!("GET /?u=http://b HTTP/1.1\r\nX-Api-Key: {key}\r\n\r\n"),
            format!("GET / HTTP/1.1\r\nX: a\r\n {key}\r\nY: b\r\n\r\n"),
            format!("GET / HTTP/1.1\r\nX: {key}\r\n\tand more\r\n\r\n"),
            format!("GET / HTTP/1.1\r\nX: {key}\nY: {key}\r\n\r\n"),
            format!("GET / HTTP/1.1\nX: {key}\n\n"),
            format!("GET / HTTP/1.1\r\n{key}: x\r\n\r\n"),
            format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", &key[..key.len() - 2]),
            format!("GET / HTTP/1.1\r\nAuthorization: Basic {basic}\r\n\r\n"),
            "GET / HTTP/1.1\r\nX: y\r\n\r\n".to_owned(),
            format!("GET / HTTP/1.1\r\nX: {key}\r"),
        ];
        let mut remembered = 0;
        for round in 0..2 {
            for head in &heads {
                for (host, port) in [("127.0.0.1", 8000), ("shop.example", 80), ("elsewhere.example", 80), (key, 80)] {
                    let origin = Origin::new(Scheme::Http, host, Some(port));
                    let made = fill::fill_head(&layers, &targets, &origin, head.as_bytes());
                    let got = lines.fill(1, &layers, &targets, (Scheme::Http, host, port), head.as_bytes());
                    let Some(got) = got else { continue };
                    remembered += round;
                    let made = made.unwrap().unwrap();
                    assert_eq!(*got.bytes, *made.bytes, "{head:?} to {host}");
                    assert_eq!((&got.secrets, got.tls_unverified), (&made.secrets, made.tls_unverified), "{head:?}");
                }
            }
        }
        assert_eq!(remembered, 6);
        assert!(lines.kept > 0 && lines.by_host.len() == 3, "no host with a placeholder in its name");
        // Another generation: nothing of the old one is left.
        lines.fill(2, &layers, &targets, (Scheme::Http, "127.0.0.1", 8000), heads[0].as_bytes()).unwrap();
        assert_eq!(lines.kept, 2);
        // What was counted is still known, each request once however many fields it has.
        let counted = lines.take_counted();
        let to_shop: i64 = counted.iter().filter(|one| one.0.host == "shop.example").map(|one| one.2).sum();
        assert!(to_shop > 0 && counted.iter().map(|one| one.2).sum::<i64>() > to_shop);
        assert_eq!(lines.take_counted().len(), 0);
    }

    struct Held<'a>(&'a [u8]);

    impl Values for Held<'_> {
        fn copy(&self, span: tegmen_wire::table::Span) -> Option<Zeroizing<Vec<u8>>> {
            self.0.copy(span)
        }
    }
}
