//! Fixes: what `tegmen fix` changed, what it left and why, and the changes as a diff.
//!
//! The texts that are compared come masked: a line that goes is shown without the value in it.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use similar::{ChangeTag, TextDiff};
use tegmen_findings::Safety;

use crate::{Colour, plural};

/// Lines of context around a change.
const CONTEXT: usize = 3;

/// A fix that was applied, or that would be.
#[derive(Debug, Clone, Copy)]
pub struct FixedLine<'a> {
    /// The file.
    pub path: &'a str,
    /// The line, from 1.
    pub line: u32,
    /// The id of the rule.
    pub rule: &'a str,
    /// What was done, in the imperative.
    pub title: &'a str,
    /// Whether it wants to be looked at.
    pub safety: Safety,
}

/// A finding that is left.
#[derive(Debug, Clone, Copy)]
pub struct LeftLine<'a> {
    /// The file.
    pub path: &'a str,
    /// The line, from 1.
    pub line: u32,
    /// The id of the rule.
    pub rule: &'a str,
    /// Why: a clause.
    pub why: &'a str,
}

/// The lines of a summary: what was fixed, what is left, and how many there are of both; and how many findings are held back
/// by a mark, the settings or a baseline, which no fix touches.
pub fn fixes(fixed: &[FixedLine<'_>], left: &[LeftLine<'_>], held_back: usize, files: usize) -> String {
    let mut out = String::new();
    for line in fixed {
        let unsafe_ = if line.safety == Safety::Unsafe { " (unsafe: look at it)" } else { "" };
        let _ = writeln!(out, "fixed {}:{}: {}: {}{unsafe_}", line.path, line.line, line.rule, line.title);
    }
    remaining(&mut out, left);
    let what = |count| plural(count, "finding");
    let _ = match (fixed.len(), left.len()) {
        (0, 0) => write!(out, "nothing to fix"),
        (0, left) => write!(out, "nothing fixed, {} left", what(left)),
        (fixed, 0) => write!(out, "{} fixed in {}, none left", what(fixed), plural(files, "file")),
        (fixed, left) => write!(out, "{} fixed in {}, {left} left", what(fixed), plural(files, "file")),
    };
    let _ = match held_back {
        0 => writeln!(out),
        held_back => writeln!(out, "; {held_back} held back and not touched"),
    };
    out
}

/// What is left. A reason that several findings have is said once, with all their places below.
fn remaining(out: &mut String, left: &[LeftLine<'_>]) {
    let mut reasons: Vec<(&str, Vec<&LeftLine<'_>>)> = Vec::new();
    for line in left {
        match reasons.iter_mut().find(|(why, _)| *why == line.why) {
            Some((_, lines)) => lines.push(line),
            None => reasons.push((line.why, vec![line])),
        }
    }
    for (why, lines) in reasons {
        if let [line] = lines[..] {
            let _ = writeln!(out, "left  {}:{}: {}: {why}", line.path, line.line, line.rule);
            continue;
        }
        let _ = writeln!(out, "left  {} findings: {why}", lines.len());
        for line in lines {
            let _ = writeln!(out, "      {}:{}: {}", line.path, line.line, line.rule);
        }
    }
}

/// A unified diff of two masked texts of a file.
pub fn diff(path: &str, before: &str, after: &str, colour: Colour) -> String {
    let styled = |style: Style, text: &str| match colour {
        Colour::Always => format!("{style}{text}{style:#}"),
        Colour::Never => text.to_owned(),
    };
    let changes = TextDiff::from_lines(before, after);
    let mut out = String::new();
    let bold = Style::new().bold();
    let _ = writeln!(out, "{}", styled(bold, &format!("--- a/{path}")));
    let _ = writeln!(out, "{}", styled(bold, &format!("+++ b/{path}")));
    for hunk in changes.unified_diff().context_radius(CONTEXT).iter_hunks() {
        let _ = writeln!(out, "{}", styled(AnsiColor::Cyan.on_default(), hunk.header().to_string().trim_end()));
        for change in hunk.iter_changes() {
            let (sign, style) = match change.tag() {
                ChangeTag::Delete => ('-', AnsiColor::Red.on_default()),
                ChangeTag::Insert => ('+', AnsiColor::Green.on_default()),
                ChangeTag::Equal => (' ', Style::new()),
            };
            let _ = writeln!(out, "{}", styled(style, &format!("{sign}{}", shown(change.value()))));
            if change.missing_newline() {
                let _ = writeln!(out, "\\ No newline at end of file");
            }
        }
    }
    out
}

/// A line as a terminal may show it.
fn shown(line: &str) -> String {
    let line = line.trim_end_matches(['\n', '\r']);
    line.chars().map(|c| if c.is_control() && c != '\t' { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_said_once() {
        let line = |path, line, why| LeftLine { path, line, rule: "r", why };
        let left = [line("a.py", 1, "deep"), line("b.py", 2, "odd"), line("c.py", 3, "deep")];
        assert_eq!(
            fixes(&[], &left, 0, 0),
            "left  2 findings: deep\n      a.py:1: r\n      c.py:3: r\nleft  b.py:2: r: odd\nnothing fixed, 3 findings left\n"
        );
    }

    #[test]
    fn a_diff_has_its_hunks() {
        let before = "a\nb\nc\nd\ne\nf\ng\nold = ***\r\nh\x1b[2J";
        let after = before.replace("old = ***", "new = secret(\"NEW\")");
        assert_eq!(
            diff("x.py", before, &after, Colour::Never),
            "--- a/x.py\n+++ b/x.py\n@@ -5,5 +5,5 @@\n e\n f\n g\n-old = ***\n+new = secret(\"NEW\")\n h [2J\n\
             \\ No newline at end of file\n"
        );
    }

    #[test]
    fn a_summary_counts() {
        let fixed = FixedLine { path: "a.py", line: 3, rule: "r", title: "remove it", safety: Safety::Unsafe };
        let left = LeftLine { path: "a.py", line: 4, rule: "s", why: "no fix: it is deep" };
        assert_eq!(
            fixes(&[fixed], &[left], 0, 1),
            "fixed a.py:3: r: remove it (unsafe: look at it)\nleft  a.py:4: s: no fix: it is deep\n\
             1 finding fixed in 1 file, 1 left\n"
        );
        assert_eq!(fixes(&[], &[], 0, 0), "nothing to fix\n");
    }
}
