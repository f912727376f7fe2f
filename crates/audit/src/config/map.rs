//! Where text that was taken out of a file stands in it: a script inside a ConfigMap, the cells of a notebook.

use tegmen_syntax::Span;

/// Pieces that were copied byte for byte: where each begins in the text, and in the file. In order.
#[derive(Debug, Clone, Default)]
pub struct Map(Vec<(u32, u32)>);

impl Map {
    /// Says that from `text` on (in the text) stands what is from `file` on (in the file).
    pub fn push(&mut self, text: usize, file: usize) {
        let next = (text as u32, file as u32);
        // What goes on as before needs no piece of its own.
        if self.0.last().is_none_or(|(from, to)| next.0 - from != next.1.wrapping_sub(*to)) {
            self.0.push(next);
        }
    }

    fn at(&self, offset: u32) -> u32 {
        let piece = self.0.partition_point(|(from, _)| *from <= offset).saturating_sub(1);
        let Some((from, to)) = self.0.get(piece) else { return offset };
        to + offset.saturating_sub(*from)
    }

    /// Where a span of the text stands in the file.
    pub fn span(&self, span: Span) -> Span {
        let start = self.at(span.start);
        // Its last byte, and one more: the end itself may belong to the next piece.
        let end = if span.end > span.start { self.at(span.end - 1) + 1 } else { start };
        Span::new(start, end.max(start))
    }

    /// Adds this map to another one, for text that was put at `offset` of the other's.
    pub fn onto(&self, offset: usize, other: &mut Self) {
        for (from, to) in &self.0 {
            other.push(*from as usize + offset, *to as usize);
        }
    }

    /// This map, then another: for text that was taken out of text.
    #[must_use]
    pub fn then(&self, outer: &Self) -> Self {
        let mut pieces: Vec<(u32, u32)> = self.0.iter().map(|(from, to)| (*from, outer.at(*to))).collect();
        // Where the outer text changes pieces, so does the result.
        for (from, _) in &outer.0 {
            let piece = self.0.iter().rposition(|(_, to)| to <= from);
            if let Some((inner, to)) = piece.map(|piece| self.0[piece]) {
                let offset = inner + (from - to);
                let next = self.0.iter().map(|(start, _)| *start).find(|start| *start > inner);
                if next.is_none_or(|next| offset < next) {
                    pieces.push((offset, outer.at(*from)));
                }
            }
        }
        pieces.sort_unstable();
        pieces.dedup_by_key(|(from, _)| *from);
        Self(pieces)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_and_their_ends() {
        let mut map = Map::default();
        map.push(0, 10);
        map.push(5, 15);
        map.push(8, 22);
        assert_eq!(map.span(Span::new(2, 7)), Span::new(12, 17));
        assert_eq!(map.span(Span::new(6, 8)), Span::new(16, 18));
        assert_eq!(map.span(Span::new(8, 9)), Span::new(22, 23));
        let mut outer = Map::default();
        outer.push(0, 100);
        outer.push(13, 200);
        let both = map.then(&outer);
        assert_eq!(both.span(Span::new(0, 1)), Span::new(110, 111));
        assert_eq!(both.span(Span::new(4, 5)), Span::new(201, 202));
        assert_eq!(both.span(Span::new(8, 9)), Span::new(209, 210));
    }
}
