//! `secret-in-runner-message`.

use tegmen_findings::Severity;
use tegmen_syntax::ExprKind;

use super::shared::{calls, confidence, leak};
use crate::context::{Candidate, Context};

rule! {
    /// ## What it does
    /// Finds secrets in `environment.runner.send_message(…)`.
    ///
    /// ## Why is this bad?
    /// Messages between master and workers are neither encrypted nor authenticated: whoever reaches the master's port
    /// can take part, and whoever sees the network can read along.
    ///
    /// ## Example
    /// ```python
    /// environment.runner.send_message("accounts", [{"user": "ellen", "password": password}])
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// # Each worker fetches what it needs: `tegmen run` on every machine, one login each.
    /// account = pool("shoppers").checkout()
    /// ```
    ///
    /// ## Severity and confidence
    /// Medium: it takes a place in the network between master and workers.
    ///
    /// ## Fix safety
    /// There is no automatic fix: what to do instead depends on what the value is for.
    ///
    /// ## References
    /// - CWE-319: Cleartext Transmission of Sensitive Information <https://cwe.mitre.org/data/definitions/319.html>
    /// - OWASP Secrets Management Cheat Sheet <https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html>
    /// - OWASP Transport Layer Security Cheat Sheet <https://cheatsheetseries.owasp.org/cheatsheets/Transport_Layer_Security_Cheat_Sheet.html>
    SECRET_IN_RUNNER_MESSAGE, "TGM411", "secret-in-runner-message", Medium, "a secret is sent between master and workers in the clear"
}

/// Looks at messages of the runner.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    let Some((module, flow)) = context.python() else { return };
    if !context.locust {
        return;
    }
    for (_, func, args) in calls(module) {
        let ExprKind::Attribute { value, attr } = module.kind(func) else { continue };
        if module.symbol(*attr) != "send_message" || !module.text(module.span(*value)).contains("runner") {
            continue;
        }
        for arg in args {
            let taint = flow.of(arg.value);
            let Some(source) = taint.secret() else { continue };
            let sure = confidence(source);
            let rule = &SECRET_IN_RUNNER_MESSAGE;
            let mut candidate = leak(rule, Severity::Medium, sure, flow, module, arg.value, source);
            candidate.message = format!(
                "`{}`, {}, goes over the network between master and workers in the clear",
                source.name,
                source.origin.describe()
            );
            out.push(candidate);
            break;
        }
    }
}
