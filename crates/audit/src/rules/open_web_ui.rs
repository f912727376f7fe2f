//! `open-web-ui`.

use tegmen_findings::{Confidence, Severity};
use tegmen_syntax::ExprKind;

use super::shared::{calls, keyword};
use crate::context::{Candidate, Context};

rule! {
    /// ## What it does
    /// Finds `create_web_ui` on all addresses (`""`, `"*"`, `"0.0.0.0"`, `"::"`) without a login.
    ///
    /// ## Why is this bad?
    /// Whoever reaches the port can start a test against any host, and the test sends its credentials there. The page
    /// also shows hosts, custom arguments and failures.
    ///
    /// ## Example
    /// ```python
    /// environment.create_web_ui("0.0.0.0", 8089)
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// environment.create_web_ui("127.0.0.1", 8089)
    /// # or, in front of everybody: web_login=True, with a login page of one's own
    /// ```
    ///
    /// ## Severity and confidence
    /// Low: how bad it is depends on the network around. Certain: the address is written out.
    ///
    /// ## Fix safety
    /// There is no automatic fix: what to do instead depends on what the value is for.
    ///
    /// ## References
    /// - CWE-306: Missing Authentication for Critical Function <https://cwe.mitre.org/data/definitions/306.html>
    /// - OWASP Authentication Cheat Sheet <https://cheatsheetseries.owasp.org/cheatsheets/Authentication_Cheat_Sheet.html>
    OPEN_WEB_UI, "TGM503", "open-web-ui", Low, "Locust's web interface is opened to everybody"
}

/// Looks at web interfaces that a script opens.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    let Some((module, _)) = context.python() else { return };
    for (id, func, args) in calls(module) {
        if module.tail_str(func) != Some("create_web_ui") {
            continue;
        }
        let host = keyword(module, args, "host")
            .or_else(|| args.first().filter(|arg| arg.name.is_none()).map(|arg| arg.value));
        let open = host.is_some_and(|host| matches!(module.as_str(host), Some("" | "*" | "0.0.0.0" | "::")));
        let login = keyword(module, args, "web_login").is_some_and(|value| !matches!(module.kind(value), ExprKind::Bool(false)))
            || keyword(module, args, "auth_credentials").is_some();
        if !open || login {
            continue;
        }
        let mut candidate = Candidate::new(&OPEN_WEB_UI, Severity::Low, Confidence::High, module.span(func));
        candidate.name = "create_web_ui".to_owned();
        candidate.message = "the web interface listens on all addresses and asks for no login".to_owned();
        candidate.hint = Some("listen on 127.0.0.1, or pass `web_login=True`".to_owned());
        candidate.block = Some(module.block_of(id));
        out.push(candidate);
    }
}
