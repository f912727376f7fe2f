//! The redactor's patterns, exchangeable while the child runs.
//!
//! Each set points to the one that came after it. A reader follows the pointers: it takes no lock, however many values
//! the test's users bring, and whoever adds one waits for no reader.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tegmen_redact::{Patterns, Redactor};

/// How often each label was written, by channel: `stdout`, `stderr` and `terminal`, and those of the plugins
/// ([`tegmen_wire::protocol::CHANNELS`]).
pub type Masked = BTreeMap<&'static str, BTreeMap<String, u64>>;

/// Patterns that may be replaced from any thread. A clone is the same patterns.
#[derive(Clone)]
pub(super) struct LivePatterns {
    newest: Arc<Mutex<Arc<Generation>>>,
    masked: Arc<Mutex<Masked>>,
}

struct Generation {
    patterns: Patterns,
    next: OnceLock<Arc<Generation>>,
}

/// One after the other: a reader that has been silent for long may be the last to hold thousands.
impl Drop for Generation {
    fn drop(&mut self) {
        let mut next = self.next.take();
        while let Some(mut generation) = next.and_then(Arc::into_inner) {
            next = generation.next.take();
        }
    }
}

impl LivePatterns {
    pub(super) fn new(patterns: Patterns) -> Self {
        let first = Arc::new(Generation { patterns, next: OnceLock::new() });
        Self { newest: Arc::new(Mutex::new(first)), masked: Arc::default() }
    }

    /// Output that is read after this returns is searched for the new patterns.
    pub(super) fn set(&self, patterns: Patterns) {
        let next = Arc::new(Generation { patterns, next: OnceLock::new() });
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        // Only here is it set, and only under the lock.
        let _ = newest.next.set(Arc::clone(&next));
        let old = std::mem::replace(&mut *newest, next);
        drop(newest);
        drop(old);
    }

    /// Adds what was masked elsewhere, of the labels that are known.
    pub(super) fn count(&self, channel: &'static str, counts: BTreeMap<String, u64>) {
        let patterns = self.newest.lock().unwrap_or_else(PoisonError::into_inner).patterns.clone();
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
    generation: Arc<Generation>,
    redactor: Redactor,
    channel: &'static str,
    masked: Arc<Mutex<Masked>>,
    told: u64,
}

impl LiveRedactor {
    pub(super) fn new(live: &LivePatterns, channel: &'static str) -> Self {
        let generation = Arc::clone(&live.newest.lock().unwrap_or_else(PoisonError::into_inner));
        let redactor = Redactor::new(generation.patterns.clone());
        Self { generation, redactor, channel, masked: Arc::clone(&live.masked), told: 0 }
    }

    /// The next bytes, meant for a terminal of that width if it is one.
    pub(super) fn push(&mut self, chunk: &[u8], columns: Option<u16>, out: &mut Vec<u8>) {
        let mut newer = false;
        while let Some(next) = self.generation.next.get() {
            self.generation = Arc::clone(next);
            newer = true;
        }
        if newer {
            self.redactor.set_patterns(self.generation.patterns.clone());
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
        assert_eq!(live.masked()["stdout"]["TOKEN"], 286);
        // The first ones are still known, and a long chain of generations goes without a deep recursion.
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
