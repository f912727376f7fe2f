//! One page for the browser and for paper: no network, no other file, everything escaped by the template.

use askama::Template;
use tegmen_findings::{Confidence, Finding, Location, Problem, Severity};

use crate::{Input, RenderError, held_back, summary};

#[derive(Template)]
#[template(path = "audit.html")]
struct Page<'a> {
    summary: String,
    version: &'a str,
    counts: [(&'static str, usize); 3],
    rules: Vec<RuleCount>,
    findings: Vec<Item<'a>>,
    suppressed: Vec<Item<'a>>,
    problems: &'a [Problem],
    notes: &'a [Problem],
}

struct RuleCount {
    id: &'static str,
    code: &'static str,
    summary: &'static str,
    count: usize,
}

/// A finding as the page shows it.
struct Item<'a> {
    finding: &'a Finding,
    severity: &'static str,
    confidence: &'static str,
    places: Vec<Place<'a>>,
    way: Vec<Place<'a>>,
    fix: Option<String>,
    held_back: Option<String>,
}

/// A place with its line, in three parts: before what is pointed at, that, and behind it.
struct Place<'a> {
    path: &'a str,
    line: u32,
    note: &'a str,
    excerpt: Option<(&'a str, &'a str, &'a str)>,
}

/// The page.
///
/// # Errors
/// [`RenderError`], which would be a defect of Tegmen.
pub fn html(input: &Input<'_>) -> Result<String, RenderError> {
    let mut rules: Vec<RuleCount> = Vec::new();
    for finding in input.findings {
        match rules.iter_mut().find(|rule| rule.id == finding.rule.id) {
            Some(rule) => rule.count += 1,
            None => rules.push(RuleCount {
                id: finding.rule.id,
                code: finding.rule.code,
                summary: finding.rule.summary,
                count: 1,
            }),
        }
    }
    rules.sort_by_key(|rule| rule.code);
    // The worst first: a page is read from its top.
    let mut findings: Vec<Item<'_>> = input.findings.iter().map(item).collect();
    findings.sort_by_key(|item| std::cmp::Reverse(item.finding.severity));
    let page = Page {
        summary: summary(input),
        version: input.version,
        counts: [Severity::High, Severity::Medium, Severity::Low]
            .map(|severity| (severity.as_str(), input.count(severity))),
        rules,
        findings,
        suppressed: input.suppressed.iter().map(item).collect(),
        problems: input.problems,
        notes: input.notes,
    };
    Ok(page.render()?)
}

fn item(finding: &Finding) -> Item<'_> {
    Item {
        finding,
        severity: finding.severity.as_str(),
        confidence: match finding.confidence {
            Confidence::High => "certain",
            Confidence::Medium => "likely",
            Confidence::Low => "possible",
        },
        places: finding.locations().iter().map(place).collect(),
        way: finding.related.iter().map(place).collect(),
        fix: finding.fix.as_ref().map(|fix| format!("{} ({})", fix.title, fix.safety.as_str())),
        held_back: finding.suppression.as_ref().map(held_back),
    }
}

fn place(location: &Location) -> Place<'_> {
    let excerpt = location.excerpt.as_ref().map(|excerpt| {
        let (text, range) = (excerpt.text.as_str(), excerpt.highlight.clone());
        match (text.get(..range.start), text.get(range.clone()), text.get(range.end..)) {
            (Some(before), Some(marked), Some(behind)) => (before, marked, behind),
            _ => (text, "", ""),
        }
    });
    Place { path: &location.path, line: location.line, note: location.note.as_deref().unwrap_or_default(), excerpt }
}
