//! `hardcoded-session-cookie`.

use super::shared::{literals, subject, written};
use crate::context::{Candidate, Context};
use crate::literal::Kind;

rule! {
    /// ## What it does
    /// Finds `Cookie` headers and dicts of cookies in which a session's cookie has a value. Cookies that only count
    /// visitors or guard forms are left alone.
    ///
    /// ## Why is this bad?
    /// The cookie is the session of whoever recorded the script. It stands in dozens of requests of a recording,
    /// and in the history after it was taken out.
    ///
    /// ## Example
    /// ```python
    /// headers = {"Cookie": "sessionid=…; lang=en"}
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// def on_start(self):
    ///     # The client keeps the cookies that a login sets.
    ///     self.client.post("/login", {"username": "ellen", "password": secret("SHOP_PASSWORD")})
    /// ```
    ///
    /// ## Severity and confidence
    /// High and certain: a random value under the name of a session's cookie. Cookies that count visitors or guard
    /// forms are left alone.
    ///
    /// ## Fix safety
    /// Safe in the scripts of a load test: the value becomes `secret("NAME")` and a secret of `tegmen.toml`, and is kept where
    /// `--to` says. Unsafe where the value itself is needed (`secret("NAME").reveal()`), and in other scripts.
    ///
    /// ## References
    /// - CWE-798: Use of Hard-coded Credentials <https://cwe.mitre.org/data/definitions/798.html>
    /// - CWE-522: Insufficiently Protected Credentials <https://cwe.mitre.org/data/definitions/522.html>
    HARDCODED_SESSION_COOKIE, "TGM105", "hardcoded-session-cookie", High, "the cookie of a session is written in the source"
}

/// Looks at the literals of a file.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    literals(context, &HARDCODED_SESSION_COOKIE, Kind::Cookie, out, |judged| {
        format!("{} is written {}", subject(judged, "a session's cookie"), written(judged.literal.site))
    });
}
