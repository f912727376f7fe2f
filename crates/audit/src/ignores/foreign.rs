//! The marks of other tools. One of them holds back what the tool that it was written for could have said there, and nothing else:
//! whoever wrote `# nosec` said something about a hard-coded password, and nothing about a token in a log.
//!
//! | Mark | Tools | Holds back |
//! |---|---|---|
//! | `noqa: S105`, `S106`, `S107` | ruff, flake8-bandit | hard-coded |
//! | `noqa: S501`, `S323` | the same | certificates that are not verified |
//! | `ruff: noqa: S105`, `flake8: noqa: S105` | the same | for the file |
//! | `noqa` alone | | nothing: it is mostly about the length of a line |
//! | `nosec`, `nosec B105` | bandit | hard-coded, certificates |
//! | `nosemgrep`, `nosemgrep: rule` | semgrep | hard-coded, certificates, by the words of the rule |
//! | `pragma: allowlist secret`, `allowlist nextline secret` | detect-secrets | hard-coded |
//! | `gitleaks:allow`, `betterleaks:allow`, `trufflehog:ignore`, `kingfisher:ignore`, `kingfisher:allow`, `ggignore` | the tool of that name | hard-coded |
//! | `secretlint-disable-line`, `secretlint-disable-next-line` | secretlint | hard-coded |
//! | `checkov:skip=CKV_SECRET_6` | checkov | hard-coded |
//! | `lgtm[py/…]`, `codeql[py/…]` | CodeQL | hard-coded, logs, files, certificates, by its query |

use std::cell::Cell;

use tegmen_findings::Rule;

use super::comments::Comment;
use super::{Covers, Ignore, Reach};
use crate::needles::Needles;

/// What another tool finds as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Values that are written down.
    HardCoded,
    /// Certificates that are not verified.
    Tls,
    /// Values in logs.
    Log,
    /// Values in files.
    File,
}

impl Family {
    /// Whether a rule is of this family.
    pub fn has(self, rule: &Rule) -> bool {
        match self {
            Self::HardCoded => rule.code.starts_with("TGM1") || rule.id.starts_with("hardcoded-"),
            Self::Tls => rule.id.starts_with("tls-") || rule.cwe().contains(&295),
            Self::Log => rule.cwe().contains(&532),
            Self::File => rule.id.ends_with("-in-file"),
        }
    }
}

/// Codes of ruff (`S105`) and bandit (`B105`), without their letter.
const BANDIT: &[(&str, Family)] = &[
    ("105", Family::HardCoded),
    ("106", Family::HardCoded),
    ("107", Family::HardCoded),
    ("323", Family::Tls),
    ("501", Family::Tls),
];

/// The names of bandit's tests.
const BANDIT_NAMES: &[(&str, Family)] = &[
    ("hardcoded_password_string", Family::HardCoded),
    ("hardcoded_password_funcarg", Family::HardCoded),
    ("hardcoded_password_default", Family::HardCoded),
    ("request_with_no_cert_validation", Family::Tls),
];

/// CodeQL's queries.
const CODEQL: &[(&str, Family)] = &[
    ("py/hardcoded-credentials", Family::HardCoded),
    ("py/clear-text-logging-sensitive-data", Family::Log),
    ("py/clear-text-storage-sensitive-data", Family::File),
    ("py/request-without-cert-validation", Family::Tls),
];

/// Marks that are one word, anywhere in a comment.
const WORDS: &[&str] = &[
    "gitleaks:allow",
    "betterleaks:allow",
    "trufflehog:ignore",
    "kingfisher:ignore",
    "kingfisher:allow",
    "ggignore",
    "secretlint-disable-line",
];

/// Whether a text may have a mark in it.
pub fn may_have_marks(text: &str) -> bool {
    static ANY: Needles = Needles::new(&[
        "tegmen:",
        "noqa",
        "nosec",
        "nosemgrep",
        "list secret",
        "list nextline",
        "leaks:allow",
        ":ignore",
        ":allow",
        "ggignore",
        "secretlint-",
        "checkov:",
        "lgtm[",
        "codeql[",
    ]);
    ANY.is_in(text.as_bytes())
}

