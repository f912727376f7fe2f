//! [`Need`]: what a run asks of a server, and the policy that allows that and no more.

use tegmen_vault::{KvVersion, Mount};

/// Something that a run reads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// A secret of KV version 2: mount, and path below it.
    KvTwo {
        /// Mount and path, as sources write them.
        path: String,
        /// The mount.
        mount: String,
    },
    /// Any path that is read as it is: KV version 1, a static role, credentials that are lent.
    Read {
        /// The path.
        path: String,
        /// Whether something is lent there, which has to be renewed.
        is_lent: bool,
    },
    /// A path to which parameters are written.
    Write {
        /// The path.
        path: String,
    },
}

impl Need {
    /// A KV secret; `mount` is what the server says of it, `None` where it does not.
    pub fn kv(path: &str, mount: Option<&Mount>) -> Self {
        match mount {
            Some(Mount { path: mount, version: KvVersion::Two }) => {
                Self::KvTwo { path: path.to_owned(), mount: mount.clone() }
            }
            _ => Self::Read { path: path.to_owned(), is_lent: false },
        }
    }

    /// The path of a secret of KV version 2.
    pub fn kv_two(&self) -> Option<&str> {
        match self {
            Self::KvTwo { path, .. } => Some(path),
            _ => None,
        }
    }

    /// Each path of the API, and what has to be allowed there.
    pub(super) fn rules(&self) -> Vec<(String, &'static str)> {
        match self {
            Self::KvTwo { path, mount } => {
                let below = path.strip_prefix(mount.as_str()).unwrap_or_default();
                vec![(format!("{mount}/data{below}"), "read"), (format!("{mount}/metadata{below}"), "read")]
            }
            Self::Read { path, is_lent } => {
                let mut rules = vec![(path.clone(), "read")];
                if *is_lent {
                    rules.push(("sys/leases/renew".to_owned(), "update"));
                }
                rules
            }
            Self::Write { path } => {
                vec![(path.clone(), "update"), ("sys/leases/renew".to_owned(), "update")]
            }
        }
    }
}

/// The policy that suffices for a run, beside the policy `default`.
pub fn least_policy(needs: &[Need]) -> String {
    let mut rules: Vec<_> = needs.iter().flat_map(Need::rules).collect();
    rules.sort();
    rules.dedup();
    // `default` has these, and the name of a path may hold a quote.
    rules.retain(|(path, _)| path != "sys/leases/renew");
    let width = rules.iter().map(|(path, _)| path.len()).max().unwrap_or_default() + 2;
    let line = |(path, capability): (String, &str)| {
        let quoted = format!("\"{}\"", path.replace('\\', "\\\\").replace('"', "\\\""));
        format!("path {quoted:width$} {{ capabilities = [\"{capability}\"] }}")
    };
    rules.into_iter().map(line).collect::<Vec<_>>().join("\n")
}
