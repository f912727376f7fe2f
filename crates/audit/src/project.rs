//! The files of a project, parsed, and what they import of one another.
//!
//! Files are read one by one; what belongs to no load test is audited by itself and let go. The files of a load test are audited together
//! with what they import, one such group after another, so that memory holds a few groups and never a whole tree.

use std::collections::HashMap;
use std::sync::OnceLock;

use rayon::prelude::*;
use tegmen_findings::Problem;
use tegmen_syntax::{ExprId, ExprKind, FunctionId, Module};

use crate::context::{Context, Drafted, FileResult, Found, Group};
use crate::flow::Flow;
use crate::index::{self, Index};
use crate::literal::Judged;
use crate::spot::Lines;
use crate::walk::FileKind;
use crate::{Progress, config, fixes, ignores, literal, prefilter, rules};

/// A file that was read.
pub struct SourceFile {
    /// Its path as given.
    pub path: String,
    /// What it is read as.
    pub kind: FileKind,
    /// What it says.
    content: Content,
    literals: OnceLock<Vec<Judged>>,
}

/// What a file says.
enum Content {
    /// Python, as facts.
    Python(Box<Module>),
    /// Text of another kind, or Python in which there is nothing to find.
    Text(String),
}

/// Whether a Python file is parsed even if there is nothing to find in it by itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Parse {
    Always,
    IfPromising,
}

impl SourceFile {
    fn new(path: String, kind: FileKind, text: String, parse: Parse) -> Self {
        let promising = parse == Parse::Always || prefilter::may_have_findings(text.as_bytes());
        let content = if kind == FileKind::Python && promising {
            Content::Python(Box::new(Module::parse(text)))
        } else {
            Content::Text(text)
        };
        Self { path, kind, content, literals: OnceLock::new() }
    }

    /// The text of the file.
    pub fn text(&self) -> &str {
        match &self.content {
            Content::Python(module) => module.source(),
            Content::Text(text) => text,
        }
    }

    /// The module, if it was parsed.
    pub fn module(&self) -> Option<&Module> {
        match &self.content {
            Content::Python(module) => Some(module),
            Content::Text(_) => None,
        }
    }

    /// The literals in it that are judged to be secrets.
    pub fn literals(&self) -> &[Judged] {
        self.literals.get_or_init(|| match &self.content {
            Content::Python(module) => literal::python::collect(module),
            Content::Text(_) if self.kind == FileKind::Python => Vec::new(),
            Content::Text(text) => config::collect(self.kind, text),
        })
    }

    fn lines(&self) -> Lines<'_> {
        let masks = self.literals().iter().flat_map(|judged| judged.literal.spans.iter().copied());
        Lines::new(&self.path, self.text(), masks)
    }
}

/// Of how many places of one finding the line is kept. A list of a hundred thousand has as many.
const SHOWN: usize = 100;

/// An index into [`Project::files`].
pub type FileId = usize;

/// Files that are audited together.
pub struct Project {
    /// The files, by path.
    pub files: Vec<SourceFile>,
    index: Index,
    /// Calls of functions from other modules.
    callers: HashMap<(FileId, FunctionId), Vec<(FileId, ExprId)>>,
    /// Whether they belong to a load test.
    locust: bool,
}

/// Gives the text of a file; `None` for one that is not to be looked at.
pub type Reader<'r> = dyn Fn(&str, FileKind) -> Result<Option<String>, Problem> + Sync + 'r;

/// What the first look at a file gives.
struct First {
    /// What the rules say of it by itself; `None` if it is to be audited with what it imports.
    result: Option<FileResult>,
    /// The files that it imports.
    imports: Vec<usize>,
    /// Whether it imports Locust.
    locust: bool,
}

/// Audits files, which are in order of their paths.
pub fn check_all(entries: &[(String, FileKind)], read: &Reader<'_>, progress: &Progress) -> Vec<FileResult> {
    let index = Index::new(entries.iter().map(|(path, _)| path.clone()).collect());
    progress.begin(entries.len());
    let mut firsts: Vec<First> = (0..entries.len())
        .into_par_iter()
        .map(|id| first_look(id, entries, &index, read))
        .inspect(|first| {
            if first.result.is_some() {
                progress.step();
            }
        })
        .collect();
    let checked: Vec<(usize, FileResult)> = groups(&firsts)
        .into_par_iter()
        .flat_map_iter(|group| check_group(entries, &group, read))
        .inspect(|_| progress.step())
        .collect();
    for (id, result) in checked {
        firsts[id].result = Some(result);
    }
    firsts.into_iter().filter_map(|first| first.result).collect()
}

