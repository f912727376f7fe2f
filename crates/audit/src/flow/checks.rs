//! Whether the absence of a value is handled, in any of the forms that scripts have for it.

use tegmen_syntax::{
    Arg, BlockId, BoolOp, ClassId, CompareOp, DefId, DefValue, ExprId, ExprKind, Module, StmtKind, Symbol, Target,
};

/// Whether the value of an expression goes anywhere at all.
pub fn is_used(module: &Module, read: ExprId) -> bool {
    if module.parent(read).is_some() {
        return true;
    }
    let defs = definitions_of(module, read);
    if defs.is_empty() {
        return !module
            .statements
            .iter()
            .any(|statement| matches!(statement.kind, StmtKind::Expr(expr) if expr == read));
    }
    true
}

/// The definitions whose value is (or contains, through `or` and conversions) an expression.
fn definitions_of(module: &Module, read: ExprId) -> Vec<DefId> {
    let mut outer = read;
    while let Some(parent) = module.parent(outer) {
        match module.kind(parent) {
            ExprKind::BoolOp { .. }
            | ExprKind::Conditional { .. }
            | ExprKind::Walrus { .. }
            | ExprKind::Lambda { .. } => outer = parent,
            ExprKind::Attribute { attr, .. }
                if matches!(module.symbol(*attr), "strip" | "rstrip" | "lstrip" | "lower" | "upper" | "encode") =>
            {
                outer = parent
            }
            ExprKind::Call { func, .. }
                if matches!(
                    module.tail_str(*func),
                    Some(
                        "str"
                            | "int"
                            | "strip"
                            | "rstrip"
                            | "lstrip"
                            | "lower"
                            | "upper"
                            | "encode"
                            | "SecretStr"
                            | "field"
                            | "Field"
                            | "attrib"
                            | "cast"
                    )
                ) =>
            {
                outer = parent
            }
            _ => break,
        }
    }
    let mut defs = module.definitions_by_value(outer);
    // `A, B = os.getenv("A"), os.getenv("B")`
    if let Some(tuple) = module.parent(outer)
        && let ExprKind::Sequence { items, .. } = module.kind(tuple)
        && let Some(place) = items.iter().position(|item| *item == outer)
    {
        let element = DefValue::Element(tuple, place as u32);
        defs.extend(module.definitions_with(element));
    }
    defs
}

/// Whether the script looks at whether a variable that it read is there. `elsewhere` says whether another module knows a name: a
/// function that nothing here calls may be called there.
pub fn is_checked(module: &Module, read: ExprId, elsewhere: &dyn Fn(&str) -> bool) -> bool {
    // Where it stands: in a condition, a comparison, an assertion, or handed to a helper that raises.
    let mut inner = read;
    while let Some(parent) = module.parent(inner) {
        match module.kind(parent) {
            ExprKind::Compare { .. } | ExprKind::Not(_) => return true,
            // `a or fallback`: the absence is handled, well or not.
            ExprKind::BoolOp { op: BoolOp::Or, values }
                if values.last() != Some(&inner)
                    && (!matches!(
                        module.kind(*values.last().unwrap_or(&inner)),
                        ExprKind::Str(_) | ExprKind::None
                    ) || has_text(module, values)) =>
            {
                return true;
            }
            ExprKind::Conditional { test, .. } if *test == inner => return true,
            ExprKind::Call { func, args } => {
                if matches!(module.tail_str(*func), Some("all" | "any" | "bool"))
                    || refuses_none(module, *func, args, inner)
                    || option_is_checked(module, *func, args, inner)
                {
                    return true;
                }
                if checks_argument(module, *func, args.iter().position(|arg| arg.value == inner)) {
                    return true;
                }
            }
            _ => {}
        }
        inner = parent;
    }
    if is_condition(module, inner) {
        return true;
    }
    let defs = definitions_of(module, read);
    defs.iter().any(|def| definition_is_checked(module, *def, elsewhere) || is_listed(module, *def))
        || list_is_checked(module, read)
        || variable(module, read).is_some_and(|name| {
            is_in_list(module, name) && looks_up_variables(module) || is_asked_for(module, read, name)
        })
}

