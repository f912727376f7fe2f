//! [`visit`]: a login at Vault for somebody who asks about its configuration and reads no secret, such as `tegmen doctor`.

use std::sync::Arc;
use std::time::Duration;

use tegmen_vault::{Config, Login};

use super::context::Context;
use super::local::Local;
use super::vault::{config, log_in, login_is_precious};
use crate::Manifest;

/// What came of it.
pub enum Visit {
    /// The manifest takes nothing from Vault.
    NotNeeded,
    /// Nobody has asked: why.
    Shut {
        /// Where the server is, where that is said.
        config: Option<Box<Config>>,
        /// Why there is no login.
        reason: String,
    },
    /// A login, which ends when it is dropped.
    Open(Arc<Login>),
}

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a login may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// Nothing that a run needs, such as a SecretID that is good for one login.
    Nothing,
    /// Whatever it costs.
    Anything,
}

/// Logs in as the run would.
pub fn visit(manifest: &Manifest, context: &Context, cost: Cost) -> Visit {
    let sources = manifest.secrets.values().map(|spec| &spec.source);
    if !sources.chain(manifest.pools.values().map(|spec| &spec.source)).any(crate::Source::is_vault) {
        return Visit::NotNeeded;
    }
    let config = match config(manifest, context) {
        Ok(config) => config,
        Err(trouble) => return Visit::Shut { config: None, reason: trouble.why },
    };
    let config = Some(Box::new(config));
    if cost == Cost::Nothing && login_is_precious(manifest, context) {
        let reason = "a login may use up what is good for one run only; --vault-login makes it all the same";
        return Visit::Shut { config, reason: reason.to_owned() };
    }
    // Nobody waits for a server that hangs.
    let mut manifest = manifest.clone();
    let vault = manifest.vault.get_or_insert_default();
    vault.timeout = Some(vault.timeout.unwrap_or(PATIENCE).min(PATIENCE));
    match log_in(&manifest, context, &mut Local::default()) {
        Ok(made) => Visit::Open(Arc::new(made.login)),
        Err(trouble) => Visit::Shut { config, reason: trouble.why },
    }
}
