//! Which files are audited together: those of a load test with what they import, all others by themselves.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;
use tegmen_findings::Problem;

use super::Project;
use super::check::Asked;
use super::source::{Content, Parse, SourceFile};
use crate::Progress;
use crate::context::FileResult;
use crate::index::{self, Imports, Index};
use crate::read::Loaded;
use crate::walk::FileKind;

/// Of a tree of more Python files than this, those outside of load tests are looked at closely before they are parsed. What is found
/// is the same; that a file with nothing to find does not parse goes unsaid.
const MANY: usize = 1_000;
/// To parse so few takes less time than to make ready for a look at their words. Their texts are kept until it is known which of them
/// belong to a load test, so that each is read and audited once.
const FEW: usize = 20;
/// A longer text is not kept.
const SHORT: usize = 1 << 20;

/// Gives the text of a file, or says why there is none.
pub type Reader<'r> = dyn Fn(&str, FileKind) -> Result<Loaded, Problem> + Sync + 'r;

/// What the first look at a file gives.
#[derive(Default)]
struct First {
    /// What the rules say of it by itself; `None` if it is to be audited with what it imports.
    result: Option<FileResult>,
    /// Its text, if what is to be audited with it is not known yet.
    loaded: Option<Loaded>,
    /// What it imports, and the lines that say where from.
    imports: Imports,
    /// Whether it imports Locust.
    locust: bool,
    /// Files that it hands to Locust: `locust -f load/shop.py`.
    locustfiles: Vec<String>,
}

/// Audits files, which are in order of their paths.
pub fn check_all(entries: &[(String, FileKind)], read: &Reader<'_>, progress: &Progress) -> Vec<FileResult> {
    let index = OnceLock::new();
    let index = || index.get_or_init(|| Index::new(entries.iter().map(|(path, _)| path.clone()).collect()));
    let scripts = entries.iter().filter(|(_, kind)| *kind == FileKind::Python).count();
    let parse = match scripts {
        few if few <= FEW => Parse::Always,
        many if many <= MANY => Parse::IfPromising,
        _ => Parse::IfWorth,
    };
    progress.begin(entries.len());
    let mut firsts: Vec<First> = (0..entries.len())
        .into_par_iter()
        .map(|id| first_look(id, entries, &index, read, parse))
        .inspect(|first| {
            if first.result.is_some() {
                progress.step();
            }
        })
        .collect();
    for id in 0..firsts.len() {
        for name in std::mem::take(&mut firsts[id].locustfiles) {
            for file in index().named(id, &name) {
                firsts[file].locust = true;
            }
        }
    }
    // Nothing of what imports what matters where there is no load test.
    if firsts.iter().any(|first| first.locust) {
        let groups: Vec<Vec<(usize, Option<Loaded>)>> = groups(&mut firsts, index())
            .into_iter()
            .map(|group| group.into_iter().map(|id| (id, firsts[id].loaded.take())).collect())
            .collect();
        let checked: Vec<(usize, FileResult)> = groups
            .into_par_iter()
            .flat_map_iter(|group| check_group(entries, group, read))
            .inspect(|_| progress.step())
            .collect();
        for (id, result) in checked {
            firsts[id].result = Some(result);
        }
    }
    firsts
        .into_par_iter()
        .enumerate()
        .filter_map(|(id, first)| match (first.result, first.loaded) {
            (None, Some(loaded)) => {
                progress.step();
                check_alone(&entries[id].0, loaded, Parse::Always, false)
            }
            (result, _) => result,
        })
        .collect()
}

/// Audits a Python file by itself. `locust`: it is one of a load test.
fn check_alone(path: &str, loaded: Loaded, parse: Parse, locust: bool) -> Option<FileResult> {
    let file = SourceFile::new(path, FileKind::Python, loaded, parse);
    Project::new(vec![file], locust).check(Asked::All).pop()
}

fn first_look<'i>(
    id: usize,
    entries: &[(String, FileKind)],
    index: &dyn Fn() -> &'i Index,
    read: &Reader<'_>,
    parse: Parse,
) -> First {
    let (path, kind) = &entries[id];
    let loaded = match read(path, *kind) {
        Ok(loaded) => loaded,
        Err(problem) => {
            let result = FileResult { path: path.clone(), problems: vec![problem], ..FileResult::default() };
            return First { result: Some(result), ..First::default() };
        }
    };
    if *kind != FileKind::Python {
        let file = SourceFile::new(path, *kind, loaded, Parse::Always);
        let (result, locustfiles) = check_config(file, Asked::All);
        return First { result: Some(result), locustfiles, ..First::default() };
    }
    let imports = Imports::of(&loaded.text);
    let locust = imports.names().any(index::is_locust);
    if parse == Parse::Always && loaded.text.len() <= SHORT {
        return First { imports, locust, loaded: Some(loaded), ..First::default() };
    }
    if locust && !index().targets(id, &imports).is_empty() {
        return First { imports, locust, ..First::default() };
    }
    let parse = if locust { Parse::Always } else { parse };
    First { result: check_alone(path, loaded, parse, locust), imports, locust, ..First::default() }
}