/// Whether a script asks by its name whether a variable is there before it reads it: `if "TOKEN" not in os.environ: raise …`.
fn is_asked_for(module: &Module, read: ExprId, name: &str) -> bool {
    let own = module.function_at(module.block_of(read));
    let is_read = |expr: ExprId| expr == read;
    module.statements.iter().any(|statement| {
        let at = module.function_at(statement.block);
        // What another function asks later on comes too late, and that it returns says nothing of this one.
        let counts = at.is_none() || at == own || statement.span.start < module.span(read).start;
        let ends = |block: BlockId| counts && leaves(module, block, at == own);
        match statement.kind {
            StmtKind::If { test, body, orelse } => match asks(module, test, name, true) {
                // What happens where it is there, and where it is not.
                Some(true) => guards(module, body, &is_read) || orelse.is_some_and(ends),
                Some(false) => ends(body) || orelse.is_some_and(|orelse| guards(module, orelse, &is_read)),
                None => false,
            },
            StmtKind::Assert { test, .. } => counts && asks(module, test, name, true) == Some(true),
            _ => false,
        }
    }) || module.exprs().any(|(_, expr)| match &expr.kind {
        ExprKind::Conditional { test, body, orelse } => match asks(module, *test, name, true) {
            Some(there) => contains(module, if there { *body } else { *orelse }, &is_read),
            None => false,
        },
        _ => false,
    })
}

/// Whether a condition asks for a variable by its name, and if so, whether it holds where the variable is there. `holds` is turned
/// around by every `not` on the way.
fn asks(module: &Module, test: ExprId, name: &str, holds: bool) -> Option<bool> {
    match module.kind(test) {
        ExprKind::Compare { left, ops, rights } => {
            let is_environ = |expr: ExprId| module.qualified(expr).is_some_and(|name| name == "os.environ");
            if module.as_str(*left) != Some(name) || !rights.first().is_some_and(|right| is_environ(*right)) {
                return None;
            }
            match ops.first()? {
                CompareOp::In => Some(holds),
                CompareOp::NotIn => Some(!holds),
                _ => None,
            }
        }
        ExprKind::Not(inner) => asks(module, *inner, name, !holds),
        kind => {
            let mut found = None;
            kind.children(&mut |child| found = found.or_else(|| asks(module, child, name, holds)));
            found
        }
    }
}

/// Whether a value is the default of an option that something looks at: `add_argument("--token", default=…)`, `if opts.token:`.
fn option_is_checked(module: &Module, func: ExprId, args: &[Arg], value: ExprId) -> bool {
    let keyword = |name: &str| args.iter().find(|arg| arg.name.is_some_and(|known| module.symbol(known) == name));
    if !crate::literal::calls::OPTIONS.contains(&module.tail_str(func).unwrap_or_default())
        || keyword("default").is_none_or(|default| default.value != value)
    {
        return false;
    }
    let options = args.iter().filter(|arg| arg.name.is_none()).filter_map(|arg| module.as_str(arg.value));
    let long = options.filter(|option| option.starts_with("--")).map(|option| option[2..].replace('-', "_")).next();
    let dest = keyword("dest").and_then(|dest| module.as_str(dest.value)).map(str::to_owned).or(long);
    let Some(symbol) = dest.and_then(|dest| module.find_symbol(&dest)) else { return false };
    let names = |expr: ExprId| match module.kind(expr) {
        ExprKind::Name(name) | ExprKind::Attribute { attr: name, .. } => *name == symbol,
        _ => false,
    };
    module.statements.iter().any(|statement| match statement.kind {
        StmtKind::If { test, .. } | StmtKind::Assert { test, .. } => contains(module, test, &names),
        _ => false,
    }) || module.exprs().any(|(_, expr)| match &expr.kind {
        ExprKind::Conditional { test, .. } => contains(module, *test, &names),
        _ => false,
    })
}

