//! Puts together what the rules found: one secret in many places is one finding; excerpts are masked; fingerprints are given; what
//! marks and configuration hold back is set aside.

use std::collections::HashMap;

use tegmen_findings::{Finding, Location, Problem, SuppressedBy, Suppression, fingerprint};

use crate::context::{FileResult, Found, Group};
use crate::mask::Masker;
use crate::patterns::relative;
use crate::{Audit, Options, rules};

/// Findings out of what the rules found in each file.
pub fn assemble(mut results: Vec<FileResult>, options: &Options) -> Audit {
    results.sort_by(|a, b| a.path.cmp(&b.path));
    let masker = Masker::new(results.iter().flat_map(|result| result.secrets.iter()).map(String::as_str));
    let mut findings: Vec<Finding> = Vec::new();
    // What is held back is put together by itself: a mark is about its place, not about the others.
    let mut groups: HashMap<(&'static str, bool, Group), usize> = HashMap::new();
    let all: Vec<(usize, Found)> = results
        .iter_mut()
        .enumerate()
        .flat_map(|(file, result)| std::mem::take(&mut result.found).into_iter().map(move |found| (file, found)))
        .collect();
    for (file, Found { candidate, spot, related, context }) in all {
        let suppression = held_back(&results[file], &candidate, (spot.line, spot.end_line), options, &masker);
        if !options.wants(candidate.rule) || options.min_confidence.is_some_and(|least| candidate.confidence < least) {
            continue;
        }
        // The convention is the project's, which no rule knows.
        let prefix = options.variable_prefix.as_deref().unwrap_or(crate::options::VARIABLE_PREFIX);
        if candidate.rule.id == "variable-naming" && candidate.name.starts_with(prefix) {
            continue;
        }
        let mut location = spot.location(&masker, None);
        location.path = masker.path(&location.path);
        location.name = masker.name(&candidate.name);
        location.context = masker.name(&context);
        let key = candidate.group.clone().map(|group| (candidate.rule.id, suppression.is_some(), group));
        let severity = options.severity(candidate.rule).unwrap_or(candidate.severity);
        if let Some(known) = key.as_ref().and_then(|key| groups.get(key)) {
            let finding = &mut findings[*known];
            finding.severity = finding.severity.max(severity);
            finding.confidence = finding.confidence.max(candidate.confidence);
            finding.add_location(location);
            continue;
        }
        let mut finding = Finding::new(candidate.rule, severity, candidate.confidence, location)
            .name(masker.name(&candidate.name))
            .message(masker.text(&candidate.message));
        finding.hint = candidate.hint.map(|hint| masker.text(&hint));
        finding.related = related
            .into_iter()
            .map(|(spot, note)| spot.location(&masker, Some(masker.text(&note))))
            .map(|location| Location { path: masker.path(&location.path), ..location })
            .collect();
        finding.suppression = suppression;
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
    give_fingerprints(&mut findings, options);
    let (suppressed, findings) = findings.into_iter().partition(|finding| finding.suppression.is_some());
    let mut notes = about_marks(&results, options, &masker);
    let mut problems: Vec<Problem> = results.into_iter().filter_map(|result| result.problem).collect();
    for problem in notes.iter_mut().chain(&mut problems) {
        problem.path = masker.path(&problem.path);
    }
    Audit { findings, suppressed, problems, notes, files: 0 }
}

/// What holds a candidate back: a mark in its file, or the configuration.
fn held_back(
    file: &FileResult,
    candidate: &crate::context::Candidate,
    (first, last): (u32, u32),
    options: &Options,
    masker: &Masker,
) -> Option<Suppression> {
    let mut held = None;
    let honoured = file.ignores.iter().filter(|ignore| ignore.honoured(options.marks));
    for ignore in honoured.filter(|ignore| ignore.covers(candidate.rule, first, last)) {
        ignore.used.set(true);
        held.get_or_insert_with(|| Suppression {
            by: SuppressedBy::Mark,
            what: ignore.mark.to_owned(),
            reason: ignore.reason.as_deref().map(|reason| masker.name(reason)),
        });
    }
    held.or_else(|| {
        let per_file = options.held_back_in(&file.path, candidate.rule)?;
        Some(Suppression {
            by: SuppressedBy::Configuration,
            what: "per-file-ignores".to_owned(),
            reason: Some(per_file.pattern.clone()),
        })
    })
}

fn give_fingerprints(findings: &mut [Finding], options: &Options) {
    let mut seen: HashMap<(&'static str, String, String, String), usize> = HashMap::new();
    for finding in findings {
        let rule = finding.rule.id;
        for place in finding.locations_mut() {
            let path = relative(&place.path, options.root.as_deref());
            let key = (rule, path, place.name.clone(), place.context.clone());
            let ordinal = seen.entry(key.clone()).and_modify(|count| *count += 1).or_insert(0);
            place.fingerprint = fingerprint(key.0, &key.1, &key.2, &key.3, *ordinal);
        }
    }
}

/// Remarks about Tegmen's own marks: those that name no rule, and those that nothing needs.
fn about_marks(results: &[FileResult], options: &Options, masker: &Masker) -> Vec<Problem> {
    // With some rules left out it cannot be told whether a mark is needed.
    let all = options.select.is_empty() && options.ignore.is_empty() && options.min_confidence.is_none();
    let mut notes = Vec::new();
    for result in results {
        let own = result.ignores.iter().filter(|ignore| ignore.is_own() && ignore.honoured(options.marks));
        for ignore in own {
            let mut note =
                |message: String| notes.push(Problem { path: result.path.clone(), line: Some(ignore.line), message });
            let mut unknown = false;
            for selector in ignore.selectors().iter().filter(|selector| !rules::is_known(selector)) {
                unknown = true;
                let near = rules::nearest(selector).map(|near| format!("; did you mean \"{near}\"?"));
                let near = near.unwrap_or_else(|| "; `tegmen explain --all` lists them".to_owned());
                note(format!(
                    "`{}` names a rule that does not exist, \"{}\"{near}",
                    ignore.mark,
                    masker.name(selector)
                ));
            }
            if all && !unknown && !ignore.used.get() {
                note(format!("this `{}` holds nothing back; remove it", ignore.mark));
            }
        }
    }
    notes
}