/// Audits a file beside the scripts, and the Python inside it.
pub(super) fn check_config(mut file: SourceFile, asked: Asked) -> (FileResult, Vec<String>) {
    let Content::Config(text, config) = &mut file.content else { return (FileResult::default(), Vec::new()) };
    let locustfiles = std::mem::take(&mut config.locustfiles);
    let parts = std::mem::take(&mut config.parts);
    let path = file.path.clone();
    let mut results = Vec::new();
    if !parts.is_empty() {
        let text: Arc<str> = text.as_str().into();
        let locust = parts.iter().any(|part| index::imports_locust(&part.text));
        let mut files: Vec<SourceFile> = parts.into_iter().map(|part| SourceFile::part(&path, part, &text)).collect();
        files.sort_by(|a, b| a.key.cmp(&b.key));
        results = Project::new(files, locust).check(asked);
    }
    let mut whole = Project::new(vec![file], false).check(asked).pop().unwrap_or_default();
    for result in results {
        whole.found.extend(result.found);
        whole.uses.extend(result.uses);
        whole.secrets.extend(result.secrets);
        whole.masks.extend(result.masks);
        whole.problems.extend(result.problems);
    }
    (whole, locustfiles)
}

/// The files of load tests that import from one another, in groups. What imports a module of ours that imports Locust is one of
/// them too: the users of a load test are often defined in a package of their own.
fn groups(firsts: &mut [First], index: &Index) -> Vec<Vec<usize>> {
    let imports: Vec<Imports> = firsts.iter_mut().map(|first| std::mem::take(&mut first.imports)).collect();
    let targets: Vec<Vec<usize>> =
        imports.par_iter().enumerate().map(|(id, imports)| index.targets(id, imports)).collect();
    let mut importers: HashMap<usize, Vec<usize>> = HashMap::new();
    for (id, targets) in targets.iter().enumerate() {
        for target in targets {
            importers.entry(*target).or_default().push(id);
        }
    }
    let mut queue: Vec<usize> = (0..firsts.len()).filter(|id| firsts[*id].locust).collect();
    while let Some(id) = queue.pop() {
        for importer in importers.get(&id).into_iter().flatten() {
            if !std::mem::replace(&mut firsts[*importer].locust, true) {
                queue.push(*importer);
            }
        }
    }
    // Sets with one member each, joined along imports.
    let mut parents: Vec<usize> = (0..firsts.len()).collect();
    let mut reached = vec![false; firsts.len()];
    let mut queue: Vec<usize> = (0..firsts.len()).filter(|id| firsts[*id].locust).collect();
    while let Some(id) = queue.pop() {
        if std::mem::replace(&mut reached[id], true) {
            continue;
        }
        for target in &targets[id] {
            queue.push(*target);
            let (a, b) = (root(&mut parents, id), root(&mut parents, *target));
            parents[a] = b;
        }
    }
    let mut groups: HashMap<usize, Vec<usize>> = HashMap::new();
    for id in (0..firsts.len()).filter(|id| reached[*id]) {
        groups.entry(root(&mut parents, id)).or_default().push(id);
    }
    groups.into_values().filter(|group| group.len() > 1 || firsts[group[0]].again()).collect()
}

impl First {
    /// Whether a file that imports nothing of ours has to be looked at as one of a load test after all.
    fn again(&self) -> bool {
        self.result.as_ref().is_none_or(|result| !result.locust)
    }
}

fn root(parents: &mut [usize], mut id: usize) -> usize {
    while parents[id] != id {
        parents[id] = parents[parents[id]];
        id = parents[id];
    }
    id
}

fn check_group(
    entries: &[(String, FileKind)],
    group: Vec<(usize, Option<Loaded>)>,
    read: &Reader<'_>,
) -> Vec<(usize, FileResult)> {
    let mut ids = Vec::with_capacity(group.len());
    let mut files = Vec::with_capacity(group.len());
    for (id, kept) in group {
        let (path, kind) = &entries[id];
        // What could be read a moment ago and cannot be now keeps its first result, or has none.
        if let Some(loaded) = kept.or_else(|| read(path, *kind).ok()) {
            ids.push(id);
            files.push(SourceFile::new(path, *kind, loaded, Parse::Always));
        }
    }
    ids.into_iter().zip(Project::new(files, true).check(Asked::All)).collect()
}
