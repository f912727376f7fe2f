//! Where values come from: through assignments, fields of `self`, dicts, f-strings, calls and returns, within a module and
//! across modules of the project.
//!
//! [`Flow::of`] gives the sources of an expression. It is an approximation on purpose: it follows the definitions that reach a use,
//! takes all callers of a function together, and stops at what sanitises a value ([`calls::is_sanitiser`]).

pub mod calls;
pub mod checks;
mod classes;
mod definitions;
mod dumps;
mod expressions;
mod lists;
mod records;
mod tokens;

use std::cell::{OnceCell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use tegmen_syntax::{ExprId, ExprKind, FunctionId, Module, Span, Symbol};

use crate::project::{FileId, Project};
use crate::quick::{Map, Set};

/// What kind of source a value has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A literal in the source.
    Literal,
    /// An environment variable.
    Environment,
    /// An option of the command line.
    Option,
    /// All options, or all environment variables.
    Dump,
    /// Somebody typed it.
    Prompt,
    /// A secrets manager.
    Manager,
    /// Tegmen, by `reveal()`: a value where a placeholder would have been.
    Revealed,
    /// The target issued it during the test: a token out of a response.
    Issued,
    /// Its name says that it is secret; where it comes from is not known.
    Named,
    /// Headers that carry a credential.
    Headers,
    /// The response to a login, as an object.
    LoginResponse,
    /// Another response, as an object.
    Response,
    /// What the response to a login says.
    LoginBody,
    /// What another response says.
    Body,
}

impl Origin {
    /// Whether it is a secret by itself, rather than a response.
    pub fn is_secret(self) -> bool {
        !matches!(self, Self::LoginResponse | Self::Response | Self::LoginBody | Self::Body)
    }

    /// What it is, in a sentence: "… of a login response".
    pub fn describe(self) -> &'static str {
        match self {
            Self::Literal => "a hard-coded secret",
            Self::Environment => "a secret from the environment",
            Self::Option => "a secret from the command line",
            Self::Dump => "everything there is, secrets among it",
            Self::Prompt => "a secret that somebody typed",
            Self::Manager => "a secret from a secrets manager",
            Self::Revealed => "a secret that was revealed",
            Self::Issued => "a token that the target issued",
            Self::Named => "a secret",
            Self::Headers => "headers that carry a credential",
            Self::LoginResponse | Self::LoginBody => "the response to a login",
            Self::Response | Self::Body => "a response",
        }
    }
}

/// A source of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// What kind.
    pub origin: Origin,
    /// The name that it goes by.
    pub name: String,
    /// The file it is in.
    pub file: FileId,
    /// Where in it.
    pub span: Span,
    /// The way that it took from there, the last step first.
    pub way: Option<Rc<Step>>,
}

/// A step of a value on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The file.
    pub file: FileId,
    /// Where in it.
    pub span: Span,
    /// What happens there.
    pub kind: StepKind,
    /// The function, field or variable that takes part.
    pub name: String,
    /// The step before.
    pub before: Option<Rc<Step>>,
    /// How many steps there are up to this one.
    count: u8,
}

/// What happens to a value on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepKind {
    /// A function gets it.
    Passed,
    /// A function gives it back.
    Returned,
    /// A field or a variable of another function keeps it.
    Kept,
}

impl Step {
    /// What happens, in a sentence.
    pub fn describe(&self) -> String {
        match self.kind {
            StepKind::Passed => format!("handed to `{}` here", self.name),
            StepKind::Returned => format!("given back by `{}` here", self.name),
            StepKind::Kept => format!("kept in `{}` here", self.name),
        }
    }
}

impl Source {
    /// All steps, the first one first.
    pub fn steps(&self) -> Vec<&Step> {
        let mut steps: Vec<&Step> = std::iter::successors(self.way.as_deref(), |step| step.before.as_deref()).collect();
        steps.reverse();
        steps
    }
}

/// The sources of a value.
#[derive(Debug, Clone, Default)]
pub struct Taint {
    /// All sources, without repetition.
    pub sources: Vec<Source>,
    /// Whether there may be others that could not be followed.
    pub unknown: bool,
}

/// More sources than this tell nothing more.
const MAX_SOURCES: usize = 8;

/// A way of more steps than this is not shown any longer.
const MAX_STEPS: u8 = 16;

impl Taint {
    fn unknown() -> Self {
        Self { sources: Vec::new(), unknown: true }
    }

    fn one(origin: Origin, name: &str, file: FileId, span: Span) -> Self {
        Self { sources: vec![Source { origin, name: name.to_owned(), file, span, way: None }], unknown: false }
    }

    /// The same sources, one step further on their way.
    fn step(mut self, kind: StepKind, name: &str, file: FileId, span: Span) -> Self {
        for source in &mut self.sources {
            let count = source.way.as_ref().map_or(0, |step| step.count);
            let repeated = source.way.as_ref().is_some_and(|step| step.file == file && step.span == span);
            // Where a value begins is no step, and neither is the same place twice.
            if count < MAX_STEPS && !repeated && (source.file, source.span) != (file, span) {
                let before = source.way.take();
                source.way = Some(Rc::new(Step { file, span, kind, name: name.to_owned(), before, count: count + 1 }));
            }
        }
        self
    }

