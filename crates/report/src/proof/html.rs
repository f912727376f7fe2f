//! A proof as a page, with a picture of the flow: where each secret went, and where it came out.

use askama::Template;
use tegmen_findings::proof::{Proof, State};

use crate::{RenderError, plural, prose};

#[derive(Template)]
#[template(path = "proof.html")]
struct Page<'a> {
    proof: &'a Proof,
    without: Option<&'a Proof>,
    headline: String,
    class: &'static str,
    tasks: String,
    requests: String,
    lines: String,
    has_memory: bool,
    picture: Picture,
    rows: Vec<Row>,
}

/// A row of the table: a channel, and what was shown of each secret.
struct Row {
    title: &'static str,
    bytes: String,
    note: String,
    cells: Vec<Cell>,
    /// What came out without protection, where that was tried.
    without: Option<Cell>,
}

struct Cell {
    class: &'static str,
    text: String,
}

/// Boxes and lines, in the units of the drawing.
struct Picture {
    height: usize,
    middle: usize,
    hosts: Vec<Node>,
    channels: Vec<Node>,
}

struct Node {
    y: usize,
    line: usize,
    title: String,
    detail: String,
    class: &'static str,
}

/// The height of a box with its distance to the next.
const STEP: usize = 46;
const TOP: usize = 40;

/// The page.
///
/// # Errors
/// [`RenderError`], which would be a defect of Tegmen.
pub fn html(proofs: &[Proof]) -> Result<String, RenderError> {
    let (on, off) = super::both(proofs);
    let Some(proof) = on.or(off) else { return Ok(String::new()) };
    let without = on.and(off);
    let leaked: std::collections::BTreeSet<&str> = proof.leaks.iter().map(|leak| leak.secret.as_str()).collect();
    let headline = if proof.is_idle() {
        "Nothing is shown".to_owned()
    } else if proof.is_clean() {
        "Nothing leaked".to_owned()
    } else if proof.leaks.is_empty() {
        "A protection is missing".to_owned()
    } else {
        format!("{} leaked", plural(leaked.len(), "secret"))
    };
    let page = Page {
        proof,
        without,
        headline,
        class: match (proof.is_idle(), proof.is_clean()) {
            (true, _) => "none",
            (false, true) => "clean",
            (false, false) => "leaked",
        },
        tasks: plural(proof.coverage.ran.len() + proof.coverage.not_run.len(), "task"),
        requests: plural(usize::try_from(proof.coverage.requests).unwrap_or(usize::MAX), "request"),
        lines: ran(proof),
        has_memory: proof.secrets.iter().any(|secret| secret.own_memory.is_some()),
        picture: picture(proof),
        rows: rows(proof, without),
    };
    // Names of tasks and requests are anybody's: a page has no other control characters, and nothing in it turns its direction.
    let mut out = prose::visible_lines(&page.render()?);
    out.push('\n');
    Ok(out)
}

/// How many lines of the scripts ran, where that is known.
fn ran(proof: &Proof) -> String {
    let files = &proof.coverage.files;
    let (ran, all): (u32, u32) = (files.iter().map(|file| file.ran).sum(), files.iter().map(|file| file.lines).sum());
    if all == 0 { String::new() } else { format!("{ran} of {all} lines") }
}

fn rows(proof: &Proof, without: Option<&Proof>) -> Vec<Row> {
    let cell = |state: &State| match state {
        State::Clean => Cell { class: "clean", text: "clean".to_owned() },
        State::Leaked => Cell { class: "leaked", text: "LEAKED".to_owned() },
        State::NotExercised => Cell { class: "none", text: "not exercised".to_owned() },
    };
    proof
        .channels
        .iter()
        .map(|channel| Row {
            title: channel.channel.title(),
            bytes: if channel.bytes == 0 { String::new() } else { format!("{} kB", channel.bytes.div_ceil(1000)) },
            note: channel.not_exercised.clone().or_else(|| channel.note.clone()).unwrap_or_default(),
            cells: channel.states.iter().map(cell).collect(),
            without: without.map(|without| {
                let leaks = without.leaks.iter().filter(|leak| leak.channel == channel.channel);
                let mut names: Vec<&str> = leaks.map(|leak| leak.secret.as_str()).collect();
                names.dedup();
                let is_used = without.channel(channel.channel).is_some_and(|known| known.not_exercised.is_none());
                match (names.is_empty(), is_used) {
                    (false, _) => Cell { class: "leaked", text: names.join(", ") },
                    (true, true) => Cell { class: "clean", text: "nothing".to_owned() },
                    (true, false) => Cell { class: "none", text: "not exercised".to_owned() },
                }
            }),
        })
        .collect()
}

fn picture(proof: &Proof) -> Picture {
    let mut hosts: std::collections::BTreeMap<&str, Vec<&str>> = std::collections::BTreeMap::new();
    for secret in proof.secrets.iter().filter(|secret| secret.origin != "target") {
        for arrival in &secret.arrivals {
            let names = hosts.entry(&arrival.host).or_default();
            if !names.contains(&secret.name.as_str()) {
                names.push(&secret.name);
            }
        }
    }
    let total = hosts.len() + proof.channels.iter().filter(|channel| channel.not_exercised.is_none()).count() + 1;
    let height = TOP + total * STEP + 10;
    let middle = height / 2;
    let mut y = TOP;
    let mut next = |title: String, detail: String, class| {
        let made = Node { y, line: y + 17, title, detail, class };
        y += STEP;
        made
    };
    let hosts = hosts.into_iter().map(|(host, names)| next(host.to_owned(), listed(&names), "arrived")).collect();
    next(String::new(), String::new(), "");
    let used = proof.channels.iter().filter(|channel| channel.not_exercised.is_none());
    let channels = used
        .map(|channel| {
            let leaks = proof.leaks.iter().filter(|leak| leak.channel == channel.channel);
            let names: Vec<&str> = leaks.map(|leak| leak.secret.as_str()).collect();
            let title = channel.channel.title().to_owned();
            match names.is_empty() {
                true => next(title, "nothing came out".to_owned(), "clean"),
                false => next(title, listed(&names), "leaked"),
            }
        })
        .collect();
    Picture { height, middle, hosts, channels }
}

fn listed(names: &[&str]) -> String {
    let shown = names.iter().take(3).copied().collect::<Vec<_>>().join(", ");
    let shown = if names.len() > 3 { format!("{shown} and {} more", names.len() - 3) } else { shown };
    // So much fits into a box.
    const WIDEST: usize = 36;
    if shown.chars().count() <= WIDEST { shown } else { shown.chars().take(WIDEST - 1).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use tegmen_findings::proof::{Coverage, FORMAT, Protection};

    use super::*;

    #[test]
    fn what_is_called_oddly_is_shown_and_does_nothing() {
        let name = "]]> <script> \u{202e}desrever \0 \x1b[31m";
        let proof = Proof {
            format: FORMAT,
            tegmen: "0".to_owned(),
            began: 0,
            seconds: 1,
            protection: Protection::On,
            isolation: String::new(),
            secrets: Vec::new(),
            channels: Vec::new(),
            leaks: Vec::new(),
            lapses: Vec::new(),
            coverage: Coverage { not_run: vec![name.to_owned()], requests: 1, ..Coverage::default() },
            remarks: Vec::new(),
        };
        let page = html(&[proof]).unwrap();
        assert!(page.contains("desrever") && !page.contains(name));
        assert!(!page.contains("<script>") && !page.contains(|c| prose::steers(c) && c != '\n'), "{page}");
    }
}
