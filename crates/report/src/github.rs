//! Workflow commands that GitHub shows beside the lines of a pull request.

use std::fmt::Write;

use tegmen_findings::Severity;

use crate::Input;

/// One `::error` or `::warning` a location.
/// <https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions>
pub fn github(input: &Input<'_>) -> String {
    let mut out = String::new();
    for finding in input.findings {
        let level = match finding.severity {
            Severity::High => "error",
            Severity::Medium => "warning",
            Severity::Low => "notice",
        };
        for location in finding.locations() {
            let _ = writeln!(
                out,
                "::{level} file={},line={},endLine={},col={},title={}::{}",
                property(&location.path),
                location.line,
                location.end_line,
                location.column,
                property(&format!("{} {}", finding.rule.code, finding.rule.id)),
                data(&finding.message)
            );
        }
    }
    for problem in input.problems {
        let line = problem.line.map(|line| format!(",line={line}")).unwrap_or_default();
        let _ = writeln!(out, "::warning file={}{line}::{}", property(&problem.path), data(&problem.message));
    }
    out
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
