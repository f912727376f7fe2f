//! The files of a project, parsed, and what they import of one another.
//!
//! Files are read one by one; what belongs to no load test is audited by itself and let go. The files of a load test are audited together
//! with what they import, one such group after another, so that memory holds a few groups and never a whole tree.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;
use tegmen_findings::{Problem, ProblemKind, Rule};
use tegmen_syntax::{ExprId, ExprKind, FunctionId, Module, Span};

use crate::config::{Config, Label, Map, Part};
use crate::context::{Context, Drafted, FileResult, Found, Group};
use crate::flow::Flow;
use crate::index::{self, Imports, Index};
use crate::literal::behind::Used;
use crate::literal::{Judged, Site};
use crate::read::Loaded;
use crate::spot::Lines;
use crate::walk::FileKind;
use crate::{Progress, config, fixes, ignores, inventory, literal, prefilter, python2, rules};

/// A file that was read.
pub struct SourceFile {
    /// Its path as given.
    pub path: String,
    /// What it is found by where others import it: its path, or its place in the file that it is a part of.
    key: String,
    /// What it is read as.
    pub kind: FileKind,
    /// What it says.
    content: Content,
    literals: OnceLock<(Vec<Judged>, Vec<Used>)>,
    /// Where the text stands in the file, if it is not the text of the file.
    origin: Option<Origin>,
    problems: Vec<Problem>,
}

/// The file that a text was taken out of.
struct Origin {
    /// The text of the file.
    text: Arc<str>,
    /// Where what stands in it.
    map: Map,
    /// Which part of the file it is: "cell 3".
    part: Option<Label>,
}

/// What a file says.
enum Content {
    /// Python, as facts.
    Python(Box<Module>),
    /// Python in which there is nothing to find.
    Text(String),
    /// Text of another kind.
    Config(String, Config),
}

/// Whether a Python file is parsed even if there is nothing to find in it by itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Parse {
    Always,
    /// If one of the words of a finding stands in it.
    IfPromising,
    /// If a closer look shows that it may have a finding.
    IfWorth,
}

impl Parse {
    fn is_wanted(self, text: &str) -> bool {
        match self {
            Self::Always => true,
            Self::IfPromising => prefilter::may_have_findings(text),
            Self::IfWorth => prefilter::is_worth_parsing(text),
        }
    }
}

/// Of a tree of more Python files than this, those outside of load tests are looked at closely before they are parsed. What is found
/// is the same; that a file with nothing to find does not parse goes unsaid.
const MANY: usize = 1_000;
/// To parse so few takes less time than to make ready for a look at their words.
const FEW: usize = 20;

impl SourceFile {
    fn new(path: &str, kind: FileKind, loaded: Loaded, parse: Parse) -> Self {
        let Loaded { text, problem } = loaded;
        if kind == FileKind::Python {
            return Self::python(path, text, parse, problem);
        }
        let config = Config::read(kind, path, &text);
        Self {
            path: path.to_owned(),
            key: path.to_owned(),
            kind,
            content: Content::Config(text, config),
            literals: OnceLock::new(),
            origin: None,
            problems: problem.into_iter().collect(),
        }
    }

    fn python(path: &str, text: String, parse: Parse, problem: Option<Problem>) -> Self {
        let mut file = Self {
            path: path.to_owned(),
            key: path.to_owned(),
            kind: FileKind::Python,
            content: Content::Text(String::new()),
            literals: OnceLock::new(),
            origin: None,
            problems: problem.into_iter().collect(),
        };
        if !parse.is_wanted(&text) {
            file.content = Content::Text(text);
            return file;
        }
        let module = Module::parse(text);
        let Some((span, message)) = module.errors.first() else {
            file.content = Content::Python(Box::new(module));
            return file;
        };
        let problem =
            |line, message| Problem { kind: ProblemKind::Unparsed, path: path.to_owned(), line: Some(line), message };
        if let Some(translated) = python2::translate(module.source()) {
            let modern = Module::parse(translated.text);
            if modern.errors.len() < module.errors.len() || modern.errors.is_empty() {
                let rest = if modern.errors.is_empty() { "" } else { ", and broken" };
                let message = format!("is Python 2{rest} ({}); audited as far as it could be read", translated.sign);
                file.problems.push(problem(translated.line, message));
                let text = module.source().into();
                file.origin = Some(Origin { text, map: translated.map, part: None });
                file.content = Content::Python(Box::new(modern));
                return file;
            }
        }
        let message = format!("does not parse as Python 3 ({message}); what could be understood was audited");
        file.problems.push(problem(module.line_of(span.start), message));
        file.content = Content::Python(Box::new(module));
        file
    }

