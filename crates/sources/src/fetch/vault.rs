//! `vault:`: one login for all secrets that need it, one read for each path.

use std::collections::BTreeMap;
use std::path::Path;

use tegmen_secret::SecretBytes;
use tegmen_vault::{AppRole, Auth, Client, Config, KvSecret, Login, Mount, SecretId, Settings};

use super::context::Context;
use super::error::Trouble;
use super::local::Local;
use crate::manifest::{Credential, VaultAuth, VaultConfig};
use crate::{Manifest, Source};

impl From<tegmen_vault::Error> for Trouble {
    fn from(error: tegmen_vault::Error) -> Self {
        Self::new(error.to_string(), error.next)
    }
}

impl From<tegmen_vault::SettingsError> for Trouble {
    fn from(error: tegmen_vault::SettingsError) -> Self {
        Self::new(error.message, error.next)
    }
}

/// The server of a manifest: `[vault]`, and what it does not say from the variables.
pub(super) fn config(manifest: &Manifest, context: &Context) -> Result<Config, Trouble> {
    let variables = Settings::from_variables(|name| context.environment.text(name).map(str::to_owned))?;
    let written = manifest.vault.as_ref().map(|vault| settings(vault, context)).unwrap_or_default();
    Ok(written.or(variables).resolve()?)
}

fn settings(vault: &VaultConfig, context: &Context) -> Settings {
    let path = |path: &Option<std::path::PathBuf>| path.as_deref().map(|path| context.path(path));
    Settings {
        address: vault.address.clone(),
        namespace: vault.namespace.clone(),
        ca_cert: path(&vault.ca_cert),
        ca_pem: None,
        ca_path: path(&vault.ca_path),
        client_cert: path(&vault.client_cert),
        client_key: path(&vault.client_key),
        tls_server_name: vault.tls_server_name.clone(),
        skip_verify: None,
        timeout: vault.timeout,
        max_retries: vault.max_retries,
    }
}

/// What somebody should know about the connection before relying on it.
pub(super) fn warnings(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    if config.is_in_clear() {
        warnings.push(format!(
            "Vault at {} is reached without TLS: its token and all values travel in clear",
            config.address
        ));
    }
    if config.is_unverified() {
        warnings.push("VAULT_SKIP_VERIFY is set: anybody on the way can be Vault, and get its token".to_owned());
    }
    warnings
}

/// Logs in as the manifest says, else with what the environment has.
pub(super) fn login(
    manifest: &Manifest,
    context: &Context,
    config: Config,
    local: &mut Local,
) -> Result<Login, Trouble> {
    let auth = match manifest.vault.as_ref().and_then(|vault| vault.auth.as_ref()) {
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
    };
    Ok(Client::new(config)?.login(&auth)?)
}

/// Whether logging in uses something up that cannot be had again.
pub(super) fn login_is_precious(manifest: &Manifest, context: &Context) -> bool {
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
    match super::files::file(context, Path::new("~/.vault-token")) {
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

/// The secrets of a server, each path read once.
#[derive(Default)]
pub(super) struct Reads {
    mounts: Vec<Mount>,
    secrets: BTreeMap<(String, Option<u64>), Result<KvSecret, Trouble>>,
}

impl Reads {
    pub(super) fn get(&mut self, login: &Login, source: &Source) -> Result<SecretBytes, Trouble> {
        let Source::Vault { mount_path, field, version } = source else {
            return Err(Trouble::new(
                format!("{source} is not in Vault"),
                "this is a fault of tegmen: please report it",
            ));
        };
        let key = (mount_path.clone(), *version);
        if !self.secrets.contains_key(&key) {
            let read = self.read(login, mount_path, *version);
            self.secrets.insert(key.clone(), read);
        }
        let value = match self.secrets.get(&key) {
            Some(Ok(secret)) => secret.field(field)?,
            Some(Err(trouble)) => return Err(trouble.clone()),
            None => return Err(Trouble::new("it was not read", "this is a fault of tegmen: please report it")),
        };
        if value.is_empty() {
            let next = format!("write a value, for example: vault kv patch {mount_path} {field}=-");
            return Err(Trouble::new(format!("the field {field} of {mount_path} is empty"), next));
        }
        Ok(value)
    }

    fn read(&mut self, login: &Login, mount_path: &str, version: Option<u64>) -> Result<KvSecret, Trouble> {
        let within = |mount: &&Mount| mount_path.strip_prefix(&mount.path).is_some_and(|rest| rest.starts_with('/'));
        let mount = match self.mounts.iter().find(within) {
            Some(mount) => Some(mount.clone()),
            None => login.kv_mount(mount_path)?,
        };
        if let Some(mount) = &mount
            && !self.mounts.contains(mount)
        {
            self.mounts.push(mount.clone());
        }
        Ok(login.kv_read(mount.as_ref(), mount_path, version)?)
    }
}
