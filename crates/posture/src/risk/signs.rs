//! What the facts say about each threat. One function a threat; nothing in here has a number, see [`table`](super::table).

use tegmen_findings::{Confidence, Severity};

use super::facts::{CheckFact, CheckOutcome, FindingFact, Origin, Protection, SecretFact, SecretKind, Spot};
use super::table::{self, Step};
use super::{Exposure, Facts};

/// One reason for a rating.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sign {
    /// The threat.
    pub threat: &'static str,
    /// How open it makes the way; `None`: it only says what is not known.
    pub exposure: Option<Exposure>,
    /// A clause: "5 values are written in files of the project".
    pub text: String,
    /// Where, at most a few.
    pub spots: Vec<Spot>,
    /// What would take it away.
    pub step: Option<&'static Step>,
}

/// Looks at the facts for one threat.
type Judge = fn(&Facts, &mut Signs);

/// Reads the facts.
pub fn read(facts: &Facts) -> Vec<Sign> {
    let mut signs = Signs { found: Vec::new(), threat: "" };
    let judges: [(&'static str, Judge); 10] = [
        ("repository", repository),
        ("logs", logs),
        ("web-ui", web_ui),
        ("environment", environment),
        ("other-hosts", other_hosts),
        ("distributed", distributed),
        ("vault-token", vault_token),
        ("execution", execution),
        ("rotation", rotation),
        ("process", process),
    ];
    for (threat, judge) in judges {
        signs.threat = threat;
        judge(facts, &mut signs);
    }
    signs.found
}

struct Signs {
    found: Vec<Sign>,
    threat: &'static str,
}

/// At most so many places are kept with a sign.
const SPOTS: usize = 8;

impl Signs {
    fn add(&mut self, exposure: Exposure, text: String, spots: Vec<Spot>, step: &'static Step) {
        self.push(Some(exposure), text, spots, Some(step));
    }

    fn well(&mut self, text: impl Into<String>) {
        self.push(Some(Exposure::Closed), text.into(), Vec::new(), None);
    }

    fn unknown(&mut self, text: impl Into<String>, step: &'static Step) {
        self.push(None, text.into(), Vec::new(), Some(step));
    }

    fn push(&mut self, exposure: Option<Exposure>, text: String, mut spots: Vec<Spot>, step: Option<&'static Step>) {
        spots.sort();
        spots.dedup();
        spots.truncate(SPOTS);
        self.found.push(Sign { threat: self.threat, exposure, text, spots, step });
    }

    /// Findings of rules for which protection makes the difference: with it, what comes out is a placeholder.
    fn leaks(&mut self, facts: &Facts, rules: &[&str], [one, many]: [&str; 2]) {
        let found: Vec<&FindingFact> = facts.findings.iter().filter(|finding| rules.contains(&finding.rule)).collect();
        let of = |protection: Protection| -> Vec<&FindingFact> {
            found.iter().copied().filter(|finding| facts.protection_of(&finding.name) == protection).collect()
        };
        let places = |count: usize| counted(count, &format!("place {one}"), &format!("places {many}"));
        let (bad, slight): (Vec<&FindingFact>, Vec<&FindingFact>) =
            of(Protection::None).into_iter().partition(|finding| is_bad(finding));
        if !bad.is_empty() {
            self.add(Exposure::Open, places(bad.len()), spots(&bad), &table::MEND);
        }
        if !slight.is_empty() {
            let text = format!("perhaps {}", places(slight.len()));
            self.add(Exposure::Partly, text, spots(&slight), &table::MEND);
        }
        let named = of(Protection::Named);
        if !named.is_empty() {
            let text = places(named.len())
                + ", one that the manifest names; nothing shows that the test is started with Tegmen";
            self.add(Exposure::Partly, text, spots(&named), &table::RUN_PROTECTED);
        }
        let covered = of(Protection::Enforced);
        if !covered.is_empty() {
            let text = places(covered.len()) + "; under Tegmen that is a placeholder";
            self.push(Some(Exposure::Closed), text, spots(&covered), None);
        }
    }

    /// Secrets of which Python has the value, or may have.
    fn unprotected(&mut self, facts: &Facts, exposure: Exposure, what: &str) {
        let of = |protection: Protection| secrets(facts, |secret| secret.protection == protection);
        let none = of(Protection::None);
        if !none.is_empty() {
            let step = if facts.manifest.is_some() && !facts.protected_starts.is_empty() {
                &table::NAME_SECRETS
            } else if facts.manifest.is_some() {
                &table::RUN_PROTECTED
            } else {
                &table::NAME_SECRETS
            };
            self.add(exposure, format!("{} {what}", names(&none)), uses(&none), step);
        }
        let named = of(Protection::Named);
        if !named.is_empty() {
            let text = format!("{} {what} unless the test is started with Tegmen, which nothing shows", names(&named));
            self.add(Exposure::Partly, text, facts.plain_starts.clone(), &table::RUN_PROTECTED);
        }
    }

    /// Checks of the doctor that are wanted here and failed. `worst` is what one of high severity makes of it.
    fn checks(&mut self, facts: &Facts, wanted: &dyn Fn(&CheckFact) -> bool, worst: Exposure) {
        let Some(checks) = &facts.checks else { return };
        for check in checks.iter().filter(|check| wanted(check) && check.outcome == CheckOutcome::Fail) {
            let exposure = match check.severity {
                Severity::High => worst,
                Severity::Medium => Exposure::Partly,
                Severity::Low => continue,
            };
            let text = format!("{} ({}): {}", check.title, check.id, check.found);
            self.add(exposure, text, Vec::new(), &table::HARDEN);
        }
    }
}

fn is_bad(finding: &FindingFact) -> bool {
    finding.severity >= Severity::Medium && finding.confidence >= Confidence::Medium
}

fn spots(findings: &[&FindingFact]) -> Vec<Spot> {
    findings.iter().flat_map(|finding| finding.spots.iter().cloned()).collect()
}

fn uses(secrets: &[&SecretFact]) -> Vec<Spot> {
    secrets.iter().flat_map(|secret| secret.uses.iter().cloned()).collect()
}

fn secrets(facts: &Facts, wanted: impl Fn(&SecretFact) -> bool) -> Vec<&SecretFact> {
    facts.secrets.iter().filter(|secret| wanted(secret)).collect()
}

fn with_rules<'f>(facts: &'f Facts, rules: &[&str]) -> Vec<&'f FindingFact> {
    facts.findings.iter().filter(|finding| rules.contains(&finding.rule)).collect()
}

