//! What the judgement knows of a project. Names, places and times; never a value.

use tegmen_findings::{Confidence, Finding, Severity};

use crate::{Answer, Outcome};

/// A place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Spot {
    /// The path, as seen from the project.
    pub path: String,
    /// The line, from 1; 0 where there is none.
    pub line: u32,
}

impl std::fmt::Display for Spot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.line == 0 { f.write_str(&self.path) } else { write!(f, "{}:{}", self.path, self.line) }
    }
}

/// What kind of place a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// It is written in a file of the project.
    HardCoded,
    /// A variable of the environment.
    Environment,
    /// A dotenv file.
    Dotenv,
    /// A file that something else writes: a mounted secret.
    File,
    /// What a command prints.
    Command,
    /// The embedded store.
    Store,
    /// Vault or OpenBao.
    Vault,
    /// Vault or OpenBao, made for each run.
    Dynamic,
    /// Nobody says.
    Unknown,
}

impl Origin {
    /// Whether it is a system that is made for keeping secrets.
    pub fn is_managed(self) -> bool {
        matches!(self, Self::Command | Self::Store | Self::Vault | Self::Dynamic)
    }

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HardCoded => "hard-coded",
            Self::Environment => "environment variable",
            Self::Dotenv => "dotenv file",
            Self::File => "file",
            Self::Command => "command",
            Self::Store => "encrypted store",
            Self::Vault => "Vault",
            Self::Dynamic => "Vault, made for each run",
            Self::Unknown => "not known",
        }
    }
}

/// How far a secret is protected when the test runs. The order is the meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protection {
    /// Python has the value.
    None,
    /// The manifest names it, and nothing shows that the test is run with Tegmen.
    Named,
    /// The manifest names it, and the test is started with Tegmen: Python has a placeholder.
    Enforced,
}

/// How old a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Age {
    /// In seconds.
    pub seconds: u64,
    /// Whether it may be older.
    pub at_least: bool,
}

/// What kind of secret it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretKind {
    /// One value.
    #[default]
    Single,
    /// A field of the records of a pool: as many values as there are records.
    Pool,
    /// The key of master and workers, which no script sees.
    ClusterKey,
}

/// A secret of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretFact {
    /// Its name; of a field of a pool as outputs show it, `shoppers.password`.
    pub name: String,
    /// What kind it is.
    pub kind: SecretKind,
    /// What kind of place it comes from.
    pub origin: Origin,
    /// The source as the manifest has it.
    pub source: Option<String>,
    /// The variables in which the test sees it.
    pub variables: Vec<String>,
    /// Where the project uses it.
    pub uses: Vec<Spot>,
    /// Where it may be sent, as the manifest has it; `None`: the test's own target, or, without protection, anywhere.
    pub hosts: Option<Vec<String>>,
    /// Where in a request it may stand; empty: everywhere.
    pub places: Vec<String>,
    /// Whether it may go over TLS whose certificate nobody verifies.
    pub is_unverified: bool,
    /// Whether Python gets the value itself.
    pub is_revealed: bool,
    /// The age from which on it is to be rotated, in seconds.
    pub max_age: Option<u64>,
    /// How old it is; `None`: nothing says so.
    pub age: Option<Age>,
    /// When it was last rotated, as the record of rotations says.
    pub rotated: Option<String>,
    /// Whether its last rotation did not come to its end.
    pub is_torn: bool,
    /// Who looks after it.
    pub owner: Option<String>,
    /// How far it is protected.
    pub protection: Protection,
}

impl SecretFact {
    /// A secret of which the name and the origin are known.
    pub fn new(name: impl Into<String>, origin: Origin) -> Self {
        Self {
            name: name.into(),
            kind: SecretKind::Single,
            origin,
            source: None,
            variables: Vec::new(),
            uses: Vec::new(),
            hosts: None,
            places: Vec::new(),
            is_unverified: false,
            is_revealed: false,
            max_age: None,
            age: None,
            rotated: None,
            is_torn: false,
            owner: None,
            protection: Protection::None,
        }
    }

    /// Whether it is one whose age the manifest can limit.
    pub fn has_age(&self) -> bool {
        self.kind == SecretKind::Single
    }

    /// Whether it is older than it may be.
    pub fn is_due(&self) -> bool {
        matches!((self.age, self.max_age), (Some(age), Some(most)) if age.seconds >= most)
    }
}

/// A finding of the audit, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingFact {
    /// The rule's id.
    pub rule: &'static str,
    /// Its code.
    pub code: &'static str,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// What it is about.
    pub name: String,
    /// Where it is.
    pub spots: Vec<Spot>,
}

impl From<&Finding> for FindingFact {
    fn from(finding: &Finding) -> Self {
        Self {
            rule: finding.rule.id,
            code: finding.rule.code,
            severity: finding.severity,
            confidence: finding.confidence,
            name: finding.name.clone(),
            spots: finding
                .locations()
                .iter()
                .map(|place| Spot { path: place.path.clone(), line: place.line })
                .collect(),
        }
    }
}

