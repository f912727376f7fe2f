//! Where comments are, in Python and in everything else.

use tegmen_syntax::Span;

use crate::walk::FileKind;

/// How comments are found.
#[derive(Clone, Copy)]
pub enum Syntax<'s> {
    /// Python that was parsed: these are its comments.
    Python(&'s [tegmen_syntax::Comment]),
    /// Text of this kind. Whether a `#` begins a comment or stands in a string is told by what is before it: it begins the line or
    /// follows a blank.
    Text(FileKind),
}

/// A comment of one line.
pub struct Comment<'t> {
    /// Its line, from 1.
    pub line: u32,
    /// Whether nothing stands before it.
    pub own_line: bool,
    /// What it says, from its first `#` on.
    pub text: &'t str,
}

impl<'t> Comment<'t> {
    /// What stands between its `#` (`//`, `;`), trimmed: several tools' marks may share a comment. With each, whether it is the first.
    pub fn pieces(&self) -> impl Iterator<Item = (&'t str, bool)> {
        self.text
            .split('#')
            .map(|piece| piece.trim().trim_start_matches(['/', ';', '-', '*', '!', '<']).trim())
            .filter(|piece| !piece.is_empty())
            .enumerate()
            .map(|(index, piece)| (piece, index == 0))
    }
}

/// All comments of a text, by line.
pub fn comments<'t>(text: &'t str, syntax: Syntax<'_>) -> Vec<Comment<'t>> {
    match syntax {
        Syntax::Python(comments) => python(text, comments),
        Syntax::Text(kind) => lines(text, kind),
    }
}

fn python<'t>(text: &'t str, comments: &[tegmen_syntax::Comment]) -> Vec<Comment<'t>> {
    let mut line = 1;
    let mut position = 0;
    let mut found = Vec::with_capacity(comments.len());
    for comment in comments {
        let Span { start, .. } = comment.span;
        // Comments come in order, so that lines are counted once.
        let between = text.get(position..start as usize).unwrap_or_default();
        line += memchr::memchr_iter(b'\n', between.as_bytes()).count() as u32;
        position = start as usize;
        let text = text.get(comment.span.range()).unwrap_or_default();
        found.push(Comment { line, own_line: comment.own_line, text });
    }
    found
}

fn lines(text: &str, kind: FileKind) -> Vec<Comment<'_>> {
    let leaders: &[&str] = match kind {
        // JSON has none, but the dialects that people write by hand do.
        FileKind::Json => &["//", "/*"],
        FileKind::Ini | FileKind::Script => &["#", ";", "//"],
        FileKind::Xml => &["<!--"],
        _ => &["#"],
    };
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let start = leaders
            .iter()
            .flat_map(|leader| line.match_indices(leader))
            .map(|(at, _)| at)
            .filter(|at| line[..*at].chars().next_back().is_none_or(char::is_whitespace))
            .min();
        if let Some(start) = start {
            let own_line = line[..start].trim().is_empty();
            found.push(Comment { line: index as u32 + 1, own_line, text: &line[start..] });
        }
    }
    found
}

/// The first line after a comment that is none, and not blank; the comment's own where there is no other.
pub fn next_line(text: &str, comments: &[Comment<'_>]) -> u32 {
    let Some(first) = comments.first() else { return 1 };
    let mut own = comments.iter().filter(|comment| comment.own_line).map(|comment| comment.line).peekable();
    for (index, line) in text.lines().enumerate().skip(first.line as usize) {
        let number = index as u32 + 1;
        while own.next_if(|line| *line < number).is_some() {}
        if own.peek() != Some(&number) && !line.trim().is_empty() {
            return number;
        }
    }
    first.line
}
