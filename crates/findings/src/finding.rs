//! What was found, and what could not be looked at.

use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::{Confidence, Fix, Location, Rule, Severity, Suppression};

/// A defect at a place, or one secret at several.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The rule that found it.
    pub rule: &'static Rule,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// The variable, field or header that it is about; never a value.
    pub name: String,
    /// One sentence; never a value.
    pub message: String,
    /// What to do, where there is something to say beyond the rule's page.
    pub hint: Option<String>,
    /// All places, the first of them the one to look at first. Never empty.
    locations: Vec<Location>,
    /// The way that the value took, in order: where it came from, each step, and last before the finding itself. Empty where that
    /// is all one place.
    pub related: Vec<Location>,
    /// What `tegmen fix` would do, where it can do something.
    pub fix: Option<Fix>,
    /// Why it cannot, or not for all places: a clause that goes on after "no fix:".
    pub no_fix: Option<String>,
    /// What holds it back, if it is one of [`those`](Suppression) that may stay.
    pub suppression: Option<Suppression>,
}

impl Finding {
    /// A finding of `rule` at `location`. Severity and confidence have to be said; the rest has defaults.
    pub fn new(rule: &'static Rule, severity: Severity, confidence: Confidence, location: Location) -> Self {
        Self {
            rule,
            severity,
            confidence,
            name: String::new(),
            message: rule.summary.to_owned(),
            hint: None,
            locations: vec![location],
            related: Vec::new(),
            fix: None,
            no_fix: None,
            suppression: None,
        }
    }

    /// Sets the name of the variable, field or header.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets the sentence.
    #[must_use]
    pub fn message(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    /// Where to look first.
    pub fn location(&self) -> &Location {
        &self.locations[0]
    }

    /// That of its first place: the same after lines have moved, and saying nothing about a value.
    pub fn fingerprint(&self) -> &str {
        &self.location().fingerprint
    }

    /// All places.
    pub fn locations(&self) -> &[Location] {
        &self.locations
    }

    /// All places, to be changed.
    pub fn locations_mut(&mut self) -> &mut [Location] {
        &mut self.locations
    }

    /// Adds a place where the same secret stands.
    pub fn add_location(&mut self, location: Location) {
        self.locations.push(location);
    }

    /// Puts the places in order.
    pub fn sort_locations(&mut self) {
        self.locations.sort_by(|a, b| a.key().cmp(&b.key()));
        self.locations.dedup_by(|a, b| a.key() == b.key());
    }
}

impl Serialize for Location {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("Location", if self.fingerprint.is_empty() { 6 } else { 9 })?;
        map.serialize_field("path", &self.path)?;
        map.serialize_field("line", &self.line)?;
        map.serialize_field("column", &self.column)?;
        map.serialize_field("end_line", &self.end_line)?;
        map.serialize_field("end_column", &self.end_column)?;
        if !self.fingerprint.is_empty() {
            map.serialize_field("name", &self.name)?;
            map.serialize_field("context", &self.context)?;
            map.serialize_field("fingerprint", &self.fingerprint)?;
        }
        map.serialize_field("note", &self.note)?;
        map.end()
    }
}

/// The shape in JSON output.
impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let first = self.location();
        let mut map = serializer.serialize_struct("Finding", 15 + usize::from(self.suppression.is_some()))?;
        map.serialize_field("rule", self.rule.id)?;
        map.serialize_field("code", self.rule.code)?;
        map.serialize_field("severity", &self.severity)?;
        map.serialize_field("confidence", &self.confidence)?;
        map.serialize_field("path", &first.path)?;
        map.serialize_field("line", &first.line)?;
        map.serialize_field("column", &first.column)?;
        map.serialize_field("message", &self.message)?;
        map.serialize_field("name", &self.name)?;
        map.serialize_field("hint", &self.hint)?;
        map.serialize_field("fix", &self.fix)?;
        map.serialize_field("no_fix", &self.no_fix)?;
        map.serialize_field("fingerprint", self.fingerprint())?;
        map.serialize_field("locations", &self.locations)?;
        map.serialize_field("related", &self.related)?;
        if let Some(suppression) = &self.suppression {
            map.serialize_field("suppression", suppression)?;
        }
        map.end()
    }
}

/// What a [`Problem`] means for the result of an audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ProblemKind {
    /// The file was not looked at, or not all of it.
    Unread,
    /// The file is not what its name says: Python 2, broken, in another encoding. It was searched as far as that goes.
    Unparsed,
    /// A remark that takes nothing from the result.
    Note,
}

/// A file that could not be read, or not be understood as a whole.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// What it means for the result.
    pub kind: ProblemKind,
    /// The path as given to the audit.
    pub path: String,
    /// The line, from 1, where there is one.
    pub line: Option<u32>,
    /// What was wrong and what became of the file.
    pub message: String,
}
