//! `secret-as-variable-name`.

use super::shared::literals;
use crate::context::{Candidate, Context};
use crate::literal::Kind;

rule! {
    /// ## What it does
    /// Finds a token passed as the *name* to `os.getenv()` or `os.environ.get()`: somebody replaced the name
    /// instead of setting the variable.
    ///
    /// ## Why is this bad?
    /// The token is in the source, and the call gives `None`, so that the test does not even work with it.
    ///
    /// ## Example
    /// ```python
    /// token = os.getenv("eyJ…")
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// token = os.environ["SHOP_TOKEN"]
    /// ```
    ///
    /// ## Severity and confidence
    /// High. Certain where the shape is one of a token, likely where the value is merely random.
    ///
    /// ## Fix safety
    /// Safe: the call becomes `secret("NAME")`, and the value is kept where `--to` says.
    ///
    /// ## References
    /// - CWE-798: Use of Hard-coded Credentials <https://cwe.mitre.org/data/definitions/798.html>
    SECRET_AS_VARIABLE_NAME, "TGM202", "secret-as-variable-name", High, "a token stands where the name of an environment variable should"
}

/// Looks at the literals of a file.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    literals(context, &SECRET_AS_VARIABLE_NAME, Kind::EnvironmentName, out, |judged| {
        format!("{} stands where the name of an environment variable should", judged.shape.unwrap_or("a token"))
    });
}
