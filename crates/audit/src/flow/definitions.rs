//! The sources of names: what defines them, here or in another module.

use tegmen_syntax::{DefId, DefValue, ExprId, ExprKind, Function, FunctionId, Module, ScopeKind, Span, Symbol, Target};

use super::{Flow, Origin, StepKind, Taint};
use crate::project::FileId;

impl Flow<'_> {
    pub(super) fn name(&self, file: FileId, module: &Module, expr: ExprId, name: Symbol) -> Taint {
        let defs = module.reaching(expr, name);
        let text = module.symbol(name);
        let span = module.span(expr);
        if defs.is_empty() {
            if let Some(taint) = self.through_star(file, module, text) {
                return taint;
            }
            return self.by_name(file, text, span, Taint::unknown(), None);
        }
        if matches!(text, "args" | "kwargs")
            && let Some(taint) = self.wrapped(file, module, expr, &defs)
        {
            return taint;
        }
        let mut taint = self.defined(file, module, text, span, &defs);
        taint.merge(&self.entries_of(file, module, name, &defs));
        taint.merge(&self.kept_in(file, module, name, &defs));
        self.or_record(taint, file, module, expr)
    }

    /// All arguments, in what a decorator makes of a function that takes a secret: `def wrapper(*args, **kwargs): log(kwargs)`.
    fn wrapped(&self, file: FileId, module: &Module, expr: ExprId, defs: &[DefId]) -> Option<Taint> {
        if !defs.iter().any(|def| matches!(module.definition(*def).value, DefValue::Unknown)) {
            return None;
        }
        let mut scope = Some(module.block(module.block_of(expr)).scope);
        let mut around = Vec::new();
        while let Some(id) = scope {
            if let ScopeKind::Function(function) = module.scope(id).kind {
                around.push(module.symbol(module.function(function).name));
            }
            scope = module.scope(id).parent;
        }
        // The first is the wrapper itself; what decorates has it inside.
        let decorators = around.get(1..)?;
        let takes = |function: &Function| {
            let decorated =
                function.decorators.iter().filter_map(|it| module.tail_str(*it)).any(|name| decorators.contains(&name));
            let mut names = function.params.iter().map(|param| module.symbol(param.name));
            decorated && names.any(tegmen_classify::is_sensitive_name)
        };
        let found = module.functions.iter().any(takes);
        found.then(|| Taint::one(Origin::Named, module.text(module.span(expr)), file, module.span(expr)))
    }

    /// The union of what definitions of `name` give.
    pub(super) fn defined(&self, file: FileId, module: &Module, name: &str, span: Span, defs: &[DefId]) -> Taint {
        let mut all = Taint::default();
        for def in defs.iter().take(16) {
            let definition = module.definition(*def);
            let literal = match definition.value {
                DefValue::Expr(value) => module.as_text(value),
                _ => None,
            };
            let at = match definition.value {
                DefValue::Expr(value) => module.span(value),
                _ => definition.span,
            };
            let taint = self.definition(file, module, definition.value);
            // `with fetch(self.client) as resp:` says what it is, wherever it comes from.
            let taint = if taint.unknown
                && taint.sources.is_empty()
                && matches!(definition.value, DefValue::With(_))
                && matches!(name, "response" | "resp" | "res")
            {
                Taint::one(Origin::Response, name, file, definition.span)
            } else {
                taint
            };
            let taint = self.by_name(file, name, at, taint, literal);
            // What a field keeps is used elsewhere: that is a step worth showing. A variable of the same function is none.
            let kept =
                matches!(definition.target, Target::Field(..)) && !matches!(definition.value, DefValue::Import(_));
            all.merge(&if kept { taint.step(StepKind::Kept, name, file, at) } else { taint });
        }
        let _ = span;
        all
    }

    fn definition(&self, file: FileId, module: &Module, value: DefValue) -> Taint {
        match value {
            DefValue::Expr(value) | DefValue::With(value) | DefValue::Augment(value) => {
                (*self.eval(file, value)).clone()
            }
            DefValue::Element(value, index) => match module.kind(value) {
                ExprKind::Sequence { items, .. } => {
                    items.get(index as usize).map_or_else(Taint::default, |item| (*self.eval(file, *item)).clone())
                }
                // `args, rest = parser.parse_known_args()`
                ExprKind::Call { func, .. } if index == 0 && module.tail_str(*func) == Some("parse_known_args") => {
                    (*self.eval(file, value)).clone()
                }
                // `head, rest = token.split(".", 1)`
                ExprKind::Call { func, .. }
                    if matches!(module.tail_str(*func), Some("split" | "rsplit" | "partition" | "rpartition")) =>
                {
                    (*self.eval(file, value)).clone()
                }
                _ => Taint::unknown(),
            },
            DefValue::Iteration(value, index) => self.iteration(file, module, value, index),
            DefValue::Param(function, index) => self.param(file, module, function, index),
            DefValue::Import(index) => {
                let import = &module.imports[index as usize];
                let name = format!("{}{}", ".".repeat(import.level as usize), import.qualified);
                self.member(file, &name).unwrap_or_else(Taint::unknown)
            }
            // `self.token` of a property is what the property gives back.
            DefValue::Function(function) if is_property(module, function) => {
                let function = module.function(function);
                let name = module.symbol(function.name);
                match function.returns.first() {
                    Some(first) => self.union(file, function.returns.iter().copied()).step(
                        StepKind::Returned,
                        name,
                        file,
                        module.span(*first),
                    ),
                    None => Taint::unknown(),
                }
            }
            DefValue::Function(_) | DefValue::Class(_) | DefValue::Exception => Taint::default(),
            DefValue::Unknown => Taint::unknown(),
        }
    }

    fn iteration(&self, file: FileId, module: &Module, value: ExprId, index: Option<u32>) -> Taint {
        let tail = module.tail_str(value).unwrap_or_default();
        let is_call = matches!(module.kind(value), ExprKind::Call { .. });
        match (index, is_call, tail) {
            (_, true, "keys" | "range") | (Some(0), true, "items" | "enumerate") => Taint::default(),
            (Some(1), true, "items" | "enumerate") | (None, ..) => {
                let dict = match module.kind(value) {
                    ExprKind::Name(name) => {
                        module.reaching(value, *name).iter().any(|def| match module.definition(*def).value {
                            DefValue::Expr(value) => matches!(module.kind(value), ExprKind::Dict(_)),
                            _ => false,
                        })
                    }
                    ExprKind::Dict(_) => true,
                    _ => false,
                };
                if dict { Taint::default() } else { (*self.eval(file, value)).clone() }
            }
            _ => Taint::unknown(),
        }
    }

    /// A parameter: what all callers pass, and its default.
    fn param(&self, file: FileId, module: &Module, function: FunctionId, index: u32) -> Taint {
        let definition = module.function(function);
        let Some(param) = definition.params.get(index as usize) else { return Taint::unknown() };
        let mut all = Taint::default();
        let mut known = false;
        if let Some(default) = param.default {
            all.merge(&self.eval(file, default));
        }
        let local = self.local_callers(file, module);
        let skip = receiver_count(module, function);
        if skip > index {
            return Taint::unknown();
        }
        let name = module.symbol(param.name);
        let function_name = module.symbol(definition.name);
        let function_name = match definition.class {
            Some(class) if function_name == "__init__" => module.symbol(module.class(class).name),
            _ => function_name,
        };
        for call in local.get(&function).into_iter().flatten().take(24) {
            if let Some(value) = argument(module, *call, index - skip, module.symbol(param.name)) {
                known = true;
                let span = module.span(value);
                let taint = (*self.eval(file, value)).clone();
                let taint = self.by_name(file, name, span, taint, module.as_text(value));
                all.merge(&taint.step(StepKind::Passed, function_name, file, span));
            }
        }
        for (other, call) in self.project.callers(file, function).iter().take(24) {
            let Some(caller) = self.module_of(*other) else { continue };
            if let Some(value) = argument(caller, *call, index - skip, module.symbol(param.name)) {
                known = true;
                let span = caller.span(value);
                let taint = (*self.eval(*other, value)).clone();
                let taint = self.by_name(*other, name, span, taint, caller.as_text(value));
                all.merge(&taint.step(StepKind::Passed, function_name, *other, span));
            }
        }
        if !known {
            // Listeners and helpers that are called from elsewhere: the name is all there is.
            if matches!(name, "response" | "resp") {
                return Taint::one(Origin::Response, name, file, param.span);
            }
            all.unknown = true;
        }
        all
    }

    /// `from m import *`.
    fn through_star(&self, file: FileId, module: &Module, name: &str) -> Option<Taint> {
        module.stars.iter().find_map(|(star, level)| {
            let target = self.project.resolve(file, star, *level)?;
            self.global(target, name)
        })
    }

    /// What `qualified`, as imported by a file, is in the module that it comes from.
    fn member(&self, file: FileId, qualified: &str) -> Option<Taint> {
        let (target, name) = self.project.member(file, qualified)?;
        self.global(target, name)
    }

    /// `module.NAME` of an imported module of the project.
    pub(super) fn imported(&self, file: FileId, module: &Module, expr: ExprId) -> Option<Taint> {
        let qualified = module.qualified(expr)?;
        self.member(file, &qualified)
    }

    /// A global of a module.
    fn global(&self, file: FileId, name: &str) -> Option<Taint> {
        let module = self.module_of(file)?;
        let symbol = module.find_symbol(name)?;
        let defs = module.globals_of(symbol);
        if defs.is_empty() {
            return None;
        }
        // Two modules may import a name from each other.
        if !self.globals.borrow_mut().insert((file, symbol)) {
            return None;
        }
        let span = module.definition(defs[0]).span;
        let taint = self.defined(file, module, name, span, defs);
        self.globals.borrow_mut().remove(&(file, symbol));
        Some(taint)
    }

    /// Entries that are put into a dict after it was made: `headers["Authorization"] = …`.
    pub(super) fn entries_of(&self, file: FileId, module: &Module, name: Symbol, defs: &[DefId]) -> Taint {
        let is_dict = defs.iter().any(|def| match module.definition(*def).value {
            DefValue::Expr(value) => match module.kind(value) {
                ExprKind::Dict(_) => true,
                ExprKind::Call { func, .. } => matches!(module.tail_str(*func), Some("dict" | "copy" | "deepcopy")),
                _ => false,
            },
            _ => false,
        });
        let mut all = Taint::default();
        if !is_dict {
            return all;
        }
        for def in module.items_of(name) {
            let definition = module.definition(*def);
            let Target::Item(_, key) = definition.target else { continue };
            if let Some(key) = module.as_str(key)
                && tegmen_classify::is_sensitive_name(key)
            {
                let (span, literal) = match definition.value {
                    DefValue::Expr(value) => (module.span(value), module.as_text(value)),
                    _ => (definition.span, None),
                };
                let taint = self.definition(file, module, definition.value);
                all.merge(&self.by_name(file, key, span, taint, literal));
            } else if module.as_str(key).is_none() {
                // `tokens[user] = token`: one of many, whose key says nothing.
                let sources = self.definition(file, module, definition.value).sources;
                let secrets =
                    sources.into_iter().filter(|source| source.origin.is_secret() && source.origin != Origin::Dump);
                all.merge(&Taint { sources: secrets.collect(), unknown: false });
            }
        }
        all
    }
}

