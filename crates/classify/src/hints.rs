//! Parts of names that are looked for before a name is taken apart: most names have none of them and cost one scan.

/// Which hints have a letter in a place: a bit each. Where a hint is shorter, all letters have its bit.
type Letters = [u64; 32];

/// Up to 64 parts of names, of two letters at least, in lower case.
pub struct Hints {
    hints: &'static [&'static [u8]],
    /// By their first, second and third letter: hardly anything but a hint passes all three.
    places: [Letters; 3],
}

/// A letter from 0 in any case; what is none has a number of no letter, or of one, and then passes for it until it is compared.
fn number(byte: Option<&u8>) -> usize {
    byte.map_or(31, |byte| usize::from((byte | 0x20).wrapping_sub(b'a').min(31)))
}

impl Hints {
    /// These.
    pub const fn new(hints: &'static [&'static [u8]]) -> Self {
        let mut places = [[0; 32]; 3];
        let mut i = 0;
        while i < hints.len() {
            let mut place = 0;
            while place < 3 {
                let mut letter = 0;
                while letter < 32 {
                    if hints[i].len() <= place || (hints[i][place] - b'a') as usize == letter {
                        places[place][letter] |= 1 << i;
                    }
                    letter += 1;
                }
                place += 1;
            }
            i += 1;
        }
        Self { hints, places }
    }

    /// Whether one of them is in a name, in any case.
    pub fn are_in(&self, name: &str) -> bool {
        let bytes = name.as_bytes();
        let [firsts, seconds, thirds] = &self.places;
        let (mut first, mut second) = (number(bytes.first()), number(bytes.get(1)));
        (0..bytes.len()).any(|i| {
            let third = number(bytes.get(i + 2));
            let mut left = firsts[first] & seconds[second] & thirds[third];
            (first, second) = (second, third);
            while left != 0 {
                let hint = self.hints[left.trailing_zeros() as usize];
                if bytes[i..].get(..hint.len()).is_some_and(|start| start.eq_ignore_ascii_case(hint)) {
                    return true;
                }
                left &= left - 1;
            }
            false
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_in_any_case_and_at_any_place() {
        static HINTS: Hints = Hints::new(&[b"pass", b"pw", b"key"]);
        for name in ["pass", "DB_PASS", "myPw", "pW", "x-Key", "kekey", "päpw"] {
            assert!(HINTS.are_in(name), "{name}");
        }
        for name in ["", "p", "pas", "k[y", "p_w", "ke", "schlüssel"] {
            assert!(!HINTS.are_in(name), "{name}");
        }
    }
}
