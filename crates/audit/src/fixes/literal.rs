//! Values that are written in a script: out of it, and read with `secret("NAME")` instead.

use tegmen_findings::Safety;
use tegmen_syntax::{BinaryOp, BoolOp, DefValue, ExprId, ExprKind, FPart, Module, Span, Symbol, Target};

use super::arguments::call_of;
use super::script::Script;
use super::strings::{opened, other, token};
use super::{Draft, NAME, Proposal, Wanted, environment, name};
use crate::context::{Candidate, Context};
use crate::literal::calls::{environment_name, is_environment_read};
use crate::literal::judge::{is_plain_key, is_user_info};
use crate::literal::{Judged, Kind, Site};

/// A longer list of credentials is better kept as a whole than as that many secrets.
const LONGEST_LIST: usize = 20;

/// Packages whose calls need the value itself: they send it by other ways than HTTP, or compute with it.
const OUTSIDE: &[&str] = &[
    "psycopg",
    "psycopg2",
    "asyncpg",
    "pymysql",
    "MySQLdb",
    "mysql",
    "redis",
    "pymongo",
    "motor",
    "paramiko",
    "pika",
    "aio_pika",
    "kombu",
    "kafka",
    "confluent_kafka",
    "aiokafka",
    "paho",
    "smtplib",
    "imaplib",
    "poplib",
    "ftplib",
    "boto3",
    "botocore",
    "sqlalchemy",
    "pyodbc",
    "oracledb",
    "cx_Oracle",
    "ldap3",
    "ldap",
    "hmac",
    "hashlib",
    "jwt",
    "jose",
    "authlib",
    "cryptography",
    "Crypto",
    "nacl",
    "pyotp",
    "itsdangerous",
    "cassandra",
    "clickhouse_driver",
    "stomp",
    "nats",
    "grpc",
    "azure",
    "google",
    "telnetlib",
    "asyncssh",
    "fabric",
    "snowflake",
    "pyspark",
    "int",
    "pymssql",
    "minio",
    "aiohttp",
    "requests_ntlm",
    "requests_oauthlib",
    "oauthlib",
    "requests_aws4auth",
    "aws_requests_auth",
    "selenium",
    "playwright",
    "eth_account",
    "web3",
    "bip_utils",
    "mnemonic",
    "solana",
    "solders",
    "Cryptodome",
    "prometheus_client",
];

/// Methods that type into a browser, which sends by itself.
const TYPING: &[&str] = &["send_keys", "fill", "type", "press_sequentially", "set_value", "input_text", "goto"];

/// Takes the value out of the script.
pub fn moved(context: &Context<'_>, script: &Script<'_>, candidate: &Candidate) -> Result<Proposal, String> {
    let judged = context
        .literals
        .iter()
        .find(|judged| judged.literal.spans.first().is_some_and(|span| span.start == candidate.span.start))
        .ok_or("it wants a decision that no tool can take")?;
    let mut proposal = match (judged.kind, judged.literal.site) {
        (Kind::Dead, _) | (_, Site::Dead) => dead(script, judged)?,
        (Kind::EnvironmentName, _) => variable_name(script, judged)?,
        _ if names_a_variable(script, judged) => variable_name(script, judged)?,
        (Kind::List, _) if is_long(context, judged) => {
            return Err(format!(
                "more than {LONGEST_LIST} credentials in one list; move the list to a file outside the repository"
            ));
        }
        (Kind::Fallback, _) => match fallback(script, judged) {
            Some(proposal) => proposal,
            None => replaced(script, judged)?,
        },
        _ => replaced(script, judged)?,
    };
    if !context.locust {
        // Without a run there are no placeholders, and this script may be used without one.
        proposal.safety = Safety::Unsafe;
    }
    Ok(proposal)
}

fn is_long(context: &Context<'_>, judged: &Judged) -> bool {
    judged.literal.list.is_some_and(|list| {
        context.literals.iter().filter(|other| other.literal.list == Some(list)).take(LONGEST_LIST + 1).count()
            > LONGEST_LIST
    })
}