/// What came out of a check of `tegmen doctor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckOutcome {
    /// All is well.
    Pass,
    /// There is the defect.
    Fail,
    /// It could not be found out.
    NotKnown,
    /// It makes no sense here.
    NotApplicable,
}

/// A check of `tegmen doctor` and what came out.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct CheckFact {
    /// Its name.
    pub id: String,
    /// Its code.
    pub code: String,
    /// What it is about, as a heading: `Locust`, `Vault`, `The kernel`.
    pub subject: String,
    /// The defect in one line.
    pub title: String,
    /// What came out.
    pub outcome: CheckOutcome,
    /// How bad it is, or would be.
    pub severity: Severity,
    /// What was found.
    pub found: String,
    /// What to do.
    pub repair: String,
}

impl From<&Answer> for CheckFact {
    fn from(answer: &Answer) -> Self {
        Self {
            id: answer.check.id.to_owned(),
            code: answer.check.code.to_owned(),
            subject: answer.check.subject.as_str().to_owned(),
            title: answer.check.title.to_owned(),
            outcome: match answer.outcome {
                Outcome::Pass { .. } => CheckOutcome::Pass,
                Outcome::Fail { .. } => CheckOutcome::Fail,
                Outcome::NotKnown { .. } => CheckOutcome::NotKnown,
                Outcome::NotApplicable { .. } => CheckOutcome::NotApplicable,
            },
            severity: answer.severity(),
            found: answer.outcome.found().to_owned(),
            repair: answer.repair().unwrap_or_default().to_owned(),
        }
    }
}

/// The last run of `tegmen prove`.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct ProofFact {
    /// When, as RFC 3339.
    pub time: String,
    /// How many days ago.
    pub days: u64,
    /// Which secrets came out, each with its channel.
    pub leaks: Vec<(String, String)>,
    /// Channels in which nothing came out.
    pub clean: Vec<String>,
    /// Channels of which nothing was shown.
    pub not_exercised: Vec<String>,
}

/// How a run reaches Vault.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct VaultFact {
    /// The address, if the manifest has it.
    pub address: Option<String>,
    /// The method of the login, if the manifest has it.
    pub method: Option<String>,
}

/// What somebody gains who has the secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stakes {
    /// They open test systems, or accounts that are made for tests.
    #[default]
    Test,
    /// They open production.
    Production,
}

/// Everything that is known.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// What the secrets open.
    pub stakes: Stakes,
    /// How many files were audited.
    pub files: usize,
    /// How many could not be, or not as a whole.
    pub unread: usize,
    /// Whether the commits of the repository were searched too.
    pub is_history_searched: bool,
    /// What the audit found.
    pub findings: Vec<FindingFact>,
    /// How many findings marks, settings or a baseline hold back.
    pub suppressed: usize,
    /// The scripts that are load tests.
    pub scripts: Vec<String>,
    /// The secrets, by name.
    pub secrets: Vec<SecretFact>,
    /// The manifest, if there is one.
    pub manifest: Option<String>,
    /// Whom the manifest names.
    pub owner: Option<String>,
    /// How Vault is reached, where the manifest has secrets of Vault.
    pub vault: Option<VaultFact>,
    /// Where the test is started with Tegmen, or cannot be without.
    pub protected_starts: Vec<Spot>,
    /// Where it is started without.
    pub plain_starts: Vec<Spot>,
    /// Whether a master or workers are started.
    pub is_distributed: bool,
    /// Whether they are told their key where they are started.
    pub has_cluster_key: bool,
    /// Where the audit runs by itself.
    pub audits: Vec<Spot>,
    /// Where `tegmen prove` runs by itself.
    pub proofs: Vec<Spot>,
    /// What `tegmen doctor` says; `None`: it was not asked.
    pub checks: Option<Vec<CheckFact>>,
    /// The last run of `tegmen prove`.
    pub proof: Option<ProofFact>,
    /// How many earlier reports are stored, and how many days ago the last one was made.
    pub earlier: Option<(usize, u64)>,
}

impl Facts {
    /// Whether master and workers have a key.
    pub fn is_cluster_sealed(&self) -> bool {
        self.has_cluster_key || self.secrets.iter().any(|secret| secret.kind == SecretKind::ClusterKey)
    }

    /// The protection of the secret that a name means: one of the manifest's, by its name or one of its variables.
    pub fn protection_of(&self, name: &str) -> Protection {
        let bare = |name: &str| name.trim_start_matches("LOCUST_").replace(['-', '.'], "_").to_ascii_uppercase();
        let wanted = bare(name.trim_start_matches('-'));
        let known = self.secrets.iter().find(|secret| bare(&secret.name) == wanted);
        known.map_or(self.least_protection(), |secret| secret.protection)
    }

    /// That of the least protected secret; without secrets there is none.
    pub fn least_protection(&self) -> Protection {
        self.secrets.iter().map(|secret| secret.protection).min().unwrap_or(Protection::None)
    }
}
