//! The ledger: which canary was found where. Everything that comes out is shown to it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tegmen_findings::proof::{Channel, Spot};

use crate::search::Searcher;

/// What is known of one secret in one channel.
#[derive(Clone, Debug)]
pub struct Found {
    /// How often it was found.
    pub count: u64,
    /// Whether all of it was there.
    pub is_whole: bool,
    /// Where in the channel it was found, first.
    pub source: String,
    /// What stood there, masked.
    pub sample: String,
}

/// What is known of one channel.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// How many bytes were searched.
    pub bytes: u64,
    /// By the number of the secret: one for each source in a channel that has many, such as files; else one.
    pub found: BTreeMap<usize, Vec<Found>>,
    /// What else there is to say.
    pub note: Option<String>,
}

/// Where a canary arrived at the target: secret, host, place.
pub type Arrival = (usize, String, String);

/// Everything that was seen.
#[derive(Debug, Default)]
pub struct State {
    /// By channel.
    pub channels: BTreeMap<Channel, Seen>,
    /// Where canaries arrived, and in how many requests.
    pub arrivals: BTreeMap<Arrival, u64>,
    /// The hosts that the test itself says it is for.
    pub targets: BTreeSet<String>,
    /// Tasks that the test has.
    pub declared: BTreeSet<String>,
    /// Tasks that ran.
    pub ran: BTreeSet<String>,
    /// Lines of the script that said a canary, by channel and secret.
    pub spots: BTreeMap<(Channel, usize), Vec<Spot>>,
    /// The first line that sent a canary to a host, by secret and host.
    pub sent: BTreeMap<(usize, String), Spot>,
    /// How many requests came.
    pub requests: u64,
    /// How often the target was hostile, in which way.
    pub ways: BTreeMap<usize, u64>,
    /// Lines of the scripts that can run, by file.
    pub lines: BTreeMap<String, BTreeSet<u32>>,
    /// Lines that did.
    pub lines_ran: BTreeMap<String, BTreeSet<u32>>,
    /// The most whole copies of a secret in one process' own memory, by the number of the secret; `None`: not looked at.
    pub own_memory: Option<BTreeMap<usize, u64>>,
    /// Requests that Tegmen refused: secret, host, reason.
    pub refused: BTreeMap<(String, String, String), u64>,
    /// Whether the session that everybody gets went along with a secret: it is somebody's then.
    pub is_taken: bool,
    /// Files that the scripts opened for writing: by which line.
    pub opened: BTreeMap<String, Spot>,
    /// Hosts that the scripts dialled: which line was the first.
    pub dialled: BTreeMap<String, Spot>,
    /// What came out where nobody searches, in words: by which line first.
    pub unwatched: BTreeMap<String, Spot>,
    /// Files that could not be searched, or not to their end, and why.
    pub unsearched: BTreeMap<String, String>,
    /// Protections that Tegmen promises and that were not there, and how that was seen.
    pub lapses: BTreeMap<&'static str, String>,
    /// Origins of the real target that could not be asked, and why.
    pub unreached: BTreeMap<String, String>,
    /// Pages of the web UI, and the line of the script that begins to say what is on them; `None`: they are Locust's own.
    pub pages: BTreeMap<String, Option<Spot>>,
}

/// So many sources in a channel are told apart.
const SOURCES: usize = 200;

/// Clones are the same.
#[derive(Clone)]
pub struct Ledger {
    searcher: Arc<Searcher>,
    state: Arc<Mutex<State>>,
}

impl Ledger {
    /// An empty one.
    pub fn new(searcher: Arc<Searcher>) -> Self {
        Self { searcher, state: Arc::default() }
    }

    /// What is looked for.
    pub fn searcher(&self) -> &Searcher {
        &self.searcher
    }

    /// The state, for a moment.
    pub fn state(&self) -> MutexGuard<'_, State> {
        // Every change is whole: there is nothing that a panic could have left half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Searches what came out of a channel; `source` says where in it.
    pub fn look(&self, channel: Channel, source: &str, bytes: &[u8]) {
        let hits = self.searcher.search(bytes);
        let mut found: BTreeMap<usize, Found> = BTreeMap::new();
        for hit in hits {
            let entry = found.entry(hit.secret).or_insert_with(|| Found {
                count: 0,
                is_whole: false,
                source: source.to_owned(),
                sample: self.searcher.sample(bytes, &hit.at),
            });
            entry.count += 1;
            entry.is_whole |= hit.is_whole;
        }
        if matches!(channel, Channel::Stdout | Channel::Stderr | Channel::Log) {
            for secret in self.searcher.shown(bytes) {
                found.entry(secret).or_insert_with(|| Found {
                    count: 1,
                    is_whole: true,
                    source: source.to_owned(),
                    sample: "in colours, or folded at the edge of a terminal".to_owned(),
                });
            }
        }
        let mut state = self.state();
        let is_page = |page: &str| state.pages.get(page).is_some_and(Option::is_some);
        // Where what was found in one source says nothing of another: each is let out by a line of its own.
        let has_sources = match channel {
            Channel::Files | Channel::Bytecode | Channel::OtherHosts => true,
            Channel::WebUi => is_page(source),
            _ => false,
        };
        let seen = state.channels.entry(channel).or_default();
        seen.bytes += bytes.len() as u64;
        for (secret, new) in found {
            let known = seen.found.entry(secret).or_default();
            let is_apart = |known: &Found| has_sources && known.source != new.source;
            // The last one stands for those that are too many.
            let at =
                known.iter().position(|known| !is_apart(known)).or((known.len() == SOURCES).then_some(SOURCES - 1));
            match at {
                Some(at) => {
                    known[at].count += new.count;
                    known[at].is_whole |= new.is_whole;
                }
                None => known.push(new),
            }
        }
    }

    /// Says something of a channel, and that it was looked at.
    pub fn note(&self, channel: Channel, note: &str) {
        self.state().channels.entry(channel).or_default().note = Some(note.to_owned());
    }
}
