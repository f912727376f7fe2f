//! The law, against a reference that tries every form at every place.

use std::cmp::Reverse;

use proptest::prelude::*;

use tegmen_secret::SecretBytes;

use super::patterns;
use crate::policy::is_word;
use crate::{Patterns, Redactor};

/// All matches of a text, found the slow way.
fn reference(patterns: &Patterns, text: &[u8]) -> Vec<u8> {
    let inner = patterns.inner();
    let mut strong = Vec::new();
    for (form, label) in inner.layers.iter().flat_map(|layer| &layer.anywhere).flat_map(|index| index.forms()) {
        for start in (0..text.len()).filter(|start| text[*start..].starts_with(form)) {
            strong.push((start, Reverse(start + form.len()), label));
        }
    }
    strong.sort_unstable();
    let mut spans: Vec<(usize, usize)> = Vec::new();
    for (start, Reverse(end), _) in &strong {
        match spans.last_mut() {
            Some(last) if *start < last.1 => last.1 = last.1.max(*end),
            _ => spans.push((*start, *end)),
        }
    }
    let word_at = |at: usize| at > 0 && at < text.len() && is_word(text[at - 1]) && is_word(text[at]);
    let begins = |at: usize| !word_at(at) || spans.iter().any(|span| span.1 == at);
    let ends = |at: usize| !word_at(at) || spans.iter().any(|span| span.0 == at);
    let mut all = strong.clone();
    for (form, label) in inner.bounded().flat_map(|index| index.forms()) {
        for start in (0..text.len()).filter(|start| text[*start..].starts_with(form)) {
            if begins(start) && ends(start + form.len()) {
                all.push((start, Reverse(start + form.len()), label));
            }
        }
    }
    all.sort_by_key(|found| (found.0, found.1));
    let (mut out, mut written) = (Vec::new(), 0);
    for (start, Reverse(end), label) in all {
        if start >= written {
            out.extend_from_slice(&text[written..start]);
            out.extend_from_slice(patterns.label(label).as_bytes());
        }
        written = written.max(end);
    }
    out.extend_from_slice(&text[written..]);
    out
}

/// The first values together, then one by one: so that there are several layers.
fn grown(values: &[&[u8]], together: usize) -> Patterns {
    let (first, rest) = values.split_at(together.min(values.len()));
    rest.iter().enumerate().fold(patterns(first), |patterns, (number, value)| {
        let mut builder = patterns.extend();
        let _ = builder.value(["X", "Y", "A"][number % 3], &SecretBytes::new(value.to_vec()));
        builder.build()
    })
}

fn streamed(patterns: &Patterns, text: &[u8], cuts: &[usize]) -> Vec<u8> {
    let (mut redactor, mut out, mut from) = (Redactor::new(patterns.clone()), Vec::new(), 0);
    for cut in cuts {
        let to = (from + cut).min(text.len());
        redactor.push(&text[from..to], &mut out);
        from = to;
    }
    redactor.push(&text[from..], &mut out);
    redactor.finish(&mut out);
    out
}

/// Values that overlap themselves and one another: few letters, brackets of labels among them, and pieces in common.
fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => proptest::collection::vec(proptest::sample::select(b"ab".to_vec()), 3..14),
        3 => proptest::collection::vec(proptest::sample::select(b"ab1_ -".to_vec()), 3..20),
        2 => proptest::collection::vec(proptest::sample::select(b"aA[]B%".to_vec()), 3..10),
        1 => proptest::collection::vec(any::<u8>(), 3..30),
        1 => Just(b"password".to_vec()),
    ]
}

/// A text made of the values, of pieces of them, of their encodings, and of what is between.
fn piece(values: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let forms: Vec<Vec<u8>> = {
        let borrowed: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
        let patterns = patterns(&borrowed);
        patterns.inner().layers.iter().flat_map(|layer| layer.forms()).map(|form| form.bytes.to_vec()).collect()
    };
    let forms = if forms.is_empty() { vec![b"abab".to_vec()] } else { forms };
    prop_oneof![
        3 => proptest::sample::select(values.clone()),
        2 => proptest::sample::select(forms.clone()),
        3 => (proptest::sample::select(forms), any::<prop::sample::Index>(), any::<prop::sample::Index>()).prop_map(
            |(form, a, b)| {
                let (a, b) = (a.index(form.len() + 1), b.index(form.len() + 1));
                form[a.min(b)..a.max(b)].to_vec()
            }
        ),
        3 => proptest::collection::vec(proptest::sample::select(b"ab1_ -[]AB\n".to_vec()), 0..6),
        1 => proptest::collection::vec(any::<u8>(), 0..6),
    ]
}

type Case = (Vec<Vec<u8>>, Vec<u8>, Vec<usize>, usize);

fn case() -> impl Strategy<Value = Case> {
    proptest::collection::vec(value(), 1..6).prop_flat_map(|values| {
        let text = proptest::collection::vec(piece(values.clone()), 0..12).prop_map(|pieces| pieces.concat());
        (Just(values), text, proptest::collection::vec(0usize..12, 0..40), 0usize..6)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    #[test]
    fn holds((values, text, cuts, split) in case()) {
        let values: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
        let patterns = grown(&values, split);
        let whole = patterns.redact_bytes(&text).into_owned();
        prop_assert_eq!(&whole, &reference(&patterns, &text), "the search against the reference");
        prop_assert_eq!(&streamed(&patterns, &text, &cuts), &whole, "cut into writes");
        prop_assert_eq!(&streamed(&patterns, &text, &vec![1; text.len()]), &whole, "byte by byte");
        prop_assert!(patterns.find(&whole).is_none(), "the output contains no pattern: {:?}", whole);
        prop_assert_eq!(patterns.redact_bytes(&whole), whole.as_slice(), "twice is once");
        prop_assert_eq!(patterns.find(&text).is_some(), whole != text);
    }
}

/// What is held back is exactly the longest suffix that could still become part of a match.
#[test]
fn holds_back_no_more_than_it_must() {
    proptest!(|((values, text, _, _) in case())| {
        let values: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
        let patterns = patterns(&values);
        let mut redactor = Redactor::new(patterns.clone());
        redactor.push(&text, &mut Vec::new());
        let strong: Vec<&[u8]> = patterns.inner().layers.iter().flat_map(|layer| &layer.anywhere).flat_map(|index| index.forms()).map(|(form, _)| form).collect();
        let could = |from: usize| strong.iter().any(|form| form.len() > text.len() - from && form.starts_with(&text[from..]));
        let must = (0..text.len()).find(|from| could(*from)).map_or(0, |from| text.len() - from);
        if patterns.inner().bounded().next().is_none() {
            prop_assert_eq!(redactor.pending(), must);
        } else {
            prop_assert!(redactor.pending() >= must);
        }
    });
}
