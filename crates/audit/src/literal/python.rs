//! Literals of a Python module, with the names that they go by.

mod strings;

use std::cell::LazyCell;

pub use strings::{header_line, looks_like_code};
use tegmen_classify as classify;
use tegmen_syntax::{BlockId, BoolOp, DefValue, ExprId, ExprKind, FPart, Module, SequenceKind, Span, StmtKind, Target};

use super::behind::{self, Behind, Used};
use super::judge::{is_pin, is_plain_key, is_telemetry_headers, is_user_info, judge};
use super::value::{Value, value_of};
use super::{Judged, Literal, Site, calls, lists};
use crate::quick::{Map, Set};

/// Collects the judged literals of a module.
pub struct Collector<'m> {
    /// The module.
    pub module: &'m Module,
    found: Vec<Judged>,
    /// Where literals start that were looked at under a name.
    covered: Set<u32>,
    /// What is assigned where: the target of the definition whose value an expression is.
    targets: Map<ExprId, Target>,
    /// What the definitions say of lists and dicts.
    pub uses: lists::Uses,
    /// Where values come from.
    behind: Behind<'m>,
    /// What goes from other modules to sensitive places of this one.
    used: Vec<Used>,
}

/// All literals of a module that are judged to be secrets, and what it takes from other modules for places where secrets go.
pub fn collect(module: &Module) -> (Vec<Judged>, Vec<Used>) {
    let mut collector = Collector::new(module);
    collector.run();
    (collector.found, collector.used)
}

/// Adds the literals of a module that only other modules say what they are: by the path to a global, with the name and kind of the
/// place that it goes to there.
pub fn collect_used(module: &Module, uses: &[(String, String, Site)], found: &mut Vec<Judged>) {
    let mut collector = Collector::new(module);
    collector.covered.extend(found.iter().flat_map(|judged| judged.literal.spans.iter().map(|span| span.start)));
    for (path, name, site) in uses {
        for value in behind::global(module, path) {
            collector.at_place(name, value, *site);
        }
    }
    found.append(&mut collector.found);
}

impl<'m> Collector<'m> {
    fn new(module: &'m Module) -> Self {
        let targets = module
            .definitions
            .iter()
            .filter_map(|definition| match definition.value {
                DefValue::Expr(value) => Some((value, definition.target)),
                _ => None,
            })
            .collect();
        Self {
            module,
            found: Vec::new(),
            covered: Set::default(),
            targets,
            uses: lists::Uses::of(module),
            behind: Behind::new(module),
            used: Vec::new(),
        }
    }

    fn run(&mut self) {
        let module = self.module;
        for (id, expr) in module.exprs() {
            match &expr.kind {
                ExprKind::Call { func, args } => calls::call(self, id, *func, args),
                ExprKind::BoolOp { op: BoolOp::Or, values } => calls::alternatives(self, id, values),
                _ => {}
            }
        }
        let starred = LazyCell::new(|| beside_stars(module));
        for definition in &module.definitions {
            // What goes where in `A, *B, PASSWORD = …` is not known.
            let known = match definition.value {
                DefValue::Element(tuple, _) => {
                    !starred.contains(&definition.span.start) && !starred.contains(&module.span(tuple).start)
                }
                _ => true,
            };
            if known {
                self.definition(definition);
            }
        }
        for function in &module.functions {
            for param in &function.params {
                if let Some(default) = param.default {
                    self.named(module.symbol(param.name), default, Site::Default, function.body);
                }
            }
        }
        for (id, expr) in module.exprs() {
            match &expr.kind {
                ExprKind::Dict(items) => {
                    let echoes = |item: &tegmen_syntax::Item| {
                        item.key
                            .and_then(|key| module.as_text(key))
                            .is_some_and(|key| module.as_text(item.value) == Some(key))
                    };
                    // `{"username": "username", "password": "password"}` names what belongs there.
                    let sample = items.iter().filter(|item| echoes(item)).count() > 1;
                    let texts = are_texts(module, items);
                    let has_user = LazyCell::new(|| lists::has_user(module, items));
                    for item in items {
                        let text = || module.as_text(item.value).is_some_and(is_text);
                        if sample && echoes(item) || texts && text() {
                            continue;
                        }
                        if let Some(name) = item.key.and_then(|key| module.as_text(key)) {
                            let site = self.key_site(id, name);
                            // `{"u": "anna", "p": "…"}`
                            let strong = || module.as_str(item.value).is_some_and(lists::is_strong);
                            let name = if name == "p" && *has_user && strong() { "password" } else { name };
                            self.named(name, item.value, site, module.block_of(id));
                        }
                    }
                }
                ExprKind::Sequence { items, kind } if items.len() == 2 && *kind != SequenceKind::Set => {
                    if let Some(name) = module.as_text(items[0])
                        && is_key(name)
                        // `("PW", "Palau")`
                        && name.len() > 2
                        && classify::is_sensitive_header(name)
                        // `("password", "password")` is a sample, or names a field.
                        && module.as_text(items[1]) != Some(name)
                        && !module.as_text(items[1]).is_some_and(lists::is_field_id)
                    {
                        self.named(name, items[1], Site::Header, module.block_of(id));
                    }
                }
                _ => {}
            }
        }
        let docstrings: Set<ExprId> = module
            .statements
            .iter()
            .filter_map(|statement| match statement.kind {
                StmtKind::Text(text, _) => Some(text),
                _ => None,
            })
            .collect();
        for (id, expr) in module.exprs() {
            match &expr.kind {
                ExprKind::Str(_) | ExprKind::Bytes(_) if !docstrings.contains(&id) => self.bare(id),
                ExprKind::FString(parts) => self.template(id, parts),
                _ => {}
            }
        }
        self.dead();
    }

