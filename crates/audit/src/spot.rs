//! Places in files, with the line that they are on, kept after the file itself is let go.

use std::sync::Arc;

use tegmen_findings::{Edit, Location};
use tegmen_syntax::Span;

use crate::mask::Masker;

/// How much of a long line is kept on each side of a place.
const MARGIN: usize = 2_000;

/// Where the lines of a text begin, and which of its parts no output may show.
pub struct Lines<'t> {
    path: Arc<str>,
    text: &'t str,
    starts: Vec<u32>,
    /// Spans of values, none longer than its line, in order, none over another.
    masks: Vec<Span>,
}

/// A place in a file. Its line is not masked yet: it must not leave this crate.
pub struct Spot {
    path: Arc<str>,
    /// The first line.
    pub line: u32,
    /// The first column.
    pub column: u32,
    /// The last line.
    pub end_line: u32,
    end_column: u32,
    /// What is shown of the line; nothing for the later places of a finding that has hundreds.
    text: Option<String>,
    highlight: (usize, usize),
    masks: Vec<(usize, usize)>,
}

impl<'t> Lines<'t> {
    /// The lines of a text in which `masks` are values.
    pub fn new(path: &str, text: &'t str, masks: impl Iterator<Item = Span>) -> Self {
        let mut starts = vec![0];
        starts.extend(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at as u32 + 1));
        let mut split: Vec<Span> = Vec::new();
        for mask in masks {
            let mut from = mask.start;
            for newline in memchr::memchr_iter(b'\n', text.get(mask.range()).unwrap_or_default().as_bytes()) {
                split.push(Span::new(from, mask.start + newline as u32));
                from = mask.start + newline as u32 + 1;
            }
            split.push(Span::new(from, mask.end));
        }
        split.retain(|span| span.end > span.start);
        split.sort_unstable();
        // One after the other, so that those of a place are found without going through all of a line of a megabyte.
        let mut masks: Vec<Span> = Vec::with_capacity(split.len());
        for span in split {
            match masks.last_mut() {
                Some(last) if span.start < last.end => last.end = last.end.max(span.end),
                _ => masks.push(span),
            }
        }
        Self { path: path.into(), text, starts, masks }
    }

    /// The line of an offset, from 1.
    pub fn line(&self, offset: u32) -> u32 {
        self.starts.partition_point(|start| *start <= offset) as u32
    }

    fn column(&self, offset: u32) -> u32 {
        let start = self.starts[self.line(offset) as usize - 1] as usize;
        let before = self.text.get(start..offset as usize).unwrap_or_default();
        // Nobody counts the characters of a line of a megabyte, and least of all once for each finding in it.
        if before.len() > 50_000 { before.len() as u32 + 1 } else { before.chars().count() as u32 + 1 }
    }

    /// An edit of this text.
    pub fn edit(&self, span: Span, text: String) -> Edit {
        Edit {
            path: self.path.to_string(),
            range: span.start..span.end,
            line: self.line(span.start),
            column: self.column(span.start),
            end_line: self.line(span.end),
            end_column: self.column(span.end),
            text,
        }
    }

    /// The place of a span, without its line.
    pub fn place(&self, span: Span) -> Spot {
        Spot {
            path: Arc::clone(&self.path),
            line: self.line(span.start),
            column: self.column(span.start),
            end_line: self.line(span.end),
            end_column: self.column(span.end),
            text: None,
            highlight: (0, 0),
            masks: Vec::new(),
        }
    }

    /// The place of a span.
    pub fn spot(&self, span: Span) -> Spot {
        let line = self.line(span.start);
        let start = self.starts[line as usize - 1] as usize;
        let next = self.starts.get(line as usize).map_or(self.text.len(), |next| *next as usize);
        let end = start + self.text[start..next].trim_end_matches(['\n', '\r']).len();
        let (from, to) = ((span.start as usize).clamp(start, end), (span.end as usize).clamp(start, end));
        let mut first = from.saturating_sub(MARGIN).max(start);
        while !self.text.is_char_boundary(first) {
            first += 1;
        }
        let mut last = (from + MARGIN).min(end);
        while !self.text.is_char_boundary(last) {
            last -= 1;
        }
        let within = |at: usize| at.clamp(first, last) - first;
        let low = self.masks.partition_point(|mask| (mask.end as usize) <= first);
        let masks = self.masks[low..]
            .iter()
            .take_while(|mask| (mask.start as usize) < last)
            .map(|mask| (within(mask.start as usize), within(mask.end as usize)))
            .filter(|(from, to)| to > from)
            .collect();
        Spot {
            path: Arc::clone(&self.path),
            line,
            column: self.column(span.start),
            end_line: self.line(span.end),
            end_column: self.column(span.end),
            text: Some(self.text[first..last].to_owned()),
            highlight: (within(from), within(to)),
            masks,
        }
    }
}

impl Spot {
    /// The place as it may be shown.
    pub fn location(&self, masker: &Masker, note: Option<String>) -> Location {
        Location {
            path: self.path.to_string(),
            line: self.line,
            column: self.column,
            end_line: self.end_line,
            end_column: self.end_column,
            name: String::new(),
            context: String::new(),
            fingerprint: String::new(),
            note,
            excerpt: self.text.as_ref().map(|text| masker.excerpt(text, self.highlight, &self.masks)),
        }
    }
}
