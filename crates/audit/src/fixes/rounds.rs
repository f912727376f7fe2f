//! Fixes applied to the texts of a project, round after round, until none is left to apply.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use camino::{Utf8Path, Utf8PathBuf};
use tegmen_findings::{Edit, Finding, Problem, Safety, SuppressedBy};
use tegmen_syntax::Span;

use super::edits::{applied, choose};
use super::encoding::{Encoding, decode, encode};
use super::names::Names;
use super::outcome::{Applied, Fixed, FixedFile, Fixing, Hidden, Left, NewSecret, Why};
use crate::assemble::{Place, Ready, assemble, assemble_for_fixes};
use crate::context::FileResult;
use crate::mask::Masker;
use crate::read::Loaded;
use crate::walk::{self, FileKind};
use crate::{Audit, BaselineFile, Error, Options, Scope, project, read};

/// More rounds than edits can stand in each other's way.
const MOST_ROUNDS: usize = 12;

/// Works out what fixes make of the files under `paths`. Writes nothing.
///
/// # Errors
/// As [`audit`](crate::audit()).
pub fn fix(paths: &[Utf8PathBuf], options: &Options, fixing: &Fixing) -> Result<Fixed, Error> {
    crate::check(paths, options)?;
    let (entries, problems) = crate::entries(paths, options);
    Ok(crate::pool(entries.len())?.install(|| {
        let bytes = |path: &str| {
            std::fs::read(path).map_err(|error| format!("the file could not be read again ({})", error.kind()))
        };
        let text = |path: &str, kind: FileKind| {
            let loaded = read::read(path, kind)?;
            Ok(Loaded { text: reread(path, loaded.text), ..loaded })
        };
        let mut rounds = Rounds::new(entries, options, fixing, &text, &bytes);
        rounds.run();
        let mut fixed = rounds.finish();
        fixed.audit.problems.extend(problems);
        fixed
    }))
}

/// As [`fix`], for texts as if they were the files of a project. For tests and editors.
pub fn fix_texts(files: &BTreeMap<String, String>, options: &Options, fixing: &Fixing) -> Fixed {
    let entries: Vec<_> =
        files.keys().filter_map(|path| Some((path.clone(), walk::kind(Utf8Path::new(path))?))).collect();
    let bytes = |path: &str| files.get(path).map(|text| text.clone().into_bytes()).ok_or_else(|| "no such file".into());
    let text = |path: &str, _| Ok(files.get(path).cloned().unwrap_or_default().into());
    let mut rounds = Rounds::new(entries, options, fixing, &text, &bytes);
    rounds.run();
    rounds.finish()
}

/// A file while it is being changed.
struct Working {
    before: Vec<u8>,
    original: String,
    text: String,
    encoding: Encoding,
    masks: Vec<Span>,
}

type Bytes<'r> = dyn Fn(&str) -> Result<Vec<u8>, String> + Sync + 'r;
type Read<'r> = dyn Fn(&str, FileKind) -> Result<Loaded, Problem> + Sync + 'r;

struct Rounds<'o> {
    entries: Vec<(String, FileKind)>,
    options: &'o Options,
    fixing: &'o Fixing,
    read: &'o Read<'o>,
    bytes: &'o Bytes<'o>,
    names: Names,
    files: BTreeMap<String, Working>,
    /// Values that were found, for masks.
    values: BTreeSet<String>,
    secrets: BTreeMap<String, (String, bool)>,
    applied: Vec<Applied>,
    /// Edits that did not work, with the reason.
    failed: HashMap<Key, String>,
    /// How often each kind of fix may be applied, which is how many there were when it was first seen, and how often it was:
    /// one that does not make its finding go is not applied again.
    seen: HashMap<Kind, (usize, usize)>,
    audit: Audit,
    final_masks: HashMap<String, Vec<Span>>,
}

impl<'o> Rounds<'o> {
    fn new(
        entries: Vec<(String, FileKind)>,
        options: &'o Options,
        fixing: &'o Fixing,
        read: &'o Read<'o>,
        bytes: &'o Bytes<'o>,
    ) -> Self {
        Self {
            entries,
            options,
            fixing,
            read,
            bytes,
            names: Names::new(&fixing.taken),
            files: BTreeMap::new(),
            values: BTreeSet::new(),
            secrets: BTreeMap::new(),
            applied: Vec::new(),
            failed: HashMap::new(),
            seen: HashMap::new(),
            audit: Audit::default(),
            final_masks: HashMap::new(),
        }
    }