/// Clients that raise where they are made without what lets them in: where they come from, and what they are called.
const STRICT: &[(&str, &[&str])] = &[
    ("openai", &["OpenAI", "AsyncOpenAI", "AzureOpenAI", "AsyncAzureOpenAI"]),
    ("groq", &["Groq", "AsyncGroq"]),
    ("together", &["Together", "AsyncTogether"]),
    ("pinecone", &["Pinecone", "PineconeGRPC"]),
    ("twilio.rest", &["Client"]),
    ("telegram", &["Bot"]),
    ("telebot", &["TeleBot"]),
];

/// Whether a call makes a client that itself looks whether it got a key: `OpenAI(api_key=os.getenv("OPENAI_API_KEY"))`.
fn refuses_none(module: &Module, func: ExprId, args: &[Arg], value: ExprId) -> bool {
    let takes = |arg: &Arg| {
        arg.value == value && arg.name.is_none_or(|name| tegmen_classify::is_sensitive_name(module.symbol(name)))
    };
    args.iter().any(takes)
        && module.qualified(func).is_some_and(|name| {
            let made = |library: &str, class: &&str| {
                name.strip_prefix(library).is_some_and(|rest| rest.starts_with('.'))
                    && name.rsplit('.').next() == Some(class)
            };
            STRICT.iter().any(|(library, classes)| classes.iter().any(|class| made(library, class)))
        })
}

/// The name of the variable that is read.
fn variable(module: &Module, read: ExprId) -> Option<&str> {
    match module.kind(read) {
        ExprKind::Call { args, .. } => module.as_str(args.first()?.value),
        _ => None,
    }
}

/// Whether a module goes through names of variables: `for name in REQUIRED: if name not in os.environ: …`.
fn looks_up_variables(module: &Module) -> bool {
    let is_environ = |expr: ExprId| module.qualified(expr).is_some_and(|name| name == "os.environ");
    module.exprs().any(|(_, expr)| match &expr.kind {
        ExprKind::Compare { left, rights, .. } => {
            matches!(module.kind(*left), ExprKind::Name(_)) && rights.iter().any(|right| is_environ(*right))
        }
        ExprKind::Call { func, args } => {
            crate::literal::calls::is_environment_read(module, *func)
                && args.first().is_some_and(|arg| matches!(module.kind(arg.value), ExprKind::Name(_)))
        }
        _ => false,
    })
}

fn is_in_list(module: &Module, name: &str) -> bool {
    module.exprs().any(|(_, expr)| match &expr.kind {
        ExprKind::Sequence { items, .. } => items.iter().any(|item| module.as_str(*item) == Some(name)),
        _ => false,
    })
}

/// Whether another module of the project looks at whether it is there: `if config.api_token: …`.
pub fn is_checked_in(other: &Module, module: &Module, read: ExprId) -> bool {
    definitions_of(module, read).iter().any(|def| {
        let name = match module.definition(*def).target {
            Target::Name(scope, name) if module.scope(scope).parent.is_none() => module.symbol(name),
            Target::Field(class, name) if imports(other, &handles(module, class)) => module.symbol(name),
            _ => return false,
        };
        let Some(symbol) = other.find_symbol(name) else { return false };
        let names = |expr: ExprId| match other.kind(expr) {
            ExprKind::Attribute { attr, .. } => *attr == symbol,
            ExprKind::Name(name) => {
                let defs = other.globals_of(symbol);
                *name == symbol && defs.iter().any(|def| matches!(other.definition(*def).value, DefValue::Import(_)))
            }
            _ => false,
        };
        other.statements.iter().any(|statement| match statement.kind {
            StmtKind::If { test, .. } | StmtKind::Assert { test, .. } => contains(other, test, &names),
            _ => false,
        }) || other.exprs().any(|(_, expr)| match &expr.kind {
            ExprKind::Conditional { test, .. } => contains(other, *test, &names),
            ExprKind::BoolOp { op: BoolOp::Or, values } => {
                values.split_last().is_some_and(|(_, first)| first.iter().any(|value| names(*value)))
            }
            _ => false,
        })
    })
}

