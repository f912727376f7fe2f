//! Dotenv files, read as `python-dotenv` reads them, because that is what a Locust script loads them with.
//!
//! One difference, on purpose: a reference `${NAME}` that nothing defines is an error, not an empty text.

mod edit;

use std::fmt;
use std::ops::Range;

use crate::Environment;

pub(crate) use edit::{EditError, with_value};

/// The assignments of a dotenv file, in their order. Holds values: no `Debug`.
pub struct Dotenv(Vec<(String, Vec<u8>)>);

/// Why a dotenv file cannot be read. Says the line, never its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DotenvError {
    /// A line that is no assignment, comment or blank.
    Line(usize),
    /// A quote that is not closed begins on this line.
    Quote(usize),
    /// The value on this line refers to a variable that neither the file nor the environment has.
    Reference(usize, String),
}

impl fmt::Display for DotenvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line} is not of the form NAME=value"),
            Self::Quote(line) => write!(f, "the quote that begins on line {line} is not closed"),
            Self::Reference(line, name) => {
                write!(f, "line {line} refers to ${{{name}}}, which neither the file nor the environment defines")
            }
        }
    }
}

impl Dotenv {
    /// Reads the text of a dotenv file. Values may hold any bytes.
    ///
    /// # Errors
    /// At the first line that cannot be understood.
    pub fn parse(text: &[u8], environment: &Environment) -> Result<Self, DotenvError> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let mut parser = Parser { text, at: 0, line: 1 };
        let mut found = Self(Vec::new());
        while let Some(Assignment { line, name, value, .. }) = parser.next()? {
            let Some(value) = value else { continue };
            let value = found.resolve(&value, line, environment)?;
            found.0.push((name, value));
        }
        Ok(found)
    }

    /// The value of a name: the last assignment wins.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_slice())
    }

    /// The names, each once, in the order of the file.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in &self.0 {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        names
    }

    /// Puts `${NAME}` and `${NAME:-default}` in.
    fn resolve(&self, value: &[u8], line: usize, environment: &Environment) -> Result<Vec<u8>, DotenvError> {
        let mut out = Vec::with_capacity(value.len());
        let mut rest = value;
        while let Some(start) = find(rest, b"${") {
            let Some(length) = rest[start..].iter().position(|byte| *byte == b'}') else { break };
            let inner = &rest[start + 2..start + length];
            let (name, default) = match find(inner, b":-") {
                Some(at) => (&inner[..at], Some(&inner[at + 2..])),
                None => (inner, None),
            };
            out.extend_from_slice(&rest[..start]);
            rest = &rest[start + length + 1..];
            let name = String::from_utf8_lossy(name).into_owned();
            let from_environment = || environment.get(&name).map(std::ffi::OsStr::as_encoded_bytes);
            match self.get(&name).or_else(from_environment).or(default) {
                Some(found) => out.extend_from_slice(found),
                None => return Err(DotenvError::Reference(line, name)),
            }
        }
        out.extend_from_slice(rest);
        Ok(out)
    }
}

impl Drop for Dotenv {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(|(_, value)| zeroize::Zeroize::zeroize(value));
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// An assignment.
struct Assignment {
    line: usize,
    name: String,
    /// `None` for a name without `=`.
    value: Option<Vec<u8>>,
    /// Where the value stands, with its quotes.
    raw: Range<usize>,
}

struct Parser<'t> {
    text: &'t [u8],
    at: usize,
    line: usize,
}