/// What is to be put in place of a literal, and the rest of the proposal.
struct Reference {
    call: String,
    import: Option<Draft>,
    reveal: bool,
}

impl Reference {
    fn new(script: &Script<'_>, offset: u32, reveal: bool) -> Result<Self, String> {
        let secret = script.secret(offset).ok_or("there is no place for the import")?;
        Ok(Self { call: secret.call, import: secret.import, reveal })
    }

    fn text(&self, quote: char) -> String {
        let reveal = if self.reveal { ".reveal()" } else { "" };
        format!("{}({quote}{NAME}{quote}){reveal}", self.call)
    }

    fn proposal(self, mut edits: Vec<Draft>, judged: &Judged, value: String) -> Proposal {
        edits.extend(self.import);
        let title = if self.reveal {
            format!("read it with `secret(\"{NAME}\").reveal()`")
        } else {
            format!("read it with `secret(\"{NAME}\")`")
        };
        let safety = if self.reveal { Safety::Unsafe } else { Safety::Safe };
        let mut proposal = Proposal::new(title, safety, edits);
        proposal.secret = Some(Wanted { value, names: vec![name::of(judged)], exact: false, reveal: self.reveal });
        proposal
    }
}

/// The literal, or the part of it that is secret, becomes a call of `secret`.
fn replaced(script: &Script<'_>, judged: &Judged) -> Result<Proposal, String> {
    let module = script.module;
    let literal = &judged.literal;
    let unknown = || "the value is put together in a way that is not understood".to_owned();
    let secret = judged.secret.as_str();
    let spans: Vec<Span> = literal.spans.iter().copied().filter(|span| span.end > span.start).collect();
    // Where the secret is all of one string, in however many pieces it is written.
    for span in &spans {
        if let Some(expr) = script.string_at(*span)
            && let Some(value) = whole(module, expr).filter(|value| value.trim() == secret && !secret.is_empty())
        {
            let value = value.to_owned();
            return all_of(script, judged, expr, value);
        }
    }
    // Where it is a part of one.
    for span in &spans {
        let Some(expr) = script.string_at(*span) else { continue };
        let text = module.text(*span);
        let mut found = text.match_indices(secret).map(|(at, _)| at);
        let (Some(at), None) = (found.next(), found.next()) else { continue };
        let start = span.start + at as u32;
        return part_of(script, judged, expr, Span::new(start, start + secret.len() as u32));
    }
    // Where it is the sum of several.
    let first = spans.first().and_then(|span| script.string_at(*span)).ok_or_else(unknown)?;
    let mut sum = first;
    while let Some(parent) = module.parent(sum)
        && matches!(module.kind(parent), ExprKind::Binary { op: BinaryOp::Add, .. })
    {
        sum = parent;
    }
    let mut value = String::new();
    if sum != first && add_up(module, sum, &mut value, 0) && value.trim() == secret {
        return all_of(script, judged, sum, value);
    }
    Err(unknown())
}

/// The value of a string that is constant as a whole.
fn whole(module: &Module, expr: ExprId) -> Option<&str> {
    match module.kind(expr) {
        ExprKind::Str(_) | ExprKind::Bytes(_) => module.as_text(expr),
        ExprKind::FString(parts) => match parts[..] {
            [FPart::Text(span)] if !module.text(span).contains(['{', '}', '\\']) => Some(module.text(span)),
            _ => None,
        },
        _ => None,
    }
}

fn add_up(module: &Module, expr: ExprId, out: &mut String, depth: usize) -> bool {
    match module.kind(expr) {
        ExprKind::Str(_) => {
            out.push_str(module.as_str(expr).unwrap_or_default());
            true
        }
        ExprKind::Binary { op: BinaryOp::Add, left, right } if depth < 64 => {
            add_up(module, *left, out, depth + 1) && add_up(module, *right, out, depth + 1)
        }
        _ => false,
    }
}

