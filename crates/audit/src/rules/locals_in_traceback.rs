//! `locals-in-traceback`.

use tegmen_findings::{Confidence, Severity};
use tegmen_syntax::ExprKind;

use super::shared::calls;
use crate::context::{Candidate, Context};

rule! {
    /// ## What it does
    /// Finds what makes tracebacks show the values of variables: rich's `show_locals=True`, loguru's `diagnose=True`,
    /// `cgitb.enable()`, Sentry's `send_default_pii`, `include_local_variables` and `with_locals`.
    ///
    /// ## Why is this bad?
    /// The exception of a failed login then carries the password that it failed with into the log or to the error
    /// tracker.
    ///
    /// ## Example
    /// ```python
    /// rich.traceback.install(show_locals=True)
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// rich.traceback.install()
    /// ```
    ///
    /// ## Severity and confidence
    /// Medium: it takes an exception at the wrong place, of which a load test has many. Certain: it is written out.
    ///
    /// ## Fix safety
    /// Leaving the argument out changes nothing but what tracebacks show.
    ///
    /// ## References
    /// - CWE-209: Generation of Error Message Containing Sensitive Information <https://cwe.mitre.org/data/definitions/209.html>
    /// - CWE-215: Insertion of Sensitive Information Into Debugging Code <https://cwe.mitre.org/data/definitions/215.html>
    /// - OWASP Logging Cheat Sheet <https://cheatsheetseries.owasp.org/cheatsheets/Logging_Cheat_Sheet.html>
    LOCALS_IN_TRACEBACK, "TGM416", "locals-in-traceback", Medium, "tracebacks show local variables"
}

/// Looks at what is set up for tracebacks.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    let Some((module, _)) = context.python() else { return };
    if !context.locust {
        return;
    }
    let mut push = |span, block, name: &str| {
        let mut candidate = Candidate::new(&LOCALS_IN_TRACEBACK, Severity::Medium, Confidence::High, span);
        candidate.name = name.to_owned();
        candidate.message = format!("`{name}` puts the values of variables into tracebacks");
        candidate.block = Some(block);
        out.push(candidate);
    };
    for (id, func, args) in calls(module) {
        if module.qualified(func).is_some_and(|name| name == "cgitb.enable") {
            push(module.span(id), module.block_of(id), "cgitb.enable");
        }
        let tail = module.tail_str(func).unwrap_or_default();
        for arg in args {
            let Some(name) = arg.name.map(|name| module.symbol(name)) else { continue };
            let shows = match name {
                "show_locals" | "tracebacks_show_locals" => matches!(tail, "install" | "Traceback" | "RichHandler"),
                "diagnose" => tail == "add",
                "send_default_pii" | "include_local_variables" | "with_locals" => tail == "init",
                _ => false,
            };
            if shows && matches!(module.kind(arg.value), ExprKind::Bool(true)) {
                push(module.span(arg.value), module.block_of(id), name);
            }
        }
    }
}
