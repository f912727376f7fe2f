//! Which names a string of a logical line stands under, without a parser: the target of an assignment, a keyword, a key of a dict, the
//! first argument of `get`.
//!
//! The same as [`crate::literal::python`] and its kin look at, and rather more: a name too many costs a parse, one too few a finding.

use std::ops::Range;

use super::look::Links;
use super::statements::{Literal, Statement};
use super::words::{Says, Words, has_ignoring_case, is_identifier, says_known};
use crate::config::RUNNERS;
use crate::literal::{behind, calls, lists, value};

/// Calls beside those of the rules that hand on what they get.
const TRANSPARENT: &[&str] = &["Field", "field", "encode", "format"];

/// Words of names that a user and a password stand under, beside those of lists.
const PEOPLE: &[&str] = &["auth", "login"];

/// Calls that give back what they get, or one of it.
fn is_transparent(name: &str) -> bool {
    [value::TRANSPARENT, behind::GIVERS, TRANSPARENT].iter().any(|calls| calls.contains(&name))
}

/// Calls one of whose arguments names another.
fn is_naming(name: &str) -> bool {
    name == "getenvb"
        || [calls::SETTERS, calls::FIELDS, calls::GETTERS, calls::OPTIONS].iter().any(|calls| calls.contains(&name))
}

/// What a string stands under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Under<'t> {
    /// A sensitive name.
    Name(&'t str),
    /// A place where passwords stand, whatever it is called.
    Password,
    /// A name that a user and a password stand under.
    Pair,
    /// A call that takes a key or a password at some place.
    Key,
    /// A name that something sensitive is taken from.
    Linked,
    /// A call that runs a command.
    Command,
}

/// The name that what follows stands under, at one level of brackets.
#[derive(Clone, Copy)]
enum Named<'t> {
    /// None: what is around says it.
    Around,
    /// One that says nothing.
    Plain,
    /// One that is sensitive.
    Sensitive(&'t str),
    /// One of a user and a password.
    People,
    /// One that something sensitive is taken from.
    Linked,
}

/// One level of brackets.
struct Level<'t> {
    open: u8,
    /// The name before the bracket: what is called, or taken an item from.
    before: &'t str,
    /// What the names before that are: `jwt` of `jwt.encode`.
    object: &'t str,
    named: Named<'t>,
    /// A name whose type is said between it and the `=`.
    annotated: Option<Token<'t>>,
    /// A sensitive string among the arguments so far.
    key: Option<&'t str>,
    /// Where the names after `for` begin.
    targets: Option<usize>,
    /// Which argument it is.
    place: usize,
}

#[derive(Clone, Copy)]
enum Token<'t> {
    Name(&'t str, usize),
    Text(&'t str),
}

/// What is told of a statement.
pub trait Hear<'t> {
    /// A string stands under something: `whole` is what Python joins it with, too. Gives whether that is enough to know.
    fn string(&mut self, content: &'t str, joined: Option<&str>, under: Under<'t>) -> bool;
    /// A name stands where a sensitive value should.
    fn carried(&mut self, name: &'t str);
}

/// Goes through a statement.
pub fn walk<'t>(text: &'t str, words: &Words<'t>, links: &Links, statement: &Statement, hear: &mut dyn Hear<'t>) {
    let mut walk = Walk {
        text,
        words,
        links,
        start: statement.range.start,
        defines: text[statement.range.clone()].trim_start().starts_with("def ")
            || text[statement.range.clone()].trim_start().starts_with("async "),
        levels: vec![Level::new(0, "", "")],
        password: words.within(&statement.range).iter().any(|word| says_password(words.name(word))),
        last: None,
        alternative: false,
        seen: Vec::new(),
        joined: String::new(),
        end: None,
    };
    walk.run(statement, hear);
}

struct Walk<'t, 'a> {
    text: &'t str,
    words: &'a Words<'t>,
    links: &'a Links,
    start: usize,
    /// Whether it is the head of a function.
    defines: bool,
    levels: Vec<Level<'t>>,
    /// Whether a password is spoken of.
    password: bool,
    last: Option<Token<'t>>,
    /// Whether an `or` stands before what is next.
    alternative: bool,
    /// The sensitive names so far.
    seen: Vec<&'t str>,
    /// The string so far that Python joins.
    joined: String,
    /// Where the string before ends, if nothing that parts strings came since.
    end: Option<usize>,
}

impl<'t> Level<'t> {
    fn new(open: u8, before: &'t str, object: &'t str) -> Self {
        Self { open, before, object, named: Named::Around, annotated: None, key: None, targets: None, place: 0 }
    }

