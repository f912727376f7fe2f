//! What several rules need: a candidate for a literal, sinks, requests.

use tegmen_findings::{Confidence, Rule, Severity};
use tegmen_syntax::{Arg, DefValue, ExprId, ExprKind, Module, Span, Target};

use crate::context::{Candidate, Context, Group, Related};
use crate::flow::{Flow, Origin, Source};
use crate::literal::judge::identity;
use crate::literal::{Judged, Kind, Site};

/// Candidates for all literals of a kind.
pub fn literals(
    context: &Context<'_>,
    rule: &'static Rule,
    kind: Kind,
    out: &mut Vec<Candidate>,
    say: impl Fn(&Judged) -> String,
) {
    for judged in context.literals.iter().filter(|judged| judged.kind == kind) {
        let literal = &judged.literal;
        let Some(first) = literal.spans.first() else { continue };
        // A table of users is one finding at its first row, however many rows it has.
        let table = literal.list.filter(|_| context.flow.is_none());
        let rows = context.literals.iter().filter(|other| other.literal.list == table);
        let mut rows = rows.filter(|other| other.kind == kind && other.literal.name == literal.name);
        if table.is_some() && !rows.next().is_some_and(|first| std::ptr::eq(first, judged)) {
            continue;
        }
        let end = literal.spans.last().map_or(first.end, |last| last.end);
        let mut candidate =
            Candidate::new(rule, judged.severity, judged.confidence, Span::new(first.start, end.max(first.end)));
        // What a unit test logs in with is nobody's, where it is no better than that.
        if judged.severity == Severity::Medium
            && kind == Kind::Password
            && context.python().is_some_and(|(module, _)| is_unit_test(module))
        {
            candidate.severity = Severity::Low;
        }
        candidate.name.clone_from(&literal.name);
        candidate.message = say(judged);
        if table.is_some() {
            candidate.message.push_str(&format!(", {} in all", 1 + rows.count()));
        }
        candidate.block = literal.block;
        candidate.group = Some(match (literal.list, context.flow) {
            (Some(list), Some(_)) => Group::List(context.file.path.clone(), list, literal.name.clone()),
            // What is mended by hand anyway.
            (_, None) => Group::Secret(identity(judged).to_owned()),
            _ => Group::Secret(judged.secret.clone()),
        });
        out.push(candidate);
    }
}

/// Whether a module is one of unit tests, and no load test that goes by such a name.
fn is_unit_test(module: &Module) -> bool {
    let imports = |library: &str| {
        module.imports.iter().any(|import| {
            let name = &*import.qualified;
            name == library || name.strip_prefix(library).is_some_and(|rest| rest.starts_with('.'))
        })
    };
    imports("pytest") || imports("unittest")
}

/// What a literal is, for a sentence: its name, or what kind of token it is.
pub fn subject(judged: &Judged, otherwise: &str) -> String {
    match (judged.shape, judged.literal.name.as_str()) {
        (Some(shape), "") => shape.to_owned(),
        (Some(shape), name) => format!("{shape} in `{name}`"),
        (None, "") => otherwise.to_owned(),
        (None, name) => format!("{otherwise} in `{name}`"),
    }
}

/// Where a literal is written, for a sentence.
pub fn written(site: Site) -> &'static str {
    match site {
        Site::Default => "in the source as a parameter's default",
        Site::Embedded => "in the source inside a string",
        Site::Config => "in a configuration file",
        Site::Header => "in the source in a header",
        _ => "in the source",
    }
}

/// Where values come out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sink {
    /// Standard output or error.
    Print,
    /// A logger.
    Log,
}