/// The names that an object of a class goes by outside its module: the class, and globals that are one.
fn handles(module: &Module, class: ClassId) -> Vec<&str> {
    let objects = module.definitions.iter().filter_map(|definition| match (definition.target, definition.value) {
        (Target::Name(scope, name), DefValue::Expr(value)) if module.scope(scope).parent.is_none() => {
            (module.class_of_object(value) == Some(class)).then(|| module.symbol(name))
        }
        _ => None,
    });
    std::iter::once(module.symbol(module.class(class).name)).chain(objects).collect()
}

fn imports(module: &Module, names: &[&str]) -> bool {
    !module.stars.is_empty()
        || module.imports.iter().any(|import| {
            names.iter().any(|name| {
                import.qualified.rsplit('.').next() == Some(name) || module.source().contains(&format!(".{name}"))
            })
        })
}

/// Whether a field stands by name in a list of what has to be there: `[k for k in ("api_token",) if not getattr(self, k)]`.
fn is_listed(module: &Module, def: DefId) -> bool {
    let name = match module.definition(def).target {
        Target::Name(_, name) | Target::Field(_, name) => module.symbol(name),
        _ => return false,
    };
    let looked_up = module.exprs().any(|(_, expr)| match &expr.kind {
        ExprKind::Call { func, .. } => matches!(module.tail_str(*func), Some("getattr" | "globals" | "vars")),
        _ => false,
    });
    looked_up && is_in_list(module, name)
}

fn has_text(module: &Module, values: &[ExprId]) -> bool {
    values.last().and_then(|last| module.as_str(*last)).is_some_and(|text| !text.is_empty())
}

/// Whether an expression is the condition of an `if`, `while` or `assert`.
fn is_condition(module: &Module, expr: ExprId) -> bool {
    module.statements.iter().any(|statement| match statement.kind {
        StmtKind::If { test, .. } | StmtKind::Assert { test, .. } => test == expr,
        _ => false,
    })
}

/// Whether some condition, assertion, `or`, comparison or helper looks at what a definition defines.
fn definition_is_checked(module: &Module, def: DefId, elsewhere: &dyn Fn(&str) -> bool) -> bool {
    let definition = module.definition(def);
    let names = |expr: ExprId| match (definition.target, module.kind(expr)) {
        (Target::Name(scope, name), ExprKind::Name(other)) => {
            name == *other
                && module.lookup(module.block(module.block_of(expr)).scope, name).iter().any(|found| {
                    match module.definition(*found).target {
                        Target::Name(other, _) => other == scope,
                        _ => false,
                    }
                })
        }
        (Target::Field(class, name), ExprKind::Attribute { value, attr }) => {
            name == *attr
                && module
                    .class_of_object(*value)
                    .is_some_and(|other| other == class || module.fields_of(other, name).contains(&def))
        }
        (Target::Field(_, name), ExprKind::Name(other)) => {
            name == *other && module.lookup(module.block(module.block_of(expr)).scope, name).contains(&def)
        }
        (Target::Attribute(_, name), ExprKind::Attribute { attr, .. }) => name == *attr,
        (Target::Item(_, key), ExprKind::Subscript { index, .. }) => {
            module.as_str(key).is_some() && module.as_str(key) == module.as_str(*index)
        }
        _ => false,
    };
    for statement in &module.statements {
        let looks = match statement.kind {
            StmtKind::If { test, body, orelse } => {
                contains(module, test, &names)
                    && (ends(module, body)
                        || orelse.is_some_and(|orelse| ends(module, orelse))
                        || guards(module, body, &names))
            }
            StmtKind::Assert { test, .. } => contains(module, test, &names),
            _ => false,
        };
        let here = || {
            let function = module.function_at(statement.block);
            function.is_some() && function == module.function_at(definition.block)
        };
        if looks && (here() || runs(module, statement.block, elsewhere)) {
            return true;
        }
    }
    // `required = {"TOKEN": TOKEN}`, whose entries are all looked at.
    let listed = module.exprs().any(|(id, expr)| {
        matches!(expr.kind, ExprKind::Dict(_) | ExprKind::Sequence { .. })
            && module.parent(id).is_none()
            && list_has(module, id, &names)
            && entries_are_checked(module, id)
    });
    // The same where the list stands in the loop itself.
    let written = |expr: ExprId| {
        matches!(module.kind(expr), ExprKind::Dict(_) | ExprKind::Sequence { .. }) && contains(module, expr, &names)
    };
    // `x or sys.exit()`, `x if x else …`, `check(x)`, `require(x)`.
    listed
        || are_gone_through(module, &written)
        || module.exprs().any(|(id, expr)| match &expr.kind {
            ExprKind::Conditional { test, .. } => contains(module, *test, &names),
            ExprKind::BoolOp { op: BoolOp::Or, values } => {
                module.span(id).start > definition.span.start
                    && values.split_last().is_some_and(|(last, first)| {
                        matches!(module.kind(*last), ExprKind::Call { .. }) && first.iter().any(|value| names(*value))
                    })
            }
            ExprKind::Call { func, args } => {
                args.iter().find(|arg| names(arg.value)).is_some_and(|arg| refuses_none(module, *func, args, arg.value))
                    || args
                        .iter()
                        .position(|arg| names(arg.value) || list_has(module, arg.value, &names))
                        .is_some_and(|place| checks_argument(module, *func, Some(place)))
            }
            _ => false,
        })
}

