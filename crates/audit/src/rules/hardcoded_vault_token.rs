//! `hardcoded-vault-token`.

use super::shared::{literals, subject};
use crate::context::{Candidate, Context};
use crate::literal::Kind;

rule! {
    /// ## What it does
    /// Finds Vault and OpenBao tokens: in `X-Vault-Token` headers, in `VAULT_TOKEN`, and wherever their published
    /// shape (`hvs.`) stands.
    ///
    /// ## Why is this bad?
    /// The token opens all that its policies allow, not one account. With it in the source the secrets manager
    /// protects nothing.
    ///
    /// ## Example
    /// ```python
    /// client = hvac.Client(url=VAULT_ADDR, token="hvs.…")
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// # tegmen.toml; the broker logs in once per run and revokes its token at the end:
    /// # [vault]
    /// # auth = { method = "approle", role_id = "env:VAULT_ROLE_ID", secret_id = "file:/run/secrets/secret-id" }
    /// from tegmen import secret
    ///
    /// API_KEY = secret("API_KEY")
    /// ```
    ///
    /// ## Severity and confidence
    /// High and certain: one such token opens many secrets.
    ///
    /// ## Fix safety
    /// Safe in the scripts of a load test: the value becomes `secret("NAME")` and a secret of `tegmen.toml`, and is kept where
    /// `--to` says. Unsafe where the value itself is needed (`secret("NAME").reveal()`), and in other scripts.
    ///
    /// ## References
    /// - CWE-798: Use of Hard-coded Credentials <https://cwe.mitre.org/data/definitions/798.html>
    /// - Vault: Tokens <https://developer.hashicorp.com/vault/docs/concepts/tokens>
    HARDCODED_VAULT_TOKEN, "TGM301", "hardcoded-vault-token", High, "a token of a secrets manager is written in the source"
}

/// Looks at the literals of a file.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    literals(context, &HARDCODED_VAULT_TOKEN, Kind::Manager, out, |judged| {
        format!("{} is written in the source", subject(judged, "a Vault token"))
    });
}
