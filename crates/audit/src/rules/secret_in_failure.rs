//! `secret-in-failure`.

use tegmen_findings::{Confidence, Severity};
use tegmen_syntax::{ExprId, ExprKind, StmtKind};

use super::shared::{calls, keyword, leak, of_a_language};
use crate::context::{Candidate, Context};
use crate::flow::Origin;

rule! {
    /// ## What it does
    /// Finds bodies of responses and secrets in `response.failure(…)`, in exceptions that are raised, and in the
    /// messages of assertions.
    ///
    /// ## Why is this bad?
    /// Locust groups failures by their text and shows them in the web page, the CSV and the HTML report, and sends
    /// them from every worker to the master. A target that answers with what it was sent puts the credential there.
    ///
    /// ## Example
    /// ```python
    /// with self.client.get("/orders", catch_response=True) as response:
    ///     if response.status_code != 200:
    ///         response.failure(f"got {response.text}")
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// with self.client.get("/orders", catch_response=True) as response:
    ///     if response.status_code != 200:
    ///         response.failure(f"got status {response.status_code}")
    /// ```
    ///
    /// ## Severity and confidence
    /// High for a secret, medium for the body of a response. Likely where only the name says that it is secret.
    ///
    /// ## Fix safety
    /// Unsafe: `response.text` and the like become `response.status_code`. None for secrets themselves: what the message is to
    /// say instead wants a decision.
    ///
    /// ## References
    /// - CWE-209: Generation of Error Message Containing Sensitive Information <https://cwe.mitre.org/data/definitions/209.html>
    /// - CWE-532: Insertion of Sensitive Information into Log File <https://cwe.mitre.org/data/definitions/532.html>
    SECRET_IN_FAILURE, "TGM403", "secret-in-failure", Medium, "a failure or exception carries a body or a secret"
}

/// Looks at failures, exceptions and assertions.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    let Some((module, _)) = context.python() else { return };
    if !context.locust {
        return;
    }
    for (_, func, args) in calls(module) {
        if matches!(module.kind(func), ExprKind::Attribute { .. }) && module.tail_str(func) == Some("failure") {
            for arg in args {
                say(context, arg.value, "the text of a failure", out);
            }
        } else if module.tail_str(func) == Some("fire")
            && let Some(exception) = keyword(module, args, "exception")
        {
            say(context, exception, "the exception of a request", out);
        }
    }
    for statement in &module.statements {
        match statement.kind {
            StmtKind::Raise(Some(exception)) => {
                if let ExprKind::Call { args, .. } = module.kind(exception) {
                    for arg in args {
                        say(context, arg.value, "an exception", out);
                    }
                }
            }
            StmtKind::Assert { message: Some(message), .. } => say(context, message, "the message of an assertion", out),
            _ => {}
        }
    }
}

fn say(context: &Context<'_>, value: ExprId, place: &str, out: &mut Vec<Candidate>) {
    let Some((module, flow)) = context.python() else { return };
    // `raise Exception(…)` inside a failure is looked at once, where it stands.
    let value = match module.kind(value) {
        ExprKind::Call { func, args } if args.len() == 1 && module.tail_str(*func).is_some_and(|name| name.ends_with("Exception") || name.ends_with("Error")) => args[0].value,
        _ => value,
    };
    let taint = flow.of(value);
    let (source, severity) = match taint.secret() {
        Some(source) if of_a_language(context, source) => return,
        Some(source) => (source, Severity::High),
        None => match taint.find(&[Origin::LoginBody, Origin::Body]) {
            Some(source) => (source, Severity::Medium),
            None => return,
        },
    };
    let confidence = if source.origin == Origin::Named { Confidence::Medium } else { Confidence::High };
    let mut candidate = leak(&SECRET_IN_FAILURE, severity, confidence, flow, module, value, source);
    candidate.message = match source.origin {
        Origin::LoginBody => format!("{place} carries the response to a login"),
        Origin::Body => format!("{place} carries the body of a response"),
        _ => format!("{place} carries `{}`, {}", source.name, source.origin.describe()),
    };
    candidate.hint = Some("give the status code and what was expected".to_owned());
    out.push(candidate);
}
