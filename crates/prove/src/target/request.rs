//! A request as it came over the wire, and where in it a text stands.

use std::io::Read;

use base64::{Engine, engine::general_purpose::STANDARD};
use percent_encoding::percent_decode;
use serde_json::Value;

/// The longest body that is kept; of what is longer the rest is read and searched no further.
const LONGEST: usize = 8 * 1024 * 1024;
/// The longest head.
const LONGEST_HEAD: usize = 256 * 1024;

/// One request.
#[derive(Debug, Default)]
pub struct Request {
    /// GET, POST and so on.
    pub method: String,
    /// Path and query, or whatever stands there.
    pub target: String,
    /// The header fields in their order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body without its framing and its content encoding.
    pub body: Vec<u8>,
    /// Everything as it came, as far as it is kept.
    pub raw: Vec<u8>,
    /// Whether the body was longer than what is kept of it.
    pub is_cut: bool,
}

/// A place in a request, as `places` of the manifest has it, with what stands there.
pub struct Part {
    /// `header:authorization`, `query:token`, `path`, `body:password`, `cookie:sid`, `basic`.
    pub place: String,
    /// Decoded.
    pub text: Vec<u8>,
}

impl Request {
    /// Reads the next request of a connection. `None` at its end, or when what comes is no HTTP; `raw` of the second is
    /// what came until then.
    pub fn read(stream: &mut impl Read, pending: &mut Vec<u8>) -> Result<Option<Self>, Vec<u8>> {
        let head = loop {
            if let Some(length) = head_length(pending) {
                break length;
            }
            if pending.len() > LONGEST_HEAD || !more(stream, pending) {
                let rest = std::mem::take(pending);
                return if rest.is_empty() { Ok(None) } else { Err(rest) };
            }
        };
        let mut fields = [httparse::EMPTY_HEADER; 256];
        let mut parsed = httparse::Request::new(&mut fields);
        if !matches!(parsed.parse(&pending[..head]), Ok(httparse::Status::Complete(_))) {
            return Err(std::mem::take(pending));
        }
        let mut request = Self {
            method: parsed.method.unwrap_or_default().to_owned(),
            target: parsed.path.unwrap_or_default().to_owned(),
            headers: parsed.headers.iter().map(|field| (field.name.to_owned(), field.value.to_vec())).collect(),
            ..Self::default()
        };
        request.raw = pending.drain(..head).collect();
        if request.has("transfer-encoding", "chunked") {
            request.read_chunks(stream, pending);
        } else {
            let length = request.header("content-length").and_then(|value| value.trim().parse().ok()).unwrap_or(0);
            request.read_body(stream, pending, length);
        }
        request.unpack();
        Ok(Some(request))
    }

    /// So many bytes of the body. What is too long is read all the same: behind it comes the next request.
    fn read_body(&mut self, stream: &mut impl Read, pending: &mut Vec<u8>, length: u64) {
        let mut left = length;
        while left > 0 && (!pending.is_empty() || more(stream, pending)) {
            let count = usize::try_from(left).unwrap_or(usize::MAX).min(pending.len());
            let kept = count.min(LONGEST - self.body.len().min(LONGEST));
            self.body.extend_from_slice(&pending[..kept]);
            self.is_cut |= kept < count;
            self.take(pending, count);
            left -= count as u64;
        }
    }

