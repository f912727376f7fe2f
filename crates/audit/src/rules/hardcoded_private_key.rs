//! `hardcoded-private-key`.

use super::shared::{literals, subject, written};
use crate::context::{Candidate, Context};
use crate::literal::Kind;

rule! {
    /// ## What it does
    /// Finds PEM blocks of private keys, in strings and in files beside the scripts.
    ///
    /// ## Why is this bad?
    /// Whoever has the key can be the client, sign in its name, and often read what was recorded before. A key that
    /// was committed has to be replaced, not moved.
    ///
    /// ## Example
    /// ```python
    /// KEY = """-----BEGIN … KEY-----
    /// …"""
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// # The file is handed over by `tegmen run` as a descriptor and never lies on the worker's disk.
    /// self.client.cert = ("client.crt", os.environ["CLIENT_KEY_FILE"])
    /// ```
    ///
    /// ## Severity and confidence
    /// High and certain: the block is one of a private key and holds enough to be one.
    ///
    /// ## Fix safety
    /// Unsafe: the key becomes `secret("NAME").reveal()`, since what reads a key needs the key itself.
    ///
    /// ## References
    /// - CWE-321: Use of Hard-coded Cryptographic Key <https://cwe.mitre.org/data/definitions/321.html>
    /// - CWE-798: Use of Hard-coded Credentials <https://cwe.mitre.org/data/definitions/798.html>
    HARDCODED_PRIVATE_KEY, "TGM107", "hardcoded-private-key", High, "a private key is written in the source"
}

/// Looks at the literals of a file.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    literals(context, &HARDCODED_PRIVATE_KEY, Kind::PrivateKey, out, |judged| {
        format!("{} is written {}", subject(judged, "a private key"), written(judged.literal.site))
    });
}
