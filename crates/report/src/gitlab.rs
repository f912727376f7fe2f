//! GitLab's code quality report.

use serde_json::{Value, json};
use tegmen_findings::{Location, Severity};

use crate::Input;

/// One entry a location: GitLab wants a place and a fingerprint of its own for each.
/// <https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format>
pub fn gitlab(input: &Input<'_>) -> String {
    let findings = input.findings.iter().flat_map(|finding| {
        let severity = match finding.severity {
            Severity::High => "critical",
            Severity::Medium => "major",
            Severity::Low => "minor",
        };
        finding.locations().iter().map(move |location| {
            entry(&format!("{}: {}", finding.rule.code, finding.message), finding.rule.id, severity, location)
        })
    });
    let problems = input.problems.iter().map(|problem| {
        json!({
            "type": "issue",
            "description": problem.message,
            "check_name": "not-audited",
            "categories": ["Bug Risk"],
            "severity": "info",
            "fingerprint": tegmen_findings::fingerprint("not-audited", &problem.path, &problem.message, "", 0),
            "location": { "path": path(&problem.path), "lines": { "begin": problem.line.unwrap_or(1) } },
        })
    });
    let mut out = format!("{:#}", Value::Array(findings.chain(problems).collect()));
    out.push('\n');
    out
}

fn entry(description: &str, rule: &str, severity: &str, location: &Location) -> Value {
    json!({
        "type": "issue",
        "description": description,
        "check_name": rule,
        "categories": ["Security"],
        "severity": severity,
        "fingerprint": location.fingerprint,
        "location": {
            "path": path(&location.path),
            "lines": { "begin": location.line, "end": location.end_line },
        },
    })
}

/// From the root of the repository, and without `./`, or GitLab does not find the file.
fn path(path: &str) -> &str {
    path.trim_start_matches("./")
}
