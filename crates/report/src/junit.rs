//! JUnit's XML, which every CI system shows.

use askama::Template;
use tegmen_findings::{Finding, Location, Problem};

use crate::{Input, RenderError, held_back, plural};

#[derive(Template)]
#[template(path = "junit.xml", escape = "html")]
struct Page<'a> {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
    cases: Vec<Case>,
    problems: &'a [Problem],
    files: String,
}

/// A test case: a place where something was found.
struct Case {
    name: String,
    path: String,
    line: u32,
    kind: &'static str,
    message: String,
    text: String,
    /// Why it does not count.
    held_back: Option<String>,
}

/// One test case a place that was found (failed), is held back (skipped) or could not be audited (an error); one that passes, if
/// there is none.
///
/// # Errors
/// [`RenderError`], which would be a defect of Tegmen.
pub fn junit(input: &Input<'_>) -> Result<String, RenderError> {
    let cases: Vec<Case> = input.findings.iter().chain(input.suppressed).flat_map(cases).collect();
    let skipped = cases.iter().filter(|case| case.held_back.is_some()).count();
    let (failures, errors) = (cases.len() - skipped, input.problems.len());
    let tests = (cases.len() + errors).max(1);
    let files = plural(input.files, "file");
    let page = Page { tests, failures, errors, skipped, cases, problems: input.problems, files };
    let mut out: String = page.render()?.chars().filter(|c| is_xml(*c)).collect();
    out.push('\n');
    Ok(out)
}

fn cases(finding: &Finding) -> impl Iterator<Item = Case> {
    finding.locations().iter().map(|location| Case {
        name: format!("{} {}:{}", finding.rule.id, location.path, location.line),
        path: location.path.clone(),
        line: location.line,
        kind: finding.rule.code,
        message: format!("{}: {}", finding.severity.as_str(), finding.message),
        text: text(finding, location),
        held_back: finding.suppression.as_ref().map(held_back),
    })
}

fn text(finding: &Finding, location: &Location) -> String {
    let mut lines = vec![format!("{}:{}:{}", location.path, location.line, location.column)];
    lines.extend(location.excerpt.as_ref().map(|excerpt| excerpt.text.clone()));
    lines.extend(finding.hint.as_ref().map(|hint| format!("hint: {hint}")));
    lines.push(format!("confidence: {}; tegmen explain {}", finding.confidence.as_str(), finding.rule.id));
    lines.join("\n")
}

/// What XML 1.0 can hold at all, escaped or not (section 2.2).
pub(crate) fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}