    /// Python that stands inside another file.
    fn part(path: &str, part: Part, text: &Arc<str>) -> Self {
        let mut file = Self::python(path, part.text, Parse::Always, None);
        let map = match file.origin.take() {
            Some(origin) => origin.map.then(&part.map),
            None => part.map,
        };
        for problem in &mut file.problems {
            problem.message = format!("{}: {}", part.label.name(), problem.message);
        }
        file.key = format!("{path}/{}", part.label.name());
        file.origin = Some(Origin { text: Arc::clone(text), map, part: Some(part.label) });
        file
    }

    /// The text that the facts are about.
    pub fn text(&self) -> &str {
        match &self.content {
            Content::Python(module) => module.source(),
            Content::Text(text) | Content::Config(text, _) => text,
        }
    }

    /// The module, if it was parsed.
    pub fn module(&self) -> Option<&Module> {
        match &self.content {
            Content::Python(module) => Some(module),
            Content::Text(_) | Content::Config(..) => None,
        }
    }

    /// What a file beside the scripts says, if it is one.
    pub fn config(&self) -> Option<&Config> {
        match &self.content {
            Content::Config(_, config) => Some(config),
            Content::Python(_) | Content::Text(_) => None,
        }
    }

    /// The literals in it that are judged to be secrets.
    pub fn literals(&self) -> &[Judged] {
        match &self.content {
            Content::Python(module) => &self.collected(module).0,
            Content::Text(_) => &[],
            Content::Config(_, config) => &config.literals,
        }
    }

    fn collected(&self, module: &Module) -> &(Vec<Judged>, Vec<Used>) {
        self.literals.get_or_init(|| {
            let (mut found, used) = literal::python::collect(module);
            if !module.errors.is_empty() {
                config::broken_python(module.source(), &mut found);
            }
            config::commands(module, &mut found);
            (found, used)
        })
    }

