//! The checks of Vault's posture: TGM6xx, and TGM701 for ages.

use std::time::Duration;

use tegmen_findings::Severity;

use super::policies::excess;
use super::{Server, least_policy};
use crate::check::{Check, Outcome, Unknown};
use crate::checks::listed;

/// All of them, by code.
pub fn checks() -> Vec<&'static Check> {
    vec![
        &VAULT_IN_CLEAR,
        &VAULT_UNVERIFIED,
        &VAULT_ROOT_TOKEN,
        &VAULT_POLICY_TOO_WIDE,
        &VAULT_POLICY_WILDCARD,
        &VAULT_TOKEN_WITHOUT_LIMIT,
        &VAULT_SECRET_ID_WITHOUT_LIMIT,
        &VAULT_NO_AUDIT,
        &VAULT_OLD_VERSIONS,
        &SECRET_TOO_OLD,
        &SECRET_WITHOUT_MAX_AGE,
    ]
}

/// A token that lives longer than this outlives the test by far.
const LONG: Duration = Duration::from_secs(24 * 3600);

/// The server, or the outcome where there is none.
macro_rules! server {
    ($facts:expr) => {
        match &$facts.vault.server {
            Some(server) => server,
            None => return Outcome::not_applicable("nothing comes from Vault here"),
        }
    };
}

check! {
    VAULT_IN_CLEAR: "TGM601" "vault-in-clear" High Vault,
    title: "Vault is reached without TLS",
    why: "Its token and every value travel in clear: whoever is on the way has them all.",
    repair: "write https:// in the address, and name the authority with `ca_cert` where it is your own",
    references: [
        ("Vault: production hardening", "https://developer.hashicorp.com/vault/docs/concepts/production-hardening"),
        ("CWE-319: Cleartext Transmission of Sensitive Information", "https://cwe.mitre.org/data/definitions/319.html"),
    ],
    judge: |facts| {
        let server = server!(facts);
        if server.address.is_empty() {
            return Outcome::not_known("nothing says where Vault is");
        }
        if server.is_in_clear {
            return Ok(Outcome::fail(server.address.clone()));
        }
        Outcome::pass(if server.address.starts_with("https:") { "https" } else { "nothing leaves this machine" })
    },
}

check! {
    VAULT_UNVERIFIED: "TGM602" "vault-unverified" High Vault,
    title: "Vault's certificate is not verified",
    why: "Anybody on the way can be Vault: take the SecretID, hand out values of their own.",
    repair: "unset VAULT_SKIP_VERIFY; for an authority of your own there is `ca_cert`",
    references: [
        ("Vault: environment variables", "https://developer.hashicorp.com/vault/docs/commands#environment-variables"),
        ("CWE-295: Improper Certificate Validation", "https://cwe.mitre.org/data/definitions/295.html"),
    ],
    judge: |facts| {
        let server = server!(facts);
        if server.is_unverified {
            return Ok(Outcome::fail("VAULT_SKIP_VERIFY is set"));
        }
        Outcome::pass("nothing switches it off")
    },
}

check! {
    VAULT_ROOT_TOKEN: "TGM603" "vault-root-token" High Vault,
    title: "the run has a root token",
    why: "It may do everything, for ever: read every secret of everybody, change policies, switch auditing off.",
    repair: "make a role for the load test, with a policy of its own, and revoke the root token",
    references: [
        ("Vault: root tokens", "https://developer.hashicorp.com/vault/docs/concepts/tokens#root-tokens"),
        ("CWE-250: Execution with Unnecessary Privileges", "https://cwe.mitre.org/data/definitions/250.html"),
    ],
    judge: |facts| {
        let server = server!(facts);
        let token = server.token.get()?;
        if token.is_root() {
            let policy = least_policy(&server.needs);
            return Ok(Outcome::fail("the token has the policy root").repair(suffices(&policy)));
        }
        Outcome::pass(format!("policies: {}", token.policies.join(", ")))
    },
}

