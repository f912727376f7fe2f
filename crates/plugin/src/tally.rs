//! How often requests have carried secrets, where to, and how often that was refused: what this process has counted and
//! the broker does not know yet. Numbers by name and destination, no text.

use std::collections::BTreeMap;

use tegmen_wire::{
    fill::Refusal,
    origin::Origin,
    protocol::{Journey, Outcome, Tell},
};

/// So many kinds of refusal are told apart; a test that is refused everywhere fills no memory.
const MOST_REFUSALS: usize = 200;

/// So many journeys fit into a message with room to spare.
const PER_MESSAGE: usize = 200;

/// Counts by name and destination.
#[derive(Default)]
pub struct Tally {
    /// Less than nothing where a request that was told of turned out not to have left.
    sent: BTreeMap<(String, String), i64>,
    refused: BTreeMap<(String, String, String), i64>,
}

impl Tally {
    /// Requests to an origin have carried these secrets.
    pub fn sent(&mut self, origin: &Origin, names: &[String], times: i64) {
        if names.is_empty() || times == 0 {
            return;
        }
        let to = origin.to_string();
        for name in names {
            *self.sent.entry((name.clone(), to.clone())).or_default() += times;
        }
    }

    /// A request was refused.
    pub fn refused(&mut self, name: &str, to: &str, why: &str) {
        let key = (name.to_owned(), to.to_owned(), why.to_owned());
        if self.refused.len() < MOST_REFUSALS || self.refused.contains_key(&key) {
            *self.refused.entry(key).or_default() += 1;
        } else {
            *self.refused.entry((name.to_owned(), "elsewhere".to_owned(), String::new())).or_default() += 1;
        }
    }

    /// A request was refused.
    pub fn refusal(&mut self, refusal: &Refusal) {
        let name = refusal.name.as_deref().unwrap_or("a secret");
        self.refused(name, &refusal.origin.to_string(), refusal.reason.short());
    }

    /// What there is to tell; from now on that is told.
    pub fn take(&mut self) -> Vec<Tell> {
        let (sent, refused) = (std::mem::take(&mut self.sent), std::mem::take(&mut self.refused));
        let sent = sent.into_iter().map(|((name, to), count)| Journey { name, to, outcome: Outcome::Sent, count });
        let refused = refused.into_iter().map(|((name, to, why), count)| Journey {
            name,
            to,
            outcome: Outcome::Refused { why },
            count,
        });
        let journeys: Vec<Journey> = sent.filter(|journey| journey.count != 0).chain(refused).collect();
        journeys.chunks(PER_MESSAGE).map(|some| Tell::Journeys { journeys: some.to_vec() }).collect()
    }

    /// In a forked child: what its parent has counted is the parent's to tell.
    pub fn forget(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use tegmen_wire::origin::Scheme;

    use super::*;

    fn told(tally: &mut Tally) -> Vec<Journey> {
        let journeys = |tell| match tell {
            Tell::Journeys { journeys } => journeys,
            _ => Vec::new(),
        };
        tally.take().into_iter().flat_map(journeys).collect()
    }

    #[test]
    fn what_was_counted_is_told_once_and_what_never_left_is_taken_back() {
        let (shop, names) = (Origin::new(Scheme::Https, "shop.example", None), ["KEY".to_owned(), "TOKEN".to_owned()]);
        let mut tally = Tally::default();
        tally.sent(&shop, &names, 3);
        tally.sent(&shop, &names[..1], -3);
        let expected =
            Journey { name: "TOKEN".into(), to: "https://shop.example".into(), outcome: Outcome::Sent, count: 3 };
        assert_eq!(told(&mut tally), [expected]);
        assert_eq!(told(&mut tally), []);
        tally.sent(&shop, &names[1..], -1);
        assert_eq!(told(&mut tally)[0].count, -1, "the broker takes it off what it knows");
    }

    #[test]
    fn refusals_fill_no_memory() {
        let mut tally = Tally::default();
        for port in 0..10_000 {
            tally.refused("KEY", &format!("http://127.0.0.1:{port}"), "another host");
        }
        let told = told(&mut tally);
        assert_eq!(told.len(), MOST_REFUSALS + 1);
        assert_eq!(told.iter().map(|journey| journey.count).sum::<i64>(), 10_000);
    }
}
