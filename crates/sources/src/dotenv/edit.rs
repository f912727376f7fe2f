//! A dotenv file with another value in one of its lines. Everything else stays as it is, byte for byte.

use zeroize::Zeroizing;

use super::{Dotenv, DotenvError, Parser};
use crate::Environment;

/// Why a value cannot be put into a dotenv file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EditError {
    /// The file cannot be read.
    #[error("{0}")]
    Broken(DotenvError),
    /// It has no such name.
    #[error("it has no {0}")]
    Missing(String),
    /// The value cannot be written so that it is read back as it is.
    #[error("the value has something in it that a dotenv file cannot hold, such as ${{…}}")]
    Unfit,
}

/// The text of the file with `value` as that of `name`, in the quotes that it had where they do. Of several assignments it
/// is the last, which is the one that counts.
pub(crate) fn with_value(
    text: &[u8],
    name: &str,
    value: &[u8],
    environment: &Environment,
) -> Result<Zeroizing<Vec<u8>>, EditError> {
    let mark = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let mut parser = Parser { text: &text[mark..], at: 0, line: 1 };
    let mut place = None;
    while let Some(assignment) = parser.next().map_err(EditError::Broken)? {
        if assignment.name == name && assignment.value.is_some() {
            place = Some(assignment.raw);
        }
    }
    let Some(place) = place.map(|place| place.start + mark..place.end + mark) else {
        return Err(EditError::Missing(name.to_owned()));
    };
    let old_quote = text.get(place.start).copied().filter(|byte| matches!(byte, b'\'' | b'"'));
    for style in [old_quote, None, Some(b'\''), Some(b'"')] {
        let Some(written) = written(value, style) else { continue };
        let mut out = Zeroizing::new(Vec::with_capacity(text.len() + written.len() + 1));
        out.extend_from_slice(&text[..place.start]);
        out.extend_from_slice(&written);
        out.extend_from_slice(&text[place.end..]);
        // What was written must be what was meant.
        let read = Dotenv::parse(&out, environment);
        if read.is_ok_and(|read| read.get(name) == Some(value)) {
            return Ok(out);
        }
    }
    Err(EditError::Unfit)
}

/// The value in these quotes; `None` where it cannot be. Escapes as few backslashes as can be, so that a shell that reads the
/// file sees the same.
fn written(value: &[u8], quote: Option<u8>) -> Option<Zeroizing<Vec<u8>>> {
    let mut out = Zeroizing::new(Vec::with_capacity(2 * value.len() + 2));
    let Some(quote) = quote else {
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./:@%+,=".contains(byte);
        if value.is_empty() || !value.iter().all(plain) {
            return None;
        }
        out.extend_from_slice(value);
        return Some(out);
    };
    // A shell would put something else in for these.
    if quote == b'"' && value.iter().any(|byte| b"$`".contains(byte)) {
        return None;
    }
    out.push(quote);
    for (at, byte) in value.iter().enumerate() {
        let next = value.get(at + 1).copied().unwrap_or(quote);
        let escaped = match byte {
            b'\\' => quote == b'"' || matches!(next, b'\\' | b'\''),
            byte => *byte == quote,
        };
        if escaped {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out.push(quote);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(text: &str, name: &str, value: &str) -> Result<String, EditError> {
        let environment = [("HOME_ONE", "x")].into_iter().collect();
        with_value(text.as_bytes(), name, value.as_bytes(), &environment)
            .map(|out| String::from_utf8(out.to_vec()).unwrap())
    }

    #[test]
    fn only_the_value_changes() {
        for (text, value, expected) in [
            ("A=b", "c", "A=c"),
            ("# one\nA=b # two\n\nB=${A}x\n", "c", "# one\nA=c # two\n\nB=${A}x\n"),
            ("export A = b  \r\nC=d\r\n", "c", "export A = c  \r\nC=d\r\n"),
            ("A='b'# x\n", "c d", "A='c d'# x\n"),
            ("A=\"b\"\n", "c\nd", "A=\"c\nd\"\n"),
            ("A=\"b\"\n", "c$d", "A='c$d'\n"),
            ("A=b\n", "c d", "A='c d'\n"),
            ("A=b\n", "it's", "A='it\\'s'\n"),
            ("A=b\n", "a\\b", "A='a\\b'\n"),
            ("A=b\n", "a\\", "A='a\\\\'\n"),
            ("A=b\n", "#x", "A='#x'\n"),
            ("A=1\nA=2\nB=3", "4", "A=1\nA=4\nB=3"),
            ("\u{feff}A=b\n", "c", "\u{feff}A=c\n"),
            ("A=\nB=1\n", "c", "A=c\nB=1\n"),
            ("'A'=b\n", "ü c", "'A'='ü c'\n"),
        ] {
            assert_eq!(edited(text, "A", value).as_deref(), Ok(expected), "{text:?} {value:?}");
        }
    }

    #[test]
    fn what_cannot_be() {
        assert_eq!(edited("A=b", "B", "c"), Err(EditError::Missing("B".into())));
        assert_eq!(edited("A=b", "A", "x${HOME_ONE}"), Err(EditError::Unfit));
        assert!(matches!(edited("A='b", "A", "c"), Err(EditError::Broken(_))));
        assert_eq!(edited("A\n", "A", "c"), Err(EditError::Missing("A".into())));
    }

    #[test]
    fn every_value_is_read_back_or_refused() {
        let odd = ["'", "\"", "\\", "$", "`", "#", " ", "\n", "a", "ü", "=", "${", "}"];
        for one in odd {
            for two in odd {
                for three in odd {
                    let value = [one, two, three].concat();
                    for text in ["X=1\nA=b # c\nZ=2\n", "A=\"b\"", "A='b'"] {
                        // Reading back is checked inside; here, that hardly anything is refused.
                        match edited(text, "A", &value) {
                            Ok(out) => assert!(out.starts_with(&text[..text.find("A=").unwrap() + 2])),
                            Err(error) => {
                                assert_eq!(error, EditError::Unfit);
                                let fits = !value.contains("${");
                                assert!(!fits, "{value:?}");
                            }
                        }
                    }
                }
            }
        }
    }
}
