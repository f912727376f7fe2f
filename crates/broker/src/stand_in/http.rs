//! As much of HTTP/1.1 as clients of Vault speak: one request a connection, a body of known length.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use zeroize::Zeroizing;

/// The longest request: a login with a token of some kilobytes.
const LONGEST: usize = 64 * 1024;
/// How long somebody may take to say what they want, and to take the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A request. What is in it may be a credential: wiped, and no `Debug`.
pub(super) struct Request {
    pub(super) method: String,
    /// Without `/v1/` and without a query; percent-decoded.
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) token: Option<Zeroizing<String>>,
    pub(super) namespace: Option<String>,
    pub(super) body: Zeroizing<Vec<u8>>,
}

/// Status and JSON of an answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

/// A request as it comes in.
pub(super) struct Incoming {
    stream: TcpStream,
    bytes: Zeroizing<Vec<u8>>,
    /// Until when it may come.
    pub(super) until: Instant,
}

/// What has come of a request so far.
pub(super) enum Progress {
    Whole(Request),
    NotYet,
    /// It is none that could be answered, and will not become one.
    Never,
}

impl Incoming {
    /// A connection that does not wait when it is read.
    pub(super) fn new(stream: TcpStream) -> Self {
        // Room from the start, so that the vector does not grow and leave pieces of a credential behind.
        let bytes = Zeroizing::new(Vec::with_capacity(LONGEST));
        Self { stream, bytes, until: Instant::now() + PATIENCE }
    }

    /// Reads what is there.
    pub(super) fn read(&mut self) -> Progress {
        let mut chunk = Zeroizing::new([0; 4096]);
        loop {
            match self.stream.read(&mut *chunk) {
                Ok(count @ 1..) if self.bytes.len() + count <= LONGEST => self.bytes.extend_from_slice(&chunk[..count]),
                Ok(_) => return Progress::Never,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Progress::Never,
            }
            match whole(&self.bytes) {
                Some(None) => {}
                Some(Some(request)) => return Progress::Whole(request),
                None => return Progress::Never,
            }
        }
        Progress::NotYet
    }

    /// The connection, for the answer: writing to it waits from now on.
    pub(super) fn into_stream(self) -> Option<TcpStream> {
        self.stream.set_nonblocking(false).and_then(|()| self.stream.set_write_timeout(Some(PATIENCE))).ok()?;
        Some(self.stream)
    }

    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }
}

/// The request, when all of it is there. `None` when it never will be.
#[expect(clippy::option_option, reason = "not a request, not yet one, one")]
fn whole(bytes: &[u8]) -> Option<Option<Request>> {
    let Some((mut request, head, length)) = parse(bytes)? else { return Some(None) };
    let Some(body) = bytes.get(head..length) else { return Some(None) };
    request.body.extend_from_slice(body);
    Some(Some(request))
}

/// The request, without its body, and the lengths of its head and of the whole, when its head is whole. `None` when it never will be.
#[expect(clippy::option_option, reason = "not a request, not yet one, one")]
fn parse(bytes: &[u8]) -> Option<Option<(Request, usize, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut parsed = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(head) = parsed.parse(bytes).ok()? else { return Some(None) };
    let header = |name: &str| {
        let found = parsed.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.and_then(|header| std::str::from_utf8(header.value).ok())
    };
    if header("transfer-encoding").is_some() {
        return None;
    }
    let length = match header("content-length") {
        Some(text) => text.trim().parse::<usize>().ok().filter(|length| *length <= LONGEST)?,
        None => 0,
    };
    let url = url::Url::parse("http://127.0.0.1/").ok()?.join(parsed.path?).ok()?;
    let path = percent_encoding::percent_decode_str(url.path()).decode_utf8().ok()?;
    let bearer = || header("authorization").and_then(|text| text.strip_prefix("Bearer "));
    let request = Request {
        method: parsed.method?.to_ascii_uppercase(),
        path: path.trim_start_matches('/').strip_prefix("v1/").unwrap_or_default().trim_end_matches('/').to_owned(),
        query: url.query_pairs().into_owned().collect(),
        token: header("x-vault-token").or_else(bearer).map(|token| Zeroizing::new(token.trim().to_owned())),
        namespace: header("x-vault-namespace").map(|name| name.trim_matches('/').to_owned()),
        body: Zeroizing::new(Vec::with_capacity(length)),
    };
    Some(Some((request, head, head + length)))
}

/// Sends an answer. Whoever does not wait for it does not get it.
pub(super) fn write(stream: &mut TcpStream, answer: &Answer) {
    let reason = if answer.status < 400 { "OK" } else { "Refused" };
    let head = format!(
        "HTTP/1.1 {} {reason}\r\nContent-Type: application/json\r\nCache-Control: no-store\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        answer.status,
        answer.body.len()
    );
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&answer.body));
}
