//! `tls-verification-off`.

use tegmen_findings::{Confidence, Severity};
use tegmen_syntax::{DefValue, ExprId, ExprKind, Module, Span, Target};

use super::shared::{calls, is_manager_client};
use crate::context::{Candidate, Context, Group};

rule! {
    /// ## What it does
    /// Finds `verify=False`, `client.verify = False`, `insecure=True`, `urllib3.disable_warnings()`, unverified SSL
    /// contexts, and the same switches of browsers, WebSockets and clients of Kafka. All of one file are one finding.
    ///
    /// ## Why is this bad?
    /// Whoever is between the worker and the target (a proxy, a wrong DNS entry, another host of the network) gets
    /// every credential that the test sends. Silencing the warning hides that it happens.
    ///
    /// ## Example
    /// ```python
    /// self.client.get("/orders", verify=False)
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// self.client.verify = "/etc/ssl/certs/staging-ca.pem"
    /// ```
    ///
    /// ## Severity and confidence
    /// Medium and certain: it takes a place in the network between worker and target. All places of a file are one
    /// finding. At a secrets manager it is `secrets-manager-unverified`, high.
    ///
    /// ## Fix safety
    /// Safe: `verify=False` and its kind go, `client.verify` becomes `True`, `insecure` (on by default in FastHttpUser) `False`,
    /// `disable_warnings()` goes. A target with a certificate of its own authority then needs `verify="/path/to/ca.pem"`.
    ///
    /// ## References
    /// - CWE-295: Improper Certificate Validation <https://cwe.mitre.org/data/definitions/295.html>
    TLS_VERIFICATION_OFF, "TGM501", "tls-verification-off", Medium, "the certificate of the target is not verified"
}

/// Looks at switches of TLS.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    let Some((module, _)) = context.python() else { return };
    if !context.locust {
        return;
    }
    let mut found = Vec::new();
    let mut push = |span, block, name: &str| {
        let mut candidate = Candidate::new(&TLS_VERIFICATION_OFF, Severity::Medium, Confidence::High, span);
        candidate.name = name.to_owned();
        candidate.message = format!("`{name}` turns off the verification of certificates");
        candidate.block = Some(block);
        candidate.group = Some(Group::List(context.file.path.clone(), Span::new(0, 0), String::new()));
        found.push(candidate);
    };
    for definition in &module.definitions {
        let (Target::Name(_, name) | Target::Field(_, name) | Target::Attribute(_, name)) = definition.target else { continue };
        let DefValue::Expr(value) = definition.value else { continue };
        let name = module.symbol(name);
        let off = match name {
            "accept_insecure_certs" => is_bool(module, value, true),
            "verify" | "verify_ssl" | "check_hostname" | "ssl_verify" | "verify_certs" => is_bool(module, value, false),
            "insecure" => is_bool(module, value, true),
            "verify_mode" => module.text(module.span(value)).ends_with("CERT_NONE"),
            "_create_default_https_context" => module.text(module.span(value)).ends_with("_create_unverified_context"),
            _ => false,
        };
        // A name by itself switches nothing; an attribute does.
        if off && !matches!(definition.target, Target::Name(..)) {
            push(definition.span, definition.block, name);
        }
    }
    for (id, expr) in module.exprs() {
        let ExprKind::Dict(items) = &expr.kind else { continue };
        for item in items {
            let Some(key) = item.key.and_then(|key| module.as_str(key)) else { continue };
            let off = match key {
                "cert_reqs" => is_none(module, item.value),
                "check_hostname" | "enable.ssl.certificate.verification" | "ssl_verify" | "verify_ssl" => {
                    is_bool(module, item.value, false)
                }
                "acceptInsecureCerts" | "ignore_https_errors" | "ignoreHTTPSErrors" | "tlsAllowInvalidCertificates" => {
                    is_bool(module, item.value, true)
                }
                // The body of a request may well have a field of this name.
                "verify" => is_bool(module, item.value, false) && is_unpacked(module, id),
                _ => false,
            };
            if off {
                push(module.span(item.value), module.block_of(id), key);
            }
        }
    }
    for (id, func, args) in calls(module) {
        let tail = module.tail_str(func).unwrap_or_default();
        if tail == "tls_insecure_set" && args.first().is_some_and(|arg| is_bool(module, arg.value, true)) {
            push(module.span(func), module.block_of(id), tail);
        }
        // An option of the browser.
        let first = args.first().and_then(|arg| module.as_str(arg.value));
        if tail == "add_argument" && first.is_some_and(|option| option.trim_start_matches('-') == "ignore-certificate-errors") {
            push(module.span(func), module.block_of(id), "ignore-certificate-errors");
        }
        if tail == "disable_warnings" || tail == "_create_unverified_context" {
            push(module.span(func), module.block_of(id), tail);
        }
        // At a secrets manager it is a rule of its own.
        if is_manager_client(module, func, args) {
            continue;
        }
        for arg in args {
            let Some(name) = arg.name.map(|name| module.symbol(name)) else { continue };
            let off = match name {
                "verify" | "verify_ssl" | "ssl_verify" | "check_hostname" | "verify_certs" | "tls_verify" => is_bool(module, arg.value, false),
                "insecure" | "tlsInsecure" | "tlsAllowInvalidCertificates" | "ignore_https_errors" => {
                    is_bool(module, arg.value, true)
                }
                "ssl_cert_reqs" => {
                    matches!(module.kind(arg.value), ExprKind::None) || module.as_str(arg.value) == Some("none")
                }
                // For aiohttp; for a database it is a connection in clear.
                "ssl" => is_bool(module, arg.value, false) && is_aiohttp(module, tail),
                "cert_reqs" | "tls_cert_reqs" => is_none(module, arg.value),
                _ => false,
            };
            if off {
                push(module.span(arg.value), module.block_of(id), name);
            }
        }
    }
    // All are one finding, and the first of them says what it is.
    found.sort_by_key(|candidate: &Candidate| candidate.span.start);
    out.append(&mut found);
}

