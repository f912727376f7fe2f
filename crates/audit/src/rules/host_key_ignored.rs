//! `host-key-ignored`.

use tegmen_findings::{Confidence, Severity};
use tegmen_syntax::{ExprId, ExprKind, Module};

use super::shared::calls;
use crate::context::{Candidate, Context};

rule! {
    /// ## What it does
    /// Finds paramiko's `AutoAddPolicy` and `WarningPolicy`, asyncssh's `known_hosts=None`, and
    /// `StrictHostKeyChecking=no` on command lines.
    ///
    /// ## Why is this bad?
    /// Any machine may answer in the server's place: it is handed the password, and sees all that is done.
    ///
    /// ## Example
    /// ```python
    /// client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// client.load_host_keys("known_hosts")
    /// ```
    ///
    /// ## Severity and confidence
    /// Medium: it takes a place in the network between. Certain: it is written out.
    ///
    /// ## Fix safety
    /// There is no automatic fix: what to do instead depends on what the value is for.
    ///
    /// ## References
    /// - CWE-295: Improper Certificate Validation <https://cwe.mitre.org/data/definitions/295.html>
    /// - CWE-322: Key Exchange without Entity Authentication <https://cwe.mitre.org/data/definitions/322.html>
    /// - OWASP Transport Layer Security Cheat Sheet <https://cheatsheetseries.owasp.org/cheatsheets/Transport_Layer_Security_Cheat_Sheet.html>
    HOST_KEY_IGNORED, "TGM506", "host-key-ignored", Medium, "the key of an SSH server is not verified"
}

/// Looks at what SSH clients are told to accept.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    let Some((module, _)) = context.python() else { return };
    if !context.locust {
        return;
    }
    let mut push = |at: ExprId, name: &str| {
        let mut candidate = Candidate::new(&HOST_KEY_IGNORED, Severity::Medium, Confidence::High, module.span(at));
        candidate.name = name.to_owned();
        candidate.message = format!("`{name}` lets any machine answer in the place of the server");
        candidate.block = Some(module.block_of(at));
        out.push(candidate);
    };
    for (id, func, args) in calls(module) {
        let tail = module.tail_str(func).unwrap_or_default();
        if tail == "set_missing_host_key_policy"
            && let Some(policy) = args.first().and_then(|arg| policy(module, arg.value))
        {
            push(id, policy);
        }
        for arg in args {
            if tail == "connect"
                && arg.name.is_some_and(|name| module.symbol(name) == "known_hosts")
                && matches!(module.kind(arg.value), ExprKind::None)
            {
                push(arg.value, "known_hosts");
            }
        }
    }
    for (id, expr) in module.exprs() {
        if let ExprKind::Str(literal) = &expr.kind
            && module.str_value(literal).contains("StrictHostKeyChecking=no")
        {
            push(id, "StrictHostKeyChecking");
        }
    }
}

/// The policy that accepts everything, if an expression is one.
fn policy(module: &Module, expr: ExprId) -> Option<&str> {
    let name = match module.kind(expr) {
        ExprKind::Call { func, .. } => module.tail_str(*func)?,
        _ => module.tail_str(expr)?,
    };
    matches!(name, "AutoAddPolicy" | "WarningPolicy").then_some(name)
}
