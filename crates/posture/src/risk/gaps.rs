//! The gap table: what the analysis asks for against what is there, one row a requirement.

use super::facts::{CheckFact, CheckOutcome, Facts, Origin, Protection, SecretFact, SecretKind};

/// How far a requirement is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It is.
    Met,
    /// In part.
    Partly,
    /// It is not.
    Missing,
    /// Nothing is known about it.
    NotKnown,
    /// It makes no sense here.
    NotApplicable,
}

impl State {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Partly => "partly",
            Self::Missing => "missing",
            Self::NotKnown => "not known",
            Self::NotApplicable => "not applicable",
        }
    }
}

/// A requirement, ideal against actual.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Gap {
    /// The requirement.
    pub requirement: &'static str,
    /// How it ought to be.
    pub ideal: &'static str,
    /// How it is.
    pub actual: String,
    /// How far it is met.
    pub state: State,
}

/// Compares.
pub fn compare(facts: &Facts) -> Vec<Gap> {
    vec![
        reviewed(facts),
        no_literals(facts),
        naming(facts),
        absence(facts),
        linting(facts),
        manager(facts),
        login(facts),
        outputs(facts),
        page(facts),
        environment(facts),
        destinations(facts),
        cluster(facts),
        guide(facts),
        machine(facts),
        rotation(facts),
        audits(facts),
        proof(facts),
    ]
}

fn gap(requirement: &'static str, ideal: &'static str, state: State, actual: impl Into<String>) -> Gap {
    Gap { requirement, ideal, actual: actual.into(), state }
}