    /// The body of a request that comes in chunks (RFC 9112, section 7.1).
    fn read_chunks(&mut self, stream: &mut impl Read, pending: &mut Vec<u8>) {
        while let Some(line) = line(stream, pending) {
            let size = std::str::from_utf8(&pending[..line]).unwrap_or_default();
            let size = u64::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16).unwrap_or(0);
            self.take(pending, line + 2);
            self.read_body(stream, pending, size);
            // Behind a chunk there is the end of its line; behind the last one come the trailers, if there are any.
            while let Some(length) = self::line(stream, pending) {
                self.take(pending, length + 2);
                if size > 0 || length == 0 {
                    break;
                }
            }
            if size == 0 {
                return;
            }
        }
    }

    /// Takes bytes over as they came, as far as there is room.
    fn take(&mut self, pending: &mut Vec<u8>, count: usize) {
        let kept = count.min((2 * LONGEST).saturating_sub(self.raw.len()));
        self.raw.extend_from_slice(&pending[..kept]);
        pending.drain(..count);
    }

    fn unpack(&mut self) {
        let read = |packed: &mut dyn Read| {
            let mut unpacked = Vec::new();
            // What came until it broke off counts.
            let _ = packed.take(LONGEST as u64).read_to_end(&mut unpacked);
            unpacked
        };
        let mut unpacked = Vec::new();
        if self.has("content-encoding", "gzip") {
            unpacked = read(&mut flate2::read::MultiGzDecoder::new(&self.body[..]));
        } else if self.has("content-encoding", "deflate") {
            unpacked = read(&mut flate2::read::ZlibDecoder::new(&self.body[..]));
            // Many send it without the frame that the standard asks for.
            if unpacked.is_empty() {
                unpacked = read(&mut flate2::read::DeflateDecoder::new(&self.body[..]));
            }
        }
        if !unpacked.is_empty() {
            self.body = unpacked;
        }
    }

    /// The first header field of that name, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let field = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(&field.1).ok()
    }

    fn has(&self, name: &str, word: &str) -> bool {
        self.header(name).is_some_and(|value| value.to_ascii_lowercase().contains(word))
    }

    /// Path without the query.
    pub fn path(&self) -> &str {
        self.target.split(['?', '#']).next().unwrap_or_default()
    }

    /// Everything that a value could stand in.
    pub fn parts(&self) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut add = |place: String, text: Vec<u8>| parts.push(Part { place, text });
        add("path".to_owned(), percent_decode(self.path().as_bytes()).collect());
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            add(format!("query:{name}"), value.into_owned().into_bytes());
        }
        for (name, value) in &self.headers {
            let name = name.to_ascii_lowercase();
            let text = String::from_utf8_lossy(value);
            if name == "cookie" {
                for (name, value) in text.split(';').filter_map(|pair| pair.split_once('=')) {
                    add(format!("cookie:{}", name.trim()), percent_decode(value.trim().as_bytes()).collect());
                }
                continue;
            }
            let basic = text.get(..6).filter(|scheme| scheme.eq_ignore_ascii_case("basic "));
            match basic.and_then(|_| STANDARD.decode(text[6..].trim()).ok()) {
                Some(pair) => add("basic".to_owned(), pair),
                None => add(format!("header:{name}"), value.clone()),
            }
        }
        self.body_parts(&mut add);
        parts
    }

    fn body_parts(&self, add: &mut impl FnMut(String, Vec<u8>)) {
        if self.body.is_empty() {
            return;
        }
        if let Ok(document) = serde_json::from_slice::<Value>(&self.body) {
            leaves("", &document, add);
        } else if self.has("content-type", "x-www-form-urlencoded") {
            for (name, value) in url::form_urlencoded::parse(&self.body) {
                add(format!("body:{name}"), value.into_owned().into_bytes());
            }
        } else if let Some(boundary) = self.boundary() {
            for part in split(&self.body, format!("--{boundary}").as_bytes()) {
                let name = memchr::memmem::find(part, b"\r\n\r\n").and_then(|end| {
                    let head = String::from_utf8_lossy(&part[..end]).into_owned();
                    let name = head.split("name=").nth(1)?.trim_start_matches('"');
                    Some(name.split(['"', ';', '\r']).next()?.to_owned())
                });
                add(name.map_or_else(|| "body".to_owned(), |name| format!("body:{name}")), part.to_vec());
            }
        } else {
            add("body".to_owned(), self.body.clone());
        }
    }

    fn boundary(&self) -> Option<String> {
        let kind = self.header("content-type")?;
        let boundary = kind.split("boundary=").nth(1)?.split(';').next()?;
        kind.starts_with("multipart/").then(|| boundary.trim().trim_matches('"').to_owned())
    }
}

fn split<'a>(text: &'a [u8], by: &[u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    let mut start = 0;
    for at in memchr::memmem::find_iter(text, by) {
        pieces.push(&text[start..at]);
        start = at + by.len();
    }
    pieces.push(&text[start..]);
    pieces
}

/// The texts of a document, each under the name of its field.
fn leaves(name: &str, value: &Value, add: &mut impl FnMut(String, Vec<u8>)) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, field)| leaves(name, field, add)),
        Value::Array(items) => items.iter().for_each(|item| leaves(name, item, add)),
        Value::Null | Value::Bool(_) => {}
        leaf => {
            let text = leaf.as_str().map_or_else(|| leaf.to_string(), str::to_owned);
            let place = if name.is_empty() { "body".to_owned() } else { format!("body:{name}") };
            add(place, text.into_bytes());
        }
    }
}

fn head_length(bytes: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, b"\r\n\r\n").map(|at| at + 4)
}

/// The length of the line that comes next, without its end. `None` when there is none, or one that is far too long.
fn line(stream: &mut impl Read, pending: &mut Vec<u8>) -> Option<usize> {
    loop {
        if let Some(length) = memchr::memmem::find(pending, b"\r\n") {
            return Some(length);
        }
        if pending.len() > LONGEST_HEAD || !more(stream, pending) {
            return None;
        }
    }
}

