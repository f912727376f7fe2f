//! `variable-naming`.

use tegmen_classify as classify;
use tegmen_findings::{Confidence, Severity};
use tegmen_syntax::ExprKind;

use crate::context::{Candidate, Context, Group};
use crate::literal::calls::environment_name;

rule! {
    /// ## What it does
    /// Finds sensitive environment variables whose name does not begin with the prefix that the project has agreed on:
    /// `LOCUST_`, unless the configuration says otherwise. Names that other tools define (`AWS_…`, `VAULT_…`,
    /// `PGPASSWORD`) are left alone. Off unless it is selected.
    ///
    /// ## Why is this bad?
    /// With one prefix it can be seen at a glance, and said in one line of a pipeline or of a manifest, which variables
    /// belong to the load test; `API_TOKEN` and `TOKEN_API` in two scripts of one team end up as two copies of one
    /// secret.
    ///
    /// ## Example
    /// ```python
    /// TOKEN = os.environ["SHOP_TOKEN"]
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// TOKEN = os.environ["LOCUST_SHOP_TOKEN"]
    /// ```
    ///
    /// ## Severity and confidence
    /// Low: nothing leaks by it. It is off by default, since a project that never agreed on a prefix would get a
    /// finding for every variable.
    ///
    /// ## Fix safety
    /// There is no automatic fix: what to do instead depends on what the value is for.
    ///
    /// ## References
    /// - CWE-1059: Insufficient Technical Documentation <https://cwe.mitre.org/data/definitions/1059.html>
    /// - OWASP Secrets Management Cheat Sheet <https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html>
    VARIABLE_NAMING, "TGM203", "variable-naming", Low, "a sensitive variable does not follow the naming convention", off
}

/// Beginnings of names that other tools have settled.
const SETTLED: &[&str] = &[
    "AWS_", "AZURE_", "GOOGLE_", "GCP_", "VAULT_", "BAO_", "PG", "MYSQL_", "REDIS", "GITHUB_", "GH_", "CI_", "GITLAB_",
    "DOCKER_", "KUBE", "OPENAI_", "ANTHROPIC_", "TEGMEN_",
];

/// Looks at the reads of environment variables. Which prefix is agreed on is known to whoever puts the findings together.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    let Some((module, _)) = context.python() else { return };
    if !context.locust {
        return;
    }
    for (id, expr) in module.exprs() {
        if !matches!(expr.kind, ExprKind::Call { .. } | ExprKind::Subscript { .. }) {
            continue;
        }
        let Some(name) = environment_name(module, id).filter(|name| classify::is_sensitive_name(name)) else { continue };
        if SETTLED.iter().any(|start| name.starts_with(start)) || name.len() > 64 {
            continue;
        }
        let mut candidate = Candidate::new(&VARIABLE_NAMING, Severity::Low, Confidence::High, expr.span);
        candidate.name = name.to_owned();
        candidate.message = format!("`{name}` does not begin with the prefix of sensitive variables");
        candidate.block = Some(module.block_of(id));
        candidate.group = Some(Group::Secret(format!("variable {name}")));
        out.push(candidate);
    }
}
