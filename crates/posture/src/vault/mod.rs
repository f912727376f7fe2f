//! Vault's configuration: what a run's token may do against what the run reads, and how the server is set up.
//!
//! [`gather`] asks a server through a login that somebody else made; [`checks`] judge what it said. What the run reads, and
//! how old its values are, is handed in: the manifest is not known here.

mod checks;
mod needs;
mod policies;

use std::time::Duration;

use tegmen_vault::{AclRule, AppRoleFacts, Client, Config, KvVersion, Login, TokenFacts, rules_of};

use crate::facts::Fact;

pub use checks::checks;
pub use needs::{Need, least_policy};

/// What is known about Vault.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The server; `None` where the project takes nothing from one.
    pub server: Option<Server>,
    /// Every value that has a `max_age`, or could have one.
    pub ages: Vec<Aged>,
}

/// A server, and what it says about the run's token.
#[derive(Debug, Clone, Default)]
pub struct Server {
    /// Its address, as it is shown; empty where nothing says it.
    pub address: String,
    /// Whether token and values travel in clear over a network.
    pub is_in_clear: bool,
    /// Whether its certificate is not verified.
    pub is_unverified: bool,
    /// What the run reads.
    pub needs: Vec<Need>,
    /// Whether the login is that of the run, and not a person's own token.
    pub is_own_token: bool,
    /// The token.
    pub token: Fact<TokenFacts>,
    /// Every path that the token may use. Known only where it may not use all.
    pub rules: Fact<Vec<AclRule>>,
    /// Whether rules with `+` were seen: only the texts of policies have them.
    pub has_policy_texts: bool,
    /// The role of AppRole that the token came from; `None`: it came from none.
    pub role: Fact<Option<AppRoleFacts>>,
    /// How many audit devices there are.
    pub audit_devices: Fact<usize>,
    /// For each KV v2 path that is read: how many versions can be read besides the latest.
    pub old_versions: Fact<Vec<(String, usize)>>,
}

/// A value with an age.
#[derive(Debug, Clone)]
pub struct Aged {
    /// The secret.
    pub name: String,
    /// How old its value is (at least), or why that is not known.
    pub age: Fact<Duration>,
    /// From when on it is to be rotated.
    pub max_age: Option<Duration>,
    /// Whether it is made anew for each run.
    pub is_new_each_run: bool,
}

impl Server {
    /// Of which nothing is known, not even where it is.
    pub fn unknown(reason: &str) -> Self {
        Self {
            token: Fact::unknown(reason),
            rules: Fact::unknown(reason),
            role: Fact::unknown(reason),
            audit_devices: Fact::unknown(reason),
            old_versions: Fact::unknown(reason),
            ..Self::default()
        }
    }
}

/// What is known without asking the server.
pub fn unasked(config: &Config, needs: Vec<Need>, reason: &str) -> Server {
    Server {
        address: config.shown(),
        is_in_clear: config.is_in_clear(),
        is_unverified: config.is_unverified(),
        needs,
        ..Server::unknown(reason)
    }
}

/// Asks the server, with the token of the login. Reads no secret.
pub fn gather(login: &Login, needs: Vec<Need>, is_own_token: bool) -> Server {
    let client: &Client = login.client();
    let mut server = unasked(client.config(), needs, "nobody has asked");
    server.is_own_token = is_own_token;
    server.token = asked(login.token_facts(), "the token may not look itself up");
    server.rules = asked(login.rules(), "the token may not list its rules (sys/internal/ui/resultant-acl)");
    if let (Some(token), Some(rules)) = (server.token.ok(), server.rules.ok()) {
        let texts: Vec<_> = token.policies.iter().map(|name| login.policy(name).ok().flatten()).collect();
        server.has_policy_texts = texts.iter().all(Option::is_some);
        let written = texts.iter().flatten().flat_map(|text| rules_of(text));
        let mut all = rules.clone();
        all.extend(written.filter(|rule| rule.path.split('/').any(|part| part.starts_with('+'))));
        all.sort();
        all.dedup();
        server.rules = Fact::known(all);
    }
    server.role = match server.token.ok().map(|token| token.role.clone()) {
        Some(Some(role)) => {
            asked(login.approle_facts(&role), &format!("the token may not read auth/{}/role/{}", role.mount, role.role))
                .map(Some)
        }
        Some(None) => Fact::known(None),
        None => Fact::unknown("where the token came from is not known"),
    };
    server.audit_devices = asked(login.audit_devices(), "the token may not list them (sys/audit)");
    server.old_versions = old_versions(login, &server.needs);
    server
}

fn asked<T>(result: Result<Option<T>, tegmen_vault::Error>, denied: &str) -> Fact<T> {
    match result {
        Ok(Some(value)) => Fact::known(value),
        Ok(None) => Fact::unknown(denied),
        Err(error) => Fact::unknown(error.to_string()),
    }
}

fn old_versions(login: &Login, needs: &[Need]) -> Fact<Vec<(String, usize)>> {
    let mut found = Vec::new();
    for path in needs.iter().filter_map(Need::kv_two) {
        let mount = match login.kv_mount(path) {
            Ok(Some(mount)) if mount.version == KvVersion::Two => mount,
            Ok(_) => continue,
            Err(error) => return Fact::unknown(error.to_string()),
        };
        match login.kv_history(&mount, path) {
            Ok(Some(history)) => {
                let old = history.versions.iter().filter(|state| state.readable && state.version < history.current);
                found.push((path.to_owned(), old.count()));
            }
            Ok(None) => return Fact::unknown(format!("the token may not read the metadata of {path}")),
            Err(error) => return Fact::unknown(error.to_string()),
        }
    }
    Fact::known(found)
}
