//! Searching one stretch of text, and writing out what of it is decided: shared by whole texts and streams, so that
//! both keep the same law.

use std::cmp::Reverse;
use std::ops::Range;

use crate::index::{Index, Match};
use crate::patterns::{Inner, Patterns};
use crate::policy::is_word;

/// What a stretch of text inherits from the text before it.
#[derive(Clone, Copy)]
pub(crate) struct Context {
    /// So many bytes at its beginning belong to a span whose label is already written.
    covered: usize,
    /// The same, of matches that are not bounded.
    covered_strong: usize,
    /// The byte before it belongs to a word (and is in clear).
    after_word: bool,
}

impl Context {
    /// Nothing comes before.
    pub(crate) const START: Self = Self { covered: 0, covered_strong: 0, after_word: false };
}

/// Whether the text may go on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Open,
    End,
}

/// The matches in one stretch of text. Kept between stretches for its memory.
#[derive(Default)]
pub(crate) struct Scratch {
    matches: Vec<Match>,
    /// The unbounded matches, merged.
    strong: Vec<Range<usize>>,
}

impl Scratch {
    pub(crate) fn is_empty(&self) -> bool {
        self.matches.is_empty()
    }

    pub(crate) fn first(&self) -> Option<(Range<usize>, u32)> {
        self.matches.first().map(|first| (first.start..first.end, first.label))
    }

    /// Masks what follows `from` as the given label.
    pub(crate) fn mask_from(&mut self, from: usize, end: usize, label: u32) {
        self.matches.retain(|found| found.start < from);
        self.matches.push(Match { start: from, end, label, bounded: false });
    }

    /// Finds all matches in `text`, and says up to where it is decided: no match that begins before is missing, and
    /// whether one matches does not depend on what follows.
    pub(crate) fn search(&mut self, patterns: &Inner, text: &[u8], context: Context, ending: Ending) -> usize {
        self.matches.clear();
        for index in patterns.layers.iter().flat_map(|layer| &layer.anywhere) {
            index.scan(text, |found| self.matches.push(found));
        }
        let mut decided = match ending {
            Ending::Open => patterns.open_from(text),
            Ending::End => text.len(),
        };
        self.sort();
        if patterns.bounded().next().is_some() {
            self.merge(context.covered_strong);
            for bounded in patterns.bounded() {
                decided = decided.min(self.search_bounded(patterns, bounded, text, context, ending));
            }
            self.sort();
        }
        decided
    }

    /// Writes `text` up to `decided`, and says what the text from there on inherits.
    pub(crate) fn render(
        &self,
        patterns: &Patterns,
        text: &[u8],
        context: Context,
        decided: usize,
        out: &mut Vec<u8>,
    ) -> Context {
        let (mut written, mut strong) = (context.covered, context.covered_strong);
        for found in self.matches.iter().take_while(|found| found.start < decided) {
            if found.start >= written {
                out.extend_from_slice(&text[written..found.start]);
                out.extend_from_slice(patterns.label(found.label).as_bytes());
            }
            written = written.max(found.end);
            if !found.bounded {
                strong = strong.max(found.end);
            }
        }
        if written < decided {
            out.extend_from_slice(&text[written..decided]);
        }
        let after_word = match decided.checked_sub(1) {
            None => context.after_word,
            Some(last) => is_word(text[last]) && strong != decided,
        };
        Context { covered: written.saturating_sub(decided), covered_strong: strong.saturating_sub(decided), after_word }
    }

    /// Finds the bounded matches. A word ends where the text says so, and at a masked span, because there it will end
    /// in the output.
    fn search_bounded(
        &mut self,
        patterns: &Inner,
        bounded: &Index,
        text: &[u8],
        context: Context,
        ending: Ending,
    ) -> usize {
        let Self { matches, strong } = self;
        let begins = |at: usize| {
            let before = at.checked_sub(1).map_or(context.after_word, |before| is_word(text[before]));
            !(before && is_word(text[at])) || strong.binary_search_by_key(&at, |span| span.end).is_ok()
        };
        let mut decided = text.len();
        bounded.scan_each(text, |found| {
            if !begins(found.start) {
                return true;
            }
            let Some(next) = text.get(found.end) else {
                if ending == Ending::Open {
                    decided = decided.min(found.start);
                } else {
                    matches.push(found);
                }
                return ending == Ending::End;
            };
            if !(is_word(text[found.end - 1]) && is_word(*next)) {
                matches.push(found);
                return true;
            }
            let open = |at: usize| patterns.continuation(&text[at..]).is_some();
            if ending == Ending::Open && (found.start + 1..=found.end).any(open) {
                // A span may yet begin right behind the word, or within it.
                decided = decided.min(found.start);
            }
            let ends = strong.binary_search_by_key(&found.end, |span| span.start).is_ok();
            if ends {
                matches.push(found);
            }
            ends
        });
        if ending == Ending::Open {
            let tail = text.len() - text.len().min(bounded.longest() - 1);
            let open = (tail..text.len()).find(|at| begins(*at) && bounded.continuation(&text[*at..]).is_some());
            decided = decided.min(open.unwrap_or(text.len()));
        }
        decided
    }

    fn sort(&mut self) {
        let order = |found: &Match| (found.start, Reverse(found.end));
        // One index gives them in order.
        if !self.matches.is_sorted_by_key(order) {
            self.matches.sort_by_key(order);
        }
    }

    /// Merges the matches found so far, and what is covered already, into spans.
    fn merge(&mut self, covered: usize) {
        self.strong.clear();
        if covered > 0 {
            self.strong.push(0..covered);
        }
        for found in &self.matches {
            match self.strong.last_mut() {
                Some(last) if found.start < last.end => last.end = last.end.max(found.end),
                _ => self.strong.push(found.start..found.end),
            }
        }
    }
}
