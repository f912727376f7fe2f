//! `hardcoded-key`.

use super::shared::{literals, subject, written};
use crate::context::{Candidate, Context};
use crate::literal::Kind;

rule! {
    /// ## What it does
    /// Finds API keys, client secrets, signing and encryption keys, subscription keys, and the keys that companies
    /// let their own clients in with (`X-…-Key`, `X-…-Internal`).
    ///
    /// ## Why is this bad?
    /// Keys live long and are seldom bound to a person, so that a copy in a repository works for years and nobody
    /// can tell who used it.
    ///
    /// ## Example
    /// ```python
    /// class Shopper(HttpUser):
    ///     api_key = "…"
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// from tegmen import secret
    ///
    /// class Shopper(HttpUser):
    ///     api_key = secret("SHOP_API_KEY")
    /// ```
    ///
    /// ## Severity and confidence
    /// High; medium for keys that providers hand to browsers, for test accounts, and for client secrets that are weak.
    /// Certain where the shape or the randomness of the value says so.
    ///
    /// ## Fix safety
    /// Safe in the scripts of a load test: the value becomes `secret("NAME")` and a secret of `tegmen.toml`, and is kept where
    /// `--to` says. Unsafe where the value itself is needed (`secret("NAME").reveal()`), and in other scripts.
    ///
    /// ## References
    /// - CWE-798: Use of Hard-coded Credentials <https://cwe.mitre.org/data/definitions/798.html>
    /// - CWE-321: Use of Hard-coded Cryptographic Key <https://cwe.mitre.org/data/definitions/321.html>
    /// - OWASP Secrets Management Cheat Sheet <https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html>
    HARDCODED_KEY, "TGM103", "hardcoded-key", High, "an API key or client secret is written in the source"
}

/// Looks at the literals of a file.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    literals(context, &HARDCODED_KEY, Kind::Key, out, |judged| {
        format!("{} is written {}", subject(judged, "a key"), written(judged.literal.site))
    });
}
