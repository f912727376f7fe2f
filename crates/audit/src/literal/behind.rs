//! The literals behind an expression: what `headers={"X-Api-Key": KEY1}` hands over where `KEY1 = "…"` stands elsewhere.
//!
//! A name tells what a literal is only where it says so. Where it does not, the place that the value goes to does: the header, the
//! cookie, the parameter. This follows an expression back to the literals that it may stand for, within a module; what it imports
//! from another module of the project is noted, and looked up there ([`Used`]).

use std::cell::{Cell, OnceCell};
use std::collections::HashMap;

use tegmen_classify as classify;
use tegmen_syntax::{BinaryOp, DefId, DefValue, ExprId, ExprKind, FPart, FunctionId, Module, Span, Target};

use super::Site;
use crate::quick::Map;

/// How deep an expression is followed back, how many steps that may take in all, and how many literals count.
const MAX_DEPTH: usize = 8;
const MAX_STEPS: usize = 600;
const MAX_VALUES: usize = 200;

/// Calls that give back one of what they get, or all of it in another form.
pub const GIVERS: &[&str] = &[
    "choice", "choices", "sample", "next", "iter", "cycle", "list", "tuple", "sorted", "reversed", "copy", "deepcopy",
    "str", "Queue", "deque",
];

/// Methods that give back (one of) what they are called on.
pub const METHODS: &[&str] = &[
    "pop",
    "popleft",
    "copy",
    "strip",
    "rstrip",
    "lstrip",
    "encode",
    "decode",
    "values",
    "items",
    "get_nowait",
    "splitlines",
];

/// A global of another module that goes to a sensitive place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    /// What is imported, with its dots in front: `.settings.KEY1`, `settings.Shop.key`.
    pub qualified: String,
    /// The name of the place that it goes to.
    pub name: String,
    /// What kind of place that is.
    pub site: Site,
}

/// Finds the literals behind expressions of a module.
pub struct Behind<'m> {
    module: &'m Module,
    callers: OnceCell<HashMap<FunctionId, Vec<ExprId>>>,
    /// How many steps the expression at hand has taken.
    steps: Cell<usize>,
}

/// What stands behind an expression.
#[derive(Debug, Default)]
pub struct Values {
    /// Expressions that are no names: literals, lists, dicts.
    pub exprs: Vec<ExprId>,
    /// Names of other modules.
    pub imported: Vec<String>,
}

impl<'m> Behind<'m> {
    /// For the expressions of a module.
    pub fn new(module: &'m Module) -> Self {
        Self { module, callers: OnceCell::new(), steps: Cell::new(0) }
    }

    /// The expression of a value that goes into another as a whole but for constant text around it: `"Bearer " + KEY1` has
    /// `KEY1`. None for literals, and for what is put together from several.
    pub fn carried(&self, expr: ExprId) -> Option<ExprId> {
        match self.module.kind(expr) {
            ExprKind::Name(_) | ExprKind::Attribute { .. } | ExprKind::Subscript { .. } | ExprKind::Call { .. } => {
                Some(expr)
            }
            ExprKind::Binary { op: BinaryOp::Add | BinaryOp::Mod, left, right } => {
                let constant = |expr: ExprId| matches!(self.module.kind(expr), ExprKind::Str(_));
                match (constant(*left), constant(*right)) {
                    (true, false) => self.carried(*right),
                    (false, true) => self.carried(*left),
                    _ => None,
                }
            }
            ExprKind::FString(parts) => {
                let mut inside = parts.iter().filter_map(|part| match part {
                    FPart::Expr(expr) => Some(*expr),
                    FPart::Text(_) => None,
                });
                let first = inside.next()?;
                inside.next().is_none().then_some(first).and_then(|expr| self.carried(expr))
            }
            _ => None,
        }
    }

    /// What an expression may stand for.
    pub fn of(&self, expr: ExprId) -> Values {
        let mut values = Values::default();
        self.steps.set(0);
        self.follow(expr, 0, &mut values);
        values
    }

