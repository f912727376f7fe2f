//! Phrases of words that a wallet can be made anew from (BIP-39).

use crate::hints::Hints;
use crate::words;

/// How many words a phrase has.
const LENGTHS: &[usize] = &[12, 15, 18, 21, 24];

/// Words of sentences that are in no list of words for phrases.
#[rustfmt::skip]
const PLAIN: &[&str] = &[
    "the", "and", "for", "are", "was", "were", "from", "has", "had", "not", "but", "his", "her", "its", "our", "your", "been", "which",
    "would", "should", "could", "their", "them", "who", "how", "why", "did", "does", "each", "per", "may", "might", "here", "than",
];

/// One of these is in every name below.
static HINTS: Hints = Hints::new(&[b"mnem", b"seed", b"phra", b"words"]);

/// Whether a phrase that gives a wallet away goes by this name: `MNEMONIC`, `seed_phrase`, `recoveryWords`.
pub fn is_mnemonic_name(name: &str) -> bool {
    // Most names cost no more than this.
    if !HINTS.are_in(name) {
        return false;
    }
    let words = words(name);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    matches!(
        words[..],
        [.., "mnemonic" | "mnemonics" | "seedphrase" | "seedwords"]
            | ["seed"]
            | [.., "mnemonic", "phrase" | "words" | "seed"]
            | [.., "seed" | "recovery" | "backup" | "wallet", "phrase" | "words" | "seed"]
    )
}

/// Whether a text is such a phrase, and none that everybody knows: `test test test … junk`, `abandon abandon … about`.
pub fn is_mnemonic(text: &str) -> bool {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    if !LENGTHS.contains(&words.len()) {
        return false;
    }
    let plain = |word: &str| (3..=8).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase());
    let mut distinct = words.clone();
    distinct.sort_unstable();
    distinct.dedup();
    words.iter().all(|word| plain(word) && !PLAIN.contains(word)) && distinct.len() * 4 >= words.len() * 3
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words of the list, in an order that nobody's wallet has.
    const WORDS: [&str; 12] = [
        "gravity", "machine", "north", "sort", "system", "female", "filter", "attitude", "volume", "fold", "club",
        "stay",
    ];

    #[test]
    fn names() {
        for name in
            ["MNEMONIC", "seed_phrase", "SEED", "recoveryPhrase", "TEST_MNEMONIC", "wallet_seed", "mnemonic_phrase"]
        {
            assert!(is_mnemonic_name(name), "{name}");
        }
        for name in ["random_seed", "MNEMONIC_PATH", "phrase", "words", "seed_data", "passphrase"] {
            assert!(!is_mnemonic_name(name), "{name}");
        }
    }

    #[test]
    fn phrases() {
        let twelve = WORDS.join(" ");
        assert!(is_mnemonic(&twelve));
        assert!(is_mnemonic(&format!("{twelve} {}", WORDS.map(|word| &word[..word.len() - 1]).join(" "))));
        assert!(!is_mnemonic(&WORDS[..11].join(" ")));
        assert!(!is_mnemonic(&format!("{} junk", ["test"; 11].join(" "))));
        assert!(!is_mnemonic("the words that are used to seed the index of shop tests"));
        assert!(!is_mnemonic("please enter twelve words from your list with one space between words"));
    }
}
