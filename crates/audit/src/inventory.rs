//! Every place of a load test that uses sensitive data, for the report: which rules found something there is a question of its own.

use tegmen_classify as classify;
use tegmen_findings::Origin;
use tegmen_syntax::{ExprKind, Module, Span};

use crate::context::Context;
use crate::flow::calls::{is_manager, takes_path};
use crate::literal::calls::is_environment_read;

/// A place, before its line is known.
pub struct Entry {
    /// The name that the secret goes by.
    pub name: String,
    /// Where its value comes from.
    pub origin: Origin,
    /// Where.
    pub span: Span,
}

/// The places in a file.
pub fn of(context: &Context<'_>) -> Vec<Entry> {
    let entry = |name: &str, origin, span| Entry { name: name.to_owned(), origin, span };
    let mut found: Vec<Entry> = context
        .literals
        .iter()
        .filter_map(|judged| {
            let span = judged.literal.spans.first()?;
            Some(entry(&judged.literal.name, Origin::Literal, *span))
        })
        .collect();
    let Some((module, _)) = context.python().filter(|_| context.locust) else { return found };
    let sensitive = |name: &str| classify::is_sensitive_name(name) || classify::may_hold_credentials_url(name);
    for (id, expr) in module.exprs() {
        let span = module.span(id);
        match &expr.kind {
            ExprKind::Subscript { value, index } => {
                if let Some(name) = module.as_str(*index).filter(|name| sensitive(name))
                    && module.qualified(*value).is_some_and(|object| object == "os.environ")
                {
                    found.push(entry(name, Origin::Environment, span));
                }
            }
            ExprKind::Call { func, args } => {
                let first = args.first().and_then(|arg| module.as_str(arg.value));
                let tail = module.tail_str(*func).unwrap_or_default();
                let qualified = || module.qualified(*func).unwrap_or_default();
                if is_environment_read(module, *func) {
                    found.extend(
                        first.filter(|name| sensitive(name)).map(|name| entry(name, Origin::Environment, span)),
                    );
                } else if tail == "add_argument" && !takes_path(module, args) {
                    let option = args.iter().filter(|arg| arg.name.is_none()).find_map(|arg| {
                        let name = module.as_str(arg.value)?.trim_start_matches('-');
                        sensitive(name).then_some(name)
                    });
                    found.extend(option.map(|name| entry(name, Origin::Option, span)));
                } else if tail == "getpass" {
                    found.push(entry("getpass", Origin::Prompt, span));
                } else if matches!(tail, "secret" | "pool") && qualified().starts_with("tegmen.") {
                    found.extend(first.map(|name| entry(name, Origin::Tegmen, span)));
                } else if is_manager(module, *func) {
                    found.push(entry(&path_of(module, args).unwrap_or_else(|| tail.to_owned()), Origin::Manager, span));
                }
            }
            _ => {}
        }
    }
    found
}

/// What a secrets manager is asked for, where that is written there.
fn path_of(module: &Module, args: &[tegmen_syntax::Arg]) -> Option<String> {
    let named = |arg: &&tegmen_syntax::Arg| {
        arg.name.is_none_or(|name| {
            matches!(module.symbol(name), "path" | "SecretId" | "secret_id" | "name" | "secret_name" | "secret_path")
        })
    };
    args.iter().filter(named).find_map(|arg| module.as_str(arg.value)).map(str::to_owned)
}
