//! `secret-from-process-arguments`.

use tegmen_classify as classify;
use tegmen_findings::{Confidence, Severity};
use tegmen_syntax::{DefValue, ExprKind, Target};

use crate::context::{Candidate, Context};

rule! {
    /// ## What it does
    /// Finds variables with a sensitive name that are read from `sys.argv`.
    ///
    /// ## Why is this bad?
    /// Every user of the machine can read the arguments of every process (`ps`, `/proc/PID/cmdline`), the shell keeps
    /// them in its history, and a pipeline prints them.
    ///
    /// ## Example
    /// ```python
    /// PASSWORD = sys.argv[2]
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// PASSWORD = os.environ["SHOP_PASSWORD"]
    /// ```
    ///
    /// ## Severity and confidence
    /// Low: it takes access to the machine while the test runs.
    ///
    /// ## Fix safety
    /// There is no automatic fix: what to do instead depends on what the value is for.
    ///
    /// ## References
    /// - CWE-214: Invocation of Process Using Visible Sensitive Information <https://cwe.mitre.org/data/definitions/214.html>
    /// - OWASP Secrets Management Cheat Sheet <https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html>
    SECRET_FROM_PROCESS_ARGUMENTS, "TGM417", "secret-from-process-arguments", Low, "a secret is taken from the arguments of the process"
}

/// Looks at what is read from `sys.argv`.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    let Some((module, _)) = context.python() else { return };
    if !context.locust {
        return;
    }
    for definition in &module.definitions {
        let (Target::Name(_, name) | Target::Field(_, name) | Target::Attribute(_, name)) = definition.target else {
            continue;
        };
        let DefValue::Expr(value) = definition.value else { continue };
        let ExprKind::Subscript { value: object, .. } = module.kind(value) else { continue };
        let name = module.symbol(name);
        if !classify::is_sensitive_name(name) || module.qualified(*object).is_none_or(|name| name != "sys.argv") {
            continue;
        }
        let rule = &SECRET_FROM_PROCESS_ARGUMENTS;
        let mut candidate = Candidate::new(rule, Severity::Low, Confidence::High, module.span(value));
        candidate.name = name.to_owned();
        candidate.message = format!("`{name}` is taken from the arguments of the process, which everybody can read");
        candidate.hint = Some("read it from the environment, or let `tegmen run` hand it over".to_owned());
        candidate.block = Some(definition.block);
        out.push(candidate);
    }
}
