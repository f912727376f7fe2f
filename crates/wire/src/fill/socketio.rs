//! Events of Socket.IO (protocol 5) in packets of Engine.IO (protocol 4): digits that say what it is, perhaps a namespace
//! and a number, then JSON. Long polling sends several in one body, with a record separator between them.

use super::{Clear, Filler, Result, json, text::append};
use crate::place::Place;

const SEPARATOR: u8 = 0x1e;

/// Whether the text is a packet with JSON in it, or several of which one is.
pub(super) fn is_socketio(text: &[u8]) -> bool {
    text.first().is_some_and(u8::is_ascii_digit)
        && text.split(|byte| *byte == SEPARATOR).any(|packet| json_start(packet).is_some())
}

/// Where the JSON of a packet begins.
fn json_start(packet: &[u8]) -> Option<usize> {
    let digits = |from: usize| packet[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut at = digits(0);
    if at == 0 {
        return None;
    }
    // How many attachments follow in packets of their own.
    at += usize::from(packet.get(at) == Some(&b'-'));
    if packet.get(at) == Some(&b'/') {
        at += packet[at..].iter().position(|byte| b",[{".contains(byte)).filter(|end| packet[at + end] == b',')? + 1;
    }
    at += digits(at);
    (matches!(packet.get(at), Some(b'[' | b'{')) && json::is_json(&packet[at..])).then_some(at)
}

impl Filler<'_> {
    /// Fills packets, each by itself.
    pub(super) fn socketio(&self, text: &[u8], place: &Place, depth: usize) -> Result<Clear> {
        let mut out = Clear::default();
        for (number, packet) in text.split(|byte| *byte == SEPARATOR).enumerate() {
            if number > 0 {
                append(&mut out, &[SEPARATOR]);
            }
            let (head, body) = packet.split_at(json_start(packet).unwrap_or(packet.len()));
            append(&mut out, &self.raw(head, place, depth)?);
            if !body.is_empty() {
                append(&mut out, &self.json(body, place, depth)?);
            }
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_and_what_only_looks_like_them() {
        for packet in [
            r#"42["login",{"k":1}]"#,
            r#"40{"login":"a"}"#,
            r#"42/admin,12["a"]"#,
            r#"451-["a",{"_placeholder":true}]"#,
        ] {
            assert!(is_socketio(packet.as_bytes()), "{packet}");
            assert!(is_socketio(format!("2\x1e{packet}").as_bytes()), "{packet}");
        }
        for text in ["", "2", "42", "4hello", "[1]", "42[", "42/admin[1]", "x42[1]", "3 [1]", "2\x1e3"] {
            assert!(!is_socketio(text.as_bytes()), "{text}");
        }
    }
}
