//! A quick look at text, so that files with nothing to find are never parsed.
//!
//! [`may_have_findings`] asks whether any word stands in a file that a finding needs. [`promising_lines`] looks closer, for the history:
//! it cuts Python into logical lines ([`statements`]) and asks the same judge that the rules ask about every string that stands together
//! with a sensitive name ([`look`]), so that of a hundred versions of a file only those are parsed that have such a line new.

mod leaks;
mod look;
mod many;
mod statements;
mod walk;
mod words;

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};
pub use look::Seen;
use look::{Extent, Look};

/// Whether a file may have anything to find.
pub fn may_have_findings(text: &str) -> bool {
    words::has_any(&text.as_bytes().to_ascii_lowercase())
}

/// Words of rules that ask for more than a literal or a value that comes out, in files outside of load tests.
const OTHERS: &[&str] = &[
    "tegmen",
    "hvac",
    "VaultClient",
    "SecretClient",
    "SecretManagerServiceClient",
    "create_web_ui",
    "VAULT_TOKEN",
    "Vault-Token",
    "vault-token",
    "SKIP_VERIFY",
    "\"ssm\"",
    "'ssm'",
    "\"kms\"",
    "'kms'",
    "secretsmanager",
];

/// Whether a file outside of load tests has to be parsed: a closer look than [`may_have_findings`], for trees in which nearly every file
/// has one of its words.
pub fn is_worth_parsing(text: &str) -> bool {
    let lower = text.as_bytes().to_ascii_lowercase();
    if !words::has_any(&lower) {
        return false;
    }
    if many::has_token(text) {
        return true;
    }
    let mut look = Look::new(text, &lower, Extent::First);
    let mut found = false;
    look.promising(&mut Seen::default(), &mut |_| found = true);
    found
        || others(text)
        || look.shows && (look.names || leaks::has_source(text))
        || environment(text) && look.reads_environment()
}

fn others(text: &str) -> bool {
    static MATCHER: LazyLock<Option<AhoCorasick>> =
        LazyLock::new(|| AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(OTHERS).ok());
    MATCHER.as_ref().is_none_or(|matcher| matcher.is_match(text))
}

/// Whether a text may read variables. That it speaks of an environment says nothing.
fn environment(text: &str) -> bool {
    let bytes = text.as_bytes();
    ["getenv", "environ", "decouple"].iter().any(|word| {
        memchr::memmem::find_iter(bytes, word.as_bytes()).any(|at| !bytes[at + word.len()..].starts_with(b"ment"))
    })
}

/// Gives the logical lines that may have a literal secret in them, or change what one on another line is taken for; those that earlier
/// versions of the text have had are not looked at again.
pub fn promising_lines(text: &str, seen: &mut Seen, give: &mut dyn FnMut(&str)) {
    let lower = text.as_bytes().to_ascii_lowercase();
    Look::new(text, &lower, Extent::New).promising(seen, &mut |range| give(&text[range]));
}

/// Whether a text has a word in it that sensitive names are made of.
pub fn has_sensitive_word(text: &[u8]) -> bool {
    words::has_sensitive_word(text)
}
