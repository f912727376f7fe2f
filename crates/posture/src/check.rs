//! The vocabulary: a check, and what comes out of asking it.

use serde::ser::{Serialize, SerializeStruct, Serializer};
use tegmen_findings::Severity;

use crate::{facts::Facts, fix::Repair};

/// One question about the machine, Locust's settings or Vault's configuration.
pub struct Check {
    /// The stable code: `TGM520`.
    pub code: &'static str,
    /// The name, by the defect, in kebab-case: `running-as-root`.
    pub id: &'static str,
    /// The defect in one line.
    pub title: &'static str,
    /// Why it matters to a load test's secrets.
    pub why: &'static str,
    /// How to repair it.
    pub repair: &'static str,
    /// Where to read more.
    pub references: &'static [Reference],
    /// How bad it usually is; an answer may say otherwise.
    pub severity: Severity,
    /// What it is about.
    pub subject: Subject,
    /// Looks at the facts. Does no I/O.
    pub judge: fn(&Facts) -> Judgement,
}

/// A page that says more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Reference {
    /// What it is called.
    pub title: &'static str,
    /// Where it is.
    pub url: &'static str,
}

/// What a check is about. The order is that of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    /// The user, the capabilities and the limits of this process, which the test would inherit.
    Process,
    /// The kernel and its settings.
    Kernel,
    /// The host: updates, firewall, clock, who watches.
    Host,
    /// Container or virtual machine, and how well it is closed.
    Isolation,
    /// Files of the project, and credentials within reach.
    Files,
    /// Environments, command lines, the shell's history.
    Environment,
    /// Locust's settings and versions.
    Locust,
    /// Vault's configuration.
    Vault,
}

impl Subject {
    /// All of them, in order.
    pub const ALL: [Self; 8] = [
        Self::Process,
        Self::Kernel,
        Self::Host,
        Self::Isolation,
        Self::Files,
        Self::Environment,
        Self::Locust,
        Self::Vault,
    ];

    /// A heading.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Process => "The process",
            Self::Kernel => "The kernel",
            Self::Host => "The host",
            Self::Isolation => "Isolation",
            Self::Files => "Files",
            Self::Environment => "Environment and command lines",
            Self::Locust => "Locust",
            Self::Vault => "Vault",
        }
    }
}

/// Why something could not be found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown(pub String);

/// What looking at the facts gives: an outcome, or the reason why there is none. (`?` on a fact that is not known ends in the
/// latter.)
pub type Judgement = Result<Outcome, Unknown>;

/// Something that an answer points at.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Place {
    /// A path.
    pub path: String,
    /// The line, from 1, where there is one.
    pub line: Option<u32>,
}

/// What came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All is well.
    Pass {
        /// What was found; never a value.
        found: String,
    },
    /// There is the defect.
    Fail {
        /// What was found; never a value.
        found: String,
        /// How bad, where it is not as bad as usual or worse.
        severity: Option<Severity>,
        /// What to do, where there is something to say beyond the check's own words.
        repair: Option<String>,
        /// What it is about.
        places: Vec<Place>,
        /// What `--fix` would do.
        fixes: Vec<Repair>,
    },
    /// It could not be found out.
    NotKnown {
        /// Why.
        reason: String,
    },
    /// The question makes no sense here.
    NotApplicable {
        /// Why.
        reason: String,
    },
}

impl Outcome {
    /// All is well.
    ///
    /// # Errors
    /// Never: the type is that of a judgement, so that a check ends in it.
    pub fn pass(found: impl Into<String>) -> Judgement {
        Ok(Self::Pass { found: found.into() })
    }

    /// The question makes no sense here.
    ///
    /// # Errors
    /// Never, as [`Self::pass`].
    pub fn not_applicable(reason: impl Into<String>) -> Judgement {
        Ok(Self::NotApplicable { reason: reason.into() })
    }

    /// It could not be found out.
    ///
    /// # Errors
    /// Always.
    pub fn not_known(reason: impl Into<String>) -> Judgement {
        Err(Unknown(reason.into()))
    }

    /// There is the defect. More is said with the methods below.
    pub fn fail(found: impl Into<String>) -> Self {
        Self::Fail { found: found.into(), severity: None, repair: None, places: Vec::new(), fixes: Vec::new() }
    }

    /// As bad as this.
    #[must_use]
    pub fn severity(mut self, is: Severity) -> Self {
        if let Self::Fail { severity, .. } = &mut self {
            *severity = Some(is);
        }
        self
    }