check! {
    VAULT_POLICY_TOO_WIDE: "TGM604" "vault-policy-too-wide" Medium Vault,
    title: "the run's token may do more than the run does",
    why: "What a test does not need, somebody who gets at its token has for nothing.",
    repair: "give the role a policy with what the run reads, and nothing else",
    references: [
        ("Vault: policies", "https://developer.hashicorp.com/vault/docs/concepts/policies"),
        ("CWE-272: Least Privilege Violation", "https://cwe.mitre.org/data/definitions/272.html"),
    ],
    judge: |facts| {
        let server = server!(facts);
        let rules = known_rules(server)?;
        let more = excess(rules, &server.needs);
        if more.is_empty() {
            return Outcome::pass(seen(server, "nothing beyond what is read, and the policy default"));
        }
        let writes = more.iter().any(|rule| {
            rule.capabilities.iter().any(|word| matches!(word.as_str(), "create" | "update" | "patch" | "delete" | "sudo"))
        });
        let shown: Vec<_> = more.iter().map(super::policies::Excess::shown).collect();
        let whose = if server.is_own_token { " (this is your own token, not that of a role for the test)" } else { "" };
        let outcome = Outcome::fail(format!("not needed: {}{whose}", listed(&shown)))
            .severity(if writes { Severity::High } else { Severity::Medium });
        Ok(outcome.repair(suffices(&least_policy(&server.needs))))
    },
}

check! {
    VAULT_POLICY_WILDCARD: "TGM605" "vault-policy-wildcard" Low Vault,
    title: "a policy of the run names paths with a wildcard",
    why: "Whatever is put below that path later is open to the test, without anybody deciding it.",
    repair: "write the paths out",
    references: [("Vault: policies", "https://developer.hashicorp.com/vault/docs/concepts/policies#policy-syntax")],
    judge: |facts| {
        let server = server!(facts);
        let rules = known_rules(server)?;
        let wide: Vec<_> =
            excess(rules, &server.needs).into_iter().filter(|rule| rule.is_wide).map(|rule| rule.path).collect();
        if wide.is_empty() { Outcome::pass(seen(server, "none")) } else { Ok(Outcome::fail(listed(&wide))) }
    },
}

check! {
    VAULT_TOKEN_WITHOUT_LIMIT: "TGM606" "vault-token-without-limit" Medium Vault,
    title: "the run's token lives longer than a test",
    why: "Tegmen revokes it and asks for a short time to live; where neither succeeds, or somebody copies it, the role's own limits \
          are what ends it.",
    repair: "set token_ttl, and token_explicit_max_ttl to the length of the longest test, on the role",
    references: [("Vault: token time-to-live", "https://developer.hashicorp.com/vault/docs/concepts/tokens#token-time-to-live-periodic-tokens-and-explicit-max-ttls")],
    judge: |facts| {
        let server = server!(facts);
        let token = server.token.get()?;
        match (token.ttl, token.max_ttl) {
            (None, None) => Ok(Outcome::fail("it never ends").severity(Severity::High)),
            _ if token.is_periodic => Ok(Outcome::fail("it is periodic: it can be renewed without an end")),
            (Some(ttl), _) if ttl > LONG => Ok(Outcome::fail(format!("it lives for {} hours", ttl.as_secs() / 3600))),
            (ttl, max) => {
                let shown = |time: Option<Duration>| time.map_or("no end".to_owned(), |time| format!("{} min", time.as_secs() / 60));
                Outcome::pass(format!("time to live {}, at most {}", shown(ttl), max.map_or("that of the mount".to_owned(), |max| shown(Some(max)))))
            }
        }
    },
}

check! {
    VAULT_SECRET_ID_WITHOUT_LIMIT: "TGM607" "vault-secret-id-without-limit" Medium Vault,
    title: "SecretIDs of the run's role have no limit",
    why: "A SecretID that was copied from a runner or a log goes on being good for logging in.",
    repair: "set secret_id_num_uses = 1 and secret_id_ttl on the role, and hand SecretIDs out wrapped",
    references: [("Vault: AppRole", "https://developer.hashicorp.com/vault/docs/auth/approle")],
    judge: |facts| {
        let server = server!(facts);
        let Some(role) = server.role.get()? else {
            return Outcome::not_applicable("the login is not by AppRole");
        };
        if !role.needs_secret_id {
            let bound = if role.is_bound { Severity::Medium } else { Severity::High };
            return Ok(Outcome::fail("the RoleID alone is enough to log in").severity(bound));
        }
        let mut missing = Vec::new();
        if role.secret_id_uses.is_none() {
            missing.push("any number of uses".to_owned());
        }
        if role.secret_id_ttl.is_none() {
            missing.push("no time to live".to_owned());
        }
        if missing.is_empty() { Outcome::pass("they end by uses and by time") } else { Ok(Outcome::fail(listed(&missing))) }
    },
}

