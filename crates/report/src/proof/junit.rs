//! A proof as JUnit's XML: a test case for each secret in each channel.

use askama::Template;
use tegmen_findings::proof::{Proof, State};

use crate::{RenderError, junit::is_xml};

#[derive(Template)]
#[template(path = "proof.xml", escape = "html")]
struct Page {
    tests: usize,
    failures: usize,
    skipped: usize,
    seconds: u64,
    cases: Vec<Case>,
}

struct Case {
    secret: String,
    channel: &'static str,
    result: Shown,
}

enum Shown {
    Clean,
    Leaked { message: String, text: String },
    Nothing { why: String },
}

/// What is clean passes, what leaked fails, and of what was not exercised nothing is said: it is skipped.
///
/// # Errors
/// [`RenderError`], which would be a defect of Tegmen.
pub fn junit(proof: &Proof) -> Result<String, RenderError> {
    let mut cases = Vec::new();
    for channel in &proof.channels {
        for (secret, state) in proof.secrets.iter().zip(&channel.states) {
            let leak = proof.leaks.iter().find(|leak| leak.channel == channel.channel && leak.secret == secret.name);
            let result = match (state, leak) {
                (State::Clean, _) => Shown::Clean,
                (State::Leaked, leak) => Shown::Leaked {
                    message: leak.map_or_else(|| "it leaked".to_owned(), |leak| format!("it leaked: {}", leak.source)),
                    text: leak.map_or_else(String::new, |leak| format!("{}\nrepair: {}", leak.sample, leak.repair)),
                },
                (State::NotExercised, _) => Shown::Nothing {
                    why: secret
                        .unprovable
                        .clone()
                        .or_else(|| channel.not_exercised.clone())
                        .unwrap_or_else(|| "the secret was not in use".to_owned()),
                },
            };
            cases.push(Case { secret: secret.name.clone(), channel: channel.channel.title(), result });
        }
    }
    let failures = cases.iter().filter(|case| matches!(case.result, Shown::Leaked { .. })).count();
    let skipped = cases.iter().filter(|case| matches!(case.result, Shown::Nothing { .. })).count();
    let page = Page { tests: cases.len(), failures, skipped, seconds: proof.seconds, cases };
    let mut out: String = page.render()?.chars().filter(|char| is_xml(*char)).collect();
    out.push('\n');
    Ok(out)
}
