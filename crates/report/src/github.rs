//! Workflow commands that GitHub shows beside the lines of a pull request.

use std::fmt::Write;

use tegmen_findings::Severity;

use crate::Input;

/// One `::error`, `::warning` or `::notice` a location, and one for each file that could not be audited. GitHub shows ten of each
/// kind for a step; SARIF has no such limit.
/// <https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions>
pub fn github(input: &Input<'_>) -> String {
    let mut out = String::new();
    for finding in input.findings {
        let level = match finding.severity {
            Severity::High => "error",
            Severity::Medium => "warning",
            Severity::Low => "notice",
        };
        let title = format!("{} {}", finding.rule.code, finding.rule.id);
        let hint = finding.hint.as_deref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
        for location in finding.locations() {
            let _ = write!(
                out,
                "::{level} file={},line={},endLine={},col={}",
                property(&location.path),
                location.line,
                location.end_line,
                location.column,
            );
            // GitHub refuses columns that span lines.
            if location.line == location.end_line {
                let _ = write!(out, ",endColumn={}", location.end_column);
            }
            let _ = writeln!(out, ",title={}::{}", property(&title), data(&format!("{}{hint}", finding.message)));
        }
    }
    for problem in input.problems {
        let line = problem.line.map(|line| format!(",line={line}")).unwrap_or_default();
        let _ = writeln!(out, "::warning file={}{line}::{}", property(&problem.path), data(&problem.message));
    }
    for note in input.notes {
        let line = note.line.map(|line| format!(",line={line}")).unwrap_or_default();
        let _ = writeln!(out, "::notice file={}{line}::{}", property(&note.path), data(&note.message));
    }
    out
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
