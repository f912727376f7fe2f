//! Imports: the one that a script has already, or a new one where it belongs.

use tegmen_syntax::{BlockId, DefValue, Module, PlaceKind, Span, Symbol, Target};

use super::Draft;
use super::script::Script;

/// How `tegmen.secret` is called in a script.
#[derive(Debug, Clone)]
pub struct Secret {
    /// `secret`, `tegmen.secret`, or another name.
    pub call: String,
    /// The import that it takes.
    pub import: Option<Draft>,
}

/// What the script imports already, before `offset`.
pub fn existing(module: &Module, offset: u32) -> Option<Secret> {
    imported(module, offset, "tegmen.secret", true)
        .map(|local| Secret { call: local.to_owned(), import: None })
        .or_else(|| {
            imported(module, offset, "tegmen", false)
                .map(|local| Secret { call: format!("{local}.secret"), import: None })
        })
}

/// The name under which the module itself imports something before `offset`, unless the name is used for something else too.
pub fn imported<'m>(module: &'m Module, offset: u32, qualified: &str, member: bool) -> Option<&'m str> {
    module.definitions.iter().find_map(|definition| {
        let (DefValue::Import(index), Target::Name(_, local)) = (definition.value, definition.target) else {
            return None;
        };
        let import = module.imports.get(index as usize)?;
        (definition.block == BlockId::MODULE
            && import.level == 0
            && import.member == member
            && &*import.qualified == qualified
            && import.span.end <= offset
            && is_only(module, local, qualified))
        .then(|| module.symbol(local))
    })
}

/// Whether every definition of a name is the import of the same thing.
fn is_only(module: &Module, local: Symbol, qualified: &str) -> bool {
    module.definitions.iter().all(|definition| match definition.target {
        Target::Name(_, name) | Target::Field(_, name) if name == local => match definition.value {
            DefValue::Import(index) => {
                module.imports.get(index as usize).is_some_and(|import| &*import.qualified == qualified)
            }
            // `self.secret = …` is no name.
            _ => matches!(definition.target, Target::Field(..)) && is_dotted(module, definition.span),
        },
        _ => true,
    })
}

fn is_dotted(module: &Module, span: Span) -> bool {
    module.text(span).contains('.')
}

/// `from tegmen import secret`, under a name that is free, where it belongs.
pub fn new(script: &Script<'_>) -> Option<Secret> {
    let module = script.module;
    let free = |name: &str| {
        let Some(symbol) = module.find_symbol(name) else { return true };
        // A name that is used and defined nowhere may come from `import *`.
        is_only(module, symbol, "tegmen.secret") && (module.stars.is_empty() || !is_used(module, symbol))
    };
    let call = ["secret", "tegmen_secret", "run_secret", "tegmen_secret_"].into_iter().find(|name| free(name))?;
    let what = if call == "secret" { "secret".to_owned() } else { format!("secret as {call}") };
    let import = extended(script, &what).or_else(|| placed(script, &format!("from tegmen import {what}"), "tegmen"))?;
    Some(Secret { call: call.to_owned(), import: Some(import) })
}

fn is_used(module: &Module, symbol: Symbol) -> bool {
    module.exprs().any(|(_, expr)| matches!(expr.kind, tegmen_syntax::ExprKind::Name(name) if name == symbol))
}

/// The imports at the top of the module.
fn head<'s>(script: &'s Script<'_>) -> Vec<&'s tegmen_syntax::Place> {
    let Some(layout) = script.layout() else { return Vec::new() };
    layout
        .top()
        .skip_while(|place| place.kind == PlaceKind::Docstring)
        .take_while(|place| matches!(place.kind, PlaceKind::Import | PlaceKind::Future))
        .collect()
}

/// Adds to `from tegmen import protect`.
fn extended(script: &Script<'_>, what: &str) -> Option<Draft> {
    let module = script.module;
    head(script).into_iter().find_map(|place| {
        let text = module.text(place.span);
        let names = text.strip_prefix("from tegmen import ")?;
        let plain = names.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b',' | b' '));
        plain.then(|| Draft::insert(place.span.end, format!(", {what}")))
    })
}

/// A new import among the imports at the top, or before the first statement: of Tegmen behind that of Locust, of the standard
/// library in the first group, in the order of names.
pub fn placed(script: &Script<'_>, line: &str, root: &str) -> Option<Draft> {
    let module = script.module;
    let newline = script.newline();
    let imports: Vec<_> = head(script).into_iter().filter(|place| script.is_alone(place.span)).collect();
    let root_at = |i: usize| root_of(module.text(imports[i].span));
    let adjacent = |i: usize| {
        i + 1 < imports.len()
            && script.lines_of(imports[i].span).end == script.lines_of(imports[i + 1].span).start
            && imports[i].kind != PlaceKind::Future
    };
    let mut after = imports.len().checked_sub(1);
    if root == "os" {
        if let Some(mut i) = imports.iter().position(|place| place.kind != PlaceKind::Future) {
            while root_at(i) < root && adjacent(i) {
                i += 1;
            }
            if root_at(i) > root {
                return Some(Draft::insert(script.lines_of(imports[i].span).start, format!("{line}{newline}")));
            }
            after = Some(i);
        }
    } else if let Some(mut i) = (0..imports.len()).rev().find(|i| root_at(*i) == "locust") {
        while adjacent(i) && root_at(i + 1) <= root && !root_at(i + 1).starts_with('.') {
            i += 1;
        }
        after = Some(i);
    }
    if let Some(place) = after.map(|i| imports[i]) {
        let lines = script.lines_of(place.span);
        let blank = if place.kind == PlaceKind::Future { newline } else { "" };
        return Some(if module.source()[..lines.end as usize].ends_with('\n') {
            Draft::insert(lines.end, format!("{blank}{line}{newline}"))
        } else {
            Draft::insert(lines.end, format!("{newline}{blank}{line}"))
        });
    }
    // No import to follow: before the first statement, and the comment that belongs to it.
    let first = script.layout()?.top().find(|place| !matches!(place.kind, PlaceKind::Docstring | PlaceKind::Future))?;
    let mut start = script.lines_of(first.span).start;
    let before = &module.source()[start as usize..first.span.start as usize];
    if !before.trim_matches([' ', '\t', '\u{c}']).is_empty() {
        return None;
    }
    let mut above = start;
    for comment in module.comments.iter().rev().filter(|comment| comment.own_line && comment.span.end <= start) {
        let lines = script.lines_of(comment.span);
        if lines.end != above {
            break;
        }
        above = lines.start;
    }
    // A comment at the very top is about the file.
    if above > 3 {
        start = above;
    }
    let gap = if first.kind == PlaceKind::Import { "" } else { newline };
    Some(Draft::insert(start, format!("{line}{newline}{gap}")))
}

/// The first part of what an import statement imports.
fn root_of(statement: &str) -> &str {
    let mut words = statement.split_whitespace();
    words.next();
    words.next().unwrap_or_default().split(['.', ',', ';']).next().unwrap_or_default()
}
