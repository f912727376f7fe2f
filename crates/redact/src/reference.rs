//! The law once more, written the slow way: every form at every place of the whole text. What the tests and the fuzzer
//! hold the search against; for nothing else (feature `reference`).

use std::cmp::Reverse;

use crate::Patterns;
use crate::policy::is_word;

/// Whether a sequence is longer than any that a terminal would wait for. The characters are Latin-1.
fn endless(sequence: &str) -> bool {
    let length = sequence.chars().count();
    let end = if sequence.ends_with('\\') { 2 } else { 1 };
    if sequence.starts_with("\x1b]") { length - end >= 1024 } else { length > 64 }
}

/// The gaps of a text, found the slow way: from, to, and whether one stays where a value around it goes.
fn gaps(text: &[u8], width: Option<usize>, line_feeds: bool) -> Vec<(usize, usize, bool)> {
    let text: String = text.iter().map(|byte| char::from(*byte)).collect();
    let sequence = regex::Regex::new(
        "^\x1b(\\[[0-?]*[ -/]*[@-~]|\\][^\\x00-\\x1f]*(\x07|\x1b\\\\)|[ -/]+[0-~]|[0-OQ-WYZ\\\\`-~])",
    )
    .ok();
    let (mut gaps, mut at, mut column, mut indented, mut line) = (Vec::new(), 0, 0, false, Vec::new());
    let is_base64 = |line: &[char]| {
        [64, 76].contains(&line.len()) && line.iter().all(|char| char.is_ascii_alphanumeric() || "+/-_".contains(*char))
    };
    let places: Vec<usize> = text.char_indices().map(|(place, _)| place).chain([text.len()]).collect();
    while at + 1 < places.len() {
        let rest = &text[places[at]..];
        if let Some(found) =
            sequence.as_ref().and_then(|sequence| sequence.find(rest)).filter(|found| !endless(found.as_str()))
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
                    gaps.push((at, at + 1, next == Some('\n')));
                }
                // The line feed behind it still has to know the column.
                if next != Some('\n') {
                    column = 0;
                    line.clear();
                }
                indented = false;
            }
            Some('\n') => {
                indented = width.is_some_and(|width| column <= width && column + 2 >= width);
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
    gaps
}

/// The text as the law wants it, for a terminal of that width if there is one.
pub fn redact(patterns: &Patterns, text: &[u8], width: Option<usize>) -> Vec<u8> {
    let inner = patterns.inner();
    let gaps = gaps(text, width, inner.line_feeds());
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
        (from, Reverse(touched.last().map_or(end, |gap| gap.1.max(end))), label, plain)
    };
    let mut strong: Vec<_> = inner
        .indexes()
        .flat_map(|index| index.forms())
        .flat_map(|(form, label)| occurrences(form, label))
        .map(widened)
        .collect();
    strong.sort_by_key(|found| (found.0, found.1));
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
    for (form, label) in inner.bounded().flat_map(|index| index.forms()) {
        let words = occurrences(form, label).into_iter().filter(|found| begins(found.0) && ends(found.1.0));
        all.extend(words.map(widened));
    }
    all.sort_by_key(|found| (found.0, found.1));
    let stays =
        |gap: &&(usize, usize, bool)| gap.2 && !all.iter().any(|found| found.3 && found.0 < gap.1 && gap.0 < found.1.0);
    let (mut out, mut written, mut shown) = (Vec::new(), 0, 0);
    let write_gaps = |from: usize, to: usize, out: &mut Vec<u8>| {
        for gap in gaps.iter().filter(|gap| gap.0 >= from && gap.1 <= to).filter(stays) {
            out.extend_from_slice(&text[gap.0..gap.1]);
        }
    };
    for (start, Reverse(end), label, _) in &all {
        if *start >= written {
            write_gaps(shown, written, &mut out);
            out.extend_from_slice(&text[written..*start]);
            out.extend_from_slice(patterns.label(*label).as_bytes());
            shown = *start;
        }
        written = written.max(*end);
    }
    write_gaps(shown, written, &mut out);
    out.extend_from_slice(&text[written..]);
    out
}
