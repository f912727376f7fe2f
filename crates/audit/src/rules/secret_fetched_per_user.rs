//! `secret-fetched-per-user`.

use tegmen_findings::{Confidence, Severity};
use tegmen_syntax::{BlockId, ExprId, Module};

use super::shared::calls;
use crate::context::{Candidate, Context};
use crate::flow::calls::is_manager;

rule! {
    /// ## What it does
    /// Finds calls to a secrets manager (hvac, boto3, google-cloud-secret-manager, azure-keyvault) in methods of a
    /// user class or task set.
    ///
    /// ## Why is this bad?
    /// A test with 500 users logs in 500 times and leaves 500 tokens behind; managers limit that, and charge for
    /// it. The test's start is spent waiting, and the secret is in memory 500 times.
    ///
    /// ## Example
    /// ```python
    /// class Shopper(HttpUser):
    ///     def on_start(self):
    ///         self.key = secrets_client.get_secret_value(SecretId="shop/key")["SecretString"]
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// from tegmen import secret  # fetched once for the whole run
    ///
    /// API_KEY = secret("API_KEY")
    /// ```
    ///
    /// ## Severity and confidence
    /// Medium and certain: it is in a method of a user class, or in a function that such a method calls. A function that keeps what it
    /// fetched (`if name not in KEPT`, a `global`, a cache in front of it) is left alone.
    ///
    /// ## References
    /// - CWE-770: Allocation of Resources Without Limits or Throttling <https://cwe.mitre.org/data/definitions/770.html>
    /// - OWASP Secrets Management Cheat Sheet <https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html>
    SECRET_FETCHED_PER_USER, "TGM302", "secret-fetched-per-user", Medium, "every simulated user fetches the secret for itself"
}

/// Looks at calls to secrets managers.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    let Some((module, _)) = context.python() else { return };
    if !context.locust {
        return;
    }
    for (id, func, _) in calls(module) {
        let login = module.text(module.span(func)).contains(".auth.") && module.tail_str(func) == Some("login");
        if !is_manager(module, func) && !login {
            continue;
        }
        let block = module.block_of(id);
        if module.receiver_at(block).is_none() && !called_per_user(module, block) || is_kept(module, block) {
            continue;
        }
        let mut candidate = Candidate::new(&SECRET_FETCHED_PER_USER, Severity::Medium, Confidence::High, module.span(func));
        candidate.name = module.tail_str(func).unwrap_or_default().to_owned();
        candidate.message = "every simulated user asks the secrets manager for itself".to_owned();
        candidate.hint = Some("fetch it once, at import or in `events.test_start`, or let `tegmen run` do it".to_owned());
        candidate.block = Some(block);
        out.push(candidate);
    }
}

/// Whether the function around a block keeps what it has fetched, and fetches once: `if name not in CACHE`, `if token is None`, a cache
/// in front of it.
fn is_kept(module: &Module, block: BlockId) -> bool {
    let Some(function) = module.function_at(block) else { return false };
    let function = module.function(function);
    // A field of `self` is kept for one user only.
    if function.class.is_some() {
        return false;
    }
    let cached = |decorator: &ExprId| module.text(module.span(*decorator)).contains("cache");
    let asks = |line: &str| line.starts_with("if ") && line.contains(" not in ") && !line.contains("environ");
    function.decorators.iter().any(cached)
        || module.text(function.span).lines().map(str::trim).any(|line| line.starts_with("global ") || asks(line))
}

/// Whether the function around a block is called from a method.
fn called_per_user(module: &Module, block: BlockId) -> bool {
    let Some(function) = module.function_at(block) else { return false };
    calls(module).any(|(id, func, _)| module.function_of(func) == Some(function) && module.receiver_at(module.block_of(id)).is_some())
}
