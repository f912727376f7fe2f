//! [`Patterns`]: the immutable set, and redaction of a whole text.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use crate::bits::Pairs;
use crate::builder::{Form, PatternsBuilder};
use crate::display::Displays;
use crate::index::Index;
use crate::spans::{Context, Ending, Scratch};

/// What to look for: values and literals in all their forms. Immutable, cheap to clone; built once, replaced on change.
///
/// Holds what it looks for in memory that is wiped when the last clone is dropped. Its `Debug` shows numbers only.
#[derive(Clone)]
pub struct Patterns(Arc<Inner>);

pub(crate) struct Inner {
    /// The forms that match anywhere.
    pub(crate) anywhere: Vec<Index>,
    /// The forms that match as whole words only.
    pub(crate) bounded: Option<Index>,
    labels: Vec<String>,
    pairs: Pairs,
    longest: usize,
}

impl Patterns {
    /// A set to fill.
    pub fn builder() -> PatternsBuilder {
        PatternsBuilder::default()
    }

    pub(crate) fn new(anywhere: Vec<Index>, bounded: Option<Index>, displays: Displays, forms: &[Form]) -> Self {
        let mut pairs = Pairs::new();
        for form in forms.iter().filter(|form| !form.bounded) {
            form.bytes.windows(2).for_each(|pair| pairs.insert(pair[0], pair[1]));
        }
        let longest = anywhere.iter().map(Index::longest).max().unwrap_or(0);
        let mut inner = Inner { anywhere, bounded, labels: displays.shown, pairs, longest };
        let shown = std::mem::take(&mut inner.labels);
        let patterns = Self(Arc::new(inner));
        let labels = shown
            .into_iter()
            .map(|shown| if patterns.first(shown.as_bytes()).is_some() { displays.anonymous.clone() } else { shown })
            .collect();
        patterns.with_labels(labels)
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.0.anywhere.is_empty() && self.0.bounded.is_none()
    }

    /// The text with `[label]` in place of what was found; borrowed when nothing was.
    pub fn redact_str<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.redact_bytes(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            // A value that is not UTF-8 can have matched across the bytes of a character: what is left of that is
            // replaced.
            Cow::Owned(bytes) => Cow::Owned(
                String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
            ),
        }
    }

    /// The bytes with `[label]` in place of what was found; borrowed when nothing was.
    pub fn redact_bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let mut scratch = Scratch::default();
        let held = scratch.search(&self.0, bytes, Context::START, Ending::End);
        if scratch.is_empty() {
            return Cow::Borrowed(bytes);
        }
        let mut out = Vec::with_capacity(bytes.len());
        scratch.render(self, bytes, Context::START, held, &mut out);
        Cow::Owned(out)
    }

    /// The first hit and how it is shown: the leftmost, of those the longest.
    pub fn find(&self, bytes: &[u8]) -> Option<(Range<usize>, &str)> {
        self.first(bytes).map(|(range, label)| (range, self.label(label)))
    }

    pub(crate) fn label(&self, label: u32) -> &str {
        self.0.labels.get(label as usize).map_or("", String::as_str)
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }

    fn first(&self, bytes: &[u8]) -> Option<(Range<usize>, u32)> {
        let mut scratch = Scratch::default();
        scratch.search(&self.0, bytes, Context::START, Ending::End);
        scratch.first()
    }

    fn with_labels(self, labels: Vec<String>) -> Self {
        match Arc::try_unwrap(self.0) {
            Ok(inner) => Self(Arc::new(Inner { labels, ..inner })),
            Err(shared) => Self(shared),
        }
    }
}

impl Inner {
    /// The first place from which on `text` is the beginning of a longer form; the length of the text if there is none.
    pub(crate) fn open_from(&self, text: &[u8]) -> usize {
        // Backwards only as far as every pair of bytes occurs in some form: at most line ends and spaces that is nowhere.
        let earliest = text.len() - text.len().min(self.longest.saturating_sub(1));
        let mut from = text.len().saturating_sub(1).max(earliest);
        while from > earliest && self.pairs.contains(text[from - 1], text[from]) {
            from -= 1;
        }
        (from..text.len()).find(|at| self.continuation(&text[*at..]).is_some()).unwrap_or(text.len())
    }

    /// A form that begins with `rest` and is longer: its label and length.
    pub(crate) fn continuation(&self, rest: &[u8]) -> Option<(u32, usize)> {
        self.anywhere.iter().find_map(|index| index.continuation(rest))
    }
}

/// Shows how many forms there are, nothing of them.
impl std::fmt::Debug for Patterns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let forms: usize = self.0.anywhere.iter().chain(&self.0.bounded).map(Index::len).sum();
        write!(f, "Patterns({} labels, {forms} forms)", self.0.labels.len())
    }
}