/// Whether a call of this name in a module may be one of aiohttp.
fn is_aiohttp(module: &Module, tail: &str) -> bool {
    const CALLS: &[&str] =
        &["TCPConnector", "ws_connect", "get", "post", "put", "patch", "delete", "request", "head", "options"];
    CALLS.contains(&tail) && module.imports.iter().any(|import| import.qualified.split('.').next() == Some("aiohttp"))
}

/// Whether an expression is `ssl.CERT_NONE`, by name or by number.
fn is_none(module: &Module, value: ExprId) -> bool {
    let text = module.text(module.span(value));
    text.ends_with("CERT_NONE") || text == "0"
}

/// Whether an expression is this truth value, written out or as a constant.
fn is_bool(module: &Module, value: ExprId, expected: bool) -> bool {
    match module.kind(value) {
        ExprKind::Bool(found) => *found == expected,
        ExprKind::Name(name) => match module.reaching(value, *name)[..] {
            [def] => match module.definition(def).value {
                DefValue::Expr(value) => matches!(module.kind(value), ExprKind::Bool(found) if *found == expected),
                _ => false,
            },
            _ => false,
        },
        _ => false,
    }
}

/// Whether a dict holds the keywords of calls: `**{…}`, or a variable that is called so.
fn is_unpacked(module: &Module, dict: ExprId) -> bool {
    let unpacked = module.parent(dict).is_some_and(|parent| match module.kind(parent) {
        ExprKind::Call { args, .. } => args.iter().any(|arg| arg.unpacked && arg.value == dict),
        _ => false,
    });
    unpacked
        || module.definitions_by_value(dict).iter().any(|def| match module.definition(*def).target {
            Target::Name(_, name) | Target::Field(_, name) | Target::Attribute(_, name) => {
                let name = module.symbol(name).to_lowercase();
                name.contains("kwargs") || name.contains("request_opt") || name.contains("client_opt")
            }
            Target::Item(..) => false,
        })
}
