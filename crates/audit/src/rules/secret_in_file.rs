//! `secret-in-file`.

use tegmen_findings::{Confidence, Severity};
use tegmen_syntax::ExprKind;

use super::shared::{calls, leak};
use crate::context::{Candidate, Context};
use crate::flow::Origin;

rule! {
    /// ## What it does
    /// Finds secrets, and the responses to logins, that are written to files: `write`, `writelines`, `writerow`,
    /// `json.dump`, `write_text`.
    ///
    /// ## Why is this bad?
    /// The file stays on the worker after the test, readable by whoever comes next, in a place that nobody looks
    /// at; container images and artefacts of CI carry it on.
    ///
    /// ## Example
    /// ```python
    /// with open("tokens.txt", "a") as f:
    ///     f.write(token)
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// # Keep it in memory, for the user that it belongs to.
    /// self.token = token
    /// ```
    ///
    /// ## Severity and confidence
    /// Medium; low for the body of a response that is none to a login. Likely where only the name says that it is
    /// secret.
    ///
    /// ## References
    /// - CWE-312: Cleartext Storage of Sensitive Information <https://cwe.mitre.org/data/definitions/312.html>
    /// - CWE-532: Insertion of Sensitive Information into Log File <https://cwe.mitre.org/data/definitions/532.html>
    SECRET_IN_FILE, "TGM407", "secret-in-file", Medium, "a secret is written to a file"
}

/// Looks at what is written to files.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    let Some((module, flow)) = context.python() else { return };
    if !context.locust {
        return;
    }
    for (_, func, args) in calls(module) {
        let ExprKind::Attribute { value: object, attr } = module.kind(func) else { continue };
        let object = module.tail_str(*object).unwrap_or_default();
        let written = match module.symbol(*attr) {
            "write" | "writelines" if !matches!(object, "stdout" | "stderr" | "response" | "ws" | "socket" | "sock" | "conn") => args.first(),
            "writerow" | "writerows" | "write_text" | "write_bytes" => args.first(),
            "dump" if matches!(object, "json" | "yaml" | "simplejson" | "ujson" | "toml") => args.first(),
            _ => continue,
        };
        let Some(written) = written else { continue };
        let taint = flow.of(written.value);
        let Some(source) = taint.secret().or_else(|| taint.find(&[Origin::LoginBody, Origin::Body])) else { continue };
        let severity = if source.origin == Origin::Body { Severity::Low } else { Severity::Medium };
        let confidence = if source.origin == Origin::Named { Confidence::Medium } else { Confidence::High };
        let mut candidate = leak(&SECRET_IN_FILE, severity, confidence, flow, module, written.value, source);
        candidate.message = match source.origin {
            Origin::LoginBody => "the response to a login is written to a file".to_owned(),
            Origin::Body => "the body of a response is written to a file".to_owned(),
            _ => format!("`{}`, {}, is written to a file", source.name, source.origin.describe()),
        };
        out.push(candidate);
    }
}
