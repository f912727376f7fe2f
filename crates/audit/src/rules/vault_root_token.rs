//! `vault-root-token`.

use tegmen_classify as classify;
use tegmen_findings::{Confidence, Severity};
use tegmen_syntax::{DefValue, ExprId, ExprKind, Module, Target};

use super::shared::{calls, is_vault_client, keyword};
use crate::context::{Candidate, Context};
use crate::literal::calls::environment_name;

rule! {
    /// ## What it does
    /// Finds clients of Vault and OpenBao that are given a root token: a variable whose name says so
    /// (`VAULT_ROOT_TOKEN`, `VAULT_DEV_ROOT_TOKEN_ID`), or the token of a development server (`root`, `myroot`).
    ///
    /// ## Why is this bad?
    /// A root token may do everything and never expires. A load test needs to read a handful of secrets; a worker that
    /// is broken into should give away no more than that.
    ///
    /// ## Example
    /// ```python
    /// client = hvac.Client(url=address, token=os.environ["VAULT_ROOT_TOKEN"])
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// client = hvac.Client(url=address)
    /// client.auth.approle.login(role_id=role_id, secret_id=secret_id)  # a policy that reads one path
    /// ```
    ///
    /// ## Severity and confidence
    /// High where a variable names a root token, medium where the token is that of a development server: such a server
    /// holds little.
    ///
    /// ## Fix safety
    /// There is no automatic fix: what to do instead depends on what the value is for.
    ///
    /// ## References
    /// - CWE-250: Execution with Unnecessary Privileges <https://cwe.mitre.org/data/definitions/250.html>
    /// - OWASP Secrets Management Cheat Sheet <https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html>
    VAULT_ROOT_TOKEN, "TGM305", "vault-root-token", High, "the load test works with a root token"
}

/// Looks at the tokens that clients of Vault are given.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    let Some((module, _)) = context.python() else { return };
    let given = calls(module).filter(|(_, func, _)| is_vault_client(module, *func)).filter_map(|(_, _, args)| {
        keyword(module, args, "token").or_else(|| args.get(1).filter(|arg| arg.name.is_none()).map(|arg| arg.value))
    });
    let assigned = module.definitions.iter().filter_map(|definition| match (definition.target, definition.value) {
        (Target::Attribute(object, attr), DefValue::Expr(value)) if module.symbol(attr) == "token" => {
            is_client(module, object).then_some(value)
        }
        _ => None,
    });
    for token in given.chain(assigned) {
        let Some((name, severity)) = root(module, token, 0) else { continue };
        let mut candidate = Candidate::new(&VAULT_ROOT_TOKEN, severity, Confidence::High, module.span(token));
        candidate.message = format!("{name} is a root token, which may do everything");
        candidate.name = name.trim_matches('`').to_owned();
        candidate.hint = Some("log in as an AppRole or a Kubernetes account that may read what the test needs".to_owned());
        candidate.block = Some(module.block_of(token));
        out.push(candidate);
    }
}

fn is_client(module: &Module, object: ExprId) -> bool {
    match module.kind(object) {
        ExprKind::Name(name) => module.reaching(object, *name).iter().any(|def| match module.definition(*def).value {
            DefValue::Expr(value) => {
                matches!(module.kind(value), ExprKind::Call { func, .. } if is_vault_client(module, *func))
            }
            _ => false,
        }),
        _ => false,
    }
}

fn root(module: &Module, token: ExprId, depth: usize) -> Option<(String, Severity)> {
    let says = |name: &str| classify::words(name).iter().any(|word| word == "root");
    if let Some(name) = environment_name(module, token) {
        return says(name).then(|| (format!("`{name}`"), Severity::High));
    }
    match module.kind(token) {
        ExprKind::Str(_) => {
            let text = module.as_str(token)?;
            matches!(text, "root" | "myroot" | "dev-only-token" | "dev-root" | "roottoken" | "root-token")
                .then(|| ("the token of a development server".to_owned(), Severity::Medium))
        }
        ExprKind::Attribute { attr, .. } if says(module.symbol(*attr)) => {
            Some((format!("`{}`", module.symbol(*attr)), Severity::High))
        }
        ExprKind::Name(name) if depth < 4 => {
            let found = module.reaching(token, *name).iter().find_map(|def| match module.definition(*def).value {
                DefValue::Expr(value) => root(module, value, depth + 1),
                _ => None,
            });
            let name = module.symbol(*name);
            found.or_else(|| says(name).then(|| (format!("`{name}`"), Severity::High)))
        }
        _ => None,
    }
}
