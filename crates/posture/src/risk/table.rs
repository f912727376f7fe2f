//! The one table of weights: threats, factors, steps. Each number is one of OWASP's own options for that factor.
//!
//! Source: <https://owasp.org/www-community/OWASP_Risk_Rating_Methodology>, "Factors for Estimating Likelihood" and "Impact".

use super::{Exposure, Stakes};

/// A standard that asks for the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Reference {
    /// `CWE-798`, `ASVS 2.10.4`, `CIS 16.12`.
    pub name: &'static str,
    /// What it says, in short.
    pub says: &'static str,
}

const fn reference(name: &'static str, says: &'static str) -> Reference {
    Reference { name, says }
}

/// A threat.
#[derive(Debug)]
pub struct Threat {
    /// Its name, in kebab-case.
    pub id: &'static str,
    /// A heading.
    pub title: &'static str,
    /// What would happen.
    pub what: &'static str,
    /// Factor "skill level" of those who could: 1 none, 3 some, 5 advanced user, 6 network and programming, 9 penetration tester.
    pub skill: u8,
    /// Factor "motive": 1 low or no reward, 4 possible reward, 9 high reward.
    pub motive: u8,
    /// Factor "size" of the group: 2 developers or administrators, 4 the intranet, 5 partners, 6 authenticated users, 9 anybody.
    pub size: u8,
    /// Who asks for protection against it.
    pub references: &'static [Reference],
}

/// The threats, in the order of reports: those of the analysis that Tegmen was founded on, and the classes of `docs/attacks.md`.
pub const THREATS: &[Threat] = &[
    Threat {
        id: "repository",
        title: "The repository is read",
        what: "Somebody who can read the code, a clone or its history finds secrets written in it.",
        skill: 3,
        motive: 4,
        size: 6,
        references: &[
            reference("CWE-798", "use of hard-coded credentials"),
            reference("CWE-540", "sensitive information in source code"),
            reference("ASVS 2.10.4", "secrets are not in source code or repositories"),
            reference("CIS 16.12", "code-level security checks"),
        ],
    },
    Threat {
        id: "logs",
        title: "Logs, reports and failures are read",
        what: "A secret is printed, logged, or comes out in statistics, failures, exceptions, CSV and HTML reports.",
        skill: 1,
        motive: 4,
        size: 6,
        references: &[
            reference("CWE-532", "sensitive information in a log file"),
            reference("CWE-209", "sensitive information in an error message"),
            reference("ASVS 7.1.1", "credentials are not logged"),
            reference("ASVS 8.3.1", "sensitive data is not in the query string"),
            reference("CIS 3.3", "access to data is controlled"),
        ],
    },
    Threat {
        id: "web-ui",
        title: "Locust's web UI is read or used",
        what: "Whoever reaches the page sees custom arguments, failures and logs, or aims the test elsewhere.",
        skill: 3,
        motive: 4,
        size: 4,
        references: &[
            reference("CWE-200", "exposure of sensitive information"),
            reference("CWE-306", "missing authentication"),
            reference("ASVS 4.3.1", "administrative interfaces are protected"),
            reference("CIS 4.8", "unnecessary services are off"),
        ],
    },
    Threat {
        id: "environment",
        title: "The environment or memory of the test is read",
        what: "Another process, a child, a debugger or a core dump shows variables, command lines or memory.",
        skill: 6,
        motive: 4,
        size: 2,
        references: &[
            reference("CWE-526", "sensitive information in environment variables"),
            reference("CWE-214", "sensitive information in a command line"),
            reference("ASVS 6.4.2", "key material is not exposed to the application"),
            reference("CIS 3.11", "sensitive data is encrypted at rest"),
        ],
    },
    Threat {
        id: "other-hosts",
        title: "A secret is sent to another host",
        what: "A redirect, a changed host or an unverified certificate leads a secret to somebody else's server.",
        skill: 6,
        motive: 4,
        size: 4,
        references: &[
            reference("CWE-522", "insufficiently protected credentials"),
            reference("CWE-295", "improper certificate validation"),
            reference("CWE-319", "cleartext transmission"),
            reference("ASVS 9.2.1", "connections use trusted certificates"),
            reference("CIS 3.10", "sensitive data is encrypted in transit"),
        ],
    },
    Threat {
        id: "distributed",
        title: "Somebody listens between master and workers",
        what: "Options, failures and log lines cross the network in clear; a rogue worker gets what real ones get.",
        skill: 6,
        motive: 4,
        size: 4,
        references: &[
            reference("CWE-319", "cleartext transmission"),
            reference("CWE-306", "missing authentication"),
            reference("ASVS 9.2.2", "encrypted connections for all traffic"),
            reference("CIS 12.6", "secure network protocols"),
        ],
    },
    Threat {
        id: "vault-token",
        title: "The key to the secrets manager is taken",
        what: "A token or SecretID that opens Vault is written down, shared, too strong or lives too long.",
        skill: 6,
        motive: 4,
        size: 2,
        references: &[
            reference("CWE-522", "insufficiently protected credentials"),
            reference("CWE-250", "execution with unnecessary privileges"),
            reference("ASVS 6.4.1", "a secrets management solution is used"),
            reference("CIS 5.4", "administrator privileges are restricted"),
        ],
    },
    Threat {
        id: "execution",
        title: "The machine that runs the test is taken over",
        what: "Root, open files, a weak kernel or container let somebody from the machine, or a package in the test, at secrets.",
        skill: 6,
        motive: 4,
        size: 2,
        references: &[
            reference("CWE-250", "execution with unnecessary privileges"),
            reference("CWE-732", "incorrect permissions"),
            reference("ASVS 1.2.1", "low-privilege accounts for components"),
            reference("CIS 4.1", "secure configuration of assets"),
        ],
    },
    Threat {
        id: "rotation",
        title: "A secret that got out goes on working",
        what: "Nobody knows how old a secret is, or changing it takes a commit; what leaked years ago still opens the door.",
        skill: 3,
        motive: 4,
        size: 6,
        references: &[
            reference("CWE-324", "use of a key past its expiration date"),
            reference("ASVS 2.10.1", "no unchanging credentials between services"),
            reference("ASVS 1.6.3", "keys and passwords are replaceable"),
            reference("CIS 5.2", "unique passwords"),
        ],
    },
    Threat {
        id: "process",
        title: "The next change brings it all back",
        what: "Nothing says which secrets there are or whose, and nothing looks at a change before it is merged.",
        skill: 3,
        motive: 1,
        size: 2,
        references: &[
            reference("CWE-1059", "insufficient technical documentation"),
            reference("ASVS 1.1.7", "guidelines for all developers"),
            reference("CIS 16.1", "a secure development process"),
            reference("CIS 16.9", "developers are trained"),
        ],
    },
];

