//! [`Growing`]: patterns to which the tokens that a test is given are added without end, in memory that has one.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};

use zeroize::Zeroizing;

use crate::builder::PatternsBuilder;
use crate::patterns::Patterns;

/// Patterns that grow while a test runs. Secrets stay for good; of the tokens that the target issues, the last ones: a
/// test of a night may see millions, and one that was issued long ago has expired.
pub struct Growing {
    /// All but the tokens.
    lasting: Patterns,
    /// All. It has the labels of `lasting` in the same order, so that what was counted by their numbers stays right when the
    /// older tokens go.
    all: Patterns,
    tokens: VecDeque<Token>,
    known: std::collections::HashSet<u64>,
    hasher: RandomState,
    most: usize,
    /// Tokens are looked for as they are only.
    as_they_are: bool,
}

struct Token {
    label: String,
    value: Zeroizing<Vec<u8>>,
    number: u64,
}

/// What became of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is known from now on.
    New,
    /// It is known from now on, and the older half of the tokens is not any more.
    Turned,
    /// It was known already, or is too short to be looked for.
    Not,
}

impl Growing {
    /// Nothing yet. Of the tokens `most` are kept, and at least half as many.
    pub fn new(most: usize) -> Self {
        let empty = Patterns::builder().build();
        Self {
            lasting: empty.clone(),
            all: empty,
            tokens: VecDeque::new(),
            known: std::collections::HashSet::new(),
            hasher: RandomState::new(),
            most: most.max(2),
            as_they_are: false,
        }
    }

    /// The same, for tokens that are looked for as they are and in no other form.
    pub fn of_texts(most: usize) -> Self {
        Self { as_they_are: true, ..Self::new(most) }
    }

    /// What there is to look for.
    pub fn patterns(&self) -> &Patterns {
        &self.all
    }

    /// Adds what stays for good. The function is called twice when there are tokens.
    pub fn extend(&mut self, mut add: impl FnMut(&mut PatternsBuilder)) {
        let mut extended = |patterns: &Patterns| {
            let mut builder = patterns.extend();
            add(&mut builder);
            builder.build()
        };
        let lasting = extended(&self.lasting);
        self.all = if self.tokens.is_empty() { lasting.clone() } else { extended(&self.all) };
        self.lasting = lasting;
    }

    /// Adds a token that the target has issued.
    pub fn token(&mut self, label: &str, value: &[u8]) -> Added {
        let number = self.hasher.hash_one((label, value));
        if self.known.contains(&number) {
            return Added::Not;
        }
        let mut builder = self.all.extend();
        if !put(&mut builder, self.as_they_are, label, value) {
            return Added::Not;
        }
        self.known.insert(number);
        if !self.lasting.labels().any(|known| known == label) {
            let mut lasting = self.lasting.extend();
            lasting.label(label);
            self.lasting = lasting.build();
        }
        self.tokens.push_back(Token { label: label.to_owned(), value: Zeroizing::new(value.to_vec()), number });
        if self.tokens.len() <= self.most {
            self.all = builder.build();
            return Added::New;
        }
        for token in self.tokens.drain(..self.tokens.len() / 2) {
            self.known.remove(&token.number);
        }
        let mut builder = self.lasting.extend();
        for token in &self.tokens {
            // It was taken before.
            let _ = put(&mut builder, self.as_they_are, &token.label, &token.value);
        }
        self.all = builder.build();
        Added::Turned
    }

    /// The tokens that are known, with their labels; the oldest first.
    pub fn tokens(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.tokens.iter().map(|token| (token.label.as_str(), token.value.as_slice()))
    }
}

/// Whether it was taken.
fn put(builder: &mut PatternsBuilder, as_it_is: bool, label: &str, value: &[u8]) -> bool {
    if as_it_is {
        builder.as_it_is(label, value);
        return true;
    }
    builder.token(label, value).is_ok()
}

/// Shows how many there are, nothing of them.
impl std::fmt::Debug for Growing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Growing({:?}, {} tokens)", self.lasting, self.tokens.len())
    }
}

#[cfg(test)]
mod tests {
    use tegmen_secret::SecretBytes;

    use super::*;
    use crate::Counts;

    #[test]
    fn secrets_stay_and_of_the_tokens_the_last_ones() {
        let mut growing = Growing::new(100);
        let secret = |text: &str| SecretBytes::from(text.to_owned());
        growing.extend(|builder| assert!(builder.value("KEY", &secret("correct-horse")).is_ok()));
        let token = |number: usize| format!("tok-{number:05}-8Zr2nYt5LxW0");
        let mut turns = 0;
        for number in 0..1000 {
            let added = growing.token("TOKEN", token(number).as_bytes());
            turns += usize::from(added == Added::Turned);
            assert_eq!(growing.token("TOKEN", token(number).as_bytes()), Added::Not);
            assert!(growing.tokens().count() <= 100);
            for known in number.saturating_sub(50)..=number {
                assert_eq!(growing.patterns().redact_str(&token(known)), "[TOKEN]", "{number} {known}");
            }
            if number == 500 {
                growing.extend(|builder| assert!(builder.value("LATER", &secret("battery-staple")).is_ok()));
            }
        }
        assert_eq!(turns, 18);
        let text = growing.patterns().redact_str("correct-horse battery-staple tok-00000-8Zr2nYt5LxW0");
        assert_eq!(text, "[KEY] [LATER] tok-00000-8Zr2nYt5LxW0");
        // One that comes back is learnt anew.
        assert_ne!(growing.token("TOKEN", token(0).as_bytes()), Added::Not);
    }

    #[test]
    fn what_was_counted_keeps_its_name_when_older_tokens_go() {
        let mut growing = Growing::new(4);
        let secret = |text: &str| SecretBytes::from(text.to_owned());
        let token = |number: usize| format!("tok-{number:05}-8Zr2nYt5LxW0");
        assert_eq!(growing.token("TOKEN", token(0).as_bytes()), Added::New);
        growing.extend(|builder| assert!(builder.value("LATER", &secret("battery-staple")).is_ok()));
        let mut counts = Counts::default();
        let text = format!("{} battery-staple battery-staple", token(0));
        growing.patterns().redact_counted(text.as_bytes(), &mut counts);
        while growing.token("OTHER", token(growing.tokens().count()).as_bytes()) != Added::Turned {}
        growing.patterns().redact_counted(b"battery-staple", &mut counts);
        let counted = counts.by_label(growing.patterns()).into_iter().collect::<Vec<_>>();
        assert_eq!(counted, [("LATER".to_owned(), 3), ("TOKEN".to_owned(), 1)]);
    }

    #[test]
    fn a_token_that_is_refused_takes_no_room() {
        let mut growing = Growing::new(4);
        for number in 0..1000 {
            assert_eq!(growing.token("TOKEN", format!(" {}\n", number % 10).as_bytes()), Added::Not);
        }
        assert!(growing.known.is_empty());
    }
}
