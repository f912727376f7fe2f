//! The words that are looked for in a file, in one pass over it.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};
use tegmen_classify as classify;

use crate::literal::judge::is_telemetry_headers;

/// Words one of which every finding has in its file, in any case.
const WORDS: &[&str] = &[
    "pass",
    "pwd",
    "secret",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "_key",
    "-key",
    "cred",
    "auth",
    "cookie",
    "jwt",
    "bearer",
    "private key",
    "getenv",
    "environ",
    "locust",
    "verify",
    "debuglevel",
    "senha",
    "contras",
    "session",
    "akia",
    "eyj",
    "://",
    "mdp",
    "sk_live",
    "ghp_",
    "glpat",
    "otel_exporter",
];

/// What sensitive names are made of, and names that a user and a password stand under. Lower case.
const HINTS: &[&str] = &[
    "pass",
    "pwd",
    "secret",
    "token",
    "key",
    "cred",
    "jwt",
    "auth",
    "sess",
    "cookie",
    "bearer",
    "psk",
    "sas",
    "senha",
    "contras",
    "kennwort",
    "wachtwoord",
    "haslo",
    "sifre",
    "mdp",
    "sid",
    "internal",
    "pw",
    "pat",
    "hmac",
    "fernet",
    "user",
    "account",
    "login",
    "logon",
    "member",
    "signin",
    "sign_in",
    "log_in",
    "signon",
    "otel_exporter",
];

/// Hints that say something only where the word ends: `pat` is in every `path`.
const WHOLE: &[&str] = &["psk", "sas", "sid", "pw", "pat"];

/// Words one of which every pair with a sensitive name has, in any case.
const NAMES: &[&str] = &[
    "pass",
    "pwd",
    "secret",
    "token",
    "key",
    "cred",
    "auth",
    "cookie",
    "jwt",
    "senha",
    "contras",
    "session",
    "sid",
    "bearer",
    "mdp",
    "haslo",
    "sifre",
    "internal",
    "otel_exporter",
];

fn matcher(words: &[&str]) -> Option<AhoCorasick> {
    AhoCorasick::builder().ascii_case_insensitive(true).match_kind(MatchKind::LeftmostFirst).build(words).ok()
}

static FILE: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| matcher(WORDS));
static ALL: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| matcher(HINTS));
static NAME: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| matcher(NAMES));

/// Whether a file may have anything to find.
pub fn has_any(text: &[u8]) -> bool {
    FILE.as_ref().is_none_or(|matcher| matcher.is_match(text))
}

/// Whether a text has a word in it that sensitive names are made of.
pub fn has_sensitive_word(text: &[u8]) -> bool {
    NAME.as_ref().is_none_or(|matcher| matcher.is_match(text))
}

/// An identifier, or a name with dashes and dots, that has a hint in it.
#[derive(Debug, Clone, Copy)]
pub struct Word {
    /// Where the identifier starts.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// What it says.
    pub says: Says,
}

/// What a name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// Nothing by itself.
    Nothing,
    /// What it names is sensitive.
    Sensitive,
    /// A user and a password may stand under it.
    People,
}

/// What the pass found.
pub struct Words<'t> {
    text: &'t str,
    /// The names, in order.
    words: Vec<Word>,
    /// What was said of names before.
    known: HashMap<&'t str, Says>,
}

fn is_identifier(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn is_wide(byte: u8) -> bool {
    is_identifier(byte) || matches!(byte, b'-' | b'.')
}

/// The run of bytes around `range` for which `is` holds, at most 200 to each side.
fn around(bytes: &[u8], range: Range<usize>, is: impl Fn(u8) -> bool) -> Range<usize> {
    let mut start = range.start;
    while start > 0 && range.start - start < 200 && is(bytes[start - 1]) {
        start -= 1;
    }
    let mut end = range.end;
    while end < bytes.len() && end - range.end < 200 && is(bytes[end]) {
        end += 1;
    }
    start..end
}

/// All names of a text that have a hint in them.
pub fn find(text: &str) -> Words<'_> {
    let mut words = Words::none(text);
    words.extend(0..text.len());
    words
}

/// What a name says by itself.
pub fn says(name: &str) -> Says {
    if classify::is_sensitive_name(name)
        || classify::is_sensitive_header(name)
        || name.to_ascii_lowercase().contains("cookie")
        || is_telemetry_headers(name)
    {
        return Says::Sensitive;
    }
    let lower = name.to_ascii_lowercase();
    let people = [
        "auth", "cred", "user", "account", "login", "logon", "member", "signin", "sign_in", "log_in", "signon", "hmac",
        "fernet", "pw",
    ];
    if people.iter().any(|word| lower.contains(word)) { Says::People } else { Says::Nothing }
}

impl<'t> Words<'t> {
    /// None of a text.
    pub fn none(text: &'t str) -> Self {
        Self { text, words: Vec::new(), known: HashMap::new() }
    }

    /// Adds those of a part of the text, which comes after what there is.
    pub fn extend(&mut self, part: Range<usize>) {
        let (text, bytes) = (self.text, self.text.as_bytes());
        let Some(matcher) = ALL.as_ref() else { return };
        let mut from = part.start;
        for hit in matcher.find_iter(&bytes[part.clone()]) {
            let (start, end) = (hit.start() + part.start, hit.end() + part.start);
            let hint = hit.pattern().as_usize();
            if start < from {
                continue;
            }
            if bytes.get(end).is_some_and(u8::is_ascii_lowercase)
                && (WHOLE.contains(&HINTS[hint]) || HINTS[hint] == "key" && bytes[end] != b's')
            {
                continue;
            }
            let narrow = around(bytes, start..end, is_identifier);
            let Some(name) = text.get(narrow.clone()) else { continue };
            from = narrow.end;
            let says = *self.known.entry(name).or_insert_with(|| self::says(name));
            // With what dashes and dots join to it: `x-api-key`, and `id` of `session.id`.
            let says = match says {
                Says::Nothing => text
                    .get(around(bytes, narrow.clone(), is_wide))
                    .filter(|wide| wide.len() > name.len())
                    .map_or(says, self::says),
                _ => says,
            };
            self.words.push(Word { start: narrow.start, end: narrow.end, says });
        }
    }

    /// The text of a word.
    pub fn name(&self, word: &Word) -> &'t str {
        &self.text[word.start..word.end]
    }

    /// What the word that starts at a place says.
    pub fn at(&self, start: usize) -> Says {
        match self.words.binary_search_by_key(&start, |word| word.start) {
            Ok(index) => self.words[index].says,
            Err(_) => Says::Nothing,
        }
    }

    /// The words within a range.
    pub fn within(&self, range: &Range<usize>) -> &[Word] {
        let first = self.words.partition_point(|word| word.start < range.start);
        let last = self.words.partition_point(|word| word.start < range.end);
        &self.words[first..last]
    }
}
