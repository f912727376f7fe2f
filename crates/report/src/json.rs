//! JSON for programs.

use serde_json::json as value;
use tegmen_findings::Severity;

use crate::Input;

/// One JSON document: the findings with all their fields, what is held back, problems, notes and counts.
pub fn json(input: &Input<'_>) -> String {
    let document = value!({
        "version": 1,
        "tool": { "name": "tegmen", "version": input.version },
        "summary": {
            "files": input.files,
            "findings": input.findings.len(),
            "high": input.count(Severity::High),
            "medium": input.count(Severity::Medium),
            "low": input.count(Severity::Low),
            "ignored": input.ignored(),
            "baselined": input.baselined(),
            "fixed": input.baseline,
            "uses": input.uses.len(),
            "good_uses": input.uses.iter().filter(|one| one.good).count(),
        },
        "findings": input.findings,
        "suppressed": input.suppressed,
        "problems": input.problems,
        "notes": input.notes,
        "uses": input.uses,
    });
    // What is made of texts and numbers can always be written. `{document:#}` would write it bit by bit through a formatter.
    let mut out = serde_json::to_string_pretty(&document).unwrap_or_default();
    out.push('\n');
    out
}