    fn run(&mut self) {
        for round in 0..=MOST_ROUNDS {
            let known = self.known();
            let results = self.look();
            let masks: HashMap<String, Vec<Span>> =
                results.iter().map(|result| (result.path.clone(), result.masks.clone())).collect();
            self.values.extend(results.iter().flat_map(|result| result.secrets.iter().cloned()));
            let (mut audit, ready) = assemble_for_fixes(results, self.options, &mut self.names, &known);
            if let Some(baseline) = &self.fixing.baseline {
                self.hold_back(&mut audit, baseline);
            }
            self.audit = audit;
            self.audit.files = self.entries.len();
            let more = round < MOST_ROUNDS && self.apply(ready, &masks);
            self.final_masks = masks;
            if !more {
                return;
            }
        }
    }

    fn look(&self) -> Vec<FileResult> {
        let reader = |path: &str, kind: FileKind| match self.files.get(path) {
            Some(file) => Ok(file.text.clone().into()),
            None => (self.read)(path, kind),
        };
        project::check_all(&self.entries, &reader, &self.options.progress)
    }

    /// The places that the baseline knows. They stay as they are.
    fn known(&self) -> HashSet<Place> {
        let Some(baseline) = &self.fixing.baseline else { return HashSet::new() };
        // Which of them are known can be said only when all are put together.
        let mut audit = assemble(self.look(), self.options);
        self.hold_back(&mut audit, baseline);
        let by_baseline =
            |finding: &&Finding| finding.suppression.as_ref().is_some_and(|held| held.by == SuppressedBy::Baseline);
        audit
            .suppressed
            .iter()
            .filter(by_baseline)
            .flat_map(|finding| finding.locations().iter().map(|place| (finding.rule.id, place)))
            .map(|(rule, place)| (rule, place.path.clone(), place.line, place.column))
            .collect()
    }

    fn hold_back(&self, audit: &mut Audit, baseline: &BaselineFile) {
        // What is gone from the baseline is for an audit to tell.
        baseline.apply(audit, &Scope { paths: &[], options: self.options, history: false });
    }

    /// Applies what does not stand in the way of something else; says whether anything changed.
    fn apply(&mut self, ready: Vec<Ready>, masks: &HashMap<String, Vec<Span>>) -> bool {
        let mut by_file: BTreeMap<String, Vec<Ready>> = BTreeMap::new();
        let mut here: HashMap<Kind, usize> = HashMap::new();
        for ready in &ready {
            *here.entry(kind(ready)).or_insert(0) += 1;
        }
        for (kind, count) in here {
            let (limit, done) = self.seen.entry(kind).or_insert((count, 0));
            if *done + count > *limit {
                // As many as before, or more: it did not help.
                *limit = *done;
            }
        }
        for ready in ready {
            let wanted = (self.fixing.unsafe_too || ready.safety == Safety::Safe)
                && (self.fixing.move_values || ready.secret.is_none())
                && self.seen.get(&kind(&ready)).is_some_and(|(limit, done)| done < limit)
                && !self.failed.contains_key(&key(&ready.path, &ready.edits));
            if wanted {
                by_file.entry(ready.path.clone()).or_default().push(ready);
            }
        }
        let mut changed = false;
        for (path, mut fixes) in by_file {
            fixes.sort_by_key(|ready| ready.edits.iter().map(|edit| edit.range.start).min());
            match self.open(&path, masks) {
                Ok(()) => changed |= self.apply_to(&path, fixes),
                Err(reason) => {
                    for ready in fixes {
                        self.failed.insert(key(&path, &ready.edits), reason.clone());
                    }
                    // What cannot be applied is said in the end; another round would find the same.
                }
            }
        }
        changed
    }

    /// Reads a file byte for byte, unless that was done before.
    fn open(&mut self, path: &str, masks: &HashMap<String, Vec<Span>>) -> Result<(), String> {
        if self.files.contains_key(path) {
            return Ok(());
        }
        let before = (self.bytes)(path)?;
        let (text, encoding) = decode(&before).ok_or("the file is neither UTF-8 nor Latin-1 that it declares")?;
        let masks = masks.get(path).cloned().unwrap_or_default();
        let file = Working { before, original: text.clone(), text, encoding, masks };
        self.files.insert(path.to_owned(), file);
        Ok(())
    }

