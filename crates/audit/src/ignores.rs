//! Inline ignores: `# tegmen: ignore[rule]`, at the end of the line, or on a line of its own above.

use std::cell::Cell;

use tegmen_findings::Rule;

/// An inline ignore.
#[derive(Debug)]
pub struct Ignore {
    /// The line that it stands on, from 1.
    pub line: u32,
    /// The line that it is about.
    pub target: u32,
    /// The rules, by id or code; all if empty.
    pub rules: Vec<String>,
    /// Whether it held anything back.
    pub used: Cell<bool>,
}

impl Ignore {
    /// Whether it holds back a finding of `rule` that reaches from line `first` to `last`.
    pub fn covers(&self, rule: &Rule, first: u32, last: u32) -> bool {
        let here = self.target >= first && self.target <= last;
        here && (self.rules.is_empty() || self.rules.iter().any(|selector| rule.matches(selector)))
    }
}

/// All ignores of a text.
pub fn find(text: &str) -> Vec<Ignore> {
    const MARK: &str = "tegmen: ignore";
    if memchr::memmem::find(text.as_bytes(), MARK.as_bytes()).is_none() {
        return Vec::new();
    }
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        let Some(at) = line.find(MARK) else { continue };
        let Some(hash) = line[..at].rfind('#') else { continue };
        if !line[hash + 1..at].trim().is_empty() {
            continue;
        }
        let rest = &line[at + MARK.len()..];
        let rules = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((rules, _)) => {
                rules.split(',').map(|rule| rule.trim().to_owned()).filter(|rule| !rule.is_empty()).collect()
            }
            None => Vec::new(),
        };
        let alone = line[..hash].trim().is_empty();
        // On a line of its own it is about the next line that is no comment.
        let target = if alone {
            (i + 1..lines.len()).find(|next| !lines[*next].trim_start().starts_with('#')).unwrap_or(i)
        } else {
            i
        };
        found.push(Ignore { line: i as u32 + 1, target: target as u32 + 1, rules, used: Cell::new(false) });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let found =
            find("a = 1  # tegmen: ignore[x, TGM101] because\n# tegmen: ignore\n# more\nb = 2\nc = 'tegmen: ignore'\n");
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].line, found[0].target, found[0].rules.len()), (1, 1, 2));
        assert_eq!((found[1].line, found[1].target, found[1].rules.len()), (2, 4, 0));
    }
}
