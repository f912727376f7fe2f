//! The law once more, written the slow way: every form at every place of the whole text. What the tests and the fuzzer
//! hold the search against; for nothing else (feature `reference`).

use std::cmp::Reverse;
use std::sync::LazyLock;

use regex::Regex;

use crate::Patterns;
use crate::policy::is_word;

/// A control sequence.
static SEQUENCE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new("^\x1b(\\[[0-?]*[ -/]*[@-~]|\\][^\\x00-\\x1f]*(\x07|\x1b\\\\)|[ -/]+[0-~]|[0-OQ-WYZ\\\\`-~])").ok()
});

/// The beginning of one, as far as it goes.
static BEGUN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new("^\x1b(\\[[0-?]*[ -/]*|\\][^\\x00-\\x1f]*\x1b?|[ -/]*)").ok());

/// Whether a sequence is longer than any that a terminal would wait for. The characters are Latin-1.
fn endless(sequence: &str) -> bool {
    let length = sequence.chars().count();
    let end = if sequence.ends_with('\\') { 2 } else { 1 };
    if sequence.starts_with("\x1b]") { length - end >= 1024 } else { length > 64 }
}

/// From, to, and whether it stays where a value around it goes.
type Gap = (usize, usize, bool);

/// The gaps of a text, found the slow way; and what begins like a control sequence and is none: from, and behind the byte
/// that shows it.
fn gaps(text: &[u8], width: Option<usize>, line_feeds: bool) -> (Vec<Gap>, Vec<(usize, usize)>) {
    let text: String = text.iter().map(|byte| char::from(*byte)).collect();
    let mut broken = Vec::new();
    let (mut gaps, mut at, mut column, mut indented, mut line) = (Vec::new(), 0, 0, false, Vec::new());
    let is_base64 = |line: &[char]| {
        [64, 76].contains(&line.len()) && line.iter().all(|char| char.is_ascii_alphanumeric() || "+/-_".contains(*char))
    };
    let folds = |column: usize| width.is_some_and(|width| column <= width && column + 2 >= width);
    let places: Vec<usize> = text.char_indices().map(|(place, _)| place).chain([text.len()]).collect();
    while at + 1 < places.len() {
        let rest = &text[places[at]..];
        if let Some(found) =
            SEQUENCE.as_ref().and_then(|sequence| sequence.find(rest)).filter(|found| !endless(found.as_str()))
        {
            let length = found.as_str().chars().count();
            gaps.push((at, at + length, true));
            at += length;
            continue;
        }
        let next = rest.chars().nth(1);
        match rest.chars().next() {
            Some('\r') => {
                if next != Some('\n') || line_feeds || width.is_some() || is_base64(&line) {
                    gaps.push((at, at + 1, next == Some('\n') && (folds(column) || is_base64(&line))));
                }
                // The line feed behind it still has to know the column.
                if next != Some('\n') {
                    column = 0;
                    line.clear();
                }
                indented = false;
            }
            Some('\n') => {
                indented = folds(column);
                if indented || is_base64(&line) {
                    gaps.push((at, at + 1, true));
                }
                column = 0;
                line.clear();
            }
            Some(' ') if indented => {
                gaps.push((at, at + 1, true));
                column += 1;
                line.push(' ');
            }
            Some('\x1b') | None => {
                let begun = BEGUN.as_ref().and_then(|begun| begun.find(rest)).map_or("", |begun| begun.as_str());
                let most = if !begun.starts_with("\x1b]") {
                    64
                } else if begun.ends_with('\x1b') && begun.chars().count() <= 1024 {
                    1025
                } else {
                    1024
                };
                broken.push((at, (at + (begun.chars().count() + 1).min(most)).min(places.len() - 1)));
                indented = false;
                line.push('\x1b');
            }
            Some(char) => {
                indented = false;
                line.push(char);
                column += match char {
                    '\t' => 8 - column % 8,
                    ' '..='~' | '\u{c2}'..='\u{e2}' => 1,
                    '\u{e3}'.. => 2,
                    _ => 0,
                };
                if char == '\x08' {
                    column = column.saturating_sub(1);
                }
            }
        }
        at += 1;
    }
    (gaps, broken)
}

