//! Weak values, and labels that would give something away.

use tegmen_secret::SecretBytes;

use super::{patterns, text};
use crate::{Patterns, Refused, Weakness};

fn secret(value: &str) -> SecretBytes {
    SecretBytes::from(value.to_owned())
}

#[test]
fn an_empty_value_is_refused_and_masks_nothing() {
    let mut builder = Patterns::builder();
    for empty in ["", " ", "\r\n"] {
        assert_eq!(builder.value("KEY", &secret(empty)), Err(Refused::Empty { label: "KEY".into() }));
    }
    assert!(matches!(builder.value("KEY", &secret("x")), Err(Refused::TooShort { .. })));
    builder.literal("KEY", "");
    let patterns = builder.build();
    assert!(patterns.is_empty());
    assert_eq!(text(&patterns, "x and nothing else"), "x and nothing else");
}

#[test]
fn no_message_contains_the_value() {
    let mut builder = Patterns::builder();
    let error = builder.value("PIN", &secret("qz")).expect_err("two bytes");
    assert!(builder.value("PIN", &secret("qzx7")).is_ok());
    let said = format!("{error} {error:?} {} {builder:?} {:?}", builder.warnings()[0], builder.warnings());
    assert!(!said.contains("qz") && said.contains("PIN"), "{said}");
    let patterns = builder.build();
    assert!(!format!("{patterns:?} {:?}", crate::Redactor::new(patterns.clone())).contains("qz"));
}

#[test]
fn short_values_match_as_whole_words() {
    let patterns = patterns(&[b"1234"]);
    assert_eq!(text(&patterns, "pin=1234, order 12345, 1234"), "pin=[A], order 12345, [A]");
}

#[test]
fn common_words_match_as_whole_words_and_are_warned_about() {
    let mut builder = Patterns::builder();
    builder.value("DB", &secret("postgres")).expect("accepted");
    builder.value("PIN", &secret("1234")).expect("accepted");
    builder.value("KEY", &secret("hunter2")).expect("accepted");
    let weak: Vec<_> = builder.warnings().iter().map(|warning| (warning.label.as_str(), warning.weakness)).collect();
    assert_eq!(weak, [("DB", Weakness::CommonWord), ("PIN", Weakness::Short)]);
    assert_eq!(text(&builder.build(), "postgres: postgresql hunter2x"), "[DB]: postgresql [KEY]x");
}

#[test]
fn a_short_value_beside_a_masked_one_stands_alone_too() {
    let patterns = patterns(&[b"hunter2-hunter2", b"1234"]);
    assert_eq!(text(&patterns, "hunter2-hunter21234 x1234hunter2-hunter2"), "[A][B] x1234[A]");
}

#[test]
fn the_first_label_of_a_value_is_shown() {
    let patterns = patterns(&[b"hunter2-one", b"hunter2-one"]);
    assert_eq!(text(&patterns, "hunter2-one"), "[A]");
}

#[test]
fn a_label_that_contains_a_value_is_not_shown() {
    let mut builder = Patterns::builder();
    builder.value("API_KEY", &secret("API_KEY")).expect("accepted");
    builder.value("OTHER", &secret("hunter2-other")).expect("accepted");
    assert_eq!(text(&builder.build(), "API_KEY hunter2-other"), "[…] [OTHER]");
}

#[test]
fn a_label_inside_a_value_is_not_shown() {
    let mut builder = Patterns::builder();
    builder.value("K", &secret("hunter2")).expect("accepted");
    builder.value("L", &secret("before[K]after")).expect("accepted");
    assert_eq!(text(&builder.build(), "beforehunter2after"), "before[…]after");
}

#[test]
fn the_edge_of_a_label_never_completes_a_value() {
    let patterns = patterns(&[b"hunter2-one", b"]correct-horse", b"battery-staple["]);
    let out = text(&patterns, "hunter2-onecorrect-horse battery-staplehunter2-one");
    assert_eq!(out, "[A][B] [C][A]");
    let short = super::patterns(&[b"hunter2-one", b"]abcde"]);
    assert_eq!(text(&short, "hunter2-oneabcdefgh"), "⟦A⟧abcdefgh");
}

#[test]
fn a_set_grows_without_a_rebuild() {
    let mut patterns = patterns(&[b"hunter2-hunter2"]);
    for number in 0..200 {
        let mut builder = patterns.extend();
        builder.value("TOKEN", &secret(&format!("tok-{number:03}-{}", number * 7919))).expect("accepted");
        builder.value("A", &secret("hunter2-hunter2")).expect("known already");
        patterns = builder.build();
    }
    assert_eq!(text(&patterns, "hunter2-hunter2 tok-000-0 tok-199-1575881."), "[A] [TOKEN] [TOKEN].");
    assert!(patterns.inner().layers.len() <= 6, "{}", patterns.inner().layers.len());
    let one = patterns.extend().build();
    assert_eq!(format!("{one:?}"), format!("{patterns:?}"));
}

#[test]
fn a_value_that_comes_later_can_hide_a_label() {
    let first = patterns(&[b"hunter2-hunter2", b"]correct-horse"]);
    let mut builder = first.extend();
    builder.value("NEW[A", &secret("see [A] there")).expect("accepted");
    assert_eq!(text(&builder.build(), "see hunter2-hunter2 there"), "see […] there");
}
