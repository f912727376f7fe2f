//! [`Rule`]: what a new value looks like.

use tegmen_secret::SecretBytes;
use zeroize::Zeroizing;

/// How a new value is made: at random, from an alphabet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// How many characters are made; what is in `prefix` comes before them.
    pub length: usize,
    /// The characters, each once, in order.
    pub alphabet: Vec<u8>,
    /// What stands before them.
    pub prefix: String,
    /// Sets of characters of which a value has at least one each.
    pub must_have: Vec<Vec<u8>>,
}

/// The shortest and the longest value that a rule makes.
pub const LENGTHS: std::ops::RangeInclusive<usize> = 1..=4096;
/// How often a value is made anew until it has one of each set.
const TRIES: usize = 10_000;

impl Default for Rule {
    /// 32 letters and digits: 190 bits.
    fn default() -> Self {
        let alphabet = set("A-Za-z0-9").unwrap_or_default();
        Self { length: 32, alphabet, prefix: String::new(), must_have: Vec::new() }
    }
}

/// Why a value cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// The operating system gave no randomness.
    #[error("the operating system has no randomness to give")]
    NoRandomness,
    /// Hardly any text of that length has one of each set.
    #[error("hardly any value of {0} characters has one of each set of `must_have`")]
    Rare(usize),
}

impl Rule {
    /// The bits of chance in a value, rounded down.
    pub fn bits(&self) -> u32 {
        (self.length as f64 * (self.alphabet.len().max(1) as f64).log2()) as u32
    }

    /// What is wrong with the rule as a whole, if anything.
    pub fn mistake(&self) -> Option<String> {
        if self.alphabet.len() < 2 {
            return Some("an `alphabet` has at least two characters".to_owned());
        }
        if self.must_have.len() > self.length {
            return Some(format!(
                "{} characters cannot have one of each of {} sets",
                self.length,
                self.must_have.len()
            ));
        }
        let misses = |set: &Vec<u8>| !set.iter().any(|byte| self.alphabet.contains(byte));
        self.must_have.iter().any(misses).then(|| "`must_have` names a set of which `alphabet` has nothing".to_owned())
    }

    /// A new value. Each character is as likely as any other of the alphabet.
    ///
    /// # Errors
    /// When there is no randomness, or hardly any value would do.
    pub fn make(&self) -> Result<SecretBytes, RuleError> {
        let mut value = Zeroizing::new(Vec::with_capacity(self.prefix.len() + self.length));
        for _ in 0..TRIES {
            value.clear();
            value.extend_from_slice(self.prefix.as_bytes());
            self.fill(&mut value)?;
            let made = &value[self.prefix.len()..];
            if self.must_have.iter().all(|set| made.iter().any(|byte| set.contains(byte))) {
                return Ok(SecretBytes::new(std::mem::take(&mut *value)));
            }
        }
        Err(RuleError::Rare(self.length))
    }

    fn fill(&self, value: &mut Vec<u8>) -> Result<(), RuleError> {
        // Bytes beyond the last whole multiple would make the first characters likelier.
        let count = self.alphabet.len();
        let limit = 256 - 256 % count;
        let wanted = self.prefix.len() + self.length;
        let mut chunk = Zeroizing::new([0u8; 64]);
        while value.len() < wanted {
            getrandom::fill(&mut *chunk).map_err(|_| RuleError::NoRandomness)?;
            let usable = chunk.iter().filter(|byte| usize::from(**byte) < limit);
            let made = usable.map(|byte| self.alphabet[usize::from(*byte) % count]);
            value.extend(made.take(wanted - value.len()));
        }
        Ok(())
    }
}

/// Reads a set of characters: single ones and ranges, `A-Za-z0-9_`, as `tr` has them. A `-` that is meant stands first or
/// last. Only what can be seen, of ASCII: other characters would be something else in each encoding.
///
/// # Errors
/// With what is wrong, without the text.
pub fn set(text: &str) -> Result<Vec<u8>, String> {
    let bytes = text.as_bytes();
    if let Some(odd) = text.chars().find(|c| !c.is_ascii_graphic()) {
        let shown = odd.escape_debug();
        return Err(format!("`{shown}` is no character for a value: take letters, digits and signs of ASCII"));
    }
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at..] {
            [first, b'-', last, ..] => {
                if first > last {
                    return Err(format!("the range {}-{} runs backwards", first as char, last as char));
                }
                found.extend(first..=last);
                at += 3;
            }
            [first, ..] => {
                found.push(first);
                at += 1;
            }
            [] => break,
        }
    }
    found.sort_unstable();
    found.dedup();
    if found.is_empty() { Err("no character in it".to_owned()) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(length: usize, alphabet: &str, must_have: &[&str]) -> Rule {
        let must_have = must_have.iter().map(|text| set(text).unwrap()).collect();
        Rule { length, alphabet: set(alphabet).unwrap(), prefix: String::new(), must_have }
    }

    #[test]
    fn sets_are_read_as_tr_reads_them() {
        let shown = |text: &str| set(text).map(|set| String::from_utf8(set).unwrap());
        assert_eq!(shown("a-c").as_deref(), Ok("abc"));
        assert_eq!(shown("c-ca0-1").as_deref(), Ok("01ac"));
        assert_eq!(shown("-ab").as_deref(), Ok("-ab"));
        assert_eq!(shown("ab-").as_deref(), Ok("-ab"));
        assert_eq!(shown("a-a").as_deref(), Ok("a"));
        assert_eq!(set("!-~").unwrap().len(), 94);
        for text in ["", "z-a", "a b", "ü", "a\n"] {
            assert!(set(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn values_keep_to_the_rule_and_differ() {
        let rule = Rule { prefix: "sk_test_".into(), ..rule(24, "A-Za-z0-9!#", &["0-9", "!#", "A-Z"]) };
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let made = rule.make().unwrap();
            let text = made.expose_str().unwrap().to_owned();
            let rest = text.strip_prefix("sk_test_").unwrap();
            assert_eq!(rest.len(), 24);
            assert!(rest.bytes().all(|byte| rule.alphabet.contains(&byte)), "{rest}");
            for set in &rule.must_have {
                assert!(rest.bytes().any(|byte| set.contains(&byte)), "{rest}");
            }
            assert!(seen.insert(text));
        }
    }

    #[test]
    fn every_character_is_as_likely_as_any_other() {
        // 3 does not divide 256: without care the first one would come more often.
        let rule = rule(4096, "abc", &[]);
        let mut counts = [0u32; 3];
        for _ in 0..8 {
            rule.make().unwrap().expose().iter().for_each(|byte| counts[usize::from(byte - b'a')] += 1);
        }
        // 32,768 characters: a third each, give or take six standard deviations.
        assert!(counts.iter().all(|count| count.abs_diff(32_768 / 3) < 6 * 86), "{counts:?}");
    }

    #[test]
    fn bits_and_mistakes() {
        assert_eq!(Rule::default().bits(), 190);
        assert_eq!(rule(6, "0-9", &[]).bits(), 19);
        assert!(rule(8, "a", &[]).mistake().is_some());
        assert!(rule(1, "a-z0-9", &["a-z", "0-9"]).mistake().is_some());
        assert!(rule(8, "a-z", &["0-9"]).mistake().is_some());
        assert_eq!(rule(2, "a-z0-9", &["a-z", "0-9"]).mistake(), None);
        // One value in 94^8 or so.
        let rare = rule(8, "!-~", &["a", "b", "c", "d", "e", "f", "g", "h"]);
        assert_eq!(rare.make().unwrap_err(), RuleError::Rare(8));
    }
}