/// Whether a method is read like a field, and its name says that it gives what lets in: others give too much that is none.
fn is_property(module: &Module, function: FunctionId) -> bool {
    let name = module.symbol(module.function(function).name);
    let lower = name.to_lowercase();
    if !tegmen_classify::is_sensitive_name(name)
        && !["header", "auth", "access"].iter().any(|word| lower.contains(word))
    {
        return false;
    }
    let mut decorators = module.function(function).decorators.iter();
    decorators.any(|decorator| matches!(module.tail_str(*decorator), Some("property" | "cached_property")))
}

/// How many parameters of a function come before those that a call fills: `self`, `cls`.
fn receiver_count(module: &Module, function: FunctionId) -> u32 {
    let function = module.function(function);
    let is_static = function.decorators.iter().any(|decorator| module.text(module.span(*decorator)) == "staticmethod");
    u32::from(function.class.is_some() && !is_static)
}

/// The argument of a call for the parameter at `index` (without `self`) of the name `name`.
fn argument(module: &Module, call: ExprId, index: u32, name: &str) -> Option<ExprId> {
    let ExprKind::Call { args, .. } = module.kind(call) else { return None };
    if let Some(keyword) = args.iter().find(|arg| arg.name.is_some_and(|keyword| module.symbol(keyword) == name)) {
        return Some(keyword.value);
    }
    let positional = args.iter().take_while(|arg| arg.name.is_none() && !arg.unpacked);
    positional.map(|arg| arg.value).nth(index as usize)
}
