//! The `[vault]` table.

use std::path::PathBuf;
use std::time::Duration;

use tegmen_vault::ProxyUrl;

use crate::Source;

/// How to reach Vault or OpenBao and how to log in. What is not said here is taken from the `VAULT_*` and `BAO_*`
/// variables.
#[derive(Clone, Debug, Default)]
pub struct VaultConfig {
    /// `address`.
    pub address: Option<String>,
    /// `namespace`.
    pub namespace: Option<String>,
    /// `ca_cert`: a PEM file, relative to the manifest.
    pub ca_cert: Option<PathBuf>,
    /// `ca_path`: a directory of PEM files.
    pub ca_path: Option<PathBuf>,
    /// `tls_server_name`: the name that the certificate must have, where the address has another.
    pub tls_server_name: Option<String>,
    /// `client_cert`: a PEM file.
    pub client_cert: Option<PathBuf>,
    /// `client_key`: a PEM file.
    pub client_key: Option<PathBuf>,
    /// `proxy`: the HTTP proxy on the way to the server.
    pub proxy: Option<ProxyUrl>,
    /// `timeout`: of one request.
    pub timeout: Option<Duration>,
    /// `max_retries`.
    pub max_retries: Option<u32>,
    /// `poll`: how often the server is asked for new values while the test runs.
    pub poll: Option<Duration>,
    /// `token_ttl`: the time to live that is asked for our own token, which is renewed as long as the run lasts.
    pub token_ttl: Option<Duration>,
    /// `auth`; `None`: the token of the variables, a token file or `~/.vault-token`.
    pub auth: Option<VaultAuth>,
    /// The line of `[vault]`.
    pub line: usize,
}

/// How to log in.
#[derive(Clone, Debug)]
pub enum VaultAuth {
    /// `method = "token"`.
    Token {
        /// Where the token is; `None`: where the command line tools look.
        token: Option<Credential>,
        /// Whether it is a wrapping token whose content is the token.
        wrapped: bool,
    },
    /// `method = "approle"`.
    AppRole {
        /// The RoleID, which may be written out: it is a name, not a credential.
        role_id: Credential,
        /// The SecretID; `None` for a role without one.
        secret_id: Option<Credential>,
        /// Whether `secret_id` is a wrapping token whose content is the SecretID.
        wrapped: bool,
        /// Where the method is mounted.
        mount: String,
    },
}

/// A credential for logging in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// It comes from a source that is not Vault itself.
    Source(Source),
    /// It is written out; only a RoleID can be.
    Literal(String),
}
