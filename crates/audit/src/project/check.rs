//! What the rules say of the files of a project.

use std::collections::HashMap;
use std::fmt::Write as _;

use rayon::prelude::*;
use tegmen_findings::Rule;
use tegmen_syntax::Span;

use super::groups::check_config;
use super::source::{Origin, Parse, SourceFile};
use super::{FileId, Project};
use crate::context::{Candidate, Context, Drafted, FileResult, Found, Group};
use crate::flow::Flow;
use crate::ignores::Ignore;
use crate::literal::Judged;
use crate::spot::Lines;
use crate::walk::FileKind;
use crate::{fixes, ignores, inventory, rules};

/// Of how many places of one finding the line is kept. A list of a hundred thousand has as many.
const SHOWN: usize = 100;

/// Which rules are asked.
#[derive(Clone, Copy)]
pub(super) enum Asked {
    All,
    HardCoded,
}

impl Project {
    /// Asks rules about all files.
    pub(super) fn check(&self, asked: Asked) -> Vec<FileResult> {
        (0..self.files.len()).into_par_iter().map(|id| self.check_file(id, asked)).collect()
    }

    fn check_file(&self, id: FileId, asked: Asked) -> FileResult {
        let file = &self.files[id];
        let module = file.module();
        let literals = file.literals();
        let flow = module.map(|module| Flow::new(self, id, module));
        let context = Context { file, literals, flow: flow.as_ref(), locust: self.locust };
        let mut candidates = Vec::new();
        match asked {
            Asked::All => rules::check(&context, &mut candidates),
            Asked::HardCoded => rules::check_hard_coded(&context, &mut candidates),
        }
        let nothing = candidates.is_empty();
        let mut lines: HashMap<FileId, Lines<'_>> = HashMap::new();
        // Nothing that was can be mended.
        let is_past = matches!(asked, Asked::HardCoded);
        let script = module.filter(|_| !is_past).map(fixes::Script::new);
        let mut places: HashMap<(&str, Group), usize> = HashMap::new();
        let found = candidates
            .into_iter()
            .map(|mut candidate| {
                for file in candidate.related.iter().map(|related| related.file).chain([id]) {
                    lines.entry(file).or_insert_with(|| self.files[file].lines());
                }
                let at = |id: FileId, span| lines[&id].spot(self.files[id].place(span));
                let proposal = match is_past {
                    true => Err("it is in the history only".to_owned()),
                    false => proposed(&context, script.as_ref(), &candidate),
                };
                let fix = proposal.map(|proposal| {
                    let lines = &lines[&id];
                    let drafts = proposal.edits.iter();
                    let edits = drafts.map(|draft| lines.edit(draft.span, draft.text.clone())).collect();
                    Drafted { proposal, edits }
                });
                let place = candidate.group.as_ref().map(|group| {
                    let count = places.entry((candidate.rule.id, group.clone())).or_default();
                    *count += 1;
                    *count
                });
                let shown = place.is_none_or(|place| place <= SHOWN);
                if let Some(part) = file.origin.as_ref().and_then(|origin| origin.part.as_ref()) {
                    let _ = write!(candidate.message, " ({})", part.place(file.text(), candidate.span.start));
                }
                Found {
                    spot: if shown { at(id, candidate.span) } else { lines[&id].place(file.place(candidate.span)) },
                    related: candidate
                        .related
                        .iter()
                        .map(|related| (at(related.file, related.span), related.note.clone()))
                        .collect(),
                    secret: secret_of(literals, candidate.rule, candidate.span),
                    context: match (candidate.block, module) {
                        (Some(block), Some(module)) => module.context(block),
                        _ => String::new(),
                    },
                    fix,
                    candidate,
                }
            })
            .collect();
        let uses = match asked {
            Asked::All => inventory::of(&context),
            Asked::HardCoded => Vec::new(),
        };
        let uses = uses
            .into_iter()
            .map(|entry| {
                let line = lines.entry(id).or_insert_with(|| file.lines()).line(file.place(entry.span).start);
                (entry, line)
            })
            .collect();
        FileResult {
            path: file.path.clone(),
            uses,
            found,
            secrets: literals.iter().map(|judged| judged.secret.clone()).collect(),
            masks: literals
                .iter()
                .flat_map(|judged| judged.literal.spans.iter().map(|span| file.place(*span)))
                .collect(),
            ignores: ignores_of(file, nothing),
            problems: file.problems.clone(),
            locust: self.locust,
        }
    }
}

