//! The index: all forms of one class, sorted, and what can be asked of them at a place of a text.

use tegmen_secret::SecretBytes;

use crate::bits::Pairs;
use crate::filter::Filter;

const NONE: u32 = u32::MAX;

/// One form: a stretch of the arena.
struct Form {
    at: usize,
    len: u32,
    label: u32,
    /// The longest other form that is a beginning of this one, or [`NONE`].
    parent: u32,
}

/// The forms that begin with one gram: a range of the sorted list.
#[derive(Clone, Copy)]
struct Bucket {
    tag: u32,
    from: u32,
    to: u32,
}

/// Where a form was found.
#[derive(Clone, Copy)]
pub(crate) struct Match {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) label: u32,
    /// Of a form that matches as a whole word only.
    pub(crate) bounded: bool,
    /// In the text as it stands, not only in what of it is seen.
    pub(crate) plain: bool,
}

/// Forms, sorted. Holds the bytes once, in memory that is wiped; nothing else in here gives a byte of them away.
pub(crate) struct Index {
    arena: SecretBytes,
    forms: Box<[Form]>,
    filter: Filter,
    buckets: Box<[Bucket]>,
    starts: Pairs,
    first: [bool; 256],
    shortest: usize,
    longest: usize,
}

impl Index {
    /// Builds the index of `sorted`: forms with their labels, in order, none empty, none twice. `None` without forms.
    pub(crate) fn new(sorted: &[(&[u8], u32)]) -> Option<Self> {
        let shortest = sorted.iter().map(|(form, _)| form.len()).min()?;
        let longest = sorted.iter().map(|(form, _)| form.len()).max()?;
        let mut arena = Vec::with_capacity(sorted.iter().map(|(form, _)| form.len()).sum());
        let mut forms: Vec<Form> = Vec::with_capacity(sorted.len());
        let mut filter = Filter::new(sorted.len(), shortest);
        let (mut starts, mut first) = (Pairs::new(), [false; 256]);
        let mut open: Vec<u32> = Vec::new();
        for (number, &(form, label)) in sorted.iter().enumerate() {
            while open.last().is_some_and(|last| !form.starts_with(sorted[*last as usize].0)) {
                open.pop();
            }
            let parent = open.last().copied().unwrap_or(NONE);
            open.push(number as u32);
            forms.push(Form { at: arena.len(), len: form.len() as u32, label, parent });
            arena.extend_from_slice(form);
            filter.insert(form);
            first[usize::from(form[0])] = true;
            if let Some(second) = form.get(1) {
                starts.insert(form[0], *second);
            }
        }
        filter.shrink();
        let mut index = Self {
            arena: SecretBytes::new(arena),
            forms: forms.into(),
            filter,
            buckets: Box::default(),
            starts,
            first,
            shortest,
            longest,
        };
        index.fill_buckets();
        Some(index)
    }

    /// The length of the longest form, in bytes.
    pub(crate) fn longest(&self) -> usize {
        self.longest
    }

    /// For every place where a form begins, in order: the longest form there.
    pub(crate) fn scan(&self, text: &[u8], mut found: impl FnMut(Match)) {
        self.candidates(text, |start, range| {
            let rest = &text[start..];
            if let Some(form) = self.longest_beginning(rest, range) {
                found(Match { start, end: start + form.len as usize, label: form.label, bounded: false, plain: true });
            }
        });
    }

    /// For every place where a form begins, in order: every form there, the longest first, until `accept` says yes.
    pub(crate) fn scan_each(&self, text: &[u8], mut accept: impl FnMut(Match) -> bool) {
        self.candidates(text, |start, range| {
            let mut form = self.longest_beginning(&text[start..], range);
            while let Some(some) = form {
                let end = start + some.len as usize;
                if accept(Match { start, end, label: some.label, bounded: true, plain: true }) {
                    break;
                }
                form = self.forms.get(some.parent as usize);
            }
        });
    }

    /// The label of a form of which `rest` is a beginning and which is longer.
    pub(crate) fn continuation(&self, rest: &[u8]) -> Option<u32> {
        let begins = match rest {
            [] => return None,
            [one] => self.first[usize::from(*one)],
            [one, two, ..] => self.starts.contains(*one, *two),
        };
        if !begins || rest.len() >= self.longest {
            return None;
        }
        let range = match self.filter.gram_at(rest, 0) {
            Some(gram) => self.bucket(gram, rest)?,
            None => 0..self.forms.len(),
        };
        let forms = &self.forms[range];
        let after = forms.partition_point(|form| self.bytes(form) <= rest);
        forms.get(after).filter(|form| self.bytes(form).starts_with(rest)).map(|form| form.label)
    }

