//! A quick look at bytes, so that files with nothing to find are never parsed.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

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
];

/// Words one of which every pair with a sensitive name has, in any case.
const NAMES: &[&str] = &[
    "pass", "pwd", "secret", "token", "key", "cred", "auth", "cookie", "jwt", "senha", "contras", "session", "sid",
    "bearer", "mdp", "haslo", "sifre", "internal",
];

fn matcher(words: &[&str]) -> Option<AhoCorasick> {
    AhoCorasick::builder().ascii_case_insensitive(true).build(words).ok()
}

static FILE: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| matcher(WORDS));
static NAME: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| matcher(NAMES));

/// Whether a file may have anything to find.
pub fn may_have_findings(text: &[u8]) -> bool {
    FILE.as_ref().is_none_or(|matcher| matcher.is_match(text))
}

/// Whether a text has a word in it that sensitive names are made of.
pub fn has_sensitive_word(text: &[u8]) -> bool {
    NAME.as_ref().is_none_or(|matcher| matcher.is_match(text))
}
