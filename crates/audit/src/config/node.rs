//! What YAML, JSON and TOML have in common: values, lists and tables, each with its place.

use std::borrow::Cow;
use std::ops::Range;

/// A value with its place.
#[derive(Debug)]
pub enum Node<'t> {
    /// A single value.
    Scalar(Scalar<'t>),
    /// A list.
    List(Vec<Node<'t>>),
    /// A table.
    Table(Vec<(Scalar<'t>, Node<'t>)>),
    /// Nothing to look at: an alias, an encrypted value.
    Nothing,
}

/// A single value.
#[derive(Debug)]
pub struct Scalar<'t> {
    /// The value, without quotes and escapes.
    pub value: Cow<'t, str>,
    /// Where it stands, without quotes.
    pub span: Range<usize>,
    /// How it is written.
    pub style: Style,
}

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// In quotes.
    Quoted,
    /// In a block of lines of its own, which begin at the same indentation.
    Block,
    /// A string of JSON.
    Json,
}

/// Deeper than this nobody looks, and no stack has to hold it.
pub const DEPTH: usize = 120;

impl<'t> Node<'t> {
    /// The single value.
    pub fn scalar(&self) -> Option<&Scalar<'t>> {
        match self {
            Node::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// The text of the single value.
    pub fn text(&self) -> Option<&str> {
        self.scalar().map(|scalar| &*scalar.value)
    }

    /// The entries of a table.
    pub fn entries(&self) -> &[(Scalar<'t>, Node<'t>)] {
        match self {
            Node::Table(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list.
    pub fn items(&self) -> &[Node<'t>] {
        match self {
            Node::List(items) => items,
            _ => &[],
        }
    }

    /// The entry of a table with this key.
    pub fn get(&self, key: &str) -> Option<&Node<'t>> {
        self.entries().iter().find(|(name, _)| name.value == key).map(|(_, value)| value)
    }
}
