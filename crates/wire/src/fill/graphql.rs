//! Placeholders in GraphQL documents (specification of October 2021, 2.9.4): strings are escaped as in JSON, block
//! strings have one escape of their own.

use super::{Clear, Filler, Result, json::Strings, text::append};
use crate::place::Place;

/// Whether the text looks like a GraphQL document rather than a sentence.
pub(super) fn is_graphql(text: &[u8]) -> bool {
    const BEGINNINGS: [&[u8]; 5] = [b"{", b"query", b"mutation", b"subscription", b"fragment"];
    text.ends_with(b"}") && BEGINNINGS.iter().any(|word| text.starts_with(word)) && text.contains(&b'{')
}

impl Filler<'_> {
    /// Fills a GraphQL document. Outside of its strings a value stands as it is: a number, a name.
    pub(super) fn graphql(&self, text: &[u8], place: &Place, depth: usize) -> Result<Clear> {
        let mut out = Clear::new(Vec::with_capacity(text.len() + 256));
        for piece in Pieces(text) {
            append(
                &mut out,
                &match piece {
                    Piece::String(literal) => self.string_literal(literal, place, depth, Strings::Graphql)?,
                    Piece::Block(block) => self.replace(block, place, depth, &mut |_, value| {
                        let text = std::str::from_utf8(value).map_err(|_| "it is not text")?;
                        Ok(text.replace("\"\"\"", "\\\"\"\"").into_bytes())
                    })?,
                    Piece::Other(other) => self.raw(other, place, depth)?,
                },
            );
        }
        Ok(out)
    }
}

enum Piece<'t> {
    String(&'t [u8]),
    Block(&'t [u8]),
    Other(&'t [u8]),
}

/// A document taken apart; together the pieces are the document.
struct Pieces<'t>(&'t [u8]);

impl<'t> Iterator for Pieces<'t> {
    type Item = Piece<'t>;

    fn next(&mut self) -> Option<Piece<'t>> {
        let text = self.0;
        if text.is_empty() {
            return None;
        }
        let comment_end = || memchr::memchr(b'\n', text).unwrap_or(text.len());
        let (length, make): (usize, fn(&'t [u8]) -> Piece<'t>) = if text.starts_with(b"\"\"\"") {
            (end_of_block(text), Piece::Block)
        } else if text.starts_with(b"\"") {
            (super::json::end_of_string(text, 0), Piece::String)
        } else if text.starts_with(b"#") {
            (comment_end().max(1), Piece::Other)
        } else {
            (memchr::memchr2(b'"', b'#', text).unwrap_or(text.len()), Piece::Other)
        };
        let (piece, rest) = text.split_at(length);
        self.0 = rest;
        Some(make(piece))
    }
}

fn end_of_block(text: &[u8]) -> usize {
    let mut at = 3;
    while let Some(found) = text.get(at..).and_then(|rest| memchr::memmem::find(rest, b"\"\"\"")) {
        at += found + 3;
        if text[at - 4] != b'\\' {
            return at;
        }
    }
    text.len()
}