fn all_of(script: &Script<'_>, judged: &Judged, expr: ExprId, value: String) -> Result<Proposal, String> {
    let module = script.module;
    refuse_changes(module, expr)?;
    let span = module.span(expr);
    let reference = Reference::new(script, span.start, needs_value(module, judged, expr))?;
    let source = module.text(span);
    let quote = source.chars().find(|c| matches!(c, '"' | '\'')).unwrap_or('"');
    let space = if script.touches_word(span.start) { " " } else { "" };
    let bytes = if matches!(module.kind(expr), ExprKind::Bytes(_)) { ".encode()" } else { "" };
    if !bytes.is_empty() && value.contains('\u{fffd}') {
        return Err("the value is no text".to_owned());
    }
    let text = format!("{space}{}{bytes}", reference.text(quote));
    Ok(reference.proposal(vec![Draft::replace(span, text)], judged, value))
}

fn part_of(script: &Script<'_>, judged: &Judged, expr: ExprId, place: Span) -> Result<Proposal, String> {
    let module = script.module;
    refuse_changes(module, expr)?;
    if script.is_in_fstring(expr) {
        return Err("it stands inside an expression of an f-string; take it out by hand".to_owned());
    }
    let source = module.source();
    let raw = module.text(place);
    if raw.contains(['\\', '{', '}', '\n']) {
        return Err("the value is written with escapes; take it out by hand".to_owned());
    }
    let reference = Reference::new(script, module.span(expr).start, needs_value(module, judged, expr))?;
    let (mut edits, quote) = match module.kind(expr) {
        ExprKind::FString(_) => (Vec::new(), inner_quote(module.text(module.span(expr)))),
        ExprKind::Str(literal) | ExprKind::Bytes(literal) => {
            let parts = literal.parts.as_deref().unwrap_or(std::slice::from_ref(&literal.content));
            let content = parts.iter().copied().find(|part| part.contains(place));
            let found = content.and_then(|content| Some((content, token(source, content)?)));
            let Some((content, token)) = found else { return Err("the string is not understood".to_owned()) };
            if token.prefix.contains('b') && parts.len() > 1 {
                return Err("the bytes are written in several pieces; take it out by hand".to_owned());
            }
            let edits = opened(source, content, &token, place)
                .ok_or("the string is written with escapes; take it out by hand")?;
            (edits, Some(other(token.quote)))
        }
        _ => return Err("the string is not understood".to_owned()),
    };
    let quote = quote.ok_or("no kind of quote is free in the f-string; take it out by hand")?;
    edits.push(Draft::replace(place, format!("{{{}}}", reference.text(quote))));
    // In a URL the value is written with escapes, which the client writes again when it is sent.
    let (value, decoded) = match judged.kind {
        Kind::Url => percent_decoded(raw),
        _ if judged.literal.site == Site::Embedded && !raw.contains(['"', ' ']) => percent_decoded(raw),
        _ => (Some(raw.to_owned()), false),
    };
    let value = value.ok_or("the value is written with escapes that are no text")?;
    let mut proposal = reference.proposal(edits, judged, value);
    if decoded || raw.contains('+') && matches!(judged.kind, Kind::Url) {
        proposal.safety = Safety::Unsafe;
    }
    Ok(proposal)
}

/// The quote that an f-string leaves for the expressions in it.
fn inner_quote(source: &str) -> Option<char> {
    if !source.contains('\'') {
        return Some('\'');
    }
    if !source.contains('"') {
        return Some('"');
    }
    let start = source.find(['"', '\''])?;
    let quote = source[start..].chars().next()?;
    let three: String = [quote; 3].iter().collect();
    let close = if source[start..].starts_with(&three) { three } else { quote.to_string() };
    // Written in one piece: what closes it is found at its end only.
    let body = &source[start + close.len()..];
    (body.find(&close) == body.len().checked_sub(close.len())).then(|| other(quote))
}

