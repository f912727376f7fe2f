//! What to log in with.

mod helper;
mod identity;
mod token;

use tegmen_secret::SecretBytes;
use tegmen_vault::{AppRole, Auth, AwsKeys, Credentials, SecretId};

use crate::fetch::context::Context;
use crate::fetch::error::Trouble;
use crate::fetch::local::Local;
use crate::manifest::{Credential, Directory, VaultAuth};
use crate::{Manifest, Source};

fn written(manifest: &Manifest) -> Option<&VaultAuth> {
    manifest.vault.as_ref().and_then(|vault| vault.auth.as_ref())
}

/// What to log in with: as the manifest says, else what the environment has. Everything is read anew each time: a token that
/// was projected into a file or is given out for minutes has another one in its place by then.
pub(super) fn auth(manifest: &Manifest, context: &Context, local: &mut Local) -> Result<Auth, Trouble> {
    let Some(auth) = written(manifest) else { return default_auth(context) };
    let mut credential = |credential: &Credential, what: &str| credential_of(context, credential, what, local);
    Ok(match auth {
        VaultAuth::Token { token, wrapped, .. } => {
            let token = match token {
                Some(token) => credential(token, "token")?,
                None => token::found(context)?,
            };
            if *wrapped { Auth::WrappedToken(token) } else { Auth::Token(token) }
        }
        VaultAuth::Agent => Auth::Agent,
        VaultAuth::AppRole { role_id, secret_id, wrapped, mount, .. } => {
            let secret_id = match secret_id {
                None => None,
                Some(secret_id) => {
                    let secret_id = credential(secret_id, "SecretID")?;
                    Some(if *wrapped { SecretId::Wrapped(secret_id) } else { SecretId::Plain(secret_id) })
                }
            };
            let role_id = credential(role_id, "RoleID")?;
            Auth::AppRole(AppRole { mount: mount.clone(), role_id, secret_id })
        }
        VaultAuth::Password { directory, username, password, mount } => {
            let (username, password) = (credential(username, "user name")?, credential(password, "password")?);
            Auth::Credentials(match directory {
                Directory::Vault => Credentials::userpass(mount, username, password),
                Directory::Ldap => Credentials::ldap(mount, username, password),
            })
        }
        VaultAuth::Certificate { role, mount } => Auth::Credentials(Credentials::certificate(mount, role.as_deref())),
        VaultAuth::Jwt { role, jwt, audience, mount, .. } => {
            let jwt = match jwt {
                Some(jwt) => credential(jwt, "JWT")?,
                None => identity::job(context, audience.as_deref())?,
            };
            Auth::Credentials(Credentials::jwt(mount, role.as_deref(), jwt))
        }
        VaultAuth::Kubernetes { role, jwt, mount } => {
            let jwt = credential(jwt, "token of a service account")?;
            Auth::Credentials(Credentials::kubernetes(mount, role, jwt))
        }
        VaultAuth::Aws { role, keys: [id, secret], session_token, region, server_id, mount } => {
            let keys = AwsKeys {
                access_key_id: credential(id, "access key of AWS")?,
                secret_access_key: credential(secret, "secret key of AWS")?,
                session_token: match session_token {
                    Some(token) => Some(credential(token, "session token of AWS")?),
                    None => identity::variable(context, "AWS_SESSION_TOKEN"),
                },
            };
            let now = std::time::SystemTime::now();
            let request = keys.sign(region.as_deref(), server_id.as_deref(), now)?;
            Auth::Credentials(Credentials::aws(mount, role.as_deref(), request))
        }
        VaultAuth::Gcp { role, mount } => {
            Auth::Credentials(Credentials::gcp(mount, role, identity::gcp(context, role)?))
        }
        VaultAuth::Azure { role, resource, client_id, mount } => {
            let (jwt, machine) = identity::azure(context, resource, client_id.as_deref())?;
            Auth::Credentials(Credentials::azure(mount, role, jwt, &machine))
        }
    })
}

/// Whether anything says how to log in. Asks nobody, and uses nothing up.
pub(super) fn is_said(manifest: &Manifest, context: &Context) -> bool {
    written(manifest).is_some()
        || token::variable(context, "TOKEN").is_some()
        || token::variable(context, "ROLE_ID").is_some()
        || token::is_kept(context)
}

/// Whether logging in uses something up that cannot be had again.
pub(crate) fn login_is_precious(manifest: &Manifest, context: &Context) -> bool {
    match written(manifest) {
        Some(auth) => auth.is_precious(),
        None => token::variable(context, "TOKEN").is_none() && token::variable(context, "SECRET_ID").is_some(),
    }
}

/// Deletes the file that the credential was in, where that is asked for; whether there was one.
pub(super) fn remove_file(manifest: &Manifest, context: &Context) -> Result<bool, Trouble> {
    let Some(path) = written(manifest).and_then(VaultAuth::file_to_remove) else { return Ok(false) };
    let path = context.path(path);
    std::fs::remove_file(&path).map(|()| true).map_err(|error| {
        Trouble::new(
            format!("{} cannot be deleted after reading, as remove_after_reading asks for: {error}", path.display()),
            "put it into a directory that this user may write to, or leave remove_after_reading out and prefer wrapped = true",
        )
    })
}

fn credential_of(
    context: &Context,
    credential: &Credential,
    what: &str,
    local: &mut Local,
) -> Result<SecretBytes, Trouble> {
    match credential {
        Credential::Literal(text) => Ok(SecretBytes::from(text.clone())),
        Credential::Source(source) => match local.get(context, source) {
            // A password may begin or end with a blank; of a file its last newline is off already.
            Ok((value, _)) if what == "password" => Ok(value),
            Ok((value, _)) => Ok(trimmed(&value)),
            Err(trouble) => {
                let next = match source {
                    Source::File { path } if path.starts_with("/var/run/secrets/kubernetes.io") => {
                        "run this in a pod with a service account, or say with `jwt` where its token is".to_owned()
                    }
                    _ => trouble.next,
                };
                Err(Trouble::new(format!("no {what} to log in to Vault with ({source}): {}", trouble.why), next))
            }
        },
    }
}

/// Without `auth`: the token of the variables; AppRole where a RoleID is set; the token of the command line tools.
fn default_auth(context: &Context) -> Result<Auth, Trouble> {
    if let Some(token) = token::variable(context, "TOKEN") {
        return Ok(Auth::Token(token));
    }
    if let Some(role_id) = token::variable(context, "ROLE_ID") {
        let secret_id = token::variable(context, "SECRET_ID").map(SecretId::Plain);
        return Ok(Auth::AppRole(AppRole { mount: "approle".into(), role_id, secret_id }));
    }
    token::found(context).map(Auth::Token)
}

fn trimmed(value: &SecretBytes) -> SecretBytes {
    SecretBytes::new(value.expose().trim_ascii().to_vec())
}
