//! The law of the redactor: whichever way a text is cut into writes, the result is that of the whole, it contains no
//! value, and redacting it again changes nothing. The search itself is held against one that tries every form at every
//! place.
//!
//! Input: values, separated by 0xFF, then 0xFE, one byte of width, the text. A 0xFD in the text is a cut, 0xFC puts the
//! first value there, 0xFB base64 in lines with the first value in it.

#![no_main]

use base64::{Engine, engine::general_purpose::STANDARD};
use libfuzzer_sys::fuzz_target;
use tegmen_redact::{Patterns, Redactor, reference};
use tegmen_secret::SecretBytes;

const VALUE: u8 = 0xff;
const TEXT: u8 = 0xfe;
const CUT: u8 = 0xfd;
const HERE: u8 = 0xfc;
const LINES: u8 = 0xfb;

fuzz_target!(|data: &[u8]| {
    let Some(middle) = data.iter().position(|byte| *byte == TEXT) else { return };
    let (values, rest) = (&data[..middle], &data[middle + 1..]);
    let Some((width, text)) = rest.split_first() else { return };
    let values: Vec<&[u8]> = values.split(|byte| *byte == VALUE).filter(|value| value.len() >= 3).take(6).collect();
    let Some(first) = values.first() else { return };

    // The first half at once, the others added one by one: several layers.
    let mut builder = Patterns::builder();
    let (together, later) = values.split_at(values.len().div_ceil(2));
    for value in together {
        let _ = builder.value("A", &SecretBytes::new(value.to_vec()));
    }
    let mut patterns = builder.build();
    for value in later {
        let mut builder = patterns.extend();
        let _ = builder.value("B", &SecretBytes::new(value.to_vec()));
        patterns = builder.build();
    }

    let lines = lines(first, *width);
    let pieces: Vec<Vec<u8>> = text
        .split(|byte| *byte == CUT)
        .map(|piece| piece.iter().flat_map(|byte| filled(byte, first, &lines)).copied().collect())
        .collect();
    let text = pieces.concat();
    let whole = patterns.redact_bytes(&text).into_owned();
    assert_eq!(whole, reference::redact(&patterns, &text, None), "the search");
    assert_eq!(streamed(&patterns, pieces.iter().map(Vec::as_slice), 0), whole, "cut into writes");
    assert_eq!(streamed(&patterns, text.chunks(1), 0), whole, "byte by byte");
    assert!(patterns.find(&whole).is_none(), "the output contains a value");
    assert_eq!(patterns.redact_bytes(&whole), whole, "twice is once");
    let columns = (*width > 0).then_some(usize::from(*width));
    let folded = streamed(&patterns, [text.as_slice()].into_iter(), *width);
    assert_eq!(folded, reference::redact(&patterns, &text, columns), "with a width");
    assert_eq!(streamed(&patterns, pieces.iter().map(Vec::as_slice), *width), folded, "with a width, cut");
    assert_eq!(streamed(&patterns, text.chunks(1), *width), folded, "with a width, byte by byte");
    for value in values.iter().map(|value| value.trim_ascii()).filter(|value| value.len() >= 6) {
        let strong = patterns.find(&[b"x", value, b"x"].concat()).is_some();
        assert!(!strong || !whole.windows(value.len()).any(|window| window == value), "a value in clear");
    }
});

/// Base64 in lines, with the value at a place that depends on `number`.
fn lines(value: &[u8], number: u8) -> Vec<u8> {
    let (before, width, end) = (30 + usize::from(number % 32), [64, 76][usize::from(number >> 5 & 1)], number >> 6);
    let encoded = STANDARD.encode([&vec![b'x'; before], value, b"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"].concat());
    let end: &[u8] = if end & 1 == 1 { b"\r\n" } else { b"\n" };
    let lines: Vec<&[u8]> = encoded.as_bytes().chunks(width).collect();
    [end, &lines.join(end), end].concat()
}

/// What stands for a byte.
fn filled<'a>(byte: &'a u8, value: &'a [u8], lines: &'a [u8]) -> &'a [u8] {
    match *byte {
        HERE => value,
        LINES => lines,
        _ => std::slice::from_ref(byte),
    }
}

fn streamed<'a>(patterns: &Patterns, pieces: impl Iterator<Item = &'a [u8]>, width: u8) -> Vec<u8> {
    let (mut redactor, mut out) = (Redactor::new(patterns.clone()), Vec::new());
    redactor.set_width(Some(width.into()));
    pieces.for_each(|piece| redactor.push(piece, &mut out));
    redactor.finish(&mut out);
    out
}
