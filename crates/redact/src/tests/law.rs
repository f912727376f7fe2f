//! The law, against a reference that tries every form at every place ([`crate::reference`]).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use tegmen_secret::SecretBytes;

use super::patterns;
use crate::reference::redact as reference;
use crate::{Patterns, Redactor};

/// The first values together, then one by one: so that there are several layers.
fn grown(values: &[&[u8]], together: usize) -> Patterns {
    let (first, rest) = values.split_at(together.min(values.len()));
    rest.iter().enumerate().fold(patterns(first), |patterns, (number, value)| {
        let mut builder = patterns.extend();
        let _ = builder.value(["X", "Y", "A"][number % 3], &SecretBytes::new(value.to_vec()));
        builder.build()
    })
}

fn streamed(patterns: &Patterns, text: &[u8], cuts: &[usize], width: Option<usize>) -> Vec<u8> {
    let (mut redactor, mut out, mut from) = (Redactor::new(patterns.clone()), Vec::new(), 0);
    redactor.set_width(width.map(|width| width as u16));
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
        2 => proptest::collection::vec(proptest::sample::select(b"abm\x1b[]\r\n".to_vec()), 3..10),
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
        1 => (proptest::sample::select(values.clone()), 30usize..70, 0usize..60, any::<[bool; 3]>()).prop_map(wrapped),
        2 => proptest::sample::select(forms.clone()),
        2 => (proptest::sample::select(values), any::<prop::sample::Index>(), proptest::sample::select(GAPS)).prop_map(
            |(value, at, gap)| {
                let at = at.index(value.len() + 1);
                [&value[..at], gap, &value[at..]].concat()
            }
        ),
        2 => proptest::sample::select(GAPS).prop_map(<[u8]>::to_vec),
        3 => (proptest::sample::select(forms), any::<prop::sample::Index>(), any::<prop::sample::Index>()).prop_map(
            |(form, a, b)| {
                let (a, b) = (a.index(form.len() + 1), b.index(form.len() + 1));
                form[a.min(b)..a.max(b)].to_vec()
            }
        ),
        3 => proptest::collection::vec(proptest::sample::select(b"ab1_ -[]AB\n".to_vec()), 0..6),
        1 => proptest::collection::vec(proptest::sample::select(b"abm\x1b[]\r\n".to_vec()), 0..6),
        1 => proptest::collection::vec(any::<u8>(), 0..6),
    ]
}

/// Base64 in lines, with a value somewhere in it.
fn wrapped((value, before, after, [long, returns, broken]): (Vec<u8>, usize, usize, [bool; 3])) -> Vec<u8> {
    let encoded = STANDARD.encode([&vec![b'x'; before], value.as_slice(), &vec![b'y'; after]].concat());
    let (length, end) = (if long { 76 } else { 64 }, if returns { "\r\n" } else { "\n" });
    let mut lines: Vec<String> =
        encoded.as_bytes().chunks(length).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    if broken {
        lines[0].pop();
    }
    format!("{end}{}{end}", lines.join(end)).into_bytes()
}

/// What a terminal does not show, and what only looks like it.
const GAPS: &[&[u8]] = &[
    b"\x1b[31m",
    b"\x1b[0m",
    b"\x1b[1;38;5;200m",
    b"\x1b]0;ab\x07",
    b"\x1b]8;;a\x1b\\",
    b"\x1b(B",
    b"\r",
    b"\r\n",
    b"\n",
    b"\n  ",
    b"\x1b",
    b"\x1b[3",
    b"\x1b]0;a",
    b"\x1b[31m\x1b[K\r",
];

type Case = (Vec<Vec<u8>>, Vec<u8>, Vec<usize>, usize);

fn case() -> impl Strategy<Value = Case> {
    proptest::collection::vec(value(), 1..6).prop_flat_map(|values| {
        let text = proptest::collection::vec(piece(values.clone()), 0..12).prop_map(|pieces| pieces.concat());
        (Just(values), text, proptest::collection::vec(0usize..12, 0..40), 0usize..6)
    })
}

proptest! {
    // More with PROPTEST_CASES.
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(3_000)))]

    #[test]
    fn holds((values, text, cuts, split) in case(), width in proptest::option::of(3usize..20)) {
        let values: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
        check(&grown(&values, split), &text, &cuts, width)?;
    }

    /// What controls a terminal, in values and beside them: of few letters, so that much of it fits together.
    #[test]
    fn holds_beside_controls((values, text, cuts) in controls(), width in proptest::option::of(3usize..20)) {
        let mut builder = Patterns::builder();
        values.iter().zip(["A", "B", "m"].iter().cycle()).for_each(|(value, label)| builder.as_it_is(label, value));
        check(&builder.build(), &text, &cuts, width)?;
    }
}

