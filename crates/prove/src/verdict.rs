//! From what was seen to what is shown.

use std::collections::BTreeSet;

use tegmen_findings::proof::{
    Arrival, Channel, ChannelProof, Coverage, FORMAT, FileCoverage, Lapse, Leak, Proof, Protection, Refusal,
    SecretProof, Spot, State,
};
use tegmen_wire::{origin::Origin, place::Place};

use crate::{
    ledger::{Ledger, State as Seen},
    search::Searcher,
    target::{ANONYMOUS, answers::WAYS},
    world::authority::IMPOSTOR,
};

/// A secret of the test, as the verdict needs it. In the order of the searcher's numbers.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Its name.
    pub name: String,
    /// Where it is from; see [`SecretProof::origin`].
    pub origin: String,
    /// The hosts that it is bound to, as the manifest has them; `None`: the test's own target.
    pub hosts: Option<Vec<String>>,
    /// The places in a request in which the manifest allows it; empty: all.
    pub places: Vec<Place>,
    /// Why nothing can be shown of it.
    pub unprovable: Option<String>,
}

/// What else is known of a run.
#[derive(Clone, Debug, Default)]
pub struct Circumstances {
    /// When it began, in seconds since 1970.
    pub began: u64,
    /// How long it took, in seconds.
    pub seconds: u64,
    /// With or without protection.
    pub protection: Protection,
    /// What kept it from every network.
    pub isolation: String,
    /// The version of Tegmen.
    pub tegmen: String,
    /// What the person should know.
    pub remarks: Vec<String>,
    /// Why a channel was not exercised.
    pub unused: Vec<(Channel, String)>,
}

/// The proof.
pub fn proof(ledger: &Ledger, subjects: &[Subject], circumstances: &Circumstances) -> Proof {
    let state = ledger.state();
    let mut subjects = subjects.to_vec();
    for subject in subjects.iter_mut().filter(|subject| subject.name == ANONYMOUS && !state.is_taken) {
        let why = "everybody who asked got it, and no secret went along with it: it is nobody's";
        subject.unprovable = Some(why.to_owned());
    }
    let mut judge = Judge {
        state: &state,
        searcher: ledger.searcher(),
        subjects: &subjects,
        circumstances,
        leaks: Vec::new(),
        in_use: Vec::new(),
    };
    let secrets = (0..subjects.len()).map(|number| judge.secret(number)).collect();
    let channels = Channel::ALL.into_iter().map(|channel| judge.channel(channel)).collect();
    let mut leaks = judge.leaks;
    leaks.sort_by(|one, other| (one.channel, &one.secret).cmp(&(other.channel, &other.secret)));
    Proof {
        format: FORMAT,
        tegmen: circumstances.tegmen.clone(),
        began: circumstances.began,
        seconds: circumstances.seconds,
        protection: circumstances.protection,
        isolation: circumstances.isolation.clone(),
        secrets,
        channels,
        leaks,
        lapses: state
            .lapses
            .iter()
            .map(|(protection, seen)| Lapse { protection: (*protection).to_owned(), seen: seen.clone() })
            .collect(),
        coverage: coverage(&state),
        remarks: remarks(&state, ledger.searcher(), circumstances),
    }
}

/// What is made of what was seen: first of each secret, then of each channel.
struct Judge<'a> {
    state: &'a Seen,
    searcher: &'a Searcher,
    subjects: &'a [Subject],
    circumstances: &'a Circumstances,
    leaks: Vec<Leak>,
    /// Whether each secret was seen anywhere.
    in_use: Vec<bool>,
}

