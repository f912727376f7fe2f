//! Fixes applied to the texts of a project, round after round, until none is left to apply.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use camino::{Utf8Path, Utf8PathBuf};
use tegmen_findings::{Edit, Finding, Problem, Safety};
use tegmen_syntax::{Module, Span};

use super::encoding::{Encoding, decode, encode};
use super::names::Names;
use crate::assemble::{Ready, assemble_for_fixes};
use crate::context::FileResult;
use crate::mask::Masker;
use crate::read::Loaded;
use crate::walk::{self, FileKind};
use crate::{Audit, Error, Options, project, read};

/// More rounds than edits can stand in each other's way.
const MOST_ROUNDS: usize = 12;

/// Which fixes to apply.
#[derive(Debug, Clone, Default)]
pub struct Fixing {
    /// Also those that want to be looked at.
    pub unsafe_too: bool,
    /// Also those that take a value out of a file: there is a place where it is kept.
    pub move_values: bool,
    /// Names that no secret may get: those of the manifest, and those that belong to Locust.
    pub taken: BTreeSet<String>,
}

/// What came of it. Nothing is written yet.
#[derive(Default)]
pub struct Fixed {
    /// The files that change.
    pub files: Vec<FixedFile>,
    /// The values that leave them.
    pub secrets: Vec<NewSecret>,
    /// What was applied.
    pub applied: Vec<Applied>,
    /// What was not, in the order of the findings of [`audit`](Self::audit).
    pub left: Vec<Left>,
    /// The audit of the changed files.
    pub audit: Audit,
}

/// A file that changes.
pub struct FixedFile {
    /// Its path as given.
    pub path: String,
    /// Its bytes as they were read: if it has others by now, somebody else changed it.
    pub before: Hidden,
    /// Its bytes as they are to be.
    pub after: Hidden,
    /// Its text before, in which all values are masked.
    pub shown_before: String,
    /// Its text after, in which all values are masked.
    pub shown_after: String,
}

/// What may be or have values in it. It cannot be printed: there is no `Debug`, no `Display`, no `Serialize`.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(Vec<u8>);

impl Hidden {
    fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes in clear.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The text in clear.
    ///
    /// # Errors
    /// When the bytes are not UTF-8.
    pub fn expose_str(&self) -> Result<&str, std::str::Utf8Error> {
        std::str::from_utf8(&self.0)
    }
}

/// A value that leaves a file.
pub struct NewSecret {
    /// Its name.
    pub name: String,
    /// The value.
    pub value: Hidden,
    /// Whether Python code needs the value itself.
    pub reveal: bool,
}

/// A fix that was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The file.
    pub path: String,
    /// The line at that time, from 1.
    pub line: u32,
    /// The id of the rule.
    pub rule: &'static str,
    /// What was done.
    pub title: String,
    /// Whether it wants to be looked at.
    pub safety: Safety,
}

/// A finding that is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// Its place in the findings.
    pub finding: usize,
    /// Why.
    pub why: Why,
}

/// Why a finding is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// There is no fix: the reason.
    NoFix(String),
    /// The fix is unsafe, and only safe ones were asked for.
    Unsafe,
    /// A value would leave the file, and no place for it was named.
    NoPlace,
    /// The fix could not be applied: the reason.
    Failed(String),
}

/// Works out what fixes make of the files under `paths`. Writes nothing.
///
/// # Errors
/// As [`audit`](crate::audit()).
pub fn fix(paths: &[Utf8PathBuf], options: &Options, fixing: &Fixing) -> Result<Fixed, Error> {
    let pool = crate::prepare(paths, options)?;
    Ok(pool.install(|| {
        let (entries, problems) = crate::entries(paths, options);
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
            let results = self.look();
            let masks: HashMap<String, Vec<Span>> =
                results.iter().map(|result| (result.path.clone(), result.masks.clone())).collect();
            self.values.extend(results.iter().flat_map(|result| result.secrets.iter().cloned()));
            let (audit, ready) = assemble_for_fixes(results, self.options, &mut self.names);
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

/// Fixes that can be applied together, the first ones first.
fn choose(fixes: Vec<Ready>) -> Vec<Ready> {
    let mut chosen: Vec<Ready> = Vec::new();
    let mut edits: BTreeMap<(u32, u32), String> = BTreeMap::new();
    let mut removed: HashMap<u32, u32> = HashMap::new();
    for ready in fixes {
        let fits = ready.edits.iter().all(|edit| {
            let place = (edit.range.start, edit.range.end);
            if let Some(known) = edits.get(&place) {
                // The same import, the same `f` before the same string.
                return *known == edit.text;
            }
            // No edit is longer than those before it that end behind this one's beginning, as none overlap.
            let before = edits.range(..place).next_back();
            let after = edits.range(place..).next();
            !before.is_some_and(|((start, end), _)| overlap((*start, *end), place))
                && !after.is_some_and(|((start, end), _)| overlap((*start, *end), place))
        });
        let goes = match ready.removal {
            None => true,
            Some((suite, siblings)) => {
                let known = ready.edits.iter().all(|edit| edits.contains_key(&(edit.range.start, edit.range.end)));
                known || removed.get(&suite).copied().unwrap_or(0) + 1 < siblings
            }
        };
        if !fits || !goes {
            continue;
        }
        if let Some((suite, _)) = ready.removal
            && ready.edits.iter().any(|edit| !edits.contains_key(&(edit.range.start, edit.range.end)))
        {
            *removed.entry(suite).or_insert(0) += 1;
        }
        for edit in &ready.edits {
            edits.insert((edit.range.start, edit.range.end), edit.text.clone());
        }
        chosen.push(ready);
    }
    chosen
}

fn overlap(a: (u32, u32), b: (u32, u32)) -> bool {
    // Two insertions at one place would be in an order that nobody chose; one at the edge of a replacement is fine.
    if a.0 == a.1 && b.0 == b.1 { a.0 == b.0 } else { a.0 < b.1 && b.0 < a.1 }
}

/// The text with all edits, if it parses.
fn applied(text: &str, fixes: &[Ready]) -> Option<String> {
    let mut edits: Vec<(u32, u32, &str)> = fixes
        .iter()
        .flat_map(|ready| ready.edits.iter().map(|edit| (edit.range.start, edit.range.end, edit.text.as_str())))
        .collect();
    edits.sort_unstable();
    edits.dedup();
    let mut out = String::with_capacity(text.len() + 100);
    let mut position = 0;
    for (start, end, new) in edits {
        out.push_str(text.get(position..start as usize)?);
        out.push_str(new);
        position = end as usize;
    }
    out.push_str(text.get(position..)?);
    Module::parse(out.clone()).errors.is_empty().then_some(out)
}
