//! Files that hold others, packed: gzip (RFC 1952), zlib (RFC 1950) and zip, as far as they are deflated (RFC 1951). What is packed
//! in another way is known by how it begins, so that nobody takes it for searched.

use std::io::Read;

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

const GZIP: &[u8] = &[0x1F, 0x8B];
/// A file in an archive begins with this ("local file header", APPNOTE.TXT 4.3.7), and its header is so long without name and
/// extra field.
const MEMBER: &[u8] = b"PK\x03\x04";
const HEADER: usize = 30;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// A bit of a member's flags.
const ENCRYPTED: u16 = 1;
/// How other packers' files begin.
const OTHERS: [(&[u8], &str); 8] = [
    (b"BZh", "bzip2"),
    (b"\xFD7zXZ\0", "xz"),
    (b"\x28\xB5\x2F\xFD", "zstd"),
    (b"\x04\x22\x4D\x18", "lz4"),
    (b"7z\xBC\xAF\x27\x1C", "7-Zip"),
    (b"Rar!\x1A\x07", "rar"),
    (b"PAR1", "Parquet"),
    (b"age-encryption.org/", "age, encrypted"),
];

/// What is packed in a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Packed {
    /// It is no packed file.
    Not,
    /// That.
    Holds(Vec<Vec<u8>>),
    /// What is in it cannot be told.
    Unknown(&'static str),
}

/// What is packed in these bytes, up to `longest` bytes of it in all; what is only begun, as far as it goes.
pub(super) fn unpacked(bytes: &[u8], longest: u64) -> Packed {
    if bytes.starts_with(GZIP) {
        return Packed::Holds(vec![read(MultiGzDecoder::new(bytes), longest)]);
    }
    if let [first, second, ..] = *bytes
        && first & 0x0F == DEFLATED as u8
        && u16::from_be_bytes([first, second]).is_multiple_of(31)
    {
        // Text begins like that as well, and is none then.
        let held = read(ZlibDecoder::new(bytes), longest);
        return if held.is_empty() { Packed::Not } else { Packed::Holds(vec![held]) };
    }
    if let Some((_, how)) = OTHERS.iter().find(|(begin, _)| bytes.starts_with(begin)) {
        return Packed::Unknown(how);
    }
    if !bytes.starts_with(MEMBER) {
        return Packed::Not;
    }
    let (mut all, mut left, mut at) = (Vec::new(), longest, 0);
    while let Some(found) = memchr::memmem::find(&bytes[at..], MEMBER) {
        let member = &bytes[at + found..];
        at += found + MEMBER.len();
        match data(member) {
            Some(Err(how)) => return Packed::Unknown(how),
            Some(Ok(data)) if left > 0 => {
                let unpacked = read(DeflateDecoder::new(data), left);
                left -= unpacked.len() as u64;
                all.push(unpacked);
            }
            _ => {}
        }
    }
    Packed::Holds(all)
}

/// The packed bytes of a file in an archive, and what follows them; `None` for what is stored as it is, which needs no
/// unpacking, and an error for what is packed otherwise.
fn data(member: &[u8]) -> Option<Result<&[u8], &'static str>> {
    let number = |at: usize| Some(u16::from_le_bytes(member.get(at..at + 2)?.try_into().ok()?));
    let (flags, method) = (number(6)?, number(8)?);
    let (name, extra) = (usize::from(number(26)?), usize::from(number(28)?));
    match method {
        _ if flags & ENCRYPTED != 0 => Some(Err("zip, encrypted")),
        STORED => None,
        DEFLATED => member.get(HEADER + name + extra..).map(Ok),
        _ => Some(Err("zip, by a method that is not deflate")),
    }
}

fn read(packed: impl Read, longest: u64) -> Vec<u8> {
    let mut unpacked = Vec::new();
    // What came until it broke off counts.
    let _ = packed.take(longest).read_to_end(&mut unpacked);
    unpacked
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{
        Compression,
        write::{DeflateEncoder, GzEncoder, ZlibEncoder},
    };

    use super::*;

    fn member(name: &str, method: u16, data: &[u8]) -> Vec<u8> {
        let mut bytes = MEMBER.to_vec();
        bytes.extend([20, 0, 0, 0]);
        bytes.extend(method.to_le_bytes());
        bytes.resize(26, 0);
        bytes.extend((name.len() as u16).to_le_bytes());
        bytes.extend([0, 0]);
        bytes.extend(name.as_bytes());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn what_is_packed_is_unpacked() {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(b"hello").unwrap();
        assert_eq!(unpacked(&gzip.finish().unwrap(), 100), Packed::Holds(vec![b"hello".to_vec()]));
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(b"hello").unwrap();
        assert_eq!(unpacked(&zlib.finish().unwrap(), 100), Packed::Holds(vec![b"hello".to_vec()]));
        let mut packed = DeflateEncoder::new(Vec::new(), Compression::best());
        packed.write_all(b"hello, hello, hello").unwrap();
        let packed = packed.finish().unwrap();
        let mut archive = member("stored", 0, b"as it is");
        archive.extend(member("a.txt", DEFLATED, &packed));
        archive.extend(member("b.txt", DEFLATED, &packed));
        let expected = b"hello, hello, hello".to_vec();
        assert_eq!(unpacked(&archive, 100), Packed::Holds(vec![expected.clone(), expected.clone()]));
        assert_eq!(unpacked(&archive, 19), Packed::Holds(vec![expected]));
        for text in [&b"plain"[..], b"x\x9c is text", b"h\x05", b"x", b""] {
            assert_eq!(unpacked(text, 100), Packed::Not);
        }
        for length in 0..archive.len() {
            let _ = unpacked(&archive[..length], 100);
        }
    }

    #[test]
    fn what_is_packed_otherwise_is_known() {
        let lzma = 14;
        let archive = [member("stored", STORED, b"as it is"), member("a", lzma, b"?")].concat();
        assert_eq!(unpacked(&archive, 100), Packed::Unknown("zip, by a method that is not deflate"));
        let mut encrypted = member("a", DEFLATED, b"?");
        encrypted[6] = ENCRYPTED as u8;
        assert_eq!(unpacked(&encrypted, 100), Packed::Unknown("zip, encrypted"));
        assert_eq!(unpacked(b"\xFD7zXZ\0", 100), Packed::Unknown("xz"));
    }
}
