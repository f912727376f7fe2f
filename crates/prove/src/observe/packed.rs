//! Files that hold others, packed: gzip (RFC 1952) and zip, as far as both are deflated (RFC 1951).

use std::io::Read;

use flate2::read::{DeflateDecoder, MultiGzDecoder};

const GZIP: &[u8] = &[0x1F, 0x8B];
/// A file in an archive begins with this ("local file header", APPNOTE.TXT 4.3.7), and its header is so long without name and
/// extra field.
const MEMBER: &[u8] = b"PK\x03\x04";
const HEADER: usize = 30;
const DEFLATED: u16 = 8;

/// What is packed in these bytes, up to `longest` bytes of it in all; what is only begun, as far as it goes.
pub(super) fn unpacked(bytes: &[u8], longest: u64) -> Vec<Vec<u8>> {
    if bytes.starts_with(GZIP) {
        return vec![read(MultiGzDecoder::new(bytes), longest)];
    }
    if !bytes.starts_with(MEMBER) {
        return Vec::new();
    }
    let (mut all, mut left, mut at) = (Vec::new(), longest, 0);
    while let Some(found) = bytes[at..].windows(MEMBER.len()).position(|window| window == MEMBER) {
        let member = &bytes[at + found..];
        at += found + MEMBER.len();
        if let Some(data) = deflated(member).filter(|_| left > 0) {
            let unpacked = read(DeflateDecoder::new(data), left);
            left -= unpacked.len() as u64;
            all.push(unpacked);
        }
    }
    all
}

/// The packed bytes of a file in an archive, and what follows them. What is stored as it is needs no unpacking.
fn deflated(member: &[u8]) -> Option<&[u8]> {
    let number = |at: usize| Some(u16::from_le_bytes(member.get(at..at + 2)?.try_into().ok()?));
    let (name, extra) = (usize::from(number(26)?), usize::from(number(28)?));
    member.get(HEADER + name + extra..).filter(|_| number(8) == Some(DEFLATED))
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

    use flate2::{Compression, write::DeflateEncoder, write::GzEncoder};

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
        assert_eq!(unpacked(&gzip.finish().unwrap(), 100), [b"hello"]);
        let mut packed = DeflateEncoder::new(Vec::new(), Compression::best());
        packed.write_all(b"hello, hello, hello").unwrap();
        let packed = packed.finish().unwrap();
        let mut archive = member("stored", 0, b"as it is");
        archive.extend(member("a.txt", DEFLATED, &packed));
        archive.extend(member("b.txt", DEFLATED, &packed));
        let expected = b"hello, hello, hello".to_vec();
        assert_eq!(unpacked(&archive, 100), [expected.clone(), expected.clone()]);
        assert_eq!(unpacked(&archive, 19), [expected]);
        assert!(unpacked(b"plain", 100).is_empty());
        for length in 0..archive.len() {
            let _ = unpacked(&archive[..length], 100);
        }
    }
}
