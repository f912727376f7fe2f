//! The filter: says of most positions of a text, with one multiplication and one load, that no form covers them.
//!
//! Every form puts its first `stride` grams (runs of `gram` bytes) into a Bloom filter. A text is then looked at every
//! `stride` bytes only: whichever way a form lies in the text, one of its first grams lies at such a place.

/// The words of a filter that fits into the first cache together with the text.
const SMALL: usize = 1024;

/// From so many words on a filter is larger than the second cache, and being small counts more than being right.
const LARGE: usize = 128 * 1024;

/// The part of a filter's bits that may be set: one gram in some 3,000 strikes falsely then.
const SPARSE: f64 = 0.07;

/// The same of a large filter: one gram in some 300 strikes falsely.
const DENSE: f64 = 0.15;

/// Forms that are told apart by few bytes.
const FEW: usize = 2_000;

/// A blocked Bloom filter over grams: the three bits of an entry lie in one word, so a question is one load.
pub(crate) struct Filter {
    words: Box<[u64]>,
    shift: u32,
    /// Bytes in a gram, 1 to 8.
    pub(crate) gram: usize,
    /// Distance between the places that are looked at, in bytes.
    pub(crate) stride: usize,
    mask: u64,
}

impl Filter {
    /// A filter for `count` forms of at least `shortest` bytes each.
    pub(crate) fn new(count: usize, shortest: usize) -> Self {
        // Longer grams tell more apart, shorter ones allow a longer stride. Few forms are told apart by four bytes.
        let gram = match (shortest, count) {
            (12.., _) => 8,
            (8..=11, 0..=FEW) => 5,
            (6..=7, 0..=FEW) => 4,
            _ => shortest.min(6),
        };
        // A long stride fills the filter with more grams and asks it less often. The second counts more, also where the
        // filter is larger than every cache.
        let stride = (shortest - gram + 1).min(16);
        let words = (count * stride / if count > FEW { 4 } else { 2 }).max(SMALL).next_power_of_two();
        let mask = if gram == 8 { u64::MAX } else { (1 << (8 * gram)) - 1 };
        Self { words: vec![0; words].into(), shift: 64 - words.trailing_zeros(), gram, stride, mask }
    }

    /// Makes the filter as small as it can be without many false strikes: the fewer bytes, the more of it stays in the
    /// cache. For when all forms are in; the forms of one value have many grams in common.
    pub(crate) fn shrink(&mut self) {
        let set: u32 = self.words.iter().map(|word| word.count_ones()).sum();
        let mut fill = f64::from(set) / (self.words.len() * 64) as f64;
        while self.words.len() > SMALL && fill < if self.words.len() > LARGE { DENSE } else { SPARSE } / 2.0 {
            self.words = self.words.chunks_exact(2).map(|pair| pair[0] | pair[1]).collect();
            self.shift += 1;
            fill *= 2.0;
        }
    }

    pub(crate) fn insert(&mut self, form: &[u8]) {
        for at in 0..self.stride {
            if let Some(gram) = form.get(at..at + self.gram) {
                let (word, bits) = self.place(pack(gram));
                self.words[word] |= bits;
            }
        }
    }

    /// The gram that begins at `at`, or `None` when the text ends before it does.
    pub(crate) fn gram_at(&self, text: &[u8], at: usize) -> Option<u64> {
        let rest = text.get(at..)?;
        match rest.first_chunk::<8>() {
            Some(bytes) => Some(u64::from_le_bytes(*bytes) & self.mask),
            None => rest.get(..self.gram).map(pack),
        }
    }

    /// The first place at or after `from` (a multiple of the stride) where a gram of some form may lie.
    pub(crate) fn next(&self, text: &[u8], from: usize) -> Option<usize> {
        let mut at = from;
        while let Some(bytes) = text.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
            if self.may_contain(u64::from_le_bytes(*bytes) & self.mask) {
                return Some(at);
            }
            at += self.stride;
        }
        while let Some(gram) = self.gram_at(text, at) {
            if self.may_contain(gram) {
                return Some(at);
            }
            at += self.stride;
        }
        None
    }

    #[inline]
    fn may_contain(&self, gram: u64) -> bool {
        let (word, bits) = self.place(gram);
        self.words[word] & bits == bits
    }

    #[inline]
    fn place(&self, gram: u64) -> (usize, u64) {
        let hash = gram.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let bits = 1 << (hash >> 30 & 63) | 1 << (hash >> 24 & 63) | 1 << (hash >> 18 & 63);
        // The mask changes nothing; it lets the compiler see that the index is in bounds when it can.
        ((hash >> self.shift) as usize & (self.words.len() - 1), bits)
    }
}

/// Up to eight bytes as a number, the first one lowest.
fn pack(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |packed, byte| packed << 8 | u64::from(*byte))
}