fn percent_decoded(raw: &str) -> (Option<String>, bool) {
    if !raw.contains('%') {
        return (Some(raw.to_owned()), false);
    }
    let bytes = raw.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let code = (bytes[i] == b'%').then(|| raw.get(i + 1..i + 3)).flatten();
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                i += 3;
            }
            None => {
                out.push(bytes[i]);
                i += 1;
            }
        }
    }
    (String::from_utf8(out).ok(), true)
}

/// Where the letters of the value are changed, the placeholder would be.
fn refuse_changes(module: &Module, expr: ExprId) -> Result<(), String> {
    let parent = module.parent(expr).map(|parent| module.kind(parent));
    match parent {
        Some(ExprKind::Attribute { attr, .. })
            if matches!(
                module.symbol(*attr),
                "upper" | "lower" | "title" | "swapcase" | "capitalize" | "translate"
            ) =>
        {
            Err("its letters are changed before it is used; write the value as it is used first".to_owned())
        }
        Some(ExprKind::Subscript { value, .. }) if *value == expr => {
            Err("a part of it is used; write the value as it is used first".to_owned())
        }
        Some(ExprKind::Compare { .. }) => Err("it is compared with; decide what the comparison is for".to_owned()),
        _ => Ok(()),
    }
}

/// Whether a placeholder would not do: keys, and what goes to a database, a broker, a signature.
fn needs_value(module: &Module, judged: &Judged, expr: ExprId) -> bool {
    let lower = judged.literal.name.to_ascii_lowercase();
    if judged.kind == Kind::PrivateKey
        // What signs, what a client of Kafka takes apart by itself, and what other programs read from the environment.
        || matches!(lower.as_str(), "accountkey" | "sharedaccesskey" | "account_key" | "shared_access_key")
        || lower.starts_with("sasl")
        || judged.literal.site == Site::Key && is_plain_key(&lower)
        || is_user_info(&lower)
        // What a wallet is made of, and what enciphers.
        || tegmen_classify::is_mnemonic_name(&judged.literal.name)
        || judged.secret.len() == 66 && judged.secret.starts_with("0x")
        || lower.starts_with("aes")
        || goes_into_environment(module, expr)
    {
        return true;
    }
    if judged.kind == Kind::Url
        && let Some((scheme, _)) = judged.literal.value.split_once("://")
    {
        let scheme = scheme.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '+').next().unwrap_or_default();
        if !scheme.is_empty() && !matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https" | "ws" | "wss") {
            return true;
        }
    }
    if goes_outside(module, expr) {
        return true;
    }
    // Through the variable or attribute that it is assigned to, and those that are made of it.
    let mut names = kept_in(module, expr);
    let mut next = 0;
    while let Some(name) = names.get(next).copied() {
        next += 1;
        for (id, expr) in module.exprs() {
            if !matches!(expr.kind, ExprKind::Name(used) | ExprKind::Attribute { attr: used, .. } if used == name) {
                continue;
            }
            if goes_outside(module, id) {
                return true;
            }
            let more = kept_in(module, id).into_iter().filter(|more| !names.contains(more)).collect::<Vec<_>>();
            names.extend(more.into_iter().take(MOST_NAMES.saturating_sub(names.len())));
        }
    }
    false
}

/// How many variables a value is followed through.
const MOST_NAMES: usize = 4;

/// The variables and attributes that keep what an expression is a part of.
fn kept_in(module: &Module, expr: ExprId) -> Vec<Symbol> {
    let mut outer = expr;
    while let Some(parent) = module.parent(outer) {
        outer = parent;
    }
    module
        .definitions_by_value(outer)
        .into_iter()
        .filter_map(|definition| match module.definition(definition).target {
            Target::Name(_, name) | Target::Field(_, name) | Target::Attribute(_, name) => Some(name),
            Target::Item(..) => None,
        })
        .collect()
}

