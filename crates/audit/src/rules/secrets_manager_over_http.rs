//! `secrets-manager-over-http`.

use tegmen_findings::{Confidence, Severity};
use tegmen_syntax::{Arg, ExprId, ExprKind, Module};

use super::shared::{calls, is_manager_client, keyword, plain_http_host};
use crate::context::{Candidate, Context};
use crate::flow::calls::request;
use crate::literal::value::value_of;

rule! {
    /// ## What it does
    /// Finds clients of Vault and OpenBao, and endpoints of other secrets managers, whose address begins with `http://`
    /// and is not on the same machine; requests with an `X-Vault-Token` to such an address too.
    ///
    /// ## Why is this bad?
    /// The token and every secret that is read with it cross the network in the clear. Whoever sees one packet has all
    /// that the token may read.
    ///
    /// ## Example
    /// ```python
    /// client = hvac.Client(url="http://vault.internal:8200")
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// client = hvac.Client(url="https://vault.internal:8200", verify="/etc/ssl/internal-ca.pem")
    /// ```
    ///
    /// ## Severity and confidence
    /// High: one token of a secrets manager opens many secrets. Addresses of the same machine (`localhost`,
    /// `127.0.0.1`) are left alone. Certain where the address is written out, likely where it is a fallback.
    ///
    /// ## Fix safety
    /// There is no automatic fix: what to do instead depends on what the value is for.
    ///
    /// ## References
    /// - CWE-319: Cleartext Transmission of Sensitive Information <https://cwe.mitre.org/data/definitions/319.html>
    /// - OWASP Secrets Management Cheat Sheet <https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html>
    /// - OWASP Transport Layer Security Cheat Sheet <https://cheatsheetseries.owasp.org/cheatsheets/Transport_Layer_Security_Cheat_Sheet.html>
    SECRETS_MANAGER_OVER_HTTP, "TGM303", "secrets-manager-over-http", High, "a secrets manager is asked over plain HTTP"
}

/// Looks at clients of secrets managers, and at requests that carry their token.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    let Some((module, _)) = context.python() else { return };
    for (id, func, args) in calls(module) {
        let address = if is_manager_client(module, func, args) {
            ["url", "endpoint_url", "vault_url", "address"]
                .iter()
                .find_map(|name| keyword(module, args, name))
                .or_else(|| args.first().filter(|arg| arg.name.is_none()).map(|arg| arg.value))
        } else if carries_token(module, args) {
            request(module, func, args).flatten()
        } else {
            None
        };
        let Some((at, confidence)) = address.and_then(|address| plain(module, address)) else { continue };
        let rule = &SECRETS_MANAGER_OVER_HTTP;
        let mut candidate = Candidate::new(rule, Severity::High, confidence, module.span(at));
        candidate.name = module.tail_str(func).unwrap_or_default().to_owned();
        candidate.message = "the secrets manager is asked over plain HTTP".to_owned();
        candidate.hint = Some("use https, and verify the certificate".to_owned());
        candidate.block = Some(module.block_of(id));
        out.push(candidate);
    }
}

/// The literal that says `http://`, in an address or in its fallback.
fn plain(module: &Module, address: ExprId) -> Option<(ExprId, Confidence)> {
    let is_plain = |expr: ExprId| value_of(module, expr).is_some_and(|value| plain_http_host(&value.text).is_some());
    if is_plain(address) {
        return Some((address, Confidence::High));
    }
    match module.kind(address) {
        ExprKind::Call { args, .. } => {
            args.get(1).map(|arg| arg.value).filter(|value| is_plain(*value)).map(|value| (value, Confidence::Medium))
        }
        ExprKind::Name(name) => match module.reaching(address, *name)[..] {
            [def] => match module.definition(def).value {
                tegmen_syntax::DefValue::Expr(value) if value < address => plain(module, value),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

fn carries_token(module: &Module, args: &[Arg]) -> bool {
    keyword(module, args, "headers").is_some_and(|headers| match module.kind(headers) {
        ExprKind::Dict(items) => items
            .iter()
            .filter_map(|item| module.as_str(item.key?))
            .any(|key| key.eq_ignore_ascii_case("x-vault-token")),
        _ => false,
    })
}
