//! Placeholders in multipart bodies (RFC 7578): each part by its own type.

use zeroize::Zeroizing;

use super::{Clear, Filler, Reason, Result, text::append};
use crate::place::Place;

impl Filler<'_> {
    /// Fills a multipart body with the boundary given.
    pub(super) fn multipart(&self, body: &[u8], boundary: &[u8], depth: usize) -> Result<Clear> {
        let delimiter = [b"--", boundary].concat();
        let mut out = Zeroizing::new(Vec::with_capacity(body.len() + 256));
        let mut at = 0;
        for next in memchr::memmem::find_iter(body, &delimiter).chain([body.len()]) {
            let part = &body[at..next];
            let filled = if self.hits(part) { self.part_of(part, depth)? } else { Zeroizing::new(part.to_vec()) };
            let delimiters = |bytes: &[u8]| memchr::memmem::find_iter(bytes, &delimiter).count();
            if delimiters(&filled) != delimiters(part) {
                let why = "it holds the boundary of the multipart body";
                return Err(self.refuse_any(Reason::Impossible(Place::Body(None), why)));
            }
            append(&mut out, &filled);
            at = next;
        }
        Ok(out)
    }

    /// A part from its delimiter on: headers, an empty line, content, CRLF.
    fn part_of(&self, part: &[u8], depth: usize) -> Result<Clear> {
        let Some(split) = memchr::memmem::find(part, b"\r\n\r\n").map(|at| at + 4) else {
            return self.raw(part, &Place::Body(None), depth);
        };
        let (head, rest) = part.split_at(split);
        // The names and file names of parts are quoted: as browsers and urllib3 write them (HTML, 4.10.21.8).
        let mut out = self.replace(head, &Place::Body(None), depth, &mut |_, value| {
            let mut quoted = Vec::with_capacity(value.len());
            for byte in value {
                match byte {
                    b'"' => quoted.extend_from_slice(b"%22"),
                    b'\r' => quoted.extend_from_slice(b"%0D"),
                    b'\n' => quoted.extend_from_slice(b"%0A"),
                    _ => quoted.push(*byte),
                }
            }
            Ok(quoted)
        })?;
        let content = rest.strip_suffix(b"\r\n").unwrap_or(rest);
        append(&mut out, &self.content_in(content, content_type(head), &Place::Body(field_name(head)), depth + 1)?);
        append(&mut out, &rest[content.len()..]);
        Ok(out)
    }
}

fn content_type(head: &[u8]) -> Option<&str> {
    std::str::from_utf8(head).ok()?.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-type").then_some(value.trim())
    })
}

/// The `name` of a part, from its Content-Disposition.
fn field_name(head: &[u8]) -> Option<String> {
    let head = std::str::from_utf8(head).ok()?;
    let (_, rest) = head.split_once("; name=\"")?;
    rest.split_once('"').map(|(name, _)| name.to_owned())
}
