//! `hardcoded-credential-list`.

use super::shared::literals;
use crate::context::{Candidate, Context};
use crate::literal::Kind;

rule! {
    /// ## What it does
    /// Finds lists of users with their passwords, of passwords and of tokens: `[("ellen", "…"), …]`, `TOKENS =
    /// ["…", …]`. One list is one finding.
    ///
    /// ## Why is this bad?
    /// A list is many accounts at once, often of real people, and often with one password for all.
    ///
    /// ## Example
    /// ```python
    /// USERS = [("ellen", "…"), ("bob", "…")]
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// from tegmen import pool
    ///
    /// def on_start(self):
    ///     self.account = pool("shoppers").checkout()
    /// ```
    ///
    /// ## Severity and confidence
    /// High. Likely where only the name of the list and the look of its rows speak for it, certain where a column is
    /// taken apart into a variable that is called a password.
    ///
    /// ## Fix safety
    /// Safe in the scripts of a load test: the value becomes `secret("NAME")` and a secret of `tegmen.toml`, and is kept where
    /// `--to` says. Unsafe where the value itself is needed (`secret("NAME").reveal()`), and in other scripts. None for more than
    /// 20 entries: such a list is better kept as a whole.
    ///
    /// ## References
    /// - CWE-798: Use of Hard-coded Credentials <https://cwe.mitre.org/data/definitions/798.html>
    /// - CWE-259: Use of Hard-coded Password <https://cwe.mitre.org/data/definitions/259.html>
    /// - OWASP Secrets Management Cheat Sheet <https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html>
    HARDCODED_CREDENTIAL_LIST, "TGM109", "hardcoded-credential-list", High, "a list of credentials is written in the source"
}

/// Looks at the literals of a file.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    literals(context, &HARDCODED_CREDENTIAL_LIST, Kind::List, out, |judged| {
        format!("the list `{}` has credentials in it", judged.literal.name)
    });
}
