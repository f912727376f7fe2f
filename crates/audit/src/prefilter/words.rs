//! The words that are looked for in a file, in one pass over it.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::LazyLock;

use tegmen_classify as classify;

use super::many::Many;
use crate::literal::judge::is_telemetry_headers;
use crate::needles::Needles;
use crate::quick::Map;

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
    "mnemonic",
    "phrase",
    "seed",
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
    "mnemonic",
    "phrase",
    "seed",
];

/// Hints that say something only where the word ends: `pat` is in every `path`.
const WHOLE: &[&str] = &["psk", "sas", "sid", "pw", "pat", "seed"];

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

/// Words one of which every name has that a user and a password may stand under, in any case.
const PEOPLE: &[&str] = &[
    "auth", "cred", "user", "account", "login", "logon", "member", "signin", "sign_in", "log_in", "signon", "hmac",
    "fernet", "pw",
];

static FILE: Needles = Needles::new(WORDS);
static ALL: Needles = Needles::new(HINTS);
static NAME: Needles = Needles::new(NAMES);
static PERSON: Needles = Needles::new(PEOPLE);
static FILES: LazyLock<Many> = LazyLock::new(|| Many::new(WORDS, &FILE));
static HINTED: LazyLock<Many> = LazyLock::new(|| Many::new(HINTS, &ALL));

/// Whether a file may have anything to find. It is given in lower case.
pub fn has_any(lower: &[u8]) -> bool {
    FILES.is_in(lower)
}

/// Whether a text has a word in it that sensitive names are made of.
pub fn has_sensitive_word(text: &[u8]) -> bool {
    NAME.is_in(text)
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
    /// The same in lower case.
    lower: &'t [u8],
    /// The names, in order.
    words: Vec<Word>,
}

/// Which bytes identifiers are made of: every byte of a tree is asked.
static IDENTIFIERS: [bool; 256] = {
    let mut bytes = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        bytes[byte] = (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'_' || byte >= 0x80;
        byte += 1;
    }
    bytes
};

/// Whether a byte may stand in an identifier.
pub fn is_identifier(byte: u8) -> bool {
    IDENTIFIERS[usize::from(byte)]
}

/// Whether a text has a word in it, whatever its case.
pub fn has_ignoring_case(text: &str, word: &[u8]) -> bool {
    text.as_bytes().windows(word.len()).any(|part| part.eq_ignore_ascii_case(word))
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

/// All names of a text that have a hint in them. `lower` is the text in lower case.
pub fn find<'t>(text: &'t str, lower: &'t [u8]) -> Words<'t> {
    let mut words = Words::none(text, lower);
    words.extend(0..text.len());
    words
}

/// What a name says by itself.
fn says(name: &str) -> Says {
    if classify::is_sensitive_header(name)
        || has_ignoring_case(name, b"cookie")
        || is_telemetry_headers(name)
        || classify::is_mnemonic_name(name)
    {
        return Says::Sensitive;
    }
    if PERSON.is_in(name.as_bytes()) { Says::People } else { Says::Nothing }
}

/// So many names are kept with what they say.
const KNOWN: usize = 50_000;

/// What a name says by itself, kept for the next text: the files of a tree have most of their names in common.
pub fn says_known(name: &str) -> Says {
    thread_local! {
        static SAID: RefCell<Map<Box<str>, Says>> = RefCell::default();
    }
    SAID.with_borrow_mut(|said| match said.get(name) {
        Some(says) => *says,
        None => {
            if said.len() >= KNOWN {
                said.clear();
            }
            let says = says(name);
            // A long one is data, and comes once.
            if name.len() <= 64 {
                said.insert(name.into(), says);
            }
            says
        }
    })
}

impl<'t> Words<'t> {
    /// None of a text.
    pub fn none(text: &'t str, lower: &'t [u8]) -> Self {
        Self { text, lower, words: Vec::new() }
    }

    /// Adds those of a part of the text, which comes after what there is.
    pub fn extend(&mut self, part: Range<usize>) {
        let (text, bytes) = (self.text, self.text.as_bytes());
        HINTED.each(&self.lower[..part.end], part.start, &mut |hit| {
            if bytes.get(hit.end).is_some_and(u8::is_ascii_lowercase)
                && (WHOLE.contains(&hit.word) || hit.word == "key" && bytes[hit.end] != b's')
            {
                return hit.end;
            }
            let narrow = around(bytes, hit.start..hit.end, is_identifier);
            let Some(name) = text.get(narrow.clone()) else { return hit.end };
            let says = match says_known(name) {
                // With what dashes and dots join to it: `x-api-key`, and `id` of `session.id`.
                Says::Nothing => text
                    .get(around(bytes, narrow.clone(), is_wide))
                    .filter(|wide| wide.len() > name.len())
                    .map_or(Says::Nothing, says_known),
                says => says,
            };
            self.words.push(Word { start: narrow.start, end: narrow.end, says });
            narrow.end
        });
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
