//! A request's head as it goes out: request line and header fields (RFC 9112, 2 and 5), without or with the empty line.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::{Clear, Layer, Request, Result, fill, text::append};
use crate::origin::Origin;

/// A head with its values.
pub struct FilledHead {
    /// What has to be sent instead.
    pub bytes: Clear,
    /// The names of the secrets in it, without repetition.
    pub secrets: Arc<[String]>,
    /// Whether every secret in it allows a connection whose certificate is not verified.
    pub tls_unverified: bool,
}

/// Fills a head. `None` when it carries no token. See [`fill`]; the method is no place for a secret, and is looked at by
/// the caller.
///
/// # Errors
/// Those of [`fill`].
pub fn fill_head(layers: &[Layer<'_>], targets: &[Origin], origin: &Origin, head: &[u8]) -> Result<Option<FilledHead>> {
    let line_end = line_end(head, 0);
    let start = memchr::memchr(b' ', &head[..line_end]).map_or(0, |space| space + 1);
    let end = memchr::memrchr(b' ', &head[..line_end]).filter(|space| *space >= start).unwrap_or(line_end);
    let fields: Vec<Field> = Fields { head, at: line_end + 2 }.collect();
    let headers: Vec<(&[u8], &[u8])> =
        fields.iter().map(|field| (&head[field.start..field.colon], &head[field.value..field.end])).collect();
    let request = Request { origin, target: &head[start..end], headers: &headers, body: None };
    let Some(filled) = fill(layers, targets, &request)? else { return Ok(None) };
    let mut bytes = Zeroizing::new(Vec::with_capacity(head.len() + 256));
    let mut done = 0;
    if let Some(target) = &filled.target {
        append(&mut bytes, &head[..start]);
        append(&mut bytes, target);
        done = end;
    }
    for (index, value) in &filled.headers {
        let Some(field) = fields.get(*index) else { continue };
        append(&mut bytes, &head[done..field.value]);
        append(&mut bytes, value);
        done = field.end;
    }
    append(&mut bytes, &head[done..]);
    Ok(Some(FilledHead { bytes, secrets: filled.secrets.into(), tls_unverified: filled.tls_unverified }))
}

/// Where the line ends that `from` is in.
fn line_end(head: &[u8], from: usize) -> usize {
    memchr::memchr_iter(b'\r', &head[from..])
        .map(|at| from + at)
        .find(|at| head.get(at + 1) == Some(&b'\n'))
        .unwrap_or(head.len())
}

/// Where a header field stands in the head: its name up to the colon, and its value.
struct Field {
    start: usize,
    colon: usize,
    value: usize,
    end: usize,
}

/// The header fields from `at` on. A line that begins with white space belongs to the one before (RFC 9112, 5.2).
struct Fields<'a> {
    head: &'a [u8],
    at: usize,
}

impl Iterator for Fields<'_> {
    type Item = Field;

    fn next(&mut self) -> Option<Field> {
        let start = self.at;
        let rest = self.head.get(start..)?;
        let mut end = start;
        loop {
            end = line_end(self.head, end);
            if !matches!(self.head.get(end + 2), Some(b' ' | b'\t')) {
                break;
            }
            end += 2;
        }
        if end == start || rest.is_empty() {
            return None;
        }
        self.at = end + 2;
        let colon = memchr::memchr(b':', &self.head[start..end]).map_or(end, |at| start + at);
        let blanks = self.head[colon..end].iter().skip(1).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        Some(Field { start, colon, value: (colon + 1 + blanks).min(end), end })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(head: &[u8]) -> Vec<(&[u8], &[u8])> {
        let at = line_end(head, 0) + 2;
        Fields { head, at }.map(|field| (&head[field.start..field.colon], &head[field.value..field.end])).collect()
    }

    #[test]
    fn finds_the_fields_of_any_head() {
        let pair = (&b"Host"[..], &b"a"[..]);
        for head in
            ["GET / HTTP/1.1\r\nHost: a", "GET / HTTP/1.1\r\nHost: a\r\n", "GET / HTTP/1.1\r\nHost:  a\r\n\r\nX: b"]
        {
            assert_eq!(fields(head.as_bytes()), [pair], "{head:?}");
        }
        assert_eq!(
            fields(b"GET / HTTP/1.1\r\nHost: a\r\nX:\r\nY: b\r\n\tc\r\n\r\n"),
            [pair, (b"X", b""), (b"Y", b"b\r\n\tc")]
        );
        assert_eq!(fields(b"GET / HTTP/1.1\r\nodd\r\n"), [(&b"odd"[..], &b""[..])]);
        for head in [&b""[..], b"GET", b"GET / HTTP/1.1", b"GET / HTTP/1.1\r\n", b"\r\n\r\n", b" \r\n \r\n"] {
            assert!(fields(head).len() <= 1, "{head:?}");
        }
    }
}
