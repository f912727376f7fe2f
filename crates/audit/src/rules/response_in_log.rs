//! `response-in-log`.

use tegmen_findings::{Confidence, Severity};

use super::shared::{Sink, calls, leak, printed, sink};
use crate::context::{Candidate, Context};
use crate::flow::Origin;

rule! {
    /// ## What it does
    /// Finds bodies of responses in `print` and logging calls. The response to a login is of high severity: the
    /// token is in it.
    ///
    /// ## Why is this bad?
    /// Bodies carry tokens, sessions and data of real people. A line that helped once while debugging writes them
    /// out for every request of every user.
    ///
    /// ## Example
    /// ```python
    /// r = self.client.post("/login", json=credentials)
    /// print(r.text)
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// r = self.client.post("/login", json=credentials)
    /// print(r.status_code)
    /// ```
    ///
    /// ## Severity and confidence
    /// High for the response to a login, which has the token in it, low for other responses. Certain: the response can
    /// be followed from its request.
    ///
    /// ## Fix safety
    /// As for `secret-in-log`, but safe for the response to a login only: other bodies may be logged on purpose.
    ///
    /// ## References
    /// - CWE-532: Insertion of Sensitive Information into Log File <https://cwe.mitre.org/data/definitions/532.html>
    /// - OWASP Logging Cheat Sheet <https://cheatsheetseries.owasp.org/cheatsheets/Logging_Cheat_Sheet.html>
    RESPONSE_IN_LOG, "TGM402", "response-in-log", Medium, "what a response says is printed or logged"
}

/// Looks at what is printed and logged.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    let Some((module, flow)) = context.python() else { return };
    if !context.locust {
        return;
    }
    for (_, func, args) in calls(module) {
        let Some(sink) = sink(module, func) else { continue };
        for arg in printed(module, args) {
            let taint = flow.of(arg);
            if taint.secret().is_some() {
                break;
            }
            let Some(source) = taint.find(&[Origin::LoginBody]).or_else(|| taint.find(&[Origin::Body])) else { continue };
            let login = source.origin == Origin::LoginBody;
            let severity = if login { Severity::High } else { Severity::Low };
            let mut candidate = leak(&RESPONSE_IN_LOG, severity, Confidence::High, flow, module, arg, source);
            let verb = if sink == Sink::Print { "printed" } else { "logged" };
            let what = if login { "the response to a login" } else { "the body of a response" };
            candidate.message = format!("{what} is {verb}");
            candidate.hint = Some("the status code, or one field that is not secret, says as much".to_owned());
            out.push(candidate);
            break;
        }
    }
}
