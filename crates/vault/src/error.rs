//! [`Error`]: what stands between us and a value, told apart, each with the next step.

use std::fmt;

/// What went wrong with a request to Vault. Never holds a token or a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Which of the things that can go wrong.
    pub kind: ErrorKind,
    /// What to do next.
    pub next: String,
    /// What the server said: its `errors`, cut short. Empty when it said nothing.
    pub said: Vec<String>,
}

/// What can go wrong. Paths are Vault's own, without `v1/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The settings are of no use.
    Settings(String),
    /// No connection.
    Unreachable {
        /// The address.
        address: String,
        /// What the system says.
        cause: String,
    },
    /// No connection that can be trusted.
    Tls {
        /// The address.
        address: String,
        /// What is wrong with the certificate or the handshake.
        cause: String,
    },
    /// No answer in time.
    Timeout {
        /// The address.
        address: String,
        /// The limit, in seconds.
        seconds: u64,
    },
    /// The server is sealed.
    Sealed,
    /// The server has not been set up.
    NotInitialized,
    /// The server is a standby that cannot pass requests on.
    Standby,
    /// The server asks for fewer requests.
    TooMany,
    /// The server failed.
    Server {
        /// The HTTP status.
        status: u16,
        /// What was asked for.
        path: String,
    },
    /// The answer is none of Vault's.
    NotVault {
        /// What is wrong with it.
        what: String,
    },
    /// There is no token, and no way to get one.
    NoLogin,
    /// The token is invalid, expired or revoked.
    BadToken,
    /// Nobody on the way adds a token.
    NoAgent,
    /// The login was refused.
    LoginRefused {
        /// The path of the login.
        path: String,
    },
    /// The login wants a second factor.
    SecondFactor,
    /// What the machine is to log in with could not be had from the service that gives it out.
    NoIdentity {
        /// The service.
        from: &'static str,
        /// Why not.
        cause: String,
    },
    /// The wrapping token cannot be unwrapped: used already, expired, or made up.
    Unwrap {
        /// What it was to hold.
        what: &'static str,
    },
    /// The wrapping token was made by somebody else than it should have been.
    CreationPath {
        /// What it was to hold.
        what: &'static str,
        /// Where such a token is made.
        expected: String,
        /// Where this one was made.
        found: String,
    },
    /// The token's policies do not allow it.
    Denied {
        /// The path, as policies write it.
        path: String,
        /// The capability that is missing.
        capability: &'static str,
    },
    /// No engine is mounted there.
    NoMount {
        /// The path.
        path: String,
    },
    /// The engine is no KV.
    NotKv {
        /// The mount.
        mount: String,
        /// What it is.
        engine: String,
    },
    /// Nothing is stored there.
    NoPath {
        /// Mount and path.
        path: String,
    },
    /// The version does not exist.
    NoVersion {
        /// Mount and path.
        path: String,
        /// The version asked for.
        version: u64,
    },
    /// The version was deleted; it can be undeleted.
    Deleted {
        /// Mount and path.
        path: String,
        /// The version.
        version: u64,
    },
    /// The version was destroyed for good.
    Destroyed {
        /// Mount and path.
        path: String,
        /// The version.
        version: u64,
    },
    /// Somebody else has written since it was read.
    Changed {
        /// Mount and path.
        path: String,
    },
    /// The secret has no such field.
    NoField {
        /// Mount and path.
        path: String,
        /// The field asked for.
        field: String,
        /// The fields that there are.
        fields: Vec<String>,
    },
    /// The field is null.
    NoValue {
        /// Mount and path.
        path: String,
        /// The field.
        field: String,
    },
    /// The server did not renew what it had given for a time.
    NotRenewed {
        /// `token`, or `lease of` and its path.
        what: String,
    },
}

impl Error {
    /// Whether the server could not be reached or could not answer, whatever was asked: another time it may.
    pub fn is_outage(&self) -> bool {
        use ErrorKind as Kind;
        match &self.kind {
            Kind::Unreachable { .. } | Kind::Tls { .. } | Kind::Timeout { .. } | Kind::NotVault { .. } => true,
            Kind::Sealed | Kind::NotInitialized | Kind::Standby | Kind::TooMany => true,
            Kind::Server { status, .. } => *status >= 500,
            _ => false,
        }
    }