    fn lines(&self) -> Lines<'_> {
        let masks = self.literals().iter().flat_map(|judged| judged.literal.spans.iter().copied());
        match &self.origin {
            Some(origin) => Lines::new(&self.path, &origin.text, masks.map(|span| origin.map.span(span))),
            None => Lines::new(&self.path, self.text(), masks),
        }
    }

    /// Where a span of the text stands in the file.
    fn place(&self, span: Span) -> Span {
        self.origin.as_ref().map_or(span, |origin| origin.map.span(span))
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

/// Gives the text of a file, or says why there is none.
pub type Reader<'r> = dyn Fn(&str, FileKind) -> Result<Loaded, Problem> + Sync + 'r;

/// What the first look at a file gives.
#[derive(Default)]
struct First {
    /// What the rules say of it by itself; `None` if it is to be audited with what it imports.
    result: Option<FileResult>,
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
    if !firsts.iter().any(|first| first.locust) {
        return firsts.into_iter().filter_map(|first| first.result).collect();
    }
    let checked: Vec<(usize, FileResult)> = groups(&mut firsts, index())
        .into_par_iter()
        .flat_map_iter(|group| check_group(entries, &group, read))
        .inspect(|_| progress.step())
        .collect();
    for (id, result) in checked {
        firsts[id].result = Some(result);
    }
    firsts.into_iter().filter_map(|first| first.result).collect()
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
    if locust && !index().targets(id, &imports).is_empty() {
        return First { imports, locust, ..First::default() };
    }
    let parse = if locust { Parse::Always } else { parse };
    let file = SourceFile::new(path, *kind, loaded, parse);
    First { result: Project::new(vec![file], locust).check(Asked::All).pop(), imports, locust, ..First::default() }
}

/// Audits a file beside the scripts, and the Python inside it.
fn check_config(mut file: SourceFile, asked: Asked) -> (FileResult, Vec<String>) {
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

fn check_group(entries: &[(String, FileKind)], group: &[usize], read: &Reader<'_>) -> Vec<(usize, FileResult)> {
    let mut ids = Vec::with_capacity(group.len());
    let mut files = Vec::with_capacity(group.len());
    for id in group {
        let (path, kind) = &entries[*id];
        // What could be read a moment ago and cannot be now keeps its first result, or has none.
        if let Ok(loaded) = read(path, *kind) {
            ids.push(*id);
            files.push(SourceFile::new(path, *kind, loaded, Parse::Always));
        }
    }
    ids.into_iter().zip(Project::new(files, true).check(Asked::All)).collect()
}

impl Project {
    fn new(files: Vec<SourceFile>, locust: bool) -> Self {
        let paths = files.iter().map(|file| file.key.clone()).collect();
        let index = if files.len() > 1 { Index::new(paths) } else { Index::default() };
        let mut project = Self { files, index, callers: HashMap::new(), locust };
        if project.files.len() > 1 {
            project.callers = project.find_callers();
            project.literals_used_elsewhere();
        }
        project
    }

    /// Has each file look at those of its literals that another file gives a meaning: `KEY1` of a module of settings, which a
    /// script puts into a header.
    fn literals_used_elsewhere(&mut self) {
        let project = &*self;
        let used: Vec<(FileId, (String, String, Site))> = (0..project.files.len())
            .into_par_iter()
            .flat_map_iter(|id| {
                let file = &project.files[id];
                let used = file.module().map_or(&[][..], |module| &file.collected(module).1);
                used.iter().filter_map(move |used| {
                    let (target, path) = project.global(id, &used.qualified)?;
                    Some((target, (path, used.name.clone(), used.site)))
                })
            })
            .collect();
        let mut by_file: HashMap<FileId, Vec<(String, String, Site)>> = HashMap::new();
        for (target, used) in used {
            by_file.entry(target).or_default().push(used);
        }
        for (target, uses) in by_file {
            let SourceFile { content, literals, .. } = &mut self.files[target];
            if let (Content::Python(module), Some((found, _))) = (&*content, literals.get_mut()) {
                literal::python::collect_used(module, &uses, found);
            }
        }
    }

    /// The file that `qualified`, as imported by a file, leads into, and the path from there: a global, or a class and its field.
    fn global(&self, from: FileId, qualified: &str) -> Option<(FileId, String)> {
        if let Some((target, name)) = self.defined(from, qualified) {
            return Some((target, name));
        }
        let (class, field) = qualified.rsplit_once('.').filter(|(class, _)| !class.ends_with('.'))?;
        let (target, class) = self.defined(from, class)?;
        Some((target, format!("{class}.{field}")))
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
        let Some((target, name)) = module.qualified(func).and_then(|name| self.defined(file, &name)) else {
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

    /// Where what `qualified` means, as imported by a file, is defined, and its name there: behind the imports of packages that only
    /// hand it on, and behind stars.
    pub fn defined(&self, from: FileId, qualified: &str) -> Option<(FileId, String)> {
        match self.member(from, qualified) {
            Some((target, name)) => Some(self.origin_of(target, name, 0).unwrap_or((target, name.to_owned()))),
            // A name that nothing here defines, where a star brings in all that another module has.
            None if !qualified.contains('.') => self.starred(from, qualified, 0),
            None => None,
        }
    }

    /// Where a name of a module is defined: in it, or in what it imports.
    fn origin_of(&self, file: FileId, name: &str, depth: usize) -> Option<(FileId, String)> {
        let module = self.files.get(file)?.module()?;
        let function = module.function_ids().any(|(_, f)| f.class.is_none() && module.symbol(f.name) == name);
        if function || module.class_ids().any(|(_, class)| module.symbol(class.name) == name) {
            return Some((file, name.to_owned()));
        }
        if depth > 6 {
            return None;
        }
        let imports = module.imports.iter().filter(|import| import.member && module.symbol(import.local) == name);
        imports
            .filter_map(|import| {
                let qualified = format!("{}{}", ".".repeat(import.level as usize), import.qualified);
                let (target, member) = self.member(file, &qualified)?;
                self.origin_of(target, member, depth + 1)
            })
            .next()
            .or_else(|| self.starred(file, name, depth + 1))
    }

    fn starred(&self, file: FileId, name: &str, depth: usize) -> Option<(FileId, String)> {
        self.files.get(file)?.module()?.stars.iter().find_map(|(star, level)| {
            let target = self.resolve(file, star, *level).filter(|target| *target != file)?;
            self.origin_of(target, name, depth + 1)
        })
    }

    fn find_callers(&self) -> HashMap<(FileId, FunctionId), Vec<(FileId, ExprId)>> {
        let calls: Vec<((FileId, FunctionId), (FileId, ExprId))> = (0..self.files.len())
            .into_par_iter()
            .flat_map_iter(|file| {
                let module = self.files[file].module();
                let any = module.is_some_and(|module| {
                    !module.stars.is_empty()
                        || module.imports.iter().any(|import| {
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

    /// Asks rules about all files.
    fn check(&self, asked: Asked) -> Vec<FileResult> {
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
                // What was translated, or stands inside another file, cannot be edited in its place.
                let proposal = match &file.origin {
                    _ if is_past => Err("it is in the history only".to_owned()),
                    None => fixes::propose(&context, script.as_ref(), &candidate),
                    Some(Origin { part: None, .. }) => {
                        Err("the file does not parse as Python 3: it is Python 2".to_owned())
                    }
                    Some(_) => Err("the script stands inside another file; change it there by hand".to_owned()),
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
            ignores: match (&file.origin, module) {
                // Where nothing is found, only what is said of needless marks matters, and those are ours.
                _ if nothing
                    && !ignores::may_have_own(file.origin.as_ref().map_or(file.text(), |origin| &*origin.text)) =>
                {
                    Vec::new()
                }
                // The facts are about another text than the file's.
                (Some(origin), Some(_)) => ignores::find(&origin.text, ignores::Syntax::Text(FileKind::Python)),
                (None, Some(module)) => ignores::find(file.text(), ignores::Syntax::Python(&module.comments)),
                (_, None) => ignores::find(file.text(), ignores::Syntax::Text(file.kind)),
            },
            problems: file.problems.clone(),
            locust: self.locust,
        }
    }
}

/// Which rules are asked.
#[derive(Clone, Copy)]
enum Asked {
    All,
    HardCoded,
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

    #[test]
    fn worth_parsing_by_what_stands_on_another_line() {
        for text in [
            "KEY = 'q8Zk2mVx91'\n\ndef send():\n    requests.get('/', headers={'X-Api-Key': KEY})\n",
            "for value in (ONE, TWO):\n    post(token=value)\nONE = 'q8Zk2mVx91aa'\nTWO = 'q8Zk2mVx91bb'\n",
            "def enter(name, word):\n    call(password=word)\n\nenter('ann', 'q8Zk2mVx91')\n",
            "USERS = [('ann', 'q8Zk2mVx91'), ('bob', 'w7Yh3nBc82')]\nuser, password = random.choice(USERS)\n",
            "PARTS = {'a': 'q8Zk2mVx91', 'b': 'x'}\npassword = PARTS['a']\n",
            "self.creds['url_password'] = 'q8Zk2mVx91'\n",
            "import os\nurl = f\"Bearer {os.environ.get('SHOP_TOKEN', '')}\"\n",
            "value = request.headers['Authorization']\nother = value\nlog.info('got %s', other)\n",
            "import subprocess\nsubprocess.run(['shop', '--password', password])\n",
            "import os\nprint(dict(os.environ))\n",
            "import os\nos.system('curl -u admin:Zk99aaQ1 https://shop.example')\n",
            "# $ export API_TOKEN=q8Zk2mVx91w7Yh3nBc82\n",
            "x = 1\n'''\npassword = \"q8Zk2mVx91\"\n'''\n",
        ] {
            assert!(Parse::IfWorth.is_wanted(text), "{text}");
        }
        let plain = "import os\n\nclass Token:\n    kind = 'name'\n\n    def show(self):\n        print('a token')\n";
        assert!(!Parse::IfWorth.is_wanted(plain));
    }
}
