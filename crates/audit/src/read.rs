//! Files from disk.

use std::fs::{File, FileType};
use std::io::Read;
use std::os::unix::fs::FileTypeExt;

use camino::Utf8Path;
use tegmen_findings::{Problem, ProblemKind};

use crate::walk::FileKind;

/// Files larger than this are not audited; nobody writes them by hand.
pub const MAX: u64 = 64 << 20;

/// The text of a file, and what was odd about it.
pub struct Loaded {
    /// The text; what was not UTF-8 is decoded.
    pub text: String,
    /// What whoever reads the report must know of it.
    pub problem: Option<Problem>,
}

impl From<String> for Loaded {
    fn from(text: String) -> Self {
        Self { text, problem: None }
    }
}

/// The text of a file.
///
/// # Errors
/// Where it cannot be read, is no file, is too large, or is no text.
pub fn read(path: &str, kind: FileKind) -> Result<Loaded, Problem> {
    let path = Utf8Path::new(path);
    let problem = |kind, message: String| Problem { kind, path: path.to_string(), line: None, message };
    let unreadable = |error: std::io::Error| {
        problem(ProblemKind::Unread, format!("could not be read ({}); not audited", error.kind()))
    };
    // Before it is opened: to open a pipe that nobody writes to would take for ever.
    let metadata = path.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        let what = odd(metadata.file_type());
        return Err(problem(ProblemKind::Unread, format!("is {what}, no file; not audited")));
    }
    // Of a script somebody must know; data of that size has nothing to do with configuration.
    let severity = if kind == FileKind::Python { ProblemKind::Unread } else { ProblemKind::Note };
    let size = metadata.len();
    let large = |size: u64| {
        let (size, most) = (size >> 20, MAX >> 20);
        problem(severity, format!("has {size} MB, more than the {most} MB that are audited; not audited"))
    };
    if size > MAX {
        return Err(large(size));
    }
    let bytes = File::open(path).and_then(|file| contents(file, size)).map_err(unreadable)?;
    if bytes.len() as u64 > MAX {
        return Err(large(bytes.len() as u64));
    }
    let severity = if kind == FileKind::Python { ProblemKind::Unparsed } else { ProblemKind::Note };
    match decode(bytes, kind) {
        (Some(text), remark) => Ok(Loaded { text, problem: remark.map(|remark| problem(severity, remark)) }),
        (None, remark) => Err(problem(severity, remark.unwrap_or_default())),
    }
}

/// The bytes of a file that had `size` of them. One that grows meanwhile has an end: a byte more than are audited.
fn contents(file: impl Read, size: u64) -> std::io::Result<Vec<u8>> {
    // What is known is not asked of the file again.
    let mut bytes = Vec::with_capacity(size as usize + 1);
    file.take(MAX + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What something that is no file is.
fn odd(kind: FileType) -> &'static str {
    match () {
        () if kind.is_dir() => "a directory",
        () if kind.is_fifo() => "a pipe",
        () if kind.is_socket() => "a socket",
        () if kind.is_block_device() || kind.is_char_device() => "a device",
        () => "something else",
    }
}

/// Bytes as text; none if they are no text. With a remark where somebody should know.
pub fn decode(bytes: Vec<u8>, kind: FileKind) -> (Option<String>, Option<String>) {
    if let Some((name, text)) = wide(&bytes) {
        let remark = (kind == FileKind::Python)
            .then(|| format!("is {name}, which Python does not read; audited after decoding"));
        return (Some(text), remark);
    }
    if memchr::memchr(0, &bytes).is_some() {
        return match without_nul(bytes) {
            Some(text) => (Some(text), Some("holds NUL bytes; audited without them".to_owned())),
            None => (None, Some("holds NUL bytes and is no text; not audited".to_owned())),
        };
    }
    match String::from_utf8(bytes) {
        Ok(text) => (Some(text), None),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let bytes = error.as_bytes();
            let line = memchr::memchr_iter(b'\n', &bytes[..valid]).count() + 1;
            let declared = kind == FileKind::Python && declares_encoding(bytes);
            // Latin-1 and its kin: what is ASCII in it stays as it is, and every byte has a character.
            let text = bytes.iter().map(|byte| char::from(*byte)).collect();
            (Some(text), (!declared).then(|| format!("is not UTF-8 (line {line}); audited as Latin-1")))
        }
    }
}

/// The text of UTF-32 and UTF-16, with their mark or plainly without one, and which it is.
fn wide(bytes: &[u8]) -> Option<(&'static str, String)> {
    match bytes {
        [0xff, 0xfe, 0, 0, body @ ..] => utf32(body, u32::from_le_bytes).map(|text| ("UTF-32", text)),
        [0, 0, 0xfe, 0xff, body @ ..] => utf32(body, u32::from_be_bytes).map(|text| ("UTF-32", text)),
        _ => utf16(bytes).map(|text| ("UTF-16", text)),
    }
}

