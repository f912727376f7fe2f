//! What a token may do beyond what the run needs.

use tegmen_vault::AclRule;

use super::Need;

/// What the policy `default` of Vault and OpenBao allows, which every token has: itself, its cubbyhole, tools.
const DEFAULT: [&str; 14] = [
    "auth/token/lookup-self",
    "auth/token/renew-self",
    "auth/token/revoke-self",
    "cubbyhole/*",
    "identity/entity/id/*",
    "identity/entity/name/*",
    "identity/oidc/provider/*",
    "sys/capabilities-self",
    "sys/control-group/request",
    "sys/internal/ui/*",
    "sys/leases/*",
    "sys/renew",
    "sys/tools/*",
    "sys/wrapping/*",
];

/// A rule that allows more than the run needs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Excess {
    /// The path of the rule.
    pub(super) path: String,
    /// What is allowed there and not needed.
    pub(super) capabilities: Vec<String>,
    /// Whether it is for more than one path.
    pub(super) is_wide: bool,
}

impl Excess {
    pub(super) fn shown(&self) -> String {
        format!("{} ({})", self.path, self.capabilities.join(", "))
    }
}

/// The rules that allow more than the needs. What `default` has is left out, and so is `list` beside `read`, which tells
/// names only.
pub(super) fn excess(rules: &[AclRule], needs: &[Need]) -> Vec<Excess> {
    let needed: Vec<_> = needs.iter().flat_map(Need::rules).collect();
    let mut found = Vec::new();
    for rule in rules {
        if DEFAULT.iter().any(|known| covers(known, &rule.path)) || rule.capabilities.iter().any(|word| word == "deny")
        {
            continue;
        }
        // A wide rule is too wide, even where something is needed below it.
        let is_needed = |word: &String| {
            let exact = |(path, capability): &(String, &str)| *path == rule.path && word == capability;
            !rule.is_wide() && needed.iter().any(exact)
        };
        let capabilities: Vec<_> = rule.capabilities.iter().filter(|word| !is_needed(word)).cloned().collect();
        if !capabilities.is_empty() {
            found.push(Excess { path: rule.path.clone(), capabilities, is_wide: rule.is_wide() });
        }
    }
    found
}

/// Whether a pattern with `*` at its end stands for a path.
fn covers(pattern: &str, path: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(begin) => path.starts_with(begin),
        None => path == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(path: &str, capabilities: &[&str]) -> AclRule {
        AclRule { path: path.into(), capabilities: capabilities.iter().map(ToString::to_string).collect() }
    }

    #[test]
    fn only_what_is_not_needed() {
        let needs = [
            Need::KvTwo { path: "secret/locust/shop".into(), mount: "secret".into() },
            Need::Read { path: "database/creds/shop".into(), is_lent: true },
        ];
        let exact = [
            rule("secret/data/locust/shop", &["read"]),
            rule("secret/metadata/locust/shop", &["read"]),
            rule("database/creds/shop", &["read"]),
            rule("sys/leases/renew", &["update"]),
            rule("cubbyhole/*", &["create", "read"]),
        ];
        assert_eq!(excess(&exact, &needs), []);
        let wide = [
            rule("secret/data/locust/shop", &["read", "update"]),
            rule("secret/*", &["read"]),
            rule("kv/+/x", &["read"]),
            rule("auth/approle/role/x", &["read"]),
            rule("secret/data/none", &["deny"]),
        ];
        let shown: Vec<_> = excess(&wide, &needs).iter().map(Excess::shown).collect();
        let expected =
            ["secret/data/locust/shop (update)", "secret/* (read)", "kv/+/x (read)", "auth/approle/role/x (read)"];
        assert_eq!(shown, expected);
    }
}
