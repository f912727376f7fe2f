//! `open-web-ui`.

use tegmen_findings::{Confidence, Severity};
use tegmen_syntax::ExprKind;

use super::shared::{calls, keyword};
use crate::context::{Candidate, Context};

rule! {
    /// ## What it does
    /// Finds `create_web_ui` on all addresses (`""`, `"*"`, `"0.0.0.0"`, `"::"`) without a login; and `--web-host`,
    /// `web-host` of `locust.conf` and `LOCUST_WEB_HOST` set to such an address in a file in which nothing turns a login on.
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

/// Looks at web interfaces that a script opens, or that Locust is told to open.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    if let Some(config) = context.file.config() {
        let login = ["web-login", "web-auth", "headless", "no-web"].iter().any(|name| config.is_set(name));
        for setting in config.options("web-host").filter(|setting| !login && is_everywhere(&setting.value)) {
            out.push(open(setting.span, "web-host", "pass `--web-login`, or listen on 127.0.0.1"));
        }
        return;
    }
    let Some((module, _)) = context.python() else { return };
    for (id, func, args) in calls(module) {
        if module.tail_str(func) != Some("create_web_ui") {
            continue;
        }
        let host = keyword(module, args, "host")
            .or_else(|| args.first().filter(|arg| arg.name.is_none()).map(|arg| arg.value));
        let everywhere = host.is_some_and(|host| module.as_str(host).is_some_and(|host| host.is_empty() || is_everywhere(host)));
        let login = keyword(module, args, "web_login").is_some_and(|value| !matches!(module.kind(value), ExprKind::Bool(false)))
            || keyword(module, args, "auth_credentials").is_some();
        if !everywhere || login {
            continue;
        }
        let mut candidate = open(module.span(func), "create_web_ui", "listen on 127.0.0.1, or pass `web_login=True`");
        candidate.block = Some(module.block_of(id));
        out.push(candidate);
    }
}

fn open(span: tegmen_syntax::Span, name: &str, hint: &str) -> Candidate {
    let mut candidate = Candidate::new(&OPEN_WEB_UI, Severity::Low, Confidence::High, span);
    candidate.name = name.to_owned();
    candidate.message = "the web interface listens on all addresses and asks for no login".to_owned();
    candidate.hint = Some(hint.to_owned());
    candidate
}

/// Whether an address means all of them.
pub(super) fn is_everywhere(host: &str) -> bool {
    matches!(host, "*" | "0.0.0.0" | "::" | "[::]")
}
