//! The sources of each kind of expression.

use tegmen_classify as classify;
use tegmen_syntax::{BinaryOp, BoolOp, ExprId, ExprKind, FPart, Item, Module};

use super::calls::{self, OPTIONS, is_options};
use super::{Flow, Origin, Taint};
use crate::project::FileId;

/// Keys under which a response keeps all that it has to say.
const CONTAINERS: &[&str] = &["data", "result", "results", "response", "body", "payload", "content"];

/// Whether a name is that of a session's id. A literal under it may well open a session; what an API gives out under it is in
/// general the id of a chat, a game or a cart.
fn is_identifier(name: &str) -> bool {
    let words = classify::words(name);
    matches!(words.as_slice(), [.., session, id] if session == "session" && id == "id")
}

/// Whether an entry of what a secrets manager gives is one that stands beside the secret.
fn is_beside(key: &str) -> bool {
    let plain = [
        "user",
        "username",
        "login",
        "email",
        "account",
        "host",
        "hostname",
        "port",
        "url",
        "uri",
        "endpoint",
        "address",
        "server",
        "db",
        "dbname",
        "database",
        "schema",
        "engine",
        "region",
        "name",
        "id",
        "metadata",
        "version",
        "created",
        "time",
        "lease",
        "duration",
        "renewable",
        "ttl",
        "policies",
        "arn",
        "stages",
        "expiration",
        "type",
    ];
    classify::words(key).last().is_some_and(|word| plain.contains(&word.as_str()))
}

/// Letters and digits: what passwords and tokens have, and words do not.
fn is_mixed(text: &str) -> bool {
    text.len() >= 4 && text.bytes().any(|b| b.is_ascii_digit()) && text.bytes().any(|b| b.is_ascii_alphabetic())
}

/// Whether a name is that of an exception that was caught.
pub(super) fn is_exception(module: &Module, expr: ExprId) -> bool {
    let ExprKind::Name(name) = module.kind(expr) else { return false };
    let defs = module.reaching(expr, *name);
    defs.iter().any(|def| matches!(module.definition(*def).value, tegmen_syntax::DefValue::Exception))
}

