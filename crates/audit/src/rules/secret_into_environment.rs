//! `secret-into-environment`.

use tegmen_findings::{Confidence, Severity};
use tegmen_syntax::{DefValue, Target};

use super::shared::leak;
use crate::context::{Candidate, Context};
use crate::flow::Origin;

rule! {
    /// ## What it does
    /// Finds secrets from a secrets manager, a prompt, the command line or a response that a script puts into
    /// `os.environ`.
    ///
    /// ## Why is this bad?
    /// The environment is inherited by every process that is started from then on, stands in `/proc/PID/environ`, and
    /// is what crash reporters and debug pages print first.
    ///
    /// ## Example
    /// ```python
    /// os.environ["DB_PASSWORD"] = client.get_secret_value(SecretId="db")["SecretString"]
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// from tegmen import secret
    ///
    /// DB_PASSWORD = secret("DB_PASSWORD")  # the environment holds a placeholder
    /// ```
    ///
    /// ## Severity and confidence
    /// Low: the value is in the memory of the same process anyway; what is added is who else gets it. What came out of
    /// the environment in the first place is no finding.
    ///
    /// ## Fix safety
    /// There is no automatic fix: what to do instead depends on what the value is for.
    ///
    /// ## References
    /// - CWE-526: Cleartext Storage of Sensitive Information in an Environment Variable <https://cwe.mitre.org/data/definitions/526.html>
    /// - OWASP Secrets Management Cheat Sheet <https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html>
    SECRET_INTO_ENVIRONMENT, "TGM204", "secret-into-environment", Low, "a secret is put into the environment of the process"
}

/// Looks at what is assigned to `os.environ[…]`.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    let Some((module, flow)) = context.python() else { return };
    if !context.locust {
        return;
    }
    for definition in &module.definitions {
        let (Target::Item(object, _), DefValue::Expr(value)) = (definition.target, definition.value) else { continue };
        if module.qualified(object).is_none_or(|name| name != "os.environ") {
            continue;
        }
        let taint = flow.of(value);
        let origins = [Origin::Manager, Origin::Prompt, Origin::Option, Origin::Issued];
        let Some(source) = taint.find(&origins) else { continue };
        let rule = &SECRET_INTO_ENVIRONMENT;
        let mut candidate = leak(rule, Severity::Low, Confidence::High, flow, module, value, source);
        candidate.message = format!("`{}`, {}, is put into the environment", source.name, source.origin.describe());
        candidate.hint = Some("hand it to what needs it, and to nothing else".to_owned());
        out.push(candidate);
    }
}