    fn is_call(&self) -> bool {
        self.open == b'(' && !self.before.is_empty()
    }
}

impl<'t> Walk<'t, '_> {
    fn run(&mut self, statement: &Statement, hear: &mut dyn Hear<'t>) {
        let bytes = self.text.as_bytes();
        let mut literals = statement.literals.iter().peekable();
        let mut comments = statement.comments.iter().peekable();
        let mut i = statement.range.start;
        while i < statement.range.end {
            if let Some(literal) = literals.next_if(|literal| literal.whole.start <= i) {
                if self.literal(literal, hear) {
                    return;
                }
                i = literal.whole.end.max(i + 1);
                continue;
            }
            if let Some(comment) = comments.next_if(|comment| comment.start <= i) {
                i = comment.end.max(i + 1);
                continue;
            }
            let byte = bytes[i];
            if is_identifier(byte) {
                let start = i;
                while i < statement.range.end
                    && is_identifier(bytes[i])
                    && literals.peek().is_none_or(|next| next.whole.start > i)
                {
                    i += 1;
                }
                self.end = None;
                self.identifier(start..i, hear);
                continue;
            }
            self.mark(byte, i);
            i += 1;
        }
    }

    fn level(&mut self) -> Option<&mut Level<'t>> {
        self.levels.last_mut()
    }

    fn identifier(&mut self, range: Range<usize>, hear: &mut dyn Hear<'t>) {
        let Some(name) = self.text.get(range.clone()) else { return };
        match name {
            "for" => {
                let at = range.end;
                if let Some(level) = self.level() {
                    level.targets = Some(at);
                }
            }
            "in" => {
                let targets = self.level().and_then(|level| level.targets.take());
                if let Some(start) = targets {
                    let named = self.target(start..range.start);
                    if let Some(level) = self.level() {
                        level.named = named;
                    }
                }
            }
            "or" => self.alternative = true,
            "and" | "not" | "if" | "else" | "is" | "await" | "return" | "yield" | "lambda" | "async" | "as"
            | "None" | "True" | "False" => {}
            _ => {
                let says = self.words.at(range.start);
                if says == Says::Sensitive {
                    self.seen.push(name);
                } else if !matches!(name, "self" | "cls")
                    && !name.as_bytes()[0].is_ascii_digit()
                    && let Some(name) = self.carries(name, range.end)
                    && self.under(&mut |under| matches!(under, Under::Name(_) | Under::Linked | Under::Password))
                {
                    hear.carried(name);
                }
                self.last = Some(Token::Name(name, range.start));
                self.alternative = false;
            }
        }
    }

    /// What a name that ends at `end` hands on: itself, the key of the item that is taken from it, or nothing.
    fn carries(&self, name: &'t str, end: usize) -> Option<&'t str> {
        let rest = &self.text[end..];
        match rest.as_bytes() {
            [b'(', ..] => None,
            [b'[', mark @ (b'"' | b'\''), ..] => rest[2..].split(char::from(*mark)).next(),
            [b'.', ..] => {
                let method = identifiers(rest).next()?;
                let called = rest[1..].strip_prefix(method).is_some_and(|rest| rest.starts_with('('));
                (called && behind::METHODS.contains(&method)).then_some(name)
            }
            _ => Some(name),
        }
    }

    /// What the names in a range are as the target of an assignment.
    fn target(&self, range: Range<usize>) -> Named<'t> {
        let words = self.words.within(&range);
        if let Some(word) = words.iter().rfind(|word| word.says == Says::Sensitive) {
            return Named::Sensitive(self.words.name(word));
        }
        if !self.links.names.is_empty()
            && identifiers(&self.text[range.clone()]).any(|name| self.links.names.contains(name))
        {
            return Named::Linked;
        }
        let people = words.iter().any(|word| word.says == Says::People && is_people(self.words.name(word)));
        if people { Named::People } else { Named::Plain }
    }

    fn named(&self, token: Option<Token<'t>>) -> Named<'t> {
        match token {
            None => Named::Plain,
            Some(Token::Name(name, at)) => match self.words.at(at) {
                Says::Sensitive => Named::Sensitive(name),
                _ if matches!(name, "default" | "fallback") => Named::Around,
                _ if (self.levels.len() == 1 || self.defines) && self.links.names.contains(name) => Named::Linked,
                Says::People if is_people(name) => Named::People,
                _ => Named::Plain,
            },
            Some(Token::Text(text)) => match says_text(text) {
                Says::Sensitive => Named::Sensitive(text),
                _ if self.links.names.contains(text) => Named::Linked,
                Says::People if is_people(text) => Named::People,
                _ => Named::Plain,
            },
        }
    }

    fn mark(&mut self, byte: u8, at: usize) {
        let bytes = self.text.as_bytes();
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' | b'+' | b'\\' => return,
            b'(' | b'[' | b'{' => {
                // What stands right before the bracket: what is called, or taken an item from.
                let mut end = at;
                while end > self.start && bytes[end - 1] == b' ' && byte == b'(' {
                    end -= 1;
                }
                let mut start = end;
                while start > self.start && is_identifier(bytes[start - 1]) {
                    start -= 1;
                }
                let mut object = start;
                while object > self.start && (is_identifier(bytes[object - 1]) || bytes[object - 1] == b'.') {
                    object -= 1;
                }
                let mut before = self.text.get(start..end).unwrap_or_default();
                if matches!(
                    before,
                    "in" | "or" | "and" | "not" | "if" | "else" | "is" | "await" | "return" | "yield" | "lambda"
                ) {
                    before = "";
                }
                if byte == b'[' && before.is_empty() && at > self.start && matches!(bytes[at - 1], b')' | b']') {
                    before = "[]";
                }
                let object = self.text.get(object..start).unwrap_or_default();
                self.levels.push(Level::new(byte, before, object));
                if !before.is_empty() {
                    self.end = None;
                }
                return;
            }
            b')' | b']' | b'}' => {
                if self.levels.len() > 1
                    && let Some(level) = self.levels.pop()
                {
                    // `headers["X-Api-Key"] = …` is named by its key.
                    let subscript = level.open == b'[' && !level.before.is_empty();
                    match self.last {
                        Some(Token::Text(_)) if subscript => {}
                        _ if byte == b')' => return,
                        _ => self.last = None,
                    }
                }
                if byte == b')' {
                    return;
                }
            }
            b'=' => {
                let comparison = bytes.get(at + 1) == Some(&b'=')
                    || at > self.start && matches!(bytes[at - 1], b'=' | b'!' | b'<' | b'>');
                if !comparison {
                    let outermost = self.levels.len() == 1;
                    let last = self.last;
                    let named = if outermost {
                        // The name that stands next, else any of `user, password: tuple[str, str] =`.
                        match (self.named(last), self.target(self.start..at)) {
                            (named @ (Named::Sensitive(_) | Named::Linked), _) => named,
                            (named, Named::Plain) => named,
                            (_, named) => named,
                        }
                    } else {
                        let annotated = self.level().and_then(|level| level.annotated.take());
                        self.named(annotated.or(last))
                    };
                    if let Some(level) = self.level() {
                        level.named = named;
                    }
                }
            }
            b':' => {
                let last = self.last;
                let open = self.level().map_or(0, |level| level.open);
                let named = if open == b'{' {
                    self.named(last.filter(|last| matches!(last, Token::Text(_))))
                } else {
                    Named::Around
                };
                if let Some(level) = self.level() {
                    if open == b'{' {
                        level.named = named;
                    } else if level.annotated.is_none() {
                        level.annotated = last;
                    }
                }
            }
            b',' => {
                let outermost = self.levels.len() == 1;
                if let Some(level) = self.level() {
                    level.place += 1;
                    if !outermost {
                        level.named = Named::Around;
                        level.annotated = None;
                    }
                }
                self.last = None;
            }
            b'.' => {}
            _ => self.alternative = false,
        }
        self.end = None;
    }

    /// What something here stands under, until one of it is accepted.
    fn under(&self, accept: &mut dyn FnMut(Under<'t>) -> bool) -> bool {
        let mut inside = false;
        for (index, level) in self.levels.iter().enumerate().rev() {
            match level.named {
                // `auth_token = ("user", "password")` is both.
                Named::Sensitive(name) => return accept(Under::Name(name)) || inside && accept(Under::Pair),
                Named::Linked => return accept(Under::Linked),
                Named::People => return inside && accept(Under::Pair),
                Named::Plain => {
                    // The rows and entries of what is linked count whatever they are called.
                    let linked = self.levels[..index].iter().any(|level| {
                        matches!(level.named, Named::Linked)
                            || level.before == "update" && level.object.ends_with("cookies.")
                    });
                    return linked && accept(Under::Linked);
                }
                Named::Around => {}
            }
            if let Some(key) = level.key
                && (level.is_call() && is_naming(level.before) || !level.is_call() && level.place == 1)
                && accept(Under::Name(key))
            {
                return true;
            }
            if level.is_call() {
                if (calls::PAIRS.contains(&level.before) || calls::ENCODERS.contains(&level.before))
                    && accept(Under::Pair)
                    || self.links.functions.contains(level.before) && accept(Under::Linked)
                    || RUNNERS.contains(&level.before) && accept(Under::Command)
                    || (is_login(level.before)
                        || level.before == "connect"
                        || self.password && calls::ELEMENTS.contains(&level.before))
                        && accept(Under::Password)
                    || calls::takes_secret(level.object, level.before) && accept(Under::Key)
                {
                    return true;
                }
                if !is_transparent(level.before) {
                    return false;
                }
            } else if level.open == b'[' && !level.before.is_empty() {
                return false;
            }
            inside |= level.open != 0;
        }
        false
    }

    /// Whether a string is an f-string with something in it.
    fn is_filled(&self, literal: &Literal) -> bool {
        self.text.as_bytes()[literal.whole.start..literal.content.start].iter().any(|byte| byte | 0x20 == b'f')
            && memchr::memchr(b'{', self.text[literal.content.clone()].as_bytes()).is_some()
    }

    /// Whether a string is the key of a dict: what it stands for is what follows.
    fn is_key(&self, literal: &Literal) -> bool {
        let inside = self.levels.last().is_some_and(|level| level.open == b'{');
        inside && self.text[literal.whole.end..].trim_start().starts_with(':')
    }

    fn literal(&mut self, literal: &Literal, hear: &mut dyn Hear<'t>) -> bool {
        let Some(content) = self.text.get(literal.content.clone()) else { return false };
        let continues = self.end.is_some();
        if !continues {
            self.joined.clear();
        }
        self.joined.push_str(content);
        let joined = std::mem::take(&mut self.joined);
        let whole = continues.then_some(joined.as_str());
        let mut enough = false;
        if !content.is_empty() && !self.is_key(literal) {
            enough = self.under(&mut |under| hear.string(content, whole, under));
            if !enough && self.alternative {
                let names = std::mem::take(&mut self.seen);
                enough = names.iter().any(|name| hear.string(content, whole, Under::Name(name)));
                self.seen = names;
            }
        }
        // What an f-string is filled with.
        if !enough && self.is_filled(literal) {
            let carries = |under| matches!(under, Under::Name(_) | Under::Linked | Under::Password);
            if self.under(&mut { carries }) {
                let parts = content.split('{').skip(1).filter_map(|part| identifiers(part).next());
                parts.for_each(|name| hear.carried(name));
            }
        }
        self.joined = joined;
        self.end = Some(literal.whole.end);
        self.alternative = false;
        self.last = Some(Token::Text(content));
        if content.len() <= 80
            && !self.words.within(&literal.content).is_empty()
            && says_text(content) == Says::Sensitive
        {
            self.seen.push(content);
            if let Some(level) = self.level()
                && (level.is_call() || level.place == 0)
            {
                level.key = Some(content);
            }
        }
        enough
    }
}

