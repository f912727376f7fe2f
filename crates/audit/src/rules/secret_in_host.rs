//! `secret-in-host`.

use tegmen_classify as classify;
use tegmen_findings::Severity;
use tegmen_syntax::{DefValue, ExprKind, Target};

use super::shared::{confidence, leak};
use crate::context::{Candidate, Context};

rule! {
    /// ## What it does
    /// Finds hosts and base URLs of user classes that a secret is put into: `host =
    /// f"https://api.example.com/{API_KEY}"`, `https://user:{PASSWORD}@…`.
    ///
    /// ## Why is this bad?
    /// Locust shows the host at the top of its web page and of every report, in the statistics of all URLs and in error
    /// messages.
    ///
    /// ## Example
    /// ```python
    /// host = f"https://rpc.example.com/v2/{API_KEY}"
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// host = "https://rpc.example.com"
    ///
    /// def on_start(self):
    ///     self.client.headers["Authorization"] = f"Bearer {API_KEY}"
    /// ```
    ///
    /// ## Severity and confidence
    /// High: it is in every output. Where the service takes its key in the path only, `tegmen run` shows `[API_KEY]` in
    /// its place.
    ///
    /// ## Fix safety
    /// There is no automatic fix: what to do instead depends on what the value is for.
    ///
    /// ## References
    /// - CWE-598: Use of GET Request Method With Sensitive Query Strings <https://cwe.mitre.org/data/definitions/598.html>
    /// - CWE-200: Exposure of Sensitive Information to an Unauthorized Actor <https://cwe.mitre.org/data/definitions/200.html>
    /// - OWASP Secrets Management Cheat Sheet <https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html>
    SECRET_IN_HOST, "TGM414", "secret-in-host", High, "a secret is part of the host that Locust shows"
}

/// Looks at what hosts are made of.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    let Some((module, flow)) = context.python() else { return };
    if !context.locust {
        return;
    }
    for definition in &module.definitions {
        let (Target::Field(_, name) | Target::Attribute(_, name)) = definition.target else { continue };
        let DefValue::Expr(value) = definition.value else { continue };
        if !matches!(module.symbol(name), "host" | "base_url" | "ws_url")
            || !matches!(module.kind(value), ExprKind::FString(_) | ExprKind::Binary { .. } | ExprKind::Call { .. })
        {
            continue;
        }
        let taint = flow.of(value);
        let Some(source) = taint.secret().filter(|source| classify::is_sensitive_name(&source.name)) else { continue };
        let mut candidate =
            leak(&SECRET_IN_HOST, Severity::High, confidence(source), flow, module, value, source);
        // The address of a socket is not at the top of every page, but goes into errors and the logs of proxies.
        let shown = if module.symbol(name) == "ws_url" {
            candidate.severity = Severity::Medium;
            "and URLs go into logs and error messages"
        } else {
            "which Locust shows"
        };
        candidate.message =
            format!("`{}`, {}, is part of `{}`, {shown}", source.name, source.origin.describe(), module.symbol(name));
        candidate.hint = Some("send it in a header".to_owned());
        out.push(candidate);
    }
}
