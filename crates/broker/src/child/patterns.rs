//! The redactor's patterns, exchangeable while the child runs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tegmen_redact::{Patterns, Redactor};

/// Patterns that may be replaced from any thread. A clone is the same patterns.
#[derive(Clone)]
pub(super) struct LivePatterns(Arc<Shared>);

struct Shared {
    generation: AtomicU64,
    patterns: Mutex<Patterns>,
}

impl LivePatterns {
    pub(super) fn new(patterns: Patterns) -> Self {
        Self(Arc::new(Shared { generation: AtomicU64::new(0), patterns: Mutex::new(patterns) }))
    }

    /// Output that is read after this returns is searched for the new patterns.
    pub(super) fn set(&self, patterns: Patterns) {
        *self.0.patterns.lock().unwrap_or_else(PoisonError::into_inner) = patterns;
        self.0.generation.fetch_add(1, Ordering::Release);
    }

    fn get(&self) -> Patterns {
        self.0.patterns.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A redactor that follows [`LivePatterns`].
pub(super) struct LiveRedactor {
    live: LivePatterns,
    seen: u64,
    redactor: Redactor,
}

impl LiveRedactor {
    pub(super) fn new(live: LivePatterns) -> Self {
        let seen = live.0.generation.load(Ordering::Acquire);
        let redactor = Redactor::new(live.get());
        Self { live, seen, redactor }
    }

    pub(super) fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        let now = self.live.0.generation.load(Ordering::Acquire);
        if now != self.seen {
            self.seen = now;
            self.redactor.set_patterns(self.live.get());
        }
        self.redactor.push(chunk, out);
    }

    pub(super) fn finish(mut self, out: &mut Vec<u8>) {
        self.redactor.finish(out);
    }

    pub(super) fn finish_cut(mut self, out: &mut Vec<u8>) {
        self.redactor.finish_cut(out);
    }
}
