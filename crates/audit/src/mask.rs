//! Excerpts in which no value is left.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use tegmen_findings::Excerpt;

/// What stands where a value was.
pub const MASK: &str = "***";

/// At most about this many bytes of a line are shown.
const WIDTH: usize = 160;
/// Of these, at most this many before what is pointed at.
const BEFORE: usize = 40;
/// So many values are searched for without anything being made ready for it.
const FEW: usize = 20;

/// Masks all values that the audit found, wherever they stand.
pub struct Masker {
    /// Values that are nothing else: masked everywhere.
    values: Option<AhoCorasick>,
    /// Short ones, in their quotes: to mask every `test` of a line would leave nothing to read.
    quoted: Option<AhoCorasick>,
    /// Everyday words, where they stand as a word of their own.
    words: Option<AhoCorasick>,
    /// Values that may not even stand in a path.
    paths: Option<AhoCorasick>,
}

impl Masker {
    /// A masker for these values.
    pub fn new<'v>(secrets: impl Iterator<Item = &'v str>) -> Self {
        let mut long = Vec::new();
        let mut quoted = Vec::new();
        let mut words = Vec::new();
        let mut paths = Vec::new();
        for secret in secrets {
            let everyday = secret.bytes().all(|b| b.is_ascii_lowercase());
            if everyday || secret.len() < 6 {
                quoted.push(format!("\"{secret}\""));
                quoted.push(format!("'{secret}'"));
                // The word `password` is in every message about one.
                if everyday && secret.len() >= 6 && !tegmen_classify::is_sensitive_name(secret) {
                    words.push(secret.to_owned());
                }
                continue;
            }
            long.push(secret.to_owned());
            // As it stands in source with escapes, and line by line.
            long.extend(secret.lines().map(str::trim).filter(|line| line.len() >= 8).map(str::to_owned));
            if secret.len() >= 8 && !secret.contains('/') {
                paths.push(secret.to_owned());
            }
        }
        let build = |mut patterns: Vec<String>| {
            patterns.sort_unstable();
            patterns.dedup();
            // What is masked is short: an automaton that is quicker to search would take longer to build than it saves. For a few
            // values that is true of all but the simplest.
            let few = patterns.len() <= FEW;
            let kind = if few { AhoCorasickKind::NoncontiguousNFA } else { AhoCorasickKind::ContiguousNFA };
            let mut builder = AhoCorasick::builder();
            builder.match_kind(MatchKind::LeftmostLongest).kind(Some(kind)).prefilter(!few);
            (!patterns.is_empty()).then(|| builder.build(patterns).ok()).flatten()
        };
        Self { values: build(long), quoted: build(quoted), words: build(words), paths: build(paths) }
    }

    /// A sentence with everything masked that may be a value: names are found in sources too, and may be one. An everyday word is
    /// masked where it is such a name, between backticks.
    pub fn text(&self, text: &str) -> String {
        let mut hidden = self.strong(text);
        hidden.extend(self.words(text).into_iter().filter(|(first, _)| text[..*first].matches('`').count() % 2 == 1));
        replace(text, hidden)
    }

    /// A name, or anything else that stands in a source, with everything masked that may be a value.
    pub fn name(&self, name: &str) -> String {
        let mut hidden = self.strong(name);
        hidden.extend(self.words(name));
        replace(name, hidden)
    }

    /// A path with every value masked that is nothing else. Other paths stay: they have to be found again.
    pub fn path(&self, path: &str) -> String {
        replace(path, find(self.paths.as_ref(), path))
    }

    fn strong(&self, text: &str) -> Vec<(usize, usize)> {
        let mut hidden = suspicious(text);
        hidden.extend(find(self.values.as_ref(), text));
        hidden
    }

    fn words(&self, text: &str) -> Vec<(usize, usize)> {
        let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let mut found = find(self.words.as_ref(), text);
        found.retain(|(first, last)| {
            !is_part(text[..*first].chars().next_back()) && !is_part(text[*last..].chars().next())
        });
        found
    }

    /// A whole text with everything masked that may be a value; `masks` are where values stand in it. It keeps its lines.
    pub fn lines(&self, text: &str, masks: &[tegmen_syntax::Span]) -> String {
        let mut out = String::with_capacity(text.len());
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let content = line.trim_end_matches(['\n', '\r']);
            let within = |at: u32| (at as usize).clamp(start, start + content.len()) - start;
            let mut hidden = self.strong(content);
            hidden.extend(self.words(content));
            hidden.extend(find(self.quoted.as_ref(), content).into_iter().map(|(first, last)| (first + 1, last - 1)));
            hidden.extend(masks.iter().map(|mask| (within(mask.start), within(mask.end))).filter(|(a, b)| a < b));
            out.push_str(&replace(content, hidden));
            out.push_str(&line[content.len()..]);
            start += line.len();
        }
        out
    }

    /// A line with everything masked that may be a value. `masks` are where values stand in it, `highlight` is what to point at. Of
    /// a long line only what is around the highlight is shown: of the source, so that it does not matter how much of it is masked.
    pub fn excerpt(&self, source: &str, highlight: (usize, usize), masks: &[(usize, usize)]) -> Excerpt {
        let mut hidden = self.strong(source);
        hidden.extend(self.words(source));
        hidden.extend_from_slice(masks);
        hidden.extend(find(self.quoted.as_ref(), source).into_iter().map(|(first, last)| (first + 1, last - 1)));
        let (from, to) = highlight;
        if hidden.iter().any(|(first, last)| !source.is_char_boundary(*first) || !source.is_char_boundary(*last)) {
            return Excerpt { highlight: 0..MASK.len(), text: MASK.to_owned() };
        }
        let window = window(source, from);
        let mut excerpt = Building { out: String::with_capacity(WIDTH), start: None, end: None, from, to };
        if window.0 > 0 {
            excerpt.out.push('…');
        }
        let mut position = window.0;
        for (first, last) in merge(hidden) {
            let (first, last) = (first.max(window.0), last.min(window.1));
            if first >= last {
                continue;
            }
            excerpt.copy(source, position, first);
            excerpt.mask(first, last);
            position = last;
        }
        excerpt.copy(source, position, window.1);
        let start = excerpt.start.unwrap_or(excerpt.out.len());
        let end = excerpt.end.unwrap_or(excerpt.out.len()).max(start);
        if window.1 < source.len() {
            excerpt.out.push('…');
        }
        Excerpt { highlight: start..end, text: excerpt.out }
    }
}

