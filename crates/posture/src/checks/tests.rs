//! The checks, asked about facts that were made up.

use tegmen_findings::Severity;

use super::*;
use crate::{
    check::{Answer, Outcome, Subject},
    facts::{
        Container, Credential, Fact, Facts, Neighbour, Package, ProjectFile, Role, Settings, Standing, Swap, Updates,
    },
    fix::Repair,
    profile::Profile,
};

fn ask(id: &str, facts: &Facts) -> Answer {
    all().into_iter().find(|check| check.id == id).unwrap_or_else(|| panic!("no check {id}")).ask(facts)
}

fn outcome(id: &str, facts: &Facts) -> &'static str {
    ask(id, facts).outcome.as_str()
}

const PRIVATE: Standing = Standing { uid: 1000, gid: 1000, mode: 0o600, group_is_private: true };
const OPEN: Standing = Standing { uid: 1000, gid: 100, mode: 0o664, group_is_private: false };

#[test]
fn codes_and_names_are_each_used_once_and_in_order() {
    let checks = all();
    assert!(checks.len() >= 40, "{}", checks.len());
    for pair in checks.windows(2) {
        assert!(pair[0].code < pair[1].code, "{} {}", pair[0].id, pair[1].id);
    }
    for check in &checks {
        assert!(checks.iter().filter(|other| other.id == check.id).count() == 1, "{}", check.id);
        assert!(check.id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{}", check.id);
        for text in [check.title, check.why, check.repair] {
            assert!(text.len() > 10 && !text.contains("  "), "{}: {text}", check.id);
        }
        assert!(!check.references.is_empty(), "{}", check.id);
        assert!(check.references.iter().all(|reference| reference.url.starts_with("https://")), "{}", check.id);
    }
}

#[test]
fn what_nobody_has_looked_at_is_neither_good_nor_bad() {
    // Environments and settings are lists that are empty when nothing is there: everything else must be "not known" or not
    // applicable.
    let facts = Facts::default();
    for check in all() {
        if matches!(check.subject, Subject::Environment | Subject::Locust) {
            continue;
        }
        let answer = check.ask(&facts);
        assert!(
            matches!(answer.outcome, Outcome::NotKnown { .. } | Outcome::NotApplicable { .. }),
            "{}: {:?}",
            check.id,
            answer.outcome
        );
    }
}

#[test]
fn root_is_worse_than_root_of_a_user_namespace() {
    let mut facts = Facts::default();
    facts.process.uid = Fact::known(1000);
    assert_eq!(outcome("running-as-root", &facts), "pass");
    facts.process.uid = Fact::known(0);
    assert_eq!(ask("running-as-root", &facts).severity(), Severity::High);
    facts.isolation.user_namespace = Fact::known(true);
    assert_eq!(ask("running-as-root", &facts).severity(), Severity::Low);
}

#[test]
fn a_umask_is_as_bad_as_what_others_may() {
    let mut facts = Facts { profile: Profile::Container, ..Facts::default() };
    facts.process.umask = Fact::known(0o077);
    assert_eq!(outcome("loose-umask", &facts), "pass");
    for (umask, severity) in
        [(0o027, None), (0o022, Some(Severity::Low)), (0o002, Some(Severity::Low)), (0, Some(Severity::High))]
    {
        facts.process.umask = Fact::known(umask);
        let answer = ask("loose-umask", &facts);
        assert_eq!(severity.is_some(), answer.outcome.as_str() == "fail", "{umask:o}");
        assert!(severity.is_none_or(|severity| answer.severity() == severity), "{umask:o}");
    }
    facts.profile = Profile::Laptop;
    facts.process.umask = Fact::known(0o022);
    assert_eq!(ask("loose-umask", &facts).severity(), Severity::Medium);
}

#[test]
fn capabilities_are_named() {
    let mut facts = Facts::default();
    facts.process.effective = Fact::known(1 << 19 | 1 << 10);
    let answer = ask("excess-capabilities", &facts);
    assert_eq!(answer.outcome.found(), "effective: CAP_SYS_PTRACE");
    facts.process.effective = Fact::known(1 << 10);
    assert_eq!(outcome("excess-capabilities", &facts), "pass");
}

#[test]
fn swap_that_cannot_be_told_is_not_known_and_swap_in_clear_fails() {
    let swap = |is_protected| vec![Swap { path: "/dev/sda2".into(), is_protected }];
    let mut facts = Facts::default();
    for (is_protected, expected) in [(None, "not known"), (Some(true), "pass"), (Some(false), "fail")] {
        facts.kernel.swaps = Fact::known(swap(is_protected));
        assert_eq!(outcome("unencrypted-swap", &facts), expected);
    }
    facts.kernel.swaps = Fact::known(Vec::new());
    assert_eq!(outcome("unencrypted-swap", &facts), "pass");
}

#[test]
fn a_container_is_not_asked_about_its_host() {
    let mut facts = Facts { profile: Profile::Kubernetes, ..Facts::default() };
    for id in ["no-firewall", "lockdown-off", "reboot-required", "disk-unencrypted"] {
        assert_eq!(outcome(id, &facts), "not applicable", "{id}");
    }
    facts.isolation.container = Fact::known(Some(Container { engine: "kubernetes".into(), sign: "x".into() }));
    facts.isolation.service_account = Fact::known(Some("/var/run/x/token".into()));
    let answer = ask("service-account-token", &facts);
    assert_eq!(answer.places()[0].path, "/var/run/x/token");
}

#[test]
fn files_that_others_can_change_or_read_come_with_their_repair() {
    let file = |role, standing| ProjectFile { role, path: "/p/locustfile.py".into(), standing: Fact::known(standing) };
    let mut facts = Facts::default();
    facts.files.root = "/p".into();
    facts.files.uid = 1000;
    facts.files.project = vec![file(Role::Locustfile, PRIVATE)];
    assert_eq!(outcome("locustfile-writable", &facts), "pass");
    facts.files.project = vec![file(Role::Locustfile, OPEN), file(Role::Dotenv, OPEN)];
    let answer = ask("locustfile-writable", &facts);
    assert_eq!(answer.outcome.found(), "locustfile.py (mode 664)");
    assert_eq!(answer.fixes(), [Repair::Mode { path: "/p/locustfile.py".into(), without: 0o022 }]);
    assert!(matches!(ask("dotenv-readable", &facts).fixes(), [Repair::Mode { without: 0o077, .. }]));
    // What belongs to somebody else cannot be mended by a mode.
    facts.files.project = vec![file(Role::Locustfile, Standing { uid: 7, ..PRIVATE })];
    let answer = ask("locustfile-writable", &facts);
    assert!(answer.outcome.found().contains("belongs to the user 7"));
    assert!(answer.fixes().is_empty());
}

#[test]
fn a_group_of_ones_own_is_nobody_else() {
    assert!(!Standing { mode: 0o660, ..PRIVATE }.is_writable_by_others());
    assert!(Standing { mode: 0o660, group_is_private: false, ..PRIVATE }.is_writable_by_others());
    assert!(Standing { mode: 0o602, ..PRIVATE }.is_writable_by_others());
}

#[test]
fn vaults_token_is_a_matter_of_its_own() {
    let mut facts = Facts::default();
    let credential = |what, path: &str| Credential { what, path: path.into(), standing: Fact::known(PRIVATE) };
    facts.files.credentials = Fact::known(vec![credential("Vault", "/h/.vault-token")]);
    assert_eq!(outcome("credentials-in-reach", &facts), "pass");
    assert_eq!(outcome("vault-token-on-disk", &facts), "fail");
    assert_eq!(outcome("credentials-readable", &facts), "pass");
}

#[test]
fn variables_and_options_of_neighbours_are_named() {
    let mut facts = Facts::default();
    let neighbour = Neighbour {
        pid: 7,
        name: "node".into(),
        variables: vec!["NPM_TOKEN".into()],
        options: vec!["--api-key".into()],
    };
    facts.environment.neighbours = Fact::known(vec![neighbour]);
    assert_eq!(ask("sensitive-variables-elsewhere", &facts).outcome.found(), "node (7): NPM_TOKEN");
    assert_eq!(ask("secret-on-command-line", &facts).outcome.found(), "node (7): --api-key");
}

#[test]
fn settings_of_locust_are_judged_by_start() {
    let mut facts = Facts::default();
    assert_eq!(outcome("web-ui-without-login", &facts), "not applicable");
    let start = Settings { place: "/p/locust.conf".into(), ..Settings::default() };
    facts.locust.settings = vec![start.clone()];
    for id in ["web-ui-without-login", "web-ui-everywhere", "web-ui-in-clear"] {
        assert_eq!(outcome(id, &facts), "fail", "{id}");
    }
    assert_eq!(outcome("master-open", &facts), "pass");
    facts.locust.settings = vec![Settings { web_host: "127.0.0.1".into(), ..start.clone() }];
    assert_eq!(ask("web-ui-without-login", &facts).severity(), Severity::Medium);
    assert_eq!(outcome("web-ui-in-clear", &facts), "pass");
    facts.locust.settings = vec![Settings { headless: true, master: true, ..start.clone() }];
    assert_eq!(outcome("web-ui-everywhere", &facts), "pass");
    assert_eq!(outcome("master-open", &facts), "fail");
    facts.locust.settings = vec![Settings { target: Some(("http".into(), "shop.example.com".into())), ..start }];
    assert_eq!(outcome("target-in-clear", &facts), "fail");
}

#[test]
fn advisories_name_the_version_that_fixes_them() {
    let mut facts = Facts::default();
    let package = |name: &str, version: &str| Package { name: name.into(), version: version.into() };
    facts.locust.packages = Fact::known(vec![package("locust", "2.47.0"), package("urllib3", "2.0.5")]);
    let answer = ask("known-advisories", &facts);
    assert!(
        answer.outcome.found().contains("CVE-2023-43804 (fixed in 1.26.17 and 2.0.6"),
        "{}",
        answer.outcome.found()
    );
    assert_eq!(answer.severity(), Severity::High);
    assert_eq!(outcome("unknown-locust", &facts), "pass");
    facts.locust.packages = Fact::known(vec![package("locust", "2.31.0"), package("urllib3", "2.7.0")]);
    assert_eq!(outcome("known-advisories", &facts), "pass");
    assert_eq!(outcome("unknown-locust", &facts), "fail");
}

#[test]
fn versions_of_locust_that_are_not_known() {
    for (version, expected) in [("2.31.8", "older"), ("2.48.0", "newer"), ("3.0.0", "newer")] {
        let mut facts = Facts::default();
        facts.locust.packages = Fact::known(vec![Package { name: "locust".into(), version: version.into() }]);
        let answer = ask("unknown-locust", &facts);
        assert!(answer.outcome.found().contains(expected), "{version}: {}", answer.outcome.found());
    }
}

#[test]
fn updates_that_wait_are_counted() {
    let mut facts = Facts::default();
    let updates = |security, all, lists_age| Fact::known(Updates { manager: "apt", security, all, lists_age });
    for (security, all, expected) in [(Some(0), 5, "pass"), (Some(2), 5, "fail"), (None, 0, "pass"), (None, 3, "fail")]
    {
        facts.host.updates = updates(security, all, Some(20));
        assert_eq!(outcome("updates-pending", &facts), expected);
    }
    assert_eq!(outcome("stale-package-lists", &facts), "fail");
}

#[test]
fn selectors_take_checks_by_name_and_by_the_beginning_of_their_code() {
    let selection = |select: &[&str], ignore: &[&str]| crate::check::Selection {
        select: select.iter().map(|text| (*text).to_owned()).collect(),
        ignore: ignore.iter().map(|text| (*text).to_owned()).collect(),
    };
    let count = |selection: &crate::check::Selection| all().into_iter().filter(|check| selection.takes(check)).count();
    assert_eq!(count(&selection(&[], &[])), all().len());
    assert_eq!(count(&selection(&["ptrace-open"], &[])), 1);
    assert!(count(&selection(&["TGM53"], &["ptrace-open"])) >= 8);
    assert_eq!(selection(&["ptrace-open", "no-such-check"], &[]).unknown(), ["no-such-check"]);
}