    /// What to do here.
    #[must_use]
    pub fn repair(mut self, text: impl Into<String>) -> Self {
        if let Self::Fail { repair, .. } = &mut self {
            *repair = Some(text.into());
        }
        self
    }

    /// Points at a file.
    #[must_use]
    pub fn at(mut self, path: impl Into<String>, line: Option<u32>) -> Self {
        if let Self::Fail { places, .. } = &mut self {
            places.push(Place { path: path.into(), line });
        }
        self
    }

    /// What `--fix` would do.
    #[must_use]
    pub fn fix(mut self, fix: Repair) -> Self {
        if let Self::Fail { fixes, .. } = &mut self {
            fixes.push(fix);
        }
        self
    }

    /// The word for it: `pass`, `fail`, `not known`, `not applicable`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Pass { .. } => "pass",
            Self::Fail { .. } => "fail",
            Self::NotKnown { .. } => "not known",
            Self::NotApplicable { .. } => "not applicable",
        }
    }

    /// What was found, or why nothing was.
    pub fn found(&self) -> &str {
        match self {
            Self::Pass { found } | Self::Fail { found, .. } => found,
            Self::NotKnown { reason } | Self::NotApplicable { reason } => reason,
        }
    }
}

/// A check and what came out of it.
#[derive(Clone)]
pub struct Answer {
    /// The check.
    pub check: &'static Check,
    /// What came out.
    pub outcome: Outcome,
}

impl Check {
    /// Asks it.
    pub fn ask(&'static self, facts: &Facts) -> Answer {
        let outcome = (self.judge)(facts).unwrap_or_else(|Unknown(reason)| Outcome::NotKnown { reason });
        Answer { check: self, outcome }
    }

    /// Whether `selector` names it: its id, its code, or the beginning of its code (`TGM52`).
    pub fn matches(&self, selector: &str) -> bool {
        let begins = || self.code.get(..selector.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(selector));
        self.id == selector || selector.eq_ignore_ascii_case("all") || (selector.len() >= 3 && begins())
    }
}

impl std::fmt::Debug for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id)
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {:?}", self.check.id, self.outcome)
    }
}

impl Answer {
    /// How bad it is, if it is a failure; else how bad it would be.
    pub fn severity(&self) -> Severity {
        match self.outcome {
            Outcome::Fail { severity: Some(severity), .. } => severity,
            _ => self.check.severity,
        }
    }

    /// What to do, if it is a failure.
    pub fn repair(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Fail { repair, .. } => Some(repair.as_deref().unwrap_or(self.check.repair)),
            _ => None,
        }
    }

    /// What it points at.
    pub fn places(&self) -> &[Place] {
        match &self.outcome {
            Outcome::Fail { places, .. } => places,
            _ => &[],
        }
    }

    /// What `--fix` would do.
    pub fn fixes(&self) -> &[Repair] {
        match &self.outcome {
            Outcome::Fail { fixes, .. } => fixes,
            _ => &[],
        }
    }
}

/// The shape in JSON output.
impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("Answer", 12)?;
        map.serialize_field("check", self.check.id)?;
        map.serialize_field("code", self.check.code)?;
        map.serialize_field("subject", &self.check.subject)?;
        map.serialize_field("title", self.check.title)?;
        map.serialize_field("outcome", self.outcome.as_str())?;
        map.serialize_field("severity", &self.severity())?;
        map.serialize_field("found", self.outcome.found())?;
        map.serialize_field("why", self.check.why)?;
        map.serialize_field("repair", self.repair().unwrap_or(self.check.repair))?;
        map.serialize_field("references", self.check.references)?;
        map.serialize_field("places", self.places())?;
        map.serialize_field("fixes", &self.fixes().iter().map(Repair::title).collect::<Vec<_>>())?;
        map.end()
    }
}

/// Which checks are asked.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Only these, by id, code or the beginning of a code; empty: all.
    pub select: Vec<String>,
    /// Not these.
    pub ignore: Vec<String>,
}

impl Selection {
    /// Whether it takes this check.
    pub fn takes(&self, check: &Check) -> bool {
        let names = |selectors: &[String]| selectors.iter().any(|selector| check.matches(selector));
        (self.select.is_empty() || names(&self.select)) && !names(&self.ignore)
    }

    /// The selectors that name no check.
    pub fn unknown(&self) -> Vec<&str> {
        let all = crate::checks::all();
        let named = |selector: &str| all.iter().any(|check| check.matches(selector));
        self.select.iter().chain(&self.ignore).map(String::as_str).filter(|selector| !named(selector)).collect()
    }
}
