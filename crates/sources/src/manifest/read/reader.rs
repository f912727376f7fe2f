//! [`Reader`]: takes TOML values as the types that are wanted, and writes down what does not fit.

use std::borrow::Cow;
use std::ops::Range;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::super::problem::{Problem, Show};
use crate::{names, period, source};

pub(super) type Key<'i> = Spanned<Cow<'i, str>>;
pub(super) type Val<'i> = Spanned<DeValue<'i>>;

pub(super) struct Reader<'t> {
    pub(super) text: &'t str,
    found: Vec<Found>,
    /// What no excerpt may show, because it may be a value.
    masks: Vec<Range<usize>>,
}

struct Found {
    span: Range<usize>,
    message: String,
    hint: Option<String>,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, found: Vec::new(), masks: Vec::new() }
    }

    pub(super) fn line(&self, at: usize) -> usize {
        self.text.get(..at).map_or(1, |before| before.matches('\n').count() + 1)
    }

    pub(super) fn problem(&mut self, span: Range<usize>, show: Show, message: String, hint: Option<String>) {
        if show == Show::Dots {
            self.masks.push(span.clone());
        }
        self.found.push(Found { span, message, hint });
    }

    /// Keeps this part of the text out of all excerpts.
    pub(super) fn mask(&mut self, span: Range<usize>) {
        self.masks.push(span);
    }

    /// All mistakes, in the order of the text. Excerpts are made only now: one line may hold several mistakes, and what
    /// one of them hides, no other may show.
    pub(super) fn finish(mut self) -> Vec<Problem> {
        self.found.sort_by_key(|found| found.span.start);
        self.found
            .into_iter()
            .map(|Found { span, message, hint }| Problem::at(self.text, span, &self.masks, message, hint))
            .collect()
    }

    /// The entries of a table whose keys are known; the others are mistakes.
    pub(super) fn entries<'a, 'i>(
        &mut self,
        table: &'a DeTable<'i>,
        known: &[&str],
        of: &str,
    ) -> Vec<(&'a Key<'i>, &'a Val<'i>)> {
        let mut entries = Vec::new();
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            if known.contains(&name) {
                entries.push((key, value));
                continue;
            }
            let hint = match (name, names::nearest(name, known)) {
                (_, Some(near)) => format!("did you mean `{near}`?"),
                ("value" | "default" | "password" | "secret", None) => {
                    "a value is never written into the manifest: `source` says where it comes from".into()
                }
                (_, None) => format!("{of} has {}", known.join(", ")),
            };
            // What was given to a key that does not exist may be a value. A table of its own begins elsewhere.
            if !matches!(value.get_ref(), DeValue::Table(_)) {
                self.mask(value.span());
            }
            self.problem(key.span(), Show::Text, format!("unknown key `{name}`"), Some(hint));
        }
        entries
    }

    /// Says that a value has the wrong type.
    pub(super) fn wrong_type(&mut self, key: &Key<'_>, value: &Val<'_>, wanted: &str) {
        let found = match value.get_ref() {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) => "a number",
            DeValue::Float(_) => "a number with a point",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        let message = format!("`{}` must be {wanted}, not {found}", key.get_ref());
        self.problem(value.span(), Show::Dots, message, None);
    }

    pub(super) fn string<'a>(&mut self, key: &Key<'_>, value: &'a Val<'_>) -> Option<&'a str> {
        match value.get_ref() {
            DeValue::String(text) if text.is_empty() => {
                self.problem(value.span(), Show::Text, format!("`{}` is empty", key.get_ref()), None);
                None
            }
            DeValue::String(text) => Some(text),
            _ => {
                self.wrong_type(key, value, "a text");
                None
            }
        }
    }

    pub(super) fn boolean(&mut self, key: &Key<'_>, value: &Val<'_>) -> Option<bool> {
        if let DeValue::Boolean(answer) = value.get_ref() {
            return Some(*answer);
        }
        self.wrong_type(key, value, "true or false");
        None
    }

    pub(super) fn table<'a, 'i>(&mut self, key: &Key<'i>, value: &'a Val<'i>) -> Option<&'a DeTable<'i>> {
        if let DeValue::Table(table) = value.get_ref() {
            return Some(table);
        }
        self.wrong_type(key, value, "a table");
        None
    }

    /// A list of texts, each with its span.
    pub(super) fn strings<'a>(&mut self, key: &Key<'_>, value: &'a Val<'_>) -> Option<Vec<(&'a str, Range<usize>)>> {
        let DeValue::Array(list) = value.get_ref() else {
            let hint = match value.get_ref() {
                DeValue::String(_) => Some(format!("put it in brackets: {} = [\"…\"]", key.get_ref())),
                _ => None,
            };
            self.problem(value.span(), Show::Dots, format!("`{}` must be a list of texts", key.get_ref()), hint);
            return None;
        };
        let mut texts = Vec::new();
        for item in list.iter() {
            match item.get_ref() {
                DeValue::String(text) => texts.push((text.as_ref(), item.span())),
                _ => {
                    let message = format!("`{}` must be a list of texts", key.get_ref());
                    self.problem(item.span(), Show::Dots, message, None);
                }
            }
        }
        Some(texts)
    }

    pub(super) fn period(&mut self, key: &Key<'_>, value: &Val<'_>) -> Option<Duration> {
        let text = self.string(key, value)?;
        let parsed = period::parse(text);
        if parsed.is_none() {
            let message = format!("`{}` is not a period", key.get_ref());
            self.problem(value.span(), Show::Text, message, Some("write \"90d\", \"12h\", \"30m\" or \"45s\"".into()));
        }
        parsed
    }

    pub(super) fn source(&mut self, key: &Key<'_>, value: &Val<'_>) -> Option<source::Source> {
        let text = self.string(key, value)?;
        text.parse()
            .map_err(|error: source::SourceError| {
                let show = if error.has_scheme { Show::Text } else { Show::Dots };
                self.problem(value.span(), show, format!("`{}`: {error}", key.get_ref()), error.hint);
            })
            .ok()
    }
}
