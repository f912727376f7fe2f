//! What is wrong with a manifest: file, line, excerpt, what to write instead.
//!
//! An excerpt never shows what may be a value that somebody wrote down by mistake: the text between the quotes is
//! shown only where it has the form of a source, a host or a name.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// From 1 up; 0 when the mistake is in an option of the command line.
    pub line: usize,
    /// In characters, from 1 up.
    pub column: usize,
    /// The line, with `…` in place of what is not to be shown.
    pub excerpt: String,
    /// Which characters of the excerpt are meant, from 0 up.
    pub marked: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

/// All mistakes of a manifest, in the order of their lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestError {
    /// The file, as it was named; `None` for options.
    pub path: Option<PathBuf>,
    /// The mistakes, at least one.
    pub problems: Vec<Problem>,
}

/// Whether the text that a mistake is about may be seen in an excerpt.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Show {
    Text,
    /// It may be a value: `…` instead.
    Dots,
}

impl Problem {
    /// A mistake at `span` of `text`. What lies in one of the `masks` is not shown.
    pub(super) fn at(
        text: &str,
        span: Range<usize>,
        masks: &[Range<usize>],
        message: String,
        hint: Option<String>,
    ) -> Self {
        let start = floor(text, span.start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let end = floor(text, span.end).clamp(start, line_end);
        let mut excerpt = String::new();
        let mut marked = 0..0;
        let mut at = line_start;
        let mut shown = 0;
        while at <= line_end {
            if at <= start {
                marked.start = shown;
            }
            if at <= end {
                marked.end = shown;
            }
            let Some(character) = text[at..line_end].chars().next() else { break };
            let mask = masks.iter().find(|mask| mask.contains(&at));
            let (piece, next) = match mask {
                // Of a mask over several lines only the part on this line stands here.
                Some(mask) => ("…".to_owned(), floor(text, mask.end).clamp(at + character.len_utf8(), line_end)),
                None if character.is_control() => (" ".to_owned(), at + character.len_utf8()),
                None => (character.to_string(), at + character.len_utf8()),
            };
            shown += piece.chars().count();
            excerpt.push_str(&piece);
            at = next;
        }
        marked.end = marked.end.max(marked.start + 1);
        Self {
            line: text[..start].matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            excerpt: excerpt.trim_end().to_owned(),
            marked,
            message,
            hint,
        }
    }

    pub(super) fn option(message: String, hint: Option<String>) -> Self {
        Self { line: 0, column: 0, excerpt: String::new(), marked: 0..0, message, hint }
    }
}

fn floor(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

impl ManifestError {
    /// A manifest that cannot be added to.
    pub(super) fn unwritable(path: &Path, why: &str) -> Self {
        let hint = "write each as a table of its own, [secrets.NAME]".to_owned();
        let problem = Problem::option(format!("secrets cannot be added: {why}"), Some(hint));
        Self { path: Some(path.to_owned()), problems: vec![problem] }
    }

    pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        let hint = match error.kind() {
            std::io::ErrorKind::NotFound => "name an existing file with --manifest, or write one with `tegmen init`",
            std::io::ErrorKind::PermissionDenied => "make the file readable for this user",
            std::io::ErrorKind::InvalidData => "save the file as UTF-8",
            _ => "check the path",
        };
        Self {
            path: Some(path.to_owned()),
            problems: vec![Problem::option(format!("cannot be read: {error}"), Some(hint.to_owned()))],
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.message)?;
        if self.line > 0 {
            let number = self.line.to_string();
            let pad = " ".repeat(number.len());
            let indent = " ".repeat(self.marked.start);
            write!(f, "\n{pad} |\n{number} | {}\n{pad} | {indent}{}", self.excerpt, "^".repeat(self.marked.len()))?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            if let Some(path) = &self.path {
                write!(f, "{}:", path.display())?;
                if problem.line > 0 {
                    write!(f, "{}:{}:", problem.line, problem.column)?;
                }
                write!(f, " ")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ManifestError {}
