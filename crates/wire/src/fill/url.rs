//! Placeholders in request targets and URLs (RFC 3986): percent-encoded in the path, as pairs in the query, refused in
//! the host.

use percent_encoding::percent_decode;
use zeroize::Zeroizing;

use super::{
    Clear, Filler, Reason, Result, Shape,
    form::{is_query, percent},
    text::append,
};
use crate::{finder::Form, place::Place};

/// Whether the text is one absolute http or https URL.
pub(super) fn is_url(text: &[u8]) -> bool {
    (text.starts_with(b"http://") || text.starts_with(b"https://")) && !text.iter().any(u8::is_ascii_whitespace)
}

/// Where the path begins in a request target: behind scheme and host in one for a proxy (RFC 9112, 3.2.2), else 0.
pub(super) fn path_start(target: &[u8]) -> usize {
    match memchr::memmem::find(target, b"://") {
        Some(at) if target[..at].iter().all(u8::is_ascii_alphanumeric) => {
            let authority = &target[at + 3..];
            at + 3 + authority.iter().position(|byte| b"/?#".contains(byte)).unwrap_or(authority.len())
        }
        _ => 0,
    }
}

impl Filler<'_> {
    /// Fills the request target: path and query, or an absolute URL.
    pub(super) fn target(&self, target: &[u8]) -> Result<Clear> {
        let path_start = path_start(target);
        if self.hits(&target[..path_start]) {
            return Err(self.refuse_in(&target[..path_start], Reason::InHost));
        }
        let query_start = memchr::memchr(b'?', &target[path_start..]).map_or(target.len(), |at| path_start + at);
        let mut out = Zeroizing::new(target[..path_start].to_vec());
        let path = &target[path_start..query_start];
        let last = path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
        for segment in path[..last].split_inclusive(|byte| *byte == b'/') {
            append(&mut out, &self.segment(segment, &Place::Path, 0)?);
        }
        let segment = &path[last..];
        let filled = match target.get(query_start) {
            Some(_) => self.segment(segment, &Place::Path, 0),
            None => self.last_segment(segment),
        }?;
        append(&mut out, &filled);
        if let Some(query) = target.get(query_start + 1..) {
            append(&mut out, b"?");
            append(&mut out, &self.form(query, &|name| Place::Query(Some(name.to_owned())), 0)?);
        }
        Ok(out)
    }

    /// A segment of a path, perhaps with the slash that ends it.
    fn segment(&self, segment: &[u8], place: &Place, depth: usize) -> Result<Clear> {
        if segment.contains(&b'%') && self.hits(segment) {
            // The script has percent-encoded what it put there: a document, or a placeholder that looks like one.
            let (inner, slash) = segment.strip_suffix(b"/").map_or((segment, &b""[..]), |inner| (inner, &b"/"[..]));
            let decoded = Zeroizing::new(percent_decode(inner).collect::<Vec<u8>>());
            if self.shape(&decoded) != Shape::Plain || self.whole_hits(&decoded) > self.whole_hits(inner) {
                let mut out = Zeroizing::new(percent(&self.sniff(&decoded, place, depth + 1)?));
                append(&mut out, slash);
                return Ok(out);
            }
        }
        self.replace(segment, place, depth, &mut |_, value| path_segment(value))
    }

    /// The end of a target without a query. A value such as a signature `?sv=…&sig=…` brings the query itself.
    fn last_segment(&self, segment: &[u8]) -> Result<Clear> {
        if let Some((at, Form::Plain)) = self.find(segment, 0)
            && let Ok(hit) = self.hit(segment, at, 0)
            && let value = self.value(hit.layer, hit.entry, hit.span, &Place::Query(None))
            && let Ok(value) = value
            && value.strip_prefix(b"?").is_some_and(is_query)
        {
            let mut out = Zeroizing::new(segment[..hit.start].to_vec());
            append(&mut out, &value);
            append(&mut out, &self.form(&segment[hit.end..], &|name| Place::Query(Some(name.to_owned())), 0)?);
            return Ok(out);
        }
        self.segment(segment, &Place::Path, 0)
    }

    /// How many placeholders stand there as a whole.
    fn whole_hits(&self, text: &[u8]) -> usize {
        self.wholes(text).len()
    }

    /// Fills a URL that stands in a header or a body: the place is that of the whole.
    pub(super) fn url(&self, text: &[u8], place: &Place, depth: usize) -> Result<Clear> {
        let split = memchr::memchr(b'?', text).unwrap_or(text.len());
        let authority_end = memchr::memmem::find(text, b"://")
            .and_then(|at| memchr::memchr(b'/', &text[at + 3..]).map(|slash| at + 3 + slash))
            .unwrap_or(split)
            .min(split);
        // User and password before the host are percent-encoded like everything else.
        let mut out = self.replace(&text[..authority_end], place, depth, &mut |_, value| Ok(percent(value)))?;
        let path = &text[authority_end..split];
        for segment in path.split_inclusive(|byte| *byte == b'/') {
            append(&mut out, &self.segment(segment, place, depth)?);
        }
        if let Some(query) = text.get(split + 1..) {
            append(&mut out, b"?");
            append(&mut out, &self.form(query, &|_| place.clone(), depth)?);
        }
        Ok(out)
    }
}

/// `.` and `..` as a whole segment would be taken away by whoever normalises the path.
fn path_segment(value: &[u8]) -> std::result::Result<Vec<u8>, &'static str> {
    match value {
        b"." => Ok(b"%2E".to_vec()),
        b".." => Ok(b"%2E%2E".to_vec()),
        _ => Ok(percent(value)),
    }
}