/// Whether an expression is inside the arguments of a call of one of [`OUTSIDE`].
fn goes_outside(module: &Module, expr: ExprId) -> bool {
    let mut inner = expr;
    while let Some(parent) = module.parent(inner) {
        if let ExprKind::Call { func, .. } = module.kind(parent)
            && *func != inner
        {
            let typed = matches!(module.kind(*func), ExprKind::Attribute { .. })
                && module.tail_str(*func).is_some_and(|tail| TYPING.contains(&tail));
            if typed || is_outside(module, *func) || made_outside(module, *func) {
                return true;
            }
        }
        inner = parent;
    }
    false
}

/// Whether an expression names something of one of [`OUTSIDE`].
fn is_outside(module: &Module, func: ExprId) -> bool {
    let qualified = module.qualified(func).unwrap_or_default();
    OUTSIDE.contains(&qualified.split('.').next().unwrap_or_default())
}

/// Those of [`OUTSIDE`] in whose connections a placeholder is filled in all the same.
const FILLED: &[&str] = &["paho", "redis", "pymongo", "psycopg", "psycopg2"];

/// Whether a method is one of an object that a call of [`OUTSIDE`] made: `ssh = paramiko.SSHClient()`, `ssh.connect(…)`.
fn made_outside(module: &Module, func: ExprId) -> bool {
    let ExprKind::Attribute { value, .. } = module.kind(func) else { return false };
    let definitions = match module.kind(*value) {
        ExprKind::Name(name) => module.reaching(*value, *name),
        ExprKind::Attribute { value: object, attr } => {
            module.class_of_object(*object).map(|class| module.fields_of(class, *attr)).unwrap_or_default()
        }
        _ => return false,
    };
    definitions.into_iter().any(|definition| match module.definition(definition).value {
        DefValue::Expr(made) | DefValue::With(made) => {
            matches!(module.kind(made), ExprKind::Call { func, .. } if is_outside(module, *func)
                && !module.qualified(*func).is_some_and(|name| FILLED.iter().any(|root| name.starts_with(root))))
        }
        _ => false,
    })
}

/// Whether a value is put into the environment, where libraries and child processes read it.
fn goes_into_environment(module: &Module, expr: ExprId) -> bool {
    let mut outer = expr;
    while let Some(parent) = module.parent(outer) {
        outer = parent;
    }
    module.definitions_by_value(outer).into_iter().any(|definition| match module.definition(definition).target {
        Target::Item(object, _) => module.qualified(object).is_some_and(|name| name == "os.environ"),
        _ => false,
    })
}

/// `os.getenv("X", value)` and `os.getenv("X") or value`: to `os.environ["X"]`, and the value is kept as `X`.
fn fallback(script: &Script<'_>, judged: &Judged) -> Option<Proposal> {
    let module = script.module;
    let expr = judged.literal.spans.first().and_then(|span| script.string_at(*span))?;
    let value = whole(module, expr)?.to_owned();
    let (read, span) = match call_of(script, expr) {
        Some((call, args)) => {
            let ExprKind::Call { func, .. } = module.kind(call) else { return None };
            let is_default = args.iter().position(|arg| arg.value == expr) == Some(1) && args.len() == 2;
            if !is_environment_read(module, *func) || !is_default || module.tail_str(*func) == Some("pop") {
                return None;
            }
            (call, module.span(call))
        }
        None => {
            let parent = module.parent(expr)?;
            let ExprKind::BoolOp { op: BoolOp::Or, values } = module.kind(parent) else { return None };
            match values[..] {
                [read, last] if last == expr => (read, module.span(parent)),
                _ => return None,
            }
        }
    };
    let name = environment_name(module, read)?;
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty();
    if !plain {
        return None;
    }
    let (text, import) = match module.kind(read) {
        // `os.environ["X"] or value`
        ExprKind::Subscript { .. } => (module.text(module.span(read)).to_owned(), None),
        _ => environment::subscript(script, read)?,
    };
    let mut edits = vec![Draft::replace(span, text)];
    edits.extend(import);
    let title = format!("read it with `os.environ[\"{name}\"]`, without a value to fall back on");
    let mut proposal = Proposal::new(title, Safety::Safe, edits);
    proposal.secret = Some(Wanted { value, names: vec![name.to_owned()], exact: true, reveal: false });
    Some(proposal)
}

