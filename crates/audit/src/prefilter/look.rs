//! Which logical lines may have a literal secret in them.

use std::collections::HashSet;
use std::hash::BuildHasher;
use std::ops::Range;

use tegmen_classify as classify;

use super::leaks;
use super::statements::{Literal as Quoted, Statement, Statements};
use super::walk::{Hear, Under, identifiers, says_password, walk};
use super::words::{self, Says, Word, Words, has_ignoring_case};
use crate::config::command_lines;
use crate::literal::judge::judge;
use crate::literal::python::{header_line, looks_like_code};
use crate::literal::text::{Values, connection_name, elements, pairs};
use crate::literal::{Literal, Site};
use crate::quick::Set;

/// A name to try strings under, where a user and a password are expected.
const STAND_IN: &str = "password";

/// How often what is linked is followed to what that is linked to.
const ROUNDS: usize = 3;

/// Names through which a string gets a meaning that stands on another line.
#[derive(Debug, Default)]
pub struct Links {
    /// Variables and lists that something sensitive is taken from.
    pub names: Set<String>,
    /// Functions and classes that take something sensitive.
    pub functions: Set<String>,
    /// Those of both that came with the text at hand.
    fresh: Set<String>,
}

impl Links {
    fn name(&mut self, name: &str) {
        Self::add(&mut self.names, &mut self.fresh, name);
    }

    fn function(&mut self, name: &str) {
        Self::add(&mut self.functions, &mut self.fresh, name);
    }

    fn add(set: &mut Set<String>, fresh: &mut Set<String>, name: &str) {
        if !name.is_empty() && !set.contains(name) {
            set.insert(name.to_owned());
            fresh.insert(name.to_owned());
        }
    }

    fn has_fresh<'n>(&self, mut names: impl Iterator<Item = &'n str>) -> bool {
        names.any(|name| self.fresh.contains(name))
    }

    fn is_empty(&self) -> bool {
        self.names.is_empty() && self.functions.is_empty()
    }
}

/// What was looked at in earlier versions of a text.
#[derive(Debug, Default)]
pub struct Seen {
    /// Logical lines, by their hash, whose seed is random.
    lines: HashSet<u64, foldhash::quality::RandomState>,
    /// What is linked in any of the versions.
    links: Links,
}

impl Seen {
    /// Notes a line. Whether it is new.
    fn insert(&mut self, line: &str) -> bool {
        let hash = self.lines.hasher().hash_one(line);
        self.lines.insert(hash)
    }
}

/// How much of a text is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Up to the first line that is promising.
    First,
    /// All lines that no earlier version has had.
    New,
}

/// One look at one text.
pub struct Look<'t> {
    text: &'t str,
    /// The same in lower case.
    lower: &'t [u8],
    words: Words<'t>,
    /// Functions, with their parameters.
    functions: Vec<(&'t str, &'t str)>,
    extent: Extent,
    /// Whether it names something sensitive that is not written in it.
    pub names: bool,
    /// Whether it prints or logs a value.
    pub shows: bool,
    /// Whether a string that comes next describes what was begun before it.
    begins: bool,
}

impl<'t> Look<'t> {
    /// A look at a text, which is given in lower case as well.
    pub fn new(text: &'t str, lower: &'t [u8], extent: Extent) -> Self {
        // Of a version of a text mostly a few lines are new, and only their words are looked for.
        let words = match extent {
            Extent::First => words::find(text, lower),
            Extent::New => Words::none(text, lower),
        };
        Self { text, lower, words, functions: Vec::new(), extent, names: false, shows: false, begins: true }
    }

    /// Gives the ranges of promising lines: of those that no earlier version has had, and of those that a name in them links.
    pub fn promising(&mut self, seen: &mut Seen, give: &mut dyn FnMut(Range<usize>)) {
        let again = !seen.links.is_empty();
        seen.links.fresh.clear();
        let mut statement = Statement::default();
        let mut lines = Statements::new(self.text);
        while lines.next_into(&mut statement) {
            if self.extent == Extent::New {
                if !seen.insert(&self.text[statement.range.clone()]) {
                    let text = self.trimmed(&statement);
                    self.define(&statement, text, None);
                    self.begins = self.is_head(text);
                    continue;
                }
                self.words.extend(statement.range.clone());
            }
            if self.is_promising(&statement, &mut seen.links, again) {
                give(statement.range.clone());
                if self.extent == Extent::First {
                    return;
                }
            }
        }
        let mut count = 0;
        for round in 0..ROUNDS {
            self.link_functions(&mut seen.links);
            if seen.links.fresh.len() == count {
                return;
            }
            count = seen.links.fresh.len();
            if round == 0 && self.extent == Extent::New {
                self.words = words::find(self.text, self.lower);
            }
            // Once more, for what was linked below its use.
            let mut lines = Statements::new(self.text);
            while lines.next_into(&mut statement) {
                let names = identifiers(&self.text[statement.range.clone()]);
                if seen.links.has_fresh(names) && self.walk(&statement, &mut seen.links) {
                    give(statement.range.clone());
                    if self.extent == Extent::First {
                        return;
                    }
                }
            }
        }
    }

