//! When a request is tried again, and after how long.

use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

/// Whether doing a request twice does no harm.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Reading: whatever failed may be tried again.
    Harmless,
    /// A one-use SecretID or wrapping token: only what certainly had no effect may be tried again.
    Once,
}

/// What came of a try.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The request did not leave this machine.
    NotSent,
    /// The connection broke.
    Lost,
    /// No answer came in time. Waiting as long once more would only double the wait of whoever watches.
    TooLate,
    /// An answer with this status.
    Status(u16),
}

impl Repeat {
    /// Whether to try again. 412: a standby has not caught up; 429: too many; 5xx: the server, but not 501.
    pub(crate) fn after(self, outcome: Outcome) -> bool {
        match outcome {
            Outcome::NotSent | Outcome::Status(412 | 429 | 503) => true,
            Outcome::Lost => self == Self::Harmless,
            Outcome::TooLate => false,
            Outcome::Status(status) => self == Self::Harmless && status >= 500 && status != 501,
        }
    }
}

/// The time before try number `attempt` (from 1 up): twice as long each time, between half and all of it at random, so
/// that many clients do not come back at once.
pub(crate) fn pause(attempt: u32) -> Duration {
    let full = Duration::from_millis(250).saturating_mul(1 << attempt.saturating_sub(1).min(5));
    full / 2 + full.mul_f64(chance() / 2.0)
}

/// A time that is up to a tenth shorter, at random, so that many clients that began together do not stay together.
pub fn jitter(time: Duration) -> Duration {
    time.mul_f64(1.0 - chance() / 10.0)
}

/// From 0 up to 1.
fn chance() -> f64 {
    (std::hash::RandomState::new().build_hasher().finish() % 1000) as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_have_had_an_effect_is_not_repeated() {
        assert!(Repeat::Harmless.after(Outcome::Lost) && !Repeat::Once.after(Outcome::Lost));
        assert!(Repeat::Harmless.after(Outcome::Status(500)) && !Repeat::Once.after(Outcome::Status(500)));
        assert!(Repeat::Once.after(Outcome::Status(429)) && Repeat::Once.after(Outcome::NotSent));
        for status in [200, 307, 400, 403, 404, 501] {
            assert!(!Repeat::Harmless.after(Outcome::Status(status)), "{status}");
        }
    }

    #[test]
    fn pauses_grow_and_end() {
        for attempt in 1..40 {
            let full = 250 * (1 << (attempt - 1).min(5));
            let pause = pause(attempt).as_millis();
            assert!((full / 2..=full).contains(&pause), "{attempt}: {pause}");
        }
    }
}