/// Whether the value stands where the name of an environment variable should.
fn names_a_variable(script: &Script<'_>, judged: &Judged) -> bool {
    let module = script.module;
    let Some(expr) = judged.literal.spans.first().and_then(|span| script.string_at(*span)) else { return false };
    match module.parent(expr).map(|parent| module.kind(parent)) {
        Some(ExprKind::Call { func, args }) => {
            is_environment_read(module, *func) && args.first().is_some_and(|arg| arg.value == expr)
        }
        Some(ExprKind::Subscript { value, index }) => {
            *index == expr && module.qualified(*value).is_some_and(|name| name == "os.environ")
        }
        _ => false,
    }
}

/// `os.getenv("the value itself")`.
fn variable_name(script: &Script<'_>, judged: &Judged) -> Result<Proposal, String> {
    let module = script.module;
    let unknown = || "the call is not understood".to_owned();
    let expr = judged.literal.spans.first().and_then(|span| script.string_at(*span)).ok_or_else(unknown)?;
    let value = whole(module, expr).filter(|value| value.trim() == judged.secret).ok_or_else(unknown)?.to_owned();
    let (read, single) = match (module.parent(expr), call_of(script, expr)) {
        (_, Some((call, args))) => (call, args.len() == 1),
        (Some(parent), None) if matches!(module.kind(parent), ExprKind::Subscript { .. }) => (parent, true),
        _ => return Err(unknown()),
    };
    if !single {
        return Err("there is a value to fall back on; decide which one is meant".to_owned());
    }
    all_of(script, judged, expr, value).map(|mut proposal| {
        if let Some(first) = proposal.edits.first_mut() {
            first.span = module.span(read);
        }
        proposal
    })
}

/// In a comment or in dead text: the value goes, its name is left.
fn dead(script: &Script<'_>, judged: &Judged) -> Result<Proposal, String> {
    let module = script.module;
    let (Some(span), true) = (judged.literal.spans.first(), judged.literal.spans.len() == 1) else {
        return Err("the value is put together in a way that is not understood".to_owned());
    };
    let text = module.text(*span);
    let at = text.find(&judged.secret).ok_or("the value is written with escapes; take it out by hand")?;
    let start = span.start + at as u32;
    let place = Span::new(start, start + judged.secret.len() as u32);
    if judged.secret.contains('\n') {
        return Err("the value has several lines; take it out by hand".to_owned());
    }
    let title = format!("put <{NAME}> in place of the value");
    let mut proposal = Proposal::new(title, Safety::Unsafe, vec![Draft::replace(place, format!("<{NAME}>"))]);
    let value = judged.secret.clone();
    proposal.secret = Some(Wanted { value, names: vec![name::of(judged)], exact: false, reveal: false });
    Ok(proposal)
}

/// `API_KEY.reveal()` to `API_KEY`.
pub fn not_revealed(script: &Script<'_>, candidate: &Candidate) -> Result<Proposal, String> {
    let module = script.module;
    let unknown = || "the call is not understood".to_owned();
    let call = script.expr_at(candidate.span).ok_or_else(unknown)?;
    let ExprKind::Call { func, .. } = module.kind(call) else { return Err(unknown()) };
    let ExprKind::Attribute { value, attr } = module.kind(*func) else { return Err(unknown()) };
    let before = module.span(*value).end;
    if module.symbol(*attr) != "reveal" || !module.source()[before as usize..].starts_with('.') {
        return Err(unknown());
    }
    let edit = Draft::delete(Span::new(before, candidate.span.end));
    Ok(Proposal::new("leave `.reveal()` out", Safety::Safe, vec![edit]))
}
