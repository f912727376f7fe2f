//! Lists of credentials: `[("user", "password"), …]`, and pairs by themselves.

use std::collections::{HashMap, HashSet};

use tegmen_classify as classify;
use tegmen_syntax::{DefValue, Definition, ExprId, ExprKind, Item, Module, Span, Target};

use super::python::Collector;
use super::value::Value;
use super::{Site, value};

/// Words of names of lists of users with their passwords.
pub const PEOPLE: &[&str] = &[
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
];

/// Words of names of one user with the password, beside those of lists.
const PERSON: &[&str] = &["admin", "administrator", "login", "member", "tester", "customer", "operator"];

/// Looks at a definition whose value is a list or tuple; says whether it was one of credentials.
pub fn definition(collector: &mut Collector<'_>, definition: &Definition, name: &str, value: ExprId) -> bool {
    let module = collector.module;
    if let ExprKind::Dict(entries) = module.kind(value) {
        return passwords_by_user(collector, definition, name, value, entries);
    }
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
    // `accounts = ["anna:…", "bert:…"]`
    let of_people =
        words.last().is_some_and(|last| PEOPLE.contains(&last.as_str()) || matches!(last.as_str(), "list" | "data"));
    if of_people && about(PEOPLE) && items.len() > 1 {
        let rows: Vec<Value> = items.iter().map_while(|item| value::value_of(module, *item)).collect();
        let pairs: Vec<(&str, Value)> = rows.iter().map_while(|row| colon(module, row)).collect();
        let users: HashSet<&str> = pairs.iter().map(|(user, _)| *user).collect();
        // `["tenant1:user-01", "tenant2:user-02"]` numbers things.
        let numbered = pairs.iter().filter(|(_, password)| is_numbered(&password.text)).count();
        if users.len() == items.len() && numbered * 2 < items.len() {
            let list = module.span(value);
            for (_, password) in pairs {
                entry(collector, name, password, definition, list, Site::Row);
            }
            return true;
        }
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
    // `login_data`, not `LOGIN_ENDPOINTS`.
    let of_logins = about(&["login"])
        && words.last().is_some_and(|last| {
            matches!(last.as_str(), "data" | "list" | "users" | "logins" | "credentials" | "accounts")
        });
    let people = about(PEOPLE) || of_logins;
    let used = collector.uses.columns.get(name).copied();
    let Some(column) = used.or_else(|| password_column(module, &rows, people)) else { return false };
    let list = module.span(value);
    for row in rows {
        // `("username", "password")` heads the columns, `("password", "txtPassword")` says what a field is called.
        let heads = row
            .first()
            .and_then(|user| module.as_str(*user))
            .is_some_and(|user| is_field(user) || classify::is_password_name(user));
        if let Some(text) = row.get(column).and_then(|item| value::value_of(module, *item))
            && !heads
        {
            entry(collector, name, text, definition, list, Site::Row);
        }
    }
    true
}

/// The user and the password of `anna:…`, where it looks like one.
fn colon<'r>(module: &Module, row: &'r Value) -> Option<(&'r str, Value)> {
    let [span] = row.spans[..] else { return None };
    let (user, password) = row.text.split_once(':')?;
    if row.open || !is_name(user) || !is_strong(password) {
        return None;
    }
    // The user's name stays where it is, unless the password is written otherwise than it reads: with escapes, or put in.
    let span = match module.text(span).ends_with(password) {
        true => Span::new(span.end - password.len() as u32, span.end),
        false => span,
    };
    Some((user, Value { text: password.to_owned(), spans: vec![span], open: false }))
}

/// Whether a text is words with a number behind them: `user-01`, `Admin-2`, and not what people take for passwords: `Summer2024`.
fn is_numbered(text: &str) -> bool {
    let words = text.trim_end_matches(|c: char| c.is_ascii_digit());
    if !words.contains(['-', '_', '.']) && words.contains(|c: char| c.is_ascii_uppercase()) {
        return false;
    }
    words.split(['-', '_', '.']).all(|word| {
        let rest = word.get(1..).unwrap_or_default();
        word.bytes().all(|b| b.is_ascii_alphabetic())
            && (rest.bytes().all(|b| b.is_ascii_lowercase()) || word.bytes().all(|b| b.is_ascii_uppercase()))
    })
}

/// `{"ellen": "…", "bob": "…"}`, where somewhere `password = USERS[user]`.
fn passwords_by_user(
    collector: &mut Collector<'_>,
    definition: &Definition,
    name: &str,
    value: ExprId,
    entries: &[Item],
) -> bool {
    let module = collector.module;
    let plain = entries.len() > 1
        && entries.iter().all(|entry| {
            entry.key.is_some_and(|key| module.as_str(key).is_some_and(|key| !classify::is_sensitive_name(key)))
                && module.as_str(entry.value).is_some()
        });
    // `PASSWORDS = {"ellen": "…"}`, `API_KEYS = {"staging": "…"}`
    let many = name.ends_with(['s', 'S']) && classify::is_sensitive_name(name);
    if !plain || !many && !collector.uses.passwords.contains(name) {
        return false;
    }
    let list = module.span(value);
    for entry in entries {
        if let Some(text) = value::value_of(module, entry.value) {
            self::entry(collector, name, text, definition, list, Site::Entry);
        }
    }
    true
}

