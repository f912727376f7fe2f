//! Which logical lines may have a literal secret in them.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;

use tegmen_classify as classify;

use super::statements::{Literal as Quoted, Statement, Statements};
use super::words::{Says, Words, says};
use crate::literal::judge::judge;
use crate::literal::text::{Values, elements, pairs};
use crate::literal::{Literal, Site};

/// More names, or more strings, than this in one logical line are not tried one with another.
const MANY: usize = 24;

/// A name to try strings under, where a user and a password are expected.
const STAND_IN: &str = "password";

/// What was looked at in earlier versions of a text.
#[derive(Default)]
pub struct Seen {
    /// Logical lines, by their hash, and whether they link something.
    lines: HashMap<u64, bool>,
    /// Logical lines, together with all that was linked in their version.
    linked: HashSet<u64>,
}

fn hash(what: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

/// One look at one text.
pub struct Look<'t> {
    text: &'t str,
    words: &'t Words<'t>,
    /// Functions that take something sensitive, and lists that something sensitive is taken from.
    linked: HashSet<&'t str>,
}

impl<'t> Look<'t> {
    /// A look at a text whose words are known.
    pub fn new(text: &'t str, words: &'t Words<'t>) -> Self {
        Self { text, words, linked: HashSet::new() }
    }

    /// Gives the ranges of all promising lines that no earlier version has had, with the same things linked.
    pub fn promising(mut self, seen: &mut Seen, give: &mut dyn FnMut(Range<usize>)) {
        let mut lines = Statements::new(self.text);
        let mut statement = Statement::default();
        while lines.next_into(&mut statement) {
            let known = hash(&self.text[statement.range.clone()]);
            match seen.lines.get(&known) {
                Some(false) => {}
                Some(true) => {
                    self.link(&statement);
                }
                None => {
                    if self.is_promising(&statement) {
                        give(statement.range.clone());
                    }
                    let links = self.link(&statement);
                    seen.lines.insert(known, links);
                }
            }
        }
        if self.linked.is_empty() {
            return;
        }
        // In no order: whatever the names are linked by, the same set has the same number.
        let linked = self.linked.iter().fold(0, |all, name| all ^ hash(name));
        // Once more, for what was linked below its use.
        let mut lines = Statements::new(self.text);
        while lines.next_into(&mut statement) {
            let is_new = |seen: &mut Seen| seen.linked.insert(hash((linked, &self.text[statement.range.clone()])));
            if !statement.literals.is_empty() && is_new(seen) && self.is_linked(&statement) {
                give(statement.range.clone());
            }
        }
    }

    fn is_promising(&self, statement: &Statement) -> bool {
        let words = self.words.within(&statement.range);
        let shape = |range: &Range<usize>| has_shape(&self.text[range.clone()]);
        if statement.literals.iter().any(|literal| shape(&literal.content)) {
            return true;
        }
        if statement.comments.iter().any(|comment| !classify::find_tokens(&self.text[comment.clone()]).is_empty()) {
            return true;
        }
        // What only the place that it goes to tells to be a secret, and commands with arguments.
        let content = |literal: &Quoted| &self.text[literal.content.clone()];
        if statement.literals.len() < 3 && statement.literals.iter().any(|literal| is_plain_secret(content(literal))) {
            return true;
        }
        if words.is_empty() {
            return false;
        }
        let inside = |range: &Range<usize>| !self.words.within(range).is_empty();
        if statement
            .literals
            .iter()
            .any(|literal| inside(&literal.content) && has_pairs(&self.text[literal.content.clone()]))
            || statement.comments.iter().any(|comment| inside(comment) && has_pairs(&self.text[comment.clone()]))
        {
            return true;
        }
        if statement.literals.is_empty() {
            return false;
        }
        let mut names: Vec<&str> = Vec::new();
        let mut people = false;
        let in_string = |at: usize| statement.literals.iter().any(|literal| literal.content.contains(&at));
        for word in words {
            if in_string(word.start) {
                continue;
            }
            match word.says {
                Says::Sensitive => names.push(self.words.name(word)),
                Says::People => people = true,
                Says::Nothing => {}
            }
        }
        // Keys, names of headers, selectors: the whole of a string.
        for literal in &statement.literals {
            let content = &self.text[literal.content.clone()];
            if content.len() <= 200 && inside(&literal.content) {
                match says(content) {
                    Says::Sensitive => names.push(content),
                    _ if content.to_ascii_lowercase().contains("passw") && !content.contains(' ') => {
                        names.push(STAND_IN)
                    }
                    _ => {}
                }
            }
        }
        names.sort_unstable();
        names.dedup();
        let pair = people && statement.literals.len() > 1;
        self.any_secret(statement, &names, pair)
    }

