//! `secrets-manager-unverified`.

use tegmen_findings::{Confidence, Severity};
use tegmen_syntax::{DefValue, ExprKind, Target};

use super::shared::{calls, is_manager_client, keyword};
use crate::context::{Candidate, Context};

rule! {
    /// ## What it does
    /// Finds `verify=False` at clients of Vault, OpenBao, AWS Secrets Manager and Parameter Store, and
    /// `VAULT_SKIP_VERIFY` that a script sets.
    ///
    /// ## Why is this bad?
    /// Whoever stands between can answer in the manager's place: it gets the credentials of the login, and decides
    /// which secrets the test works with.
    ///
    /// ## Example
    /// ```python
    /// client = hvac.Client(url=address, verify=False)
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// client = hvac.Client(url=address, verify="/etc/ssl/internal-ca.pem")
    /// ```
    ///
    /// ## Severity and confidence
    /// High and certain: it is written out, and what it leaves unprotected is the door to all secrets. At a target of
    /// the test the same is `tls-verification-off`, medium.
    ///
    /// ## Fix safety
    /// Safe: `verify=False` goes. None for `VAULT_SKIP_VERIFY`.
    ///
    /// ## References
    /// - CWE-295: Improper Certificate Validation <https://cwe.mitre.org/data/definitions/295.html>
    /// - OWASP Secrets Management Cheat Sheet <https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html>
    /// - OWASP Transport Layer Security Cheat Sheet <https://cheatsheetseries.owasp.org/cheatsheets/Transport_Layer_Security_Cheat_Sheet.html>
    SECRETS_MANAGER_UNVERIFIED, "TGM304", "secrets-manager-unverified", High, "the certificate of a secrets manager is not verified"
}

/// Looks at clients of secrets managers.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    let Some((module, _)) = context.python() else { return };
    let mut push = |span, block, name: &str| {
        let rule = &SECRETS_MANAGER_UNVERIFIED;
        let mut candidate = Candidate::new(rule, Severity::High, Confidence::High, span);
        candidate.name = name.to_owned();
        candidate.message = format!("`{name}` lets anybody answer in the place of the secrets manager");
        candidate.hint = Some("verify with the certificate of its authority: `verify=\"/path/ca.pem\"`".to_owned());
        candidate.block = Some(block);
        out.push(candidate);
    };
    for (id, func, args) in calls(module) {
        if is_manager_client(module, func, args)
            && let Some(value) = keyword(module, args, "verify")
            && matches!(module.kind(value), ExprKind::Bool(false))
        {
            push(module.span(value), module.block_of(id), "verify");
        }
    }
    for definition in &module.definitions {
        if let (Target::Item(_, key), DefValue::Expr(value)) = (definition.target, definition.value)
            && matches!(module.as_str(key), Some("VAULT_SKIP_VERIFY" | "BAO_SKIP_VERIFY"))
            && module.as_str(value).is_some_and(|text| matches!(text.to_lowercase().as_str(), "1" | "true" | "yes"))
        {
            push(definition.span, definition.block, "VAULT_SKIP_VERIFY");
        }
    }
}
