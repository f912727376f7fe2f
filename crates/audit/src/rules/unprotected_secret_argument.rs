//! `unprotected-secret-argument`.

use tegmen_classify as classify;
use tegmen_findings::{Confidence, Severity};
use tegmen_syntax::{DefValue, ExprId, ExprKind, Module};

use super::shared::{calls, keyword};
use crate::context::{Candidate, Context};
use crate::flow::calls::takes_path;

rule! {
    /// ## What it does
    /// Finds custom arguments of Locust (`--password`, `--api-key`, …) that have neither `is_secret=True` nor
    /// `include_in_web_ui=False`.
    ///
    /// ## Why is this bad?
    /// Locust puts custom arguments with their values into its start page, which has no login by default; the
    /// master sends them to every worker in plain text. `is_secret=True` hides the value from the eye,
    /// `include_in_web_ui=False` keeps it out of the page.
    ///
    /// ## Example
    /// ```python
    /// @events.init_command_line_parser.add_listener
    /// def _(parser):
    ///     parser.add_argument("--api-key", default="")
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// @events.init_command_line_parser.add_listener
    /// def _(parser):
    ///     parser.add_argument("--api-key", env_var="LOCUST_API_KEY", is_secret=True, include_in_web_ui=False)
    /// ```
    ///
    /// ## Severity and confidence
    /// Medium and certain. Options that take the path of a file, and flags, are left alone.
    ///
    /// ## Fix safety
    /// Safe: the argument gets `is_secret=True, include_in_web_ui=False`.
    ///
    /// ## References
    /// - CWE-200: Exposure of Sensitive Information <https://cwe.mitre.org/data/definitions/200.html>
    /// - CWE-522: Insufficiently Protected Credentials <https://cwe.mitre.org/data/definitions/522.html>
    /// - Locust: Custom arguments <https://docs.locust.io/en/stable/extending-locust.html#custom-arguments>
    UNPROTECTED_SECRET_ARGUMENT, "TGM405", "unprotected-secret-argument", Medium, "a secret argument is shown in the web page"
}

/// Looks at custom arguments.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    let Some((module, _)) = context.python() else { return };
    if !context.locust {
        return;
    }
    for (id, func, args) in calls(module) {
        if module.tail_str(func) != Some("add_argument") || !is_locusts(module, func) {
            continue;
        }
        let options: Vec<ExprId> = args.iter().filter(|arg| arg.name.is_none()).map(|arg| arg.value).collect();
        let sensitive = options.iter().find_map(|option| {
            let name = module.as_str(*option)?.trim_start_matches('-');
            let sensitive = classify::is_sensitive_name(name) || classify::may_hold_credentials_url(name) || is_header(name);
            sensitive.then(|| (name.to_owned(), *option))
        });
        let Some((name, at)) = sensitive else { continue };
        let flag = keyword(module, args, "action").and_then(|action| module.as_str(action)).is_some_and(|action| action.starts_with("store_"));
        let secret = is(module, keyword(module, args, "is_secret"), true);
        let hidden = is(module, keyword(module, args, "include_in_web_ui"), false);
        if flag || secret || hidden || takes_path(module, args) {
            continue;
        }
        let mut candidate = Candidate::new(&UNPROTECTED_SECRET_ARGUMENT, Severity::Medium, Confidence::High, module.span(at));
        candidate.message = format!("the argument `--{name}` is shown in Locust's web page with its value");
        candidate.name = name;
        candidate.hint = Some("add `is_secret=True, include_in_web_ui=False`".to_owned());
        candidate.block = Some(module.block_of(id));
        out.push(candidate);
    }
}

/// Whether an option takes the header that lets a request in: `--auth-header`.
fn is_header(name: &str) -> bool {
    let words = classify::words(name);
    matches!(&words[..], [.., auth, header]
        if matches!(auth.as_str(), "auth" | "authorization" | "authentication") && matches!(header.as_str(), "header" | "headers"))
}

fn is(module: &Module, value: Option<ExprId>, expected: bool) -> bool {
    value.is_some_and(|value| matches!(module.kind(value), ExprKind::Bool(found) if *found == expected))
}

/// Whether the parser is Locust's: a parameter of a listener, or a `LocustArgumentParser`, or a group of either. What is plainly
/// argparse's own is not shown in any page.
fn is_locusts(module: &Module, func: ExprId) -> bool {
    let ExprKind::Attribute { value, .. } = module.kind(func) else { return false };
    object_is_locusts(module, *value, 0)
}

fn object_is_locusts(module: &Module, object: ExprId, depth: usize) -> bool {
    if depth > 6 {
        return false;
    }
    let ExprKind::Name(name) = module.kind(object) else {
        return matches!(module.kind(object), ExprKind::Call { func, .. } if call_is_locusts(module, *func, depth));
    };
    module.reaching(object, *name).iter().any(|def| match module.definition(*def).value {
        DefValue::Param(function, _) => {
            let function = module.function(function);
            let listens = function.decorators.iter().any(|decorator| module.text(module.span(*decorator)).contains("command_line_parser"));
            let annotated = function.params.iter().any(|param| param.annotation.is_some_and(|annotation| module.text(module.span(annotation)).contains("LocustArgumentParser")));
            let attached = module.source().contains("init_command_line_parser.add_listener(");
            listens || annotated || attached
        }
        DefValue::Expr(value) => match module.kind(value) {
            ExprKind::Call { func, .. } => call_is_locusts(module, *func, depth),
            _ => false,
        },
        _ => false,
    })
}

fn call_is_locusts(module: &Module, func: ExprId, depth: usize) -> bool {
    match module.tail_str(func) {
        Some("LocustArgumentParser") => true,
        Some("add_argument_group" | "add_mutually_exclusive_group") => match module.kind(func) {
            ExprKind::Attribute { value, .. } => object_is_locusts(module, *value, depth + 1),
            _ => false,
        },
        _ => false,
    }
}