    /// Whether one of the strings is a secret under one of the names.
    fn any_secret(&self, statement: &Statement, names: &[&str], pair: bool) -> bool {
        if names.is_empty() && !pair {
            return false;
        }
        if names.len() > MANY {
            return true;
        }
        let cookie = names.iter().any(|name| name.to_ascii_lowercase().contains("cookie"));
        let values = self.values(statement);
        values.iter().enumerate().any(|(i, value)| {
            names.iter().any(|name| {
                is_secret(name, value, Site::Variable)
                    || is_secret(name, value, Site::Header)
                    || is_secret(name, value, Site::Fallback)
            }) || pair && (is_secret(STAND_IN, value, Site::Pair) || is_secret(STAND_IN, value, Site::Entry))
                || cookie && values[..i].iter().rev().take(MANY).any(|name| is_secret(name, value, Site::Cookie))
        })
    }

    /// The strings of a logical line, those joined that Python joins, and both parts of what may be joined.
    fn values(&self, statement: &Statement) -> Vec<String> {
        let mut values: Vec<String> = Vec::with_capacity(statement.literals.len());
        let mut joined = String::new();
        for (i, literal) in statement.literals.iter().enumerate() {
            let content = &self.text[literal.content.clone()];
            let before =
                i.checked_sub(1).map(|before| &self.text[statement.literals[before].whole.end..literal.whole.start]);
            if before.is_some_and(|between| {
                between.bytes().all(|byte| byte.is_ascii_whitespace() || matches!(byte, b'+' | b'\\' | b'(' | b')'))
            }) {
                joined.push_str(content);
                values.push(joined.clone());
            } else {
                joined.clear();
                joined.push_str(content);
            }
            values.push(content.to_owned());
        }
        values
    }

    /// Notes the functions and lists through which a string on another line gets a sensitive name. Whether there are some.
    fn link(&mut self, statement: &Statement) -> bool {
        let text = &self.text[statement.range.clone()];
        let trimmed = text.trim_start();
        let sensitive = self.words.within(&statement.range).iter().any(|word| word.says == Says::Sensitive);
        if !sensitive {
            return false;
        }
        let head = trimmed.strip_prefix("async ").unwrap_or(trimmed).trim_start();
        if let Some(rest) = head.strip_prefix("def ") {
            let name = first_identifier(rest);
            if name == "__init__" {
                self.link_classes();
            } else {
                self.linked.insert(name);
            }
        } else if head.starts_with("for ") || text.contains(" for ") || unpacks(text) {
            self.linked.extend(identifiers(text));
        } else {
            return false;
        }
        true
    }

    fn link_classes(&mut self) {
        for at in memchr::memmem::find_iter(self.text.as_bytes(), "class ") {
            let name = first_identifier(&self.text[at + 6..]);
            if !name.is_empty() {
                self.linked.insert(name);
            }
        }
    }

    /// Whether a logical line uses something linked, with strings that may be secrets.
    fn is_linked(&self, statement: &Statement) -> bool {
        let text = &self.text[statement.range.clone()];
        let uses = identifiers(text).any(|name| self.linked.contains(name));
        uses && self.values(statement).iter().any(|value| {
            is_secret(STAND_IN, value, Site::Entry)
                || is_secret(STAND_IN, value, Site::Argument)
                || is_secret("secret_key", value, Site::Header)
        })
    }
}

/// Whether a string says by itself that it is a secret, whatever it stands under.
fn has_shape(text: &str) -> bool {
    if text.len() < 7 {
        return false;
    }
    let bytes = text.as_bytes();
    if matches!(bytes[0] | 0x20, b'b')
        && classify::auth_scheme(text).is_some()
        && is_secret("Authorization", text, Site::Header)
    {
        return true;
    }
    if bytes.len() < 12 {
        return false;
    }
    (memchr::memchr2(b'?', b'@', bytes).is_some() && is_secret("", text, Site::Bare))
        || classify::provider_token(text).is_some()
        || !classify::find_tokens(text).is_empty()
}

/// Whether a string or a comment has a sensitive name with a value inside: JSON, a form, code.
fn has_pairs(text: &str) -> bool {
    let secret = |name: &str, value: &str| {
        classify::is_sensitive_header(name)
            && (is_secret(name, value, Site::Embedded) || is_secret(name, value, Site::Dead))
    };
    if memchr::memchr3(b'=', b':', b'<', text.as_bytes()).is_none() {
        return false;
    }
    let values = if text.contains('\n') && !text.contains('&') { Values::Quoted } else { Values::Form };
    pairs(text, values).into_iter().chain(elements(text)).any(|pair| secret(&text[pair.name], &text[pair.value]))
}

/// Whether a string may be a secret under a name that says nothing, or has a command with one.
fn is_plain_secret(text: &str) -> bool {
    (16..=200).contains(&text.len())
        && (classify::looks_random(text) && is_secret("token", text, Site::Variable)
            || ["curl ", "wget ", "locust "].iter().any(|program| text.contains(program)))
}

fn is_secret(name: &str, value: &str, site: Site) -> bool {
    let literal =
        Literal { name: name.to_owned(), value: value.to_owned(), spans: Vec::new(), site, block: None, list: None };
    judge(literal, false).is_some()
}

fn unpacks(text: &str) -> bool {
    text.find('=').is_some_and(|at| text[..at].contains(','))
}

fn first_identifier(text: &str) -> &str {
    identifiers(text).next().unwrap_or_default()
}

fn identifiers(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|name| !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()))
}
