//! The files of a project, parsed, and what they import of one another.

use std::collections::{BTreeMap, HashMap};

use camino::{Utf8Path, Utf8PathBuf};
use rayon::prelude::*;
use tegmen_findings::Problem;
use tegmen_syntax::{ExprId, ExprKind, FunctionId, Module};

use crate::context::{Context, FileResult};
use crate::flow::Flow;
use crate::walk::FileKind;
use crate::{config, ignores, literal, prefilter, rules};

/// Python files larger than this are not audited; nobody writes them by hand.
const MAX_PYTHON: u64 = 64 << 20;
/// Other files larger than this are data, not configuration.
const MAX_OTHER: u64 = 2 << 20;

/// A file that was read.
pub struct SourceFile {
    /// Its path as given.
    pub path: String,
    /// What it is read as.
    pub kind: FileKind,
    /// What it says.
    pub content: Content,
}

/// What a file says.
pub enum Content {
    /// Python, as facts.
    Python(Box<Module>),
    /// Text of another kind, or Python in which there is nothing to find.
    Text(String),
}

impl SourceFile {
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
}

/// An index into [`Project::files`].
pub type FileId = usize;

/// The files of a project.
pub struct Project {
    /// All files, by path.
    pub files: Vec<SourceFile>,
    /// Modules by their dotted names: every ending of their path, `helpers`, `shop.helpers`; `None` where two share one.
    modules: HashMap<String, Option<FileId>>,
    /// Calls of functions from other modules.
    callers: HashMap<(FileId, FunctionId), Vec<(FileId, ExprId)>>,
    /// Which files belong to a load test: they import Locust, or are imported by one that does.
    pub locust: Vec<bool>,
}

impl Project {
    /// Reads and parses files.
    pub fn read(entries: Vec<(Utf8PathBuf, FileKind)>, problems: &mut Vec<Problem>) -> Self {
        let read: Vec<Result<Option<SourceFile>, Problem>> =
            entries.into_par_iter().map(|(path, kind)| read_file(&path, kind)).collect();
        let mut files = Vec::with_capacity(read.len());
        for result in read {
            match result {
                Ok(Some(file)) => files.push(file),
                Ok(None) => {}
                Err(problem) => problems.push(problem),
            }
        }
        Self::link(files, problems)
    }

    /// A project of texts.
    pub fn from_texts(texts: &BTreeMap<String, String>, problems: &mut Vec<Problem>) -> Self {
        let files = texts
            .iter()
            .filter_map(|(path, text)| {
                let kind = crate::walk::kind(Utf8Path::new(path))?;
                Some(parse(path.clone(), kind, text.clone()))
            })
            .collect();
        Self::link(files, problems)
    }

    fn link(files: Vec<SourceFile>, problems: &mut Vec<Problem>) -> Self {
        let mut modules: HashMap<String, Option<FileId>> = HashMap::new();
        for (id, file) in files.iter().enumerate().filter(|(_, file)| file.kind == FileKind::Python) {
            for name in module_names(&file.path) {
                modules.entry(name).and_modify(|known| *known = None).or_insert(Some(id));
            }
        }
        let mut project = Self { files, modules, callers: HashMap::new(), locust: Vec::new() };
        project.mark_locust();
        // Modules in which there is nothing to find by themselves matter when a load test hands them something.
        while project.parse_imported() {
            project.mark_locust();
        }
        for file in &project.files {
            let Some(module) = file.module() else { continue };
            if let Some((span, message)) = module.errors.first() {
                problems.push(Problem {
                    path: file.path.clone(),
                    line: Some(module.line_of(span.start)),
                    message: format!("does not parse as Python 3 ({message}); what could be understood was audited"),
                });
            }
        }
        project.callers = project.find_callers();
        project
    }

    /// Parses what a load test imports and was not parsed before; says whether there was any.
    fn parse_imported(&mut self) -> bool {
        let locust = &self.locust;
        let parsed: Vec<(FileId, Content)> = self
            .files
            .par_iter()
            .enumerate()
            .filter(|(id, file)| locust[*id] && file.kind == FileKind::Python)
            .filter_map(|(id, file)| match &file.content {
                Content::Text(text) => Some((id, Content::Python(Box::new(Module::parse(text.clone()))))),
                Content::Python(_) => None,
            })
            .collect();
        let any = !parsed.is_empty();
        for (id, content) in parsed {
            self.files[id].content = content;
        }
        any
    }

    /// The module of this dotted name, as seen from a file. A module beside the file goes first.
    pub fn resolve(&self, from: FileId, name: &str, level: u32) -> Option<FileId> {
        let path = Utf8Path::new(&self.files.get(from)?.path);
        let mut base = path.parent()?.to_path_buf();
        for _ in 1..level.max(1) {
            base = base.parent()?.to_path_buf();
        }
        let relative = name.replace('.', "/");
        for candidate in [base.join(format!("{relative}.py")), base.join(&relative).join("__init__.py")] {
            if let Ok(id) = self.files.binary_search_by(|file| file.path.as_str().cmp(candidate.as_str())) {
                return Some(id);
            }
        }
        if level > 0 || name.is_empty() { None } else { self.modules.get(name).copied().flatten() }
    }

