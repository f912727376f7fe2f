//! SARIF 2.1.0, for code scanning: a result for every failure, and one of the kind `open` for what is not known.

use serde_json::{Value, json};
use tegmen_findings::fingerprint;
use tegmen_posture::{Answer, Check, Outcome, Place, Posture, checks};

use crate::sarif::{level, score, uri};

/// One run with all checks as its rules. Results point at the files that they are about; where there is none, at the check's name
/// alone.
pub fn sarif(posture: &Posture, version: &str) -> String {
    let all = checks::all();
    let rules: Vec<Value> = all.iter().map(|check| descriptor(check)).collect();
    let results: Vec<Value> = posture
        .answers
        .iter()
        .filter(|answer| matches!(answer.outcome, Outcome::Fail { .. } | Outcome::NotKnown { .. }))
        .map(|answer| result(answer, &all))
        .collect();
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "tegmen doctor",
                "semanticVersion": version,
                "informationUri": "https://github.com/tegmen/tegmen",
                "rules": rules,
            }},
            "invocations": [{ "executionSuccessful": true }],
            "columnKind": "unicodeCodePoints",
            "automationDetails": { "id": format!("tegmen-doctor/{}", posture.profile.as_str()) },
            "results": results,
        }],
    });
    let mut out = format!("{document:#}");
    out.push('\n');
    out
}

fn descriptor(check: &Check) -> Value {
    let references: Vec<String> =
        check.references.iter().map(|reference| format!("- [{}]({})", reference.title, reference.url)).collect();
    let help = format!("{}\n\nRepair: {}\n\n{}", check.why, check.repair, references.join("\n"));
    json!({
        "id": check.code,
        "name": check.id,
        "shortDescription": { "text": check.title },
        "fullDescription": { "text": check.why },
        "help": { "text": help, "markdown": help },
        "helpUri": check.references.first().map(|reference| reference.url),
        "defaultConfiguration": { "level": level(check.severity) },
        "properties": { "tags": ["security", "posture"], "security-severity": score(check.severity) },
    })
}

fn result(answer: &Answer, all: &[&'static Check]) -> Value {
    let fails = matches!(answer.outcome, Outcome::Fail { .. });
    let found = answer.outcome.found();
    let message = match answer.repair() {
        Some(repair) => format!("{}: {found}. Repair: {repair}", answer.check.title),
        None => format!("Not known whether {}: {found}", answer.check.title),
    };
    let mut places: Vec<Value> = answer.places().iter().map(place).collect();
    if places.is_empty() {
        places.push(json!({ "logicalLocations": [{ "name": answer.check.id, "kind": "resource" }] }));
    }
    let first = answer.places().first().map_or("", |place| place.path.as_str());
    let mut result = json!({
        "ruleId": answer.check.code,
        "kind": if fails { "fail" } else { "open" },
        "level": if fails { level(answer.severity()) } else { "none" },
        "message": { "text": message },
        "locations": [places.remove(0)],
        "partialFingerprints": { "tegmen/v1": fingerprint(answer.check.id, first, "", "", 0) },
        "properties": { "outcome": answer.outcome.as_str(), "severity": answer.severity().as_str() },
    });
    if let Some(index) = all.iter().position(|check| check.code == answer.check.code) {
        result["ruleIndex"] = json!(index);
    }
    if !places.is_empty() {
        for (id, place) in places.iter_mut().enumerate() {
            place["id"] = json!(id);
        }
        result["relatedLocations"] = Value::Array(places);
    }
    result
}

fn place(place: &Place) -> Value {
    let mut physical = json!({ "artifactLocation": { "uri": uri(&place.path) } });
    if let Some(line) = place.line {
        physical["region"] = json!({ "startLine": line });
    }
    json!({ "physicalLocation": physical })
}
