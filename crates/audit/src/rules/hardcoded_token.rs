//! `hardcoded-token`.

use super::shared::{literals, subject, written};
use crate::context::{Candidate, Context};
use crate::literal::Kind;

rule! {
    /// ## What it does
    /// Finds bearer tokens, JSON Web Tokens, session tokens and the published shapes of provider tokens, in
    /// headers, dicts, variables, arguments and strings. The same token in many places is one finding with all its
    /// locations.
    ///
    /// ## Why is this bad?
    /// A token is as good as the login that it came from, and recordings (har2locust, HAR converters) copy tokens
    /// of real people into the script. It also expires: the test then measures how fast the target says 401.
    ///
    /// ## Example
    /// ```python
    /// headers = {"Authorization": "Bearer eyJ…"}
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// from tegmen import secret
    ///
    /// headers = {"Authorization": f"Bearer {secret('SHOP_TOKEN')}"}
    /// ```
    ///
    /// ## Severity and confidence
    /// High. Certain where the shape is one that a provider publishes or the value looks random, likely where only the
    /// name speaks for it.
    ///
    /// ## Fix safety
    /// Safe in the scripts of a load test: the value becomes `secret("NAME")` and a secret of `tegmen.toml`, and is kept where
    /// `--to` says. Unsafe where the value itself is needed (`secret("NAME").reveal()`), and in other scripts.
    ///
    /// ## References
    /// - CWE-798: Use of Hard-coded Credentials <https://cwe.mitre.org/data/definitions/798.html>
    /// - OWASP Secrets Management Cheat Sheet <https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html>
    HARDCODED_TOKEN, "TGM102", "hardcoded-token", High, "a token is written in the source"
}

/// Looks at the literals of a file.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    literals(context, &HARDCODED_TOKEN, Kind::Token, out, |judged| {
        format!("{} is written {}", subject(judged, "a token"), written(judged.literal.site))
    });
}