/// How a candidate can be mended, or why it cannot.
fn proposed(
    context: &Context<'_>,
    script: Option<&fixes::Script<'_>>,
    candidate: &Candidate,
) -> Result<fixes::Proposal, String> {
    // What was translated, or stands inside another file, cannot be edited in its place.
    match &context.file.origin {
        None => fixes::propose(context, script, candidate),
        Some(Origin { part: None, .. }) => Err("the file does not parse as Python 3: it is Python 2".to_owned()),
        Some(_) => Err("the script stands inside another file; change it there by hand".to_owned()),
    }
}

/// The marks in a file that hold findings back.
fn ignores_of(file: &SourceFile, nothing_found: bool) -> Vec<Ignore> {
    let whole = file.origin.as_ref().map_or(file.text(), |origin| &*origin.text);
    match (&file.origin, file.module()) {
        // Where nothing is found, only what is said of needless marks matters, and those are ours.
        _ if nothing_found && !ignores::may_have_own(whole) => Vec::new(),
        // The facts are about another text than the file's.
        (Some(_), Some(_)) => ignores::find(whole, ignores::Syntax::Text(FileKind::Python)),
        (None, Some(module)) => ignores::find(whole, ignores::Syntax::Python(&module.comments)),
        (_, None) => ignores::find(file.text(), ignores::Syntax::Text(file.kind)),
    }
}

/// The value of the literal that a candidate of a hard-coded rule is about.
fn secret_of(literals: &[Judged], rule: &Rule, span: Span) -> Option<String> {
    if !rules::is_hard_coded(rule) {
        return None;
    }
    let starts = |judged: &&Judged| judged.literal.spans.first().is_some_and(|first| first.start == span.start);
    literals.iter().find(starts).map(|judged| judged.secret.clone())
}

/// What the hard-coded rules say of a text that once was a file.
pub fn past_file(path: &str, kind: FileKind, text: String) -> FileResult {
    let file = SourceFile::new(path, kind, text.into(), Parse::Always);
    match kind {
        FileKind::Python => Project::new(vec![file], false).check_file(0, Asked::HardCoded),
        _ => check_config(file, Asked::HardCoded).0,
    }
}

/// The secrets in a text that once was a file, and whether a mark holds each back.
pub fn past_secrets(path: &str, kind: FileKind, text: String) -> Vec<(String, bool)> {
    let result = past_file(path, kind, text);
    let marked = |found: &Found| {
        result.ignores.iter().any(|ignore| ignore.covers(found.candidate.rule, found.spot.line, found.spot.end_line))
    };
    result.found.iter().filter_map(|found| Some((found.secret.clone()?, marked(found)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The scripts of the corpus, with values that look made by a machine.
    fn scripts() -> Vec<(String, String)> {
        let mut scripts = Vec::new();
        for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus")).unwrap().flatten() {
            let mut text = std::fs::read_to_string(entry.path()).unwrap();
            while let (Some(start), Some(end)) = (text.find('⟦'), text.find('⟧')) {
                text.replace_range(start..end + '⟧'.len_utf8(), "q8Zk2mVx91w7Yh3nBc82Td5fLs06");
            }
            for part in text.split("\n==== ").skip(1) {
                let (path, body) = part.split_once('\n').unwrap_or_default();
                let body: Vec<&str> = body.lines().filter_map(|line| line.split("#! ").next()).collect();
                scripts.push((path.to_owned(), body.join("\n")));
            }
        }
        scripts.retain(|(path, _)| path.ends_with(".py"));
        scripts
    }

    fn rules(path: &str, text: &str) -> Vec<&'static str> {
        let file = SourceFile::new(path, FileKind::Python, text.to_owned().into(), Parse::Always);
        let found = Project::new(vec![file], false).check_file(0, Asked::All).found;
        found.iter().map(|found| found.candidate.rule.id).collect()
    }

    #[test]
    fn what_is_not_worth_parsing_has_no_finding() {
        let mut passed_over = Vec::new();
        let mut with_findings = 0;
        for (path, text) in scripts() {
            let found = rules(&path, &text);
            with_findings += usize::from(!found.is_empty());
            if !found.is_empty() && !Parse::IfWorth.is_wanted(&text) {
                passed_over.push(format!("{found:?} in {path}:\n{text}\n"));
            }
        }
        assert!(passed_over.is_empty(), "{}", passed_over.join("\n"));
        assert!(with_findings > 40, "{with_findings}");
    }
}