impl Judge<'_> {
    fn secret(&mut self, number: usize) -> SecretProof {
        let (state, subject) = (self.state, &self.subjects[number]);
        let arrivals = self.arrivals(number);
        let found = state.channels.values().any(|seen| seen.found.contains_key(&number));
        self.in_use.push(!arrivals.is_empty() || found || self.leaks.iter().any(|leak| leak.secret == subject.name));
        let not_seen = subject.places.iter().filter(|allowed| {
            !arrivals.iter().any(|arrival| is_allowed(&arrival.place, std::slice::from_ref(allowed)))
        });
        let refused = state.refused.iter().filter(|((name, _, _), _)| *name == subject.name);
        SecretProof {
            name: subject.name.clone(),
            origin: subject.origin.clone(),
            places_not_seen: not_seen.map(ToString::to_string).collect(),
            refused: refused
                .map(|((_, to, why), count)| Refusal { to: to.clone(), why: led(to, why), count: *count })
                .collect(),
            own_memory: state.own_memory.as_ref().map(|most| most.get(&number).copied().unwrap_or(0)),
            arrivals,
            unprovable: subject.unprovable.clone(),
        }
    }

    /// Where a secret arrived that may arrive there; where else it arrived is a leak.
    fn arrivals(&mut self, number: usize) -> Vec<Arrival> {
        let (state, subject) = (self.state, &self.subjects[number]);
        let mut arrivals = Vec::new();
        for ((_, host, place), count) in state.arrivals.iter().filter(|((secret, _, _), _)| *secret == number) {
            let Some((channel, repair)) = self.astray(subject, host, place) else {
                arrivals.push(Arrival { host: host.clone(), place: place.clone(), count: *count });
                continue;
            };
            if subject.unprovable.is_some() {
                continue;
            }
            self.leaks.push(Leak {
                channel,
                secret: subject.name.clone(),
                count: *count,
                is_whole: true,
                source: shown(self.searcher, host),
                sample: format!("[{}] in {place}", subject.name),
                spot: spots_of_host(state, channel, number, bare(host)).first().cloned(),
                further: Vec::new(),
                repair,
            });
        }
        arrivals
    }

    /// Why a secret that arrived at that host in that place should not have: the channel, and what to do. `None`: it should.
    fn astray(&self, subject: &Subject, host: &str, place: &str) -> Option<(Channel, String)> {
        let belongs = match &subject.hosts {
            Some(hosts) => hosts.iter().any(|known| known == host),
            None => {
                let targets = self.state.targets.iter().filter_map(|url| Origin::of_url(url));
                targets.into_iter().any(|target| target.as_hosts_entry() == host)
            }
        };
        // What the target itself has issued, and what is written in a script, may go to any host of the test: it is bound to none.
        let is_unbound =
            ["target", "literal"].contains(&subject.origin.as_str()) && !host.starts_with(crate::target::ELSEWHERE);
        if host == IMPOSTOR {
            let what =
                "let the client verify the server: something stands there that is not the one that it says it is";
            return Some((Channel::OtherHosts, what.to_owned()));
        }
        if !(belongs || is_unbound) {
            return Some((Channel::OtherHosts, repair(Channel::OtherHosts, subject, self.circumstances.protection)));
        }
        if !is_allowed(place, &subject.places) {
            let name = &subject.name;
            let add = format!("if it belongs there, add \"{place}\" to `places` of {name} in tegmen.toml");
            return Some((Channel::OtherPlaces, format!("{add}; if not, take it out of the request")));
        }
        None
    }

    fn channel(&mut self, channel: Channel) -> ChannelProof {
        let seen = self.state.channels.get(&channel);
        let is_host = channel == Channel::OtherHosts;
        let is_place = channel == Channel::OtherPlaces;
        let has_places = self.subjects.iter().any(|subject| !subject.places.is_empty());
        // Other hosts are watched whenever the target is.
        let exercised = seen.is_some() || ((is_host || is_place && has_places) && self.state.requests > 0);
        let mut states = Vec::new();
        for (number, subject) in self.subjects.iter().enumerate() {
            self.found(channel, number);
            let leaked = self.leaks.iter().any(|leak| leak.channel == channel && leak.secret == subject.name);
            // Where the manifest names no places, every place is a right one.
            let applies = !is_place || !subject.places.is_empty();
            states.push(match (leaked, exercised && applies && self.in_use[number] && subject.unprovable.is_none()) {
                (true, _) => State::Leaked,
                (false, true) => State::Clean,
                (false, false) => State::NotExercised,
            });
        }
        let usual = if is_place && !has_places {
            "the manifest names no `places`; --write-manifest does"
        } else {
            "the test did not use it"
        };
        let reason = self.circumstances.unused.iter().find(|(known, _)| *known == channel);
        let why = || reason.map_or_else(|| usual.to_owned(), |(_, reason)| reason.clone());
        ChannelProof {
            channel,
            bytes: seen.map_or(0, |seen| seen.bytes),
            not_exercised: (!exercised).then(why),
            note: seen.and_then(|seen| seen.note.clone()),
            states,
        }
    }

    /// Adds what was found of a secret in a channel to the leaks.
    fn found(&mut self, channel: Channel, number: usize) {
        let subject = &self.subjects[number];
        let found = self.state.channels.get(&channel).and_then(|seen| seen.found.get(&number));
        for found in found.into_iter().flatten().filter(|_| subject.unprovable.is_none()) {
            let mut spots = spots(self.state, channel, number, &found.source).into_iter();
            let leak = Leak {
                channel,
                secret: subject.name.clone(),
                count: found.count,
                is_whole: found.is_whole,
                source: shown(self.searcher, &found.source),
                sample: found.sample.clone(),
                spot: spots.next(),
                further: spots.collect(),
                repair: repair(channel, subject, self.circumstances.protection),
            };
            // Files that one line opens, each with a name of its own, are one leak.
            let same = |known: &&mut Leak| {
                (known.channel, &known.secret, &known.spot) == (channel, &leak.secret, &leak.spot)
                    && leak.spot.is_some()
            };
            match self.leaks.iter_mut().find(same) {
                Some(known) => {
                    known.count += leak.count;
                    known.is_whole |= leak.is_whole;
                }
                None => self.leaks.push(leak),
            }
        }
    }
}

