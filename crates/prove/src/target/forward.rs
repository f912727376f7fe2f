//! A run against the real target: what has been written down is handed on to it, and its answer back, as they are.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    time::Duration,
};

use rustls::{ClientConnection, StreamOwned, pki_types::ServerName};
use tegmen_wire::origin::{Origin, Scheme};

use super::request::Request;
use crate::world::outside::Outside;

/// How long the target may be silent.
const PATIENCE: Duration = Duration::from_secs(30);
/// So much of an answer is handed on.
const LONGEST: u64 = 64 * 1024 * 1024;

/// Asks the real target and hands its answer on to the client, whose connection is to be closed then.
///
/// # Errors
/// When the target cannot be reached, or either side breaks off.
pub fn forward(request: &Request, origin: &Origin, outside: &Outside, client: &mut impl Write) -> io::Result<()> {
    let stream = outside.connect(origin)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    match origin.scheme {
        Scheme::Http => ask(request, stream, client),
        Scheme::Https => {
            let name = ServerName::try_from(origin.host.clone()).map_err(io::Error::other)?;
            let connection = ClientConnection::new(outside.tls(), name).map_err(io::Error::other)?;
            ask(request, StreamOwned::<_, TcpStream>::new(connection, stream), client)
        }
    }
}

fn ask(request: &Request, mut server: impl Read + Write, client: &mut impl Write) -> io::Result<()> {
    server.write_all(&once(request))?;
    server.flush()?;
    match io::copy(&mut server.take(LONGEST), client) {
        // Many servers end TLS without saying so.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
        other => other.map(|_| ()),
    }?;
    client.flush()
}

/// The request as it came, for a connection that ends with the answer: its end is where the answer ends.
fn once(request: &Request) -> Vec<u8> {
    let head = memchr::memmem::find(&request.raw, b"\r\n\r\n").unwrap_or(request.raw.len());
    let mut bytes = Vec::with_capacity(request.raw.len() + 32);
    for (number, line) in request.raw[..head].split(|byte| *byte == b'\n').enumerate() {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default().trim_ascii();
        let is_hop = ["connection", "keep-alive", "proxy-connection", "upgrade", "expect"]
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known.as_bytes()));
        if number == 0 || !is_hop {
            bytes.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
            bytes.extend_from_slice(b"\r\n");
        }
    }
    bytes.extend_from_slice(b"Connection: close\r\n\r\n");
    bytes.extend_from_slice(request.raw.get(head + 4..).unwrap_or_default());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_handed_on_for_one_answer() {
        let raw = b"POST /x HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\na\r\nb";
        let request = Request { raw: raw.to_vec(), ..Request::default() };
        let sent = String::from_utf8(once(&request)).unwrap();
        assert_eq!(sent, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nConnection: close\r\n\r\na\r\nb");
    }
}
