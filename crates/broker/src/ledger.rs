//! [`Ledger`]: what a run knows of its secrets besides their values: where they come from, how old they are, where they
//! went and how often, what was refused, what was masked. For the web UI's tab, the end of a run, and `--summary`.
//!
//! What must not come in: values, placeholders, and text of the test.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant, SystemTime},
};

use serde::Serialize;
use tegmen_sources::{Fact, Facts};
use tegmen_wire::{
    origin::Origin,
    protocol::{Journey, Outcome},
    table::Binding,
};

use crate::{channel::Contacts, child::Masked};

/// Where a secret comes from, as the manifest has it.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// Its source, as it may be shown.
    pub source: String,
    /// The age from which on it is to be rotated.
    pub max_age: Option<Duration>,
}

/// So many destinations of one secret are told apart.
const MOST: usize = 1000;

/// The source of what the test itself was given.
const BORN: &str = "the test";
/// The source of tokens that the redactor has learnt from answers.
const ISSUED: &str = "the target";
/// The source of what a script has asked Vault for.
const ASKED: &str = "vault, asked for by the script";

/// What a run knows of its secrets.
pub(crate) struct Ledger {
    started: Instant,
    about: BTreeMap<String, About>,
    facts: BTreeMap<String, Fact>,
    /// The names of values that were born in the test.
    born: BTreeSet<String>,
    /// How many tokens the target has issued, by name.
    issued: BTreeMap<String, u64>,
    targets: Vec<Origin>,
    locust: Option<String>,
    travels: BTreeMap<String, Travels>,
}

/// By destination; refusals with their reason.
#[derive(Default)]
struct Travels {
    sent: BTreeMap<String, i64>,
    refused: BTreeMap<(String, String), i64>,
}

/// A run and its secrets, as JSON shows them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Overview {
    /// The version of tegmen.
    pub tegmen: &'static str,
    /// The version of Locust, when it ran.
    pub locust: Option<String>,
    /// How long the run has gone on, in seconds.
    pub seconds: f64,
    /// How many processes were given the secrets.
    pub processes: usize,
    /// Why other processes were not.
    pub processes_refused: Vec<String>,
    /// The origins that are the test's own target.
    pub targets: Vec<String>,
    /// The secrets, by name.
    pub secrets: Vec<Known>,
}

/// A secret, as JSON shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Known {
    /// Its name.
    pub name: String,
    /// Where it comes from.
    pub source: String,
    /// Of tokens that the target has issued: how many there were of that name.
    pub issued: Option<u64>,
    /// The version in KV version 2.
    pub version: Option<u64>,
    /// How old the value is, in seconds, where the source knows.
    pub age: Option<u64>,
    /// The age from which on it is to be rotated, in seconds.
    pub max_age: Option<u64>,
    /// How long what was lent is still good, in seconds, unless it is prolonged.
    pub lease: Option<u64>,
    /// The origins to which it may be sent.
    pub hosts: Vec<String>,
    /// Whether these are the test's own target, for want of others.
    pub hosts_are_target: bool,
    /// Whether Python code reads the value itself.
    pub reveal: bool,
    /// Whether it may be sent over connections that are not verified.
    pub tls_unverified: bool,
    /// How many requests have carried it, by origin.
    pub sent: BTreeMap<String, u64>,
    /// What was refused.
    pub refused: Vec<Refused>,
    /// How often its name was put in the place of a value, by channel.
    pub masked: BTreeMap<String, u64>,
}

/// Requests that were refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// Where they were to go.
    pub to: String,
    /// Why not.
    pub why: String,
    /// How many.
    pub count: u64,
}

impl Ledger {
    pub(crate) fn new(about: BTreeMap<String, About>) -> Self {
        Self {
            started: Instant::now(),
            about,
            facts: BTreeMap::new(),
            born: BTreeSet::new(),
            issued: BTreeMap::new(),
            targets: Vec::new(),
            locust: None,
            travels: BTreeMap::new(),
        }
    }

    pub(crate) fn know(&mut self, facts: Facts) {
        self.facts.extend(facts);
    }

    pub(crate) fn was_born(&mut self, name: &str) {
        if self.born.len() < MOST {
            self.born.insert(name.to_owned());
        }
    }

    /// The target has issued a token that was not known before.
    pub(crate) fn was_issued(&mut self, name: &str) {
        if self.issued.len() < MOST || self.issued.contains_key(name) {
            *self.issued.entry(name.to_owned()).or_default() += 1;
        }
    }

    pub(crate) fn runs_locust(&mut self, version: String) {
        self.locust = Some(version);
    }

    pub(crate) fn target(&mut self, origin: Origin) {
        if !self.targets.contains(&origin) && self.targets.len() < MOST {
            self.targets.push(origin);
        }
    }

    pub(crate) fn has_target(&self) -> bool {
        !self.targets.is_empty()
    }

    /// Adds what a plugin has counted. `is_known` says which names there are: others are nonsense.
    pub(crate) fn travelled(&mut self, journeys: Vec<Journey>, is_known: impl Fn(&str) -> bool) {
        fn add<K: Ord>(counts: &mut BTreeMap<K, i64>, key: K, count: i64) {
            if counts.len() < MOST || counts.contains_key(&key) {
                let sum = counts.entry(key).or_default();
                *sum = sum.saturating_add(count);
            }
        }
        for Journey { name, to, outcome, count } in journeys {
            if !is_known(&name) && !self.born.contains(&name) {
                continue;
            }
            let travels = self.travels.entry(name).or_default();
            match outcome {
                Outcome::Sent => add(&mut travels.sent, to, count),
                Outcome::Refused { why } => add(&mut travels.refused, (to, why), count),
            }
        }
    }

