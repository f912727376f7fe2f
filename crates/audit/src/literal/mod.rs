//! Literals that may be secrets: where they stand, under which name, and what they are judged to be.
//!
//! [`python`] collects them from a module, [`text`] from any other text (comments, strings with JSON in them, configuration);
//! [`judge`] says which are secrets. The hard-coded rules each take one [`Kind`] of what is left.

pub mod behind;
pub mod calls;
pub mod judge;
pub mod lists;
pub mod python;
pub mod text;
pub mod value;

use tegmen_syntax::{BlockId, Span};

/// Where a literal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Site {
    /// Assigned to a variable or an attribute.
    Variable,
    /// The value of a key in a dict.
    Key,
    /// The value of an HTTP header.
    Header,
    /// The value of a cookie.
    Cookie,
    /// An argument of a call, by keyword or by the parameter that it goes to.
    Argument,
    /// The default of a parameter.
    Default,
    /// What is taken when an environment variable or an option is missing.
    Fallback,
    /// A pair of user and password, as HTTP Basic authentication and the like take it.
    Pair,
    /// One of a list.
    Entry,
    /// The password in a row of a list of users.
    Row,
    /// Inside a string: JSON, a form, a query.
    Embedded,
    /// The name of an environment variable that is read.
    EnvironmentName,
    /// In a comment or a block of text that is never used.
    Dead,
    /// In a file that is no Python.
    Config,
    /// By itself, under no name.
    Bare,
}

/// A literal under a name.
#[derive(Debug, Clone)]
pub struct Literal {
    /// The name: a variable, key, header, parameter. May be empty.
    pub name: String,
    /// The value, as Python sees it. Never leaves this crate.
    pub value: String,
    /// Where the value stands, without quotes: several spans where it is put together from several literals.
    pub spans: Vec<Span>,
    /// Where it stands.
    pub site: Site,
    /// The block around it, for its context.
    pub block: Option<BlockId>,
    /// Where it is one of a list: the span of the list, so that one finding covers all.
    pub list: Option<Span>,
}

/// What a literal is judged to be. Each is one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A password.
    Password,
    /// The number that somebody types in place of one. In anything but a load test it may as well be that of a pin of a chip.
    Pin,
    /// A token: bearer, JWT, session.
    Token,
    /// An API key, a client secret, a signing key.
    Key,
    /// User and password of Basic authentication.
    Basic,
    /// A cookie of a session.
    Cookie,
    /// Credentials in a URL.
    Url,
    /// A private key.
    PrivateKey,
    /// A fallback.
    Fallback,
    /// A list of credentials.
    List,
    /// In a comment or dead text.
    Dead,
    /// The name of an environment variable.
    EnvironmentName,
    /// A token of a secrets manager.
    Manager,
    /// A header that lets into a collector of telemetry.
    Telemetry,
}

/// A literal that is judged to be a secret.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The literal.
    pub literal: Literal,
    /// What it is.
    pub kind: Kind,
    /// How bad.
    pub severity: tegmen_findings::Severity,
    /// How sure.
    pub confidence: tegmen_findings::Confidence,
    /// What its shape is, where it is one that a provider publishes: "a GitHub token".
    pub shape: Option<&'static str>,
    /// The part of the value that is secret, for telling secrets apart: without `Bearer `.
    pub secret: String,
}
