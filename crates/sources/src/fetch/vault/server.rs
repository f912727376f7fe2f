//! The server: where it is, and what is to be said about the connection.

use tegmen_vault::{Config, Settings};

use crate::Manifest;
use crate::fetch::context::Context;
use crate::fetch::error::Trouble;
use crate::manifest::{VaultAuth, VaultConfig};

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
pub(in crate::fetch) fn config(manifest: &Manifest, context: &Context) -> Result<Config, Trouble> {
    let variables = Settings::from_variables(|name| context.environment.text(name).map(str::to_owned))?;
    let written = manifest.vault.as_ref().map(|vault| settings(vault, context)).unwrap_or_default();
    Ok(written.or(variables).resolve()?)
}

fn settings(vault: &VaultConfig, context: &Context) -> Settings {
    let path = |path: &Option<std::path::PathBuf>| path.as_deref().map(|path| context.path(path));
    Settings {
        address: vault.address.clone(),
        namespace: vault.namespace.clone(),
        login_namespace: vault.auth_namespace.clone(),
        ca_cert: path(&vault.ca_cert),
        ca_path: path(&vault.ca_path),
        client_cert: path(&vault.client_cert),
        client_key: path(&vault.client_key),
        tls_server_name: vault.tls_server_name.clone(),
        timeout: vault.timeout,
        max_retries: vault.max_retries,
        proxy: vault.proxy.clone(),
        ..Settings::default()
    }
}

/// What somebody should know about the connection before relying on it.
pub(in crate::fetch) fn warnings(config: &Config, manifest: &Manifest) -> Vec<String> {
    let mut warnings = config.notes().to_vec();
    if config.is_in_clear() {
        warnings.push(format!(
            "Vault at {} is reached without TLS: its token and all values travel in clear",
            config.address
        ));
    }
    if let Some(VaultAuth::Agent) = manifest.vault.as_ref().and_then(|vault| vault.auth.as_ref()) {
        warnings.push(format!(
            "{} adds its token to every request, the test's own too: whoever reaches it reads all that it may read",
            config.shown()
        ));
    }
    if config.is_unverified() {
        warnings.push("VAULT_SKIP_VERIFY is set: anybody on the way can be Vault, and get its token".to_owned());
    }
    warnings
}
