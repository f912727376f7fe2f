//! `debug-wire-logging`.

use tegmen_findings::{Confidence, Severity};
use tegmen_syntax::{DefValue, ExprId, ExprKind, Module, Span, Target};

use super::shared::calls;
use crate::context::{Candidate, Context, Group};

rule! {
    /// ## What it does
    /// Finds `HTTPConnection.debuglevel = 1`, `set_debuglevel(1)`, and the loggers of urllib3, requests and
    /// http.client set to DEBUG.
    ///
    /// ## Why is this bad?
    /// `debuglevel` prints request lines, headers and bodies, `Authorization` among them, to standard output, past
    /// all logging; urllib3 at DEBUG logs every URL with its query.
    ///
    /// ## Example
    /// ```python
    /// http.client.HTTPConnection.debuglevel = 1
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// # Nothing: use a proxy on your own machine when you have to see the wire.
    /// ```
    ///
    /// ## Severity and confidence
    /// Medium and certain: it is a switch.
    ///
    /// ## Fix safety
    /// Safe: the statement goes.
    ///
    /// ## References
    /// - CWE-532: Insertion of Sensitive Information into Log File <https://cwe.mitre.org/data/definitions/532.html>
    /// - CWE-489: Active Debug Code <https://cwe.mitre.org/data/definitions/489.html>
    DEBUG_WIRE_LOGGING, "TGM406", "debug-wire-logging", Medium, "the HTTP client writes out every request"
}

/// Looks at debug switches.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    let Some((module, _)) = context.python() else { return };
    if !context.locust {
        return;
    }
    let mut push = |span, block, name: &str| {
        let mut candidate = Candidate::new(&DEBUG_WIRE_LOGGING, Severity::Medium, Confidence::High, span);
        candidate.name = name.to_owned();
        candidate.message = format!("`{name}` makes the HTTP client write out every request");
        candidate.block = Some(block);
        candidate.group = Some(Group::List(context.file.path.clone(), Span::new(0, 0), String::new()));
        out.push(candidate);
    };
    for definition in &module.definitions {
        let Target::Attribute(_, attr) = definition.target else { continue };
        if module.symbol(attr) == "debuglevel"
            && let DefValue::Expr(value) = definition.value
            && !matches!(module.text(module.span(value)), "0" | "False" | "None")
        {
            push(definition.span, definition.block, "debuglevel");
        }
    }
    // `dictConfig({"loggers": {"urllib3": {"level": "DEBUG"}}})`
    for (id, expr) in module.exprs() {
        let ExprKind::Dict(loggers) = &expr.kind else { continue };
        for logger in loggers {
            if logger.key.and_then(|key| module.as_str(key)).is_some_and(is_wire)
                && let ExprKind::Dict(settings) = module.kind(logger.value)
                && settings.iter().any(|setting| {
                    setting.key.and_then(|key| module.as_str(key)) == Some("level")
                        && matches!(module.text(module.span(setting.value)).trim_matches(['"', '\'']), "DEBUG" | "logging.DEBUG" | "10")
                })
            {
                push(module.span(logger.value), module.block_of(id), "dictConfig");
            }
        }
    }
    for (id, func, args) in calls(module) {
        let argument = args.first().map(|arg| module.text(module.span(arg.value))).unwrap_or_default();
        match module.tail_str(func) {
            Some("set_debuglevel") if argument != "0" => push(module.span(id), module.block_of(id), "set_debuglevel"),
            Some("setLevel") if argument.ends_with("DEBUG") || argument == "10" => {
                if let ExprKind::Attribute { value, .. } = module.kind(func)
                    && is_wire_logger(module, *value)
                {
                    push(module.span(id), module.block_of(id), "setLevel");
                }
            }
            _ => {}
        }
    }
}

/// Whether a logger of this name is that of an HTTP client.
fn is_wire(name: &str) -> bool {
    ["urllib3", "requests", "http.client", "httpx", "httpcore"].iter().any(|wire| name.starts_with(wire))
}

/// Whether an expression is the logger of an HTTP client.
fn is_wire_logger(module: &Module, logger: ExprId) -> bool {
    match module.kind(logger) {
        ExprKind::Call { func, args } if module.tail_str(*func) == Some("getLogger") => args
            .first()
            .and_then(|arg| module.as_str(arg.value))
            .is_some_and(is_wire),
        ExprKind::Name(name) => module.reaching(logger, *name).iter().any(|def| match module.definition(*def).value {
            DefValue::Expr(value) => matches!(module.kind(value), ExprKind::Call { .. }) && is_wire_logger(module, value),
            _ => false,
        }),
        _ => false,
    }
}