impl Parser<'_> {
    fn next(&mut self) -> Result<Option<Assignment>, DotenvError> {
        loop {
            self.skip(|byte| byte.is_ascii_whitespace());
            match self.peek() {
                None => return Ok(None),
                Some(b'#') => self.skip(|byte| byte != b'\n' && byte != b'\r'),
                Some(_) => break,
            }
        }
        let line = self.line;
        let before = self.at;
        if self.text[self.at..].starts_with(b"export") {
            self.at += b"export".len();
            let after = self.at;
            self.skip_blanks();
            // `export=1` assigns to a variable of that name, and `export` alone names it.
            if self.at == after || matches!(self.peek(), None | Some(b'=' | b'#' | b'\n' | b'\r')) {
                self.at = before;
            }
        }
        let name = if self.peek() == Some(b'\'') {
            self.quoted(b'\'', line)?
        } else {
            let start = self.at;
            self.skip(|byte| byte != b'=' && byte != b'#' && !byte.is_ascii_whitespace());
            self.text[start..self.at].to_vec()
        };
        let Ok(name) = String::from_utf8(name) else { return Err(DotenvError::Line(line)) };
        if name.is_empty() {
            return Err(DotenvError::Line(line));
        }
        self.skip_blanks();
        let mut raw = self.at..self.at;
        let value = if self.peek() == Some(b'=') {
            self.at += 1;
            self.skip_blanks();
            raw.start = self.at;
            let (value, end) = match self.peek() {
                Some(quote @ (b'\'' | b'"')) => (self.quoted(quote, line)?, self.at),
                _ => {
                    let value = self.unquoted();
                    let end = raw.start + value.len();
                    (value, end)
                }
            };
            raw.end = end;
            Some(value)
        } else {
            None
        };
        self.skip_blanks();
        if self.peek() == Some(b'#') {
            self.skip(|byte| byte != b'\n' && byte != b'\r');
        }
        match self.peek() {
            None | Some(b'\n' | b'\r') => Ok(Some(Assignment { line, name, value, raw })),
            // Not the content: it may be a value that nobody closed properly.
            Some(_) => Err(DotenvError::Line(line)),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip(&mut self, wanted: impl Fn(u8) -> bool) {
        while let Some(byte) = self.peek().filter(|byte| wanted(*byte)) {
            self.line += usize::from(byte == b'\n');
            self.at += 1;
        }
    }

    fn skip_blanks(&mut self) {
        self.skip(|byte| byte == b' ' || byte == b'\t');
    }

    /// To the end of the line, without a comment after white space, without white space at the end.
    fn unquoted(&mut self) -> Vec<u8> {
        let start = self.at;
        self.skip(|byte| byte != b'\n' && byte != b'\r');
        let mut value = &self.text[start..self.at];
        let comment = value.windows(2).position(|pair| pair[0].is_ascii_whitespace() && pair[1] == b'#');
        if let Some(at) = comment {
            value = &value[..at];
        }
        if value.first() == Some(&b'#') {
            // python-dotenv reads `NAME=#x` as the value `#x`, but `NAME= #x` as a comment.
            let blank_before = self.text[..start].last().is_some_and(u8::is_ascii_whitespace);
            value = if blank_before { &[] } else { value };
        }
        value.trim_ascii_end().to_vec()
    }

    /// A quoted text over as many lines as it takes, with the escapes of its kind of quote.
    fn quoted(&mut self, quote: u8, line: usize) -> Result<Vec<u8>, DotenvError> {
        self.at += 1;
        let mut value = Vec::new();
        loop {
            let Some(byte) = self.peek() else { return Err(DotenvError::Quote(line)) };
            self.line += usize::from(byte == b'\n');
            self.at += 1;
            if byte == quote {
                return Ok(value);
            }
            let escaped = match (byte, self.peek()) {
                (b'\\', Some(next)) => unescape(quote, next),
                _ => None,
            };
            match escaped {
                Some(meant) => {
                    value.push(meant);
                    self.at += 1;
                }
                None => value.push(byte),
            }
        }
    }
}

/// What a backslash before this byte means; `None`: the backslash is one.
fn unescape(quote: u8, byte: u8) -> Option<u8> {
    match (quote, byte) {
        (_, b'\\' | b'\'') => Some(byte),
        (b'"', b'"') => Some(b'"'),
        (b'"', b'n') => Some(b'\n'),
        (b'"', b'r') => Some(b'\r'),
        (b'"', b't') => Some(b'\t'),
        (b'"', b'a') => Some(0x07),
        (b'"', b'b') => Some(0x08),
        (b'"', b'f') => Some(0x0c),
        (b'"', b'v') => Some(0x0b),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String)> {
        let environment = [("HOME_ONE", "from-env")].into_iter().collect();
        let dotenv = Dotenv::parse(text.as_bytes(), &environment).unwrap_or_else(|error| panic!("{error}"));
        dotenv.0.iter().map(|(name, value)| (name.clone(), String::from_utf8(value.clone()).unwrap())).collect()
    }

    fn one(text: &str) -> String {
        let found = read(text);
        assert_eq!(found.len(), 1, "{text}");
        found[0].1.clone()
    }

    #[test]
    fn the_grammar_of_python_dotenv() {
        for (text, value) in [
            ("A=b", "b"),
            ("A = b ", "b"),
            ("export A=b", "b"),
            ("'A'=b", "b"),
            ("A=", ""),
            ("A=a b c", "a b c"),
            ("A=b # comment", "b"),
            ("A=b#c", "b#c"),
            ("A=#c", "#c"),
            ("A= #c", ""),
            ("A='b # c' # d", "b # c"),
            (r#"A="b\nc""#, "b\nc"),
            (r"A='b\nc'", r"b\nc"),
            (r"A='it\'s'", "it's"),
            (r#"A="say \"hi\" \\ \$x""#, r#"say "hi" \ \$x"#),
            ("A=\"line 1\nline 2\"", "line 1\nline 2"),
            ("A='b'\r\n", "b"),
            ("\u{feff}A=b", "b"),
            ("A=p$a$$b", "p$a$$b"),
            ("A=${HOME_ONE}/x", "from-env/x"),
            ("A=${NOPE:-fallback}", "fallback"),
            ("A=it's", "it's"),
        ] {
            assert_eq!(one(text), value, "{text}");
        }
        assert_eq!(read("# c\n\nA=1\nB\nexport=2\nA=${A}3\nexport #x\nexport \n").len(), 3);
        assert_eq!(Dotenv::parse(b"A=1\nA=2", &Environment::default()).ok().unwrap().get("A"), Some(&b"2"[..]));
    }

    #[test]
    fn mistakes_say_the_line() {
        let error = |text: &str| Dotenv::parse(text.as_bytes(), &Environment::default()).err().unwrap();
        assert_eq!(error("A=1\n\nB C=2"), DotenvError::Line(3));
        assert_eq!(error("A=1\n=2"), DotenvError::Line(2));
        assert_eq!(error("A='x\ny"), DotenvError::Quote(1));
        assert_eq!(error("A='x' y"), DotenvError::Line(1));
        assert_eq!(error("A=\"1\n2\"\nB=${NOPE}"), DotenvError::Reference(3, "NOPE".into()));
    }
}