    /// All of it. `bindings` are those of the secrets that are held.
    pub(crate) fn overview<'a>(
        &self,
        bindings: impl Iterator<Item = &'a Binding>,
        contacts: &Contacts,
        masked: &Masked,
    ) -> Overview {
        let mut secrets: Vec<Known> = bindings.map(|binding| self.known(binding, ASKED)).collect();
        for name in &self.born {
            if !secrets.iter().any(|known| known.name == *name) {
                secrets.push(self.known(&Binding { name: name.clone(), ..Binding::default() }, BORN));
            }
        }
        for (name, count) in &self.issued {
            if let Some(known) = secrets.iter_mut().find(|known| known.name == *name) {
                known.issued = Some(*count);
                continue;
            }
            // They are texts of the script, which sends them where it likes.
            let nowhere = Binding { name: name.clone(), hosts: Some(Vec::new()), ..Binding::default() };
            secrets.push(Known { issued: Some(*count), ..self.known(&nowhere, ISSUED) });
        }
        for known in &mut secrets {
            let counts = masked.iter().filter_map(|(channel, counts)| Some((channel, *counts.get(&known.name)?)));
            known.masked = counts.map(|(channel, count)| ((*channel).to_owned(), count)).collect();
        }
        secrets.sort_by(|one, other| one.name.cmp(&other.name));
        Overview {
            tegmen: env!("CARGO_PKG_VERSION"),
            locust: self.locust.clone(),
            seconds: (self.started.elapsed().as_secs_f64() * 10.0).round() / 10.0,
            processes: contacts.welcomed,
            processes_refused: contacts.refused.clone(),
            targets: self.targets.iter().map(ToString::to_string).collect(),
            secrets,
        }
    }

    fn known(&self, binding: &Binding, otherwise: &str) -> Known {
        let name = &binding.name;
        let now = SystemTime::now();
        let fact = self.facts.get(name).cloned().unwrap_or_default();
        let about = self.about.get(name);
        let travels = self.travels.get(name);
        let positive = |count: i64| u64::try_from(count).ok().filter(|count| *count > 0);
        let sent = travels.iter().flat_map(|travels| &travels.sent);
        let refused = travels.iter().flat_map(|travels| &travels.refused);
        Known {
            name: name.clone(),
            source: about.map_or_else(|| otherwise.to_owned(), |about| about.source.clone()),
            issued: None,
            version: fact.version,
            age: fact.written.map(|written| now.duration_since(written).unwrap_or_default().as_secs()),
            max_age: about.and_then(|about| about.max_age).map(|age| age.as_secs()),
            lease: fact.ends.map(|end| end.duration_since(now).unwrap_or_default().as_secs()),
            hosts: binding.hosts.as_ref().unwrap_or(&self.targets).iter().map(ToString::to_string).collect(),
            hosts_are_target: binding.hosts.is_none(),
            reveal: binding.reveal,
            tls_unverified: binding.tls_unverified,
            sent: sent.filter_map(|(to, count)| Some((to.clone(), positive(*count)?))).collect(),
            refused: refused
                .filter_map(|((to, why), count)| {
                    Some(Refused { to: to.clone(), why: why.clone(), count: positive(*count)? })
                })
                .collect(),
            masked: BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use tegmen_wire::origin::Scheme;

    use super::*;

    fn journey(name: &str, outcome: Outcome, count: i64) -> Journey {
        Journey { name: name.to_owned(), to: "https://shop.example".to_owned(), outcome, count }
    }

    #[test]
    fn what_plugins_count_is_added_up_by_name_and_destination() {
        let about = About { source: "env:KEY".to_owned(), max_age: Some(Duration::from_secs(60)) };
        let mut ledger = Ledger::new(BTreeMap::from([("KEY".to_owned(), about)]));
        ledger.target(Origin::new(Scheme::Https, "shop.example", None));
        ledger.was_born("TOKEN");
        (0..3).for_each(|_| ledger.was_issued("ACCESS_TOKEN"));
        let refused = || Outcome::Refused { why: "another host".to_owned() };
        for journeys in [
            vec![
                journey("KEY", Outcome::Sent, 3),
                journey("TOKEN", Outcome::Sent, 1),
                journey("ELSE", Outcome::Sent, 1),
            ],
            vec![journey("KEY", Outcome::Sent, -1), journey("KEY", refused(), 2)],
        ] {
            ledger.travelled(journeys, |name| name == "KEY");
        }
        let binding = Binding { name: "KEY".to_owned(), ..Binding::default() };
        let masked = Masked::from([("log", BTreeMap::from([("KEY".to_owned(), 5)]))]);
        let overview = ledger.overview([&binding].into_iter(), &Contacts::default(), &masked);
        let [issued, key, token] = &overview.secrets[..] else { panic!("{overview:?}") };
        assert_eq!((key.source.as_str(), token.source.as_str()), ("env:KEY", BORN));
        assert_eq!((issued.source.as_str(), issued.issued), (ISSUED, Some(3)));
        assert!(issued.hosts.is_empty() && !issued.hosts_are_target);
        assert_eq!(key.sent, BTreeMap::from([("https://shop.example".to_owned(), 2)]));
        assert_eq!((key.refused[0].count, key.refused[0].why.as_str()), (2, "another host"));
        assert_eq!(key.masked, BTreeMap::from([("log".to_owned(), 5)]));
        assert_eq!((key.max_age, &key.hosts[..]), (Some(60), &["https://shop.example".to_owned()][..]));
        assert_eq!(token.sent.values().sum::<u64>(), 1);
    }
}
