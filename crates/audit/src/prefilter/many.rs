//! Words that are looked for in large trees and long histories, thirty bytes of a text at once. To make ready for that takes longer than to
//! go through a few files: there [`Needles`] serve, and where the processor cannot do it.

use std::sync::LazyLock;

use aho_corasick::packed::{Config, MatchKind, Searcher};
use memchr::memmem;
use tegmen_classify as classify;

use crate::needles::{Hit, Needles};

/// Words to look for in text of lower case.
pub struct Many {
    /// Those of three bytes and more.
    long: Vec<&'static str>,
    /// Finds them.
    searcher: Option<Searcher>,
    /// Those of two, of which the searcher would take every other place for one.
    short: Vec<(&'static str, memmem::Finder<'static>)>,
    needles: &'static Needles,
}

impl Many {
    /// The same words twice, in lower case.
    pub fn new(words: &'static [&'static str], needles: &'static Needles) -> Self {
        let short = words.iter().filter(|word| word.len() < 3).map(|word| (*word, memmem::Finder::new(*word)));
        let long: Vec<&str> = words.iter().copied().filter(|word| word.len() > 2).collect();
        Self { searcher: searcher(&long), long, short: short.collect(), needles }
    }

    /// Whether one of them stands in a text.
    pub fn is_in(&self, lower: &[u8]) -> bool {
        match &self.searcher {
            Some(searcher) => {
                searcher.find(lower).is_some() || self.short.iter().any(|(_, finder)| finder.find(lower).is_some())
            }
            None => self.needles.is_in(lower),
        }
    }

    /// Gives all of them in a text from left to right: at one place the first of the list. `give` says where to go on.
    pub fn each(&self, lower: &[u8], from: usize, give: &mut dyn FnMut(Hit) -> usize) {
        let Some(searcher) = &self.searcher else {
            let mut from = from;
            while let Some(hit) = self.needles.find(lower, from) {
                from = give(hit);
            }
            return;
        };
        let mut from = from;
        let mut next = None;
        let mut short: Vec<Option<usize>> = vec![Some(from); self.short.len()];
        let mut ready = false;
        loop {
            // What was found before and is not behind us stays found.
            if !ready || next.is_some_and(|hit: Hit| hit.start < from) {
                next = lower.get(from..).and_then(|rest| searcher.find(rest)).map(|found| {
                    let word = self.long[found.pattern().as_usize()];
                    Hit { start: from + found.start(), end: from + found.end(), word }
                });
            }
            for (at, (_, finder)) in short.iter_mut().zip(&self.short) {
                if !ready || at.is_some_and(|at| at < from) {
                    *at = lower.get(from..).and_then(|rest| finder.find(rest)).map(|at| from + at);
                }
            }
            ready = true;
            let mut hit = next;
            for (at, (word, _)) in short.iter().zip(&self.short) {
                if let Some(start) = *at
                    && hit.is_none_or(|hit| start < hit.start)
                {
                    hit = Some(Hit { start, end: start + word.len(), word });
                }
            }
            let Some(hit) = hit else { return };
            from = give(hit);
        }
    }
}

fn searcher(words: &[&str]) -> Option<Searcher> {
    Config::new().match_kind(MatchKind::LeftmostFirst).builder().extend(words).build()
}

/// Whether a text has a token in it whose shape a provider published.
pub fn has_token(text: &str) -> bool {
    static STARTS: LazyLock<Option<Searcher>> = LazyLock::new(|| {
        // To the fourth byte, up to which many are the same. The dashes before a key are longer, or every rule in a comment would be one.
        let mut starts: Vec<&str> = classify::token_starts()
            .filter(|start| start.len() > 2)
            .map(|start| if start.starts_with('-') { start } else { &start[..start.len().min(4)] })
            .collect();
        starts.sort_unstable();
        starts.dedup();
        searcher(&starts)
    });
    let Some(searcher) = &*STARTS else { return !classify::find_tokens(text).is_empty() };
    let bytes = text.as_bytes();
    let short = || classify::token_starts().filter(|start| start.len() < 3);
    searcher.find_iter(bytes).any(|found| classify::token_begins(text, found.start()))
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
        let alone = Many { searcher: None, ..Many::new(WORDS, &NEEDLES) };
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