fn find(matcher: Option<&AhoCorasick>, text: &str) -> Vec<(usize, usize)> {
    matcher
        .map(|matcher| matcher.find_iter(text).map(|found| (found.start(), found.end())).collect())
        .unwrap_or_default()
}

/// A text with parts of it masked; nothing of it where a part begins or ends within a character, as then none is where it should be.
fn replace(text: &str, hidden: Vec<(usize, usize)>) -> String {
    let masked = || {
        let mut out = String::with_capacity(text.len());
        let mut position = 0;
        for (first, last) in merge(hidden) {
            out.push_str(text.get(position..first)?);
            out.push_str(MASK);
            position = last;
        }
        out.push_str(text.get(position..)?);
        Some(out)
    };
    masked().unwrap_or_else(|| MASK.to_owned())
}

/// Which part of a line is shown: all of it, unless it is long.
fn window(source: &str, from: usize) -> (usize, usize) {
    if source.len() <= WIDTH {
        return (0, source.len());
    }
    let boundary = |mut at: usize| {
        while !source.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let first = boundary(from.min(source.len()).saturating_sub(BEFORE));
    (first, boundary((first + WIDTH).min(source.len())))
}

/// An excerpt on the way.
struct Building {
    out: String,
    start: Option<usize>,
    end: Option<usize>,
    from: usize,
    to: usize,
}

impl Building {
    /// Copies a part of the source, and notes where the highlight begins and ends in it.
    fn copy(&mut self, source: &str, first: usize, last: usize) {
        if self.start.is_none() && self.from >= first && self.from < last {
            self.start = Some(self.out.len() + self.from - first);
        }
        if self.end.is_none() && self.to >= first && self.to <= last && self.start.is_some() {
            self.end = Some(self.out.len() + self.to - first);
        }
        // A tab is as wide as the reader's terminal wants; so is a control character.
        self.out.extend(
            source.get(first..last).unwrap_or_default().chars().map(|c| if c.is_ascii_control() { ' ' } else { c }),
        );
    }

    /// Puts the mask in place of a part of the source.
    fn mask(&mut self, first: usize, last: usize) {
        if self.start.is_none() && (self.from <= first || self.from < last) {
            self.start = Some(self.out.len());
        }
        self.out.push_str(MASK);
        if self.to <= last && self.end.is_none() {
            self.end = Some(self.out.len());
        }
    }
}

fn merge(mut spans: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
    spans.sort_unstable();
    let mut merged: Vec<(usize, usize)> = Vec::with_capacity(spans.len());
    for (first, last) in spans {
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
        let is_part = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_');
        let mut run = bytes[i..].iter().take_while(is_part).count();
        // Base64 ends in `=`; anywhere else it stands between a name and a value.
        run += bytes[i + run..].iter().take(2).take_while(|b| **b == b'=').count();
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

    #[test]
    fn a_span_within_a_character_shows_nothing() {
        let source = "accounts = ['anna:öMmer-1A']";
        let middle = source.find('ö').unwrap() + 1;
        let masker = Masker::new(std::iter::empty());
        for span in [(middle, source.len() - 2), (middle - 6, middle)] {
            assert_eq!(masker.excerpt(source, (0, 8), &[span]).text, MASK);
            let mask = tegmen_syntax::Span::new(span.0 as u32, span.1 as u32);
            assert_eq!(masker.lines(&format!("{source}\nb = 1"), &[mask]), "***\nb = 1");
        }
    }

    #[test]
    fn no_piece_of_a_value_is_left_where_a_line_is_cut() {
        let value = "Zq7".repeat(30);
        for before in 0..200 {
            let source = format!("{}key = '{value}', '{value}', '{value}'; print(key)", "x".repeat(before));
            for at in [before, before + 7, source.len() - 4] {
                let masker = Masker::new([value.as_str()].into_iter());
                let shown = masker.excerpt(&source, (at, at + 3), &[]);
                assert!(!shown.text.contains("Zq7"), "{before} {at}: {}", shown.text);
                assert!(shown.text.get(shown.highlight.clone()).is_some());
            }
        }
    }

    #[test]
    fn everyday_words_are_masked_as_words() {
        let masker = Masker::new(["summerrain", "password"].into_iter());
        let line = "login('summerrain')  # summerrain, not summerrains";
        assert_eq!(masker.excerpt(line, (0, 5), &[]).text, "login('***')  # ***, not summerrains");
        assert_eq!(masker.text("a password in `summerrain` is in the source"), "a password in `***` is in the source");
        assert_eq!(masker.name("summerrain"), "***");
        assert_eq!(masker.name("password"), "password");
    }

    #[test]
    fn paths_hide_only_what_is_nothing_but_a_value() {
        let masker = Masker::new(["hunter2x", "locust", "test1"].into_iter());
        assert_eq!(masker.path("locust/hunter2x.py"), "locust/***.py");
        assert_eq!(masker.path("locust/test1.py"), "locust/test1.py");
    }
}
