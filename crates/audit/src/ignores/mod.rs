//! Marks in comments that say that a finding may stay: `# tegmen: ignore[rule] reason`, and those of other tools.
//!
//! `# tegmen: ignore` is about its line, or, on a line of its own, about the next line that is no comment;
//! `# tegmen: ignore-file` is about the file. What the marks of other tools mean stands in [`foreign`].

mod comments;
mod foreign;

use std::cell::Cell;

use tegmen_findings::Rule;

use comments::Comment;
pub use comments::Syntax;

/// Whose marks are honoured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Marks {
    /// Tegmen's own and those of other tools.
    #[default]
    All,
    /// Tegmen's own.
    Own,
    /// None.
    None,
}

/// Which rules a mark is about.
#[derive(Debug, PartialEq, Eq)]
enum Covers {
    /// All of them.
    All,
    /// Those that one of these names.
    Selected(Vec<String>),
    /// Those that the other tool has too.
    Foreign(Vec<foreign::Family>),
}

/// What a mark is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// A line, from 1.
    Line(u32),
    /// The whole file.
    File,
}

/// A mark in a comment.
#[derive(Debug)]
pub struct Ignore {
    /// The line that it stands on, from 1.
    pub line: u32,
    reach: Reach,
    covers: Covers,
    /// What it is called: `tegmen: ignore`, `noqa`.
    pub mark: &'static str,
    /// What stands behind it.
    pub reason: Option<String>,
    /// Whether it held anything back.
    pub used: Cell<bool>,
}

impl Ignore {
    /// Whether it holds back a finding of `rule` that reaches from line `first` to `last`.
    pub fn covers(&self, rule: &Rule, first: u32, last: u32) -> bool {
        let here = match self.reach {
            Reach::Line(line) => line >= first && line <= last,
            Reach::File => true,
        };
        here && match &self.covers {
            Covers::All => true,
            Covers::Selected(selectors) => selectors.iter().any(|selector| rule.matches(selector)),
            Covers::Foreign(families) => families.iter().any(|family| family.has(rule)),
        }
    }

    /// Whether marks like it are honoured.
    pub fn honoured(&self, marks: Marks) -> bool {
        match marks {
            Marks::All => true,
            Marks::Own => self.is_own(),
            Marks::None => false,
        }
    }

    /// Whether it is one of Tegmen's own, which are told when nothing needs them.
    pub fn is_own(&self) -> bool {
        !matches!(self.covers, Covers::Foreign(_))
    }

    /// The rules that it names.
    pub fn selectors(&self) -> &[String] {
        match &self.covers {
            Covers::Selected(selectors) => selectors,
            _ => &[],
        }
    }
}

/// Whether a text may have one of Tegmen's own marks.
pub fn may_have_own(text: &str) -> bool {
    memchr::memmem::find(text.as_bytes(), b"tegmen:").is_some()
}

/// All marks of a text. `python` are its comments, if it is Python that parses.
pub fn find(text: &str, syntax: Syntax<'_>) -> Vec<Ignore> {
    if !foreign::may_have_marks(text) {
        return Vec::new();
    }
    let comments = comments::comments(text, syntax);
    let mut found = Vec::new();
    for (index, comment) in comments.iter().enumerate() {
        let next = || comments::next_line(text, &comments[index..]);
        for (piece, first) in comment.pieces() {
            own(piece, first && comment.own_line, comment, &next, &mut found);
            foreign::read(piece, comment, &next, &mut found);
        }
    }
    found
}

/// One of Tegmen's own. `alone`: nothing but it stands on its line.
fn own(piece: &str, alone: bool, comment: &Comment<'_>, next: &dyn Fn() -> u32, found: &mut Vec<Ignore>) {
    let Some(rest) = piece.strip_prefix("tegmen:") else { return };
    let rest = rest.trim_start();
    let (mark, rest) = match (rest.strip_prefix("ignore-file"), rest.strip_prefix("ignore")) {
        (Some(rest), _) => ("tegmen: ignore-file", rest),
        (None, Some(rest)) => ("tegmen: ignore", rest),
        _ => return,
    };
    if rest.starts_with(|c: char| c.is_alphanumeric() || c == '-' || c == '_') {
        return;
    }
    let (covers, reason) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((rules, reason)) => {
            let rules = rules.split(',').map(str::trim).filter(|rule| !rule.is_empty());
            (Covers::Selected(rules.map(str::to_owned).collect()), reason)
        }
        None => (Covers::All, rest),
    };
    let reach = match (mark, alone) {
        ("tegmen: ignore-file", _) => Reach::File,
        (_, true) => Reach::Line(next()),
        (_, false) => Reach::Line(comment.line),
    };
    let reason = reason.trim_matches(|c: char| c.is_whitespace() || matches!(c, '-' | ':' | '–' | '—' | '*' | '/'));
    found.push(Ignore {
        line: comment.line,
        reach,
        covers,
        mark,
        reason: (!reason.is_empty()).then(|| reason.to_owned()),
        used: Cell::new(false),
    });
}

#[cfg(test)]
mod tests;