    fn follow(&self, expr: ExprId, depth: usize, out: &mut Values) {
        // Names that have many definitions, each with names that have many: somewhere it has to end.
        self.steps.set(self.steps.get() + 1);
        if depth > MAX_DEPTH || self.steps.get() > MAX_STEPS || out.exprs.len() >= MAX_VALUES {
            return;
        }
        let module = self.module;
        match module.kind(expr) {
            ExprKind::Name(name) => {
                for def in module.reaching(expr, *name) {
                    self.definition(def, depth, out);
                }
            }
            ExprKind::Attribute { value, attr } => {
                let defs =
                    module.class_of_object(*value).map(|class| module.fields_of(class, *attr)).unwrap_or_default();
                if defs.is_empty() {
                    out.imported.extend(module.qualified(expr));
                }
                for def in defs {
                    self.definition(def, depth, out);
                }
            }
            ExprKind::Subscript { value, index } => {
                let key = module.as_str(*index).map(str::to_owned);
                for base in self.bases(*value, depth) {
                    match (module.kind(base), &key) {
                        (ExprKind::Dict(items), Some(key)) => {
                            let entry =
                                items.iter().find(|item| item.key.and_then(|key| module.as_str(key)) == Some(key));
                            if let Some(entry) = entry {
                                self.follow(entry.value, depth + 1, out);
                            }
                        }
                        (ExprKind::Dict(items), None) => {
                            items.iter().for_each(|item| self.follow(item.value, depth + 1, out))
                        }
                        (ExprKind::Sequence { items, .. }, None) => {
                            items.iter().for_each(|item| self.follow(*item, depth + 1, out));
                        }
                        _ => {}
                    }
                }
            }
            ExprKind::Call { func, args } => {
                let tail = module.tail_str(*func).unwrap_or_default();
                if let ExprKind::Attribute { value, .. } = module.kind(*func) {
                    if tail == "get" && args.first().is_some_and(|key| module.as_str(key.value).is_some()) {
                        return;
                    }
                    if METHODS.contains(&tail) {
                        return self.follow(*value, depth + 1, out);
                    }
                }
                if GIVERS.contains(&tail)
                    && let Some(first) = args.first().filter(|arg| !arg.unpacked)
                {
                    self.follow(first.value, depth + 1, out);
                }
            }
            ExprKind::Conditional { body, orelse, .. } => {
                self.follow(*body, depth + 1, out);
                self.follow(*orelse, depth + 1, out);
            }
            ExprKind::Await(inner) | ExprKind::Walrus { value: inner, .. } | ExprKind::Starred(inner) => {
                self.follow(*inner, depth + 1, out);
            }
            ExprKind::Str(_)
            | ExprKind::Bytes(_)
            | ExprKind::Sequence { .. }
            | ExprKind::Dict(_)
            | ExprKind::Binary { .. }
                if !out.exprs.contains(&expr) =>
            {
                out.exprs.push(expr);
            }
            _ => {}
        }
    }

    /// The lists and dicts that an expression may be.
    fn bases(&self, expr: ExprId, depth: usize) -> Vec<ExprId> {
        let mut values = Values::default();
        self.follow(expr, depth + 1, &mut values);
        values.exprs
    }

    fn definition(&self, def: DefId, depth: usize, out: &mut Values) {
        let module = self.module;
        match module.definition(def).value {
            DefValue::Expr(value) => self.follow(value, depth + 1, out),
            DefValue::Element(value, place) => {
                for base in self.bases(value, depth) {
                    self.element(base, place as usize, depth, out);
                }
            }
            DefValue::Iteration(value, place) => {
                let pairs =
                    matches!(module.kind(value), ExprKind::Call { .. }) && module.tail_str(value) == Some("items");
                for base in self.bases(value, depth) {
                    match (module.kind(base), place) {
                        (ExprKind::Dict(items), Some(1)) if pairs => {
                            items.iter().for_each(|item| self.follow(item.value, depth + 1, out));
                        }
                        (ExprKind::Sequence { items, .. }, None) => {
                            items.iter().for_each(|item| self.follow(*item, depth + 1, out));
                        }
                        (ExprKind::Sequence { items, .. }, Some(place)) => {
                            for row in items {
                                if let ExprKind::Sequence { items, .. } = module.kind(*row)
                                    && let Some(item) = items.get(place as usize)
                                {
                                    self.follow(*item, depth + 1, out);
                                }
                            }
                        }
                        _ => {}
                    }
                }
            }
            DefValue::Param(function, place) => {
                let skip = usize::from(module.function(function).class.is_some());
                let param =
                    module.function(function).params.get(place as usize).map(|param| (param.name, param.default));
                let Some((name, default)) = param else { return };
                if let Some(default) = default {
                    self.follow(default, depth + 1, out);
                }
                for call in self.callers().get(&function).into_iter().flatten().take(24) {
                    let ExprKind::Call { args, .. } = module.kind(*call) else { continue };
                    let keyword = args.iter().find(|arg| arg.name == Some(name));
                    let positional = || {
                        let place = (place as usize).checked_sub(skip)?;
                        args.iter().take_while(|arg| arg.name.is_none() && !arg.unpacked).nth(place)
                    };
                    if let Some(arg) = keyword.or_else(positional) {
                        self.follow(arg.value, depth + 1, out);
                    }
                }
            }
            DefValue::Import(index) => {
                let import = &module.imports[index as usize];
                out.imported.push(format!("{}{}", ".".repeat(import.level as usize), import.qualified));
            }
            _ => {}
        }
    }

