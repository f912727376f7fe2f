//! Excerpts in which no value is left.

use aho_corasick::{AhoCorasick, MatchKind};
use tegmen_findings::Excerpt;

/// What stands where a value was.
pub const MASK: &str = "***";

/// At most this many bytes of a line are shown.
const WIDTH: usize = 160;

/// Masks all values that the audit found, wherever they stand.
pub struct Masker {
    values: Option<AhoCorasick>,
    quoted: Option<AhoCorasick>,
}

impl Masker {
    /// A masker for these values. Short and everyday ones are masked where they stand in quotes only: to mask every `test` of a
    /// line would leave nothing to read.
    pub fn new<'v>(secrets: impl Iterator<Item = &'v str>) -> Self {
        let mut long = Vec::new();
        let mut short = Vec::new();
        for secret in secrets {
            let everyday = secret.len() < 6 || secret.bytes().all(|b| b.is_ascii_lowercase());
            if everyday {
                short.push(format!("\"{secret}\""));
                short.push(format!("'{secret}'"));
            } else {
                long.push(secret.to_owned());
                // As it stands in source with escapes, and line by line.
                long.extend(secret.lines().map(str::trim).filter(|line| line.len() >= 8).map(str::to_owned));
            }
        }
        let build = |mut patterns: Vec<String>| {
            patterns.sort_unstable();
            patterns.dedup();
            (!patterns.is_empty())
                .then(|| AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(patterns).ok())
                .flatten()
        };
        Self { values: build(long), quoted: build(short) }
    }

    /// A name or sentence with everything masked that may be a value: names are found in sources too, and may be one.
    pub fn text(&self, text: &str) -> String {
        let mut hidden = suspicious(text);
        if let Some(values) = &self.values {
            hidden.extend(values.find_iter(text).map(|found| (found.start(), found.end())));
        }
        if hidden.is_empty() {
            return text.to_owned();
        }
        hidden.sort_unstable();
        let mut out = String::with_capacity(text.len());
        let mut position = 0;
        for (first, last) in merge(hidden) {
            out.push_str(&text[position..first]);
            out.push_str(MASK);
            position = last;
        }
        out.push_str(&text[position..]);
        out
    }

    /// A line with everything masked that may be a value. `masks` are where values stand in it, `highlight` is what to point at.
    pub fn excerpt(&self, source: &str, highlight: (usize, usize), masks: &[(usize, usize)]) -> Excerpt {
        let mut hidden = masks.to_vec();
        if let Some(values) = &self.values {
            hidden.extend(values.find_iter(source).map(|found| (found.start(), found.end())));
        }
        if let Some(quoted) = &self.quoted {
            hidden.extend(quoted.find_iter(source).map(|found| (found.start() + 1, found.end() - 1)));
        }
        hidden.extend(suspicious(source));
        hidden.sort_unstable();
        let (from, to) = highlight;
        let mut out = String::with_capacity(source.len().min(WIDTH));
        let (mut start, mut end) = (None, None);
        let mut position = 0;
        for (first, last) in merge(hidden) {
            copy(source, position, first, &mut out, from, to, &mut start, &mut end);
            if from <= first && start.is_none() || from < last && start.is_none() {
                start = Some(out.len());
            }
            out.push_str(MASK);
            if to <= last && end.is_none() {
                end = Some(out.len());
            }
            position = last;
        }
        copy(source, position, source.len(), &mut out, from, to, &mut start, &mut end);
        let start = start.unwrap_or(out.len());
        let end = end.unwrap_or(out.len()).max(start);
        shorten(&out, start, end)
    }
}

/// Copies a part of the source, and notes where the highlight begins and ends in it.
#[expect(clippy::too_many_arguments, reason = "one step of one loop")]
fn copy(
    source: &str,
    first: usize,
    last: usize,
    out: &mut String,
    from: usize,
    to: usize,
    start: &mut Option<usize>,
    end: &mut Option<usize>,
) {
    if start.is_none() && from >= first && from < last {
        *start = Some(out.len() + from - first);
    }
    if end.is_none() && to >= first && to <= last && start.is_some() {
        *end = Some(out.len() + to - first);
    }
    out.push_str(source.get(first..last).unwrap_or_default());
}

fn merge(sorted: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
    let mut merged: Vec<(usize, usize)> = Vec::with_capacity(sorted.len());
    for (first, last) in sorted {
        match merged.last_mut() {
            Some(before) if first <= before.1 => before.1 = before.1.max(last),
            _ => merged.push((first, last)),
        }
    }
    merged
}

/// Long runs that look made by a machine, and what recognised tokens look like, found or not.
fn suspicious(line: &str) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> =
        tegmen_classify::find_tokens(line).into_iter().map(|token| (token.range.start, token.range.end)).collect();
    let bytes = line.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        let run = bytes[i..]
            .iter()
            .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=' | b'-' | b'_'))
            .count();
        if run >= 20 {
            let text = &line[i..i + run];
            let digits = text.bytes().filter(u8::is_ascii_digit).count();
            if tegmen_classify::looks_random(text) && digits >= 3 && tegmen_classify::entropy(text) > 3.4 {
                found.push((i, i + run));
            }
        }
        i += run.max(1);
    }
    found
}

/// Cuts a long line around its highlight.
fn shorten(text: &str, start: usize, end: usize) -> Excerpt {
    let text = text.replace('\t', " ");
    if text.len() <= WIDTH {
        return Excerpt { highlight: start..end, text };
    }
    let boundary = |mut at: usize| {
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let from = boundary(start.saturating_sub(40));
    let to = boundary((from + WIDTH).min(text.len()));
    let before = if from > 0 { "…" } else { "" };
    let after = if to < text.len() { "…" } else { "" };
    let offset = |at: usize| boundary(at.clamp(from, to)) - from + before.len();
    Excerpt { highlight: offset(start)..offset(end), text: format!("{before}{}{after}", &text[from..to]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excerpt(source: &str, value: &str, highlight: &str) -> (String, String) {
        let place = |part: &str| {
            let start = source.find(part).unwrap();
            (start, start + part.len())
        };
        let masker = Masker::new([value].into_iter());
        let found = masker.excerpt(source, place(highlight), &[place(value)]);
        (found.text[found.highlight.clone()].to_owned(), found.text)
    }

    #[test]
    fn values_are_gone_and_highlights_stay() {
        let source = r#"password = "hunter2x"  # hunter2x"#;
        assert_eq!(excerpt(source, "hunter2x", "hunter2x"), ("***".into(), r#"password = "***"  # ***"#.into()));
        assert_eq!(excerpt(source, "hunter2x", "password").0, "password");
        assert_eq!(excerpt(source, "hunter2x", "\"hunter2x\"").0, "\"***\"");
        assert_eq!(excerpt("a('test', 'x')", "test", "'test'").1, "a('***', 'x')");
        let long = format!("x = '{}' + secret", "ä".repeat(300));
        assert!(excerpt(&long, "secret", "secret").1.len() < 200);
    }
}
