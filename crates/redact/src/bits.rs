//! A set of byte pairs: what follows what in the forms. One load and one shift to ask.

/// Pairs of adjacent bytes.
pub(crate) struct Pairs(Box<[u64; 1024]>);

impl Pairs {
    pub(crate) fn new() -> Self {
        Self(Box::new([0; 1024]))
    }

    pub(crate) fn insert(&mut self, first: u8, second: u8) {
        let bit = usize::from(first) << 8 | usize::from(second);
        self.0[bit >> 6] |= 1 << (bit & 63);
    }

    pub(crate) fn contains(&self, first: u8, second: u8) -> bool {
        let bit = usize::from(first) << 8 | usize::from(second);
        self.0[bit >> 6] >> (bit & 63) & 1 == 1
    }
}
