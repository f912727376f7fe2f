//! What a server sends back of the secrets in the head of a response: values become placeholders again, so that a
//! redirect, a cookie or a script carries what may be sent on, and the next request decides anew whether it may.
//!
//! A placeholder that stands in a response comes from nobody who should know it: it is masked, so that no response can
//! have a script send a secret that it did not mean to send.

use std::borrow::Cow;

use tegmen_redact::Patterns;
use tegmen_secret::SecretBytes;
use tegmen_wire::table::{Binding, Book, Entry, Span, Values};

/// Shorter texts are not taken for a value: they stand in heads for other reasons.
const SHORTEST: usize = 6;

/// Fields by which a message is read, and in which nothing is reflected: a value that looks like one of these (a length,
/// the type of a content) must not keep the response from being read.
const FRAMING: [&[u8]; 10] = [
    b"content-length",
    b"transfer-encoding",
    b"content-encoding",
    b"content-type",
    b"connection",
    b"keep-alive",
    b"trailer",
    b"date",
    b"age",
    b"upgrade",
];

/// The secrets of a run, and where their values are read.
pub struct Secrets<'a>(pub [(&'a Book, &'a dyn Values); 2]);

/// A head without values.
pub struct Cleaned {
    /// Its fields, a line each.
    pub head: Vec<u8>,
    /// Encoded values in cookies, which have to come back as they are: each needs a placeholder of its own, under the rules
    /// of its secret. Until then they are masked.
    pub cookies: Vec<(Binding, SecretBytes)>,
}

/// The fields of a head, a line each, with placeholders where values stand; `None` when nothing stands there.
///
/// Tokens that the target has issued stay: there is no placeholder for them, and a script whose session is given to it again
/// would lose it.
pub fn cleaned(patterns: &Patterns, issued: &Patterns, secrets: &Secrets<'_>, head: &[u8]) -> Option<Cleaned> {
    patterns.find(head)?;
    let mut out = Cleaned { head: Vec::with_capacity(head.len() + 64), cookies: Vec::new() };
    let mut changed = false;
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        let colon = memchr::memchr(b':', line);
        let is_framing = colon.is_some_and(|colon| FRAMING.iter().any(|name| line[..colon].eq_ignore_ascii_case(name)));
        if is_framing {
            out.head.extend_from_slice(line);
        } else {
            changed |= field(patterns, issued, secrets, line, &mut out);
        }
    }
    changed.then_some(out)
}

fn field(patterns: &Patterns, issued: &Patterns, secrets: &Secrets<'_>, line: &[u8], cleaned: &mut Cleaned) -> bool {
    let is_cookie = line.get(..11).is_some_and(|name| name.eq_ignore_ascii_case(b"set-cookie:"));
    let Cleaned { head: out, cookies } = cleaned;
    let mut rest = line;
    let mut changed = false;
    while let Some((range, shown)) = patterns.find(rest) {
        let found = &rest[range.clone()];
        out.extend_from_slice(&rest[..range.start]);
        if found.len() < SHORTEST || secrets.knows_none(shown, found) && is_issued(issued, found) {
            out.extend_from_slice(found);
        } else {
            changed = true;
            let placeholder = if secrets.is_token(found) {
                None
            } else if is_cookie {
                let placeholder = secrets.placeholder(found);
                if placeholder.is_none() {
                    cookies.extend(secrets.binding(shown).map(|binding| (binding, SecretBytes::new(found.to_vec()))));
                }
                placeholder
            } else {
                // Of a value that is known in both ways, the one that a URL would encode so.
                let decoded = decoded(found);
                secrets.placeholder(&decoded).or_else(|| secrets.placeholder(found))
            };
            out.extend_from_slice(placeholder.as_deref().unwrap_or(shown).as_bytes());
        }
        rest = &rest[range.end..];
    }
    out.extend_from_slice(rest);
    changed
}

/// Whether the target has issued it, as it stands there or as a URL encodes it.
fn is_issued(issued: &Patterns, found: &[u8]) -> bool {
    let is = |text: &[u8]| issued.find(text).is_some_and(|(range, _)| range.len() == text.len());
    is(found) || is(&decoded(found))
}

impl Secrets<'_> {
    /// Whether it is of no secret: a target may give out, as a session, what it was sent.
    fn knows_none(&self, shown: &str, found: &[u8]) -> bool {
        !self.is_token(found)
            && self.binding(shown).is_none()
            && self.placeholder(found).is_none()
            && self.placeholder(&decoded(found)).is_none()
    }

    /// Whether it is a placeholder, in whatever form.
    fn is_token(&self, found: &[u8]) -> bool {
        self.0.iter().any(|(book, _)| book.finder().hits(found))
    }

    /// The rules of the secret that is shown so.
    fn binding(&self, shown: &str) -> Option<Binding> {
        let name = shown.strip_prefix('[')?.strip_suffix(']')?;
        self.0.iter().find_map(|(book, _)| book.entry(name)).map(|entry| entry.binding.clone())
    }

    /// The placeholder of the value that stands there.
    fn placeholder(&self, found: &[u8]) -> Option<String> {
        self.0.iter().find_map(|(book, values)| {
            book.table().entries.iter().find_map(|entry| {
                let is = |span: Span| {
                    span.len == found.len() && values.copy(span).is_some_and(|value| value.as_slice() == found)
                };
                if is(entry.whole) {
                    return Some(entry.placeholder.clone());
                }
                let token = entry.tokens.iter().find(|token| token.is_sensitive && is(token.part))?;
                text_of(entry, token.offset, token.text.len() + token.filler)
            })
        })
    }
}

