//! `outdated-tls`.

use tegmen_findings::{Confidence, Severity};
use tegmen_syntax::{ExprId, ExprKind, Module};

use super::shared::calls;
use crate::context::{Candidate, Context};

rule! {
    /// ## What it does
    /// Finds SSL 2 and 3 and TLS 1.0 and 1.1 in contexts and adapters, and ciphers that OpenSSL leaves out by default
    /// (`SECLEVEL=0`, `aNULL`, `eNULL`).
    ///
    /// ## Why is this bad?
    /// These versions were withdrawn because they can be broken; a server that is not the target can talk a client down
    /// to them.
    ///
    /// ## Example
    /// ```python
    /// context = ssl.SSLContext(ssl.PROTOCOL_TLSv1)
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// context = ssl.create_default_context()
    /// ```
    ///
    /// ## Severity and confidence
    /// Medium: it takes a place in the network between worker and target. Certain: the version is written out.
    ///
    /// ## Fix safety
    /// There is no automatic fix: what to do instead depends on what the value is for.
    ///
    /// ## References
    /// - CWE-327: Use of a Broken or Risky Cryptographic Algorithm <https://cwe.mitre.org/data/definitions/327.html>
    /// - OWASP Transport Layer Security Cheat Sheet <https://cheatsheetseries.owasp.org/cheatsheets/Transport_Layer_Security_Cheat_Sheet.html>
    OUTDATED_TLS, "TGM504", "outdated-tls", Medium, "an outdated version of TLS is allowed"
}

/// Versions that nobody should speak any more.
const OUTDATED: &[&str] = &["PROTOCOL_SSLv2", "PROTOCOL_SSLv3", "PROTOCOL_TLSv1", "PROTOCOL_TLSv1_1"];

/// Looks at versions and ciphers.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    let Some((module, _)) = context.python() else { return };
    if !context.locust {
        return;
    }
    let mut push = |at: ExprId, name: &str| {
        let mut candidate = Candidate::new(&OUTDATED_TLS, Severity::Medium, Confidence::High, module.span(at));
        candidate.name = name.to_owned();
        candidate.message = format!("`{name}` allows TLS that can be broken");
        candidate.block = Some(module.block_of(at));
        out.push(candidate);
    };
    for (id, expr) in module.exprs() {
        let ExprKind::Attribute { value, attr } = &expr.kind else { continue };
        let name = module.symbol(*attr);
        let version = matches!(name, "SSLv2" | "SSLv3" | "TLSv1" | "TLSv1_1")
            && module.tail_str(*value) == Some("TLSVersion")
            && is_minimum(module, id);
        if OUTDATED.contains(&name) && is_chosen(module, id) || version {
            push(id, name);
        }
    }
    for (id, func, args) in calls(module) {
        let weak = |text: &str| ["SECLEVEL=0", "aNULL", "eNULL", "RC4"].iter().any(|cipher| {
            text.contains(cipher) && !text.contains(&format!("!{cipher}"))
        });
        if module.tail_str(func) == Some("set_ciphers")
            && args.first().and_then(|arg| module.as_str(arg.value)).is_some_and(weak)
        {
            push(id, "set_ciphers");
        }
    }
}

/// Whether a version is handed to something or set, rather than compared or looked up.
fn is_chosen(module: &Module, version: ExprId) -> bool {
    match module.parent(version) {
        Some(parent) => matches!(module.kind(parent), ExprKind::Call { .. }),
        None => !module.definitions_by_value(version).is_empty(),
    }
}

/// Whether a version is set as the least: `context.minimum_version = …`. To name it elsewhere allows nothing.
fn is_minimum(module: &Module, version: ExprId) -> bool {
    module.definitions_by_value(version).iter().any(|def| {
        matches!(
            module.definition(*def).target,
            tegmen_syntax::Target::Attribute(_, name) | tegmen_syntax::Target::Field(_, name)
                if module.symbol(name) == "minimum_version"
        )
    })
}