check! {
    VAULT_NO_AUDIT: "TGM608" "vault-no-audit" Medium Vault,
    title: "Vault writes no audit log",
    why: "Nobody can find out afterwards who read which secret, or whether a copied token was used.",
    repair: "enable two audit devices: `vault audit enable file file_path=…`",
    references: [
        ("Vault: audit devices", "https://developer.hashicorp.com/vault/docs/audit"),
        ("CWE-778: Insufficient Logging", "https://cwe.mitre.org/data/definitions/778.html"),
    ],
    judge: |facts| {
        let server = server!(facts);
        match server.audit_devices.get()? {
            0 => Ok(Outcome::fail("there is no audit device")),
            count => Outcome::pass(format!("audit devices: {count}")),
        }
    },
}

check! {
    VAULT_OLD_VERSIONS: "TGM609" "vault-old-versions" Low Vault,
    title: "old values can still be read in Vault",
    why: "A value that was rotated, since it may have been seen, stays readable for whoever may read the new one. Where the target \
          takes both, nothing has changed.",
    repair: "destroy them once the new value is everywhere (`vault kv destroy -versions=…`), or set max_versions",
    references: [("Vault: KV version 2", "https://developer.hashicorp.com/vault/docs/secrets/kv/kv-v2")],
    judge: |facts| {
        let server = server!(facts);
        let old: Vec<_> = server.old_versions.get()?.iter().filter(|(_, count)| *count > 0)
            .map(|(path, count)| format!("{path}: {count}")).collect();
        if old.is_empty() { Outcome::pass("none in the paths that are read") } else { Ok(Outcome::fail(format!("old versions in {}", listed(&old)))) }
    },
}

check! {
    SECRET_TOO_OLD: "TGM701" "secret-too-old" Medium Vault,
    title: "secrets are older than their max_age",
    why: "The longer a value is the same, the more people, logs and backups have it.",
    repair: "tegmen rotate --due",
    references: [("OWASP Secrets Management Cheat Sheet", "https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html")],
    judge: |facts| {
        let limited: Vec<_> = facts.vault.ages.iter().filter(|aged| aged.max_age.is_some() && !aged.is_new_each_run).collect();
        if limited.is_empty() {
            return Outcome::not_applicable("no secret has a max_age");
        }
        let days = |time: Duration| time.as_secs() / 86_400;
        let (mut old, mut unknown) = (Vec::new(), Vec::new());
        for aged in limited {
            match (aged.age.get(), aged.max_age) {
                (Ok(age), Some(max)) if *age >= max => {
                    old.push(format!("{} ({} days, {} at most)", aged.name, days(*age), days(max)));
                }
                (Err(Unknown(why)), _) => unknown.push(format!("{} ({why})", aged.name)),
                _ => {}
            }
        }
        if !old.is_empty() {
            return Ok(Outcome::fail(listed(&old)));
        }
        if !unknown.is_empty() {
            return Err(Unknown(format!("it is not known how old they are: {}", listed(&unknown))));
        }
        Outcome::pass("all are younger")
    },
}

check! {
    SECRET_WITHOUT_MAX_AGE: "TGM702" "secret-without-max-age" Low Vault,
    title: "nothing says when secrets are to be rotated",
    why: "What nobody asks for is not done: such values stay until something happens.",
    repair: "write max_age = \"90d\" under [secrets.NAME]",
    references: [("NIST SP 800-57 Part 1, 5.3: Cryptoperiods", "https://csrc.nist.gov/pubs/sp/800/57/pt1/r5/final")],
    judge: |facts| {
        let ages = &facts.vault.ages;
        if ages.is_empty() {
            return Outcome::not_applicable("the manifest names no secret");
        }
        let without: Vec<_> = ages.iter().filter(|aged| aged.max_age.is_none() && !aged.is_new_each_run).map(|aged| aged.name.clone()).collect();
        if without.is_empty() { Outcome::pass("every secret has a max_age, or is new for each run") } else { Ok(Outcome::fail(listed(&without))) }
    },
}

/// The rules, unless the token may do everything anyway, which another check says.
fn known_rules(server: &Server) -> Result<&Vec<tegmen_vault::AclRule>, Unknown> {
    if server.token.ok().is_some_and(tegmen_vault::TokenFacts::is_root) {
        return Err(Unknown("the token is root: see vault-root-token".to_owned()));
    }
    server.rules.get()
}

/// With a remark where a part was not seen.
fn seen(server: &Server, text: &str) -> String {
    if server.has_policy_texts {
        return text.to_owned();
    }
    format!("{text}; rules with + are not seen, since the token may not read its policies' texts")
}

