//! Locust's settings and versions.

use tegmen_findings::Severity;

use super::{
    advisories::{ADVISORIES, Advisory, DATED, DATED_DAY, numbers},
    listed, plural,
};
use crate::{
    check::{Check, Judgement, Outcome},
    facts::{Facts, Settings},
};

pub(super) const ALL: &[&Check] = &[
    &WEB_UI_WITHOUT_LOGIN,
    &WEB_UI_EVERYWHERE,
    &WEB_UI_IN_CLEAR,
    &MASTER_OPEN,
    &USERS_ON_COMMAND_LINE,
    &DEBUG_LOG,
    &TARGET_IN_CLEAR,
    &KNOWN_ADVISORIES,
    &UNKNOWN_LOCUST,
    &STALE_ADVISORIES,
];

const CONFIGURATION: &str = "https://docs.locust.io/en/stable/configuration.html";

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host == "::1" || host == "127.0.0.1" || host.starts_with("127.")
}

/// Of the starts of Locust that can be seen, those with this defect. Without any, there is nothing to say.
fn starts(facts: &Facts, what: &str, fails: impl Fn(&Settings) -> bool) -> Judgement {
    let all = &facts.locust.settings;
    if all.is_empty() {
        return Outcome::not_applicable(
            "no start of Locust was seen: no locust.conf, no LOCUST_ variables, no process; `tegmen doctor -- locust …` asks about a command",
        );
    }
    let found: Vec<&Settings> = all.iter().filter(|settings| fails(settings)).collect();
    if found.is_empty() {
        let places: Vec<&str> = all.iter().map(|settings| settings.place.as_str()).collect();
        return Outcome::pass(format!("not in {}", listed(&places)));
    }
    let places: Vec<String> = found
        .iter()
        .map(|settings| format!("{}{}", settings.place, if settings.is_running { " (running)" } else { "" }))
        .collect();
    let outcome = Outcome::fail(format!("{what}: {}", listed(&places)));
    Ok(found
        .iter()
        .filter(|settings| settings.place.contains('/'))
        .fold(outcome, |outcome, settings| outcome.at(&settings.place, None)))
}

fn has_web_ui(settings: &Settings) -> bool {
    !settings.headless && !settings.worker
}

check! {
    WEB_UI_WITHOUT_LOGIN: "TGM580" "web-ui-without-login" High Locust,
    title: "Locust's web UI asks nobody for a login",
    why: "Whoever reaches it reads options, failures and logs, starts tests, and sends the test's own tokens to a host of their choice; \
          so does any web page in a browser that can reach it.",
    repair: "`--web-login` with a login in the locustfile, a reverse proxy with authentication before it, or `--headless`",
    references: [
        ("Locust: authentication of the web UI", "https://docs.locust.io/en/stable/extending-locust.html#authentication"),
        ("CWE-306: Missing Authentication for Critical Function", "https://cwe.mitre.org/data/definitions/306.html"),
    ],
    judge: |facts| {
        let judged = starts(facts, "no --web-login", |settings| has_web_ui(settings) && !settings.web_login)?;
        // Only who is on the machine reaches it.
        let local = facts.locust.settings.iter().filter(|settings| has_web_ui(settings) && !settings.web_login).all(|settings| is_loopback(&settings.web_host));
        Ok(if local { judged.severity(Severity::Medium) } else { judged })
    },
}

check! {
    WEB_UI_EVERYWHERE: "TGM581" "web-ui-everywhere" Medium Locust,
    title: "Locust's web UI listens on all interfaces",
    why: "Without `--web-host` it is open to the whole network of the machine, not only to the one who runs the test.",
    repair: "`--web-host 127.0.0.1`, and an SSH tunnel or a reverse proxy for others",
    references: [
        ("Locust: configuration", CONFIGURATION),
        ("CWE-1327: Binding to an Unrestricted IP Address", "https://cwe.mitre.org/data/definitions/1327.html"),
    ],
    judge: |facts| starts(facts, "not bound to one address", |settings| {
        has_web_ui(settings) && ["", "*", "0.0.0.0", "::"].contains(&settings.web_host.as_str())
    }),
}

