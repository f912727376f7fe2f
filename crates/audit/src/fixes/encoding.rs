//! Files as text and back, byte for byte.

/// How the bytes of a file become text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark, which stays in the text.
    Utf8,
    /// Latin-1, as the file declares.
    Latin1,
}

/// The text of a file; `None` if it is in an encoding that cannot be written back as it was.
pub fn decode(bytes: &[u8]) -> Option<(String, Encoding)> {
    // Python reads none with a NUL in it, and what the audit saw had blanks there.
    if bytes.contains(&0) {
        return None;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => match declared(bytes) {
            // ASCII is the same in all of them but UTF-16 and the like, which no Python file is in.
            Some(name) if !is_utf8(&name) && !text.is_ascii() => is_latin1(&name).then(|| latin1(bytes)),
            _ => Some((text.to_owned(), Encoding::Utf8)),
        },
        Err(_) => declared(bytes).filter(|name| is_latin1(name)).map(|_| latin1(bytes)),
    }
}

/// The bytes of a text; `None` if it has a character that the encoding lacks.
pub fn encode(text: &str, encoding: Encoding) -> Option<Vec<u8>> {
    match encoding {
        Encoding::Utf8 => Some(text.as_bytes().to_vec()),
        Encoding::Latin1 => text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect(),
    }
}

fn latin1(bytes: &[u8]) -> (String, Encoding) {
    (bytes.iter().map(|byte| char::from(*byte)).collect(), Encoding::Latin1)
}

/// The encoding that a comment in the first two lines declares (PEP 263), in lower case.
fn declared(bytes: &[u8]) -> Option<String> {
    bytes.split(|byte| *byte == b'\n').take(2).find_map(|line| {
        let line = String::from_utf8_lossy(line).to_lowercase();
        let comment = line.trim_start_matches(['\u{feff}', ' ', '\t', '\u{c}']).strip_prefix('#')?.to_owned();
        let rest = comment[comment.find("coding")? + "coding".len()..].trim_start_matches([':', '=']).trim_start();
        let name: String =
            rest.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')).collect();
        (!name.is_empty()).then(|| name.replace('_', "-"))
    })
}

fn is_utf8(name: &str) -> bool {
    name.starts_with("utf-8") || name == "utf8" || name == "ascii" || name == "us-ascii"
}

fn is_latin1(name: &str) -> bool {
    matches!(name, "latin-1" | "latin1" | "iso-8859-1" | "iso8859-1" | "l1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for bytes in [
            &b"x = 1\n"[..],
            "\u{feff}# coding: utf-8\nx = 'ä'\r\n".as_bytes(),
            b"# -*- coding: latin-1 -*-\nx = '\xe4'\n",
            b"#!/usr/bin/python\n# vim: set fileencoding=iso_8859-1 :\nx = '\xff'",
        ] {
            let (text, encoding) = decode(bytes).unwrap();
            assert_eq!(encode(&text, encoding).unwrap(), bytes);
        }
        assert!(decode(b"x = '\xe4'\n").is_none());
        assert!(decode(b"# coding: cp1252\nx = '\x80'\n").is_none());
    }
}