    /// The element at a place of a tuple, or of each row where one row of a list is taken apart.
    fn element(&self, base: ExprId, place: usize, depth: usize, out: &mut Values) {
        let module = self.module;
        let ExprKind::Sequence { items, .. } = module.kind(base) else { return };
        let rows: Vec<&[ExprId]> = items
            .iter()
            .filter_map(|item| match module.kind(*item) {
                ExprKind::Sequence { items, .. } => Some(&items[..]),
                _ => None,
            })
            .collect();
        if rows.len() == items.len() {
            for item in rows.iter().filter_map(|row| row.get(place)) {
                self.follow(*item, depth + 1, out);
            }
        } else if let Some(item) = items.get(place) {
            self.follow(*item, depth + 1, out);
        }
    }

    /// The calls of the functions of this module.
    fn callers(&self) -> &HashMap<FunctionId, Vec<ExprId>> {
        self.callers.get_or_init(|| {
            let mut callers: HashMap<FunctionId, Vec<ExprId>> = HashMap::new();
            for (id, expr) in self.module.exprs() {
                if let ExprKind::Call { func, .. } = &expr.kind
                    && let Some(function) = self.module.function_of(*func)
                {
                    callers.entry(function).or_default().push(id);
                }
            }
            callers
        })
    }
}

/// Whether something nearer than the place that a value goes to says what it is: its variable, its key in a dict, its list. Names
/// that say that it is no secret (`TOKEN_URL`) count too.
pub fn is_named(module: &Module, value: ExprId, targets: &Map<ExprId, Target>) -> bool {
    let says = |name: &str| classify::is_sensitive_header(name) || classify::why_not(name).is_some();
    let mut current = value;
    loop {
        let target = match targets.get(&current).copied() {
            Some(Target::Name(_, name) | Target::Field(_, name) | Target::Attribute(_, name)) => {
                Some(module.symbol(name))
            }
            Some(Target::Item(_, key)) => module.as_text(key),
            None => None,
        };
        if target.is_some_and(says) {
            return true;
        }
        let Some(parent) = module.parent(current) else { return false };
        if let ExprKind::Dict(items) = module.kind(parent)
            && let Some(key) =
                items.iter().find(|item| item.value == current).and_then(|item| module.as_text(item.key?))
            && says(key)
        {
            return true;
        }
        current = parent;
    }
}

/// The values of a global of a module, or of a field of one of its classes, by the path to it.
pub fn global(module: &Module, path: &str) -> Vec<ExprId> {
    let mut parts = path.split('.');
    let Some(first) = parts.next().and_then(|name| module.find_symbol(name)) else { return Vec::new() };
    let mut values = Values::default();
    let behind = Behind::new(module);
    match parts.next().and_then(|name| module.find_symbol(name)) {
        None if path.contains('.') => {}
        None => module.globals_of(first).iter().for_each(|def| behind.definition(*def, 0, &mut values)),
        Some(field) => {
            let class = module.class_ids().find(|(_, class)| class.name == first).map(|(id, _)| id);
            for def in class.map(|class| module.fields_of(class, field)).unwrap_or_default() {
                behind.definition(def, 0, &mut values);
            }
        }
    }
    values.exprs
}

/// The outermost list around a value, where it is one of several.
pub fn list_around(module: &Module, value: ExprId) -> Option<Span> {
    let mut current = module.parent(value);
    let mut list = None;
    while let Some(id) = current {
        match module.kind(id) {
            ExprKind::Sequence { items, .. } if items.len() > 1 => list = Some(module.span(id)),
            ExprKind::Call { .. } => break,
            _ => {}
        }
        current = module.parent(id);
    }
    list
}