/// Whether a block is ever run, as far as can be told: a function that nothing calls, hands on or decorates is not.
fn runs(module: &Module, block: BlockId, elsewhere: &dyn Fn(&str) -> bool) -> bool {
    let Some(id) = module.function_at(block) else { return true };
    let function = module.function(id);
    if !function.decorators.is_empty() {
        return true;
    }
    // A method is called by whoever made the class that its own is built on, or by Python.
    if let Some(class) = function.class
        && (!module.class(class).bases.is_empty() || module.symbol(function.name).starts_with("__"))
    {
        return true;
    }
    let named = |expr: &ExprKind| match expr {
        ExprKind::Name(name) => *name == function.name,
        ExprKind::Attribute { attr, .. } => *attr == function.name,
        _ => false,
    };
    module.exprs().any(|(_, expr)| named(&expr.kind)) || elsewhere(module.symbol(function.name))
}

fn list_has(module: &Module, expr: ExprId, names: &dyn Fn(ExprId) -> bool) -> bool {
    match module.kind(expr) {
        ExprKind::Sequence { items, .. } => items.iter().any(|item| names(*item)),
        ExprKind::Dict(items) => items.iter().any(|item| names(item.value)),
        _ => false,
    }
}

/// Whether the value stands in a list or dict whose entries are all looked at: `for name, value in required.items(): if not value: …`.
fn list_is_checked(module: &Module, read: ExprId) -> bool {
    let Some(parent) = module.parent(read) else { return false };
    if !matches!(module.kind(parent), ExprKind::Dict(_) | ExprKind::Sequence { .. }) {
        return false;
    }
    entries_are_checked(module, parent)
}

/// Whether something goes through all entries of a list or dict and asks whether they are there.
fn entries_are_checked(module: &Module, list: ExprId) -> bool {
    module.definitions_by_value(list).iter().any(|def| match module.definition(*def).target {
        Target::Name(_, name) => {
            module.exprs().any(|(_, expr)| match &expr.kind {
                ExprKind::Call { func, args } if matches!(module.tail_str(*func), Some("all" | "any")) => {
                    args.iter().any(|arg| contains(module, arg.value, &is_name(module, name)))
                }
                _ => false,
            }) || are_gone_through(module, &is_name(module, name))
        }
        _ => false,
    })
}

/// Whether a loop goes through what `is` accepts and asks each thing whether it is there: `[n for n, v in pairs if not v]`,
/// `for n, v in pairs: if not v: raise …`.
fn are_gone_through(module: &Module, is: &dyn Fn(ExprId) -> bool) -> bool {
    let comprehension = module.exprs().any(|(_, expr)| match &expr.kind {
        ExprKind::Comprehension { generators, .. } => {
            generators.iter().any(|generator| !generator.conditions.is_empty() && contains(module, generator.iter, is))
        }
        _ => false,
    });
    comprehension
        || module.definitions.iter().any(|definition| {
            let (DefValue::Iteration(list, _), Target::Name(_, name)) = (definition.value, definition.target) else {
                return false;
            };
            let each = is_name(module, name);
            contains(module, list, is)
                && module.statements.iter().any(|statement| match statement.kind {
                    StmtKind::If { test, body, .. } => contains(module, test, &each) && ends(module, body),
                    StmtKind::Assert { test, .. } => contains(module, test, &each),
                    _ => false,
                })
        })
}

