//! [`Patterns`]: the immutable set, and redaction of a whole text.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use crate::builder::PatternsBuilder;
use crate::counts::Counts;
use crate::index::Index;
use crate::layer::Layer;
use crate::spans::{Context, Ending, Scratch};

/// What to look for: values and literals in all their forms. Immutable, cheap to clone; built once, replaced on change.
///
/// Holds what it looks for in memory that is wiped when the last clone is dropped. Its `Debug` shows numbers only.
#[derive(Clone)]
pub struct Patterns(Arc<Inner>);

pub(crate) struct Inner {
    /// All forms.
    pub(crate) layers: Vec<Arc<Layer>>,
    labels: Vec<String>,
    /// How each label is shown.
    shown: Vec<String>,
}

impl Patterns {
    /// A set to fill.
    pub fn builder() -> PatternsBuilder {
        PatternsBuilder::default()
    }

    /// A builder that adds to this set: what it builds looks for all that this one looks for, and more. The cost is
    /// that of what is added, not of what is there: for values that come up while a test runs.
    pub fn extend(&self) -> PatternsBuilder {
        PatternsBuilder::from_parts(self.0.layers.clone(), self.0.labels.clone())
    }

    pub(crate) fn new(layers: Vec<Arc<Layer>>, labels: Vec<String>, shown: Vec<String>, anonymous: &str) -> Self {
        let mut inner = Inner { layers, labels, shown: Vec::new() };
        let show = |shown: String| {
            if inner.first(shown.as_bytes()).is_some() { anonymous.to_owned() } else { shown }
        };
        inner.shown = shown.into_iter().map(show).collect();
        Self(Arc::new(inner))
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.0.layers.is_empty()
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
        self.redact_counted(bytes, &mut Counts::default())
    }

    /// As [`Self::redact_bytes`], and counts what was masked.
    pub fn redact_counted<'a>(&self, bytes: &'a [u8], counts: &mut Counts) -> Cow<'a, [u8]> {
        let mut scratch = Scratch::default();
        let context = Context::start(None);
        let held = scratch.search(&self.0, bytes, context, Ending::End);
        if scratch.is_empty() {
            return Cow::Borrowed(bytes);
        }
        let mut out = Vec::with_capacity(bytes.len());
        scratch.render(self, bytes, context, held, counts, &mut out);
        Cow::Owned(out)
    }

    /// The labels, in the order in which they were added.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.0.labels.iter().map(String::as_str)
    }

    /// The first hit and how it is shown: the leftmost, of those the longest.
    pub fn find(&self, bytes: &[u8]) -> Option<(Range<usize>, &str)> {
        self.0.first(bytes).map(|(range, label)| (range, self.label(label)))
    }

    pub(crate) fn label(&self, label: u32) -> &str {
        self.0.shown.get(label as usize).map_or("", String::as_str)
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }
}

impl Inner {
    /// The indexes of the forms that match anywhere.
    pub(crate) fn indexes(&self) -> impl Iterator<Item = &Index> {
        self.layers.iter().flat_map(|layer| &layer.anywhere)
    }

    /// Whether a form contains a line feed.
    pub(crate) fn line_feeds(&self) -> bool {
        self.layers.iter().any(|layer| layer.line_feeds)
    }

    /// The indexes of the forms that match as whole words only.
    pub(crate) fn bounded(&self) -> impl Iterator<Item = &Index> {
        self.layers.iter().filter_map(|layer| layer.bounded.as_ref())
    }

    /// The first place from which on `text` is the beginning of a longer form that matches anywhere; the length of the
    /// text if there is none.
    pub(crate) fn open_from(&self, text: &[u8]) -> usize {
        self.layers.iter().map(|layer| layer.open_from(text)).min().unwrap_or(text.len())
    }

    /// The label of a form that begins with `rest`, is longer, and matches anywhere.
    pub(crate) fn continuation(&self, rest: &[u8]) -> Option<u32> {
        self.layers.iter().find_map(|layer| layer.continuation(rest))
    }

    /// Whether some form has these two bytes side by side.
    pub(crate) fn joins(&self, first: u8, second: u8) -> bool {
        self.layers.iter().any(|layer| layer.joins(first, second))
    }

    fn first(&self, bytes: &[u8]) -> Option<(Range<usize>, u32)> {
        let mut scratch = Scratch::default();
        scratch.search(self, bytes, Context::start(None), Ending::End);
        scratch.first()
    }
}

/// Shows how many forms there are, nothing of them.
impl std::fmt::Debug for Patterns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let forms: usize = self.0.layers.iter().map(|layer| layer.len()).sum();
        write!(f, "Patterns({} labels, {forms} forms)", self.0.labels.len())
    }
}
