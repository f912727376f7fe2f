//! Asking a server about itself and about the token: what a posture is judged by. Nothing here reads a secret.
//!
//! <https://developer.hashicorp.com/vault/api-docs/auth/token#lookup-a-token-self>,
//! <https://developer.hashicorp.com/vault/api-docs/system/policies>, <https://developer.hashicorp.com/vault/api-docs/system/audit>.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use crate::answer::Data;
use crate::client::Call;
use crate::error::Error;
use crate::login::Login;
use crate::rotate::AppRoleName;

/// What a server says about a token.
#[derive(Clone, Debug, Default)]
pub struct TokenFacts {
    /// Its policies, those of its identity included.
    pub policies: Vec<String>,
    /// How long it was made for; `None`: for ever.
    pub ttl: Option<Duration>,
    /// How long it may live, however often it is renewed; `None`: as long as the system's or the mount's maximum.
    pub max_ttl: Option<Duration>,
    /// Whether it is periodic: renewable without an end.
    pub is_periodic: bool,
    /// The role of AppRole that it came from.
    pub role: Option<AppRoleName>,
}

impl TokenFacts {
    /// Whether it may do everything.
    pub fn is_root(&self) -> bool {
        self.policies.iter().any(|policy| policy == "root")
    }
}

/// One path that a token may use.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AclRule {
    /// The path as policies write it, with `*` at its end and `+` for a part.
    pub path: String,
    /// What may be done there.
    pub capabilities: Vec<String>,
}

impl AclRule {
    /// Whether it is for more than one path.
    pub fn is_wide(&self) -> bool {
        self.path.ends_with('*') || self.path.split('/').any(|part| part == "+")
    }
}

/// The limits of a role of AppRole.
#[derive(Clone, Debug, Default)]
pub struct AppRoleFacts {
    /// How long a SecretID is good; `None`: for ever.
    pub secret_id_ttl: Option<Duration>,
    /// For how many logins; `None`: for any number.
    pub secret_id_uses: Option<u64>,
    /// Whether a SecretID is needed at all.
    pub needs_secret_id: bool,
    /// Whether SecretIDs or tokens are good from certain addresses only.
    pub is_bound: bool,
}

impl Login {
    /// What the server says about the token. `None` when it may not ask.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub fn token_facts(&self) -> Result<Option<TokenFacts>, Error> {
        let answer = self.client().call(&Call::get("auth/token/lookup-self", Some(self.token())))?;
        let Some(Data { data }) = answer.read::<Data<Lookup>>().filter(|_| answer.is_success()) else {
            return Ok(None);
        };
        let mut policies = data.policies;
        policies.extend(data.identity_policies);
        let mount = data.path.strip_prefix("auth/").and_then(|path| path.strip_suffix("/login"));
        let role = data.meta.and_then(|mut meta| meta.remove("role_name"));
        Ok(Some(TokenFacts {
            policies,
            ttl: seconds(data.creation_ttl),
            max_ttl: seconds(data.explicit_max_ttl),
            is_periodic: data.period > 0,
            role: mount.zip(role).map(|(mount, role)| AppRoleName { mount: mount.to_owned(), role }),
        }))
    }

    /// Every path that the token may use, as far as the server lists them: rules with `+` are not among them. `None` when the
    /// token may not ask, or may do everything.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub fn rules(&self) -> Result<Option<Vec<AclRule>>, Error> {
        let answer = self.client().call(&Call::get("sys/internal/ui/resultant-acl", Some(self.token())))?;
        let Some(Data { data }) = answer.read::<Data<Acl>>().filter(|_| answer.is_success()) else { return Ok(None) };
        if data.root {
            return Ok(None);
        }
        let exact = data.exact_paths.into_iter();
        let globs = data.glob_paths.into_iter().map(|(path, rule)| (format!("{path}*"), rule));
        Ok(Some(exact.chain(globs).map(|(path, rule)| AclRule { path, capabilities: rule.capabilities }).collect()))
    }

    /// The text of a policy. `None` when the token may not read it.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub fn policy(&self, name: &str) -> Result<Option<String>, Error> {
        let answer = self.client().call(&Call::get(&format!("sys/policies/acl/{name}"), Some(self.token())))?;
        Ok(answer.read::<Data<Policy>>().filter(|_| answer.is_success()).map(|Data { data }| data.policy))
    }

    /// How many audit devices there are. `None` when the token may not ask.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub fn audit_devices(&self) -> Result<Option<usize>, Error> {
        let answer = self.client().call(&Call::get("sys/audit", Some(self.token())))?;
        let read = answer.read::<Data<BTreeMap<String, serde::de::IgnoredAny>>>().filter(|_| answer.is_success());
        Ok(read.map(|Data { data }| data.len()))
    }

    /// The limits of a role of AppRole. `None` when the token may not ask.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub fn approle_facts(&self, role: &AppRoleName) -> Result<Option<AppRoleFacts>, Error> {
        let path = format!("auth/{}/role/{}", role.mount, role.role);
        let answer = self.client().call(&Call::get(&path, Some(self.token())))?;
        let Some(Data { data }) = answer.read::<Data<Role>>().filter(|_| answer.is_success()) else { return Ok(None) };
        let bound = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| !list.is_empty());
        Ok(Some(AppRoleFacts {
            secret_id_ttl: seconds(data.secret_id_ttl),
            secret_id_uses: Some(data.secret_id_num_uses).filter(|uses| *uses > 0),
            needs_secret_id: data.bind_secret_id,
            is_bound: bound(&data.secret_id_bound_cidrs) || bound(&data.token_bound_cidrs),
        }))
    }
}