/// Reads a piece more; false at the end.
pub(super) fn more(stream: &mut impl Read, pending: &mut Vec<u8>) -> bool {
    let mut chunk = [0; 16 * 1024];
    match stream.read(&mut chunk) {
        Ok(0) | Err(_) => false,
        Ok(count) => {
            pending.extend_from_slice(&chunk[..count]);
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Request {
        Request::read(&mut text.as_bytes(), &mut Vec::new()).unwrap().unwrap()
    }

    fn places(request: &Request, value: &str) -> Vec<String> {
        let found = |part: &Part| memchr::memmem::find(&part.text, value.as_bytes()).is_some();
        request.parts().into_iter().filter(found).map(|part| part.place).collect()
    }

    #[test]
    fn a_value_is_found_in_its_place() {
        let basic = STANDARD.encode("ann:V4lue");
        let json = r#"{"a": [{"pass": "V4lue"}]}"#;
        let head = format!(
            "POST /k/V4lue?token=V4lue&x=1 HTTP/1.1\r\nHost: a\r\nX-Key: Bearer V4lue\r\nAuthorization: Basic {basic}\r\n\
             Cookie: a=1; sid=V4lue\r\nContent-Length: {}\r\n\r\n",
            json.len()
        );
        let request = read(&format!("{head}{json}"));
        let expected = ["path", "query:token", "header:x-key", "basic", "cookie:sid", "body:pass"];
        assert_eq!(places(&request, "V4lue"), expected);
        let form = "user=ann&pass=V4%6Cue";
        let length = form.len();
        let kind = "application/x-www-form-urlencoded";
        let head = format!("POST / HTTP/1.1\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n");
        assert_eq!(places(&read(&format!("{head}{form}")), "V4lue"), ["body:pass"]);
    }

    #[test]
    fn chunks_are_put_together_and_the_next_request_is_left() {
        let text = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nV4l\r\n2;x=y\r\nue\r\n0\r\n\r\nGET /n HTTP/1.1\r\n\r\n";
        let (mut stream, mut pending) = (text.as_bytes(), Vec::new());
        let first = Request::read(&mut stream, &mut pending).unwrap().unwrap();
        assert_eq!(first.body, b"V4lue");
        let second = Request::read(&mut stream, &mut pending).unwrap().unwrap();
        assert_eq!(second.path(), "/n");
        assert!(Request::read(&mut stream, &mut pending).unwrap().is_none());
    }

    #[test]
    fn what_is_too_long_is_read_to_its_end() {
        let long = "x".repeat(LONGEST + 1000);
        let head = format!("POST /up HTTP/1.1\r\nContent-Length: {}\r\n\r\n", long.len());
        let chunks = format!("{:x}\r\n{long}\r\n3\r\nabc\r\n0\r\nX-Sum: V4lue\r\n\r\n", long.len());
        let chunked = format!("POST /up HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
        for text in [format!("{head}{long}"), chunked] {
            let text = format!("{text}GET /next HTTP/1.1\r\n\r\n");
            let (mut stream, mut pending) = (text.as_bytes(), Vec::new());
            let first = Request::read(&mut stream, &mut pending).unwrap().unwrap();
            assert!(first.is_cut && first.body.len() == LONGEST);
            let second = Request::read(&mut stream, &mut pending).unwrap().unwrap();
            assert!(second.path() == "/next" && !second.is_cut);
        }
    }

    #[test]
    fn a_trailer_belongs_to_its_request_and_no_size_breaks_anything() {
        let head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        let request = read(&format!("{head}1\r\na\r\n0\r\nX-Sum: V4lue\r\n\r\n"));
        assert!(request.body == b"a" && memchr::memmem::find(&request.raw, b"V4lue").is_some());
        assert_eq!(read(&format!("{head}ffffffffffffffff\r\nabc")).body, b"abc");
        assert_eq!(read(&format!("{head}-1\r\nabc")).body, b"");
    }

    #[test]
    fn a_body_is_unpacked_as_far_as_it_goes() {
        use std::io::Write;
        let mut raw = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        raw.write_all(b"key=V4lue").unwrap();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(b"key=V4lue").unwrap();
        let gzip = [gzip.finish().unwrap(), b"and more".to_vec()].concat();
        for (encoding, body) in [("deflate", raw.finish().unwrap()), ("gzip", gzip)] {
            let head =
                format!("POST / HTTP/1.1\r\nContent-Encoding: {encoding}\r\nContent-Length: {}\r\n\r\n", body.len());
            let bytes = [head.as_bytes(), &body].concat();
            assert_eq!(Request::read(&mut &bytes[..], &mut Vec::new()).unwrap().unwrap().body, b"key=V4lue");
        }
    }

    #[test]
    fn what_is_no_http_is_given_back_whole() {
        let garbage = "\x00\x01 canary \r\n\r\n";
        assert_eq!(Request::read(&mut garbage.as_bytes(), &mut Vec::new()).unwrap_err(), garbage.as_bytes());
    }
}