    /// Whether a string is the name of a variable that is sensitive, or that may hold a URL with credentials.
    pub fn reads_environment(&self) -> bool {
        let mut statement = Statement::default();
        let mut lines = Statements::new(self.text);
        let is_name = |name: &str| {
            (2..=64).contains(&name.len())
                && !name.bytes().any(|byte| byte.is_ascii_whitespace())
                && (classify::is_sensitive_name(name) || classify::may_hold_credentials_url(name))
        };
        while lines.next_into(&mut statement) {
            // One of an f-string stands in quotes inside of it.
            let mut literals = statement.literals.iter().map(|literal| &self.text[literal.content.clone()]);
            if literals.any(|text| is_name(text) || text.contains('{') && text.split(['"', '\'']).any(is_name)) {
                return true;
            }
        }
        false
    }

    fn is_promising(&mut self, statement: &Statement, links: &mut Links, again: bool) -> bool {
        let text = self.trimmed(statement);
        self.define(statement, text, Some(links));
        let head = self.is_head(text);
        let begins = std::mem::replace(&mut self.begins, head);
        if self.extent == Extent::First {
            self.shows = self.shows || leaks::shows(self.text, statement);
            self.names = self.names || leaks::names_something(self.text, &self.words, statement);
        }
        let by_itself = match self.text_alone(statement) {
            Some(literal) => return self.is_text_promising(statement, literal, begins),
            None => self.says_by_itself(statement),
        };
        if by_itself && self.extent == Extent::First {
            return true;
        }
        let words = self.words.within(&statement.range);
        let says = |word: &Word| word.says != Says::Nothing || says_password(self.words.name(word));
        let by_name = match words.iter().any(says) {
            true => self.walk(statement, links),
            false => again && self.is_linked(statement, links),
        };
        by_itself || by_name
    }