    fn merge(&mut self, other: &Taint) {
        self.unknown |= other.unknown;
        for source in &other.sources {
            if self.sources.len() < MAX_SOURCES
                && !self.sources.iter().any(|known| known.origin == source.origin && known.name == source.name)
            {
                self.sources.push(source.clone());
            }
        }
    }

    /// The first source that is a secret.
    pub fn secret(&self) -> Option<&Source> {
        self.sources.iter().find(|source| source.origin.is_secret())
    }

    /// The first source of one of these kinds.
    pub fn find(&self, origins: &[Origin]) -> Option<&Source> {
        self.sources.iter().find(|source| origins.contains(&source.origin))
    }
}

/// The calls of each function of a module.
type Callers = HashMap<FunctionId, Vec<ExprId>>;

/// Follows values, beginning in one file.
pub struct Flow<'p> {
    project: &'p Project,
    file: FileId,
    module: &'p Module,
    memo: RefCell<Map<(FileId, ExprId), Rc<Taint>>>,
    active: RefCell<Set<(FileId, ExprId)>>,
    callers: RefCell<HashMap<FileId, Rc<Callers>>>,
    /// Globals of other modules that are being followed.
    globals: RefCell<Set<(FileId, Symbol)>>,
    authorised: OnceCell<bool>,
    /// The sensitive entries that the file takes of its variables and fields.
    entries: OnceCell<Vec<records::Entry>>,
    /// The requests of each file whose responses give a token.
    tokens: RefCell<HashMap<FileId, Rc<HashSet<ExprId>>>>,
    /// What each file puts into its lists and queues.
    kept: RefCell<HashMap<FileId, Rc<lists::Kept>>>,
}

/// How far a value is followed.
const MAX_DEPTH: usize = 60;

impl<'p> Flow<'p> {
    /// A flow for the rules of one file.
    pub fn new(project: &'p Project, file: FileId, module: &'p Module) -> Self {
        Self {
            project,
            file,
            module,
            memo: RefCell::default(),
            active: RefCell::default(),
            callers: RefCell::default(),
            globals: RefCell::default(),
            authorised: OnceCell::new(),
            entries: OnceCell::new(),
            tokens: RefCell::default(),
            kept: RefCell::default(),
        }
    }

    /// The file whose rules are asked.
    pub fn file(&self) -> FileId {
        self.file
    }

    /// The other modules of the project.
    pub fn others(&self) -> impl Iterator<Item = &'p Module> {
        self.project.files.iter().enumerate().filter(|(id, _)| *id != self.file).filter_map(|(_, file)| file.module())
    }

    /// The sources of an expression of this file.
    pub fn of(&self, expr: ExprId) -> Rc<Taint> {
        self.eval(self.file, expr)
    }

    fn module_of(&self, file: FileId) -> Option<&'p Module> {
        if file == self.file { Some(self.module) } else { self.project.files.get(file)?.module() }
    }

    fn eval(&self, file: FileId, expr: ExprId) -> Rc<Taint> {
        let key = (file, expr);
        if let Some(known) = self.memo.borrow().get(&key) {
            return Rc::clone(known);
        }
        let Some(module) = self.module_of(file) else { return Rc::default() };
        if self.active.borrow().len() > MAX_DEPTH || !self.active.borrow_mut().insert(key) {
            return Rc::default();
        }
        let taint = Rc::new(self.expression(file, module, expr));
        self.active.borrow_mut().remove(&key);
        self.memo.borrow_mut().insert(key, Rc::clone(&taint));
        taint
    }

    /// The calls of the functions of a module in that module.
    fn local_callers(&self, file: FileId, module: &Module) -> Rc<Callers> {
        if let Some(known) = self.callers.borrow().get(&file) {
            return Rc::clone(known);
        }
        let names: HashSet<_> = module.functions.iter().map(|function| function.name).collect();
        let mut callers: Callers = HashMap::new();
        for (id, expr) in module.exprs() {
            let ExprKind::Call { func, .. } = &expr.kind else { continue };
            let tail = match module.kind(*func) {
                ExprKind::Name(name) => *name,
                ExprKind::Attribute { attr, .. } => *attr,
                _ => continue,
            };
            let function =
                if names.contains(&tail) { module.function_of(*func) } else { self.constructor(module, *func) };
            if let Some(function) = function {
                callers.entry(function).or_default().push(id);
            }
        }
        let callers = Rc::new(callers);
        self.callers.borrow_mut().insert(file, Rc::clone(&callers));
        callers
    }

    /// `__init__` of a class of this module that a call makes an object of.
    fn constructor(&self, module: &Module, func: ExprId) -> Option<FunctionId> {
        let class = module.class_of(func)?;
        module
            .function_ids()
            .find(|(_, function)| function.class == Some(class) && module.symbol(function.name) == "__init__")
            .map(|(id, _)| id)
    }
}
