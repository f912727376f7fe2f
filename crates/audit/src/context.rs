//! What a rule sees, and what it gives.

use tegmen_findings::{Confidence, Edit, Problem, Rule, Severity};
use tegmen_syntax::{BlockId, Module, Span};

use crate::fixes::Proposal;
use crate::flow::Flow;
use crate::ignores::Ignore;
use crate::inventory::Entry;
use crate::literal::Judged;
use crate::project::{FileId, SourceFile};
use crate::spot::Spot;

/// What a rule sees of a file.
pub struct Context<'p> {
    /// The file.
    pub file: &'p SourceFile,
    /// The literals in it that are judged to be secrets.
    pub literals: &'p [Judged],
    /// Where values come from, if it is Python.
    pub flow: Option<&'p Flow<'p>>,
    /// Whether it belongs to a load test.
    pub locust: bool,
}

impl<'p> Context<'p> {
    /// The module with its flow, if it is Python.
    pub fn python(&self) -> Option<(&'p Module, &'p Flow<'p>)> {
        let flow = self.flow?;
        Some((self.file.module()?, flow))
    }
}

/// What makes several places one finding.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Group {
    /// The same secret, anywhere in the project.
    Secret(String),
    /// One list in one file.
    List(String, Span, String),
}

/// A place that explains a finding.
#[derive(Debug, Clone)]
pub struct Related {
    /// The file.
    pub file: FileId,
    /// Where in it.
    pub span: Span,
    /// What is there.
    pub note: String,
}

/// What a rule found, before it is put together with the rest.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The rule.
    pub rule: &'static Rule,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// The variable, field or header.
    pub name: String,
    /// One sentence; never a value.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// Where.
    pub span: Span,
    /// The block around it.
    pub block: Option<BlockId>,
    /// What makes it one with others.
    pub group: Option<Group>,
    /// Where the value came from.
    pub related: Vec<Related>,
}

impl Candidate {
    /// What `rule` found at `span`; severity and confidence have to be said.
    pub fn new(rule: &'static Rule, severity: Severity, confidence: Confidence, span: Span) -> Self {
        Self {
            rule,
            severity,
            confidence,
            name: String::new(),
            message: rule.summary.to_owned(),
            hint: None,
            span,
            block: None,
            group: None,
            related: Vec::new(),
        }
    }
}

/// A candidate with its places, which stand by themselves.
pub struct Found {
    /// What the rule found.
    pub candidate: Candidate,
    /// Where.
    pub spot: Spot,
    /// Where the value came from.
    pub related: Vec<(Spot, String)>,
    /// The names of the class and function around it.
    pub context: String,
    /// The value, where it is one of a literal. Never leaves this crate.
    pub secret: Option<String>,
    /// What can be done about it, or why nothing can.
    pub fix: Result<Drafted, String>,
}

/// A proposal with its edits where they stand in the file. The name of a secret is not in them yet.
pub struct Drafted {
    /// What is proposed.
    pub proposal: Proposal,
    /// Its edits.
    pub edits: Vec<Edit>,
}

/// What the rules say of one file.
#[derive(Default)]
pub struct FileResult {
    /// Its path.
    pub path: String,
    /// What they found.
    pub found: Vec<Found>,
    /// The values, for masking them where else they stand.
    pub secrets: Vec<String>,
    /// Where they stand.
    pub masks: Vec<Span>,
    /// The places that use sensitive data, with their lines.
    pub uses: Vec<(Entry, u32)>,
    /// Whether it was audited as part of a load test.
    pub locust: bool,
    /// Inline ignores.
    pub ignores: Vec<Ignore>,
    /// What was wrong with the file.
    pub problems: Vec<Problem>,
}
