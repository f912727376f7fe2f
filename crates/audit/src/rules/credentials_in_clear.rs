//! `credentials-in-clear`.

use tegmen_classify as classify;
use tegmen_findings::{Confidence, Severity};
use tegmen_syntax::{DefValue, ExprKind, Module, Target};

use super::shared::{calls, keyword, plain_http_host};
use crate::context::{Candidate, Context};
use crate::flow::calls::{is_login, request};
use crate::literal::value::value_of;

rule! {
    /// ## What it does
    /// Finds credentials that are sent without TLS: an `http://` target with a login or an `Authorization` header, MQTT
    /// with a password and without TLS, FTP, Telnet and SMTP logins, gRPC over an insecure channel with credentials in
    /// its metadata. Addresses of the same machine and of private networks are left alone. Off unless it is selected.
    ///
    /// ## Why is this bad?
    /// Whoever is on the way reads them, and can take the session over while the test runs.
    ///
    /// ## Example
    /// ```python
    /// host = "http://shop.example.com"
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// host = "https://shop.example.com"
    /// ```
    ///
    /// ## Severity and confidence
    /// Low: targets of load tests are often reached inside a test network only, and often speak nothing else. For that
    /// reason it is off by default; `--select credentials-in-clear` asks for it.
    ///
    /// ## Fix safety
    /// There is no automatic fix: what to do instead depends on what the value is for.
    ///
    /// ## References
    /// - CWE-319: Cleartext Transmission of Sensitive Information <https://cwe.mitre.org/data/definitions/319.html>
    /// - OWASP Transport Layer Security Cheat Sheet <https://cheatsheetseries.owasp.org/cheatsheets/Transport_Layer_Security_Cheat_Sheet.html>
    CREDENTIALS_IN_CLEAR, "TGM502", "credentials-in-clear", Low, "credentials go over the network unencrypted", off
}

/// Looks at targets and at clients of protocols without TLS.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    let Some((module, _)) = context.python() else { return };
    if !context.locust {
        return;
    }
    let mut push = |span, block, name: &str, message: String| {
        let rule = &CREDENTIALS_IN_CLEAR;
        let mut candidate = Candidate::new(rule, Severity::Low, Confidence::Medium, span);
        candidate.name = name.to_owned();
        candidate.message = message;
        candidate.block = Some(block);
        out.push(candidate);
    };
    if sends_credentials(module) {
        for definition in &module.definitions {
            let (Target::Name(_, name) | Target::Field(_, name) | Target::Attribute(_, name)) = definition.target else {
                continue;
            };
            let DefValue::Expr(value) = definition.value else { continue };
            let name = module.symbol(name);
            if matches!(name.to_lowercase().as_str(), "host" | "base_url" | "target" | "url" | "server")
                && value_of(module, value).is_some_and(|value| plain_http_host(&value.text).is_some_and(is_public))
            {
                let message = format!("the credentials of this test go to `{name}` over plain HTTP");
                push(module.span(value), definition.block, name, message);
            }
        }
    }
    let source = module.source();
    for (id, func, args) in calls(module) {
        let tail = module.tail_str(func).unwrap_or_default();
        let clear = match tail {
            "username_pw_set" => args.len() > 1 && !source.contains("tls") && !source.contains("8883"),
            "FTP" | "Telnet" => !args.is_empty() && source.contains("login"),
            "SMTP" => source.contains(".login(") && !source.contains("starttls"),
            "insecure_channel" => source.to_lowercase().contains("authorization"),
            _ => false,
        };
        let local = args.first().and_then(|arg| module.as_str(arg.value)).is_some_and(|host| !is_public(host));
        if clear && (tail == "username_pw_set" || !local) {
            let message = format!("`{tail}` sends credentials unencrypted");
            push(module.span(func), module.block_of(id), tail, message);
        }
    }
}

/// Whether a module sends a login or a credential in a header.
fn sends_credentials(module: &Module) -> bool {
    module.exprs().any(|(id, expr)| match &expr.kind {
        ExprKind::Call { func, args } => match request(module, *func, args) {
            Some(url) => keyword(module, args, "auth").is_some() || is_login(module, id, url, args),
            None => false,
        },
        ExprKind::Dict(items) => {
            items.iter().filter_map(|item| module.as_str(item.key?)).any(classify::is_sensitive_header)
        }
        _ => false,
    })
}

/// Whether a host can be reached from anywhere: a name with a public ending, an address of no private network.
fn is_public(host: &str) -> bool {
    let host = host.split([':', '/']).next().unwrap_or_default();
    let private = ["10.", "192.168.", "127.", "169.254.", "0."].iter().any(|start| host.starts_with(start))
        || host
            .strip_prefix("172.")
            .and_then(|rest| rest.split('.').next()?.parse::<u8>().ok())
            .is_some_and(|second| (16..32).contains(&second));
    let inner = [".local", ".internal", ".svc", ".lan", ".test", ".localhost", ".example", ".invalid", ".cluster"]
        .iter()
        .any(|end| host.ends_with(end));
    host.contains('.') && !private && !inner && !host.contains(".svc.") && !host.contains('{')
}
