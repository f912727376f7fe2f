//! `needless-reveal`.

use tegmen_findings::{Confidence, Severity};
use tegmen_syntax::{DefValue, ExprId, ExprKind, Module};

use super::shared::calls;
use crate::context::{Candidate, Context};
use crate::flow::calls::request;

rule! {
    /// ## What it does
    /// Finds `secret(…).reveal()` in what is handed to a request: headers, JSON, forms, cookies, parameters, `auth`.
    ///
    /// ## Why is this bad?
    /// From there on the real value is an ordinary string of Python: in prepared requests, in tracebacks, in whatever
    /// logs or pickles it. A placeholder is replaced at the connection and never gets that far.
    ///
    /// ## Example
    /// ```python
    /// self.client.get("/orders", headers={"X-Api-Key": API_KEY.reveal()})
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// self.client.get("/orders", headers={"X-Api-Key": API_KEY})
    /// ```
    ///
    /// ## Severity and confidence
    /// Medium: nothing has leaked yet, but the protection is switched off for this value. Certain: both the secret and
    /// the request are in sight.
    ///
    /// ## Fix safety
    /// Safe: `.reveal()` goes; the plugin puts the real value into the request.
    ///
    /// ## References
    /// - CWE-316: Cleartext Storage of Sensitive Information in Memory <https://cwe.mitre.org/data/definitions/316.html>
    /// - OWASP Secrets Management Cheat Sheet <https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html>
    NEEDLESS_REVEAL, "TGM307", "needless-reveal", Medium, "a secret is revealed where its placeholder would do"
}

/// Looks at calls of `reveal`.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    let Some((module, _)) = context.python() else { return };
    for (id, func, _) in calls(module) {
        let ExprKind::Attribute { value, attr } = module.kind(func) else { continue };
        if module.symbol(*attr) != "reveal" || !is_secret(module, *value) || !is_sent(module, id) {
            continue;
        }
        let mut candidate = Candidate::new(&NEEDLESS_REVEAL, Severity::Medium, Confidence::High, module.span(id));
        candidate.name = module.tail_str(*value).unwrap_or_default().to_owned();
        candidate.message = "a secret is revealed for a request that could carry its placeholder".to_owned();
        candidate.hint = Some("leave `.reveal()` out".to_owned());
        candidate.block = Some(module.block_of(id));
        out.push(candidate);
    }
}

/// Whether an expression is what `tegmen.secret()` gives.
fn is_secret(module: &Module, expr: ExprId) -> bool {
    let made = |expr: ExprId| match module.kind(expr) {
        ExprKind::Call { func, .. } => {
            module.qualified(*func).is_some_and(|name| matches!(name.as_str(), "tegmen.secret" | "tegmen.protect"))
        }
        _ => false,
    };
    made(expr)
        || match module.kind(expr) {
            ExprKind::Name(name) => module.reaching(expr, *name).iter().any(
                |def| matches!(module.definition(*def).value, DefValue::Expr(value) if made(value)),
            ),
            ExprKind::Attribute { value, attr } => module.class_of_object(*value).is_some_and(|class| {
                module.fields_of(class, *attr).iter().any(
                    |def| matches!(module.definition(*def).value, DefValue::Expr(value) if made(value)),
                )
            }),
            _ => false,
        }
}

/// Whether an expression stands in the arguments of a request.
fn is_sent(module: &Module, expr: ExprId) -> bool {
    let mut inner = expr;
    while let Some(outer) = module.parent(inner) {
        if let ExprKind::Call { func, args } = module.kind(outer) {
            if request(module, *func, args).is_some() {
                return true;
            }
            // What another function makes of it, a signature say, is its own affair.
            if !matches!(module.tail_str(*func), Some("dict" | "format" | "update" | "HTTPBasicAuth" | "str")) {
                return false;
            }
        }
        inner = outer;
    }
    false
}