/// What a string says that is the name of something.
pub fn says_text(text: &str) -> Says {
    let text = text.trim_start_matches('-');
    match says_known(text) {
        Says::Sensitive => Says::Sensitive,
        _ if tegmen_classify::is_auth_field(text) => Says::Sensitive,
        _ if text.contains("passw") || text.contains("Passw") || text.contains("PASSW") => Says::Sensitive,
        other => other,
    }
}

/// Whether a name has the word in it, whatever it is the name of: `PASSWORD_FIELD`.
pub fn says_password(name: &str) -> bool {
    has_ignoring_case(name, b"passw") || has_ignoring_case(name, b"pwd")
}

/// Whether a call by this name takes a user and a password.
fn is_login(name: &str) -> bool {
    let has = |word: &[u8]| has_ignoring_case(name, word);
    has(b"login")
        || has(b"signin")
        || has(b"sign_in")
        || has(b"log_in")
        || has(b"authenticate")
        || has(b"logon")
        || has(b"sign_on")
        || has(b"signon")
        || has(b"log_on")
        || has(b"basic_auth")
}

fn is_people(name: &str) -> bool {
    tegmen_classify::words(name)
        .iter()
        .any(|word| PEOPLE.contains(&word.as_str()) || lists::PEOPLE.contains(&word.as_str()))
}

/// The identifiers of a text.
pub fn identifiers(text: &str) -> impl Iterator<Item = &str> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            while at < bytes.len() && !is_identifier(bytes[at]) {
                at += 1;
            }
            if at >= bytes.len() {
                return None;
            }
            let start = at;
            while at < bytes.len() && is_identifier(bytes[at]) {
                at += 1;
            }
            if !bytes[start].is_ascii_digit() {
                return text.get(start..at);
            }
        }
    })
}