fn utf32(body: &[u8], unit: fn([u8; 4]) -> u32) -> Option<String> {
    let (units, rest) = body.as_chunks::<4>();
    let text: Option<String> = units.iter().map(|four| char::from_u32(unit(*four))).collect();
    text.filter(|_| rest.is_empty()).map(|text| text.replace('\0', " "))
}

/// A text with a few NUL bytes in it, as broken tools leave them, blanks in their place.
fn without_nul(mut bytes: Vec<u8>) -> Option<String> {
    let mut count = 0;
    for byte in &mut bytes {
        match *byte {
            0 => {
                *byte = b' ';
                count += 1;
            }
            // What controls a terminal is in no text; what binary data has of it is more.
            1..=8 | 14..=26 | 28..=31 => return None,
            _ => {}
        }
    }
    String::from_utf8(bytes).ok().filter(|text| count * 8 <= text.len())
}

/// The text of UTF-16, with its mark or plainly without one.
fn utf16(bytes: &[u8]) -> Option<String> {
    let (body, big, marked) = match bytes {
        [0xff, 0xfe, body @ ..] => (body, false, true),
        [0xfe, 0xff, body @ ..] => (body, true, true),
        [0, _, ..] => (bytes, true, false),
        [_, 0, ..] => (bytes, false, false),
        _ => return None,
    };
    let units = body.chunks_exact(2).map(|pair| {
        let pair = [pair[0], pair[1]];
        if big { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }
    });
    let text: String = char::decode_utf16(units).collect::<Result<_, _>>().ok()?;
    if marked {
        return Some(text.replace('\0', " "));
    }
    // Binary data that happens to begin with a NUL.
    let ascii = text.chars().filter(char::is_ascii).count();
    (!text.contains('\0') && ascii * 2 > text.chars().count()).then_some(text)
}

/// Whether one of the first two lines declares an encoding other than UTF-8, as PEP 263 has it.
fn declares_encoding(bytes: &[u8]) -> bool {
    bytes.split(|byte| *byte == b'\n').take(2).any(|line| {
        let line = String::from_utf8_lossy(line);
        let line = line.trim_start();
        line.starts_with('#')
            && line.split_once("coding").is_some_and(|(_, rest)| {
                let name = rest.trim_start_matches([':', '=', ' ']).to_lowercase().replace('_', "-");
                !name.is_empty() && !name.starts_with("utf-8") && !name.starts_with("utf8")
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_grows_has_an_end() {
        assert_eq!(contents(std::io::repeat(b'a'), 10).unwrap().len() as u64, MAX + 1);
        assert_eq!(contents(&b"a = 1"[..], 2).unwrap(), b"a = 1");
    }

    #[test]
    fn encodings() {
        let python = |bytes: &[u8]| decode(bytes.to_vec(), FileKind::Python);
        let le: Vec<u8> = [0xff, 0xfe].into_iter().chain("a = 1".encode_utf16().flat_map(u16::to_le_bytes)).collect();
        let be: Vec<u8> = "a = 1".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(python(&le).0.as_deref(), Some("a = 1"));
        assert_eq!(python(&be).0.as_deref(), Some("a = 1"));
        assert_eq!(
            python(b"# caf\xe9\n"),
            (Some("# café\n".into()), Some("is not UTF-8 (line 1); audited as Latin-1".into()))
        );
        assert_eq!(python(b"# -*- coding: latin-1 -*-\n# caf\xe9\n").1, None);
        assert_eq!(python(b"\x7fELF\0\x01").0, None);
        // With its mark it is text whatever the characters are; a NUL at the end does no harm.
        let marked: Vec<u8> =
            [0xff, 0xfe].into_iter().chain("# 用户\nA=1\n\0".encode_utf16().flat_map(u16::to_le_bytes)).collect();
        assert_eq!(python(&marked).0.as_deref(), Some("# 用户\nA=1\n "));
        let four: Vec<u8> =
            [0xff, 0xfe, 0, 0].into_iter().chain("a = 1".chars().flat_map(|c| u32::from(c).to_le_bytes())).collect();
        assert_eq!(python(&four).0.as_deref(), Some("a = 1"));
        assert_eq!(python(b"password = 'x'\n\0").0.as_deref(), Some("password = 'x'\n "));
        assert_eq!(python(b"\0\x01\x02\x03password: x").0, None);
        assert_eq!(python(b"\0\x01\0\0\xd8\0").0, None);
        assert_eq!(python("é".as_bytes()), (Some("é".into()), None));
    }
}
