//! The filter: says of most positions of a text, with one multiplication and two loads, that no form covers them.
//!
//! Every form puts its first `stride` grams (runs of `gram` bytes) into a Bloom filter. A text is then looked at every
//! `stride` bytes only: whichever way a form lies in the text, one of its first grams lies at such a place.

use memmap2::MmapMut;

/// The words of a filter that fits into the first cache together with the text.
const SMALL: usize = 1024;

/// From so many words on a filter is larger than the second cache, and being small counts more than being right.
const LARGE: usize = 128 * 1024;

/// The part of a filter's bits that may be set: one gram in some 3,000 strikes falsely then.
const SPARSE: f64 = 0.07;

/// The same of a large filter: one gram in some 20 strikes falsely, and its neighbours nearly never do so too.
const DENSE: f64 = 0.5;

/// Forms that are told apart by few bytes.
const FEW: usize = 2_000;

/// Eight bytes, in which the bits of one entry lie.
type Word = [u8; size_of::<u64>()];

/// A blocked Bloom filter over grams: the three bits of an entry lie in one word, so a question is one load.
pub(crate) struct Filter {
    words: Words,
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
        Self { words: Words::new(words), gram, stride, mask }
    }

    /// Makes the filter as small as it can be without many false strikes: the fewer bytes, the more of it stays in the
    /// cache. For when all forms are in; the forms of one value have many grams in common.
    pub(crate) fn shrink(&mut self) {
        let words = self.words.get_mut();
        let (set, all): (u32, _) = (words.iter().map(|word| u64::from_le_bytes(*word).count_ones()).sum(), words.len());
        let (mut fill, mut count) = (f64::from(set) / (all * 64) as f64, all);
        while count > SMALL && fill < if count > LARGE { DENSE } else { SPARSE } / 2.0 {
            count /= 2;
            for at in 0..count {
                let [one, other] = [words[at], words[at + count]].map(u64::from_le_bytes);
                words[at] = (one | other).to_le_bytes();
            }
            fill *= 2.0;
        }
        if count < all {
            let mut smaller = Words::new(count);
            smaller.get_mut().copy_from_slice(&words[..count]);
            self.words = smaller;
        }
    }

    pub(crate) fn insert(&mut self, form: &[u8]) {
        for at in 0..self.stride {
            if let Some(gram) = form.get(at..at + self.gram) {
                let words = self.words.get_mut();
                let (word, bits) = place(pack(gram), words.len());
                words[word] = (u64::from_le_bytes(words[word]) | bits).to_le_bytes();
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
        let (mut at, words) = (from, self.words.get());
        let may_contain = |bytes: &[u8; 8]| self.may_contain(words, u64::from_le_bytes(*bytes) & self.mask);
        // In steps of eight bytes and more nearly all of a text is looked at here, without a check of bounds.
        loop {
            let steps = text.get(at..).unwrap_or_default().chunks_exact(self.stride);
            let left = steps.len();
            match steps.map_while(|step| step.first_chunk()).position(may_contain) {
                Some(clean) => at += clean * self.stride,
                None if self.stride < 8 => break,
                None => {
                    at += left * self.stride;
                    break;
                }
            }
            if self.goes_on(words, text, at) {
                return Some(at);
            }
            at += self.stride;
        }
        while let Some(gram) = self.gram_at(text, at) {
            if self.may_contain(words, gram) && self.goes_on(words, text, at) {
                return Some(at);
            }
            at += self.stride;
        }
        None
    }

    /// Whether the gram before a place or the one behind it may be one of a form too. With a form there is one at least.
    /// Apart from the loop that asks it, which is to stay small.
    #[inline(never)]
    fn goes_on(&self, words: &[Word], text: &[u8], at: usize) -> bool {
        let may = |at: usize| self.gram_at(text, at).is_none_or(|gram| self.may_contain(words, gram));
        self.stride == 1 || may(at + 1) || at.checked_sub(1).is_some_and(may)
    }

    #[inline]
    fn may_contain(&self, words: &[Word], gram: u64) -> bool {
        let (word, bits) = place(gram, words.len());
        u64::from_le_bytes(words[word]) & bits == bits
    }
}

/// An odd number without a pattern in its bits.
const MIX: u64 = 0x9E37_79B9_7F4A_7C15;

/// What an entry sets in its word: three bits, in so many ways that hardly two entries of a word set the same.
static BITS: [u64; 1024] = {
    let (mut bits, mut at) = ([0; 1024], 0);
    while at < bits.len() {
        let hash = (at as u64 + 1).wrapping_mul(MIX);
        bits[at] = 1 << (hash >> 58) | 1 << (hash >> 52 & 63) | 1 << (hash >> 46 & 63);
        at += 1;
    }
    bits
};

/// The word and the bits of a gram, in a filter of so many words, a power of two.
#[inline]
fn place(gram: u64, words: usize) -> (usize, u64) {
    let product = u128::from(gram) * u128::from(MIX);
    let hash = product as u64 ^ (product >> 64) as u64;
    // The mask lets the compiler see that the index is in bounds when it can.
    (hash as usize & (words - 1), BITS[(hash >> 54) as usize])
}

/// The memory of a filter, all zero at first. A large one is asked at random places: on pages of the usual size the
/// processor would look most of them up in the page table first, so it lies on large ones where the system has them.
enum Words {
    Small(Box<[u8]>),
    Large(MmapMut),
}

impl Words {
    fn new(count: usize) -> Self {
        let bytes = count * size_of::<Word>();
        if count >= LARGE
            && let Ok(map) = MmapMut::map_anon(bytes)
        {
            #[cfg(target_os = "linux")]
            // A kernel without them refuses: then they are as all others.
            let _ = map.advise(memmap2::Advice::HugePage);
            return Self::Large(map);
        }
        Self::Small(vec![0; bytes].into())
    }

    fn get(&self) -> &[Word] {
        match self {
            Self::Small(bytes) => bytes.as_chunks().0,
            Self::Large(map) => map.as_chunks().0,
        }
    }

    fn get_mut(&mut self) -> &mut [Word] {
        match self {
            Self::Small(bytes) => bytes.as_chunks_mut().0,
            Self::Large(map) => map.as_chunks_mut().0,
        }
    }
}

/// Up to eight bytes as a number, the first one lowest.
fn pack(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |packed, byte| packed << 8 | u64::from(*byte))
}
