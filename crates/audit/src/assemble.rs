//! Puts together what the rules found: one secret in many places is one finding; excerpts are masked; fingerprints are given.

use std::collections::HashMap;

use tegmen_findings::{Finding, Location, Problem, fingerprint};
use tegmen_syntax::Span;

use crate::context::{Candidate, FileResult, Group};
use crate::mask::Masker;
use crate::project::{FileId, Project, SourceFile};
use crate::{Audit, Options};

/// Where the lines of a text begin.
struct Lines(Vec<u32>);

impl Lines {
    fn of(text: &str) -> Self {
        let mut starts = vec![0];
        starts.extend(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at as u32 + 1));
        Self(starts)
    }

    fn line(&self, offset: u32) -> u32 {
        self.0.partition_point(|start| *start <= offset) as u32
    }

    fn span(&self, text: &str, line: u32) -> Span {
        let start = self.0.get(line as usize - 1).copied().unwrap_or(0);
        let end = self.0.get(line as usize).copied().unwrap_or(text.len() as u32);
        let length = text[start as usize..end as usize].trim_end_matches(['\n', '\r']).len() as u32;
        Span::new(start, start + length)
    }

    fn column(&self, text: &str, offset: u32) -> u32 {
        let start = self.0[self.line(offset) as usize - 1] as usize;
        text.get(start..offset as usize).map_or(1, |before| before.chars().count() as u32 + 1)
    }
}

struct Places<'p> {
    project: &'p Project,
    results: &'p [FileResult],
    masker: Masker,
    lines: HashMap<FileId, Lines>,
}

impl Places<'_> {
    fn location(&mut self, file: FileId, span: Span, note: Option<String>) -> Location {
        let SourceFile { path, .. } = &self.project.files[file];
        let text = self.project.files[file].text();
        let lines = self.lines.entry(file).or_insert_with(|| Lines::of(text));
        let line = lines.line(span.start);
        let excerpt = self.masker.excerpt(text, lines.span(text, line), span, &self.results[file].masks);
        Location {
            path: path.clone(),
            line,
            column: lines.column(text, span.start),
            end_line: lines.line(span.end),
            end_column: lines.column(text, span.end),
            note,
            excerpt: Some(excerpt),
        }
    }
}

/// Findings out of what the rules found in each file.
pub fn assemble(project: &Project, mut results: Vec<FileResult>, options: &Options) -> Audit {
    let candidates: Vec<(FileId, Candidate)> = results
        .iter_mut()
        .enumerate()
        .flat_map(|(file, result)| {
            std::mem::take(&mut result.candidates).into_iter().map(move |candidate| (file, candidate))
        })
        .collect();
    let secrets = results.iter().flat_map(|result| result.secrets.iter()).map(String::as_str);
    let mut places = Places { masker: Masker::new(secrets), project, results: &results, lines: HashMap::new() };
    let mut audit = Audit::default();
    let mut findings: Vec<Finding> = Vec::new();
    let mut groups: HashMap<(&'static str, Group), usize> = HashMap::new();
    for (file, candidate) in candidates {
        let location = places.location(file, candidate.span, None);
        let (first, last) = (location.line, location.end_line);
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
            finding.add_location(location);
            continue;
        }
        let mut finding = Finding::new(candidate.rule, candidate.severity, candidate.confidence, location)
            .name(places.masker.text(&candidate.name))
            .message(places.masker.text(&candidate.message));
        finding.hint = candidate.hint.map(|hint| places.masker.text(&hint));
        finding.related = candidate
            .related
            .into_iter()
            .map(|related| places.location(related.file, related.span, Some(related.note)))
            .collect();
        finding.context = match (candidate.block, project.files[file].module()) {
            (Some(block), Some(module)) => module.context(block),
            _ => String::new(),
        };
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
    audit.notes = unused(project, &results, options);
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

fn unused(project: &Project, results: &[FileResult], options: &Options) -> Vec<Problem> {
    // With some rules left out it cannot be told whether an ignore is needed.
    if !options.select.is_empty() || !options.ignore.is_empty() {
        return Vec::new();
    }
    let mut notes = Vec::new();
    for (file, result) in results.iter().enumerate() {
        for ignore in result.ignores.iter().filter(|ignore| !ignore.used.get()) {
            notes.push(Problem {
                path: project.files[file].path.clone(),
                line: Some(ignore.line),
                message: "this `tegmen: ignore` holds nothing back; remove it".to_owned(),
            });
        }
    }
    notes
}