impl Flow<'_> {
    pub(super) fn expression(&self, file: FileId, module: &Module, expr: ExprId) -> Taint {
        match module.kind(expr) {
            ExprKind::Str(_) | ExprKind::Bytes(_) | ExprKind::Number | ExprKind::Bool(_) | ExprKind::None => {
                Taint::default()
            }
            ExprKind::Compare { .. } | ExprKind::Not(_) | ExprKind::Lambda { .. } => Taint::default(),
            ExprKind::Name(name) => self.name(file, module, expr, *name),
            ExprKind::Attribute { value, attr } => self.attribute(file, module, expr, *value, *attr),
            ExprKind::Subscript { value, index } => self.subscript(file, module, expr, *value, *index),
            ExprKind::Call { func, args } => calls::call(self, file, module, expr, *func, args),
            ExprKind::FString(parts) => self.union(
                file,
                parts.iter().filter_map(|part| match part {
                    FPart::Expr(expr) => Some(*expr),
                    FPart::Text(_) => None,
                }),
            ),
            ExprKind::Dict(items) => self.dict(file, module, items),
            ExprKind::Sequence { items, .. } => {
                let mut taint = self.union(file, items.iter().copied());
                // One of several literals: what it is, its name has to say.
                taint.unknown |= items.iter().any(|item| module.as_str(*item).is_some_and(is_mixed));
                taint
            }
            ExprKind::Binary { op, left, right } => match op {
                BinaryOp::Add | BinaryOp::Mod | BinaryOp::Or => self.union(file, [*left, *right].into_iter()),
                BinaryOp::Mult | BinaryOp::Other => Taint::default(),
            },
            ExprKind::BoolOp { op: BoolOp::Or, values } => self.union(file, values.iter().copied()),
            ExprKind::BoolOp { op: BoolOp::And, values } => self.union(file, values.last().copied().into_iter()),
            ExprKind::Conditional { body, orelse, .. } => self.union(file, [*body, *orelse].into_iter()),
            ExprKind::Comprehension { element, generators, .. } => {
                let mut taint = self.union(file, [*element].into_iter());
                // Whoever picks what begins with `PERF_` does not dump everything.
                if generators.iter().any(|generator| !generator.conditions.is_empty()) {
                    taint.sources.retain(|source| source.origin != Origin::Dump);
                }
                taint
            }
            ExprKind::Walrus { value, .. } | ExprKind::Await(value) | ExprKind::Starred(value) => {
                self.union(file, [*value].into_iter())
            }
            ExprKind::Other(_) => Taint::unknown(),
        }
    }

    pub(super) fn union(&self, file: FileId, exprs: impl Iterator<Item = ExprId>) -> Taint {
        let mut taint = Taint::default();
        for expr in exprs {
            taint.merge(&self.eval(file, expr));
        }
        taint
    }

    /// What a sensitive name adds: a literal under it is a secret, what cannot be followed is taken to be one, and what comes out of
    /// a response is a token.
    pub(super) fn by_name(
        &self,
        file: FileId,
        name: &str,
        span: tegmen_syntax::Span,
        taint: Taint,
        literal: Option<&str>,
    ) -> Taint {
        // As the name of an environment variable it is the directory; as that of a constant it is not.
        let name = if name == "PWD" { "pwd" } else { name };
        if !classify::is_sensitive_name(name) {
            return taint;
        }
        if let Some(value) = literal
            && !value.is_empty()
            && !classify::is_dummy(value)
        {
            return Taint::one(Origin::Literal, name, file, span);
        }
        if taint.secret().is_some() || is_identifier(name) {
            return taint;
        }
        // `refresh_token = self.client.post(…)` is a response that has one in it.
        if let Some(response) = taint.find(&[Origin::LoginResponse, Origin::Response]) {
            return Taint::one(Origin::LoginResponse, &response.name, response.file, response.span);
        }
        if !taint.sources.is_empty() {
            return Taint::one(Origin::Issued, name, file, span);
        }
        if taint.unknown { Taint::one(Origin::Named, name, file, span) } else { taint }
    }

    fn dict(&self, file: FileId, module: &Module, items: &[Item]) -> Taint {
        let mut all = Taint::default();
        for item in items.iter().take(1000) {
            let taint = self.eval(file, item.value);
            match item.key.and_then(|key| module.as_text(key)) {
                Some(key) if classify::is_sensitive_header(key) => {
                    let span = module.span(item.value);
                    let named = if classify::is_sensitive_name(key) { key } else { "Authorization" };
                    let mut entry = self.by_name(file, named, span, (*taint).clone(), module.as_text(item.value));
                    for source in &mut entry.sources {
                        if source.name == "Authorization" {
                            source.name = key.to_owned();
                        }
                    }
                    all.merge(&entry);
                }
                _ => {
                    // What an entry of another name holds counts if it is known to be a secret.
                    all.merge(&Taint { sources: taint.sources.clone(), unknown: false });
                }
            }
        }
        all
    }

    fn subscript(&self, file: FileId, module: &Module, expr: ExprId, value: ExprId, index: ExprId) -> Taint {
        if module.qualified(value).is_some_and(|name| name == "os.environ") {
            return match module.as_str(index) {
                Some(name) if classify::is_sensitive_name(name) || classify::may_hold_credentials_url(name) => {
                    Taint::one(Origin::Environment, name, file, module.span(expr))
                }
                // What it is, the name that it is given has to say.
                _ => Taint::unknown(),
            };
        }
        let text = module.text(module.span(index));
        if text.contains(':') && module.as_str(index).is_none() {
            // The last four characters, say, are a mask; the first fifty are not.
            let longest =
                text.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse::<u32>().ok()).max();
            // Of a list these are things, each of them whole.
            let many = module.tail_str(value).is_some_and(|name| name.ends_with('s') && !name.ends_with("ss"));
            return match longest {
                Some(length) if length <= 12 && !many => Taint::default(),
                _ => (*self.eval(file, value)).clone(),
            };
        }
        // `frame[["email", "password"]]`: columns of a table.
        if let ExprKind::Sequence { items, .. } = module.kind(index)
            && let Some(column) =
                items.iter().filter_map(|item| module.as_str(*item)).find(|key| classify::is_sensitive_name(key))
        {
            return Taint::one(Origin::Named, column, file, module.span(expr));
        }
        match calls::key(module, index) {
            Some(key) => self.item(file, module, value, key, module.span(expr)),
            None => {
                let mut taint = (*self.eval(file, value)).clone();
                taint.unknown |= self.holds_text(module, value);
                taint
            }
        }
    }

    /// Whether a name is one of a dict whose values are literals.
    fn holds_text(&self, module: &Module, value: ExprId) -> bool {
        let ExprKind::Name(name) = module.kind(value) else { return false };
        module.reaching(value, *name).iter().any(|def| match module.definition(*def).value {
            tegmen_syntax::DefValue::Expr(value) => match module.kind(value) {
                ExprKind::Dict(items) => items.iter().any(|item| module.as_str(item.value).is_some_and(is_mixed)),
                _ => false,
            },
            _ => false,
        })
    }

    /// `value["key"]`, `value.get("key")`.
    pub(super) fn item(
        &self,
        file: FileId,
        module: &Module,
        value: ExprId,
        key: &str,
        span: tegmen_syntax::Span,
    ) -> Taint {
        let base = self.eval(file, value);
        let body = base.find(&[Origin::Body, Origin::LoginBody, Origin::Response, Origin::LoginResponse]).is_some();
        if classify::is_sensitive_name(key) && !is_identifier(key) {
            if module.tail_str(value).is_some_and(super::records::has_labels) {
                return Taint::default();
            }
            if body {
                return Taint::one(Origin::Issued, key, file, span);
            }
            if let Some(source) = base.sources.iter().find(|source| source.origin.is_secret() && source.name == key) {
                return Taint { sources: vec![source.clone()], unknown: false };
            }
            if let Some(mut entry) = self.entry(file, module, value, key) {
                entry.merge(&self.set_later(file, module, value, key));
                return entry;
            }
            return Taint::one(Origin::Named, key, file, span);
        }
        // `read_secret(…)["data"]["data"]["key"]`: whatever it is called, unless it says that it is something else.
        if let Some(secret) = base.find(&[Origin::Manager]).filter(|_| !is_beside(key)) {
            return Taint { sources: vec![secret.clone()], unknown: false };
        }
        let login = base.find(&[Origin::LoginBody, Origin::LoginResponse]).is_some();
        if body && CONTAINERS.contains(&key) || login && calls::says_login(key) {
            return (*base).clone();
        }
        match self.entry(file, module, value, key) {
            Some(entry) => entry,
            None => Taint::unknown(),
        }
    }

    /// What a dict that is written out gets under a key afterwards: `shared = {"token": None}`, `shared["token"] = …`.
    fn set_later(&self, file: FileId, module: &Module, value: ExprId, key: &str) -> Taint {
        let ExprKind::Name(name) = module.kind(value) else { return Taint::default() };
        let mut all = Taint::default();
        for def in module.items_of(*name) {
            let definition = module.definition(*def);
            if let tegmen_syntax::Target::Item(_, at) = definition.target
                && calls::key(module, at) == Some(key)
                && let tegmen_syntax::DefValue::Expr(value) = definition.value
            {
                let taint = (*self.eval(file, value)).clone();
                all.merge(&self.by_name(file, key, module.span(value), taint, module.as_text(value)));
            }
        }
        all
    }

    /// The entry of a dict that is written out.
    fn entry(&self, file: FileId, module: &Module, value: ExprId, key: &str) -> Option<Taint> {
        let items = match module.kind(value) {
            ExprKind::Dict(items) => items,
            ExprKind::Name(name) => {
                let def = *module.reaching(value, *name).first()?;
                match module.definition(def).value {
                    tegmen_syntax::DefValue::Expr(value) => match module.kind(value) {
                        ExprKind::Dict(items) => items,
                        _ => return None,
                    },
                    _ => return None,
                }
            }
            _ => return None,
        };
        let item = items.iter().find(|item| item.key.and_then(|key| module.as_str(key)) == Some(key))?;
        let taint = self.eval(file, item.value);
        Some(self.by_name(file, key, module.span(item.value), (*taint).clone(), module.as_text(item.value)))
    }

    fn attribute(
        &self,
        file: FileId,
        module: &Module,
        expr: ExprId,
        value: ExprId,
        attr: tegmen_syntax::Symbol,
    ) -> Taint {
        let name = module.symbol(attr);
        let span = module.span(expr);
        if name == "environ" && module.qualified(expr).is_some_and(|name| name == "os.environ") {
            return Taint::one(Origin::Dump, "os.environ", file, span);
        }
        // `string.ascii_letters`, of which passwords are made up.
        if module.qualified(expr).is_some_and(|name| name.starts_with("string.")) {
            return Taint::default();
        }
        if is_options(name) {
            return if self.has_secret_option() {
                Taint::one(Origin::Dump, name, file, span)
            } else {
                Taint::default()
            };
        }
        if module.tail_str(value).is_some_and(is_options) && classify::is_sensitive_name(name) {
            // `--credentials FILE` takes the name of a file.
            return if calls::is_option_for_path(module, name) {
                Taint::default()
            } else {
                Taint::one(Origin::Option, name, file, span)
            };
        }
        if name == "__dict__" {
            return match module.tail_str(value).is_some_and(is_options) {
                true => (*self.eval(file, value)).clone(),
                false => self.object(file, module, value, span),
            };
        }
        if let Some(class) = module.class_of_object(value) {
            let defs = module.fields_of(class, attr);
            if !defs.is_empty() {
                let mut taint = self.defined(file, module, name, span, &defs);
                taint.merge(&self.entries_of(file, module, attr, &defs));
                taint.merge(&self.kept_in(file, module, attr, &defs));
                return self.or_record(taint, file, module, expr);
            }
        }
        if let Some(taint) = self.imported(file, module, expr) {
            return taint;
        }
        if let Some(taint) = self.inherited(file, module, value, name, span) {
            return taint;
        }
        if name == "response" && is_exception(module, value) {
            let login = calls::logs_in_near(self, file, module, expr);
            let origin = if login { Origin::LoginResponse } else { Origin::Response };
            return Taint::one(origin, name, file, span);
        }
        let base = self.eval(file, value);
        // All rows of a table.
        if name == "values" && base.secret().is_some() {
            return (*base).clone();
        }
        // `uuid.uuid4().hex`: another form of what the script makes up.
        if matches!(name, "hex" | "urn" | "int" | "bytes") && base.sources.is_empty() && !base.unknown {
            return Taint::default();
        }
        if let Some(response) = base.find(&[Origin::LoginResponse, Origin::Response, Origin::LoginBody, Origin::Body]) {
            let login = matches!(response.origin, Origin::LoginResponse | Origin::LoginBody);
            let body = if login { Origin::LoginBody } else { Origin::Body };
            return match name {
                "text" | "content" | "_content" | "raw" | "data" => {
                    Taint::one(body, &response.name, file, response.span)
                }
                "cookies" => Taint::one(Origin::Issued, "cookies", file, span),
                "request" | "js" => (*base).clone(),
                "headers" if module.tail_str(value) == Some("request") => {
                    if self.authorised() {
                        Taint::one(Origin::Headers, "headers", file, span)
                    } else {
                        Taint::default()
                    }
                }
                "headers" if login => Taint::one(Origin::LoginBody, &response.name, file, response.span),
                "body" if module.tail_str(value) == Some("request") => {
                    if login {
                        Taint::one(Origin::Named, "request body", file, span)
                    } else {
                        Taint::default()
                    }
                }
                _ if classify::is_sensitive_name(name) && !is_identifier(name) => {
                    Taint::one(Origin::Issued, name, file, span)
                }
                _ => Taint::default(),
            };
        }
        if classify::is_sensitive_name(name)
            && base.sources.iter().any(|source| source.origin == Origin::Dump && source.name == OPTIONS)
        {
            return if calls::is_option_for_path(module, name) {
                Taint::default()
            } else {
                Taint::one(Origin::Option, name, file, span)
            };
        }
        if name == "headers"
            && module.tail_str(value).is_some_and(|object| object.contains("client") || object.contains("session"))
        {
            return if self.authorised() {
                Taint::one(Origin::Headers, "headers", file, span)
            } else {
                Taint::default()
            };
        }
        if classify::is_sensitive_name(name)
            && !is_identifier(name)
            && !super::dumps::hides(self, file, module, value, name)
        {
            return Taint::one(Origin::Named, name, file, span);
        }
        Taint::unknown()
    }

    /// Whether this module puts a credential into the headers of its client.
    pub(super) fn authorised(&self) -> bool {
        *self.authorised.get_or_init(|| {
            let module = self.module;
            module.exprs().any(|(_, expr)| match &expr.kind {
                ExprKind::Dict(items) => {
                    items.iter().filter_map(|item| module.as_str(item.key?)).any(classify::is_sensitive_header)
                }
                ExprKind::Subscript { index, .. } => module.as_str(*index).is_some_and(|key| {
                    key.eq_ignore_ascii_case("authorization")
                        || key.to_lowercase().starts_with("x-") && classify::is_sensitive_header(key)
                }),
                _ => false,
            })
        })
    }

    /// Whether a file of the project adds an option with a sensitive name.
    pub(super) fn has_secret_option(&self) -> bool {
        self.module.exprs().any(|(_, expr)| match &expr.kind {
            ExprKind::Call { func, args } if self.module.tail_str(*func) == Some("add_argument") => args
                .iter()
                .filter(|arg| arg.name.is_none())
                .filter_map(|arg| self.module.as_str(arg.value))
                .map(|name| name.trim_start_matches('-'))
                .any(|name| classify::is_sensitive_name(name) || classify::may_hold_credentials_url(name)),
            _ => false,
        })
    }
}