fn suffices(policy: &str) -> String {
    if policy.is_empty() {
        return "the run reads nothing: it needs no policy".to_owned();
    }
    format!("this policy suffices:\n{policy}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Fact, Facts};
    use crate::vault::{Aged, Need};
    use tegmen_vault::{AclRule, AppRoleFacts, TokenFacts};

    fn server() -> Server {
        Server {
            address: "https://vault.example.com:8200".into(),
            needs: vec![Need::KvTwo { path: "secret/locust/shop".into(), mount: "secret".into() }],
            token: Fact::known(TokenFacts {
                policies: vec!["default".into(), "shop".into()],
                ttl: Some(Duration::from_secs(1200)),
                ..TokenFacts::default()
            }),
            rules: Fact::known(vec![AclRule {
                path: "secret/data/locust/shop".into(),
                capabilities: vec!["read".into()],
            }]),
            has_policy_texts: true,
            role: Fact::known(Some(AppRoleFacts {
                secret_id_ttl: Some(Duration::from_secs(600)),
                secret_id_uses: Some(1),
                needs_secret_id: true,
                is_bound: false,
            })),
            audit_devices: Fact::known(1),
            old_versions: Fact::known(vec![("secret/locust/shop".into(), 0)]),
            ..Server::default()
        }
    }

    fn failed(server: Server, ages: Vec<Aged>) -> Vec<&'static str> {
        let facts = Facts { vault: crate::vault::Facts { server: Some(server), ages }, ..Facts::default() };
        checks()
            .into_iter()
            .filter(|check| matches!(check.ask(&facts).outcome, Outcome::Fail { .. }))
            .map(|check| check.id)
            .collect()
    }

    #[test]
    fn all_is_well_and_each_defect_is_one() {
        assert_eq!(failed(server(), Vec::new()), Vec::<&str>::new());
        let rule = |path: &str| AclRule { path: path.into(), capabilities: vec!["read".into()] };
        for (bad, expected) in [
            (Server { is_in_clear: true, ..server() }, vec!["vault-in-clear"]),
            (Server { is_unverified: true, ..server() }, vec!["vault-unverified"]),
            (
                Server {
                    token: Fact::known(TokenFacts { policies: vec!["root".into()], ..TokenFacts::default() }),
                    ..server()
                },
                vec!["vault-root-token", "vault-token-without-limit"],
            ),
            (Server { rules: Fact::known(vec![rule("secret/data/other")]), ..server() }, vec!["vault-policy-too-wide"]),
            (
                Server { rules: Fact::known(vec![rule("secret/*")]), ..server() },
                vec!["vault-policy-too-wide", "vault-policy-wildcard"],
            ),
            (
                Server {
                    role: Fact::known(Some(AppRoleFacts { needs_secret_id: true, ..AppRoleFacts::default() })),
                    ..server()
                },
                vec!["vault-secret-id-without-limit"],
            ),
            (Server { audit_devices: Fact::known(0), ..server() }, vec!["vault-no-audit"]),
            (
                Server { old_versions: Fact::known(vec![("secret/locust/shop".into(), 3)]), ..server() },
                vec!["vault-old-versions"],
            ),
        ] {
            assert_eq!(failed(bad, Vec::new()), expected);
        }
        let day = Duration::from_secs(86_400);
        let aged = |age: u32, max_age| Aged {
            name: "KEY".into(),
            age: Fact::known(day * age),
            max_age,
            is_new_each_run: false,
        };
        assert_eq!(failed(server(), vec![aged(90, Some(day * 90))]), ["secret-too-old"]);
        assert_eq!(failed(server(), vec![aged(89, Some(day * 90))]), Vec::<&str>::new());
        assert_eq!(failed(server(), vec![aged(1, None)]), ["secret-without-max-age"]);
    }

    #[test]
    fn what_is_not_known_is_said() {
        let facts = Facts {
            vault: crate::vault::Facts {
                server: Some(Server { address: "https://v".into(), ..Server::default() }),
                ages: Vec::new(),
            },
            ..Facts::default()
        };
        let words: Vec<_> = checks().into_iter().map(|check| check.ask(&facts).outcome.as_str()).collect();
        assert_eq!(words.iter().filter(|word| **word == "not known").count(), 7, "{words:?}");
        let none: Vec<_> = checks().into_iter().map(|check| check.ask(&Facts::default()).outcome.as_str()).collect();
        assert!(none.iter().all(|word| *word == "not applicable"), "{none:?}");
    }
}