/// The text as the law wants it, for a terminal of that width if there is one.
pub fn redact(patterns: &Patterns, text: &[u8], width: Option<usize>) -> Vec<u8> {
    let inner = patterns.inner();
    let (gaps, broken) = gaps(text, width, inner.line_feeds());
    let in_gap = |at: usize| gaps.iter().any(|gap| (gap.0..gap.1).contains(&at));
    let seen: Vec<usize> = (0..text.len()).filter(|at| !in_gap(*at)).collect();
    let visible: Vec<u8> = seen.iter().map(|at| text[*at]).collect();
    // (from, to, label, whether in the text as it stands)
    let occurrences = |form: &[u8], label: u32| -> Vec<(usize, Reverse<usize>, u32, bool)> {
        let plain = (0..text.len()).filter(|start| text[*start..].starts_with(form));
        let plain = plain.map(|start| (start, Reverse(start + form.len()), label, true));
        let veiled = (0..visible.len()).filter(|start| visible[*start..].starts_with(form));
        let veiled = veiled.map(|start| (seen[start], Reverse(seen[start + form.len() - 1] + 1), label, false));
        let veiled: Vec<_> = veiled.collect();
        plain.chain(veiled).collect()
    };
    let widened = |(start, Reverse(end), label, plain): (usize, Reverse<usize>, u32, bool)| {
        let touched: Vec<_> = gaps.iter().filter(|gap| plain && gap.0 < end && start < gap.1).collect();
        let from = touched.first().map_or(start, |gap| gap.0.min(start));
        let from = broken.iter().rev().fold(
            from,
            |from, &(begins, ends)| {
                if begins < from && from < ends { begins } else { from }
            },
        );
        (from, Reverse(touched.last().map_or(end, |gap| gap.1.max(end))), label, plain)
    };
    let mut strong: Vec<_> =
        inner.indexes().flat_map(|index| index.forms()).flat_map(|(form, label)| occurrences(form, label)).collect();
    let order = |found: &(usize, Reverse<usize>, u32, bool)| (found.0, found.1, !found.3);
    strong.sort_by_key(order);
    let mut strong: Vec<_> = strong.into_iter().map(widened).collect();
    strong.sort_by_key(order);
    let mut spans: Vec<(usize, usize)> = Vec::new();
    for (start, Reverse(end), ..) in &strong {
        match spans.last_mut() {
            Some(last) if *start < last.1 => last.1 = last.1.max(*end),
            _ => spans.push((*start, *end)),
        }
    }
    let edge = |at: usize| gaps.iter().any(|gap| gap.0 == at || gap.1 == at);
    let word_at = |at: usize| at > 0 && at < text.len() && is_word(text[at - 1]) && is_word(text[at]) && !edge(at);
    let begins = |at: usize| !word_at(at) || spans.iter().any(|span| span.1 == at);
    let ends = |at: usize| !word_at(at) || spans.iter().any(|span| span.0 == at);
    let mut all = strong.clone();
    let mut words: Vec<_> = inner
        .bounded()
        .flat_map(|index| index.forms())
        .flat_map(|(form, label)| occurrences(form, label))
        .filter(|found| begins(found.0) && ends(found.1.0))
        .collect();
    words.sort_by_key(order);
    all.extend(words.into_iter().map(widened));
    all.sort_by_key(order);
    let stays = |gap: &&Gap| gap.2 && !all.iter().any(|found| found.3 && found.0 < gap.1 && gap.0 < found.1.0);
    let forms = || inner.indexes().chain(inner.bounded()).flat_map(|index| index.forms());
    let joins = |pair: [u8; 2]| forms().any(|(form, _)| form.windows(2).any(|window| window == pair));
    let (mut out, mut written): (Vec<u8>, _) = (Vec::new(), 0);
    for (start, Reverse(end), label, _) in &all {
        if *start >= written {
            out.extend_from_slice(&text[written..*start]);
            let mut behind = None;
            for gap in gaps.iter().filter(|gap| gap.0 >= *start && gap.1 <= *end).filter(stays) {
                if behind == Some(gap.0) || !out.last().is_some_and(|last| joins([*last, text[gap.0]])) {
                    out.extend_from_slice(&text[gap.0..gap.1]);
                    behind = Some(gap.1);
                }
            }
            out.extend_from_slice(patterns.label(*label).as_bytes());
        }
        written = written.max(*end);
    }
    out.extend_from_slice(&text[written..]);
    out
}
