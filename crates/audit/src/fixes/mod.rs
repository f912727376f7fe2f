//! What can be done about a finding: edits of the script that it is in.
//!
//! [`propose`] asks the part that knows a rule for edits, or for the reason why there are none; [`rounds`] applies them to the
//! texts of a project until nothing is left to apply. A value is never in an edit: it is replaced by the name of a secret, and
//! handed over beside the edits. Nothing in here writes a file.

mod arguments;
mod edits;
mod encoding;
mod environment;
mod failure;
mod imports;
mod literal;
mod masked;
mod name;
mod names;
mod outcome;
mod request_name;
mod rounds;
mod script;
mod statement;
mod strings;
mod tls;

use tegmen_findings::Safety;
use tegmen_syntax::Span;

use crate::context::{Candidate, Context};

pub use names::Names;
pub use outcome::{Applied, Fixed, FixedFile, Fixing, Hidden, Left, NewSecret, Why};
pub use rounds::{fix, fix_texts};
pub use script::Script;

/// Stands in edits and titles for the name of the secret, which is given when all files are known.
pub const NAME: char = '\u{f8ff}';

/// A replacement in the file of the finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Draft {
    /// What is replaced; empty for an insertion.
    pub span: Span,
    /// By what; [`NAME`] for the name of the secret.
    pub text: String,
}

impl Draft {
    /// Puts `text` in place of `span`.
    pub fn replace(span: Span, text: impl Into<String>) -> Self {
        Self { span, text: text.into() }
    }

    /// Puts `text` in at `offset`.
    pub fn insert(offset: u32, text: impl Into<String>) -> Self {
        Self { span: Span::new(offset, offset), text: text.into() }
    }

    /// Takes `span` out.
    pub fn delete(span: Span) -> Self {
        Self { span, text: String::new() }
    }
}

/// A value that leaves the source. No `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The value.
    pub value: String,
    /// The names that it should have, the best first.
    pub names: Vec<String>,
    /// Whether only the first will do.
    pub exact: bool,
    /// Whether Python code needs the value itself.
    pub reveal: bool,
}

/// What can be done about one place of a finding.
#[derive(Clone)]
pub struct Proposal {
    /// What it does, in the imperative.
    pub title: String,
    /// Whether it may be applied unseen.
    pub safety: Safety,
    /// The edits.
    pub edits: Vec<Draft>,
    /// The value that is to be kept elsewhere.
    pub secret: Option<Wanted>,
    /// The suite that loses a statement, and how many it has: it must keep one.
    pub removal: Option<(u32, u32)>,
}

impl Proposal {
    /// A proposal that keeps no value.
    pub fn new(title: impl Into<String>, safety: Safety, edits: Vec<Draft>) -> Self {
        Self { title: title.into(), safety, edits, secret: None, removal: None }
    }
}

/// What can be done about a candidate, or why nothing can.
pub fn propose(context: &Context<'_>, script: Option<&Script<'_>>, candidate: &Candidate) -> Result<Proposal, String> {
    let Some(script) = script else {
        return Err("only Python is changed; move the value to a source of tegmen.toml by hand".to_owned());
    };
    if !script.module.errors.is_empty() {
        return Err("the file does not parse as Python 3".to_owned());
    }
    match candidate.rule.id {
        "unchecked-environment-variable" => environment::checked(script, candidate),
        "tls-verification-off" | "secrets-manager-unverified" => tls::verified(script, candidate),
        "secret-in-failure" => failure::with_status(script, candidate),
        "needless-reveal" => literal::not_revealed(script, candidate),
        "secret-in-log" => statement::without_output(script, context.flow, candidate, Safety::Safe),
        "response-in-log" => {
            let login = candidate.severity == tegmen_findings::Severity::High;
            statement::without_output(script, None, candidate, if login { Safety::Safe } else { Safety::Unsafe })
        }
        "debug-wire-logging" => statement::without_statement(script, candidate),
        "secret-in-name" => request_name::named(script, candidate),
        "unprotected-secret-argument" => arguments::hidden(script, candidate),
        "credentials-in-url" | "secret-in-comment" | "secret-as-variable-name" => {
            literal::moved(context, script, candidate)
        }
        "hardcoded-telemetry-key" => {
            Err("OpenTelemetry reads it itself; set it in the environment of the run, outside the repository"
                .to_owned())
        }
        id if id.starts_with("hardcoded-") => literal::moved(context, script, candidate),
        _ => Err("it wants a decision that no tool can take".to_owned()),
    }
}