/// Whether a call prints or logs.
pub fn sink(module: &Module, func: ExprId) -> Option<Sink> {
    // `from rich import print as rprint`
    let printers = [
        "rich.print",
        "rich.pretty.pprint",
        "pprint.pprint",
        "pprint.pp",
        "typer.echo",
        "icecream.ic",
        "devtools.debug",
    ];
    if module.qualified(func).is_some_and(|name| printers.contains(&name.as_str())) {
        return Some(Sink::Print);
    }
    match module.kind(func) {
        ExprKind::Name(name) => match module.symbol(*name) {
            "print" | "pprint" | "pp" | "console_log" => Some(Sink::Print),
            "debug" | "info" | "warning" | "error" | "critical" | "exception"
                if module.qualified(func).is_some_and(|name| name.starts_with("logging.")) =>
            {
                Some(Sink::Log)
            }
            _ => None,
        },
        ExprKind::Attribute { value, attr } => {
            let method = module.symbol(*attr);
            let value = &bare_logger(module, *value);
            let object = module.tail_str(*value).unwrap_or_default();
            match method {
                "debug" | "info" | "warning" | "warn" | "error" | "critical" | "exception" | "fatal" | "log"
                | "trace" | "success" => {
                    let lower = object.to_lowercase();
                    let logger = lower.contains("log") || lower == "console" && method == "log";
                    (logger || is_logger(module, *value)).then_some(Sink::Log)
                }
                // `log.bind(token=…)`: what is bound is in every message.
                "bind" | "new" | "contextualize" | "bind_contextvars"
                    if matches!(object, "log" | "logger" | "contextvars" | "slog") || is_logger(module, *value) =>
                {
                    Some(Sink::Log)
                }
                // Tables are made to be shown.
                "add_row" => Some(Sink::Print),
                "write" if matches!(object, "stdout" | "stderr") => Some(Sink::Print),
                "print" | "pprint" | "pp" if matches!(object, "console" | "pprint" | "rich" | "builtins") => {
                    Some(Sink::Print)
                }
                "echo" | "secho" if object == "click" => Some(Sink::Print),
                "write" if object == "tqdm" => Some(Sink::Print),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The logger behind `logger.opt(lazy=True)` and `logger.bind(user=…)`.
fn bare_logger(module: &Module, mut object: ExprId) -> ExprId {
    while let ExprKind::Call { func, .. } = module.kind(object)
        && let ExprKind::Attribute { value, attr } = module.kind(*func)
        && matches!(module.symbol(*attr), "opt" | "bind" | "patch" | "getChild")
    {
        object = *value;
    }
    object
}

/// Whether a name stands for a logger, whatever it is: `from loguru import logger as lg`, `out = logging.getLogger()`.
fn is_logger(module: &Module, object: ExprId) -> bool {
    let ExprKind::Name(name) = module.kind(object) else { return false };
    module.reaching(object, *name).iter().any(|def| match module.definition(*def).value {
        DefValue::Import(index) => module.imports[index as usize].qualified.ends_with("loguru.logger"),
        DefValue::Expr(value) => match module.kind(value) {
            ExprKind::Call { func, .. } => {
                module.tail_str(*func).is_some_and(|tail| matches!(tail, "getLogger" | "get_logger" | "GetLogger"))
            }
            _ => false,
        },
        _ => false,
    })
}

/// All calls of a module.
pub fn calls(module: &Module) -> impl Iterator<Item = (ExprId, ExprId, &[Arg])> {
    module.exprs().filter_map(|(id, expr)| match &expr.kind {
        ExprKind::Call { func, args } => Some((id, *func, &**args)),
        _ => None,
    })
}

/// The argument of a keyword.
pub fn keyword(module: &Module, args: &[Arg], name: &str) -> Option<ExprId> {
    args.iter().find(|arg| arg.name.is_some_and(|keyword| module.symbol(keyword) == name)).map(|arg| arg.value)
}

/// The arguments of a sink that carry values, without keywords that steer it.
pub fn printed(module: &Module, args: &[Arg]) -> impl Iterator<Item = ExprId> {
    const STEERING: &[&str] = &[
        "sep",
        "end",
        "file",
        "flush",
        "exc_info",
        "stack_info",
        "stacklevel",
        "level",
        "style",
        "stream",
        "err",
        "nl",
        "color",
        "fg",
        "indent",
        "width",
        "depth",
        "console",
    ];
    // `slog.info("logged in", token=token)`: what structured loggers keep comes by keyword.
    let values = args
        .iter()
        .filter(|arg| arg.name.is_none_or(|name| !STEERING.contains(&module.symbol(name))))
        .map(|arg| arg.value);
    // `logger.opt(lazy=True).debug("{}", lambda: token)`
    values.map(|value| match module.kind(value) {
        ExprKind::Lambda { body, .. } => *body,
        _ => value,
    })
}

/// The way that a value took, from where it came from to where it comes out; nothing where that is one place.
pub fn origin(flow: &Flow<'_>, source: &Source, at: Span) -> Vec<Related> {
    let here = |file, span: Span| file == flow.file() && (at.contains(span) || span == at);
    let mut related = Vec::new();
    if !here(source.file, source.span) {
        related.push(Related {
            file: source.file,
            span: source.span,
            note: format!("{} comes from here", source.origin.describe()),
        });
    }
    for step in source.steps() {
        if !here(step.file, step.span) {
            related.push(Related { file: step.file, span: step.span, note: step.describe() });
        }
    }
    related
}

/// A candidate for a value that comes out at `at`.
pub fn leak(
    rule: &'static Rule,
    severity: Severity,
    confidence: Confidence,
    flow: &Flow<'_>,
    module: &Module,
    at: ExprId,
    source: &Source,
) -> Candidate {
    let span = module.span(at);
    let mut candidate = Candidate::new(rule, severity, confidence, span);
    candidate.name.clone_from(&source.name);
    candidate.block = Some(module.block_of(at));
    candidate.related = origin(flow, source, span);
    candidate
}

/// Whether a call is one of Locust's own client, whose URL goes into the statistics.
pub fn is_locust_request(module: &Module, func: ExprId) -> bool {
    let ExprKind::Attribute { value, .. } = module.kind(func) else { return false };
    module
        .tail_str(*value)
        .is_some_and(|object| matches!(object, "client" | "http" | "session" | "fast_client" | "self" | "l" | "user"))
        || module.text(module.span(*value)).contains("client")
}

/// Whether a source is more likely a token of a language than a secret: its name is all there is, and nothing else in the module is
/// about logging in, or outside of load tests.
pub fn of_a_language(context: &Context<'_>, source: &Source) -> bool {
    const LOGINS: &[&str] =
        &["locust", "requests", "httpx", "aiohttp", "uthoriz", "uthent", "login", "Login", "earer", "jwt", "JWT"];
    if !source.name.to_lowercase().contains("token") {
        return false;
    }
    if matches!(source.origin, Origin::Named | Origin::Issued) && is_of_a_model(context, &source.name) {
        return true;
    }
    if source.origin != Origin::Named {
        return false;
    }
    let has = |word: &str| memchr::memmem::find(context.file.text().as_bytes(), word.as_bytes()).is_some();
    !context.locust || !LOGINS.iter().any(|word| has(word))
}

/// Whether all that a variable gets is what a language model says, or what a text is split into: `token = chunk["delta"]["content"]`.
fn is_of_a_model(context: &Context<'_>, name: &str) -> bool {
    const MODELS: &[&str] = &["delta", "choices", "tokenizer", "tokenize", "logprobs"];
    const TEXTS: &[&str] = &["content", ".split(", "generated"];
    const ANSWERS: &[&str] = &[".text", ".content", "headers", "cookies", "json"];
    let Some((module, _)) = context.python() else { return false };
    let Some(symbol) = module.find_symbol(name) else { return false };
    let mut values = module
        .definitions
        .iter()
        .filter(|definition| matches!(definition.target, Target::Name(_, name) if name == symbol))
        .filter_map(|definition| match definition.value {
            DefValue::Expr(value) => Some(value),
            DefValue::Iteration(list, None) => Some(list),
            _ => None,
        })
        .filter(|value| !matches!(module.kind(*value), ExprKind::Str(_) | ExprKind::None))
        .peekable();
    values.peek().is_some()
        && values.all(|value| {
            let text = module.text(module.span(value));
            let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
            (has(MODELS) || has(TEXTS) && !has(ANSWERS)) && !has(&["access", "ogin"])
        })
}

/// How sure a leak is: a value that only its name makes a secret is less so.
pub fn confidence(source: &Source) -> Confidence {
    if source.origin == Origin::Named { Confidence::Medium } else { Confidence::High }
}

/// Whether a call makes a client of Vault or OpenBao.
pub fn is_vault_client(module: &Module, func: ExprId) -> bool {
    module.qualified(func).is_some_and(|name| {
        matches!(
            name.as_str(),
            "hvac.Client" | "hvac.AsyncClient" | "hvac.v1.Client" | "VaultClient" | "async_hvac.AsyncClient"
        )
    })
}

/// Whether a call makes a client of a secrets manager.
pub fn is_manager_client(module: &Module, func: ExprId, args: &[Arg]) -> bool {
    let service = || {
        let first = args.first().filter(|arg| arg.name.is_none()).map(|arg| arg.value);
        let named = keyword(module, args, "service_name").or(first);
        named.and_then(|name| module.as_str(name)).is_some_and(|name| matches!(name, "secretsmanager" | "ssm" | "kms"))
    };
    is_vault_client(module, func)
        || module.qualified(func).is_some_and(|name| name.ends_with("SecretManagerServiceClient"))
        || matches!(module.tail_str(func), Some("SecretClient"))
        || matches!(module.tail_str(func), Some("client" | "create_client")) && service()
}

/// The host of an `http://` address that is not on the same machine.
pub fn plain_http_host(address: &str) -> Option<&str> {
    let rest = address.strip_prefix("http://")?;
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    let name = host.split(':').next().unwrap_or_default();
    let local = matches!(name, "localhost" | "0.0.0.0" | "" | "host.docker.internal" | "{}")
        || name.starts_with("127.")
        || host.starts_with("[::1]");
    (!local).then_some(host)
}