check! {
    WEB_UI_IN_CLEAR: "TGM582" "web-ui-in-clear" Medium Locust,
    title: "Locust's web UI is served in clear over the network",
    why: "Logins, options and reports can be read by whoever is between the browser and the machine.",
    repair: "`--tls-cert` and `--tls-key`, a reverse proxy with TLS before it, or `--web-host 127.0.0.1` and a tunnel",
    references: [
        ("Locust: configuration", CONFIGURATION),
        ("CWE-319: Cleartext Transmission of Sensitive Information", "https://cwe.mitre.org/data/definitions/319.html"),
    ],
    judge: |facts| starts(facts, "no --tls-cert", |settings| has_web_ui(settings) && !settings.tls && !is_loopback(&settings.web_host)),
}

check! {
    MASTER_OPEN: "TGM583" "master-open" Medium Locust,
    title: "Locust's master listens to everybody, in clear",
    why: "Whoever connects to its port as a worker is sent all options, secret ones too, and the source of the locustfile; what workers tell \
          it can be read on the way. There is no authentication.",
    repair: "`--master-bind-host` with the address of a network that only master and workers are in (127.0.0.1 with `--processes`), a \
             firewall rule for 5557, or a tunnel",
    references: [
        ("Locust: running distributed", "https://docs.locust.io/en/stable/running-distributed.html"),
        ("CWE-306: Missing Authentication for Critical Function", "https://cwe.mitre.org/data/definitions/306.html"),
    ],
    judge: |facts| starts(facts, "--master-bind-host does not narrow it", |settings| {
        settings.master && !settings.worker && ["", "*", "0.0.0.0", "::"].contains(&settings.bind_host.as_str())
    }),
}

check! {
    USERS_ON_COMMAND_LINE: "TGM584" "users-on-command-line" Medium Locust,
    title: "`--config-users` has its JSON on the command line",
    why: "What stands there, credentials of simulated users often enough, is open to every user of the machine in /proc/PID/cmdline.",
    repair: "give it a file: `--config-users users.json`, with mode 600",
    references: [
        ("Locust: configuration", CONFIGURATION),
        ("CWE-214: Invocation of Process Using Visible Sensitive Information", "https://cwe.mitre.org/data/definitions/214.html"),
    ],
    judge: |facts| starts(facts, "with its value", |settings| settings.config_users),
}

check! {
    DEBUG_LOG: "TGM585" "debug-log" Low Locust,
    title: "Locust's log is at the level DEBUG",
    why: "At that level urllib3 logs the path and query of every request, and other libraries log more than their authors meant.",
    repair: "`--loglevel INFO`; under `tegmen run` these lines hold placeholders",
    references: [
        ("Locust: configuration", CONFIGURATION),
        ("CWE-532: Insertion of Sensitive Information into Log File", "https://cwe.mitre.org/data/definitions/532.html"),
    ],
    judge: |facts| starts(facts, "DEBUG", |settings| settings.loglevel == "DEBUG"),
}

check! {
    TARGET_IN_CLEAR: "TGM586" "target-in-clear" Medium Locust,
    title: "the target is spoken to without TLS",
    why: "Every key and password of the test travels in clear through the network.",
    repair: "use https; where that cannot be, write the origin out under `hosts` (`http://…`), so that it is a decision",
    references: [("CWE-319: Cleartext Transmission of Sensitive Information", "https://cwe.mitre.org/data/definitions/319.html")],
    judge: |facts| starts(facts, "http to another machine", |settings| {
        settings.target.as_ref().is_some_and(|(scheme, host)| scheme == "http" && !is_loopback(host))
    }),
}

