//! Dockerfiles: `ENV`, `ARG`, `LABEL`, and what `RUN`, `CMD` and `ENTRYPOINT` run.

use super::collector::Collector;
use super::shell::{self, Dialect};

/// Reads the text as a Dockerfile.
pub fn read(collector: &mut Collector<'_>) {
    let text = collector.text();
    let mut at = 0;
    while at < text.len() {
        let start = at;
        at = instruction_end(text, start);
        let line = &text[start..at];
        let trimmed = line.trim_start();
        let from = start + line.len() - trimmed.len();
        let Some(split) = trimmed.find([' ', '\t']) else { continue };
        let body = from + split..at;
        match trimmed[..split].to_ascii_uppercase().as_str() {
            "ENV" | "ARG" | "LABEL" => variables(collector, body),
            "RUN" | "CMD" | "ENTRYPOINT" | "HEALTHCHECK" => match exec_form(text, &body) {
                Some(words) => shell::words(collector, words),
                None => shell::read(collector, body, Dialect::Shell),
            },
            _ => {}
        }
    }
}

/// Where an instruction ends: at the end of a line that is not continued, or of its here-document.
fn instruction_end(text: &str, start: usize) -> usize {
    let mut at = start;
    let mut document: Option<&str> = None;
    let comment = text[start..].trim_start_matches([' ', '\t']).starts_with('#');
    for line in text[start..].split_inclusive('\n') {
        at += line.len();
        let trimmed = line.trim();
        if let Some(end) = document {
            if trimmed == end {
                break;
            }
            continue;
        }
        if let Some((_, rest)) = line.split_once("<<").filter(|_| !comment) {
            let word = rest.trim_start_matches('-').trim_start_matches(['"', '\'']);
            let length = word.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
            if length > 0 {
                document = Some(&word[..length]);
                continue;
            }
        }
        // Comments and empty lines between continued lines do not end it.
        let between = at > start + line.len() && (trimmed.starts_with('#') || trimmed.is_empty());
        if comment || !(trimmed.ends_with('\\') || between) {
            break;
        }
    }
    at
}

/// `NAME=value NAME="other value"`, or `NAME value` in the old way.
fn variables(collector: &mut Collector<'_>, body: std::ops::Range<usize>) {
    let text = collector.text();
    let raw = &text[body.clone()];
    let words = shell::split(raw);
    let assigned = words.first().is_some_and(|word| word.text.contains('='));
    if assigned {
        for word in words {
            shell::assignment(collector, &word, body.start);
        }
    } else if let Some(first) = words.first()
        && words.len() > 1
    {
        let value = raw[first.span.end..].trim();
        let start = (value.as_ptr() as usize) - (text.as_ptr() as usize);
        collector.value(&first.text, value, start..start + value.len());
    }
}

/// The words of `["locust", "-f", "x.py"]`.
fn exec_form(text: &str, body: &std::ops::Range<usize>) -> Option<Vec<(String, std::ops::Range<usize>)>> {
    let raw = text[body.clone()].trim();
    if !raw.starts_with('[') {
        return None;
    }
    let start = (raw.as_ptr() as usize) - (text.as_ptr() as usize);
    let node = super::json::read(raw)?;
    let words = node.items().iter().filter_map(|item| item.scalar());
    Some(words.map(|word| (word.value.to_string(), start + word.span.start..start + word.span.end)).collect())
}
