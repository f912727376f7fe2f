//! What to log in with.

use std::path::Path;

use tegmen_secret::SecretBytes;
use tegmen_vault::{AppRole, Auth, SecretId};

use crate::Manifest;
use crate::fetch::context::Context;
use crate::fetch::error::Trouble;
use crate::fetch::local::Local;
use crate::manifest::{Credential, VaultAuth};

/// What to log in with: as the manifest says, else what the environment has. Files are read anew each time.
pub(super) fn auth(manifest: &Manifest, context: &Context, local: &mut Local) -> Result<Auth, Trouble> {
    Ok(match manifest.vault.as_ref().and_then(|vault| vault.auth.as_ref()) {
        Some(VaultAuth::Token { token: Some(token), wrapped }) => {
            let token = credential(context, token, "token", local)?;
            if *wrapped { Auth::WrappedToken(token) } else { Auth::Token(token) }
        }
        Some(VaultAuth::Token { token: None, wrapped }) => {
            let token = found_token(context)?;
            if *wrapped { Auth::WrappedToken(token) } else { Auth::Token(token) }
        }
        Some(VaultAuth::AppRole { role_id, secret_id, wrapped, mount }) => {
            let secret_id = match secret_id {
                None => None,
                Some(secret_id) => {
                    let secret_id = credential(context, secret_id, "SecretID", local)?;
                    Some(if *wrapped { SecretId::Wrapped(secret_id) } else { SecretId::Plain(secret_id) })
                }
            };
            let role_id = credential(context, role_id, "RoleID", local)?;
            Auth::AppRole(AppRole { mount: mount.clone(), role_id, secret_id })
        }
        None => default_auth(context)?,
    })
}

/// Whether logging in uses something up that cannot be had again.
pub(in crate::fetch) fn login_is_precious(manifest: &Manifest, context: &Context) -> bool {
    match manifest.vault.as_ref().and_then(|vault| vault.auth.as_ref()) {
        Some(VaultAuth::Token { wrapped, .. }) => *wrapped,
        Some(VaultAuth::AppRole { secret_id, .. }) => secret_id.is_some(),
        None => variable(context, "TOKEN").is_none() && variable(context, "SECRET_ID").is_some(),
    }
}

fn credential(
    context: &Context,
    credential: &Credential,
    what: &str,
    local: &mut Local,
) -> Result<SecretBytes, Trouble> {
    match credential {
        Credential::Literal(text) => Ok(SecretBytes::from(text.clone())),
        Credential::Source(source) => match local.get(context, source) {
            Ok((value, _)) => Ok(trimmed(&value)),
            Err(trouble) => Err(Trouble::new(
                format!("no {what} to log in to Vault with ({source}): {}", trouble.why),
                trouble.next,
            )),
        },
    }
}

/// A variable of Vault's, that of OpenBao first.
fn variable(context: &Context, name: &str) -> Option<SecretBytes> {
    let text = |prefix: &str| context.environment.text(&format!("{prefix}_{name}"));
    text("BAO").or_else(|| text("VAULT")).map(|text| SecretBytes::from(text.trim().to_owned()))
}

/// Without `auth`: the token of the variables; AppRole where a RoleID is set; the token of the command line tools.
fn default_auth(context: &Context) -> Result<Auth, Trouble> {
    if let Some(token) = variable(context, "TOKEN") {
        return Ok(Auth::Token(token));
    }
    if let Some(role_id) = variable(context, "ROLE_ID") {
        let secret_id = variable(context, "SECRET_ID").map(SecretId::Plain);
        return Ok(Auth::AppRole(AppRole { mount: "approle".into(), role_id, secret_id }));
    }
    found_token(context).map(Auth::Token)
}

/// The token where the command line tools look for it: the variables, then `~/.vault-token`.
fn found_token(context: &Context) -> Result<SecretBytes, Trouble> {
    if let Some(token) = variable(context, "TOKEN") {
        return Ok(token);
    }
    match crate::fetch::files::file(context, Path::new("~/.vault-token")) {
        Ok((token, _)) => Ok(trimmed(&token)),
        Err(_) => Err(Trouble::new(
            "there is no token for Vault and no way to log in",
            "set VAULT_TOKEN, run `vault login`, or say with `auth` under [vault] how to log in",
        )),
    }
}

fn trimmed(value: &SecretBytes) -> SecretBytes {
    SecretBytes::new(value.expose().trim_ascii().to_vec())
}
