//! Puts together what the rules found: one secret in many places is one finding; excerpts are masked; fingerprints are given.

use std::collections::HashMap;

use tegmen_findings::{Finding, Problem, fingerprint};

use crate::context::{FileResult, Found, Group};
use crate::mask::Masker;
use crate::{Audit, Options};

/// Findings out of what the rules found in each file.
pub fn assemble(mut results: Vec<FileResult>, options: &Options) -> Audit {
    results.sort_by(|a, b| a.path.cmp(&b.path));
    let masker = Masker::new(results.iter().flat_map(|result| result.secrets.iter()).map(String::as_str));
    let mut audit = Audit::default();
    let mut findings: Vec<Finding> = Vec::new();
    let mut groups: HashMap<(&'static str, Group), usize> = HashMap::new();
    let all: Vec<(usize, Found)> = results
        .iter_mut()
        .enumerate()
        .flat_map(|(file, result)| std::mem::take(&mut result.found).into_iter().map(move |found| (file, found)))
        .collect();
    for (file, Found { candidate, spot, related, context }) in all {
        let (first, last) = (spot.line, spot.end_line);
        let ignores = &results[file].ignores;
        let mut ignored = false;
        for ignore in ignores.iter().filter(|ignore| ignore.covers(candidate.rule, first, last)) {
            ignore.used.set(true);
            ignored = true;
        }
        if ignored {
            audit.ignored += 1;
            continue;
        }
        if !options.wants(candidate.rule) || options.min_confidence.is_some_and(|least| candidate.confidence < least) {
            continue;
        }
        let key = candidate.group.clone().map(|group| (candidate.rule.id, group));
        if let Some(known) = key.as_ref().and_then(|key| groups.get(key)) {
            let finding = &mut findings[*known];
            finding.severity = finding.severity.max(candidate.severity);
            finding.confidence = finding.confidence.max(candidate.confidence);
            finding.add_location(spot.location(&masker, None));
            continue;
        }
        let location = spot.location(&masker, None);
        let mut finding = Finding::new(candidate.rule, candidate.severity, candidate.confidence, location)
            .name(masker.text(&candidate.name))
            .message(masker.text(&candidate.message));
        finding.hint = candidate.hint.map(|hint| masker.text(&hint));
        finding.related = related.into_iter().map(|(spot, note)| spot.location(&masker, Some(note))).collect();
        finding.context = context;
        if let Some(key) = key {
            groups.insert(key, findings.len());
        }
        findings.push(finding);
    }
    for finding in &mut findings {
        finding.sort_locations();
    }
    findings
        .sort_by(|a, b| (a.location().key(), a.rule.code, &a.name).cmp(&(b.location().key(), b.rule.code, &b.name)));
    findings.dedup_by(|a, b| a.location().key() == b.location().key() && a.rule.code == b.rule.code);
    give_fingerprints(&mut findings);
    audit.findings = findings;
    audit.notes = unused(&results, options);
    audit.problems = results.into_iter().filter_map(|result| result.problem).collect();
    audit
}

fn give_fingerprints(findings: &mut [Finding]) {
    let mut seen: HashMap<(String, String, String, String), usize> = HashMap::new();
    for finding in findings {
        let path = finding.location().path.clone();
        let key = (finding.rule.id.to_owned(), path, finding.name.clone(), finding.context.clone());
        let ordinal = seen.entry(key.clone()).and_modify(|count| *count += 1).or_insert(0);
        finding.fingerprint = fingerprint(&key.0, &key.1, &key.2, &key.3, *ordinal);
    }
}

fn unused(results: &[FileResult], options: &Options) -> Vec<Problem> {
    // With some rules left out it cannot be told whether an ignore is needed.
    if !options.select.is_empty() || !options.ignore.is_empty() {
        return Vec::new();
    }
    let mut notes = Vec::new();
    for result in results {
        for ignore in result.ignores.iter().filter(|ignore| !ignore.used.get()) {
            notes.push(Problem {
                path: result.path.clone(),
                line: Some(ignore.line),
                message: "this `tegmen: ignore` holds nothing back; remove it".to_owned(),
            });
        }
    }
    notes
}