    /// Servers say with status 500, as if they had failed, that something has come to its maximum.
    pub(crate) fn unless_at_maximum(self, what: &str) -> Self {
        match self.kind {
            ErrorKind::Server { .. } if self.said.iter().any(|said| said.contains("cannot renew")) => {
                Self { kind: ErrorKind::NotRenewed { what: what.to_owned() }, ..self }
            }
            _ => self,
        }
    }

    pub(crate) fn new(kind: ErrorKind, next: impl Into<String>) -> Self {
        Self { kind, next: next.into(), said: Vec::new() }
    }

    pub(crate) fn said(mut self, said: Vec<String>) -> Self {
        self.said = said;
        self
    }
}

impl From<crate::settings::SettingsError> for Error {
    fn from(error: crate::settings::SettingsError) -> Self {
        Self::new(ErrorKind::Settings(error.message), error.next)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings(what) => f.write_str(what),
            Self::Unreachable { address, cause } => write!(f, "Vault at {address} cannot be reached: {cause}"),
            Self::Tls { address, cause } => write!(f, "no trusted connection to Vault at {address}: {cause}"),
            Self::Timeout { address, seconds } => write!(f, "Vault at {address} did not answer within {seconds} s"),
            Self::Sealed => f.write_str("Vault is sealed"),
            Self::NotInitialized => f.write_str("Vault is not initialized"),
            Self::Standby => f.write_str("this Vault server is a standby and does not pass requests on"),
            Self::TooMany => f.write_str("Vault asks for fewer requests (status 429)"),
            Self::Server { status, path } => write!(f, "Vault failed with status {status} at {path}"),
            Self::NotVault { what } => write!(f, "this is not an answer of Vault: {what}"),
            Self::NoLogin => f.write_str("there is no token for Vault and no way to log in"),
            Self::BadToken => f.write_str("Vault does not accept the token: it is invalid, expired or revoked"),
            Self::NoAgent => f.write_str("nobody before Vault adds a token to requests that have none"),
            Self::LoginRefused { path } => write!(f, "Vault refused the login at {path}"),
            Self::NoIdentity { from, cause } => write!(f, "no token to log in to Vault with from {from}: {cause}"),
            Self::SecondFactor => f.write_str("the login at Vault wants a second factor"),
            Self::Unwrap { what } => write!(
                f,
                "the wrapping token of the {what} cannot be unwrapped: it was used already, is expired, or was never valid"
            ),
            Self::CreationPath { what, expected, found } => write!(
                f,
                "the wrapping token of the {what} was made at {found}, not at {expected}; it was not unwrapped"
            ),
            Self::Denied { path, capability } => write!(f, "permission denied: the token may not {capability} {path}"),
            Self::NoMount { path } => {
                write!(f, "no engine is mounted at the beginning of {path}, or none that this token may see")
            }
            Self::NotKv { mount, engine } => write!(f, "{mount} is not a KV engine, but {engine}"),
            Self::NoPath { path } => write!(f, "there is no secret at {path}"),
            Self::NoVersion { path, version } => write!(f, "{path} has no version {version}"),
            Self::Deleted { path, version } => write!(f, "version {version} of {path} was deleted"),
            Self::Destroyed { path, version } => write!(f, "version {version} of {path} was destroyed"),
            Self::Changed { path } => write!(f, "somebody else has written to {path} since it was read"),
            Self::NoField { path, field, fields } => match fields.as_slice() {
                [] => write!(f, "{path} has no field {field}; it has none at all"),
                _ => write!(f, "{path} has no field {field}; it has {}", fields.join(", ")),
            },
            Self::NoValue { path, field } => write!(f, "the field {field} of {path} is null"),
            Self::NotRenewed { what } => write!(f, "Vault did not renew the {what}"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        if !self.said.is_empty() {
            write!(f, " (Vault says: {})", self.said.join("; "))?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}
