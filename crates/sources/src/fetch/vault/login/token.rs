//! The token where the command line tools look for it: the variables, the token helper, `~/.vault-token`.

use std::path::Path;

use tegmen_secret::SecretBytes;

use super::{helper, trimmed};
use crate::fetch::context::Context;
use crate::fetch::error::Trouble;
use crate::fetch::files;

/// The file that `vault login` and `bao login` write.
const FILE: &str = "~/.vault-token";

/// A variable of Vault's, that of OpenBao first.
pub(super) fn variable(context: &Context, name: &str) -> Option<SecretBytes> {
    let text = |prefix: &str| context.environment.text(&format!("{prefix}_{name}"));
    text("BAO").or_else(|| text("VAULT")).map(|text| SecretBytes::from(text.trim().to_owned()))
}

/// Whether the command line tools may have kept one. Asks nobody.
pub(super) fn is_kept(context: &Context) -> bool {
    !matches!(helper::configured(context), Ok(None)) || context.path(Path::new(FILE)).exists()
}

/// The token.
pub(super) fn found(context: &Context) -> Result<SecretBytes, Trouble> {
    if let Some(token) = variable(context, "TOKEN") {
        return Ok(token);
    }
    // Where there is a helper, the tools look nowhere else.
    if let Some(helper) = helper::configured(context)? {
        return helper::token(context, &helper);
    }
    match files::file(context, Path::new(FILE)) {
        Ok((token, _)) => Ok(trimmed(&token)),
        Err(_) => Err(Trouble::new(
            "there is no token for Vault and no way to log in",
            "set VAULT_TOKEN, run `vault login`, or say with `auth` under [vault] how to log in",
        )),
    }
}