/// The marks of other tools in a piece of a comment.
pub fn read(piece: &str, comment: &Comment<'_>, next: &dyn Fn() -> u32, found: &mut Vec<Ignore>) {
    let here = Reach::Line(comment.line);
    let mut add = |mark: &'static str, reach: Reach, families: Vec<Family>| {
        if !families.is_empty() {
            let (line, covers) = (comment.line, Covers::Foreign(families));
            found.push(Ignore { line, reach, covers, mark, reason: None, used: Cell::new(false) });
        }
    };
    let lower = piece.to_ascii_lowercase();
    if let Some(codes) = lower.strip_prefix("noqa").and_then(|rest| rest.trim_start().strip_prefix(':')) {
        add("noqa", here, codes_of(codes, 's'));
    }
    for prefix in ["ruff:", "flake8:"] {
        let rest = lower.strip_prefix(prefix).and_then(|rest| rest.trim_start().strip_prefix("noqa"));
        if let Some(codes) = rest.and_then(|rest| rest.trim_start().strip_prefix(':')) {
            add("noqa", Reach::File, codes_of(codes, 's'));
        }
    }
    if let Some(rest) = lower.strip_prefix("nosec").filter(|rest| !rest.starts_with(char::is_alphanumeric)) {
        add("nosec", here, nosec(rest));
    }
    if let Some(rest) = lower.strip_prefix("nosemgrep") {
        add("nosemgrep", here, semgrep(rest.trim_start_matches(':')));
    }
    if let Some(rest) = lower.strip_prefix("pragma:") {
        let words: Vec<&str> = rest.split_whitespace().collect();
        match words[..] {
            ["allowlist" | "whitelist", "secret", ..] => {
                add("pragma: allowlist secret", here, vec![Family::HardCoded]);
            }
            ["allowlist" | "whitelist", "nextline", "secret", ..] => {
                add("pragma: allowlist nextline secret", Reach::Line(next()), vec![Family::HardCoded]);
            }
            _ => {}
        }
    }
    for word in WORDS {
        if lower.contains(word) {
            add(word, here, vec![Family::HardCoded]);
        }
    }
    if lower.contains("secretlint-disable-next-line") {
        add("secretlint-disable-next-line", Reach::Line(next()), vec![Family::HardCoded]);
    }
    if lower.contains("checkov:skip=ckv_secret") {
        add("checkov:skip", here, vec![Family::HardCoded]);
    }
    for (prefix, mark) in [("lgtm[", "lgtm"), ("codeql[", "codeql")] {
        if let Some((queries, _)) = lower.strip_prefix(prefix).and_then(|rest| rest.split_once(']')) {
            // CodeQL's newer form stands on the line above.
            let reach = if mark == "codeql" && comment.own_line { Reach::Line(next()) } else { here };
            add(mark, reach, named(queries, CODEQL));
        }
    }
}

/// The families of codes, of which flake8 takes the beginning for the whole. They end where no more code follows.
fn codes_of(text: &str, letter: char) -> Vec<Family> {
    let codes = text.split([',', ' ']).map(str::trim).filter(|code| !code.is_empty());
    let codes = codes.take_while(|code| code.starts_with(|c: char| c.is_ascii_alphabetic()) && code.len() <= 8);
    let mut families = Vec::new();
    for code in codes.filter_map(|code| code.strip_prefix(letter)) {
        let known = BANDIT.iter().filter(|(known, _)| known.starts_with(code)).map(|(_, family)| *family);
        for family in known {
            if !families.contains(&family) {
                families.push(family);
            }
        }
    }
    families
}

fn named(text: &str, names: &[(&str, Family)]) -> Vec<Family> {
    let given = text.split([',', ' ']).map(str::trim);
    given.filter_map(|name| names.iter().find(|(known, _)| *known == name)).map(|(_, family)| *family).collect()
}

/// As bandit reads it: what names no test stands for all of them.
fn nosec(rest: &str) -> Vec<Family> {
    let rest = rest.trim_start_matches([':', ' ']);
    let is_code =
        |word: &str| word.len() == 4 && word.starts_with('b') && word[1..].bytes().all(|b| b.is_ascii_digit());
    let words: Vec<&str> = rest.split([',', ' ']).filter(|word| !word.is_empty()).collect();
    let names_tests = words.iter().any(|word| is_code(word) || word.contains('_'));
    if !names_tests {
        return vec![Family::HardCoded, Family::Tls];
    }
    let codes: String = words.iter().filter(|word| is_code(word)).map(|code| format!("{code},")).collect();
    let mut families = codes_of(&codes, 'b');
    families.extend(named(rest, BANDIT_NAMES));
    families
}

/// Semgrep's rules are anybody's; their names say what they are about.
fn semgrep(rule: &str) -> Vec<Family> {
    let rule = rule.trim();
    if rule.is_empty() {
        return vec![Family::HardCoded, Family::Tls];
    }
    let has = |words: &[&str]| words.iter().any(|word| rule.contains(word));
    let mut families = Vec::new();
    if has(&["logger", "logging", "log-"]) {
        families.push(Family::Log);
    } else if has(&["secret", "password", "credential", "token", "api-key", "hardcoded", "jwt"]) {
        families.push(Family::HardCoded);
    }
    if has(&["cert", "ssl", "tls", "verify"]) {
        families.push(Family::Tls);
    }
    families
}
