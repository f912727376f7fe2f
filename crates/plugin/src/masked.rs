//! What this process has masked and the broker does not know yet: numbers by channel and name, no text.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use tegmen_redact::{Counts, Patterns};
use tegmen_wire::protocol::Tell;

/// How long the broker is not told at the least: outputs may be masked thousands of times a second.
const PAUSE: Duration = Duration::from_secs(1);

/// Counts by channel.
pub struct Masked {
    counts: BTreeMap<&'static str, Counts>,
    told: Instant,
}

impl Masked {
    /// Nothing yet.
    pub fn new() -> Self {
        Self { counts: BTreeMap::new(), told: Instant::now() }
    }

    /// The counts of one channel.
    pub fn of(&mut self, channel: &'static str) -> &mut Counts {
        self.counts.entry(channel).or_default()
    }

    /// Whether it is time to tell the broker.
    pub fn is_due(&self) -> bool {
        self.told.elapsed() >= PAUSE
    }

    /// What there is to tell; from now on that is told. `patterns` are those that the texts were searched for last.
    pub fn take(&mut self, patterns: &Patterns) -> Vec<Tell> {
        self.told = Instant::now();
        let counts = std::mem::take(&mut self.counts);
        let told = counts.into_iter().map(|(channel, counts)| (channel, counts.by_label(patterns)));
        let told = told.filter(|(_, counts)| !counts.is_empty());
        told.map(|(channel, counts)| Tell::Masked { channel: channel.to_owned(), counts }).collect()
    }

    /// In a forked child: what its parent has masked is the parent's to tell.
    pub fn forget(&mut self) {
        self.counts.clear();
    }
}