fn text_of(entry: &Entry, offset: usize, length: usize) -> Option<String> {
    entry.placeholder.get(offset..offset.checked_add(length)?).map(str::to_owned)
}

/// Without the encoding of URLs (RFC 3986, 2.1).
fn decoded(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'%') {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let hex = |place: usize| text.get(place).and_then(|byte| char::from(*byte).to_digit(16));
        match (byte, hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            _ => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use tegmen_secret::SecretBytes;
    use tegmen_wire::{
        placeholder::{Maker, Tag},
        table::{Binding, Table},
    };

    use super::*;

    struct Held<'a>(&'a [u8]);

    impl Values for Held<'_> {
        fn copy(&self, span: Span) -> Option<zeroize::Zeroizing<Vec<u8>>> {
            self.0.copy(span)
        }
    }

    #[test]
    fn values_become_placeholders_and_placeholders_are_masked() {
        let tag = Tag::random().unwrap();
        let mut maker = Maker::new(tag.clone());
        let mut book =
            Book::new(Table { tag, manifest: None, targets: Vec::new(), entries: Vec::new(), cluster: None }).unwrap();
        let mut stored = Vec::new();
        let mut builder = Patterns::builder();
        let mut placeholder = |name: &str, value: &str| {
            let value = SecretBytes::from(value.to_owned());
            let placeholder = maker.make(&value).unwrap();
            builder.value(name, &value).unwrap();
            builder.literal(name, &placeholder.text);
            let binding = Binding { name: name.to_owned(), ..Binding::default() };
            book.add(binding, &placeholder, &value, &mut |value| {
                stored.extend_from_slice(value.expose());
                Span { start: stored.len() - value.len(), len: value.len() }
            });
            placeholder.text
        };
        let (key, pin) = (placeholder("KEY", "key+of/some=length"), placeholder("PIN", "123456"));
        let patterns = builder.build();
        let none = Patterns::builder().build();
        let held = Held(&stored);
        let values: &dyn Values = &held;
        let secrets = Secrets([(&book, values), (&book, values)]);
        let cleaned = |head: &str| {
            cleaned(&patterns, &none, &secrets, head.as_bytes()).map(|it| String::from_utf8(it.head).unwrap())
        };
        // What the target has issued is given again as it is.
        let (mut known, mut issued) = (Patterns::builder(), Patterns::builder());
        known.token("SESSION", b"t0ken-of-the-target=").unwrap();
        issued.as_it_is("SESSION", b"t0ken-of-the-target=");
        let (known, issued) = (known.build(), issued.build());
        let mut given_out = Patterns::builder();
        given_out.as_it_is("SID", b"key+of/some=length");
        let given_out = given_out.build();
        let head = b"X: key+of/some=length\r\n";
        let cleaned_of = |issued| super::cleaned(&patterns, issued, &secrets, head).unwrap().head;
        assert_eq!(cleaned_of(&given_out), cleaned_of(&none), "what was sent and is given out stays a secret");
        for given in ["t0ken-of-the-target=", "t0ken-of-the-target%3D"] {
            let head = format!("Set-Cookie: session={given}; Path=/\r\n");
            assert!(super::cleaned(&known, &none, &secrets, head.as_bytes()).is_some());
            assert!(super::cleaned(&known, &issued, &secrets, head.as_bytes()).is_none());
        }
        let location = "Location: /x?a=key%2Bof%2Fsome%3Dlength&b=key+of/some=length\r\nContent-Length: 123456\r\n";
        let expected = format!("Location: /x?a={key}&b={key}\r\nContent-Length: 123456\r\n");
        assert_eq!(cleaned(location).unwrap(), expected);
        assert_eq!(cleaned("X: 123456\r\n").unwrap(), format!("X: {pin}\r\n"));
        assert_eq!(cleaned(&format!("Location: /{key}\r\n")).unwrap(), "Location: /[KEY]\r\n");
        assert_eq!(cleaned("Content-Length: 123456\r\n"), None);
        assert_eq!(cleaned("Location: /y\r\n"), None);
        // A cookie has to come back as it is: with an encoding that is none of a cookie's.
        let cookie =
            super::cleaned(&patterns, &none, &secrets, b"Set-Cookie: a=key%2Bof%2Fsome%3Dlength; b=1\r\n").unwrap();
        assert_eq!((cookie.head.as_slice(), cookie.cookies.len()), (&b"Set-Cookie: a=[KEY]; b=1\r\n"[..], 1));
        assert_eq!(cookie.cookies[0].1.expose(), b"key%2Bof%2Fsome%3Dlength");
        assert_eq!(
            super::cleaned(&patterns, &none, &secrets, format!("Set-Cookie: a={key}\r\n").as_bytes())
                .unwrap()
                .cookies
                .len(),
            0
        );
        // Encoded in a way that a request could not be filled in again.
        let hex: String = b"key+of/some=length".iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(cleaned(&format!("X: {hex}\r\n")).unwrap(), "X: [KEY]\r\n");
    }
}
