//! What the hostile target answers: first as a login or an API does, so that the script goes on, then everything that has
//! been seen to make a client tell what it sent.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};

use super::request::Request;

/// How an answer goes out.
pub enum Answer {
    /// These bytes; then the connection goes on.
    Bytes(Vec<u8>),
    /// These bytes; then it is cut.
    Cut(Vec<u8>),
    /// Nothing, for a while; then it is cut.
    Hang,
}

/// What an answer is made from.
pub struct Material<'a> {
    /// What scripts read out of answers.
    pub expected: &'a Value,
    /// A session, for cookies.
    pub session: &'a str,
    /// So many requests of a kind get what the script hopes for, before the target becomes hostile.
    pub patience: usize,
    /// Another host, which no secret is bound to.
    pub elsewhere: &'a str,
}

/// The ways to be hostile, by their names for reports.
pub const WAYS: [&str; 12] = [
    "an error page that quotes the request",
    "a redirect that keeps method and body, to another host",
    "JSON that quotes the request",
    "a refusal that quotes the request",
    "a redirect to another host",
    "a quotation in gzip",
    "a quotation in chunks",
    "a connection that is cut in the middle of a quotation",
    "a status line that quotes the request",
    "a server that hangs",
    "a header that quotes the request, with cookies",
    "a page that is no JSON, quoting the request",
];

/// The answer to the request that is the `number`th of its kind: method and path.
pub fn answer(request: &Request, number: usize, material: &Material<'_>) -> (Option<usize>, Answer) {
    // What the script hopes for, until every user is past its login; then in every second answer.
    let Some(later) = number.checked_sub(material.patience).filter(|later| later.is_multiple_of(2)) else {
        return (None, Answer::Bytes(good(request, material)));
    };
    let way = later / 2 % WAYS.len();
    (Some(way), hostile(way, request, material))
}

/// What another host answers to what it should never have got.
pub fn elsewhere(request: &Request) -> Answer {
    Answer::Bytes(whole(request, 200, "OK", "text/plain", &[], b"thank you".to_vec()))
}

fn good(request: &Request, material: &Material<'_>) -> Vec<u8> {
    let body = material.expected.to_string().into_bytes();
    let cookie = format!("session={}; Path=/; HttpOnly", material.session);
    whole(request, 200, "OK", "application/json", &[("Set-Cookie", &cookie)], body)
}

fn hostile(way: usize, request: &Request, material: &Material<'_>) -> Answer {
    let quoted = String::from_utf8_lossy(&request.raw).into_owned();
    let page =
        format!("<!doctype html><title>Error</title><h1>Something went wrong</h1><pre>{quoted}</pre>").into_bytes();
    let location = format!("https://{}/collect", material.elsewhere);
    let line: String = quoted.chars().map(|char| if char.is_control() { ' ' } else { char }).take(4000).collect();
    let bytes = match way {
        0 => whole(request, 500, "Internal Server Error", "text/html", &[], page),
        1 => whole(request, 307, "Temporary Redirect", "text/plain", &[("Location", &location)], Vec::new()),
        2 => whole(request, 200, "OK", "application/json", &[], echo(request, material).to_string().into_bytes()),
        3 => {
            let body = json!({ "error": quoted }).to_string().into_bytes();
            whole(request, 401, "Unauthorized", "application/json", &[], body)
        }
        4 => whole(request, 302, "Found", "text/plain", &[("Location", &location)], Vec::new()),
        5 => {
            let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
            // Into memory, which takes everything.
            let _ = packer.write_all(&page);
            let packed = packer.finish().unwrap_or_default();
            whole(request, 502, "Bad Gateway", "text/html", &[("Content-Encoding", "gzip")], packed)
        }
        6 => {
            let mut bytes =
                b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n"
                    .to_vec();
            // Chunks of seven bytes: no piece of a value is whole in one of them.
            for chunk in page.chunks(7) {
                bytes.extend(format!("{:x}\r\n", chunk.len()).as_bytes());
                bytes.extend(chunk);
                bytes.extend(b"\r\n");
            }
            bytes.extend(b"0\r\n\r\n");
            bytes
        }
        7 => {
            let bytes = whole(request, 500, "Internal Server Error", "text/html", &[], page);
            return Answer::Cut(bytes[..bytes.len() * 3 / 4].to_vec());
        }
        8 => return Answer::Cut(format!("HTP/9.9 teapot {line}\r\n\r\n").into_bytes()),
        9 => return Answer::Hang,
        10 => {
            let cookie = format!("seen={}; Path=/", material.session);
            let fields = [("X-Request", line.as_str()), ("Set-Cookie", &cookie)];
            whole(request, 403, "Forbidden", "application/json", &fields, b"{\"detail\": \"no\"}".to_vec())
        }
        _ => whole(request, 200, "OK", "text/html", &[], page),
    };
    Answer::Bytes(bytes)
}

/// What the script expects, with the request beside it.
fn echo(request: &Request, material: &Material<'_>) -> Value {
    let headers: serde_json::Map<String, Value> = request
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), Value::from(String::from_utf8_lossy(value).into_owned())))
        .collect();
    let mut document = material.expected.clone();
    if let Some(fields) = document.as_object_mut() {
        fields.insert("headers".to_owned(), Value::Object(headers));
        fields.insert("url".to_owned(), Value::from(request.target.as_str()));
        fields.insert("received".to_owned(), Value::from(String::from_utf8_lossy(&request.body).into_owned()));
    }
    document
}

fn whole(request: &Request, status: u16, reason: &str, kind: &str, fields: &[(&str, &str)], body: Vec<u8>) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status} {reason}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in fields {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    if request.method != "HEAD" {
        bytes.extend(body);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_user_gets_past_its_login_before_the_target_becomes_hostile() {
        let request = Request { method: "POST".to_owned(), ..Request::default() };
        let expected = json!({ "token": "x" });
        let material = Material { expected: &expected, session: "s", patience: 4, elsewhere: "e.example" };
        let ways: Vec<Option<usize>> = (0..10).map(|number| answer(&request, number, &material).0).collect();
        assert_eq!(ways, [None, None, None, None, Some(0), None, Some(1), None, Some(2), None]);
    }
}