    fn definition(&mut self, definition: &tegmen_syntax::Definition) {
        let module = self.module;
        let value = match definition.value {
            DefValue::Expr(value) => value,
            // `USER, PASSWORD = "anna", "…"`
            DefValue::Element(tuple, place) => match module.kind(tuple) {
                ExprKind::Sequence { items, .. } if items.get(place as usize).is_some() => items[place as usize],
                _ => return,
            },
            _ => return,
        };
        if self.is_member(definition.target, value) {
            return;
        }
        let (name, site) = match definition.target {
            Target::Name(_, name) | Target::Field(_, name) | Target::Attribute(_, name) => {
                (module.symbol(name), Site::Variable)
            }
            Target::Item(object, key) => {
                let Some(key) = module.as_text(key) else { return };
                let object = module.tail_str(object).unwrap_or_default().to_lowercase();
                let site = match () {
                    () if object.contains("header") || is_header(key) => Site::Header,
                    () if object.contains("cookie") => Site::Cookie,
                    () => Site::Key,
                };
                (key, site)
            }
        };
        if lists::definition(self, definition, name, value) {
            return;
        }
        self.named(name, value, site, definition.block);
    }

    /// Whether a definition is the member of an enumeration, with a name for its value: `PASSWORD = "password"`.
    fn is_member(&self, target: Target, value: ExprId) -> bool {
        let Target::Field(class, _) = target else { return false };
        let module = self.module;
        let counts = |base: &ExprId| {
            matches!(module.tail_str(*base), Some("Enum" | "StrEnum" | "IntEnum" | "Flag" | "TextChoices"))
        };
        module.class(class).bases.iter().any(counts)
            && module.as_str(value).is_some_and(|text| {
                text.bytes().all(|b| b.is_ascii_alphabetic() || matches!(b, b'_' | b'-' | b' ' | b'.' | b':'))
            })
    }

