//! `credentials-in-url`.

use super::shared::literals;
use crate::context::{Candidate, Context};
use crate::literal::Kind;

rule! {
    /// ## What it does
    /// Finds `scheme://user:password@host` (databases, brokers, `host` of a user class) and keys and tokens in the
    /// query of a URL.
    ///
    /// ## Why is this bad?
    /// Locust shows host and URLs in its web page, statistics, reports and failures; proxies and the target log
    /// them. What is in a URL is in all of these.
    ///
    /// ## Example
    /// ```python
    /// host = "https://loadtest:…@staging.example.com"
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// from tegmen import secret
    ///
    /// host = "https://staging.example.com"
    ///
    /// def on_start(self):
    ///     self.client.auth = ("loadtest", secret("STAGING_PASSWORD"))
    /// ```
    ///
    /// ## Severity and confidence
    /// High; medium for hosts of the same machine and for passwords that everybody tries first. Certain for
    /// `user:password@`, likely for parameters of a query.
    ///
    /// ## Fix safety
    /// Safe in the scripts of a load test: the value becomes `secret("NAME")` and a secret of `tegmen.toml`, and is kept where
    /// `--to` says. Unsafe where the value is written with escapes, where the value itself is needed (`secret("NAME").reveal()`), and in other scripts.
    ///
    /// ## References
    /// - CWE-798: Use of Hard-coded Credentials <https://cwe.mitre.org/data/definitions/798.html>
    /// - CWE-598: Use of GET Request Method With Sensitive Query Strings <https://cwe.mitre.org/data/definitions/598.html>
    /// - OWASP Secrets Management Cheat Sheet <https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html>
    CREDENTIALS_IN_URL, "TGM106", "credentials-in-url", High, "a URL has credentials in it"
}

/// Looks at the literals of a file.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    literals(context, &CREDENTIALS_IN_URL, Kind::Url, out, |judged| {
        format!("the URL{} has credentials in it", if judged.literal.name.is_empty() { String::new() } else { format!(" in `{}`", judged.literal.name) })
    });
}
