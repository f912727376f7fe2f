//! Python cut into logical lines, without a parser: where strings, comments and brackets are, and nothing else.
//!
//! It may join what a parser keeps apart (a bracket that never closes), and then more is looked at than need be; it never loses a byte.

use std::ops::Range;

/// A logical line: a statement, or the head of a block.
#[derive(Debug, Default)]
pub struct Statement {
    /// Where it is.
    pub range: Range<usize>,
    /// The strings in it.
    pub literals: Vec<Literal>,
    /// The comments in it, with their `#`.
    pub comments: Vec<Range<usize>>,
}

/// A string.
#[derive(Debug, Clone)]
pub struct Literal {
    /// Where it is, with its quotes and prefix.
    pub whole: Range<usize>,
    /// What stands between the quotes.
    pub content: Range<usize>,
}

/// The logical lines of a text, one after another.
pub struct Statements<'t> {
    bytes: &'t [u8],
    at: usize,
}

/// What a byte may begin.
const PLAIN: u8 = 0;
const NEWLINE: u8 = 1;
const QUOTE: u8 = 2;
const HASH: u8 = 3;
const OPEN: u8 = 4;
const CLOSE: u8 = 5;
const BACKSLASH: u8 = 6;

static KINDS: [u8; 256] = {
    let mut kinds = [PLAIN; 256];
    kinds[b'\n' as usize] = NEWLINE;
    kinds[b'"' as usize] = QUOTE;
    kinds[b'\'' as usize] = QUOTE;
    kinds[b'#' as usize] = HASH;
    kinds[b'(' as usize] = OPEN;
    kinds[b'[' as usize] = OPEN;
    kinds[b'{' as usize] = OPEN;
    kinds[b')' as usize] = CLOSE;
    kinds[b']' as usize] = CLOSE;
    kinds[b'}' as usize] = CLOSE;
    kinds[b'\\' as usize] = BACKSLASH;
    kinds
};

impl<'t> Statements<'t> {
    /// The logical lines of `text`.
    pub fn new(text: &'t str) -> Self {
        Self { bytes: text.as_bytes(), at: 0 }
    }

    /// The next one, into `out`; `false` at the end.
    pub fn next_into(&mut self, out: &mut Statement) -> bool {
        out.literals.clear();
        out.comments.clear();
        let bytes = self.bytes;
        let start = self.at;
        if start >= bytes.len() {
            return false;
        }
        let mut i = start;
        let mut depth = 0usize;
        loop {
            let rest = bytes.get(i..).unwrap_or_default();
            let Some(plain) = rest.iter().position(|byte| KINDS[usize::from(*byte)] != PLAIN) else {
                i = bytes.len();
                break;
            };
            i += plain;
            match KINDS[usize::from(bytes[i])] {
                NEWLINE => {
                    i += 1;
                    if depth == 0 {
                        break;
                    }
                }
                QUOTE => {
                    let literal = self.literal(i, start);
                    i = literal.whole.end;
                    out.literals.push(literal);
                }
                HASH => {
                    let end = memchr::memchr(b'\n', &bytes[i..]).map_or(bytes.len(), |at| i + at);
                    out.comments.push(i..end);
                    i = end;
                }
                OPEN => {
                    depth += 1;
                    i += 1;
                }
                CLOSE => {
                    depth = depth.saturating_sub(1);
                    i += 1;
                }
                _ => i += 2,
            }
        }
        self.at = i.min(bytes.len());
        out.range = start..self.at;
        true
    }

    /// The string whose first quote stands at `quote`.
    fn literal(&self, quote: usize, start: usize) -> Literal {
        let bytes = self.bytes;
        let mark = bytes[quote];
        let mut prefix = quote;
        while prefix > start && quote - prefix < 2 && bytes[prefix - 1].is_ascii_alphabetic() {
            prefix -= 1;
        }
        let triple = bytes.get(quote + 1) == Some(&mark) && bytes.get(quote + 2) == Some(&mark);
        let begin = if triple { quote + 3 } else { quote + 1 };
        let mut i = begin;
        loop {
            let next = if triple {
                memchr::memchr2(mark, b'\\', &bytes[i.min(bytes.len())..])
            } else {
                memchr::memchr3(mark, b'\\', b'\n', &bytes[i.min(bytes.len())..])
            };
            let Some(at) = next.map(|at| at + i) else {
                return Literal { whole: prefix..bytes.len(), content: begin.min(bytes.len())..bytes.len() };
            };
            match bytes[at] {
                b'\\' => i = at + 2,
                b'\n' => return Literal { whole: prefix..at, content: begin..at },
                _ if !triple => return Literal { whole: prefix..at + 1, content: begin..at },
                _ if bytes.get(at + 1) == Some(&mark) && bytes.get(at + 2) == Some(&mark) => {
                    return Literal { whole: prefix..at + 3, content: begin..at };
                }
                _ => i = at + 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<(&str, Vec<&str>, usize)> {
        let mut lines = Statements::new(text);
        let mut statement = Statement::default();
        let mut found = Vec::new();
        while lines.next_into(&mut statement) {
            let literals = statement.literals.iter().map(|literal| &text[literal.content.clone()]).collect();
            found.push((&text[statement.range.clone()], literals, statement.comments.len()));
        }
        found
    }

    #[test]
    fn strings_comments_and_brackets() {
        assert_eq!(
            cut("a = 'x' # b 'c'\nf(\n  rb\"y\\\"z\",\n  '''t\n\"u''',\n)\nd = 1 \\\n  + '\\\n'\n'open\n)\nend"),
            [
                ("a = 'x' # b 'c'\n", vec!["x"], 1),
                ("f(\n  rb\"y\\\"z\",\n  '''t\n\"u''',\n)\n", vec!["y\\\"z", "t\n\"u"], 0),
                ("d = 1 \\\n  + '\\\n'\n", vec!["\\\n"], 0),
                ("'open\n", vec!["open"], 0),
                (")\n", vec![], 0),
                ("end", vec![], 0),
            ]
        );
        assert_eq!(cut("'''never"), [("'''never", vec!["never"], 0)]);
        assert_eq!(cut("x = '\\"), [("x = '\\", vec!["\\"], 0)]);
        assert!(cut("").is_empty());
    }
}