/// What of the scripts ran, and how hostile the target was.
fn coverage(state: &Seen) -> Coverage {
    Coverage {
        ran: state.ran.iter().cloned().collect(),
        not_run: state.declared.difference(&state.ran).cloned().collect(),
        requests: state.requests,
        ways: WAYS
            .iter()
            .enumerate()
            .map(|(way, name)| ((*name).to_owned(), state.ways.get(&way).copied().unwrap_or(0)))
            .collect(),
        files: state.lines.iter().map(|(path, lines)| file(path, lines, state.lines_ran.get(path))).collect(),
    }
}

/// What the person should know: what was not asked, not searched, and not watched.
fn remarks(state: &Seen, searcher: &Searcher, circumstances: &Circumstances) -> Vec<String> {
    let mut remarks = circumstances.remarks.clone();
    for (origin, why) in &state.unreached {
        remarks.push(format!("the real target {origin} could not be asked: {why}"));
    }
    for (what, why) in &state.unsearched {
        remarks.push(format!("{} was not searched, or not all of it: {why}", shown(searcher, what)));
    }
    for (what, spot) in &state.unwatched {
        let what = shown(searcher, &what.replace('\0', "@"));
        remarks.push(format!("nothing is known of what {what}, from {}:{}", spot.path, spot.line));
    }
    remarks
}

/// The host of an entry of `hosts`.
fn bare(entry: &str) -> &str {
    let host = entry.strip_prefix("http://").unwrap_or(entry);
    match host.rsplit_once(':') {
        Some((name, port)) if !name.ends_with(':') && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// A source, in which canaries are masked: they come into names of files and hosts too.
fn shown(searcher: &Searcher, source: &str) -> String {
    let hits = searcher.search(source.as_bytes());
    hits.first().map_or_else(|| source.to_owned(), |hit| searcher.sample(source.as_bytes(), &hit.at))
}

/// The lines of the script that let a secret out: into that file, to that host, or into that channel.
fn spots(state: &Seen, channel: Channel, secret: usize, source: &str) -> Vec<Spot> {
    match channel {
        Channel::OtherHosts => {
            // `HOST:PORT (what it was)`.
            let address = source.split_whitespace().next().unwrap_or_default();
            spots_of_host(state, channel, secret, bare(address))
        }
        Channel::WebUi if let Some(Some(spot)) = state.pages.get(source) => vec![spot.clone()],
        _ => match opened(state, source) {
            Some(spot) => vec![spot.clone()],
            None => state.spots.get(&(channel, secret)).cloned().unwrap_or_default(),
        },
    }
}

/// The line that sent a secret to a host; where no client told of it, the line that dialled there.
fn spots_of_host(state: &Seen, channel: Channel, secret: usize, host: &str) -> Vec<Spot> {
    let sent = state.sent.get(&(secret, host.to_owned())).or_else(|| state.dialled.get(host));
    let said = || state.spots.get(&(channel, secret)).and_then(|spots| spots.first());
    sent.or_else(said).cloned().into_iter().collect()
}

/// The line that opened the file in which something was found.
fn opened<'a>(state: &'a Seen, source: &str) -> Option<&'a Spot> {
    let is_it = |path: &str| path.strip_suffix(source).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'));
    state.opened.iter().find(|(path, _)| is_it(path)).map(|(_, spot)| spot)
}

