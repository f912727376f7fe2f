//! `hardcoded-fallback`.

use super::shared::literals;
use crate::context::{Candidate, Context};
use crate::literal::Kind;

rule! {
    /// ## What it does
    /// Finds real-looking values that are taken when a variable or option is missing: `getenv(name, value)`,
    /// `environ.get(name, value)`, `getenv(name) or value`, `config(name, default=value)`, `options.get("password",
    /// value)`, defaults of command-line options.
    ///
    /// ## Why is this bad?
    /// The value is in the repository all the same, and nobody notices when the variable is missing: the test then
    /// runs with the wrong account, against the wrong system.
    ///
    /// ## Example
    /// ```python
    /// API_KEY = os.getenv("API_KEY", "…")
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// API_KEY = os.environ["API_KEY"]  # a KeyError at the start says which one is missing
    /// ```
    ///
    /// ## Severity and confidence
    /// High; medium for passwords that everybody tries first. Stand-ins such as `test-key` and `changeme` are left
    /// alone.
    ///
    /// ## Fix safety
    /// Safe: `os.getenv("X", value)` becomes `os.environ["X"]`, and the value is kept as `X` where `--to` says. What is no
    /// environment variable falls back on `secret("NAME")`.
    ///
    /// ## References
    /// - CWE-798: Use of Hard-coded Credentials <https://cwe.mitre.org/data/definitions/798.html>
    /// - CWE-1188: Initialization of a Resource with an Insecure Default <https://cwe.mitre.org/data/definitions/1188.html>
    /// - OWASP Secrets Management Cheat Sheet <https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html>
    HARDCODED_FALLBACK, "TGM108", "hardcoded-fallback", High, "a secret is written in the source as a fallback"
}

/// Looks at the literals of a file.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    literals(context, &HARDCODED_FALLBACK, Kind::Fallback, out, |judged| {
        format!("a real-looking value stands in for `{}` where it is not set", if judged.literal.name.is_empty() { "the variable" } else { &judged.literal.name })
    });
}
