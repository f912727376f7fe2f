//! SARIF 2.1.0, for code scanning.
//!
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>

use serde_json::{Value, json};
use tegmen_findings::{Confidence, Edit, Finding, Fix, Location, Problem, Rule, Severity, SuppressedBy, Suppression};

use crate::Input;
use crate::markdown::rule_page;

/// One run with all rules, all findings, and notifications for files that could not be audited. What is held back is among the
/// results, with what holds it back.
pub fn sarif(input: &Input<'_>) -> String {
    let rules: Vec<Value> = input.rules.iter().map(|rule| descriptor(rule)).collect();
    let results: Vec<Value> =
        input.findings.iter().chain(input.suppressed).map(|finding| result(finding, input)).collect();
    let problems = input.problems.iter().map(|problem| notification(problem, "warning"));
    let notifications: Vec<Value> = problems.chain(input.notes.iter().map(|note| notification(note, "note"))).collect();
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "tegmen",
                "semanticVersion": input.version,
                "informationUri": "https://github.com/tegmen/tegmen",
                "rules": rules,
                "supportedTaxonomies": [{ "name": "CWE", "index": 0 }],
            }},
            "taxonomies": [taxonomy(input.rules)],
            "invocations": [{ "executionSuccessful": input.problems.is_empty(), "toolExecutionNotifications": notifications }],
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    let mut out = format!("{document:#}");
    out.push('\n');
    out
}

fn notification(problem: &Problem, level: &str) -> Value {
    let mut place = json!({ "artifactLocation": { "uri": uri(&problem.path) } });
    if let Some(line) = problem.line {
        place["region"] = json!({ "startLine": line });
    }
    json!({ "level": level, "message": { "text": problem.message }, "locations": [{ "physicalLocation": place }] })
}

/// The CWE entries that the rules refer to.
fn taxonomy(rules: &[&Rule]) -> Value {
    let mut numbers: Vec<u32> = rules.iter().flat_map(|rule| rule.cwe()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let taxa: Vec<Value> = numbers
        .into_iter()
        .map(|number| {
            let page = format!("https://cwe.mitre.org/data/definitions/{number}.html");
            json!({ "id": number.to_string(), "helpUri": page })
        })
        .collect();
    json!({
        "name": "CWE",
        "organization": "MITRE",
        "informationUri": "https://cwe.mitre.org/",
        "shortDescription": { "text": "The MITRE Common Weakness Enumeration" },
        "taxa": taxa,
    })
}

pub(crate) fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "note",
    }
}

/// GitHub's scale of 0 to 10.
pub(crate) fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "3.0",
    }
}

fn descriptor(rule: &Rule) -> Value {
    let mut tags = vec!["security".to_owned()];
    tags.extend(rule.cwe().iter().map(|number| format!("external/cwe/cwe-{number:03}")));
    let relationships: Vec<Value> = rule
        .cwe()
        .iter()
        .map(|number| {
            let target = json!({ "id": number.to_string(), "toolComponent": { "name": "CWE", "index": 0 } });
            json!({ "target": target, "kinds": ["relevant"] })
        })
        .collect();
    json!({
        "id": rule.code,
        "name": rule.id,
        "shortDescription": { "text": rule.summary },
        "fullDescription": { "text": rule.summary },
        "help": { "text": rule_page(rule, 1), "markdown": rule_page(rule, 1) },
        "relationships": relationships,
        "defaultConfiguration": { "level": level(rule.severity) },
        "properties": { "tags": tags, "security-severity": score(rule.severity) },
    })
}

fn result(finding: &Finding, input: &Input<'_>) -> Value {
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
    if let Some(index) = input.rules.iter().position(|rule| rule.code == finding.rule.code) {
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
    if let Some(suppression) = &finding.suppression {
        result["suppressions"] = json!([held_back(suppression)]);
    } else {
        result["suppressions"] = json!([]);
    }
    if input.baseline.is_some() {
        let baselined = finding.suppression.as_ref().is_some_and(|by| by.by == SuppressedBy::Baseline);
        result["baselineState"] = json!(if baselined { "unchanged" } else { "new" });
    }
    // Whoever applies a fix out of a SARIF file keeps no values: one that takes a value out of the source would lose it.
    if let Some(fix) = finding.fix.as_ref().filter(|fix| fix.secrets.is_empty()) {
        result["fixes"] = json!([change(fix)]);
    }
    result
}

fn held_back(suppression: &Suppression) -> Value {
    let kind = match suppression.by {
        SuppressedBy::Mark => "inSource",
        SuppressedBy::Configuration | SuppressedBy::Baseline => "external",
    };
    json!({ "kind": kind, "status": "accepted", "justification": crate::held_back(suppression) })
}

fn change(fix: &Fix) -> Value {
    let mut files: Vec<(&str, Vec<&Edit>)> = Vec::new();
    for edit in &fix.edits {
        match files.last_mut() {
            Some((path, edits)) if *path == edit.path => edits.push(edit),
            _ => files.push((&edit.path, vec![edit])),
        }
    }
    let changes: Vec<Value> = files
        .into_iter()
        .map(|(path, edits)| {
            let replacements: Vec<Value> = edits
                .into_iter()
                .map(|edit| {
                    json!({
                        "deletedRegion": {
                            "startLine": edit.line,
                            "startColumn": edit.column,
                            "endLine": edit.end_line,
                            "endColumn": edit.end_column,
                        },
                        "insertedContent": { "text": edit.text },
                    })
                })
                .collect();
            json!({ "artifactLocation": { "uri": uri(path) }, "replacements": replacements })
        })
        .collect();
    let title = format!("{} ({})", fix.title, fix.safety.as_str());
    json!({ "description": { "text": title }, "artifactChanges": changes })
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
pub(crate) fn uri(path: &str) -> String {
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
