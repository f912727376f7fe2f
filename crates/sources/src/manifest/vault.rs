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
    /// `auth.namespace`: that of the login, where it is another than that of the secrets; `/` is the root.
    pub auth_namespace: Option<String>,
    /// `rotate_auth`: what `tegmen rotate` logs in with; `None`: as `auth`.
    pub rotate_auth: Option<VaultAuth>,
    /// `rotate_auth.namespace`.
    pub rotate_auth_namespace: Option<String>,
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
        /// Whether the file that `token` names is deleted after the login.
        remove: bool,
    },
    /// `method = "agent"`: an Agent or Proxy adds its token.
    Agent,
    /// `method = "approle"`.
    AppRole {
        /// The RoleID, which may be written out: it is a name, not a credential.
        role_id: Credential,
        /// The SecretID; `None` for a role without one.
        secret_id: Option<Credential>,
        /// Whether `secret_id` is a wrapping token whose content is the SecretID.
        wrapped: bool,
        /// Whether the file that `secret_id` names is deleted after the login.
        remove: bool,
        /// Where the method is mounted.
        mount: String,
    },
    /// `method = "userpass"` and `"ldap"`.
    Password {
        /// Which of them.
        directory: Directory,
        /// The user, who may be written out.
        username: Credential,
        /// The password.
        password: Credential,
        /// Where the method is mounted.
        mount: String,
    },
    /// `method = "cert"`: with the client certificate of the connection.
    Certificate {
        /// The role; `None`: any that trusts the certificate.
        role: Option<String>,
        /// Where the method is mounted.
        mount: String,
    },
    /// `method = "jwt"`.
    Jwt {
        /// The role; `None`: the default of the method.
        role: Option<String>,
        /// Where the token is; `None`: what GitHub Actions gives out, or the variable that GitLab is told to set.
        jwt: Option<Credential>,
        /// The audience of the token that GitHub Actions is asked for.
        audience: Option<String>,
        /// Whether the file that `jwt` names is deleted after the login.
        remove: bool,
        /// Where the method is mounted.
        mount: String,
    },
    /// `method = "kubernetes"`.
    Kubernetes {
        /// The role.
        role: String,
        /// The token of the service account; in general the file into which Kubernetes projects it.
        jwt: Credential,
        /// Where the method is mounted.
        mount: String,
    },
    /// `method = "aws"`: with a signature by keys of AWS.
    Aws {
        /// The role; `None`: that of the name of the principal.
        role: Option<String>,
        /// The key, its secret, and the token of temporary keys: `None` where there need not be one.
        keys: [Credential; 2],
        /// As said; `None`: the variable `AWS_SESSION_TOKEN` where it is set.
        session_token: Option<Credential>,
        /// The region of the endpoint; `None`: the global one.
        region: Option<String>,
        /// `X-Vault-AWS-IAM-Server-ID`.
        server_id: Option<String>,
        /// Where the method is mounted.
        mount: String,
    },
    /// `method = "gcp"`: with the token of Google's metadata service.
    Gcp {
        /// The role.
        role: String,
        /// Where the method is mounted.
        mount: String,
    },
    /// `method = "azure"`: with the token of a managed identity.
    Azure {
        /// The role.
        role: String,
        /// What the token is for.
        resource: String,
        /// Which of several identities.
        client_id: Option<String>,
        /// Where the method is mounted.
        mount: String,
    },
}

/// Who knows the passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Directory {
    /// Vault itself: `userpass`.
    Vault,
    /// A directory: `ldap`.
    Ldap,
}

/// A credential for logging in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// It comes from a source that is not Vault itself.
    Source(Source),
    /// It is written out; only a RoleID or a user name can be.
    Literal(String),
}

impl VaultAuth {
    /// The word for it in `method`.
    pub fn method(&self) -> &'static str {
        match self {
            Self::Token { .. } => "token",
            Self::Agent => "agent",
            Self::AppRole { .. } => "approle",
            Self::Password { directory: Directory::Vault, .. } => "userpass",
            Self::Password { directory: Directory::Ldap, .. } => "ldap",
            Self::Certificate { .. } => "cert",
            Self::Jwt { .. } => "jwt",
            Self::Kubernetes { .. } => "kubernetes",
            Self::Aws { .. } => "aws",
            Self::Gcp { .. } => "gcp",
            Self::Azure { .. } => "azure",
        }
    }

    /// The credentials that the manifest names.
    pub fn credentials(&self) -> Vec<&Credential> {
        match self {
            Self::Token { token, .. } => token.iter().collect(),
            Self::AppRole { role_id, secret_id, .. } => secret_id.iter().chain([role_id]).collect(),
            Self::Password { username, password, .. } => vec![username, password],
            Self::Jwt { jwt, .. } => jwt.iter().collect(),
            Self::Kubernetes { jwt, .. } => vec![jwt],
            Self::Aws { keys, session_token, .. } => keys.iter().chain(session_token).collect(),
            Self::Agent | Self::Certificate { .. } | Self::Gcp { .. } | Self::Azure { .. } => Vec::new(),
        }
    }

    /// The variables that are read without being named.
    pub fn implied_variables(&self) -> &'static [&'static str] {
        match self {
            Self::Jwt { jwt: None, .. } => {
                &["ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL", "VAULT_ID_TOKEN"]
            }
            Self::Aws { session_token: None, .. } => &["AWS_SESSION_TOKEN"],
            Self::Azure { .. } => &["IDENTITY_HEADER"],
            _ => &[],
        }
    }

    /// The file that is to be deleted after the login.
    pub fn file_to_remove(&self) -> Option<&std::path::Path> {
        let credential = match self {
            Self::Token { token, remove: true, .. } => token.as_ref(),
            Self::AppRole { secret_id, remove: true, .. } => secret_id.as_ref(),
            Self::Jwt { jwt, remove: true, .. } => jwt.as_ref(),
            _ => None,
        };
        match credential {
            Some(Credential::Source(Source::File { path })) => Some(path),
            _ => None,
        }
    }

    /// Whether logging in uses something up that cannot be had again.
    pub fn is_precious(&self) -> bool {
        self.file_to_remove().is_some()
            || match self {
                Self::Token { wrapped, .. } => *wrapped,
                Self::AppRole { secret_id, .. } => secret_id.is_some(),
                _ => false,
            }
    }
}
