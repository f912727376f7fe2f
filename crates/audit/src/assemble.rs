//! Puts together what the rules found: one secret in many places is one finding; excerpts are masked; fingerprints are given; what
//! marks and configuration hold back is set aside.

use std::collections::{HashMap, HashSet};

use tegmen_findings::{
    Edit, Finding, Fix, Location, Origin, Problem, ProblemKind, Rule, Safety, SuppressedBy, Suppression, Use,
    fingerprint,
};

use crate::context::{Candidate, Drafted, FileResult, Found, Group};
use crate::fixes::{self, Names, Wanted};
use crate::mask::Masker;
use crate::patterns::relative;
use crate::spot::Spot;
use crate::{Audit, Options, rules};

/// What to do about a value that no fix takes out of its file.
const MOVE: &str = "keep it in the encrypted store (`tegmen secrets set NAME`), in Vault or in a dotenv file that git ignores, and name that as \
                    the source in tegmen.toml";

/// A fix for one place, ready to be applied. No `Debug`: it may know a value.
pub struct Ready {
    /// The file, as it was given.
    pub path: String,
    /// The line of the finding.
    pub line: u32,
    /// The rule.
    pub rule: &'static Rule,
    /// The variable, field or header, masked.
    pub name: String,
    /// What it does.
    pub title: String,
    /// Whether it may be applied unseen.
    pub safety: Safety,
    /// The edits.
    pub edits: Vec<Edit>,
    /// The value that leaves the file, with its name.
    pub secret: Option<(String, Wanted)>,
    /// The suite that loses a statement, and how many it has.
    pub removal: Option<(u32, u32)>,
}

