//! Questions for names and their answers (RFC 1035), as far as a program that dials a host asks them.

use std::net::IpAddr;

const A: u16 = 1;
const AAAA: u16 = 28;
const INTERNET: u16 = 1;

/// So many addresses of a name are told: as many as an answer of 512 bytes holds (RFC 1035, 4.2.1).
pub const ADDRESSES: usize = 16;

/// A question as it came.
pub struct Question {
    bytes: Vec<u8>,
    /// The name, in small letters.
    pub name: String,
    kind: u16,
}

impl Question {
    /// Reads one; anything else than one standard question for a host name is none.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let header: &[u8; 12] = bytes.get(..12)?.try_into().ok()?;
        let is_query = header[2] & 0xF8 == 0;
        let one = header[4..6] == [0, 1];
        if !is_query || !one {
            return None;
        }
        let (mut at, mut labels) = (12, Vec::new());
        loop {
            let length = usize::from(*bytes.get(at)?);
            // A question has no compressed name.
            if length > 63 {
                return None;
            }
            if length == 0 {
                break;
            }
            let label = std::str::from_utf8(bytes.get(at + 1..at + 1 + length)?).ok()?;
            labels.push(label.to_ascii_lowercase());
            at += 1 + length;
        }
        let [k0, k1, c0, c1] = bytes.get(at + 1..at + 5)?.try_into().ok()?;
        if u16::from_be_bytes([c0, c1]) != INTERNET || at > 12 + 255 {
            return None;
        }
        let bytes = bytes.get(..at + 5)?.to_vec();
        Some(Self { bytes, name: labels.join("."), kind: u16::from_be_bytes([k0, k1]) })
    }

    /// Its answer: the addresses of the kind that was asked for; `None`: there is no such name.
    pub fn answer(&self, addresses: Option<&[IpAddr]>) -> Vec<u8> {
        let fits = |address: &&IpAddr| match address {
            IpAddr::V4(_) => self.kind == A,
            IpAddr::V6(_) => self.kind == AAAA,
        };
        let known = addresses.unwrap_or_default();
        let found: Vec<&IpAddr> = known.iter().filter(fits).take(ADDRESSES).collect();
        let (flags, code) = (self.bytes[2] | 0x80, if addresses.is_none() { 3 } else { 0 });
        let mut out = vec![self.bytes[0], self.bytes[1], flags, 0x80 | code, 0, 1, 0, found.len() as u8, 0, 0, 0, 0];
        out.extend(&self.bytes[12..]);
        for address in found {
            // The name is that at byte 12; for five seconds.
            out.extend([0xC0, 12]);
            out.extend(self.kind.to_be_bytes());
            out.extend(INTERNET.to_be_bytes());
            out.extend(5u32.to_be_bytes());
            match address {
                IpAddr::V4(address) => {
                    out.extend(4u16.to_be_bytes());
                    out.extend(address.octets());
                }
                IpAddr::V6(address) => {
                    out.extend(16u16.to_be_bytes());
                    out.extend(address.octets());
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(name: &str, kind: u16) -> Vec<u8> {
        let mut bytes = vec![7, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            bytes.push(label.len() as u8);
            bytes.extend(label.as_bytes());
        }
        bytes.push(0);
        bytes.extend(kind.to_be_bytes());
        bytes.extend([0, 1]);
        bytes
    }

    #[test]
    fn a_question_and_its_answer() {
        let question = Question::read(&asked("Shop.example.com", A)).unwrap();
        assert_eq!(question.name, "shop.example.com");
        let addresses = ["203.0.113.5".parse().unwrap(), "2001:db8::5".parse().unwrap()];
        let answer = question.answer(Some(&addresses));
        assert_eq!((&answer[..2], answer[3] & 15, answer[7]), (&[7, 9][..], 0, 1));
        assert_eq!(answer[answer.len() - 4..], [203, 0, 113, 5]);
        let six = Question::read(&asked("shop.example.com", AAAA)).unwrap().answer(Some(&addresses));
        assert_eq!((six[7], six[six.len() - 1]), (1, 5));
        // Mail servers: there are none, and the name is there.
        let mail = Question::read(&asked("shop.example.com", 15)).unwrap().answer(Some(&addresses));
        assert_eq!((mail[3] & 15, mail[7]), (0, 0));
        assert_eq!(question.answer(None)[3] & 15, 3);
    }

    #[test]
    fn an_answer_fits_where_answers_fit() {
        let many: Vec<IpAddr> = (0..100u8).map(|last| std::net::Ipv6Addr::from([last; 16]).into()).collect();
        let question = Question::read(&asked("a.example", AAAA)).unwrap();
        assert!(question.answer(Some(&many)).len() <= 512);
    }

    #[test]
    fn anything_may_come() {
        let whole = asked("shop.example.com", A);
        for length in 0..whole.len() {
            assert!(Question::read(&whole[..length]).is_none(), "{length}");
        }
        // An answer, two questions, a pointer, another class.
        for (at, byte) in [(2, 0x81), (5, 2), (12, 0xC0), (whole.len() - 1, 3)] {
            let mut bytes = whole.clone();
            bytes[at] = byte;
            assert!(Question::read(&bytes).is_none(), "{at}");
        }
    }
}
