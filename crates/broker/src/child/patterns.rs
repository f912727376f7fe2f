//! The redactor's patterns, exchangeable while the child runs.
//!
//! A reader that was silent for long holds what was the newest set then, and none of those between: a test may bring
//! millions of tokens and print nothing.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tegmen_redact::{Patterns, Redactor};

/// How often each label was written, by channel: `stdout`, `stderr` and `terminal`, and those of the plugins
/// ([`tegmen_wire::protocol::CHANNELS`]).
pub type Masked = BTreeMap<&'static str, BTreeMap<String, u64>>;

/// Patterns that may be replaced from any thread. A clone is the same patterns.
#[derive(Clone)]
pub(super) struct LivePatterns {
    newest: Arc<Newest>,
    masked: Arc<Mutex<Masked>>,
}

/// The newest set. The lock is held no longer than it takes to copy or to replace a pointer.
struct Newest {
    /// Which one it is: a reader that has it takes no lock.
    number: AtomicU64,
    patterns: Mutex<Patterns>,
}

impl Newest {
    fn lock(&self) -> MutexGuard<'_, Patterns> {
        self.patterns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LivePatterns {
    pub(super) fn new(patterns: Patterns) -> Self {
        let newest = Newest { number: AtomicU64::new(0), patterns: Mutex::new(patterns) };
        Self { newest: Arc::new(newest), masked: Arc::default() }
    }

    /// Output that is read after this returns is searched for the new patterns.
    pub(super) fn set(&self, patterns: Patterns) {
        let mut newest = self.newest.lock();
        let old = std::mem::replace(&mut *newest, patterns);
        self.newest.number.fetch_add(1, Ordering::Release);
        drop(newest);
        // This may take a while.
        drop(old);
    }

    /// A text without what is known now. It is none of the child's outputs, and is not counted.
    pub(super) fn redact(&self, text: &str) -> String {
        let patterns = self.newest.lock().clone();
        patterns.redact_str(text).into_owned()
    }

    /// Adds what was masked elsewhere, of the labels that are known.
    pub(super) fn count(&self, channel: &'static str, counts: BTreeMap<String, u64>) {
        let patterns = self.newest.lock().clone();
        let mut masked = self.masked.lock().unwrap_or_else(PoisonError::into_inner);
        for (label, count) in counts.into_iter().filter(|(label, _)| patterns.labels().any(|known| known == label)) {
            let sum: &mut u64 = masked.entry(channel).or_default().entry(label).or_default();
            *sum = sum.saturating_add(count);
        }
    }

    /// What was masked so far.
    pub(super) fn masked(&self) -> Masked {
        self.masked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A redactor that follows [`LivePatterns`].
pub(super) struct LiveRedactor {
    newest: Arc<Newest>,
    /// The set that the redactor has.
    number: u64,
    redactor: Redactor,
    channel: &'static str,
    masked: Arc<Mutex<Masked>>,
    told: u64,
}

impl LiveRedactor {
    pub(super) fn new(live: &LivePatterns, channel: &'static str) -> Self {
        // The number first: a set that comes between is asked for again.
        let number = live.newest.number.load(Ordering::Acquire);
        let redactor = Redactor::new(live.newest.lock().clone());
        let newest = Arc::clone(&live.newest);
        Self { newest, number, redactor, channel, masked: Arc::clone(&live.masked), told: 0 }
    }

    /// The next bytes, meant for a terminal of that width if it is one.
    pub(super) fn push(&mut self, chunk: &[u8], columns: Option<u16>, out: &mut Vec<u8>) {
        let number = self.newest.number.load(Ordering::Acquire);
        if number != self.number {
            self.number = number;
            let patterns = self.newest.lock().clone();
            self.redactor.set_patterns(patterns);
        }
        self.redactor.set_width(columns);
        self.redactor.push(chunk, out);
        self.tell();
    }

    pub(super) fn finish(mut self, out: &mut Vec<u8>) {
        self.redactor.finish(out);
        self.tell();
    }

    pub(super) fn finish_cut(mut self, out: &mut Vec<u8>) {
        self.redactor.finish_cut(out);
        self.tell();
    }

    /// Lets others know what was masked, when there is something new.
    fn tell(&mut self) {
        if self.redactor.masked() != self.told {
            self.told = self.redactor.masked();
            let counts = self.redactor.counts();
            self.masked.lock().unwrap_or_else(PoisonError::into_inner).insert(self.channel, counts);
        }
    }
}

#[cfg(test)]
mod tests {
    use tegmen_secret::SecretBytes;

    use super::*;

    fn extended(patterns: &Patterns, number: usize) -> Patterns {
        let mut builder = patterns.extend();
        let value = SecretBytes::from(format!("token-{number:06}-of-a-user"));
        assert!(builder.value("TOKEN", &value).is_ok());
        builder.build()
    }

    #[test]
    fn the_tokens_of_many_users_arrive_while_output_is_read() {
        let mut patterns = Patterns::builder().build();
        let live = LivePatterns::new(patterns.clone());
        let (mut reader, silent) = (LiveRedactor::new(&live, "stdout"), LiveRedactor::new(&live, "stderr"));
        for number in 0..2_000 {
            patterns = extended(&patterns, number);
            live.set(patterns.clone());
            if number % 7 == 0 {
                let mut out = Vec::new();
                reader.push(format!("<token-{number:06}-of-a-user>").as_bytes(), None, &mut out);
                assert_eq!(out, b"<[TOKEN]>");
            }
        }
        assert_eq!(live.redact("Vault says: token-001999-of-a-user"), "Vault says: [TOKEN]");
        assert_eq!(live.masked()["stdout"]["TOKEN"], 286);
        // The first ones are still known.
        let mut out = Vec::new();
        reader.push(b"token-000000-of-a-user.", None, &mut out);
        assert_eq!(out, b"[TOKEN].");
        drop(silent);
    }

    #[test]
    fn tokens_arrive_in_one_thread_while_others_read() {
        use std::sync::atomic::{AtomicUsize, Ordering};

        let first = Patterns::builder().build();
        let live = LivePatterns::new(extended(&first, 0));
        let known = AtomicUsize::new(1);
        const TOKENS: usize = 3_000;
        std::thread::scope(|scope| {
            for channel in ["stdout", "stderr"] {
                let (live, known) = (&live, &known);
                scope.spawn(move || {
                    let mut reader = LiveRedactor::new(live, channel);
                    loop {
                        // Whatever was known when the write came, the first token and the last one, is masked in it.
                        let last = known.load(Ordering::Acquire) - 1;
                        let mut out = Vec::new();
                        let text = format!("<token-{last:06}-of-a-user> <token-000000-of-a-user>\n");
                        reader.push(text.as_bytes(), None, &mut out);
                        assert_eq!(String::from_utf8_lossy(&out), "<[TOKEN]> <[TOKEN]>\n");
                        if last == TOKENS - 1 {
                            return;
                        }
                    }
                });
            }
            let mut patterns = extended(&first, 0);
            for number in 1..TOKENS {
                patterns = extended(&patterns, number);
                live.set(patterns.clone());
                known.store(number + 1, Ordering::Release);
            }
        });
        assert!(live.masked()["stdout"]["TOKEN"] >= 2);
    }

    #[test]
    fn what_plugins_count_is_added_up_and_nonsense_is_left_out() {
        let live = LivePatterns::new(extended(&Patterns::builder().build(), 0));
        let told = |label: &str, count| BTreeMap::from([(label.to_owned(), count)]);
        live.count("log", told("TOKEN", 2));
        live.count("log", told("TOKEN", u64::MAX));
        live.count("log", told("\x1b[2Jnobody's", 7));
        assert_eq!(live.masked(), BTreeMap::from([("log", told("TOKEN", u64::MAX))]));
    }
}
