//! Whether something sensitive may come out of a module: by name, it prints, logs or starts something, and has something to show.

use std::ops::Range;

use memchr::memmem;

use super::statements::Statement;
use super::words::{Says, Word, Words};

/// Functions that print or log, or methods of what does.
const SINKS: &[&str] = &[
    "print",
    "pprint",
    "pp",
    "console_log",
    "debug",
    "info",
    "warning",
    "warn",
    "error",
    "critical",
    "exception",
    "fatal",
    "log",
    "trace",
    "success",
    "write",
    "echo",
    "secho",
];

/// Functions that start a program.
const RUNNERS: &[&str] = &["run", "Popen", "call", "check_call", "check_output", "system", "popen"];

/// Names that give something sensitive and do not look it.
const SOURCES: &[&str] =
    &["getpass", "get_secret", "access_secret_version", "read_secret", "generate_credentials", "reveal("];

/// For each byte that a function of these begins with, how long their names are: a bit each.
static LENGTHS: [u16; 256] = {
    let mut lengths = [0; 256];
    let mut i = 0;
    while i < SINKS.len() + RUNNERS.len() {
        let name = if i < SINKS.len() { SINKS[i] } else { RUNNERS[i - SINKS.len()] }.as_bytes();
        lengths[name[0] as usize] |= 1 << name.len();
        i += 1;
    }
    lengths
};

/// How far the arguments of a call are looked at.
const FAR: usize = 4_000;

/// Whether a statement names something sensitive outside of prose.
pub fn names_something(text: &str, words: &Words<'_>, statement: &Statement) -> bool {
    words.within(&statement.range).iter().any(|word| {
        (word.says == Says::Sensitive || gives(words.name(word)))
            && !statement.comments.iter().any(|comment| comment.contains(&word.start))
            && statement.literals.iter().find(|literal| literal.content.contains(&word.start)).is_none_or(|literal| {
                let content = &text[literal.content.clone()];
                let filled =
                    text.as_bytes()[literal.whole.start..literal.content.start].iter().any(|b| b | 0x20 == b'f');
                is_key(content) || filled && in_braces(content, word, literal.content.start)
            })
    })
}

/// Whether a text is the name of something rather than a sentence.
fn is_key(text: &str) -> bool {
    text.len() <= 80 && !text.bytes().any(|byte| byte.is_ascii_whitespace())
}

fn in_braces(content: &str, word: &Word, start: usize) -> bool {
    content[..word.start - start].rfind('{').is_some_and(|open| !content[open..word.start - start].contains('}'))
}

/// Whether a function of this name gives something sensitive: `get_token`.
fn gives(name: &str) -> bool {
    ["get", "fetch", "obtain", "acquire", "request", "refresh", "load", "read"].iter().any(|verb| {
        name.strip_prefix(verb).is_some_and(|rest| tegmen_classify::is_sensitive_name(rest.trim_start_matches('_')))
    })
}

/// Whether a module uses something sensitive that has no sensitive name.
pub fn has_source(text: &str) -> bool {
    let bytes = text.as_bytes();
    SOURCES.iter().any(|source| memmem::find(bytes, source.as_bytes()).is_some())
        || memmem::find_iter(bytes, b"environ").any(|at| {
            let rest = &text[at + 7..];
            !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '[')
                && ![".get", ".pop", ".setdefault", ".update"].iter().any(|method| rest.starts_with(method))
        })
}

/// Whether a statement prints or logs a value, or starts a program with one.
pub fn shows(text: &str, statement: &Statement) -> bool {
    let bytes = text.as_bytes();
    let start = statement.range.start;
    memchr::memchr_iter(b'(', &bytes[statement.range.clone()]).map(|at| at + start).any(|at| {
        is_sink(text, at)
            && !statement.literals.iter().any(|literal| literal.whole.contains(&at))
            && !statement.comments.iter().any(|comment| comment.contains(&at))
            && shows_value(bytes, at + 1)
    })
}

fn is_sink(text: &str, at: usize) -> bool {
    let bytes = text.as_bytes();
    let start = start_of_name(bytes, at);
    let length = at - start;
    if length > 15 || LENGTHS[usize::from(bytes[start])] & 1 << length == 0 {
        return false;
    }
    let name = &bytes[start..at];
    let method = start > 0 && bytes[start - 1] == b'.';
    let among = |list: &[&str]| list.iter().any(|one| one.as_bytes() == name);
    if among(SINKS) {
        if !method {
            return true;
        }
        let object = &bytes[start_of_name(bytes, start - 1)..start - 1];
        let log = object.windows(3).any(|part| part.eq_ignore_ascii_case(b"log"));
        // `getLogger(…).info`
        return log
            || object.is_empty()
            || [&b"stdout"[..], b"stderr", b"console", b"pprint", b"rich", b"builtins", b"click"].contains(&object);
    }
    among(RUNNERS) && start_of_line(bytes, at).is_some()
}

/// Where the line starts; a definition is no call.
fn start_of_line(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let start = memchr::memrchr(b'\n', &bytes[..at]).map_or(0, |line| line + 1);
    let line = bytes[start..at].trim_ascii_start();
    (!line.starts_with(b"def ") && !line.starts_with(b"async def ")).then_some(start..at)
}

fn start_of_name(bytes: &[u8], end: usize) -> usize {
    let mut start = end;
    while start > 0 && (bytes[start - 1].is_ascii_alphanumeric() || bytes[start - 1] == b'_') {
        start -= 1;
    }
    start
}

/// Whether the arguments of a call have anything in them but plain strings and numbers.
fn shows_value(bytes: &[u8], start: usize) -> bool {
    let mut depth = 1;
    let mut i = start;
    let end = bytes.len().min(start + FAR);
    while i < end {
        match bytes[i] {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => {
                depth -= 1;
                if depth == 0 {
                    return false;
                }
            }
            mark @ (b'"' | b'\'') => {
                let triple = bytes[i..].starts_with(&[mark; 3]);
                let mut j = if triple { i + 3 } else { i + 1 };
                let filled = bytes[start.max(i.saturating_sub(2))..i].iter().any(|byte| byte | 0x20 == b'f');
                while j < end {
                    match bytes[j] {
                        b'\\' => j += 1,
                        b'{' if filled => return true,
                        byte if byte == mark && (!triple || bytes[j..].starts_with(&[mark; 3])) => break,
                        _ => {}
                    }
                    j += 1;
                }
                i = if triple { j + 2 } else { j };
            }
            byte if byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80 => {
                let mut j = i;
                while j < end && (bytes[j].is_ascii_alphanumeric() || bytes[j] == b'_' || bytes[j] >= 0x80) {
                    j += 1;
                }
                let keyword = bytes.get(j) == Some(&b'=') && bytes.get(j + 1) != Some(&b'=');
                let prefix = j - i <= 2 && matches!(bytes.get(j), Some(b'"' | b'\''));
                if !keyword && !prefix && !matches!(&bytes[i..j], b"True" | b"False" | b"None") {
                    return true;
                }
                i = j;
                continue;
            }
            _ => {}
        }
        i += 1;
    }
    true
}