    /// How many forms there are.
    pub(crate) fn len(&self) -> usize {
        self.forms.len()
    }

    /// Whether these bytes are a form.
    pub(crate) fn has(&self, bytes: &[u8]) -> bool {
        self.forms.binary_search_by(|form| self.bytes(form).cmp(bytes)).is_ok()
    }

    /// All forms with their labels.
    pub(crate) fn forms(&self) -> impl Iterator<Item = (&[u8], u32)> {
        self.forms.iter().map(|form| (self.bytes(form), form.label))
    }

    fn bytes(&self, form: &Form) -> &[u8] {
        &self.arena.expose()[form.at..form.at + form.len as usize]
    }

    /// Calls `candidate` for every place at which, going by its first gram, a form may begin.
    fn candidates(&self, text: &[u8], mut candidate: impl FnMut(usize, std::ops::Range<usize>)) {
        let stride = self.filter.stride;
        let mut from = 0;
        while let Some(at) = self.filter.next(text, from) {
            // A form that begins up to `stride - 1` bytes earlier has one of its first grams here.
            for start in (at + 1).saturating_sub(stride)..=at {
                if start + self.shortest > text.len() {
                    break;
                }
                if let Some(range) = self.filter.gram_at(text, start).and_then(|gram| self.bucket(gram, &text[start..]))
                {
                    candidate(start, range);
                }
            }
            from = at + stride;
        }
    }

    /// The longest form in the range that `text` begins with.
    fn longest_beginning(&self, text: &[u8], range: std::ops::Range<usize>) -> Option<&Form> {
        let forms = &self.forms[range];
        let after = forms.partition_point(|form| self.bytes(form) <= text);
        // Whatever lies between a beginning of the text and the text, in order, begins like it too: so the longest
        // beginning is the form before, or one of its parents.
        let mut form = forms.get(after.checked_sub(1)?)?;
        let common = std::iter::zip(self.bytes(form), text).take_while(|(a, b)| a == b).count();
        while form.len as usize > common {
            form = self.forms.get(form.parent as usize)?;
        }
        Some(form)
    }

    fn fill_buckets(&mut self) {
        let gram = self.filter.gram;
        let begins_anew = |pair: &[Form]| self.bytes(&pair[0])[..gram] != self.bytes(&pair[1])[..gram];
        let distinct = 1 + self.forms.windows(2).filter(|pair| begins_anew(pair)).count();
        let size = (distinct * 3 / 2).next_power_of_two().max(16);
        let mut buckets = vec![Bucket { tag: 0, from: NONE, to: NONE }; size];
        let mut from = 0;
        while from < self.forms.len() {
            let gram = &self.bytes(&self.forms[from])[..self.filter.gram];
            let more = self.forms[from..].partition_point(|form| self.bytes(form).starts_with(gram));
            let (mut slot, tag) = spread(self.filter.gram_at(gram, 0).unwrap_or(0), size);
            while buckets[slot].from != NONE {
                slot = (slot + 1) & (size - 1);
            }
            buckets[slot] = Bucket { tag, from: from as u32, to: (from + more) as u32 };
            from += more;
        }
        self.buckets = buckets.into();
    }

    /// The forms that begin with `gram`, the first gram of `text`.
    fn bucket(&self, gram: u64, text: &[u8]) -> Option<std::ops::Range<usize>> {
        let size = self.buckets.len();
        let (mut slot, tag) = spread(gram, size);
        loop {
            let bucket = self.buckets[slot];
            if bucket.from == NONE {
                return None;
            }
            let range = bucket.from as usize..bucket.to as usize;
            if bucket.tag == tag {
                let length = self.filter.gram;
                if self.bytes(&self.forms[range.start])[..length] == text[..length] {
                    return Some(range);
                }
            }
            slot = (slot + 1) & (size - 1);
        }
    }
}

/// A slot of a table of `size` (a power of two) and a tag, from a gram.
fn spread(gram: u64, size: usize) -> (usize, u32) {
    let hash = (gram ^ gram >> 29).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    ((hash >> 32) as usize & (size - 1), hash as u32)
}
