//! Words that are looked for in large trees and long histories, thirty bytes of a text at once. To make ready for that takes longer than to
//! go through a few files: there [`Needles`] serve, and where the processor cannot do it.

use std::sync::LazyLock;

use aho_corasick::packed::{Config, MatchKind, Searcher};
use memchr::memmem;
use tegmen_classify as classify;

use crate::needles::{Hit, Needles};

/// So many words at most are looked for at once: of more than 32 the searcher takes half as many bytes of a text at a time, and longer
/// for them.
const AT_ONCE: usize = 24;

/// Words to look for in text of lower case.
pub struct Many {
    /// What finds them; none where the processor cannot do it.
    finders: Option<Vec<Finder>>,
    needles: &'static Needles,
}

/// Finds some of the words, each of which is given with its place in the list.
enum Finder {
    /// Those of three bytes and more.
    Long(Searcher, Vec<(usize, &'static str)>),
    /// One of two, of which the searcher would take every other place for one.
    Short(memmem::Finder<'static>, (usize, &'static str)),
}

impl Finder {
    /// The first of its words from a place on, and where the word stands in the list.
    fn find(&self, lower: &[u8], from: usize) -> Option<(Hit, usize)> {
        let rest = lower.get(from..)?;
        let (start, (place, word)) = match self {
            Self::Long(searcher, words) => {
                searcher.find(rest).map(|found| (found.start(), words[found.pattern().as_usize()]))?
            }
            Self::Short(finder, word) => (finder.find(rest)?, *word),
        };
        let start = from + start;
        Some((Hit { start, end: start + word.len(), word }, place))
    }
}

impl Many {
    /// The same words twice, in lower case.
    pub fn new(words: &'static [&'static str], needles: &'static Needles) -> Self {
        let numbered = || words.iter().copied().enumerate();
        let long: Vec<_> = numbered().filter(|(_, word)| word.len() > 2).collect();
        let long = long.chunks(AT_ONCE).map(|part| {
            let words: Vec<&str> = part.iter().map(|(_, word)| *word).collect();
            Some(Finder::Long(searcher(&words)?, part.to_vec()))
        });
        let short = numbered().filter(|(_, word)| word.len() < 3);
        let short = short.map(|(place, word)| Some(Finder::Short(memmem::Finder::new(word), (place, word))));
        Self { finders: long.chain(short).collect(), needles }
    }

    /// Whether one of them stands in a text.
    pub fn is_in(&self, lower: &[u8]) -> bool {
        match &self.finders {
            Some(finders) => finders.iter().any(|finder| finder.find(lower, 0).is_some()),
            None => self.needles.is_in(lower),
        }
    }

    /// Gives all of them in a text from left to right: at one place the first of the list. `give` says where to go on.
    pub fn each(&self, lower: &[u8], mut from: usize, give: &mut dyn FnMut(Hit) -> usize) {
        let Some(finders) = &self.finders else {
            while let Some(hit) = self.needles.find(lower, from) {
                from = give(hit);
            }
            return;
        };
        let mut next: Vec<Option<(Hit, usize)>> = finders.iter().map(|finder| finder.find(lower, from)).collect();
        while let Some((hit, _)) = next.iter().flatten().min_by_key(|(hit, place)| (hit.start, *place)) {
            from = give(*hit);
            for (found, finder) in next.iter_mut().zip(finders) {
                // What was found before and is not behind us stays found.
                if found.is_some_and(|(hit, _)| hit.start < from) {
                    *found = finder.find(lower, from);
                }
            }
        }
    }
}

fn searcher(words: &[&str]) -> Option<Searcher> {
    Config::new().match_kind(MatchKind::LeftmostFirst).builder().extend(words).build()
}

/// Whether a text has a token in it whose shape a provider published.
pub fn has_token(text: &str) -> bool {
    static STARTS: LazyLock<Option<Vec<Searcher>>> = LazyLock::new(|| {
        // To the fourth byte, up to which many are the same. The dashes before a key are longer, or every rule in a comment would be one.
        let mut starts: Vec<&str> = classify::token_starts()
            .filter(|start| start.len() > 2)
            .map(|start| if start.starts_with('-') { start } else { &start[..start.len().min(4)] })
            .collect();
        starts.sort_unstable();
        starts.dedup();
        starts.chunks(AT_ONCE).map(searcher).collect()
    });
    let Some(searchers) = &*STARTS else { return !classify::find_tokens(text).is_empty() };
    let bytes = text.as_bytes();
    let short = || classify::token_starts().filter(|start| start.len() < 3);
    let begins = |searcher: &Searcher| searcher.find_iter(bytes).any(|at| classify::token_begins(text, at.start()));
    searchers.iter().any(begins)
        || short().any(|start| memmem::find_iter(bytes, start).any(|at| classify::token_begins(text, at)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: &[&str] = &["pass", "pwd", "pw", "sid", "sign_in", "internal"];
    static NEEDLES: Needles = Needles::new(WORDS);

    /// As one goes through a text in which the words are few, and far from one another.
    fn all(many: &Many, text: &str) -> Vec<(usize, usize, &'static str)> {
        let mut found = Vec::new();
        many.each(text.as_bytes(), 0, &mut |hit| {
            found.push((hit.start, hit.end, hit.word));
            hit.end
        });
        found
    }

    #[test]
    fn the_same_as_one_by_one() {
        let many = Many::new(WORDS, &NEEDLES);
        let alone = Many { finders: None, needles: &NEEDLES };
        let mut text = String::from("pw passpwd xpwx sid internals sign_inpw psspw intern pwd");
        for _ in 0..60 {
            assert_eq!(all(&many, &text), all(&alone, &text), "{text}");
            assert_eq!(many.is_in(text.as_bytes()), alone.is_in(text.as_bytes()), "{text}");
            text.remove(0);
            text.push_str(" and a line");
        }
        assert_eq!(all(&many, "apwd pw"), [(1, 4, "pwd"), (5, 7, "pw")]);
        assert_eq!(all(&many, ""), []);
    }

    #[test]
    fn tokens_in_a_text() {
        let rest = "Q7xK2mV9bT4nL8wR1yZ5cJ3pD6fH0sG2aE4u";
        for start in ["ghp_", "glpat-", "sk-", "hvs."] {
            assert!(has_token(&format!("x = '{start}{rest}'")), "{start}");
            assert!(!has_token(&format!("x = '{start}'")), "{start}");
        }
        let hex = "0123456789abcdef".repeat(2);
        assert!(has_token(&["a = 'S", "K", &hex, "'"].concat()));
        assert!(!has_token(&format!("disk-{hex} and # -----------\n")));
    }
}
