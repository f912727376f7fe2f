//! `vault-token-never-renewed`.

use tegmen_findings::{Confidence, Severity};

use super::shared::calls;
use crate::context::{Candidate, Context};

rule! {
    /// ## What it does
    /// Finds logins to Vault or OpenBao through hvac in a project that nowhere renews the token. Off unless it is
    /// selected.
    ///
    /// ## Why is this bad?
    /// The token ends in the middle of a long test, and with it the leases of all dynamic secrets that were read. The
    /// way out is then usually a token that lives too long.
    ///
    /// ## Example
    /// ```python
    /// client.auth.approle.login(role_id=role_id, secret_id=secret_id)
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// # `tegmen run` logs in once, renews the token as long as the test runs, and revokes it at the end.
    /// from tegmen import secret
    ///
    /// API_KEY = secret("API_KEY")
    /// ```
    ///
    /// ## Severity and confidence
    /// Low: it is the test that fails, not a secret that leaks. Off by default, since most tests end before their token
    /// does.
    ///
    /// ## Fix safety
    /// There is no automatic fix: what to do instead depends on what the value is for.
    ///
    /// ## References
    /// - CWE-613: Insufficient Session Expiration <https://cwe.mitre.org/data/definitions/613.html>
    /// - OWASP Secrets Management Cheat Sheet <https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html>
    VAULT_TOKEN_NEVER_RENEWED, "TGM306", "vault-token-never-renewed", Low, "a token of a secrets manager is never renewed", off
}

/// Looks at logins to Vault.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    let Some((module, _)) = context.python() else { return };
    if !module.imports.iter().any(|import| import.qualified.starts_with("hvac")) || module.source().contains("renew") {
        return;
    }
    for (id, func, _) in calls(module) {
        let text = module.text(module.span(func));
        let login = module.tail_str(func) == Some("login") && text.contains(".auth.") || text.contains(".auth_approle");
        if !login {
            continue;
        }
        let rule = &VAULT_TOKEN_NEVER_RENEWED;
        let mut candidate = Candidate::new(rule, Severity::Low, Confidence::Medium, module.span(func));
        candidate.name = "login".to_owned();
        candidate.message = "the token of this login is never renewed".to_owned();
        candidate.block = Some(module.block_of(id));
        out.push(candidate);
    }
}
