//! JSON for programs.

use serde_json::json as value;
use tegmen_findings::Severity;
use tegmen_posture::Posture;

use super::{came_out, count};

/// One JSON document: every answer with all that belongs to it, and counts.
pub fn json(posture: &Posture, version: &str) -> String {
    let document = value!({
        "version": 1,
        "tool": { "name": "tegmen", "version": version },
        "profile": posture.profile,
        "advisories": tegmen_posture::checks::DATED,
        "summary": {
            "checks": posture.answers.len(),
            "failed": came_out(posture, "fail"),
            "high": count(posture, Severity::High),
            "medium": count(posture, Severity::Medium),
            "low": count(posture, Severity::Low),
            "passed": came_out(posture, "pass"),
            "not_known": came_out(posture, "not known"),
            "not_applicable": came_out(posture, "not applicable"),
        },
        "answers": posture.answers,
    });
    let mut out = format!("{document:#}");
    out.push('\n');
    out
}