/// A place of a finding, as the finding tells it: the rule, the path, the line, the column.
pub type Place = (&'static str, String, u32, u32);

/// Findings out of what the rules found in each file.
pub fn assemble(results: Vec<FileResult>, options: &Options) -> Audit {
    assemble_for_fixes(results, options, &mut Names::default(), &HashSet::new()).0
}

/// As [`assemble`], with the fix for each place but those in `known`. `names` are those that secrets have already.
pub fn assemble_for_fixes(
    mut results: Vec<FileResult>,
    options: &Options,
    names: &mut Names,
    known: &HashSet<Place>,
) -> (Audit, Vec<Ready>) {
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
    let held: Vec<Option<Suppression>> = all
        .iter()
        .map(|(file, Found { candidate, spot, .. })| {
            held_back(&results[*file], candidate, (spot.line, spot.end_line), options, &masker)
        })
        .collect();
    let is_wanted = |candidate: &Candidate| {
        options.wants(candidate.rule) && options.min_confidence.is_none_or(|least| candidate.confidence >= least)
    };
    let is_known = |file: usize, candidate: &Candidate, spot: &Spot| {
        let path = || masker.path(&results[file].path);
        !known.is_empty() && known.contains(&(candidate.rule.id, path(), spot.line, spot.column))
    };
    // What stays as it is takes no name from what does not.
    let moved = all.iter().zip(&held).filter(|((file, found), held)| {
        held.is_none() && is_wanted(&found.candidate) && !is_known(*file, &found.candidate, &found.spot)
    });
    give_names(moved.map(|((file, found), _)| (*file, found)), names);
    let mut fixes = Vec::new();
    for ((file, Found { candidate, spot, related, context, fix, .. }), suppression) in all.into_iter().zip(held) {
        // What a manifest says about a rule is no secret of that name.
        if candidate.rule.code.starts_with("TGM1") && rules::all().iter().any(|rule| rule.id == candidate.name) {
            continue;
        }
        if !is_wanted(&candidate) {
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
        let fix = match suppression {
            Some(_) => Err("it is held back".to_owned()),
            None if is_known(file, &candidate, &spot) => Err("it is in the baseline".to_owned()),
            None => {
                let at = (results[file].path.as_str(), spot.line);
                fix.and_then(|fix| ready(fix, &candidate, at, &context, names, &masker))
            }
        };
        let key = candidate.group.clone().map(|group| (candidate.rule.id, suppression.is_some(), group));
        let severity = options.severity(candidate.rule).unwrap_or(candidate.severity);
        if let Some(known) = key.as_ref().and_then(|key| groups.get(key)) {
            let finding = &mut findings[*known];
            finding.severity = finding.severity.max(severity);
            finding.confidence = finding.confidence.max(candidate.confidence);
            finding.add_location(location);
            add_fix(finding, &fix);
            fixes.extend(fix);
            continue;
        }
        let mut finding = Finding::new(candidate.rule, severity, candidate.confidence, location)
            .name(masker.name(&candidate.name))
            .message(masker.text(&candidate.message));
        // What a script is told by its fix.
        let is_value = candidate.rule.code.starts_with("TGM1") && fix.is_err();
        let is_script = results[file].path.ends_with(".py");
        let elsewhere = (is_value && !is_script).then(|| MOVE.to_owned());
        finding.hint = candidate.hint.map(|hint| masker.text(&hint)).or(elsewhere);
        finding.related = related
            .into_iter()
            .map(|(spot, note)| spot.location(&masker, Some(masker.text(&note))))
            .map(|location| Location { path: masker.path(&location.path), ..location })
            .collect();
        finding.suppression = suppression;
        add_fix(&mut finding, &fix);
        fixes.extend(fix);
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
    findings.dedup_by(|a, b| {
        let same = a.location().key() == b.location().key() && a.rule.code == b.rule.code;
        // The same place may have held another value in another commit.
        same && a.location().context == b.location().context
    });
    give_fingerprints(&mut findings, options);
    let (suppressed, findings): (Vec<Finding>, Vec<Finding>) =
        findings.into_iter().partition(|finding| finding.suppression.is_some());
    let uses = uses(&mut results, &findings, &suppressed, &masker);
    let mut notes = about_marks(&results, options, &masker);
    let (remarks, mut problems) = results
        .into_iter()
        .flat_map(|result| result.problems)
        .partition::<Vec<Problem>, _>(|problem| problem.kind == ProblemKind::Note);
    notes.extend(remarks);
    for problem in notes.iter_mut().chain(&mut problems) {
        problem.path = masker.path(&problem.path);
    }
    (Audit { findings, suppressed, problems, notes, uses, files: 0 }, fixes)
}

/// The places that use sensitive data, and whether there is anything to say against each.
fn uses(results: &mut [FileResult], findings: &[Finding], suppressed: &[Finding], masker: &Masker) -> Vec<Use> {
    // A secret that is printed is used no better for where it comes from.
    let about_origin = |rule: &Rule| {
        rule.id == "unprotected-secret-argument"
            || ["TGM1", "TGM2", "TGM3"].iter().any(|start| rule.code.starts_with(start))
    };
    let bad: HashSet<(&str, u32)> = findings
        .iter()
        .chain(suppressed)
        .filter(|finding| about_origin(finding.rule))
        .flat_map(|finding| finding.locations().iter().map(|place| (place.path.as_str(), place.line)))
        .collect();
    let mut uses: Vec<Use> = Vec::new();
    for result in results {
        let path = masker.path(&result.path);
        for (entry, line) in std::mem::take(&mut result.uses) {
            let good = entry.origin != Origin::Literal && !bad.contains(&(path.as_str(), line));
            uses.push(Use { name: masker.name(&entry.name), origin: entry.origin, path: path.clone(), line, good });
        }
    }
    uses.sort_by(|a, b| (&a.path, a.line, &a.name, a.origin).cmp(&(&b.path, b.line, &b.name, b.origin)));
    uses.dedup();
    uses
}

/// Gives secrets their names in the order of their places; before that, those that cannot be chosen.
fn give_names<'f>(all: impl Iterator<Item = (usize, &'f Found)>, names: &mut Names) {
    let mut wanted: Vec<_> = all
        .filter_map(|(file, found)| {
            let Ok(Drafted { proposal, edits }) = &found.fix else { return None };
            let wanted = proposal.secret.as_ref()?;
            let place = edits.iter().map(|edit| edit.range.end).max();
            Some(((!wanted.exact, file, place), wanted, found.context.as_str()))
        })
        .collect();
    wanted.sort_by_key(|(order, ..)| *order);
    for (_, wanted, context) in wanted {
        // What cannot be given is said where it is asked for again.
        let _ = names.give(wanted, context);
    }
}

/// A fix with the name of its secret in it.
fn ready(
    Drafted { proposal, mut edits }: Drafted,
    candidate: &Candidate,
    (path, line): (&str, u32),
    context: &str,
    names: &mut Names,
    masker: &Masker,
) -> Result<Ready, String> {
    let name = proposal.secret.as_ref().map(|wanted| names.give(wanted, context)).transpose()?;
    let fill = |text: &str| text.replace(fixes::NAME, name.as_deref().unwrap_or_default());
    for edit in &mut edits {
        edit.text = fill(&edit.text);
    }
    Ok(Ready {
        path: path.to_owned(),
        line,
        rule: candidate.rule,
        name: masker.name(&candidate.name),
        title: fill(&proposal.title),
        safety: proposal.safety,
        edits,
        secret: name.zip(proposal.secret),
        removal: proposal.removal,
    })
}

/// Adds the fix for a place to that of its finding.
fn add_fix(finding: &mut Finding, fix: &Result<Ready, String>) {
    let ready = match fix {
        Ok(ready) => ready,
        Err(reason) => {
            finding.no_fix.get_or_insert_with(|| reason.clone());
            return;
        }
    };
    let whole = finding.fix.get_or_insert_with(|| Fix {
        title: ready.title.clone(),
        safety: Safety::Safe,
        edits: Vec::new(),
        secrets: Vec::new(),
    });
    whole.safety = whole.safety.max(ready.safety);
    for edit in &ready.edits {
        if !whole.edits.contains(edit) {
            whole.edits.push(edit.clone());
        }
    }
    whole.edits.sort_by(|a, b| (&a.path, a.range.start, a.range.end).cmp(&(&b.path, b.range.start, b.range.end)));
    if let Some((name, _)) = &ready.secret
        && !whole.secrets.contains(name)
    {
        whole.secrets.push(name.clone());
    }
}

/// What holds a candidate back: a mark in its file, or the configuration.
fn held_back(
    file: &FileResult,
    candidate: &Candidate,
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
            let mut note = |message: String| {
                let line = Some(ignore.line);
                notes.push(Problem { kind: ProblemKind::Note, path: result.path.clone(), line, message });
            };
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