fn first_look(id: usize, entries: &[(String, FileKind)], index: &Index, read: &Reader<'_>) -> First {
    let (path, kind) = &entries[id];
    let by_itself = |problem| {
        let result = FileResult { path: path.clone(), problem, ..FileResult::default() };
        First { result: Some(result), imports: Vec::new(), locust: false }
    };
    let text = match read(path, *kind) {
        Ok(Some(text)) => text,
        Ok(None) => return by_itself(None),
        Err(problem) => return by_itself(Some(problem)),
    };
    let names = if *kind == FileKind::Python { index::imports(&text) } else { Vec::new() };
    let locust = names.iter().any(|name| ["locust", "tegmen"].iter().any(|library| name.starts_with(library)));
    let mut imports: Vec<usize> = Vec::new();
    for name in &names {
        let level = name.bytes().take_while(|byte| *byte == b'.').count();
        imports.extend(index.resolve(id, &name[level..], level as u32));
        imports.extend(index.member(id, name).map(|(file, _)| file));
    }
    imports.retain(|target| *target != id);
    if locust && !imports.is_empty() {
        return First { result: None, imports, locust };
    }
    let parse = if locust { Parse::Always } else { Parse::IfPromising };
    let file = SourceFile::new(path.clone(), *kind, text, parse);
    First { result: Project::new(vec![file], locust).check().pop(), imports, locust }
}

/// The files of load tests that import from one another, in groups.
fn groups(firsts: &[First]) -> Vec<Vec<usize>> {
    // Sets with one member each, joined along imports.
    let mut parents: Vec<usize> = (0..firsts.len()).collect();
    let mut reached = vec![false; firsts.len()];
    let mut queue: Vec<usize> =
        (0..firsts.len()).filter(|id| firsts[*id].locust && !firsts[*id].imports.is_empty()).collect();
    while let Some(id) = queue.pop() {
        if std::mem::replace(&mut reached[id], true) {
            continue;
        }
        for target in &firsts[id].imports {
            queue.push(*target);
            let (a, b) = (root(&mut parents, id), root(&mut parents, *target));
            parents[a] = b;
        }
    }
    let mut groups: HashMap<usize, Vec<usize>> = HashMap::new();
    for id in (0..firsts.len()).filter(|id| reached[*id]) {
        groups.entry(root(&mut parents, id)).or_default().push(id);
    }
    groups.into_values().collect()
}

fn root(parents: &mut [usize], mut id: usize) -> usize {
    while parents[id] != id {
        parents[id] = parents[parents[id]];
        id = parents[id];
    }
    id
}

fn check_group(entries: &[(String, FileKind)], group: &[usize], read: &Reader<'_>) -> Vec<(usize, FileResult)> {
    let mut ids = Vec::with_capacity(group.len());
    let mut files = Vec::with_capacity(group.len());
    for id in group {
        let (path, kind) = &entries[*id];
        // What could be read a moment ago and cannot be now keeps its first result, or has none.
        if let Ok(Some(text)) = read(path, *kind) {
            ids.push(*id);
            files.push(SourceFile::new(path.clone(), *kind, text, Parse::Always));
        }
    }
    ids.into_iter().zip(Project::new(files, true).check()).collect()
}

impl Project {
    fn new(files: Vec<SourceFile>, locust: bool) -> Self {
        let paths = files.iter().map(|file| file.path.clone()).collect();
        let index = if files.len() > 1 { Index::new(paths) } else { Index::default() };
        let mut project = Self { files, index, callers: HashMap::new(), locust };
        if project.files.len() > 1 {
            project.callers = project.find_callers();
        }
        project
    }

    /// The module of this dotted name, as seen from a file.
    pub fn resolve(&self, from: FileId, name: &str, level: u32) -> Option<FileId> {
        self.index.resolve(from, name, level)
    }

