//! `hardcoded-basic-auth`.

use super::shared::{literals, subject, written};
use crate::context::{Candidate, Context};
use crate::literal::Kind;

rule! {
    /// ## What it does
    /// Finds `auth=(user, password)`, `HTTPBasicAuth(user, password)`, MQTT's `username_pw_set`, and
    /// `Authorization: Basic …` with its base64.
    ///
    /// ## Why is this bad?
    /// Base64 is no protection: it is decoded in a moment, and most search tools do not look into it.
    ///
    /// ## Example
    /// ```python
    /// self.client.get("/admin", auth=("admin", "…"))
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// from tegmen import secret
    ///
    /// self.client.get("/admin", auth=("admin", secret("ADMIN_PASSWORD")))
    /// ```
    ///
    /// ## Severity and confidence
    /// High; medium for passwords that everybody tries first. Certain: the place says what it is.
    ///
    /// ## Fix safety
    /// Safe in the scripts of a load test: the value becomes `secret("NAME")` and a secret of `tegmen.toml`, and is kept where
    /// `--to` says. Unsafe where the value itself is needed (`secret("NAME").reveal()`), and in other scripts.
    ///
    /// ## References
    /// - CWE-798: Use of Hard-coded Credentials <https://cwe.mitre.org/data/definitions/798.html>
    /// - CWE-522: Insufficiently Protected Credentials <https://cwe.mitre.org/data/definitions/522.html>
    /// - OWASP Secrets Management Cheat Sheet <https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html>
    HARDCODED_BASIC_AUTH, "TGM104", "hardcoded-basic-auth", High, "user and password of Basic authentication are written in the source"
}

/// Looks at the literals of a file.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    literals(context, &HARDCODED_BASIC_AUTH, Kind::Basic, out, |judged| {
        format!("{} is written {}", subject(judged, "the password of Basic authentication"), written(judged.literal.site))
    });
}
