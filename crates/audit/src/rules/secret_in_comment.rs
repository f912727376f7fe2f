//! `secret-in-comment`.

use super::shared::{literals, subject};
use crate::context::{Candidate, Context};
use crate::literal::Kind;

rule! {
    /// ## What it does
    /// Finds passwords, keys and tokens in commented-out code and in blocks of text that nothing uses.
    ///
    /// ## Why is this bad?
    /// Code that is commented out is still in the repository, still sent to the workers, and nobody rotates what it
    /// has in it.
    ///
    /// ## Example
    /// ```python
    /// # self.client.post("/login", {"username": "ellen", "password": "…"})
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// # self.client.post("/login", {"username": "ellen", "password": PASSWORD})
    /// ```
    ///
    /// ## Severity and confidence
    /// Medium, high for tokens whose shape a provider publishes. Never more than likely: what is out of use may be out
    /// of date.
    ///
    /// ## Fix safety
    /// Unsafe: `<NAME>` stands in the comment, and the value is kept where `--to` says.
    ///
    /// ## References
    /// - CWE-615: Inclusion of Sensitive Information in Source Code Comments <https://cwe.mitre.org/data/definitions/615.html>
    /// - CWE-798: Use of Hard-coded Credentials <https://cwe.mitre.org/data/definitions/798.html>
    SECRET_IN_COMMENT, "TGM110", "secret-in-comment", Medium, "a secret stands in a comment"
}

/// Looks at the literals of a file.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    literals(context, &SECRET_IN_COMMENT, Kind::Dead, out, |judged| {
        format!("{} stands in a comment or in text that nothing uses", subject(judged, "a secret"))
    });
}
