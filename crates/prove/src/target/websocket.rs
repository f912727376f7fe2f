//! As much of WebSocket (RFC 6455) as a client needs to tell what it has: every message is shown and quoted in an answer.

use std::io::{self, Read, Write};

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use super::request::{Request, more};

/// So much of a message is kept.
const LONGEST: usize = 8 * 1024 * 1024;

/// Kinds of frames (section 5.2).
const CONTINUATION: u8 = 0;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
const LAST: u8 = 0x80;
const KIND: u8 = 0x0F;
const MASKED: u8 = 0x80;

/// The answer to the request of a client that wants to speak it; `None` for any other request.
pub fn accepted(request: &Request) -> Option<Vec<u8>> {
    let upgrade = request.header("upgrade")?;
    let key = request.header("sec-websocket-key")?;
    if !upgrade.eq_ignore_ascii_case("websocket") {
        return None;
    }
    let proof = digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11").as_bytes());
    let mut head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n",
        STANDARD.encode(proof)
    );
    // The first that the client would speak.
    if let Some(protocol) = request.header("sec-websocket-protocol").and_then(|list| list.split(',').next()) {
        head.push_str(&format!("Sec-WebSocket-Protocol: {}\r\n", protocol.trim()));
    }
    head.push_str("\r\n");
    Some(head.into_bytes())
}

/// Speaks with a client to its end. `pending` is what has come behind the request; `look` is shown each message.
///
/// # Errors
/// When the connection breaks off.
pub fn converse(stream: &mut (impl Read + Write), mut pending: Vec<u8>, mut look: impl FnMut(&[u8])) -> io::Result<()> {
    let (mut message, mut kind) = (Vec::new(), 1);
    while let Some((first, mut payload)) = next(stream, &mut pending) {
        match first & KIND {
            CLOSE => {
                stream.write_all(&frame(LAST | CLOSE, &payload))?;
                return stream.flush();
            }
            PING => stream.write_all(&frame(LAST | PONG, &payload))?,
            PONG => {}
            other => {
                if other != CONTINUATION {
                    kind = other;
                }
                payload.truncate(LONGEST.saturating_sub(message.len()));
                message.append(&mut payload);
                if first & LAST != 0 {
                    look(&message);
                    // Quoted, as a server does that tells what it has not understood.
                    stream.write_all(&frame(LAST | kind, &message))?;
                    message.clear();
                }
            }
        }
        stream.flush()?;
    }
    Ok(())
}

/// The next frame: its first byte, and its payload without the mask.
fn next(stream: &mut impl Read, pending: &mut Vec<u8>) -> Option<(u8, Vec<u8>)> {
    loop {
        if let Some((first, from, length, mask)) = head(pending)
            && let Some(end) = from.checked_add(length).filter(|end| pending.len() >= *end)
        {
            let mut payload = pending[from..end].to_vec();
            payload.iter_mut().enumerate().for_each(|(at, byte)| *byte ^= mask[at % 4]);
            pending.drain(..end);
            return Some((first, payload));
        }
        if pending.len() > LONGEST + 1024 || !more(stream, pending) {
            return None;
        }
    }
}

/// The head of a frame: its first byte, where the payload begins, its length and its mask.
fn head(bytes: &[u8]) -> Option<(u8, usize, usize, [u8; 4])> {
    let (first, second) = (*bytes.first()?, *bytes.get(1)?);
    let (mut at, length) = match second & 0x7F {
        126 => (4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
        127 => (10, usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).unwrap_or(usize::MAX)),
        short => (2, usize::from(short)),
    };
    let mut mask = [0; 4];
    if second & MASKED != 0 {
        mask = bytes.get(at..at + 4)?.try_into().ok()?;
        at += 4;
    }
    Some((first, at, length, mask))
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..126 => bytes.push(short as u8),
        middle @ 126..65536 => {
            bytes.push(126);
            bytes.extend((middle as u16).to_be_bytes());
        }
        long => {
            bytes.push(127);
            bytes.extend((long as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(payload);
    bytes
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::{super::both::Both, *};

    #[test]
    fn the_answer_to_the_handshake_is_that_of_the_standard() {
        let mut request = Request::default();
        assert!(accepted(&request).is_none());
        request.headers = vec![
            ("Upgrade".to_owned(), b"websocket".to_vec()),
            ("Sec-WebSocket-Key".to_owned(), b"dGhlIHNhbXBsZSBub25jZQ==".to_vec()),
        ];
        let answer = String::from_utf8(accepted(&request).unwrap()).unwrap();
        // Section 1.3.
        assert!(answer.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{answer}");
    }

    #[test]
    fn messages_in_pieces_are_shown_whole_and_quoted() {
        // "Hel" "lo", masked as in section 5.7, then a ping and the end.
        let mut sent = vec![0x01, 0x83, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d];
        sent.extend([0x80, 0x02, b'l', b'o', 0x89, 0x01, b'p', 0x88, 0x00]);
        let mut stream = Both(Cursor::new(sent[3..].to_vec()), Vec::new());
        let mut seen = Vec::new();
        converse(&mut stream, sent[..3].to_vec(), |message| seen.push(message.to_vec())).unwrap();
        assert_eq!(seen, [b"Hello".to_vec()]);
        assert_eq!(stream.1, [&[0x81, 5][..], b"Hello", &[0x8A, 1], b"p", &[0x88, 0]].concat());
        for length in [125, 126, 70_000] {
            let payload = vec![b'x'; length];
            let bytes = frame(0x82, &payload);
            assert_eq!(next(&mut io::empty(), &mut bytes.clone()), Some((0x82, payload)));
        }
        assert_eq!(next(&mut io::empty(), &mut vec![0x81, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]), None);
    }
}