fn plural(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn found(facts: &Facts, wanted: impl Fn(&str, &str) -> bool) -> usize {
    facts.findings.iter().filter(|finding| wanted(finding.rule, finding.code)).count()
}

fn reviewed(facts: &Facts) -> Gap {
    let state = if facts.unread == 0 { State::Met } else { State::Partly };
    let mut actual = format!("{} audited", plural(facts.files, "file"));
    if facts.unread > 0 {
        actual += &format!(", {} not as a whole", facts.unread);
    }
    if facts.suppressed > 0 {
        actual += &format!("; {} held back by marks, settings or a baseline", plural(facts.suppressed, "finding"));
    }
    gap("Review of all scripts", "Every script was looked at, every instance of sensitive data is known", state, actual)
}

fn no_literals(facts: &Facts) -> Gap {
    let count = found(facts, |rule, code| code.starts_with("TGM1") || rule == "hardcoded-vault-token");
    let (state, actual) = match count {
        0 => (State::Met, "none found".to_owned()),
        count => (State::Missing, format!("{} of hard-coded values", plural(count, "finding"))),
    };
    gap("No hard-coded values", "No secret is written in a script or a file beside it", state, actual)
}

fn naming(facts: &Facts) -> Gap {
    let ideal = "Sensitive variables begin with LOCUST_, or the scripts ask for secrets by name";
    let odd = found(facts, |rule, _| rule == "variable-naming");
    let named = facts.secrets.iter().filter(|secret| secret.protection != Protection::None).count();
    match (facts.secrets.len(), odd) {
        (0, 0) => gap("One naming convention", ideal, State::NotApplicable, "no secret was found"),
        (all, 0) if named == all => {
            gap("One naming convention", ideal, State::Met, "every secret has its name in the manifest")
        }
        (all, 0) => {
            let prefixed = facts.secrets.iter().filter(|secret| secret.name.starts_with("LOCUST_")).count();
            let state = if prefixed + named >= all { State::Met } else { State::Partly };
            gap("One naming convention", ideal, state, format!("{} of {all} follow it", (prefixed + named).min(all)))
        }
        (_, odd) => gap("One naming convention", ideal, State::Partly, format!("{} do not", plural(odd, "variable"))),
    }
}

fn absence(facts: &Facts) -> Gap {
    let count = found(facts, |rule, _| matches!(rule, "unchecked-environment-variable" | "hardcoded-fallback"));
    let (state, actual) = match count {
        0 => (State::Met, "none found".to_owned()),
        count => (
            State::Missing,
            format!("{} used without looking, or with a value to fall back on", plural(count, "variable")),
        ),
    };
    gap("Missing variables are noticed", "A test without its secrets does not start", state, actual)
}

fn linting(facts: &Facts) -> Gap {
    let (state, actual) = match facts.audits.first() {
        Some(first) => (State::Met, format!("the audit runs by itself ({first})")),
        None => (State::Missing, "nothing runs the audit by itself".to_owned()),
    };
    gap("Linting and code review", "Every change is audited before it is merged", state, actual)
}

fn manager(facts: &Facts) -> Gap {
    let ideal = "Every secret comes from Vault or a similar system";
    let managed =
        facts.secrets.iter().filter(|secret| secret.origin.is_managed() || secret.origin == Origin::File).count();
    let (state, actual) = match (managed, facts.secrets.len()) {
        (_, 0) => (State::NotApplicable, "no secret was found".to_owned()),
        (0, all) => (State::Missing, format!("none of {all}")),
        (managed, all) if managed == all => (State::Met, format!("{managed} of {all}")),
        (managed, all) => (State::Partly, format!("{managed} of {all}")),
    };
    gap("Secrets management", ideal, state, actual)
}

fn login(facts: &Facts) -> Gap {
    let ideal = "AppRole, Kubernetes, JWT or the like; one login for a run, its token revoked at the end";
    let careless = found(facts, |_, code| code.starts_with("TGM3"));
    let (state, actual) = match &facts.vault {
        _ if careless > 0 => (State::Missing, format!("{} about how scripts use it", plural(careless, "finding"))),
        None => (State::NotApplicable, "no secret of the manifest comes from Vault".to_owned()),
        Some(vault) => match vault.method.as_deref() {
            Some("token") => (State::Partly, "a token that was made elsewhere".to_owned()),
            Some(method) => (State::Met, format!("{method}; the token stays in the broker")),
            None => (State::Partly, "left to the environment".to_owned()),
        },
    };
    gap("Login to Vault, its token", ideal, state, actual)
}

/// By the least protected secret, and how many places would let one out.
fn by_protection(facts: &Facts, count: usize) -> (State, String) {
    match facts.least_protection() {
        _ if facts.secrets.is_empty() && count == 0 => (State::NotApplicable, "no secret was found".to_owned()),
        Protection::Enforced => (State::Met, format!("placeholders only; {} would show one", plural(count, "place"))),
        Protection::Named => (State::Partly, "if it is started with Tegmen, which nothing shows".to_owned()),
        Protection::None if count == 0 => {
            (State::Partly, "no place found; nothing stands behind the outputs".to_owned())
        }
        Protection::None => (State::Missing, format!("{} let one out", plural(count, "place"))),
    }
}

fn outputs(facts: &Facts) -> Gap {
    let page = ["unprotected-secret-argument", "secret-in-web-route", "secret-in-host", "unsafe-evaluation"];
    let count = found(facts, |rule, code| code.starts_with("TGM4") && !page.contains(&rule));
    let (state, actual) = by_protection(facts, count);
    gap("No accidental exposure", "Nothing sensitive in logs, prints, statistics, failures and reports", state, actual)
}

fn page(facts: &Facts) -> Gap {
    let count = found(facts, |rule, _| {
        matches!(
            rule,
            "unprotected-secret-argument"
                | "secret-in-web-route"
                | "secret-in-host"
                | "open-web-ui"
                | "web-login-in-clear"
        )
    });
    let (mut state, mut actual) = by_protection(facts, count);
    let open = found(facts, |rule, _| matches!(rule, "open-web-ui" | "web-login-in-clear"));
    if open > 0 && state == State::Met {
        state = State::Partly;
        actual = format!(
            "it shows placeholders; {} it to others",
            if open == 1 { "1 setting opens" } else { "settings open" }
        );
    }
    gap("The web UI", "The page shows no secret, and is open to nobody who should not use it", state, actual)
}

fn environment(facts: &Facts) -> Gap {
    let ideal = "The test's environment, children and memory hold placeholders";
    let (state, actual) = match (facts.secrets.len(), facts.least_protection()) {
        (0, _) => (State::NotApplicable, "no secret was found".to_owned()),
        (_, Protection::Enforced) => {
            let outside: Vec<&SecretFact> = facts
                .secrets
                .iter()
                .filter(|secret| matches!(secret.origin, Origin::Environment | Origin::Dotenv))
                .collect();
            if outside.is_empty() {
                (State::Met, "under Tegmen they do".to_owned())
            } else {
                (State::Partly, format!("{} in the environment of the shell, or in a dotenv file", outside.len()))
            }
        }
        (_, Protection::Named) => (State::Partly, "if it is started with Tegmen, which nothing shows".to_owned()),
        (all, Protection::None) => (
            State::Missing,
            format!("{} of {all} in clear", {
                facts.secrets.iter().filter(|secret| secret.protection == Protection::None).count()
            }),
        ),
    };
    gap("Environment-variable leakage", ideal, state, actual)
}

fn destinations(facts: &Facts) -> Gap {
    let ideal = "Each secret goes to its own hosts and places, over verified TLS";
    let all = facts.secrets.len();
    let is_bound = |secret: &&SecretFact| secret.hosts.is_some() || secret.kind == SecretKind::ClusterKey;
    let bound = facts.secrets.iter().filter(is_bound).filter(|secret| !secret.is_unverified).count();
    let (state, actual) = match facts.least_protection() {
        _ if all == 0 => (State::NotApplicable, "no secret was found".to_owned()),
        Protection::None => (State::Missing, "nothing checks where a secret is sent".to_owned()),
        _ if bound == all => (State::Met, format!("{bound} of {all} name their hosts")),
        _ => (State::Partly, format!("{bound} of {all} name their hosts, the others go to the test's target")),
    };
    gap("Least privilege of each secret", ideal, state, actual)
}

fn cluster(facts: &Facts) -> Gap {
    let ideal = "Master and workers know each other, and what passes between them is encrypted";
    let (state, actual) = match (facts.is_distributed, facts.is_cluster_sealed(), facts.least_protection()) {
        (false, ..) => (State::NotApplicable, "no command starts a master or a worker"),
        (_, _, Protection::None) => (State::Missing, "all that passes is in clear, secrets too"),
        (_, true, _) => (State::Met, "they have a key"),
        (_, false, _) => (State::Partly, "no secret passes, but names and statistics do, in clear; there is no key"),
    };
    gap("Master and workers", ideal, state, actual)
}

fn guide(facts: &Facts) -> Gap {
    let ideal = "A manifest and a guide say how secrets are handled, and whom to ask";
    let owners = facts.secrets.iter().filter(|secret| secret.owner.is_some()).count();
    let (state, actual) = match &facts.manifest {
        None => (State::Missing, "there is no manifest; `tegmen guide` writes the guide from it".to_owned()),
        Some(path) if facts.owner.is_some() || owners > 0 && owners == facts.secrets.len() => {
            (State::Met, format!("{path}, with owners"))
        }
        Some(path) => (State::Partly, format!("{path}; it names no owner")),
    };
    gap("Documentation and process", ideal, state, actual)
}

fn machine(facts: &Facts) -> Gap {
    let ideal = "Least privilege, a host that is looked after, isolation";
    let (state, actual) = match &facts.checks {
        None => (State::NotKnown, "not checked".to_owned()),
        Some(checks) => {
            let of = |outcome: CheckOutcome| -> Vec<&CheckFact> {
                checks.iter().filter(|check| check.outcome == outcome && check.subject != "Vault").collect()
            };
            let (failed, passed, unknown) =
                (of(CheckOutcome::Fail), of(CheckOutcome::Pass), of(CheckOutcome::NotKnown));
            let state = if failed.is_empty() { State::Met } else { State::Partly };
            (
                state,
                format!("{} pass, {} fail, {} not known", plural(passed.len(), "check"), failed.len(), unknown.len()),
            )
        }
    };
    gap("Secure execution environment", ideal, state, actual)
}

fn rotation(facts: &Facts) -> Gap {
    let ideal = "Each secret is younger than it may be, and changing it takes no commit";
    let all = facts.secrets.iter().filter(|secret| secret.has_age()).count();
    let is_limited = |secret: &&SecretFact| secret.max_age.is_some() || secret.origin == Origin::Dynamic;
    let limited = facts.secrets.iter().filter(|secret| secret.has_age()).filter(is_limited).count();
    let due = facts.secrets.iter().filter(|secret| secret.is_due()).count();
    let (state, actual) = match (all, limited) {
        (0, _) => (State::NotApplicable, "no secret was found".to_owned()),
        (_, 0) => (State::Missing, "nothing says how old a secret may become".to_owned()),
        (all, limited) => {
            let state = if limited == all && due == 0 { State::Met } else { State::Partly };
            (state, format!("{limited} of {all} have a limit; {due} older than that"))
        }
    };
    gap("Rotation", ideal, state, actual)
}

fn audits(facts: &Facts) -> Gap {
    let (state, actual) = match facts.earlier {
        None => (State::Missing, "this is the first report".to_owned()),
        Some((count, days)) => {
            let state = if days <= 31 { State::Met } else { State::Partly };
            (state, format!("{} before, the last {}", plural(count, "report"), super::ago(days)))
        }
    };
    gap("Regular audits", "A report at least once a month", state, actual)
}

fn proof(facts: &Facts) -> Gap {
    let (state, actual) = match &facts.proof {
        None => (State::NotKnown, "there is no run of `tegmen prove`".to_owned()),
        Some(proof) if proof.leaks.is_empty() => {
            let state = if proof.days <= 31 { State::Met } else { State::Partly };
            (state, format!("{} clean, {}", plural(proof.clean.len(), "channel"), super::ago(proof.days)))
        }
        Some(proof) => {
            (State::Missing, format!("{} found {}", plural(proof.leaks.len(), "leak"), super::ago(proof.days)))
        }
    };
    gap("Verified, not hoped", "A proof with canaries finds no leak", state, actual)
}
