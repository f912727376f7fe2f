//! Dotenv files, with all that their readers let pass: `export`, three kinds of quotes, values over several lines, comments.

use super::collector::Collector;
use super::locust::{Setting, is_variable};
use super::shell;

/// Reads the text as a dotenv file.
pub fn read(collector: &mut Collector<'_>) {
    let text = collector.text();
    let mut at = usize::from(text.starts_with('\u{feff}')) * 3;
    while at < text.len() {
        let end = text[at..].find('\n').map_or(text.len(), |length| at + length);
        let line = &text[at..end];
        let next = end + 1;
        let trimmed = line.trim_start();
        let start = at + line.len() - trimmed.len();
        at = next;
        // Out of use, and still in the file.
        let body = trimmed.trim_start_matches('#').trim_start();
        let commented = body.len() < trimmed.len();
        let body_at = start + trimmed.len() - body.len();
        let exported = body.strip_prefix("export ").or_else(|| body.strip_prefix("set ")).unwrap_or(body).trim_start();
        let offset = body_at + body.len() - exported.len();
        let Some((name, value_at)) = assignment(exported).or_else(|| yaml_like(exported)) else { continue };
        let (value, span, last) = value(text, offset + value_at, end);
        if commented && !name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_' || b.is_ascii_digit()) {
            continue;
        }
        at = at.max(last);
        if !commented && is_variable(name) {
            collector.setting(Setting::new(name, &value, &span));
        }
        if value.contains("locust ") && value.contains(" -") {
            shell::read(collector, span, shell::Dialect::Shell);
        } else {
            collector.value(name, &value, span);
        }
    }
}

/// The name of `NAME=value`, and where its value begins.
pub fn assignment(text: &str) -> Option<(&str, usize)> {
    let equals = text.find('=')?;
    let name = text[..equals].trim_end();
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
    let begins = name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    (plain && begins).then_some((name, equals + 1))
}

/// The name of `NAME: value`, which some write into these files too.
fn yaml_like(text: &str) -> Option<(&str, usize)> {
    let (name, _) = text.split_once(": ")?;
    let name = name.trim_matches(['"', '\'', '-', ' ']);
    let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    plain.then(|| (name, text.find(": ").unwrap_or(0) + 2))
}

/// The value that begins at `from`, its place, and where the next line begins.
fn value(text: &str, from: usize, line_end: usize) -> (String, std::ops::Range<usize>, usize) {
    let line = &text[from.min(line_end)..line_end];
    let start = from + line.len() - line.trim_start().len();
    let mark =
        text.as_bytes().get(start).copied().filter(|mark| matches!(mark, b'"' | b'\'' | b'`') && start < line_end);
    if let Some(mark) = mark {
        let bytes = text.as_bytes();
        let mut end = start + 1;
        // A quote that is not closed within reason is a character like others.
        while end < bytes.len() && bytes[end] != mark && end - start < 20_000 {
            end += if bytes[end] == b'\\' && mark == b'"' { 2 } else { 1 };
        }
        if bytes.get(end) == Some(&mark) {
            let raw = text.get(start + 1..end).unwrap_or_default();
            let value = if mark == b'"' && raw.contains('\\') {
                raw.replace("\\n", "\n").replace("\\\"", "\"").replace("\\\\", "\\")
            } else {
                raw.to_owned()
            };
            let next = text[end..].find('\n').map_or(text.len(), |length| end + length + 1);
            return (value, start + 1..end, next);
        }
    }
    let plain = &text[start.min(line_end)..line_end];
    let cut = plain.find(" #").or_else(|| plain.find("\t#")).unwrap_or(plain.len());
    let plain = plain[..cut].trim_end();
    (plain.to_owned(), start..start + plain.len(), line_end + 1)
}
