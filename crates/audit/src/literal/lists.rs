//! Lists of credentials: `[("user", "password"), …]`, and pairs by themselves.

use tegmen_classify as classify;
use tegmen_syntax::{DefValue, Definition, ExprId, ExprKind, Module, Span, Target};

use super::python::Collector;
use super::value::Value;
use super::{Site, value};

/// Looks at a definition whose value is a list or tuple; says whether it was one of credentials.
pub fn definition(collector: &mut Collector<'_>, definition: &Definition, name: &str, value: ExprId) -> bool {
    let module = collector.module;
    let ExprKind::Sequence { items, .. } = module.kind(value) else { return false };
    if items.is_empty() || classify::is_sensitive_name(name) && module.as_str(items[0]).is_some() && items.len() != 2 {
        return false;
    }
    let words = classify::words(name);
    let about = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    // `auth = ("user", "password")`
    if let [user, password] = items[..]
        && is_pair(module, name, user, password)
    {
        collector.named("password", password, Site::Pair, definition.block);
        return true;
    }
    let rows: Vec<&[ExprId]> = items
        .iter()
        .filter_map(|item| match module.kind(*item) {
            ExprKind::Sequence { items, .. } if (2..=6).contains(&items.len()) => Some(&items[..]),
            _ => None,
        })
        .collect();
    if rows.len() != items.len() {
        return false;
    }
    let people = about(&[
        "users",
        "user",
        "accounts",
        "account",
        "logins",
        "credentials",
        "creds",
        "credential",
        "members",
        "passwords",
        "cred",
        "logons",
    ]);
    let Some(column) = password_column(module, name, &rows, people) else { return false };
    let list = module.span(value);
    for row in rows {
        if let Some(text) = row.get(column).and_then(|item| value::value_of(module, *item)) {
            entry(collector, name, text, definition, list);
        }
    }
    true
}

/// Whether two items under a name are a user and a password.
pub fn is_pair(module: &Module, name: &str, user: ExprId, password: ExprId) -> bool {
    let (Some(user), Some(_)) = (module.as_str(user), module.as_str(password)) else { return false };
    let words = classify::words(name);
    words.iter().any(|word| matches!(word.as_str(), "auth" | "credentials" | "creds" | "credential"))
        && !user.is_empty()
        && !is_field(user)
}

/// Whether a text names the field of a form rather than filling it.
pub fn is_field(text: &str) -> bool {
    matches!(text.to_lowercase().as_str(), "username" | "user" | "email" | "login" | "user_name" | "userid")
}

fn entry(collector: &mut Collector<'_>, name: &str, text: Value, definition: &Definition, list: Span) {
    let name = if classify::is_sensitive_name(name) { name } else { "password" };
    collector.add(name, text, Site::Entry, definition.block, Some(list));
}

/// Which column of the rows holds passwords: the one that is taken apart into a variable of such a name, or the second,
/// where the name of the list says that it is about people and the values look like it.
fn password_column(module: &Module, name: &str, rows: &[&[ExprId]], people: bool) -> Option<usize> {
    for definition in &module.definitions {
        let (source, column) = match definition.value {
            DefValue::Element(source, column) | DefValue::Iteration(source, Some(column)) => (source, column),
            _ => continue,
        };
        let Target::Name(_, target) = definition.target else { continue };
        if classify::is_sensitive_name(module.symbol(target)) && mentions(module, source, name, 0) {
            return Some(column as usize);
        }
    }
    let second = |row: &&[ExprId]| {
        module.as_str(row[1]).is_some_and(|value| !value.contains(' ') && !value.starts_with('/') && value.len() >= 4)
    };
    let first =
        |row: &&[ExprId]| module.as_str(row[0]).is_some_and(|value| !value.starts_with('/') && !value.contains("://"));
    let plausible = people && rows.iter().all(|row| second(row) && first(row));
    let strong = rows.iter().filter(|row| {
        module.as_str(row[1]).is_some_and(|value| {
            let lower = value.to_lowercase();
            lower.contains("pass")
                || lower.contains("pwd")
                || value.bytes().any(|b| b.is_ascii_digit()) && value.bytes().any(|b| b.is_ascii_alphabetic())
        })
    });
    (plausible && strong.count() * 2 >= rows.len()).then_some(1)
}

/// Whether an expression has a name in it: `random.choice(USERS)` has `USERS`.
fn mentions(module: &Module, expr: ExprId, name: &str, depth: usize) -> bool {
    if depth > 8 {
        return false;
    }
    match module.kind(expr) {
        ExprKind::Name(symbol) => module.symbol(*symbol) == name,
        ExprKind::Attribute { value, attr } => {
            module.symbol(*attr) == name || mentions(module, *value, name, depth + 1)
        }
        kind => {
            let mut found = false;
            kind.children(&mut |child| found |= mentions(module, child, name, depth + 1));
            found
        }
    }
}
