//! Records: a variable or field of which a sensitive entry is taken somewhere, `row["password"]`. Who shows it whole shows that too.

use std::collections::HashSet;

use tegmen_classify as classify;
use tegmen_syntax::{DefId, DefValue, ExprId, ExprKind, Module};

use super::{Flow, Origin, Taint};
use crate::project::FileId;

/// Words of names of tables that say how things are called or where they are, not what they are.
const LABELS: &[&str] = &[
    "texts",
    "messages",
    "labels",
    "strings",
    "translations",
    "translation",
    "i18n",
    "selectors",
    "selector",
    "css",
    "locators",
    "locator",
    "xpath",
    "xpaths",
    "fields",
    "columns",
    "elements",
    "ids",
    "names",
    "schema",
    "properties",
    "errors",
];

/// Whether an entry of what is called so is a text of a page or the place of an element: `SELECTORS["password"]`.
pub(super) fn has_labels(name: &str) -> bool {
    classify::words(name).last().is_some_and(|word| LABELS.contains(&word.as_str()))
}

/// An entry that is taken: what from, and its key.
pub(super) type Entry = (ExprId, String);

impl Flow<'_> {
    /// What a name or a field is: what its definitions say, or where they say nothing, that it has sensitive entries.
    pub(super) fn or_record(&self, defined: Taint, file: FileId, module: &Module, expr: ExprId) -> Taint {
        match defined.sources.is_empty() && (defined.unknown || is_row(module, expr)) {
            true => self.record(file, module, expr).unwrap_or(defined),
            false => defined,
        }
    }

    fn record(&self, file: FileId, module: &Module, expr: ExprId) -> Option<Taint> {
        if file != self.file {
            return None;
        }
        let entries = self.entries.get_or_init(|| entries(module));
        let (_, key) = entries.iter().find(|(object, _)| is_same(module, *object, expr))?;
        Some(Taint::one(Origin::Named, key, file, module.span(expr)))
    }
}

/// Whether a variable is one of the things in a list, `row = rows[0]`: that nothing is known of the list says nothing of it.
fn is_row(module: &Module, expr: ExprId) -> bool {
    let ExprKind::Name(name) = module.kind(expr) else { return false };
    module.reaching(expr, *name).iter().any(|def| match module.definition(*def).value {
        DefValue::Expr(value) => match module.kind(value) {
            ExprKind::Subscript { value, index } => {
                module.as_str(*index).is_none() && matches!(module.kind(*value), ExprKind::Name(_))
            }
            _ => false,
        },
        _ => false,
    })
}

/// All entries with a sensitive key that a module takes of names and fields.
fn entries(module: &Module) -> Vec<Entry> {
    let entry = |object: ExprId, key: ExprId| {
        let key = module.as_str(key).filter(|key| {
            classify::is_password_name(key)
                || super::tokens::is_token(key)
                || classify::is_sensitive_name(key) && key.to_lowercase().ends_with("secret")
        })?;
        // `answer["AuthenticationResult"]["IdToken"]`: who shows the answer shows the token.
        let inner = match module.kind(object) {
            ExprKind::Subscript { index, .. } => module.as_str(*index),
            _ => None,
        };
        let object = outermost(module, object);
        let name = module.tail_str(object).filter(|name| !has_labels(name) && !inner.is_some_and(has_labels))?;
        (name != "environ").then(|| (object, key.to_owned()))
    };
    let mut found: Vec<Entry> = module
        .exprs()
        .filter_map(|(_, expr)| match &expr.kind {
            ExprKind::Subscript { value, index } => entry(*value, *index),
            ExprKind::Call { func, args } => match module.kind(*func) {
                ExprKind::Attribute { value, attr } if module.symbol(*attr) == "get" => {
                    entry(*value, args.first()?.value)
                }
                _ => None,
            },
            _ => None,
        })
        .collect();
    // `row = random.choice(rows)`, `row["password"]`: who shows all rows shows that too.
    let mut known = HashSet::new();
    let lists: Vec<Entry> = found
        .iter()
        .filter_map(|(row, key)| Some((list_of(module, *row)?, key.clone())))
        .filter(|list| known.insert(list.clone()))
        .collect();
    found.extend(lists);
    found
}

/// The list that a variable or field is one thing of.
fn list_of(module: &Module, row: ExprId) -> Option<ExprId> {
    let taken = |def: DefId| match module.definition(def).value {
        DefValue::Iteration(list, None) => is_plain(module, list).then_some(list),
        DefValue::Expr(value) => match module.kind(value) {
            ExprKind::Subscript { value, index } => {
                (module.as_str(*index).is_none() && is_plain(module, *value)).then_some(*value)
            }
            ExprKind::Call { func, args } => match (module.tail_str(*func)?, module.kind(*func), args.first()) {
                ("choice" | "next", _, Some(list)) if is_plain(module, list.value) => Some(list.value),
                ("pop", ExprKind::Attribute { value, .. }, None) if is_plain(module, *value) => Some(*value),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    };
    match module.kind(row) {
        ExprKind::Name(name) => module.reaching(row, *name).into_iter().find_map(taken),
        ExprKind::Attribute { value, attr } => {
            let class = module.class_of_object(*value)?;
            module.fields_of(class, *attr).iter().copied().find_map(taken)
        }
        _ => None,
    }
}

fn is_plain(module: &Module, expr: ExprId) -> bool {
    matches!(module.kind(expr), ExprKind::Name(_) | ExprKind::Attribute { .. })
}

/// What an entry of an entry is taken of.
fn outermost(module: &Module, mut object: ExprId) -> ExprId {
    while let ExprKind::Subscript { value, .. } = module.kind(object) {
        object = *value;
    }
    object
}

/// Whether two expressions are one variable, or one field of `self`.
fn is_same(module: &Module, one: ExprId, other: ExprId) -> bool {
    match (module.kind(one), module.kind(other)) {
        (ExprKind::Name(a), ExprKind::Name(b)) => {
            // Most have other names: nothing else is asked of these.
            a == b && {
                let others = module.reaching(other, *b);
                module.reaching(one, *a).iter().any(|def| others.contains(def))
            }
        }
        (ExprKind::Attribute { value: a, attr: x }, ExprKind::Attribute { value: b, attr: y }) => {
            x == y && {
                let class = module.class_of_object(*a);
                class.is_some() && class == module.class_of_object(*b)
            }
        }
        _ => false,
    }
}