    /// A literal under a name; lists and tuples of literals one by one.
    pub fn named(&mut self, name: &str, value: ExprId, site: Site, block: BlockId) {
        // `children["{urn:classes:Password}Length"]`
        if name.contains(['{', '}']) {
            return;
        }
        // As the name of an environment variable it is the directory; as that of a constant it is not.
        let name = if name == "PWD" && site == Site::Variable { "pwd" } else { name };
        match self.module.kind(value) {
            // `os.environ["PW"] if "PW" in os.environ else "…"`
            ExprKind::Conditional { body, orelse, .. } => {
                let (body, orelse) = (*body, *orelse);
                self.named(name, body, site, block);
                self.named(name, orelse, site, block);
                return;
            }
            // `password: str = Field(default="…")`, `token: str = typer.Option("…")`
            ExprKind::Call { func, args }
                if matches!(self.module.tail_str(*func), Some("Field" | "field" | "Option")) =>
            {
                let default = args
                    .iter()
                    .find(|arg| arg.name.is_some_and(|name| self.module.symbol(name) == "default"))
                    .or_else(|| args.first().filter(|arg| arg.name.is_none()));
                if let Some(default) = default.map(|arg| arg.value) {
                    self.named(name, default, site, block);
                }
                return;
            }
            _ => {}
        }
        let sensitive = classify::is_sensitive_name(name)
            || site == Site::Header && (classify::is_sensitive_header(name) || classify::is_auth_field(name))
            || is_telemetry_headers(name)
            || is_pin(name)
            || is_user_info(name)
            || is_plain_key(name) && site == Site::Key
            || classify::is_mnemonic_name(name);
        if let ExprKind::Sequence { items, .. } = self.module.kind(value)
            && sensitive
        {
            // `Client(credentials=("user", "password"))`
            if let [user, password] = items[..]
                && lists::is_pair(self.module, name, user, password)
            {
                self.named("password", password, Site::Pair, block);
                return;
            }
            let list = self.module.span(value);
            for item in items.iter().take(100_000) {
                if let Some(text) = value_of(self.module, *item) {
                    self.add(name, text, Site::Entry, block, Some(list));
                }
            }
            return;
        }
        if !sensitive && !matches!(site, Site::Fallback | Site::Cookie | Site::Pair | Site::EnvironmentName) {
            // `secureCookieUser1 = "session=…"`
            if name.len() < 80
                && name.to_lowercase().contains("cookie")
                && let Some(text) = value_of(self.module, value)
                && text.text.contains('=')
            {
                self.add("Cookie", text, Site::Header, block, self.list_around(value));
                return;
            }
            // `auth = "Bearer …"` says what it is whatever it is called.
            if let Some(text) = leftmost(self.module, value).and_then(|_| value_of(self.module, value)) {
                self.add("Authorization", text, Site::Header, block, self.list_around(value));
            }
            return;
        }
        let text = value_of(self.module, value);
        if text.as_ref().is_none_or(|text| text.open) {
            self.follow(name, value, site);
        }
        if let Some(text) = text {
            let list = self.list_around(value);
            self.add(name, text, site, block, list);
        }
    }

    /// The literals that stand elsewhere, under names that do not say what they are.
    fn follow(&mut self, name: &str, value: ExprId, site: Site) {
        let Some(carried) = self.behind.carried(value) else { return };
        let values = self.behind.of(carried);
        for qualified in values.imported {
            let used = Used { qualified, name: name.to_owned(), site };
            if !self.used.contains(&used) {
                self.used.push(used);
            }
        }
        for value in values.exprs {
            self.at_place(name, value, site);
        }
    }

    /// A literal, or a list of them, that goes to a place of this name.
    fn at_place(&mut self, name: &str, value: ExprId, site: Site) {
        let module = self.module;
        if let ExprKind::Sequence { items, .. } = module.kind(value) {
            if items.iter().all(|item| matches!(module.kind(*item), ExprKind::Str(_))) {
                for item in items.iter().take(1000) {
                    self.at_place(name, *item, site);
                }
            }
            return;
        }
        if behind::is_named(module, value, &self.targets) {
            return;
        }
        let Some(text) = value_of(module, value).filter(|text| !text.open) else { return };
        let list = self.list_around(value);
        let site = match site {
            Site::Cookie | Site::Header | Site::Pair => site,
            _ if list.is_some() => Site::Entry,
            _ => Site::Variable,
        };
        self.add(name, text, site, module.block_of(value), list);
    }

    /// Judges a value and keeps it if it is a secret.
    pub fn add(&mut self, name: &str, value: Value, site: Site, block: BlockId, list: Option<Span>) {
        let fresh = value.spans.iter().any(|span| self.covered.insert(span.start));
        if !fresh {
            return;
        }
        let literal =
            Literal { name: name.to_owned(), value: value.text, spans: value.spans, site, block: Some(block), list };
        let spans = literal.spans.clone();
        match judge(literal, value.open) {
            Some(judged) => self.found.push(judged),
            // A value that its name does not give away may still have something inside.
            None => {
                for span in spans {
                    self.covered.remove(&span.start);
                }
            }
        }
    }

    fn list_around(&self, value: ExprId) -> Option<Span> {
        behind::list_around(self.module, value)
    }

