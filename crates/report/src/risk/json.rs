//! The report for programs.

use serde_json::{Value, json as value};
use tegmen_posture::risk::{SecretFact, Sign};

use super::Report;

/// One JSON document.
pub fn json(report: &Report<'_>) -> String {
    let assessment = report.assessment;
    let threats: Vec<Value> = assessment
        .threats
        .iter()
        .map(|rated| {
            value!({
                "id": rated.threat.id,
                "title": rated.threat.title,
                "level": rated.level,
                "exposure": rated.exposure,
                "likelihood": rated.exposure.map(|_| round(rated.likelihood)),
                "impact": rated.exposure.map(|_| round(rated.impact)),
                "score": rated.exposure.map(|_| round(rated.score())),
                "reasons": rated.signs.iter().map(sign).collect::<Vec<_>>(),
                "references": rated.threat.references,
            })
        })
        .collect();
    let plan: Vec<Value> = assessment
        .plan
        .iter()
        .map(|planned| {
            value!({
                "id": planned.step.id,
                "title": planned.step.title,
                "how": planned.step.how,
                "effort": planned.step.effort,
                "removes": round(planned.removed),
                "leaves": planned.leaves,
                "threats": planned.threats,
                "reasons": planned.reasons,
            })
        })
        .collect();
    let facts = report.facts;
    let document = value!({
        "version": 1,
        "tool": { "name": "tegmen", "version": report.version },
        "project": report.project,
        "time": report.time,
        "risk": { "level": assessment.level, "score": round(assessment.score), "total": round(assessment.total()), "stakes": facts.stakes },
        "threats": threats,
        "plan": plan,
        "secrets": facts.secrets.iter().map(secret).collect::<Vec<_>>(),
        "gaps": assessment.gaps,
        "findings": report.findings,
        "checks": facts.checks,
        "vault": facts.vault,
        "proof": facts.proof,
        "runs": report.runs,
        "remarks": report.remarks,
    });
    let mut out = format!("{document:#}");
    out.push('\n');
    out
}

fn sign(sign: &Sign) -> Value {
    value!({ "text": sign.text, "exposure": sign.exposure, "places": sign.spots, "step": sign.step.map(|step| step.id) })
}

fn secret(secret: &SecretFact) -> Value {
    value!({
        "name": secret.name,
        "kind": secret.kind,
        "origin": secret.origin,
        "source": secret.source,
        "uses": secret.uses,
        "hosts": secret.hosts,
        "places": secret.places,
        "tls": if secret.is_unverified { "unverified" } else { "verified" },
        "reveal": secret.is_revealed,
        "protection": secret.protection,
        "age": secret.age,
        "max_age": secret.max_age,
        "due": secret.is_due(),
        "rotated": secret.rotated,
        "owner": secret.owner,
    })
}

fn round(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