    /// The string that is all there is to a statement.
    fn text_alone<'s>(&self, statement: &'s Statement) -> Option<&'s Quoted> {
        let [literal] = &statement.literals[..] else { return None };
        let blank = |range: Range<usize>| self.text[range].trim().is_empty();
        let alone = blank(statement.range.start..literal.whole.start) && blank(literal.whole.end..statement.range.end);
        alone.then_some(literal)
    }

    fn content(&self, literal: &Quoted) -> &'t str {
        &self.text[literal.content.clone()]
    }

    /// Whether a part of the text has a word in it that a finding may need.
    fn has_word(&self, range: &Range<usize>) -> bool {
        !self.words.within(range).is_empty()
    }

    /// Whether a statement has a token in it. Where the first of a text is enough, the text was asked as a whole before.
    fn has_token(&self, statement: &Statement) -> bool {
        self.extent == Extent::New && !classify::find_tokens(&self.text[statement.range.clone()]).is_empty()
    }

    /// Whether a text by itself has a token, code or commands in it. `begins`: it describes a module, class or function.
    fn is_text_promising(&self, statement: &Statement, literal: &Quoted, begins: bool) -> bool {
        let text = self.content(literal);
        self.has_token(statement)
            || self.has_word(&literal.content)
                && ((!begins || looks_like_code(text)) && has_pairs(text, Values::Quoted)
                    || !command_lines(text).is_empty())
    }

    /// Whether a string or comment is promising whatever stands around it.
    fn says_by_itself(&self, statement: &Statement) -> bool {
        let Statement { literals, comments, .. } = statement;
        if literals.is_empty() && comments.is_empty() {
            return false;
        }
        let comment = |range: &Range<usize>| {
            let text = &self.text[range.clone()];
            self.has_word(range)
                && (has_pairs(text, Values::Quoted) || header_line(text).is_some() || !command_lines(text).is_empty())
        };
        let literal = |literal: &Quoted| {
            let text = self.content(literal);
            has_shape(text)
                || is_command(text)
                || is_variable(text)
                || self.has_word(&literal.content)
                    && (has_pairs(text, values(text)) || is_filled(self.text, literal) && has_strings(text))
        };
        self.has_token(statement)
            || literals.iter().any(literal)
            || literals.len() > 1 && self.joins_to_shape(statement)
            || comments.iter().any(comment)
    }

    /// Whether one of the strings is a secret under what it stands under; notes what is linked.
    fn walk(&self, statement: &Statement, links: &mut Links) -> bool {
        let mut judge = Judge { carried: Vec::new(), cookie: None, found: false, whole: self.extent == Extent::New };
        walk(self.text, &self.words, links, statement, &mut judge);
        let found = judge.found;
        for name in judge.carried {
            links.name(name);
        }
        found
    }

    fn is_linked(&self, statement: &Statement, links: &mut Links) -> bool {
        let text = &self.text[statement.range.clone()];
        identifiers(text).any(|name| links.names.contains(name) || links.functions.contains(name))
            && self.walk(statement, links)
    }

    /// A statement without the blanks before it.
    fn trimmed(&self, statement: &Statement) -> &'t str {
        let text = &self.text[statement.range.clone()];
        let blank = text.bytes().take_while(u8::is_ascii_whitespace).count();
        &text[blank..]
    }

    /// Whether a statement, which is given without the blanks before it, is the head of a function or class. What is blank changes nothing.
    fn is_head(&self, text: &str) -> bool {
        match text.as_bytes().first() {
            None | Some(b'#') => self.begins,
            Some(b'd') => text.starts_with("def "),
            Some(b'c') => text.starts_with("class "),
            Some(b'a') => text.starts_with("async def "),
            Some(_) => false,
        }
    }

    /// Notes a function, and in what is linked whether its parameters are sensitive.
    fn define(&mut self, statement: &Statement, head: &'t str, links: Option<&mut Links>) {
        let head = head.strip_prefix("async ").map_or(head, str::trim_start);
        let Some(rest) = head.strip_prefix("def ") else { return };
        let name = identifiers(rest).next().unwrap_or_default();
        let parameters = rest.find('(').map_or("", |at| &rest[at..]);
        self.functions.push((name, parameters));
        let Some(links) = links else { return };
        let start = statement.range.end - parameters.len();
        let words = self.words.within(&(start..statement.range.end));
        if words.iter().any(|word| word.says == Says::Sensitive) {
            self.link_function(name, links);
        }
    }

    fn link_functions(&self, links: &mut Links) {
        if links.fresh.is_empty() {
            return;
        }
        for (name, parameters) in &self.functions {
            if links.has_fresh(identifiers(parameters)) {
                self.link_function(name, links);
            }
        }
    }

    fn link_function(&self, name: &str, links: &mut Links) {
        if name != "__init__" {
            links.function(name);
            return;
        }
        for at in memchr::memmem::find_iter(self.text.as_bytes(), "class ") {
            links.function(identifiers(&self.text[at + 6..]).next().unwrap_or_default());
        }
    }

    /// Whether strings that Python joins have a shape that none of them has.
    fn joins_to_shape(&self, statement: &Statement) -> bool {
        let bytes = self.text[statement.range.clone()].as_bytes();
        if memchr::memmem::find(bytes, b"eyJ").is_none() && memchr::memmem::find(bytes, b"://").is_none() {
            return false;
        }
        let mut joined = String::new();
        let mut parts = 0;
        for (i, literal) in statement.literals.iter().enumerate() {
            let between =
                i.checked_sub(1).map(|before| &self.text[statement.literals[before].whole.end..literal.whole.start]);
            let joins = between.is_some_and(|between| {
                between.bytes().all(|byte| byte.is_ascii_whitespace() || matches!(byte, b'+' | b'\\' | b'(' | b')'))
            });
            if !joins {
                joined.clear();
                parts = 0;
            }
            joined.push_str(&self.text[literal.content.clone()]);
            parts += 1;
            if parts > 1 && (has_shape(&joined) || !classify::find_tokens(&joined).is_empty()) {
                return true;
            }
        }
        false
    }
}

/// Judges strings under what they stand under.
struct Judge<'t> {
    carried: Vec<&'t str>,
    /// The string before, which may be the name of a cookie.
    cookie: Option<&'t str>,
    found: bool,
    whole: bool,
}