    fn apply_to(&mut self, path: &str, fixes: Vec<Ready>) -> bool {
        let Some(file) = self.files.get(path) else { return false };
        let text = file.text.clone();
        let chosen = choose(fixes);
        let (text, chosen) = match applied(&text, &chosen) {
            Some(changed) => (changed, chosen),
            // One of them breaks the script: one by one, without it.
            None => {
                let mut kept: Vec<Ready> = Vec::new();
                for ready in chosen {
                    kept.push(ready);
                    if applied(&text, &kept).is_none()
                        && let Some(broken) = kept.pop()
                    {
                        let reason = "what would come of it does not parse; please report this".to_owned();
                        self.failed.insert(key(path, &broken.edits), reason);
                    }
                }
                match applied(&text, &kept) {
                    Some(changed) if !kept.is_empty() => (changed, kept),
                    _ => return false,
                }
            }
        };
        let Some(file) = self.files.get_mut(path) else { return false };
        if encode(&text, file.encoding).is_none() || text == file.text {
            return false;
        }
        file.text = text;
        for ready in chosen {
            if let Some((_, done)) = self.seen.get_mut(&kind(&ready)) {
                *done += 1;
            }
            if let Some((name, wanted)) = ready.secret {
                let entry = self.secrets.entry(name).or_insert((wanted.value, false));
                entry.1 |= wanted.reveal;
            }
            let applied = Applied {
                path: path.to_owned(),
                line: ready.line,
                rule: ready.rule.id,
                title: ready.title,
                safety: ready.safety,
            };
            if !self.applied.contains(&applied) {
                self.applied.push(applied);
            }
        }
        true
    }

    fn finish(mut self) -> Fixed {
        self.applied.sort_by(|a, b| a.path.cmp(&b.path));
        let masker = Masker::new(self.values.iter().map(String::as_str));
        let left = self
            .audit
            .findings
            .iter()
            .enumerate()
            .map(|(finding, found)| Left { finding, why: self.why(found) })
            .collect();
        let none = Vec::new();
        let files = self
            .files
            .iter()
            .filter(|(_, file)| file.text != file.original)
            .filter_map(|(path, file)| {
                Some(FixedFile {
                    path: path.clone(),
                    shown_before: masker.lines(&file.original, &file.masks),
                    shown_after: masker.lines(&file.text, self.final_masks.get(path).unwrap_or(&none)),
                    after: Hidden::new(encode(&file.text, file.encoding)?),
                    before: Hidden::new(file.before.clone()),
                })
            })
            .collect();
        let secrets = self
            .secrets
            .into_iter()
            .map(|(name, (value, reveal))| NewSecret { name, value: Hidden::new(value.into_bytes()), reveal })
            .collect();
        Fixed { files, secrets, applied: self.applied, left, audit: self.audit }
    }

    fn why(&self, finding: &Finding) -> Why {
        let Some(fix) = &finding.fix else {
            let reason =
                finding.no_fix.clone().unwrap_or_else(|| "it wants a decision that no tool can take".to_owned());
            return Why::NoFix(reason);
        };
        let failed = self.failed.iter().find(|((path, edits), _)| {
            edits.iter().all(|(start, end, text)| {
                fix.edits.iter().any(|edit| edit.path == *path && edit.range == (*start..*end) && edit.text == *text)
            })
        });
        match (failed, &finding.no_fix) {
            (Some((_, reason)), _) => Why::Failed(reason.clone()),
            _ if fix.safety == Safety::Unsafe && !self.fixing.unsafe_too => Why::Unsafe,
            _ if !fix.secrets.is_empty() && !self.fixing.move_values => Why::NoPlace,
            (None, Some(reason)) => Why::NoFix(reason.clone()),
            (None, None) => Why::Failed("it does not make the finding go away; please report this".to_owned()),
        }
    }
}

/// What fixes have in common that are applied again and again.
type Kind = (String, &'static str, String, String);

fn kind(ready: &Ready) -> Kind {
    (ready.path.clone(), ready.rule.id, ready.name.clone(), ready.title.clone())
}

/// Edits of a file, to be known again: each from where to where, and by what.
type Key = (String, Vec<(u32, u32, String)>);

fn key(path: &str, edits: &[Edit]) -> Key {
    (path.to_owned(), edits.iter().map(|edit| (edit.range.start, edit.range.end, edit.text.clone())).collect())
}

/// A text in which something was no UTF-8, in the encoding that the file declares.
fn reread(path: &str, text: String) -> String {
    if !text.contains('\u{fffd}') {
        return text;
    }
    std::fs::read(path).ok().and_then(|bytes| decode(&bytes)).map_or(text, |(text, _)| text)
}