check! {
    KNOWN_ADVISORIES: "TGM587" "known-advisories" High Locust,
    title: "Locust, or something that it stands on, has a known hole",
    why: "The libraries that carry the secrets over the wire have had holes through which headers, cookies and bodies went to other hosts.",
    repair: "upgrade: `pip install -U locust requests urllib3 gevent geventhttpclient werkzeug flask`; `pip-audit` asks a database that is kept daily",
    references: [
        ("The Python Packaging Advisory Database", "https://github.com/pypa/advisory-database"),
        ("CWE-1395: Dependency on Vulnerable Third-Party Component", "https://cwe.mitre.org/data/definitions/1395.html"),
    ],
    judge: |facts| {
        let packages = facts.locust.packages.get()?;
        let mut found: Vec<(String, Severity)> = Vec::new();
        for package in packages {
            let hits: Vec<&Advisory> = ADVISORIES
                .iter()
                .filter(|advisory| advisory.package == package.name && advisory.affects(&package.version) == Some(true))
                .collect();
            let Some(worst) = hits.iter().map(|advisory| advisory.severity).max() else { continue };
            let ids: Vec<String> = hits
                .iter()
                .map(|advisory| format!("{} (fixed in {}: {})", advisory.id, advisory.fixed.join(" and "), advisory.about))
                .collect();
            found.push((format!("{} {}: {}", package.name, package.version, ids.join("; ")), worst));
        }
        if found.is_empty() {
            let known = packages.iter().filter(|package| ADVISORIES.iter().any(|advisory| advisory.package == package.name)).count();
            return Outcome::pass(format!("none in {}, by the list of {DATED}", plural(known, "package")));
        }
        let worst = found.iter().map(|(_, severity)| *severity).max().unwrap_or(Severity::High);
        let texts: Vec<&str> = found.iter().map(|(text, _)| text.as_str()).collect();
        Ok(Outcome::fail(texts.join("; ")).severity(worst))
    },
}

/// The versions of Locust that the plugin is made for: from, and before.
const KNOWN: ([u64; 2], [u64; 2]) = ([2, 32], [2, 48]);

check! {
    UNKNOWN_LOCUST: "TGM588" "unknown-locust" Low Locust,
    title: "this version of Locust is not one that Tegmen was tried with",
    why: "The plugin closes the ways out of Locust that are known. `tegmen run` stops before an older version. With a newer one it says so, \
          checks each place that it takes hold of as it is loaded, and stops where one is missing; a way out that is new it cannot know.",
    repair: "install Locust 2.32 to 2.47, or a newer Tegmen; for an older Locust `tegmen run --allow-unknown-locust` goes on all the same",
    references: [("Locust: changelog", "https://docs.locust.io/en/stable/changelog.html")],
    judge: |facts| {
        let packages = facts.locust.packages.get()?;
        let Some(locust) = packages.iter().find(|package| package.name == "locust") else {
            return Outcome::not_known("Locust is not among the packages");
        };
        let version = numbers(&locust.version).unwrap_or_default();
        let (major, minor) = (version.first().copied().unwrap_or(0), version.get(1).copied().unwrap_or(0));
        let [from, before] = [KNOWN.0, KNOWN.1];
        if from <= [major, minor] && [major, minor] < before {
            return Outcome::pass(format!("Locust {} in {}", locust.version, facts.locust.python.ok().map_or("?", String::as_str)));
        }
        let what = if [major, minor] < from {
            "older than those that Tegmen knows: `tegmen run` stops before it"
        } else {
            "newer than those that Tegmen was tried with: `tegmen run` checks what it takes hold of"
        };
        Ok(Outcome::fail(format!("Locust {}, {what}", locust.version)))
    },
}

/// A list that is older misses too much.
const STALE: u64 = 180;

check! {
    STALE_ADVISORIES: "TGM589" "stale-advisories" Low Locust,
    title: "the list of advisories that came with this Tegmen is old",
    why: "What was found since then is not in it.",
    repair: "install a newer Tegmen, or run `pip-audit` beside it",
    references: [("pip-audit", "https://pypi.org/project/pip-audit/")],
    judge: |facts| {
        let age = facts.locust.today.saturating_sub(DATED_DAY);
        if age > STALE { Ok(Outcome::fail(format!("it is of {DATED}, {age} days ago"))) } else { Outcome::pass(format!("it is of {DATED}")) }
    },
}
