//! A limit of our own to requests in a time, where `VAULT_RATE_LIMIT` sets one.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So many requests a second, and so many at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLimit {
    rate: f64,
    burst: f64,
}

impl RateLimit {
    /// Reads `RATE` or `RATE:BURST`; without the latter it is the former. `None` when it is neither, or lets nothing pass.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (rate, burst) = text.split_once(':').unwrap_or((text, text));
        let rate: f64 = rate.parse().ok()?;
        let burst: f64 = burst.parse().ok()?;
        (rate.is_finite() && burst.is_finite() && rate > 0.0).then_some(Self { rate, burst: burst.floor().max(1.0) })
    }
}

/// Lets requests pass at a rate.
pub(crate) struct Pace {
    limit: RateLimit,
    /// How many may pass at once, and when that was so. Below 0 where some wait already.
    left: Mutex<(f64, Instant)>,
}

impl Pace {
    pub(crate) fn new(limit: RateLimit) -> Self {
        Self { limit, left: Mutex::new((limit.burst, Instant::now())) }
    }

    /// Takes the next place in the row, and says how long it is until then.
    pub(crate) fn next(&self) -> Duration {
        let mut state = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let (left, since) = *state;
        let now = Instant::now();
        let gained = now.saturating_duration_since(since).as_secs_f64() * self.limit.rate;
        let left = (left + gained).min(self.limit.burst) - 1.0;
        *state = (left, now);
        Duration::try_from_secs_f64(-left.min(0.0) / self.limit.rate).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_the_rest_waits() {
        let pace = Pace::new(RateLimit::parse("0.1:2").unwrap());
        assert_eq!((pace.next(), pace.next()), (Duration::ZERO, Duration::ZERO));
        let (third, fourth) = (pace.next().as_secs_f64(), pace.next().as_secs_f64());
        assert!((9.0..=10.0).contains(&third) && (19.0..=20.0).contains(&fourth), "{third} {fourth}");
    }

    #[test]
    fn limits() {
        assert_eq!(RateLimit::parse("10"), RateLimit::parse("10:10"));
        assert_eq!(RateLimit::parse("0.5"), Some(RateLimit { rate: 0.5, burst: 1.0 }));
        for text in ["", "0", "-1", "NaN", "inf", "1:x", "a"] {
            assert_eq!(RateLimit::parse(text), None, "{text}");
        }
    }
}
