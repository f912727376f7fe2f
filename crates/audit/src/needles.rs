//! Words that are looked for in text, whatever their case, with tables that are made when Tegmen is compiled: nothing has to be built
//! before the first search, which in a project of a few files would take longer than the search.
//!
//! Two tables say which pairs of bytes a word has at its start and right after it. Hardly a place in a text passes both that is none, and
//! nothing that is read depends on what was read before, as in an automaton.

/// A bit for each pair of bytes.
type Pairs = [u64; 1024];

/// At most 64 words, in lower case, of two bytes at least.
pub struct Needles {
    words: &'static [&'static str],
    /// For each byte, which of the words begin with it: a bit each.
    firsts: [u64; 256],
    /// Their first and second bytes.
    starts: Pairs,
    /// Their second and third.
    nexts: Pairs,
}

/// A word that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// Where it starts.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// Which word it is.
    pub word: &'static str,
}

const fn with(mut pairs: Pairs, first: u8, second: u8) -> Pairs {
    let (first, second) = ([first, first.to_ascii_uppercase()], [second, second.to_ascii_uppercase()]);
    let mut i = 0;
    while i < 4 {
        let pair = (first[i / 2] as usize) << 8 | second[i % 2] as usize;
        pairs[pair >> 6] |= 1 << (pair & 63);
        i += 1;
    }
    pairs
}

fn has(pairs: &Pairs, first: u8, second: u8) -> bool {
    let pair = usize::from(first) << 8 | usize::from(second);
    pairs[pair >> 6] & 1 << (pair & 63) != 0
}

impl Needles {
    /// These words, of which the first counts where two begin at one place.
    pub const fn new(words: &'static [&'static str]) -> Self {
        let (mut firsts, mut starts, mut nexts) = ([0; 256], [0; 1024], [0; 1024]);
        let mut i = 0;
        while i < words.len() {
            let word = words[i].as_bytes();
            firsts[word[0] as usize] |= 1 << i;
            if word[0].is_ascii_lowercase() {
                firsts[word[0].to_ascii_uppercase() as usize] |= 1 << i;
            }
            starts = with(starts, word[0], word[1]);
            if word.len() > 2 {
                nexts = with(nexts, word[1], word[2]);
            } else {
                let mut third = 0;
                while third < 256 {
                    nexts = with(nexts, word[1], third as u8);
                    third += 1;
                }
            }
            i += 1;
        }
        Self { words, firsts, starts, nexts }
    }

    /// Whether one of them stands in a text.
    pub fn is_in(&self, text: &[u8]) -> bool {
        self.find(text, 0).is_some()
    }

    /// The first of them from a place on.
    pub fn find(&self, text: &[u8], from: usize) -> Option<Hit> {
        let rest = text.get(from..)?;
        for (at, three) in rest.windows(3).enumerate() {
            if has(&self.starts, three[0], three[1])
                && has(&self.nexts, three[1], three[2])
                && let Some(hit) = self.at(text, from + at)
            {
                return Some(hit);
            }
        }
        // A word of two bytes may be the end of the text.
        let last = text.len().checked_sub(2).filter(|last| *last >= from)?;
        self.at(text, last)
    }

    fn at(&self, text: &[u8], start: usize) -> Option<Hit> {
        let rest = &text[start..];
        let mut left = self.firsts[usize::from(rest[0])];
        while left != 0 {
            let word = self.words[left.trailing_zeros() as usize];
            if rest.get(..word.len()).is_some_and(|found| found.eq_ignore_ascii_case(word.as_bytes())) {
                return Some(Hit { start, end: start + word.len(), word });
            }
            left &= left - 1;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static NEEDLES: Needles = Needles::new(&["pass", "pwd", "pw", "-key", "://", "sign_in"]);

    fn all(text: &str) -> Vec<(usize, &'static str)> {
        let mut found = Vec::new();
        let mut from = 0;
        while let Some(hit) = NEEDLES.find(text.as_bytes(), from) {
            assert_eq!(&text[hit.start..hit.end].to_lowercase(), hit.word);
            found.push((hit.start, hit.word));
            from = hit.end;
        }
        found
    }

    #[test]
    fn words_in_any_case_the_first_of_the_list_first() {
        assert_eq!(all("PaSs x pwd, my-KEY a://b"), [(0, "pass"), (7, "pwd"), (14, "-key"), (20, "://")]);
        assert_eq!(all("pwpw"), [(0, "pw"), (2, "pw")]);
        assert_eq!(all("Sign_In pas"), [(0, "sign_in")]);
        assert_eq!(all("p"), []);
        assert_eq!(all(""), []);
        assert_eq!(NEEDLES.find(b"pw", 1), None);
        assert_eq!(NEEDLES.find(b"pw", 9), None);
    }
}
