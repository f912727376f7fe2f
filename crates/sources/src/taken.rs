//! What is taken for a secret when there is neither a manifest nor an option: the variables whose names say so.

use std::fmt;

use crate::fetch::manager_credentials;
use crate::{Environment, Manifest, SecretSpec, Source, names};

/// A variable that was taken for a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The variable, which is also the name of the secret.
    pub name: String,
}

/// A variable whose name says that it is sensitive, and that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// The variable.
    pub name: String,
    /// Why not.
    pub reason: LeftReason,
}

/// Why a variable was not taken for a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftReason {
    /// Locust reads it as a setting of its own.
    Locust,
    /// It has no value.
    Empty,
    /// Too short to be told from other text, so that taking it would damage the output: fewer than six bytes.
    Short,
    /// It is a credential for the secrets manager: the child does not get it at all.
    Manager,
    /// It is the address of a proxy, which clients read before a request is made.
    Proxy,
    /// The name can be no name of a secret.
    Name,
}

impl fmt::Display for LeftReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Locust => "Locust reads it itself",
            Self::Empty => "it is empty",
            Self::Short => "its value is too short to be told from other text",
            Self::Manager => "it is for the secrets manager, and is kept from the child",
            Self::Proxy => "clients read it as the address of a proxy",
            Self::Name => "its name has characters that a secret's name cannot have",
        })
    }
}

/// By its name, or as a URL that holds a password.
fn is_sensitive(name: &str, value: &std::ffi::OsStr) -> bool {
    tegmen_classify::is_sensitive_name(name)
        || (tegmen_classify::may_hold_credentials_url(name)
            && value.to_str().is_some_and(|text| tegmen_classify::url_credentials(text).is_some()))
}

const SHORTEST: usize = 6;

impl Manifest {
    /// A manifest of the variables whose names say that they are sensitive, which were taken, and which were left.
    pub fn from_environment(environment: &Environment) -> (Self, Vec<Taken>, Vec<Left>) {
        let mut manifest = Self::default();
        let (mut taken, mut left) = (Vec::new(), Vec::new());
        let managers = manager_credentials(environment);
        for (name, value) in environment.iter() {
            let Some(name) = name.to_str() else { continue };
            if !is_sensitive(name, value) {
                continue;
            }
            let reason = if managers.contains(name) {
                Some(LeftReason::Manager)
            } else if names::locust_parses(name) {
                Some(LeftReason::Locust)
            } else if name.to_ascii_lowercase().ends_with("_proxy") {
                Some(LeftReason::Proxy)
            } else if value.is_empty() {
                Some(LeftReason::Empty)
            } else if !names::is_variable_name(name) {
                Some(LeftReason::Name)
            } else if value.len() < SHORTEST {
                Some(LeftReason::Short)
            } else {
                None
            };
            match reason {
                Some(reason) => left.push(Left { name: name.to_owned(), reason }),
                None => {
                    let mut spec = SecretSpec::new(Source::Env { name: name.to_owned() });
                    // The second name only where it is free: another variable keeps its own value.
                    let mut variables = names::default_variables(name);
                    variables.retain(|variable| {
                        variable == name || (!names::locust_parses(variable) && environment.get(variable).is_none())
                    });
                    spec.env = Some(variables);
                    manifest.secrets.insert(name.to_owned(), spec);
                    taken.push(Taken { name: name.to_owned() });
                }
            }
        }
        (manifest, taken, left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_decide() {
        let url = ["postgres://shop:", "s3cr3t-pass", "@db/shop"].concat();
        let environment: Environment = [
            ("API_KEY", "a-long-enough-key"),
            ("LOCUST_DB_PASSWORD", "correct horse"),
            ("DATABASE_URL", url.as_str()),
            ("HTTPS_PROXY", "http://user:longpassword1@proxy:3128"),
            ("LOCUST_WEB_LOGIN", "true-is-long"),
            ("LOCUST_TLS_KEY", "/etc/key.pem"),
            ("EMPTY_TOKEN", ""),
            ("PIN_TOKEN", "1"),
            ("VAULT_TOKEN", "hvs.something"),
            ("VAULT_ADDR", "http://127.0.0.1:8200"),
            ("TOKEN_URL", "https://idp.example/token"),
            ("PATH", "/bin"),
            ("CLIENT_SECRET", "abcdefgh"),
            ("LOCUST_CLIENT_SECRET", "another-one"),
        ]
        .into_iter()
        .collect();
        let (manifest, taken, left) = Manifest::from_environment(&environment);
        let taken: Vec<_> = taken.iter().map(|taken| taken.name.as_str()).collect();
        assert_eq!(taken, ["API_KEY", "CLIENT_SECRET", "DATABASE_URL", "LOCUST_CLIENT_SECRET", "LOCUST_DB_PASSWORD"]);
        let reason = |name: &str| left.iter().find(|left| left.name == name).map(|left| left.reason);
        assert_eq!(reason("EMPTY_TOKEN"), Some(LeftReason::Empty));
        assert_eq!(reason("PIN_TOKEN"), Some(LeftReason::Short));
        assert_eq!(reason("VAULT_TOKEN"), Some(LeftReason::Manager));
        assert_eq!(reason("HTTPS_PROXY"), Some(LeftReason::Proxy));
        assert!(!manifest.secrets.contains_key("LOCUST_TLS_KEY"));
        assert_eq!(reason("VAULT_ADDR"), None);
        assert_eq!(manifest.secrets["API_KEY"].variables("API_KEY"), ["API_KEY", "LOCUST_API_KEY"]);
        assert_eq!(manifest.secrets["CLIENT_SECRET"].variables("CLIENT_SECRET"), ["CLIENT_SECRET"]);
    }
}
