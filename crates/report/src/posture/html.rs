//! One page for the browser and for paper: no network, no other file, everything escaped by the template.

use askama::Template;
use tegmen_findings::Severity;
use tegmen_posture::{Answer, Outcome, Posture, Subject};

use super::{came_out, count, rank, summary};
use crate::RenderError;
use crate::prose::{Piece, pieces};

#[derive(Template)]
#[template(path = "posture.html")]
struct Page<'a> {
    summary: String,
    version: &'a str,
    dated: &'static str,
    counts: [(&'static str, &'static str, usize); 6],
    failed: Vec<Item<'a>>,
    groups: Vec<Group<'a>>,
}

struct Group<'a> {
    heading: &'static str,
    rest: Vec<Item<'a>>,
}

struct Item<'a> {
    answer: &'a Answer,
    /// `high`, `medium`, `low`, `pass`, `unknown`, `na`.
    class: &'static str,
    word: &'static str,
    why: Vec<Piece<'a>>,
    repair: Vec<Piece<'a>>,
    fixes: Vec<String>,
    places: Vec<String>,
}

/// The page.
///
/// # Errors
/// [`RenderError`], which would be a defect of Tegmen.
pub fn html(posture: &Posture, version: &str) -> Result<String, RenderError> {
    let mut answers: Vec<&Answer> = posture.answers.iter().collect();
    answers.sort_by_key(|answer| rank(answer));
    let fails = |answer: &Answer| matches!(answer.outcome, Outcome::Fail { .. });
    let failed = answers.iter().filter(|answer| fails(answer)).map(|answer| item(answer)).collect();
    let groups = Subject::ALL.map(|subject| Group {
        heading: subject.as_str(),
        rest: answers
            .iter()
            .filter(|answer| answer.check.subject == subject && !fails(answer))
            .map(|answer| item(answer))
            .collect(),
    });
    let page = Page {
        summary: summary(posture),
        version,
        dated: tegmen_posture::checks::DATED,
        counts: [
            ("high", "high", count(posture, Severity::High)),
            ("medium", "medium", count(posture, Severity::Medium)),
            ("low", "low", count(posture, Severity::Low)),
            ("pass", "passed", came_out(posture, "pass")),
            ("unknown", "not known", came_out(posture, "not known")),
            ("na", "not applicable", came_out(posture, "not applicable")),
        ],
        failed,
        groups: groups.into_iter().filter(|group| !group.rest.is_empty()).collect(),
    };
    Ok(page.render()?)
}

fn item(answer: &Answer) -> Item<'_> {
    let (class, word) = match answer.outcome {
        Outcome::Fail { .. } => (answer.severity().as_str(), answer.severity().as_str()),
        Outcome::Pass { .. } => ("pass", "passed"),
        Outcome::NotKnown { .. } => ("unknown", "not known"),
        Outcome::NotApplicable { .. } => ("na", "not applicable"),
    };
    let places = answer.places().iter().map(|place| match place.line {
        Some(line) => format!("{}:{line}", place.path),
        None => place.path.clone(),
    });
    Item {
        answer,
        class,
        word,
        why: pieces(answer.check.why),
        repair: pieces(answer.repair().unwrap_or_default()),
        places: places.collect(),
        fixes: answer.fixes().iter().map(tegmen_posture::Repair::title).collect(),
    }
}