/// "1 place leaks", "3 places leak".
fn counted(count: usize, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

/// Names in a sentence, at most four.
fn names(secrets: &[&SecretFact]) -> String {
    let shown: Vec<&str> = secrets.iter().take(4).map(|secret| secret.name.as_str()).collect();
    match secrets.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn repository(facts: &Facts, signs: &mut Signs) {
    let hard: Vec<&FindingFact> = facts
        .findings
        .iter()
        .filter(|finding| {
            finding.code.starts_with("TGM1")
                || matches!(finding.rule, "hardcoded-vault-token" | "secret-as-variable-name")
        })
        .collect();
    let (sure, unsure): (Vec<&FindingFact>, Vec<&FindingFact>) = hard.into_iter().partition(|one| is_bad(one));
    if !sure.is_empty() {
        let text = counted(
            sure.len(),
            "value is written in a file of the project",
            "values are written in files of the project",
        );
        signs.add(Exposure::Open, text, spots(&sure), &table::TAKE_OUT);
    }
    if !unsure.is_empty() {
        let text = counted(unsure.len(), "text may be a secret", "texts may be secrets");
        signs.add(Exposure::Partly, text, spots(&unsure), &table::TAKE_OUT);
    }
    if facts.unread > 0 {
        let text =
            counted(facts.unread, "file could not be audited as a whole", "files could not be audited as a whole");
        signs.add(Exposure::Partly, text, Vec::new(), &table::READ_ALL);
    }
    if sure.is_empty() && unsure.is_empty() {
        signs.well(format!("no secret is written in the {} that were audited", counted(facts.files, "file", "files")));
    }
    if facts.is_history_searched {
        signs.well("the history was searched as well");
    } else {
        let text = "the history was not searched: `tegmen report --history` does";
        signs.push(None, text.to_owned(), Vec::new(), None);
    }
}

fn logs(facts: &Facts, signs: &mut Signs) {
    let rules = [
        "secret-in-log",
        "response-in-log",
        "secret-in-failure",
        "secret-in-name",
        "debug-wire-logging",
        "secret-in-file",
        "secret-in-telemetry",
        "secret-in-pickle",
        "locals-in-traceback",
        "secret-in-help-text",
    ];
    let words = ["lets a secret out into logs, statistics or files", "let a secret out into logs, statistics or files"];
    signs.leaks(facts, &rules, words);
    signs.unprotected(facts, Exposure::Partly, "would come out in any error that quotes the request");
    let revealed = secrets(facts, |secret| secret.is_revealed);
    if !revealed.is_empty() {
        let text =
            format!("{} is handed to Python (`reveal`): only the redactor stands before the outputs", names(&revealed));
        signs.add(Exposure::Partly, text, Vec::new(), &table::UNREVEAL);
    }
    match &facts.proof {
        Some(proof) if !proof.leaks.is_empty() => {
            let first = &proof.leaks[0];
            let text = format!(
                "the last proof found {}: {} in {}",
                counted(proof.leaks.len(), "leak", "leaks"),
                first.0,
                first.1
            );
            signs.add(Exposure::Open, text, Vec::new(), &table::MEND);
        }
        Some(proof) => signs.well(format!(
            "`tegmen prove` found nothing in {} ({})",
            counted(proof.clean.len(), "channel", "channels"),
            super::ago(proof.days)
        )),
        None if facts.secrets.is_empty() => {}
        None => signs.unknown("nobody has shown it: there is no run of `tegmen prove`", &table::PROVE),
    }
    if facts.secrets.is_empty() && facts.findings.is_empty() {
        signs.well("no secret was found that could come out");
    } else if facts.least_protection() == Protection::Enforced {
        signs.well("outputs hold placeholders, and a redactor stands behind them");
    }
}

fn web_ui(facts: &Facts, signs: &mut Signs) {
    let rules =
        ["unprotected-secret-argument", "secret-in-web-route", "secret-in-host", "secret-from-process-arguments"];
    signs.leaks(facts, &rules, ["shows a secret in the page", "show a secret in the page"]);
    let open = with_rules(facts, &["open-web-ui", "web-login-in-clear", "unsafe-evaluation"]);
    if !open.is_empty() {
        let exposure = if facts.least_protection() == Protection::None && !facts.secrets.is_empty() {
            Exposure::Open
        } else {
            Exposure::Partly
        };
        let text = counted(open.len(), "setting opens the page to others", "settings open the page to others");
        signs.add(exposure, text, spots(&open), &table::CLOSE_UI);
    }
    signs.checks(facts, &|check| check.subject == "Locust" && !check.id.contains("master"), Exposure::Partly);
    signs.well(if facts.least_protection() == Protection::Enforced {
        "what the page shows is redacted"
    } else {
        "nothing else in the scripts leads into the page"
    });
}

fn environment(facts: &Facts, signs: &mut Signs) {
    let rules = ["secret-into-environment", "secret-in-process-arguments"];
    let words = ["puts a secret where other processes see it", "put a secret where other processes see it"];
    signs.leaks(facts, &rules, words);
    let from =
        |origin: Origin| secrets(facts, |secret| secret.origin == origin && secret.protection != Protection::None);
    signs.unprotected(facts, Exposure::Partly, "can be read in the environment or memory of the test by others");
    let outside = from(Origin::Environment);
    if !outside.is_empty() {
        let text = format!("{} in the environment of whatever starts the run", stand(&outside));
        signs.add(Exposure::Partly, text, Vec::new(), &table::KEEP);
    }
    let dotenv = from(Origin::Dotenv);
    if !dotenv.is_empty() {
        let text = format!("{} in clear in a dotenv file", stand(&dotenv));
        signs.add(Exposure::Partly, text, Vec::new(), &table::KEEP);
    }
    signs.checks(facts, &|check| check.subject == "Environment and command lines", Exposure::Open);
    if facts.least_protection() == Protection::Enforced {
        signs.well("the test's environment holds placeholders; its processes cannot be looked into");
    } else {
        signs.well("no other way was found");
    }
}

/// "A stands", "A, B stand".
fn stand(secrets: &[&SecretFact]) -> String {
    format!("{} {}", names(secrets), if secrets.len() == 1 { "stands" } else { "stand" })
}

fn other_hosts(facts: &Facts, signs: &mut Signs) {
    let off = with_rules(facts, &["tls-verification-off", "outdated-tls", "credentials-in-clear", "host-key-ignored"]);
    if !off.is_empty() {
        let text = counted(off.len(), "place does not verify or encrypt", "places do not verify or encrypt");
        match facts.least_protection() {
            _ if facts.secrets.is_empty() => signs.add(Exposure::Partly, text, spots(&off), &table::VERIFY_TLS),
            Protection::Enforced => {
                let text = text + "; for a request that carries a secret the plugin turns it on";
                signs.push(Some(Exposure::Closed), text, spots(&off), None);
            }
            _ => signs.add(Exposure::Open, text, spots(&off), &table::VERIFY_TLS),
        }
    }
    let unverified = secrets(facts, |secret| secret.is_unverified);
    if !unverified.is_empty() {
        let text = format!("{}: `tls = \"unverified\"` in the manifest", names(&unverified));
        signs.add(Exposure::Partly, text, Vec::new(), &table::VERIFY_TLS);
    }
    signs.unprotected(facts, Exposure::Partly, "would go wherever a redirect or a changed host leads");
    let bound = secrets(facts, |secret| secret.protection != Protection::None);
    if bound.is_empty() {
        signs.well("no secret was found that a manifest does not name");
    } else {
        let is_bound = |secret: &&&SecretFact| secret.hosts.is_some() || secret.kind == SecretKind::ClusterKey;
        let own = bound.iter().filter(is_bound).count();
        signs
            .well(format!("{own} of {} have hosts of their own, the others go to the test's target only", bound.len()));
    }
}

fn distributed(facts: &Facts, signs: &mut Signs) {
    let words =
        ["sends a secret between master and workers in clear", "send a secret between master and workers in clear"];
    signs.leaks(facts, &["secret-in-runner-message"], words);
    let open = with_rules(facts, &["open-master-port"]);
    if !open.is_empty() {
        let text =
            counted(open.len(), "setting lets everybody reach the master", "settings let everybody reach the master");
        signs.add(Exposure::Partly, text, spots(&open), &table::CLOSE_MASTER);
    }
    signs.checks(facts, &|check| check.subject == "Locust" && check.id.contains("master"), Exposure::Partly);
    if facts.is_distributed {
        signs.unprotected(facts, Exposure::Open, "would cross the network between master and workers in clear");
        if facts.is_cluster_sealed() {
            signs
                .well("master and workers have a key: they know each other, and what passes between them is encrypted");
        } else if facts.least_protection() > Protection::None {
            let text =
                "master and workers have no key: who reaches the master can join, and reads names and statistics";
            signs.add(Exposure::Partly, text.to_owned(), Vec::new(), &table::CLUSTER_KEY);
        }
        signs.well("the test is started with master and workers");
    } else {
        signs.well("no command starts a master or a worker");
    }
}

fn vault_token(facts: &Facts, signs: &mut Signs) {
    let worst = ["hardcoded-vault-token", "vault-root-token"];
    let bad = with_rules(facts, &worst);
    if !bad.is_empty() {
        let text = counted(
            bad.len(),
            "place has a token written down or of root",
            "places have tokens written down or of root",
        );
        signs.add(Exposure::Open, text, spots(&bad), &table::TAKE_OUT);
    }
    let careless = with_rules(
        facts,
        &[
            "secret-fetched-per-user",
            "secrets-manager-over-http",
            "secrets-manager-unverified",
            "vault-token-never-renewed",
        ],
    );
    if !careless.is_empty() {
        let exposure =
            if careless.iter().any(|one| one.severity == Severity::High) { Exposure::Open } else { Exposure::Partly };
        let text = counted(
            careless.len(),
            "place is careless with the secrets manager",
            "places are careless with the secrets manager",
        );
        signs.add(exposure, text, spots(&careless), &table::MEND_MANAGER);
    }
    signs.checks(facts, &|check| check.subject == "Vault", Exposure::Open);
    match facts.vault.as_ref().map(|vault| vault.method.as_deref()) {
        Some(Some("token")) => {
            let text = "the run is given a token that was made elsewhere and outlives it".to_owned();
            signs.add(Exposure::Partly, text, Vec::new(), &table::LOG_IN);
        }
        Some(Some(method)) => {
            signs.well(format!(
                "one login by {method} for a run; its token stays in the broker and is revoked at the end"
            ));
        }
        Some(None) => {
            let text = "the manifest does not say how to log in: a token of the environment counts first".to_owned();
            signs.add(Exposure::Partly, text, Vec::new(), &table::LOG_IN);
        }
        None if bad.is_empty() && careless.is_empty() => signs.well("no key to a secrets manager was found"),
        None => {}
    }
}

fn execution(facts: &Facts, signs: &mut Signs) {
    if facts.checks.is_none() {
        signs.unknown("the machine was not checked", &table::ASK_DOCTOR);
        return;
    }
    // What is behind placeholders is out of reach of most of what a weak machine lets happen.
    let worst = if facts.least_protection() == Protection::Enforced { Exposure::Partly } else { Exposure::Open };
    let subjects = ["The process", "The kernel", "The host", "Isolation", "Files"];
    signs.checks(facts, &|check| subjects.contains(&check.subject.as_str()), worst);
    let checks: Vec<&CheckFact> =
        facts.checks.iter().flatten().filter(|check| subjects.contains(&check.subject.as_str())).collect();
    let count = |outcome: CheckOutcome| checks.iter().filter(|check| check.outcome == outcome).count();
    signs.well(format!(
        "{} of {} checks are well, {} could not be answered",
        count(CheckOutcome::Pass),
        checks.len() - count(CheckOutcome::NotApplicable),
        count(CheckOutcome::NotKnown)
    ));
}

fn rotation(facts: &Facts, signs: &mut Signs) {
    let hard = secrets(facts, |secret| secret.origin == Origin::HardCoded);
    if !hard.is_empty() {
        let text = format!("{}: a new value takes a commit", names(&hard));
        signs.add(Exposure::Open, text, uses(&hard), &table::TAKE_OUT);
    }
    let lasting =
        |secret: &SecretFact| secret.has_age() && !matches!(secret.origin, Origin::HardCoded | Origin::Dynamic);
    let ageless = secrets(facts, |secret| lasting(secret) && secret.max_age.is_none());
    if !ageless.is_empty() {
        let text = format!("nothing says how old {} may become", names(&ageless));
        let step = if facts.manifest.is_some() { &table::SET_AGE } else { &table::NAME_SECRETS };
        signs.add(Exposure::Partly, text, Vec::new(), step);
    }
    let due = secrets(facts, SecretFact::is_due);
    if !due.is_empty() {
        let text = format!("{}: older than it may be", names(&due));
        signs.add(Exposure::Partly, text, Vec::new(), &table::ROTATE);
    }
    let torn = secrets(facts, |secret| secret.is_torn);
    if !torn.is_empty() {
        let text = format!("{}: the last rotation did not come to its end", names(&torn));
        signs.add(Exposure::Open, text, Vec::new(), &table::ROTATE);
    }
    let unknown = secrets(facts, |secret| lasting(secret) && secret.max_age.is_some() && secret.age.is_none());
    if !unknown.is_empty() {
        let text = format!("nothing says how old {} is", names(&unknown));
        signs.add(Exposure::Partly, text, Vec::new(), &table::ROTATE);
    }
    let young = secrets(facts, |secret| {
        secret.has_age()
            && (secret.origin == Origin::Dynamic
                || secret.age.is_some() && secret.max_age.is_some() && !secret.is_due())
    });
    let all = secrets(facts, SecretFact::has_age).len();
    signs.well(format!("{} of {} are younger than they may be", young.len(), counted(all, "secret", "secrets")));
}

fn process(facts: &Facts, signs: &mut Signs) {
    if facts.manifest.is_none() && !facts.secrets.is_empty() {
        signs.add(
            Exposure::Open,
            "nothing says which secrets there are: there is no manifest".to_owned(),
            Vec::new(),
            &table::NAME_SECRETS,
        );
    }
    if facts.audits.is_empty() {
        let text = "no audit looks at a change before it is merged".to_owned();
        signs.add(Exposure::Partly, text, Vec::new(), &table::AUTOMATE);
    } else {
        signs.push(Some(Exposure::Closed), "the audit runs by itself".to_owned(), facts.audits.clone(), None);
    }
    if let Some(manifest) = &facts.manifest {
        signs.well(match &facts.owner {
            Some(owner) => format!("{manifest} names the secrets, and {owner} as their owner"),
            None => format!("{manifest} names the secrets; it names no owner"),
        });
    }
}
