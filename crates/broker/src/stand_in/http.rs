//! As much of HTTP/1.1 as clients of Vault speak: one request a connection, a body of known length.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use zeroize::Zeroizing;

/// The longest request: a login with a token of some kilobytes.
const LONGEST: usize = 64 * 1024;
/// How long somebody may take to say what they want.
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

/// Reads a request; `None` when it is none that could be answered.
pub(super) fn read(stream: &mut TcpStream) -> Option<Request> {
    let deadline = Instant::now() + PATIENCE;
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST));
    let mut chunk = Zeroizing::new([0; 4096]);
    let mut whole = None;
    loop {
        if whole.is_none() {
            whole = parse(&bytes)?;
        }
        if let Some((request, head, length)) = &mut whole
            && bytes.len() >= *length
        {
            let mut request = request.take()?;
            request.body.extend_from_slice(bytes.get(*head..*length)?);
            return Some(request);
        }
        let left = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
        stream.set_read_timeout(Some(left)).ok()?;
        let count = stream.read(&mut *chunk).ok().filter(|count| *count > 0)?;
        if bytes.len() + count > LONGEST {
            return None;
        }
        bytes.extend_from_slice(&chunk[..count]);
    }
}

/// The request, without its body, and the lengths of its head and of the whole, when its head is whole. `None` when it never will be.
#[expect(clippy::option_option, reason = "not a request, not yet one, one")]
fn parse(bytes: &[u8]) -> Option<Option<(Option<Request>, usize, usize)>> {
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
    Some(Some((Some(request), head, head + length)))
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
    let _ = stream.set_write_timeout(Some(PATIENCE));
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&answer.body));
}
