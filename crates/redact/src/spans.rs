//! Searching one stretch of text, and writing out what of it is decided: shared by whole texts and streams, so that
//! both keep the same law.

use std::cmp::Reverse;
use std::ops::Range;

use crate::counts::Counts;
use crate::index::{Index, Match};
use crate::patterns::{Inner, Patterns};
use crate::policy::is_word;
use crate::veil::{Place, Veil, View};

/// What a stretch of text inherits from the text before it.
#[derive(Clone, Copy)]
pub(crate) struct Context {
    /// So many bytes at its beginning belong to a span whose label is already written.
    covered: usize,
    /// The same, of matches that are not bounded.
    covered_strong: usize,
    /// The same, of matches in the text as it stands.
    covered_plain: usize,
    /// The byte before it belongs to a word (and is in clear, and is seen).
    after_word: bool,
    /// The last byte that was written.
    last: Option<u8>,
    place: Place,
    /// The width of the terminal in columns, where it is known.
    pub(crate) width: Option<usize>,
}

impl Context {
    /// Nothing comes before.
    pub(crate) fn start(width: Option<usize>) -> Self {
        let place = Place::default();
        Self { covered: 0, covered_strong: 0, covered_plain: 0, after_word: false, last: None, place, width }
    }

    fn view(&self, patterns: &Inner) -> View {
        View { width: self.width, line_feeds: patterns.line_feeds() }
    }
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
    /// What the text before covers of this one, whole sequences.
    covered: usize,
    covered_strong: usize,
    veil: Veil,
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
        let start = self.veil.unbroken(from);
        self.matches.retain(|found| found.start < start);
        self.matches.push(Match { start, end, label, bounded: false, plain: true });
    }

    /// Finds all matches in `text`, and says up to where it is decided: no match that begins before is missing, and
    /// whether one matches does not depend on what follows.
    pub(crate) fn search(&mut self, patterns: &Inner, text: &[u8], context: Context, ending: Ending) -> usize {
        let open = ending == Ending::Open;
        self.matches.clear();
        for index in patterns.indexes() {
            index.scan(text, |found| self.matches.push(found));
        }
        let mut decided = if open { patterns.open_from(text) } else { text.len() };
        let complete = self.veil.lay(text, context.view(patterns), context.place, open);
        (self.covered, self.covered_strong) = (context.covered, context.covered_strong);
        if self.veil.has_gaps() {
            let both = context.covered_plain.min(context.covered_strong);
            self.covered = self.covered.max(self.veil.widen(0..context.covered_plain).end);
            self.covered_strong = self.covered_strong.max(self.veil.widen(0..both).end);
            decided = decided.min(self.search_veiled(patterns, open));
        }
        self.widen(0);
        if patterns.bounded().next().is_some() {
            self.merge(self.covered_strong);
            let before = self.matches.len();
            for bounded in patterns.bounded() {
                decided = decided.min(self.search_bounded(patterns, bounded, text, context, ending, false));
                if self.veil.has_gaps() {
                    decided = decided.min(self.search_bounded(patterns, bounded, text, context, ending, true));
                }
            }
            self.widen(before);
        }
        self.before_labels(self.veil.outside(decided.min(complete)))
    }

    /// The place, or the beginning of the first span whose label has to wait: it comes behind the gaps, and none of
    /// them may be undecided.
    fn before_labels(&self, decided: usize) -> usize {
        if !self.veil.has_gaps() {
            return decided;
        }
        let mut covered = self.covered;
        for found in self.matches.iter().take_while(|found| found.start < decided) {
            let mut gaps = self.veil.staying(found.start..found.end);
            if found.start >= covered && gaps.any(|gap| gap.end > decided) {
                return found.start;
            }
            covered = covered.max(found.end);
        }
        decided
    }

    /// The last beginning of a form at the end of a text that was searched as open, and the label of that form.
    pub(crate) fn beginning(&self, patterns: &Inner, text: &[u8]) -> Option<(usize, u32)> {
        let from = patterns.open_from(text);
        let plain = patterns.continuation(&text[from..]).map(|label| (from, label));
        if !self.veil.has_gaps() {
            return plain;
        }
        let visible = self.veil.visible();
        let from = patterns.open_from(visible);
        let veiled = patterns.continuation(&visible[from..]).map(|label| (self.veil.place_of(from), label));
        plain.into_iter().chain(veiled).min_by_key(|(from, _)| *from)
    }

    /// Writes `text` up to `decided`, and says what the text from there on inherits.
    pub(crate) fn render(
        &self,
        patterns: &Patterns,
        text: &[u8],
        context: Context,
        decided: usize,
        counts: &mut Counts,
        out: &mut Vec<u8>,
    ) -> Context {
        let (mut written, mut strong, mut plain) = (self.covered, self.covered_strong, context.covered_plain);
        let before = out.len();
        for found in self.matches.iter().take_while(|found| found.start < decided) {
            if found.start >= written {
                out.extend_from_slice(&text[written..found.start]);
                // The gaps come first: what stands behind a label is what stood behind the value.
                let mut end = None;
                for gap in self.veil.staying(found.start..found.end) {
                    let last = out[before..].last().copied().or(context.last);
                    let joins = |last: u8| patterns.inner().joins(last, text[gap.start]);
                    if end == Some(gap.start) || !last.is_some_and(joins) {
                        out.extend_from_slice(&text[gap.clone()]);
                        end = Some(gap.end);
                    }
                }
                out.extend_from_slice(patterns.label(found.label).as_bytes());
                counts.add(found.label);
            }
            written = written.max(found.end);
            if !found.bounded {
                strong = strong.max(found.end);
            }
            if found.plain {
                plain = plain.max(found.end);
            }
        }
        if written < decided {
            out.extend_from_slice(&text[written..decided]);
        }
        let after_word = match decided.checked_sub(1) {
            None => context.after_word,
            Some(last) => is_word(text[last]) && strong != decided && !self.veil.is_edge(decided),
        };
        let place = self.veil.place_behind(&text[..decided], context.view(patterns.inner()), context.place);
        Context {
            covered: written.saturating_sub(decided),
            covered_strong: strong.saturating_sub(decided),
            covered_plain: plain.saturating_sub(decided),
            after_word,
            last: out[before..].last().copied().or(context.last),
            place,
            width: context.width,
        }
    }

    /// Finds the matches in what is seen that gaps interrupt. The others are found already.
    fn search_veiled(&mut self, patterns: &Inner, open: bool) -> usize {
        let Self { matches, veil, .. } = self;
        for index in patterns.indexes() {
            index.scan(veil.visible(), |found| {
                let span = veil.span_of(found.start..found.end);
                if span.len() > found.end - found.start {
                    matches.push(Match { start: span.start, end: span.end, plain: false, ..found });
                }
            });
        }
        match patterns.open_from(veil.visible()) {
            from if open && from < veil.visible().len() => veil.place_of(from),
            _ => usize::MAX,
        }
    }

    /// Finds the bounded matches. A word ends where the text says so, at a gap, and at a masked span, because there it
    /// will end in the output.
    fn search_bounded(
        &mut self,
        patterns: &Inner,
        bounded: &Index,
        text: &[u8],
        context: Context,
        ending: Ending,
        veiled: bool,
    ) -> usize {
        let Self { matches, strong, veil, .. } = self;
        let searched = if veiled { veil.visible() } else { text };
        let span = |found: &Match| {
            if veiled { veil.span_of(found.start..found.end) } else { found.start..found.end }
        };
        let begins = |at: usize| {
            let before = at.checked_sub(1).map_or(context.after_word, |before| is_word(text[before]));
            !(before && is_word(text[at]))
                || veil.is_edge(at)
                || strong.binary_search_by_key(&at, |span| span.end).is_ok()
        };
        let mut decided = text.len();
        bounded.scan_each(searched, |found| {
            let Range { start, end } = span(&found);
            let found = Match { start, end, plain: !veiled, ..found };
            if !begins(start) {
                return true;
            }
            let Some(next) = text.get(end) else {
                if ending == Ending::Open {
                    decided = decided.min(start);
                } else {
                    matches.push(found);
                }
                return ending == Ending::End;
            };
            if !(is_word(text[end - 1]) && is_word(*next)) || veil.is_edge(end) {
                matches.push(found);
                return true;
            }
            let open = |at: usize| {
                patterns.continuation(&text[at..]).is_some()
                    || veil.has_gaps()
                        && veil
                            .visible_at(at)
                            .and_then(|at| veil.visible().get(at..))
                            .is_some_and(|rest| patterns.continuation(rest).is_some())
            };
            if ending == Ending::Open && (start + 1..=end).any(open) {
                // A span may yet begin right behind the word, or within it.
                decided = decided.min(start);
            }
            let ends = strong.binary_search_by_key(&end, |span| span.start).is_ok();
            if ends {
                matches.push(found);
            }
            ends
        });
        if ending == Ending::Open {
            let place = |at: usize| if veiled { veil.place_of(at) } else { at };
            let tail = searched.len() - searched.len().min(bounded.longest() - 1);
            let open = (tail..searched.len())
                .find(|at| begins(place(*at)) && bounded.continuation(&searched[*at..]).is_some());
            decided = decided.min(open.map_or(text.len(), place));
        }
        decided
    }

    /// Lets the matches from a number on take whole sequences with them, and puts all in order.
    fn widen(&mut self, from: usize) {
        self.sort(from);
        if self.veil.may_widen() {
            for found in &mut self.matches[from..] {
                if found.plain {
                    Range { start: found.start, end: found.end } = self.veil.widen(found.start..found.end);
                }
                found.start = self.veil.unbroken(found.start);
            }
        }
        self.sort(0);
    }

    /// Puts the matches from a number on in order.
    fn sort(&mut self, from: usize) {
        let order = |found: &Match| (found.start, Reverse(found.end), !found.plain);
        // One index gives them in order.
        let matches = &mut self.matches[from..];
        if !matches.is_sorted_by_key(order) {
            matches.sort_by_key(order);
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