impl<'t> Hear<'t> for Judge<'t> {
    fn string(&mut self, content: &'t str, joined: Option<&str>, under: Under<'t>) -> bool {
        let found = std::iter::once(content).chain(joined).any(|value| match under {
            Under::Name(name) => {
                let cookie = has_ignoring_case(name, b"cookie");
                let before = self.cookie.replace(content).filter(|_| cookie);
                let sites = [Site::Variable, Site::Header, Site::Fallback];
                sites.into_iter().any(|site| is_secret(name, value, site))
                    || has_ignoring_case(name, b"passw") && is_secret(STAND_IN, value, Site::Argument)
                    || cookie
                        && (value.contains('=') && is_secret("Cookie", value, Site::Header)
                            || is_secret(name, value, Site::Cookie))
                    || before.is_some_and(|name| is_secret(name, value, Site::Cookie))
            }
            Under::Password => is_secret(STAND_IN, value, Site::Argument),
            Under::Pair => is_secret(STAND_IN, value, Site::Pair) || is_secret(STAND_IN, value, Site::Entry),
            Under::Key => {
                is_secret("jwt_signing_key", value, Site::Argument) || is_secret(STAND_IN, value, Site::Argument)
            }
            Under::Linked => {
                is_secret(STAND_IN, value, Site::Entry)
                    || is_secret(STAND_IN, value, Site::Argument)
                    || is_secret("secret_key", value, Site::Header)
            }
            Under::Command => {
                value.contains("curl")
                    || value.contains("wget")
                    || value.contains('=')
                    || value.contains('@')
                    || value.starts_with('-')
            }
        });
        self.found |= found;
        found && !self.whole
    }

    fn carried(&mut self, name: &'t str) {
        self.carried.push(name);
    }
}

/// Whether a string says by itself that it is a secret, whatever it stands under. Tokens are found in the text as a whole.
fn has_shape(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() < 7 {
        return false;
    }
    if matches!(bytes[0] | 0x20, b'b')
        && classify::auth_scheme(text).is_some()
        && is_secret("Authorization", text, Site::Header)
    {
        return true;
    }
    if bytes.len() < 12 {
        return false;
    }
    (37..=120).contains(&bytes.len()) && classify::provider_token(text).is_some()
        || classify::webhook(text).is_some()
        || memchr::memchr2(b'?', b'@', bytes).is_some() && has_url(text)
}

/// Whether a string is a URL with something secret in it.
fn has_url(text: &str) -> bool {
    let address = text.contains("://");
    (address && text.contains('@') || text.contains('?') && text.contains('=')) && is_secret("", text, Site::Bare)
        || !address && text.contains('@') && text.contains(':') && is_secret("dsn", text, Site::Variable)
}

/// What values look like in a string.
fn values(text: &str) -> Values {
    if text.contains('\n') && !text.contains('&') { Values::Quoted } else { Values::Form }
}

/// Whether a string or a comment has a sensitive name with a value inside: JSON, a form, code.
fn has_pairs(text: &str, values: Values) -> bool {
    let secret = |name: &str, value: &str| {
        // `&key=…`, with which something is signed.
        let name = if name == "key" && classify::looks_random(value) { "sign_key" } else { name };
        classify::is_sensitive_header(name)
            && (is_secret(name, value, Site::Embedded) || is_secret(name, value, Site::Dead))
    };
    if memchr::memchr3(b'=', b':', b'<', text.as_bytes()).is_none() {
        return false;
    }
    pairs(text, values)
        .into_iter()
        .chain(elements(text))
        .any(|pair| secret(connection_name(&text[pair.name], text), &text[pair.value]))
}

/// Whether a string is a command that may have a secret in it.
fn is_command(text: &str) -> bool {
    (10..=2_000).contains(&text.len()) && ["curl ", "wget "].iter().any(|program| text.contains(program))
}

/// Whether an f-string has several strings within its braces.
fn has_strings(text: &str) -> bool {
    let quotes = text.bytes().filter(|byte| matches!(byte, b'"' | b'\'')).count();
    text.len() < 1_000 && text.contains('{') && quotes > 3
}

/// Whether a string is an f-string.
fn is_filled(text: &str, literal: &Quoted) -> bool {
    text.as_bytes()[literal.whole.start..literal.content.start].iter().any(|byte| byte | 0x20 == b'f')
}

/// Whether a string is a token where the name of a variable should stand.
fn is_variable(text: &str) -> bool {
    (32..=200).contains(&text.len())
        && classify::looks_random(text)
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
        && is_secret("", text, Site::EnvironmentName)
}

fn is_secret(name: &str, value: &str, site: Site) -> bool {
    let literal =
        Literal { name: name.to_owned(), value: value.to_owned(), spans: Vec::new(), site, block: None, list: None };
    judge(literal, false).is_some()
}
