//! [`Layer`]: forms that were added together. A set that grows gets another layer and leaves the large ones alone.

use std::sync::Arc;

use crate::bits::Pairs;
use crate::builder::Form;
use crate::index::Index;

/// From this length on a form is looked for with long grams and strides; shorter ones do not slow those down.
const LONG: usize = 12;

/// A layer takes in the one before it unless that is so many times larger. So there are few layers (one in four times
/// as many forms), and a form is moved few times.
const RATIO: usize = 4;

/// Indexes over forms of all classes.
pub(crate) struct Layer {
    /// The forms that match anywhere.
    pub(crate) anywhere: Vec<Index>,
    /// The forms that match as whole words only.
    pub(crate) bounded: Option<Index>,
    pairs: Pairs,
    longest: usize,
    /// Whether a form contains a line feed.
    pub(crate) line_feeds: bool,
    /// Copies of the forms that contain `[` or `]`, which are few: every new label is held against them.
    bracketed: Vec<Form>,
}

impl Layer {
    /// Adds forms to layers, as one more or merged into the last ones.
    pub(crate) fn add(layers: &mut Vec<Arc<Self>>, mut forms: Vec<Form>) {
        if forms.is_empty() {
            return;
        }
        while let Some(last) = layers.pop_if(|last| last.len() < RATIO * forms.len()) {
            forms.extend(last.forms());
        }
        // Of equal forms the label that was declared first stays.
        forms.sort_by(|a, b| (a.bounded, a.bytes.as_slice(), a.label).cmp(&(b.bounded, b.bytes.as_slice(), b.label)));
        forms.dedup_by(|next, first| next.bounded == first.bounded && next.bytes == first.bytes);
        layers.push(Arc::new(Self::new(&forms)));
    }

    fn new(sorted: &[Form]) -> Self {
        let index = |wanted: &dyn Fn(&Form) -> bool| {
            let forms: Vec<(&[u8], u32)> =
                sorted.iter().filter(|form| wanted(form)).map(|form| (form.bytes.as_slice(), form.label)).collect();
            Index::new(&forms)
        };
        let long = index(&|form| !form.bounded && form.bytes.len() >= LONG);
        let short = index(&|form| !form.bounded && form.bytes.len() < LONG);
        let anywhere: Vec<Index> = [long, short].into_iter().flatten().collect();
        let mut pairs = Pairs::new();
        for form in sorted.iter().filter(|form| !form.bounded) {
            form.bytes.windows(2).for_each(|pair| pairs.insert(pair[0], pair[1]));
        }
        Self {
            longest: anywhere.iter().map(Index::longest).max().unwrap_or(0),
            anywhere,
            bounded: index(&|form| form.bounded),
            pairs,
            line_feeds: sorted.iter().any(|form| form.contains(b'\n', b'\n')),
            bracketed: sorted.iter().filter(|form| form.contains(b'[', b']')).cloned().collect(),
        }
    }

    /// How many forms there are.
    pub(crate) fn len(&self) -> usize {
        self.anywhere.iter().chain(&self.bounded).map(Index::len).sum()
    }

    /// Copies of all forms.
    pub(crate) fn forms(&self) -> impl Iterator<Item = Form> {
        let of = |index: &Index, bounded| -> Vec<Form> {
            index.forms().map(|(bytes, label)| Form { bytes: bytes.to_vec().into(), label, bounded }).collect()
        };
        let bounded: Vec<Form> = self.bounded.iter().flat_map(|index| of(index, true)).collect();
        self.anywhere.iter().flat_map(move |index| of(index, false)).chain(bounded)
    }

    /// Copies of the forms that contain one of the two bytes.
    pub(crate) fn containing(&self, open: u8, close: u8) -> Vec<Form> {
        match (open, close) {
            (b'[', b']') => self.bracketed.clone(),
            _ => self.forms().filter(|form| form.contains(open, close)).collect(),
        }
    }

    /// Whether a form is in here already.
    pub(crate) fn has(&self, form: &Form) -> bool {
        let has = |index: &Index| index.has(&form.bytes);
        if form.bounded { self.bounded.as_ref().is_some_and(has) } else { self.anywhere.iter().any(has) }
    }

    /// The first place from which on `text` is the beginning of a longer form that matches anywhere; the length of the
    /// text if there is none.
    pub(crate) fn open_from(&self, text: &[u8]) -> usize {
        // Backwards only as far as every pair of bytes occurs in some form: at most line ends and spaces that is
        // nowhere.
        let earliest = text.len() - text.len().min(self.longest.saturating_sub(1));
        let mut from = text.len().saturating_sub(1).max(earliest);
        while from > earliest && self.pairs.contains(text[from - 1], text[from]) {
            from -= 1;
        }
        (from..text.len()).find(|at| self.continuation(&text[*at..]).is_some()).unwrap_or(text.len())
    }

    /// Whether some form has these two bytes side by side.
    pub(crate) fn joins(&self, first: u8, second: u8) -> bool {
        let has = |form: &[u8]| form.windows(2).any(|pair| pair == [first, second]);
        // Short forms, and a question that is hardly ever asked.
        self.pairs.contains(first, second)
            || self.bounded.as_ref().is_some_and(|bounded| bounded.forms().any(|(form, _)| has(form)))
    }

    /// The label of a form that begins with `rest`, is longer, and matches anywhere.
    pub(crate) fn continuation(&self, rest: &[u8]) -> Option<u32> {
        self.anywhere.iter().find_map(|index| index.continuation(rest))
    }
}
