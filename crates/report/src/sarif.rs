//! SARIF 2.1.0, for code scanning.
//!
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>

use serde_json::{Value, json};
use tegmen_findings::{Confidence, Finding, Location, Rule, Severity};

use crate::Input;
use crate::markdown::rule_page;

/// One run with all rules, all findings, and notifications for files that could not be audited.
pub fn sarif(input: &Input<'_>) -> String {
    let rules: Vec<Value> = input.rules.iter().map(|rule| descriptor(rule)).collect();
    let results: Vec<Value> = input.findings.iter().map(|finding| result(finding, input.rules)).collect();
    let notifications: Vec<Value> = input
        .problems
        .iter()
        .map(|problem| {
            let mut place = json!({ "artifactLocation": { "uri": uri(&problem.path) } });
            if let Some(line) = problem.line {
                place["region"] = json!({ "startLine": line });
            }
            json!({ "level": "warning", "message": { "text": problem.message }, "locations": [{ "physicalLocation": place }] })
        })
        .collect();
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "tegmen",
                "semanticVersion": input.version,
                "informationUri": "https://github.com/tegmen/tegmen",
                "rules": rules,
            }},
            "invocations": [{ "executionSuccessful": input.problems.is_empty(), "toolExecutionNotifications": notifications }],
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    let mut out = format!("{document:#}");
    out.push('\n');
    out
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "note",
    }
}

/// GitHub's scale of 0 to 10.
fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "3.0",
    }
}

fn descriptor(rule: &Rule) -> Value {
    let mut tags = vec!["security".to_owned()];
    tags.extend(rule.cwe().iter().map(|number| format!("external/cwe/cwe-{number:03}")));
    json!({
        "id": rule.code,
        "name": rule.id,
        "shortDescription": { "text": rule.summary },
        "help": { "text": rule_page(rule, 1), "markdown": rule_page(rule, 1) },
        "defaultConfiguration": { "level": level(rule.severity) },
        "properties": { "tags": tags, "security-severity": score(rule.severity) },
    })
}

fn result(finding: &Finding, rules: &[&Rule]) -> Value {
    let mut result = json!({
        "ruleId": finding.rule.code,
        "level": level(finding.severity),
        "message": { "text": finding.message },
        "locations": [location(finding.location(), None)],
        "partialFingerprints": { "tegmen/v1": finding.fingerprint() },
        "properties": {
            "name": finding.name,
            "severity": finding.severity.as_str(),
            "confidence": finding.confidence.as_str(),
            "precision": match finding.confidence { Confidence::High => "high", Confidence::Medium => "medium", Confidence::Low => "low" },
        },
    });
    if let Some(index) = rules.iter().position(|rule| rule.code == finding.rule.code) {
        result["ruleIndex"] = json!(index);
    }
    let others = &finding.locations()[1..];
    let related: Vec<Value> = others
        .iter()
        .map(|place| (place, "the same"))
        .chain(finding.related.iter().map(|place| (place, place.note.as_deref().unwrap_or_default())))
        .enumerate()
        .map(|(id, (place, note))| {
            let mut place = location(place, Some(note));
            place["id"] = json!(id);
            place
        })
        .collect();
    if !related.is_empty() {
        result["relatedLocations"] = Value::Array(related);
    }
    if !finding.related.is_empty() {
        let mut steps: Vec<Value> =
            finding.related.iter().map(|place| json!({ "location": location(place, place.note.as_deref()) })).collect();
        steps.push(json!({ "location": location(finding.location(), Some(&finding.message)) }));
        result["codeFlows"] = json!([{ "threadFlows": [{ "locations": steps }] }]);
    }
    result
}

fn location(location: &Location, note: Option<&str>) -> Value {
    let mut place = json!({ "physicalLocation": {
        "artifactLocation": { "uri": uri(&location.path) },
        "region": {
            "startLine": location.line,
            "startColumn": location.column,
            "endLine": location.end_line,
            "endColumn": location.end_column,
        },
    }});
    if let Some(note) = note {
        place["message"] = json!({ "text": note });
    }
    place
}

/// A path as a relative or `file:` URI reference.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    if path.starts_with('/') {
        out.push_str("file://");
    }
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
