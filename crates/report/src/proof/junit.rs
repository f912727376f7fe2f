//! A proof as JUnit's XML: a test case for each secret in each channel, for each protection that was missing, and for what ran.

use askama::Template;
use tegmen_findings::proof::{Leak, Proof, State};

use crate::{RenderError, junit::is_xml};

#[derive(Template)]
#[template(path = "proof.xml", escape = "html")]
struct Page {
    tests: usize,
    failures: usize,
    seconds: u64,
    timestamp: String,
    suites: Vec<Suite>,
}

struct Suite {
    name: &'static str,
    /// What its cases have in common, for tools that make a tree of it.
    class: &'static str,
    seconds: u64,
    properties: Vec<(&'static str, String)>,
    cases: Vec<Case>,
}

struct Case {
    name: String,
    kind: &'static str,
    result: Shown,
    /// What else there is to say.
    said: String,
}

enum Shown {
    Clean,
    Leaked { message: String, text: String },
    Nothing { why: String },
}

impl Suite {
    fn failures(&self) -> usize {
        self.cases.iter().filter(|case| matches!(case.result, Shown::Leaked { .. })).count()
    }

    fn skipped(&self) -> usize {
        self.cases.iter().filter(|case| matches!(case.result, Shown::Nothing { .. })).count()
    }
}

/// What is clean passes, what leaked fails, and of what was not exercised nothing is said: it is skipped. So is what did not run.
///
/// # Errors
/// [`RenderError`], which would be a defect of Tegmen.
pub fn junit(proof: &Proof) -> Result<String, RenderError> {
    let suites = vec![channels(proof), coverage(proof)];
    let page = Page {
        tests: suites.iter().map(|suite| suite.cases.len()).sum(),
        failures: suites.iter().map(Suite::failures).sum(),
        seconds: proof.seconds,
        timestamp: timestamp(proof.began),
        suites,
    };
    let mut out: String = page.render()?.chars().filter(|char| is_xml(*char)).collect();
    out.push('\n');
    Ok(out)
}

fn channels(proof: &Proof) -> Suite {
    let mut cases = Vec::new();
    for channel in &proof.channels {
        for (secret, state) in proof.secrets.iter().zip(&channel.states) {
            let is_here = |leak: &&Leak| leak.channel == channel.channel && leak.secret == secret.name;
            let leaks: Vec<&Leak> = proof.leaks.iter().filter(is_here).collect();
            let result = match state {
                State::Clean => Shown::Clean,
                State::Leaked => Shown::Leaked {
                    message: format!(
                        "it leaked: {}",
                        leaks.iter().map(|leak| &*leak.source).collect::<Vec<_>>().join(", ")
                    ),
                    text: leaks.iter().map(|leak| told(leak)).collect::<Vec<_>>().join("\n\n"),
                },
                State::NotExercised => Shown::Nothing {
                    why: secret
                        .unprovable
                        .clone()
                        .or_else(|| channel.not_exercised.clone())
                        .unwrap_or_else(|| "the secret was not in use".to_owned()),
                },
            };
            let name = format!("[{}] in {}", secret.name, channel.channel.title());
            cases.push(Case { name, kind: "leaked", result, said: String::new() });
        }
    }
    for lapse in &proof.lapses {
        let result = Shown::Leaked { message: "the protection is missing".to_owned(), text: lapse.seen.clone() };
        cases.push(Case { name: lapse.protection.clone(), kind: "missing", result, said: String::new() });
    }
    Suite { name: "tegmen prove", class: "channels", seconds: proof.seconds, properties: Vec::new(), cases }
}

fn told(leak: &Leak) -> String {
    let places = if leak.spot.is_some() { leak.places() + "\n" } else { String::new() };
    format!("{}: {places}{}\nrepair: {}", leak.source, leak.sample, leak.repair)
}

/// What ran. A task that did not, and a file of which not all lines did, are skipped: of them nothing is shown.
fn coverage(proof: &Proof) -> Suite {
    let coverage = &proof.coverage;
    let task = |name: &String, result| Case { name: format!("task {name}"), kind: "", result, said: String::new() };
    let not_run = |name| task(name, Shown::Nothing { why: "it did not run: nothing is shown of it".to_owned() });
    let mut cases: Vec<Case> = coverage.ran.iter().map(|name| task(name, Shown::Clean)).collect();
    cases.extend(coverage.not_run.iter().map(not_run));
    for file in &coverage.files {
        let said = format!("{} of {} lines ran", file.ran, file.lines);
        let result = if file.missed.is_empty() {
            Shown::Clean
        } else {
            Shown::Nothing { why: format!("{said}; nothing is shown of {}", super::text::lines(&file.missed)) }
        };
        cases.push(Case { name: format!("lines of {}", file.path), kind: "", result, said });
    }
    let (ran, lines): (u32, u32) =
        (coverage.files.iter().map(|file| file.ran).sum(), coverage.files.iter().map(|file| file.lines).sum());
    let ways = coverage.ways.iter().filter(|(_, count)| *count > 0).count();
    let properties = vec![
        ("tasks", (coverage.ran.len() + coverage.not_run.len()).to_string()),
        ("tasks.ran", coverage.ran.len().to_string()),
        ("lines", lines.to_string()),
        ("lines.ran", ran.to_string()),
        ("requests", coverage.requests.to_string()),
        ("ways", coverage.ways.len().to_string()),
        ("ways.tried", ways.to_string()),
    ];
    Suite { name: "tegmen prove: what ran", class: "coverage", seconds: 0, properties, cases }
}

/// Seconds since 1970 as ISO 8601 has them, in UTC and without saying so, as JUnit wants it.
fn timestamp(began: u64) -> String {
    let (days, rest) = (began / 86_400, began % 86_400);
    // Days from 1 March of the year 0, in eras of 400 years (Howard Hinnant, "chrono-compatible low-level date algorithms").
    let shifted = days + 719_468;
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_as_junit_has_it() {
        assert_eq!(timestamp(0), "1970-01-01T00:00:00");
        assert_eq!(timestamp(951_782_400), "2000-02-29T00:00:00");
        assert_eq!(timestamp(1_798_761_599), "2026-12-31T23:59:59");
    }
}