    fn key_site(&self, dict: ExprId, name: &str) -> Site {
        let context = self.place_of(dict);
        match () {
            () if context.contains("cookie") => Site::Cookie,
            () if context.contains("header") || is_header(name) => Site::Header,
            () => Site::Key,
        }
    }

    /// What a dict goes into: the keyword of a call, or the variable that it is assigned to, in lower case.
    fn place_of(&self, dict: ExprId) -> String {
        if let Some(parent) = self.module.parent(dict) {
            if let ExprKind::Call { args, func } = self.module.kind(parent)
                && let Some(arg) = args.iter().find(|arg| arg.value == dict)
            {
                return match (arg.name, self.module.kind(*func)) {
                    (Some(name), _) => self.module.symbol(name).to_lowercase(),
                    // `client.cookies.update({"sid": "…"})`
                    (None, ExprKind::Attribute { value, attr }) if self.module.symbol(*attr) == "update" => {
                        self.module.tail_str(*value).unwrap_or_default().to_lowercase()
                    }
                    _ => String::new(),
                };
            }
            return String::new();
        }
        match self.targets.get(&dict).copied() {
            Some(Target::Name(_, name) | Target::Field(_, name) | Target::Attribute(_, name)) => {
                self.module.symbol(name).to_lowercase()
            }
            _ => String::new(),
        }
    }
}

/// Where tuples and lists with a starred item start, and their items: `A, *B, PASSWORD`.
fn beside_stars(module: &Module) -> Set<u32> {
    let mut starts = Set::default();
    for (id, expr) in module.exprs() {
        if let ExprKind::Sequence { items, .. } = &expr.kind
            && items.iter().any(|item| matches!(module.kind(*item), ExprKind::Starred(_)))
        {
            starts.insert(module.span(id).start);
            starts.extend(items.iter().map(|item| module.span(*item).start));
        }
    }
    starts
}

/// The string that an expression begins with, if that is the scheme of an `Authorization` header.
fn leftmost(module: &Module, expr: ExprId) -> Option<&str> {
    let text = match module.kind(expr) {
        ExprKind::Str(_) => module.as_str(expr)?,
        ExprKind::Binary { left, .. } => return leftmost(module, *left),
        ExprKind::FString(parts) => match parts.first()? {
            FPart::Text(span) => module.text(*span),
            FPart::Expr(_) => return None,
        },
        _ => return None,
    };
    let start = text.get(..6)?;
    (start.eq_ignore_ascii_case("bearer") || start.eq_ignore_ascii_case("basic ")).then_some(text)
}

/// Whether a name can be the key of something: no path, no sentence.
pub fn is_key(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 80
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

/// Whether a key is the name of a header even outside a dict of headers.
fn is_header(name: &str) -> bool {
    name.eq_ignore_ascii_case("authorization")
        || name.eq_ignore_ascii_case("cookie")
        || name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("x-"))
        || name.eq_ignore_ascii_case("ocp-apim-subscription-key")
}

/// Whether a dict has the texts of a page: `{"password": "Passwort", "hint": "At least twelve characters"}`. Who logs in has a name.
fn are_texts(module: &Module, items: &[tegmen_syntax::Item]) -> bool {
    let user = |item: &tegmen_syntax::Item| {
        let key = item.key.and_then(|key| module.as_text(key)).unwrap_or_default();
        lists::is_field(key) && module.as_text(item.value).is_some_and(|value| !value.contains(' '))
    };
    let texts: Vec<&str> = items.iter().take(1000).filter_map(|item| module.as_text(item.value)).collect();
    let sentences = texts.iter().filter(|text| text.trim().contains(' ')).count();
    let all = texts.len() == 2 && sentences == 2;
    (all || texts.len() > 2 && sentences * 3 >= texts.len()) && !items.iter().take(1000).any(user)
}

/// Whether a value may be such a text: words, of which the first is written large or which are several.
fn is_text(value: &str) -> bool {
    let mark = |c: char| matches!(c, ' ' | '.' | ',' | '!' | '?' | '\'' | '’' | ':' | '-');
    value.chars().all(|c| c.is_alphabetic() || mark(c))
        && (value.trim().contains(' ') || value.chars().next().is_some_and(char::is_uppercase))
}