/// The factors of likelihood that hang on how open the way is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// How open.
    pub exposure: Exposure,
    /// Factor "opportunity": 0 full access needed, 4 special access, 7 some access, 9 none.
    pub opportunity: u8,
    /// Factor "ease of discovery": 1 practically impossible, 3 difficult, 7 easy, 9 automated tools available.
    pub discovery: u8,
    /// Factor "ease of exploit": 1 theoretical, 3 difficult, 5 easy, 9 automated tools available.
    pub exploit: u8,
    /// Factor "awareness": 1 unknown, 4 hidden, 6 obvious, 9 public knowledge.
    pub awareness: u8,
    /// Factor "intrusion detection": 1 active, 3 logged and reviewed, 8 logged without review, 9 not logged.
    pub detection: u8,
}

/// One row for each exposure.
pub const WAYS: [Way; 3] = [
    Way { exposure: Exposure::Closed, opportunity: 0, discovery: 1, exploit: 1, awareness: 4, detection: 3 },
    Way { exposure: Exposure::Partly, opportunity: 4, discovery: 3, exploit: 5, awareness: 4, detection: 8 },
    Way { exposure: Exposure::Open, opportunity: 7, discovery: 9, exploit: 9, awareness: 6, detection: 8 },
];

/// The factors of impact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Impact {
    /// For whom.
    pub stakes: Stakes,
    /// Confidentiality, integrity, availability, accountability; then financial damage, reputation, non-compliance, privacy.
    pub factors: [u8; 8],
}

/// One row for each of the stakes. A secret's loss is what every threat ends in, so they share it.
pub const IMPACTS: [Impact; 2] = [
    Impact { stakes: Stakes::Test, factors: [6, 3, 1, 7, 3, 4, 5, 3] },
    Impact { stakes: Stakes::Production, factors: [7, 7, 5, 7, 7, 5, 7, 7] },
];

/// The names of the factors of impact, in their order.
pub const IMPACT_FACTORS: [&str; 8] = [
    "confidentiality",
    "integrity",
    "availability",
    "accountability",
    "financial damage",
    "reputation",
    "non-compliance",
    "privacy",
];

/// The mean of the eight factors of likelihood.
pub fn likelihood(threat: &Threat, exposure: Exposure) -> f64 {
    let way = &WAYS[exposure as usize];
    let factors = [
        threat.skill,
        threat.motive,
        way.opportunity,
        threat.size,
        way.discovery,
        way.exploit,
        way.awareness,
        way.detection,
    ];
    mean(&factors)
}

/// The mean of the eight factors of impact.
pub fn impact(stakes: Stakes) -> f64 {
    mean(&IMPACTS[stakes as usize].factors)
}

fn mean(factors: &[u8; 8]) -> f64 {
    factors.iter().map(|factor| f64::from(*factor)).sum::<f64>() / 8.0
}

/// How much work a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// A command, a line.
    Minutes,
    /// To be looked at, tried, agreed upon.
    Hours,
    /// Several people, or another system.
    Days,
}

impl Effort {
    /// What risk removed is divided by.
    pub fn weight(self) -> f64 {
        match self {
            Self::Minutes => 1.0,
            Self::Hours => 4.0,
            Self::Days => 16.0,
        }
    }

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Minutes => "minutes",
            Self::Hours => "hours",
            Self::Days => "days",
        }
    }
}