    /// The file and the name in it that `qualified`, as imported by a file, means.
    pub fn member<'n>(&self, from: FileId, qualified: &'n str) -> Option<(FileId, &'n str)> {
        self.index.member(from, qualified)
    }

    /// The calls of a function from other modules.
    pub fn callers(&self, file: FileId, function: FunctionId) -> &[(FileId, ExprId)] {
        self.callers.get(&(file, function)).map_or(&[], Vec::as_slice)
    }

    /// The function of another module that a call runs.
    pub fn imported_function(&self, file: FileId, func: ExprId) -> Option<(FileId, FunctionId)> {
        let module = self.files[file].module()?;
        let Some((target, name)) = module.qualified(func).as_deref().and_then(|name| {
            let (target, name) = self.member(file, name)?;
            Some((target, name.to_owned()))
        }) else {
            return self.method_elsewhere(file, func);
        };
        let other = self.files[target].module()?;
        // A function, or what makes an object of a class.
        let class = other.class_ids().find(|(_, class)| other.symbol(class.name) == name).map(|(class, _)| class);
        let wanted = if class.is_some() { "__init__" } else { name.as_str() };
        let found = other
            .function_ids()
            .find(|(_, function)| function.class == class && other.symbol(function.name) == wanted)?;
        Some((target, found.0))
    }

    fn find_callers(&self) -> HashMap<(FileId, FunctionId), Vec<(FileId, ExprId)>> {
        let calls: Vec<((FileId, FunctionId), (FileId, ExprId))> = (0..self.files.len())
            .into_par_iter()
            .flat_map_iter(|file| {
                let module = self.files[file].module();
                let any = module.is_some_and(|module| {
                    module.imports.iter().any(|import| {
                        let name = format!("{}{}", ".".repeat(import.level as usize), import.qualified);
                        self.member(file, &name).is_some()
                            || self.resolve(file, &import.qualified, import.level).is_some()
                    })
                });
                module
                    .filter(|_| any)
                    .into_iter()
                    .flat_map(|module| module.exprs())
                    .filter_map(move |(id, expr)| match &expr.kind {
                        ExprKind::Call { func, .. } => Some((self.imported_function(file, *func)?, (file, id))),
                        _ => None,
                    })
                    .collect::<Vec<_>>()
            })
            .collect();
        let mut callers: HashMap<_, Vec<_>> = HashMap::new();
        for (function, call) in calls {
            callers.entry(function).or_default().push(call);
        }
        callers
    }

    /// Asks all rules about all files.
    fn check(&self) -> Vec<FileResult> {
        (0..self.files.len()).into_par_iter().map(|id| self.check_file(id)).collect()
    }

    fn check_file(&self, id: FileId) -> FileResult {
        let file = &self.files[id];
        let module = file.module();
        let literals = file.literals();
        let flow = module.map(|module| Flow::new(self, id, module));
        let context = Context { file, literals, flow: flow.as_ref(), locust: self.locust };
        let mut candidates = Vec::new();
        rules::check(&context, &mut candidates);
        let mut lines: HashMap<FileId, Lines<'_>> = HashMap::new();
        let script = module.map(fixes::Script::new);
        let mut places: HashMap<(&str, Group), usize> = HashMap::new();
        let found = candidates
            .into_iter()
            .map(|candidate| {
                for file in candidate.related.iter().map(|related| related.file).chain([id]) {
                    lines.entry(file).or_insert_with(|| self.files[file].lines());
                }
                let at = |file: FileId, span| lines[&file].spot(span);
                let fix = fixes::propose(&context, script.as_ref(), &candidate).map(|proposal| {
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
                Found {
                    spot: if shown { at(id, candidate.span) } else { lines[&id].place(candidate.span) },
                    related: candidate
                        .related
                        .iter()
                        .map(|related| (at(related.file, related.span), related.note.clone()))
                        .collect(),
                    context: match (candidate.block, module) {
                        (Some(block), Some(module)) => module.context(block),
                        _ => String::new(),
                    },
                    fix,
                    candidate,
                }
            })
            .collect();
        let problem = module.and_then(|module| {
            let (span, message) = module.errors.first()?;
            Some(Problem {
                path: file.path.clone(),
                line: Some(module.line_of(span.start)),
                message: format!("does not parse as Python 3 ({message}); what could be understood was audited"),
            })
        });
        FileResult {
            path: file.path.clone(),
            found,
            secrets: literals.iter().map(|judged| judged.secret.clone()).collect(),
            masks: literals.iter().flat_map(|judged| judged.literal.spans.iter().copied()).collect(),
            ignores: ignores::find(
                file.text(),
                module.map_or(ignores::Syntax::Text(file.kind), |module| ignores::Syntax::Python(&module.comments)),
            ),
            problem,
        }
    }
}