/// The rules of a policy's text (HCL or JSON as the servers take it): each `path "…" { capabilities = […] }`. What is not
/// understood is left out.
pub fn rules_of(policy: &str) -> Vec<AclRule> {
    let mut rules = Vec::new();
    let mut tokens = tokens(policy).into_iter().peekable();
    while let Some(token) = tokens.next() {
        if token != Token::Word("path") && token != Token::Text("path") {
            continue;
        }
        let Some(Token::Text(path)) = tokens.next() else { continue };
        let mut capabilities = Vec::new();
        let mut depth = 0;
        while let Some(token) = tokens.next() {
            match token {
                Token::Sign('{') => depth += 1,
                Token::Sign('}') if depth <= 1 => break,
                Token::Sign('}') => depth -= 1,
                Token::Word("capabilities" | "policy") | Token::Text("capabilities") => {
                    while let Some(token) = tokens.next_if(|token| *token != Token::Sign('}')) {
                        match token {
                            Token::Text(word) => capabilities.push(word.to_owned()),
                            Token::Sign(']') => break,
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        rules.push(AclRule { path: path.to_owned(), capabilities });
    }
    rules
}

#[derive(Debug, PartialEq, Eq)]
enum Token<'t> {
    Word(&'t str),
    Text(&'t str),
    Sign(char),
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if rest.starts_with('#') || rest.starts_with("//") {
            rest = rest.split_once('\n').map_or("", |(_, after)| after);
        } else if rest.starts_with("/*") {
            rest = rest.split_once("*/").map_or("", |(_, after)| after);
        } else if let Some(after) = rest.strip_prefix('"') {
            let end = after.find('"').unwrap_or(after.len());
            tokens.push(Token::Text(&after[..end]));
            rest = after.get(end + 1..).unwrap_or_default();
        } else if first.is_alphanumeric() || first == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            tokens.push(Token::Word(&rest[..end]));
            rest = &rest[end..];
        } else {
            if matches!(first, '{' | '}' | ']') {
                tokens.push(Token::Sign(first));
            }
            rest = &rest[first.len_utf8()..];
        }
    }
    tokens
}

fn seconds(number: u64) -> Option<Duration> {
    (number > 0).then(|| Duration::from_secs(number))
}

#[derive(Deserialize)]
struct Lookup {
    #[serde(default)]
    policies: Vec<String>,
    #[serde(default)]
    identity_policies: Vec<String>,
    #[serde(default)]
    creation_ttl: u64,
    #[serde(default)]
    explicit_max_ttl: u64,
    #[serde(default)]
    period: u64,
    #[serde(default)]
    path: String,
    meta: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct Acl {
    #[serde(default)]
    root: bool,
    #[serde(default)]
    exact_paths: BTreeMap<String, Capabilities>,
    #[serde(default)]
    glob_paths: BTreeMap<String, Capabilities>,
}

#[derive(Deserialize)]
struct Capabilities {
    #[serde(default)]
    capabilities: Vec<String>,
}

#[derive(Deserialize)]
struct Policy {
    #[serde(default)]
    policy: String,
}

#[derive(Deserialize)]
struct Role {
    #[serde(default)]
    secret_id_ttl: u64,
    #[serde(default)]
    secret_id_num_uses: u64,
    #[serde(default)]
    bind_secret_id: bool,
    secret_id_bound_cidrs: Option<Vec<String>>,
    token_bound_cidrs: Option<Vec<String>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_read() {
        let text = r#"
            # path "commented/out" { capabilities = ["sudo"] }
            path "secret/data/locust/shop" { capabilities = ["read"] } // shop
            path "kv/+/x*" {
              capabilities = ["create", "update", "sudo"]
              allowed_parameters = { "path" = ["a"] }
            }
            /* path "x" {} */ path "old" { policy = "write" }
            path "empty" {}
        "#;
        let rule = |path: &str, capabilities: &[&str]| AclRule {
            path: path.into(),
            capabilities: capabilities.iter().map(ToString::to_string).collect(),
        };
        let rules = rules_of(text);
        assert_eq!(rules[0], rule("secret/data/locust/shop", &["read"]));
        assert_eq!(rules[1], rule("kv/+/x*", &["create", "update", "sudo"]));
        assert_eq!(rules[2], rule("old", &["write"]));
        assert_eq!(rules[3], rule("empty", &[]));
        assert_eq!(rules.len(), 4);
        assert!(rules[1].is_wide() && !rules[0].is_wide());
        for broken in ["path", "path \"", "path \"a\" {", "path \"a\" { capabilities = [\"re", "}}}{{{", "\""] {
            let _ = rules_of(broken);
        }
    }
}