/// Something to do.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    /// Its name, in kebab-case.
    pub id: &'static str,
    /// What, in the imperative.
    pub title: &'static str,
    /// The command, or where to read how.
    pub how: &'static str,
    /// How much work.
    pub effort: Effort,
}

const fn step(id: &'static str, title: &'static str, how: &'static str, effort: Effort) -> Step {
    Step { id, title, how, effort }
}

/// Values out of files, and new ones.
pub const TAKE_OUT: Step = step(
    "take-out",
    "Take the values out of the files, and have new ones issued: what was committed stays in the history",
    "tegmen fix --to store",
    Effort::Hours,
);
/// A manifest.
pub const NAME_SECRETS: Step = step(
    "name-secrets",
    "Name every secret in a manifest (those in scripts by tegmen fix --to store), and start the test with them protected",
    "tegmen init; tegmen run -- locust …",
    Effort::Minutes,
);
/// `tegmen run` in front.
pub const RUN_PROTECTED: Step = step(
    "run-protected",
    "Start the test with its secrets protected, in every file that starts it: Makefile, CI, README",
    "tegmen run -- locust …",
    Effort::Minutes,
);
/// What the audit says.
pub const MEND: Step = step("mend", "Mend what the audit finds in the scripts", "tegmen fix --diff", Effort::Hours);
/// Away from variables and dotenv files.
pub const KEEP: Step = step(
    "keep-in-manager",
    "Keep the values in Vault or the encrypted store rather than in the environment or a file",
    "tegmen secrets import .env",
    Effort::Hours,
);
/// No `reveal`.
pub const UNREVEAL: Step = step(
    "unreveal",
    "Do without `reveal`: a placeholder or a helper such as hmac_sha256() where one will do",
    "tegmen audit --select needless-reveal",
    Effort::Hours,
);
/// Certificates.
pub const VERIFY_TLS: Step = step(
    "verify-tls",
    "Verify certificates: take `tls = \"unverified\"` out, give the client your authority",
    "tegmen audit --select TGM501,TGM504",
    Effort::Hours,
);
/// The page.
pub const CLOSE_UI: Step = step(
    "close-ui",
    "Close the web UI: on loopback, or behind a login over TLS",
    "tegmen audit --select TGM503,TGM508",
    Effort::Minutes,
);
/// The master's port.
pub const CLOSE_MASTER: Step = step(
    "close-master",
    "Let only workers reach the master: bind it, or encrypt between them",
    "tegmen explain open-master-port",
    Effort::Hours,
);
/// A key for master and workers.
pub const CLUSTER_KEY: Step = step(
    "cluster-key",
    "Give master and workers a key, so that they know each other and encrypt what passes",
    "[cluster] key in tegmen.toml; docs/how-to/distributed.md",
    Effort::Minutes,
);
/// A login that leaves nothing behind.
pub const LOG_IN: Step = step(
    "log-in",
    "Log in to Vault with a method that leaves no lasting token behind",
    "docs/how-to/log-in-to-vault.md",
    Effort::Days,
);
/// How the manager is used.
pub const MEND_MANAGER: Step =
    step("mend-manager", "Mend how the scripts use the secrets manager", "tegmen audit --select TGM3", Effort::Hours);
/// The machine.
pub const HARDEN: Step = step("harden", "Mend what the doctor finds", "tegmen doctor", Effort::Hours);
/// An age for each.
pub const SET_AGE: Step =
    step("set-age", "Say how old each secret may become", "max_age = \"90d\" in tegmen.toml", Effort::Minutes);
/// What is due.
pub const ROTATE: Step = step("rotate", "Rotate what is due", "tegmen rotate --due", Effort::Hours);
/// By itself.
pub const AUTOMATE: Step = step(
    "automate",
    "Let the audit look at every change, before the commit and in the pipeline",
    "tegmen audit, in .pre-commit-config.yaml or CI",
    Effort::Hours,
);
/// What is not known.
pub const ASK_DOCTOR: Step = step("ask-doctor", "Have the machine checked", "tegmen doctor", Effort::Minutes);
/// Show it.
pub const PROVE: Step = step("prove", "Show that nothing comes out", "tegmen prove -- locust …", Effort::Minutes);
/// What is not audited.
pub const READ_ALL: Step = step("read-all", "Make every file readable to the audit", "tegmen audit", Effort::Hours);

/// All of them; of two that are as good, the earlier goes first.
pub const STEPS: &[&Step] = &[
    &TAKE_OUT,
    &NAME_SECRETS,
    &RUN_PROTECTED,
    &KEEP,
    &SET_AGE,
    &AUTOMATE,
    &MEND,
    &CLOSE_UI,
    &VERIFY_TLS,
    &CLOSE_MASTER,
    &CLUSTER_KEY,
    &MEND_MANAGER,
    &LOG_IN,
    &HARDEN,
    &ROTATE,
    &UNREVEAL,
    &READ_ALL,
    &PROVE,
    &ASK_DOCTOR,
];