/// What the definitions of a module say of its lists and dicts, found out once.
#[derive(Default)]
pub struct Uses {
    /// Lists, and the column of their rows that is taken apart into a variable with a sensitive name.
    columns: HashMap<String, usize>,
    /// Dicts whose values are kept as passwords.
    passwords: HashSet<String>,
}

impl Uses {
    /// Goes through the definitions of a module.
    pub fn of(module: &Module) -> Self {
        let mut uses = Self::default();
        for definition in &module.definitions {
            let (Target::Name(_, target) | Target::Field(_, target) | Target::Attribute(_, target)) = definition.target
            else {
                continue;
            };
            let target_name = module.symbol(target);
            if !classify::is_sensitive_name(target_name) {
                continue;
            }
            let password = classify::is_password_name(target_name);
            match definition.value {
                DefValue::Element(source, column) | DefValue::Iteration(source, Some(column)) => {
                    let mut names = Vec::new();
                    mentioned(module, source, &mut names, 0);
                    for name in names {
                        if password && column == 1 {
                            uses.passwords.insert(name.to_owned());
                        }
                        // `self` of `self.users.pop()` is no list.
                        if password || matches!(definition.target, Target::Name(..)) {
                            uses.columns.entry(name.to_owned()).or_insert(column as usize);
                        }
                    }
                }
                DefValue::Expr(value) if password => {
                    let source = match module.kind(value) {
                        ExprKind::Subscript { value, .. } => module.tail_str(*value),
                        ExprKind::Call { func, .. } => match module.kind(*func) {
                            ExprKind::Attribute { value, attr } if matches!(module.symbol(*attr), "get" | "pop") => {
                                module.tail_str(*value)
                            }
                            _ => None,
                        },
                        _ => None,
                    };
                    uses.passwords.extend(source.map(str::to_owned));
                }
                _ => {}
            }
        }
        uses
    }
}

/// Whether two items under a name are a user and a password.
pub fn is_pair(module: &Module, name: &str, user: ExprId, password: ExprId) -> bool {
    let (Some(user), Some(_)) = (module.as_str(user), module.as_str(password)) else { return false };
    if user.is_empty() || is_field(user) || classify::why_not(name).is_some() {
        return false;
    }
    let words = classify::words(name);
    let about = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    about(&["auth", "credentials", "creds", "credential"])
        || (about(PERSON) || about(PEOPLE)) && is_name(user) && module.as_str(password).is_some_and(is_strong)
}

/// Whether a text may be the name of a user: no sentence, no path.
pub fn is_name(text: &str) -> bool {
    text.len() >= 2
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'@' | b'+' | b'\\'))
}

/// Whether a text that stands behind the name of a user looks chosen as a password: letters with digits or signs.
pub fn is_strong(text: &str) -> bool {
    let has = |is: fn(&u8) -> bool| text.as_bytes().iter().any(is);
    text.len() >= 6
        && !text.contains([' ', '/', '@', ':'])
        && has(u8::is_ascii_alphabetic)
        && has(u8::is_ascii_digit)
        && (has(u8::is_ascii_uppercase) || has(u8::is_ascii_punctuation))
}

/// Whether a dict has a user, so that its `p` is the password.
pub fn has_user(module: &Module, items: &[Item]) -> bool {
    items.iter().any(|item| {
        item.key
            .and_then(|key| module.as_str(key))
            .is_some_and(|key| matches!(key, "u" | "user" | "username" | "login" | "email"))
    })
}

/// Whether a text names the field of a form rather than filling it.
pub fn is_field(text: &str) -> bool {
    matches!(text.to_lowercase().as_str(), "username" | "user" | "email" | "login" | "user_name" | "userid")
}

/// Whether a text is what the field of a form is called in its page: `txtPassword`.
pub fn is_field_id(text: &str) -> bool {
    let called = |kind: &str| {
        text.strip_prefix(kind).is_some_and(|rest| {
            rest.starts_with(|c: char| c.is_ascii_uppercase() || matches!(c, '_' | '-'))
                && classify::is_password_name(rest.trim_end_matches(|c: char| c.is_ascii_digit()))
        })
    };
    ["txt", "tb", "inp", "input", "edit", "fld", "field"].into_iter().any(called)
}

fn entry(collector: &mut Collector<'_>, name: &str, text: Value, definition: &Definition, list: Span, site: Site) {
    let words = classify::words(name);
    let people = words.last().is_some_and(|word| PEOPLE.contains(&word.as_str()));
    let name = if classify::is_sensitive_name(name) && !people { name } else { "password" };
    collector.add(name, text, site, definition.block, Some(list));
}

/// Which column of the rows holds passwords where nothing takes them apart: the second, where the name of the list says that
/// it is about people and the values look like it.
fn password_column(module: &Module, rows: &[&[ExprId]], people: bool) -> Option<usize> {
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

/// The names that an expression has in it: `random.choice(USERS)` has `USERS`.
fn mentioned<'m>(module: &'m Module, expr: ExprId, names: &mut Vec<&'m str>, depth: usize) {
    if depth > 8 {
        return;
    }
    match module.kind(expr) {
        ExprKind::Name(symbol) => names.push(module.symbol(*symbol)),
        ExprKind::Attribute { value, attr } => {
            names.push(module.symbol(*attr));
            mentioned(module, *value, names, depth + 1);
        }
        kind => kind.children(&mut |child| mentioned(module, child, names, depth + 1)),
    }
}