/// Whether a place of a request is one of those.
fn is_allowed(place: &str, places: &[Place]) -> bool {
    let (kind, name) = place.split_once(':').map_or((place, None), |(kind, name)| (kind, Some(name.to_owned())));
    let actual = match (kind, name) {
        ("header", Some(name)) => Place::Header(name),
        ("cookie", name) => Place::Cookie(name),
        ("query", name) => Place::Query(name),
        ("body", name) => Place::Body(name),
        ("path", _) => Place::Path,
        ("basic", _) => Place::Basic,
        // The manifest has no word for it.
        _ => return places.is_empty(),
    };
    places.is_empty() || places.iter().any(|allowed| allowed.covers(&actual))
}

/// Which lines of a file ran, and which did not.
fn file(path: &str, lines: &BTreeSet<u32>, ran: Option<&BTreeSet<u32>>) -> FileCoverage {
    let mut missed: Vec<(u32, u32)> = Vec::new();
    let mut is_open = false;
    let mut count = 0;
    for line in lines {
        if ran.is_some_and(|ran| ran.contains(line)) {
            (is_open, count) = (false, count + 1);
        } else if let Some(last) = missed.last_mut().filter(|_| is_open) {
            last.1 = *line;
        } else {
            missed.push((*line, *line));
            is_open = true;
        }
    }
    FileCoverage { path: path.to_owned(), lines: lines.len() as u32, ran: count, missed }
}

/// What to do about a leak.
fn repair(channel: Channel, subject: &Subject, protection: Protection) -> String {
    let name = &subject.name;
    if subject.origin == "target" {
        // What stands behind the colon is what the target calls it.
        let issued = name.rsplit(':').next().unwrap_or_default();
        let shown: String =
            issued.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
        let from = if issued.ends_with("session") { "self.client.cookies[\"session\"]" } else { "token" };
        return format!("let Tegmen know it as soon as it is there: protect({from}, name=\"{shown}\")");
    }
    if subject.origin == "literal" {
        return "take it out of the script: `tegmen fix` writes secret(\"…\") in its place and keeps the value elsewhere".to_owned();
    }
    if protection == Protection::Off {
        return "run the test with `tegmen run`".to_owned();
    }
    match channel {
        Channel::OtherHosts => {
            format!(
                "if it belongs there, name that host in `hosts` under [secrets.{name}] in tegmen.toml; if not, take it out of \
                 the request"
            )
        }
        Channel::Memory | Channel::CoreDump | Channel::Environ | Channel::CommandLine => {
            "let nothing hand the value to other programs, and start the test with `tegmen run`".to_owned()
        }
        _ => format!(
            "let the script use the placeholder and not .reveal(), and drop `reveal = true` under [secrets.{name}] if it is \
             there; `tegmen audit` shows the lines"
        ),
    }
}

/// Nobody but the hostile target knows of its other host.
fn led(to: &str, why: &str) -> String {
    let is_elsewhere = to.contains(crate::target::ELSEWHERE);
    if is_elsewhere { format!("{why}, where the hostile target led the request") } else { why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_one_that_the_manifest_allows() {
        let places = [Place::Header("authorization".to_owned()), Place::Body(None)];
        assert!(is_allowed("header:authorization", &places) && is_allowed("basic", &places));
        assert!(is_allowed("body:password", &places) && is_allowed("body", &places));
        assert!(!is_allowed("query:key", &places) && !is_allowed("elsewhere", &places));
        assert!(is_allowed("elsewhere", &[]));
    }

    #[test]
    fn a_file_is_known_by_the_line_that_opened_it() {
        let spot = Spot { path: "locustfile.py".to_owned(), line: 7 };
        let mut state = Seen::default();
        state.opened.insert("/project/out/notes.txt".to_owned(), spot.clone());
        assert_eq!(opened(&state, "out/notes.txt"), Some(&spot));
        assert_eq!(opened(&state, "notes.txt"), Some(&spot));
        assert_eq!(opened(&state, "otes.txt"), None);
        assert_eq!((bare("http://a.example:8080"), bare("a.example")), ("a.example", "a.example"));
    }

    #[test]
    fn lines_that_did_not_run_stand_in_groups() {
        let lines = BTreeSet::from([1, 2, 4, 5, 9, 11]);
        let coverage = file("locustfile.py", &lines, Some(&BTreeSet::from([1, 5])));
        assert_eq!((coverage.lines, coverage.ran), (6, 2));
        assert_eq!(coverage.missed, [(2, 4), (9, 11)]);
    }
}
