//! `secret-in-web-route`.

use std::collections::HashSet;

use tegmen_findings::Severity;
use tegmen_syntax::{DefValue, ExprId, ExprKind, Function, Module};

use super::shared::{calls, confidence, keyword, leak};
use crate::context::{Candidate, Context};

rule! {
    /// ## What it does
    /// Finds functions behind `@environment.web_ui.app.route(…)` and `add_url_rule` that give back a secret, all
    /// options or all environment variables.
    ///
    /// ## Why is this bad?
    /// Locust's web interface listens on all addresses and asks nobody who they are unless it is told to. What a page
    /// of it shows, everybody in the network can read.
    ///
    /// ## Example
    /// ```python
    /// @environment.web_ui.app.route("/debug")
    /// def debug():
    ///     return {"token": os.environ["API_TOKEN"]}
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// @environment.web_ui.app.route("/debug")
    /// def debug():
    ///     return {"token_is_set": "API_TOKEN" in os.environ}
    /// ```
    ///
    /// ## Severity and confidence
    /// High: it takes a browser, no access to the machine. Likely rather than certain where only the name says that it
    /// is a secret.
    ///
    /// ## Fix safety
    /// There is no automatic fix: what to do instead depends on what the value is for.
    ///
    /// ## References
    /// - CWE-200: Exposure of Sensitive Information to an Unauthorized Actor <https://cwe.mitre.org/data/definitions/200.html>
    /// - CWE-306: Missing Authentication for Critical Function <https://cwe.mitre.org/data/definitions/306.html>
    /// - OWASP Secrets Management Cheat Sheet <https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html>
    SECRET_IN_WEB_ROUTE, "TGM409", "secret-in-web-route", High, "a page of the web interface shows a secret"
}

/// Looks at what the functions of pages give back.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    let Some((module, flow)) = context.python() else { return };
    if !context.locust {
        return;
    }
    let views = views(module);
    for (_, function) in module.function_ids() {
        if !is_route(module, function) && !views.contains(module.symbol(function.name)) {
            continue;
        }
        for returned in &function.returns {
            for part in parts(module, *returned) {
                let taint = flow.of(part);
                let Some(source) = taint.secret() else { continue };
                let sure = confidence(source);
                let mut candidate = leak(&SECRET_IN_WEB_ROUTE, Severity::High, sure, flow, module, part, source);
                let what = source.origin.describe();
                candidate.message = format!("`{}`, {what}, is shown by a page of the web interface", source.name);
                out.push(candidate);
                break;
            }
        }
    }
}

/// Whether a function is a page: `@….route("/…")`.
fn is_route(module: &Module, function: &Function) -> bool {
    function.decorators.iter().any(|decorator| match module.kind(*decorator) {
        ExprKind::Call { func, .. } => match module.kind(*func) {
            ExprKind::Attribute { value, attr } => {
                let object = module.tail_str(*value).unwrap_or_default();
                matches!(module.symbol(*attr), "route" | "get" | "post")
                    && ["app", "blueprint", "bp", "extend", "extension", "web_ui"].contains(&object)
            }
            _ => false,
        },
        _ => false,
    })
}

/// The names of functions that are handed to `add_url_rule`.
fn views(module: &Module) -> HashSet<&str> {
    calls(module)
        .filter(|(_, func, _)| module.tail_str(*func) == Some("add_url_rule"))
        .filter_map(|(_, _, args)| {
            let view = keyword(module, args, "view_func").or_else(|| args.get(2).map(|arg| arg.value))?;
            module.tail_str(view)
        })
        .collect()
}

/// What a page is made of: the thing itself, or what goes into `jsonify(…)`, `Response(…)`, `render_template(…)`.
fn parts(module: &Module, returned: ExprId) -> Vec<ExprId> {
    let returned = match module.kind(returned) {
        ExprKind::Name(name) => match module.reaching(returned, *name)[..] {
            [def] => match module.definition(def).value {
                DefValue::Expr(value) => value,
                _ => returned,
            },
            _ => returned,
        },
        ExprKind::Sequence { items, .. } => items.first().copied().unwrap_or(returned),
        _ => returned,
    };
    match module.kind(returned) {
        ExprKind::Call { func, args }
            if module.tail_str(*func).is_some_and(|name| {
                name.starts_with("render_template")
                    || matches!(name, "jsonify" | "Response" | "make_response" | "JSONResponse" | "HTMLResponse")
            }) =>
        {
            args.iter().map(|arg| arg.value).collect()
        }
        _ => vec![returned],
    }
}
