//! As much of HTTP/2 (RFC 9113) as a client of gRPC needs to tell what it has: every request is read, searched and answered with
//! an empty message and the status 0, as a collector of OpenTelemetry answers. Over connections in clear only.

use std::{
    collections::HashMap,
    io::{self, Read, Write},
};

use flate2::read::MultiGzDecoder;

use super::request::more;

/// What a client begins with (section 3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// So much of a request is kept; so many requests at a time.
const LONGEST: usize = 8 * 1024 * 1024;
const MOST: usize = 1000;

/// The kinds of frames (section 6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 0x1;
const ACK: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;

/// `:status: 200` of the static table, and `content-type: application/grpc` as it is (RFC 7541, sections 6.1 and 6.2.2).
const GOOD: &[u8] = b"\x88\x00\x0ccontent-type\x10application/grpc";
/// `grpc-status: 0`
const DONE: &[u8] = b"\x00\x0bgrpc-status\x010";
/// A message without anything in it, uncompressed.
const EMPTY: &[u8] = &[0; 5];

/// Speaks with a client to its end. `pending` is what has come, from the preface on; `look` is shown header blocks and messages.
///
/// # Errors
/// When the connection breaks off.
pub fn converse(stream: &mut (impl Read + Write), mut pending: Vec<u8>, mut look: impl FnMut(&[u8])) -> io::Result<()> {
    let mut bodies: HashMap<u32, Vec<u8>> = HashMap::new();
    while pending.len() < PREFACE.len() {
        if !more(stream, &mut pending) {
            return Ok(());
        }
    }
    pending.drain(..PREFACE.len());
    stream.write_all(&frame(SETTINGS, 0, 0, &[]))?;
    while let Some((kind, flags, number, mut payload)) = next(stream, &mut pending) {
        if flags & PADDED != 0 && matches!(kind, DATA | HEADERS) && !payload.is_empty() {
            let padding = usize::from(payload.remove(0));
            payload.truncate(payload.len().saturating_sub(padding));
        }
        match kind {
            SETTINGS if flags & ACK == 0 => stream.write_all(&frame(SETTINGS, ACK, 0, &[]))?,
            PING if flags & ACK == 0 => stream.write_all(&frame(PING, ACK, 0, &payload))?,
            HEADERS | CONTINUATION => look(&payload),
            DATA => {
                if !payload.is_empty() {
                    let length = (payload.len() as u32).to_be_bytes();
                    stream.write_all(&frame(WINDOW_UPDATE, 0, 0, &length))?;
                    stream.write_all(&frame(WINDOW_UPDATE, 0, number, &length))?;
                }
                if bodies.len() < MOST || bodies.contains_key(&number) {
                    let body = bodies.entry(number).or_default();
                    payload.truncate(LONGEST.saturating_sub(body.len()));
                    body.append(&mut payload);
                }
            }
            GOAWAY => return Ok(()),
            _ => {}
        }
        if flags & END_STREAM != 0 && matches!(kind, DATA | HEADERS) {
            let body = bodies.remove(&number).unwrap_or_default();
            look(&body);
            unpacked(&body).iter().for_each(|message| look(message));
            stream.write_all(&frame(HEADERS, END_HEADERS, number, GOOD))?;
            stream.write_all(&frame(DATA, 0, number, EMPTY))?;
            stream.write_all(&frame(HEADERS, END_HEADERS | END_STREAM, number, DONE))?;
            stream.flush()?;
        }
    }
    Ok(())
}

/// The next frame: kind, flags, stream, payload.
fn next(stream: &mut impl Read, pending: &mut Vec<u8>) -> Option<(u8, u8, u32, Vec<u8>)> {
    const HEAD: usize = 9;
    loop {
        if let Some([a, b, c, kind, flags, number @ ..]) = pending.first_chunk::<HEAD>() {
            let (kind, flags, number) = (*kind, *flags, u32::from_be_bytes(*number) & 0x7FFF_FFFF);
            let end = HEAD + u32::from_be_bytes([0, *a, *b, *c]) as usize;
            if pending.len() >= end {
                let payload = pending[HEAD..end].to_vec();
                pending.drain(..end);
                return Some((kind, flags, number, payload));
            }
        }
        if pending.len() > LONGEST + 1024 * 1024 || !more(stream, pending) {
            return None;
        }
    }
}

fn frame(kind: u8, flags: u8, number: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(number.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// The messages of a body that are compressed: a mark, four bytes of length, gzip.
fn unpacked(mut body: &[u8]) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    while let Some(([mark, length @ ..], rest)) = body.split_first_chunk::<5>() {
        let length = (u32::from_be_bytes(*length) as usize).min(rest.len());
        if *mark == 1 {
            let mut message = Vec::new();
            // What can be unpacked counts.
            let _ = MultiGzDecoder::new(&rest[..length]).take(LONGEST as u64).read_to_end(&mut message);
            messages.push(message);
        }
        body = &rest[length..];
    }
    messages
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::{super::both::Both, *};

    #[test]
    fn a_request_is_read_and_answered() {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(b"packed V4lue").unwrap();
        let packed = packer.finish().unwrap();
        let mut body = vec![1];
        body.extend((packed.len() as u32).to_be_bytes());
        body.extend(packed);
        let mut sent = PREFACE.to_vec();
        sent.extend(frame(SETTINGS, 0, 0, &[]));
        sent.extend(frame(HEADERS, END_HEADERS, 1, b"a header V4lue"));
        let (first, second) = body.split_at(9);
        sent.extend(frame(DATA, 0, 1, first));
        sent.extend(frame(DATA, END_STREAM, 1, second));
        let early = sent[..30].to_vec();
        let mut stream = Both(Cursor::new(sent[30..].to_vec()), Vec::new());
        let mut seen = Vec::new();
        converse(&mut stream, early, |bytes| seen.push(bytes.to_vec())).unwrap();
        assert!(seen.contains(&b"a header V4lue".to_vec()) && seen.contains(&b"packed V4lue".to_vec()), "{seen:?}");
        assert!(memchr::memmem::find(&stream.1, b"grpc-status").is_some());
    }

    #[test]
    fn nothing_breaks_it() {
        for sent in [&b""[..], PREFACE, b"PRI * HT", b"\xff\xff\xff\x00\x01\0\0\0\x01", b"\0\0\0\0\x09\0\0\0\x01"] {
            let mut stream = Both(Cursor::new(sent.to_vec()), Vec::new());
            converse(&mut stream, PREFACE.to_vec(), |_| {}).unwrap();
            converse(&mut Both(Cursor::new(Vec::new()), Vec::new()), sent.to_vec(), |_| {}).unwrap();
        }
    }
}