    /// The file and the name in it that `qualified` (as imported by a file) means: `helpers.log` is `log` of `helpers.py`.
    pub fn member<'n>(&self, from: FileId, qualified: &'n str) -> Option<(FileId, &'n str)> {
        let level = qualified.bytes().take_while(|byte| *byte == b'.').count();
        let name = &qualified[level..];
        let (module, member) = name.rsplit_once('.').unwrap_or(("", name));
        Some((self.resolve(from, module, level as u32).filter(|_| level > 0 || !module.is_empty())?, member))
    }

    /// The calls of a function from other modules.
    pub fn callers(&self, file: FileId, function: FunctionId) -> &[(FileId, ExprId)] {
        self.callers.get(&(file, function)).map_or(&[], Vec::as_slice)
    }

    /// The function of another module that a call runs.
    pub fn imported_function(&self, file: FileId, func: ExprId) -> Option<(FileId, FunctionId)> {
        let module = self.files[file].module()?;
        let qualified = module.qualified(func)?;
        let (target, name) = self.member(file, &qualified)?;
        let other = self.files[target].module()?;
        let found = other
            .function_ids()
            .find(|(_, function)| function.class.is_none() && other.symbol(function.name) == name)?;
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

    fn mark_locust(&mut self) {
        let mut locust = vec![false; self.files.len()];
        let mut queue: Vec<FileId> = Vec::new();
        for (id, file) in self.files.iter().enumerate() {
            let imports_locust = file.module().is_some_and(|module| {
                module.imports.iter().any(|import| {
                    import.level == 0
                        && (import.qualified.starts_with("locust") || import.qualified.starts_with("tegmen"))
                }) || module.stars.iter().any(|(name, _)| name.starts_with("locust"))
            });
            if imports_locust {
                queue.push(id);
            }
        }
        while let Some(id) = queue.pop() {
            if std::mem::replace(&mut locust[id], true) {
                continue;
            }
            let Some(module) = self.files[id].module() else { continue };
            for import in &module.imports {
                let name = format!("{}{}", ".".repeat(import.level as usize), import.qualified);
                queue.extend(self.member(id, &name).map(|(file, _)| file));
                queue.extend(self.resolve(id, &import.qualified, import.level));
            }
            for (name, level) in &module.stars {
                queue.extend(self.resolve(id, name, *level));
            }
        }
        self.locust = locust;
    }

    /// Asks all rules about all files.
    pub fn check(&self) -> Vec<FileResult> {
        (0..self.files.len()).into_par_iter().map(|id| self.check_file(id)).collect()
    }

    fn check_file(&self, id: FileId) -> FileResult {
        let file = &self.files[id];
        let (literals, module) = match &file.content {
            Content::Python(module) => (literal::python::collect(module), Some(&**module)),
            Content::Text(_) if file.kind == FileKind::Python => (Vec::new(), None),
            Content::Text(text) => (config::collect(file.kind, text, &file.path), None),
        };
        let mut result = FileResult { ignores: ignores::find(file.text()), ..FileResult::default() };
        for judged in &literals {
            result.masks.extend(judged.literal.spans.iter().copied());
            result.secrets.push(judged.secret.clone());
        }
        let flow = module.map(|module| Flow::new(self, id, module));
        let context = Context { file, literals: &literals, flow: flow.as_ref(), locust: self.locust[id] };
        rules::check(&context, &mut result.candidates);
        result
    }
}

/// The dotted names that a module may be imported by.
fn module_names(path: &str) -> Vec<String> {
    let path = path.strip_suffix(".py").unwrap_or(path);
    let path = path.strip_suffix("/__init__").unwrap_or(path);
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != "." && *part != "..").collect();
    (0..parts.len()).rev().take(6).map(|from| parts[from..].join(".")).collect()
}

fn read_file(path: &Utf8Path, kind: FileKind) -> Result<Option<SourceFile>, Problem> {
    let problem = |message: String| Problem { path: path.to_string(), line: None, message };
    let unreadable = |error: std::io::Error| problem(format!("could not be read ({}); not audited", error.kind()));
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if kind != FileKind::Python && size > MAX_OTHER {
        return Ok(None);
    }
    if size > MAX_PYTHON {
        return Err(problem(format!("has {} MB, more than the {} MB that are audited", size >> 20, MAX_PYTHON >> 20)));
    }
    let bytes = std::fs::read(path).map_err(unreadable)?;
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        // Latin-1 and the like: what is ASCII in it stays readable.
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    };
    Ok(Some(parse(path.to_string(), kind, text)))
}

fn parse(path: String, kind: FileKind, text: String) -> SourceFile {
    let content = if kind == FileKind::Python && prefilter::may_have_findings(text.as_bytes()) {
        Content::Python(Box::new(Module::parse(text)))
    } else {
        Content::Text(text)
    };
    SourceFile { path, kind, content }
}
