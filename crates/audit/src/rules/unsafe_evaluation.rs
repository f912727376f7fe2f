//! `unsafe-evaluation`.

use tegmen_findings::{Confidence, Severity};
use tegmen_syntax::{ExprId, ExprKind, Module};

use super::shared::{calls, leak};
use crate::context::{Candidate, Context};
use crate::flow::Origin;

rule! {
    /// ## What it does
    /// Finds `eval` and `exec` of responses and of environment variables, `pickle.loads` of responses, and `yaml.load`
    /// of them without a safe loader.
    ///
    /// ## Why is this bad?
    /// The process holds all credentials of the test. Whoever can answer in the target's place, or set a variable, runs
    /// code in it and has them.
    ///
    /// ## Example
    /// ```python
    /// token = eval(response.text)["token"]
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// token = response.json()["token"]
    /// ```
    ///
    /// ## Severity and confidence
    /// Medium: it takes a hostile target, or one that is broken into. Certain: what is evaluated can be followed to a
    /// response or a variable. `ast.literal_eval` is fine.
    ///
    /// ## Fix safety
    /// There is no automatic fix: what to do instead depends on what the value is for.
    ///
    /// ## References
    /// - CWE-95: Improper Neutralization of Directives in Dynamically Evaluated Code <https://cwe.mitre.org/data/definitions/95.html>
    /// - CWE-502: Deserialization of Untrusted Data <https://cwe.mitre.org/data/definitions/502.html>
    /// - OWASP Injection Prevention Cheat Sheet <https://cheatsheetseries.owasp.org/cheatsheets/Injection_Prevention_Cheat_Sheet.html>
    /// - OWASP Deserialization Cheat Sheet <https://cheatsheetseries.owasp.org/cheatsheets/Deserialization_Cheat_Sheet.html>
    UNSAFE_EVALUATION, "TGM415", "unsafe-evaluation", Medium, "what a response or the environment says is run as code"
}

/// Looks at calls that run code.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    let Some((module, flow)) = context.python() else { return };
    if !context.locust {
        return;
    }
    for (id, func, args) in calls(module) {
        let Some(value) = args.first().map(|arg| arg.value).filter(|_| evaluates(module, id, func)) else { continue };
        let taint = flow.of(value);
        let origins = [Origin::Body, Origin::LoginBody, Origin::Environment, Origin::Issued];
        let Some(source) = taint.find(&origins) else { continue };
        let rule = &UNSAFE_EVALUATION;
        let mut candidate = leak(rule, Severity::Medium, Confidence::High, flow, module, id, source);
        let from = if source.origin == Origin::Environment { "an environment variable" } else { "a response" };
        candidate.name = module.tail_str(func).unwrap_or_default().to_owned();
        candidate.message = format!("`{}` runs what {from} says as code", candidate.name);
        candidate.hint = Some("`json.loads`, `ast.literal_eval` and `yaml.safe_load` read data and run nothing".to_owned());
        out.push(candidate);
    }
}

fn evaluates(module: &Module, call: ExprId, func: ExprId) -> bool {
    match module.qualified(func).unwrap_or_default().as_str() {
        "eval" | "exec" | "builtins.eval" | "builtins.exec" => true,
        "pickle.loads" | "dill.loads" | "marshal.loads" | "yaml.unsafe_load" | "yaml.full_load" => true,
        "yaml.load" => !matches!(module.kind(call), ExprKind::Call { args, .. } if args.iter().any(|arg| {
            module.text(module.span(arg.value)).contains("Safe")
        })),
        _ => false,
    }
}
