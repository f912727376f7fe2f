//! Environments, command lines, history.

use super::Fact;

/// Environments, command lines, the shell's history: names and places of what is sensitive.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// Sensitive variables of this process, by name.
    pub sensitive: Vec<String>,
    /// Variables that change what programs load (`LD_PRELOAD`).
    pub preload: Vec<String>,
    /// Other processes of this user.
    pub neighbours: Fact<Vec<Neighbour>>,
    /// Files of shells' histories.
    pub histories: Fact<Vec<History>>,
    /// Whether the shell of this session keeps a history: what `HISTFILE` says, if it is set.
    pub history_off: bool,
}

/// Another process of the same user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// Its number.
    pub pid: u32,
    /// The name of its program.
    pub name: String,
    /// Sensitive variables in its environment, by name.
    pub variables: Vec<String>,
    /// Options on its command line behind which something sensitive stands.
    pub options: Vec<String>,
}

/// A file of a shell's history.
#[derive(Debug, Clone)]
pub struct History {
    /// Where.
    pub path: String,
    /// Lines, from 1, in which something sensitive stands.
    pub lines: Fact<Vec<u32>>,
    /// Whether others can read it.
    pub is_readable_by_others: Fact<bool>,
}