/// Whether a block, or one inside it, stops what is going on: `raise`, `return`, `sys.exit()`, `runner.quit()`.
fn ends(module: &Module, block: BlockId) -> bool {
    leaves(module, block, true)
}

/// Whether a block raises or stops the test; or, if that counts, returns.
fn leaves(module: &Module, block: BlockId, returns: bool) -> bool {
    module.statements.iter().any(|statement| {
        let inside = {
            let mut current = Some(statement.block);
            let mut found = false;
            while let Some(id) = current {
                if id == block {
                    found = true;
                    break;
                }
                current = module.block(id).parent;
            }
            found
        };
        inside
            && match &statement.kind {
                StmtKind::Raise(_) => true,
                StmtKind::Return(_) | StmtKind::Jump => returns,
                StmtKind::Expr(expr) => match module.kind(*expr) {
                    ExprKind::Call { func, .. } => {
                        let tail = module.tail_str(*func).unwrap_or_default();
                        matches!(
                            tail,
                            "exit" | "_exit" | "quit" | "abort" | "fail" | "stop" | "skip" | "interrupt" | "error"
                        ) || module.function_of(*func).is_some_and(|function| raises(module, function))
                    }
                    _ => false,
                },
                _ => false,
            }
    })
}

fn raises(module: &Module, function: tegmen_syntax::FunctionId) -> bool {
    let body = module.function(function).body;
    module.statements.iter().any(|statement| matches!(statement.kind, StmtKind::Raise(_)) && statement.block == body)
}

/// Whether a condition's block uses the value: `if token: headers["Authorization"] = token` goes without it otherwise.
fn guards(module: &Module, block: BlockId, names: &dyn Fn(ExprId) -> bool) -> bool {
    module.exprs().any(|(id, _)| {
        names(id) && {
            let mut current = Some(module.block_of(id));
            while let Some(found) = current {
                if found == block {
                    return true;
                }
                current = module.block(found).parent;
            }
            false
        }
    })
}

/// Whether a function of this module raises or exits depending on its parameter at `place`.
fn checks_argument(module: &Module, func: ExprId, place: Option<usize>) -> bool {
    let Some(place) = place else { return false };
    let Some(id) = module.function_of(func) else {
        let words = tegmen_classify::words(module.tail_str(func).unwrap_or_default());
        return words
            .iter()
            .any(|word| matches!(word.as_str(), "require" | "required" | "ensure" | "check" | "validate" | "assert"));
    };
    let function = module.function(id);
    let index = place + usize::from(function.class.is_some());
    let Some(param) = function.params.get(index) else { return false };
    module.statements.iter().any(|statement| match statement.kind {
        StmtKind::If { test, body, orelse } => {
            module.block(statement.block).scope == function.scope
                && contains(module, test, &is_name(module, param.name))
                && (ends(module, body) || orelse.is_some_and(|orelse| ends(module, orelse)))
        }
        StmtKind::Assert { test, .. } => {
            module.block(statement.block).scope == function.scope
                && contains(module, test, &is_name(module, param.name))
        }
        _ => false,
    })
}

/// Whether an expression is a name.
fn is_name(module: &Module, name: Symbol) -> impl Fn(ExprId) -> bool + '_ {
    move |expr| matches!(module.kind(expr), ExprKind::Name(other) if *other == name)
}

/// Whether an expression is, or has inside it, one that `is` accepts.
fn contains(module: &Module, expr: ExprId, is: &dyn Fn(ExprId) -> bool) -> bool {
    if is(expr) {
        return true;
    }
    let mut found = false;
    module.kind(expr).children(&mut |child| found = found || contains(module, child, is));
    found
}