/// Values without their encodings, and a text of pieces of them and of what a terminal may take for a control sequence.
fn controls() -> impl Strategy<Value = (Vec<Vec<u8>>, Vec<u8>, Vec<usize>)> {
    let letters =
        |letters: &'static [u8], least| proptest::collection::vec(proptest::sample::select(letters), least..8);
    let value = prop_oneof![
        4 => letters(b"ab", 3),
        2 => letters(b"abm", 3),
        2 => letters(b"abm1\x1b[];", 3),
        1 => letters(b"abm\x1b[]\r\n\x07\\P( ", 3),
    ];
    let part = |values: Vec<Vec<u8>>| {
        (proptest::sample::select(values), any::<[prop::sample::Index; 2]>()).prop_map(|(value, ends)| {
            let [a, b] = ends.map(|end| end.index(value.len() + 1));
            value[a.min(b)..a.max(b)].to_vec()
        })
    };
    let piece = move |values: Vec<Vec<u8>>| {
        prop_oneof![
            4 => (
                proptest::sample::select(values.clone()),
                any::<prop::sample::Index>(),
                proptest::collection::vec(proptest::sample::select(CONTROLS), 1..3),
                part(values.clone()),
            ).prop_map(|(value, at, gaps, behind)| {
                let at = at.index(value.len() + 1);
                [&value[..at], &gaps.concat(), &value[at..], &behind].concat()
            }),
            3 => part(values),
            1 => proptest::sample::select(CONTROLS).prop_map(<[u8]>::to_vec),
            1 => letters(b"abm1\x1b[]\r\n\x07\\P( ", 0),
        ]
    };
    proptest::collection::vec(value, 1..4).prop_flat_map(move |values| {
        let text = proptest::collection::vec(piece(values.clone()), 0..6).prop_map(|pieces| pieces.concat());
        (Just(values), text, proptest::collection::vec(0usize..8, 0..20))
    })
}

/// Sequences of the letters that the values have, and broken ones.
const CONTROLS: &[&[u8]] = &[
    b"\x1ba",
    b"\x1bb",
    b"\x1bm",
    b"\x1b[m",
    b"\x1b[1m",
    b"\x1b[a",
    b"\x1b(b",
    b"\x1b]a\x07",
    b"\x1b]ab\x1b\\",
    b"\r",
    b"\r\n",
    b"\n",
    b"\x1b",
    b"\x1bP",
    b"\x1b[1",
    b"\x1b]a",
];

fn check(patterns: &Patterns, text: &[u8], cuts: &[usize], width: Option<usize>) -> Result<(), TestCaseError> {
    let whole = patterns.redact_bytes(text).into_owned();
    prop_assert_eq!(show(&whole), show(&reference(patterns, text, None)), "the search against the reference");
    prop_assert_eq!(show(&streamed(patterns, text, cuts, None)), show(&whole), "cut into writes");
    prop_assert_eq!(show(&streamed(patterns, text, &vec![1; text.len()], None)), show(&whole), "byte by byte");
    prop_assert!(patterns.find(&whole).is_none(), "the output contains no pattern: {:?}", show(&whole));
    prop_assert_eq!(patterns.redact_bytes(&whole), whole.as_slice(), "twice is once");
    prop_assert_eq!(patterns.find(text).is_some(), whole != text);
    let folded = show(&reference(patterns, text, width));
    prop_assert_eq!(show(&streamed(patterns, text, &[], width)), folded.clone(), "with a width");
    prop_assert_eq!(show(&streamed(patterns, text, cuts, width)), folded.clone(), "with a width, cut");
    prop_assert_eq!(show(&streamed(patterns, text, &vec![1; text.len()], width)), folded, "with a width, by byte");
    Ok(())
}

/// What proptest has found.
#[test]
fn holds_where_a_gap_and_what_stands_beside_it_would_be_a_value() -> Result<(), TestCaseError> {
    let cases: [(&[&[u8]], &[u8]); 6] = [
        // The letter of a sequence that stays, and the text behind it.
        (&[b"aabaaaa", b"abb"], b"aab\x1baaaaabb\x1b[31m"),
        (&[b"aabaaaa", b"master-key"], b"aab\x1b[31maaaaaster-key"),
        // The text before a sequence that stays, and its beginning.
        (&[b"aabaaaa", b"key\x1b[0"], b"keyaab\x1b[0maaaa"),
        (&[b"aabaaaa", b"b\x1b[1m\x1b"], b"b\x1b[1maab\x1b[0maaaa"),
        // What would be a sequence with the label, and is none without it.
        (&[b"Pabcdef", b"aab]aab"], b"aab\x1bPabcdefaab"),
        (&[b"first\nsecond", b"aabaaaa"], b"aab\x1b]0;first\nsecond\x07aaaa"),
    ];
    for (values, text) in cases {
        check(&patterns(values), text, &[], None)?;
    }
    Ok(())
}

fn show(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// What is held back is exactly the longest suffix that could still become part of a match, as the text stands or as it
/// is seen.
#[test]
fn holds_back_no_more_than_it_must() {
    proptest!(|((values, text, _, _) in case())| {
        let values: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
        let patterns = patterns(&values);
        let mut redactor = Redactor::new(patterns.clone());
        redactor.push(&text, &mut Vec::new());
        let strong: Vec<&[u8]> = patterns.inner().indexes().flat_map(|index| index.forms()).map(|(form, _)| form).collect();
        let must = |text: &[u8]| {
            let could = |from: usize| {
                strong.iter().any(|form| form.len() > text.len() - from && form.starts_with(&text[from..]))
            };
            (0..text.len()).find(|from| could(*from)).map_or(0, |from| text.len() - from)
        };
        let exact = patterns.inner().bounded().next().is_none() && !text.contains(&0x1b) && !text.contains(&b'\r');
        if exact {
            prop_assert_eq!(redactor.pending(), must(&text));
        } else {
            prop_assert!(redactor.pending() >= must(&text));
        }
    });
}
