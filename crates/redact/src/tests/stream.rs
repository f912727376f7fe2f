//! What a reader at the other end of a stream sees, and when.

use tegmen_secret::SecretBytes;

use super::patterns;
use crate::{Patterns, Redactor};

/// What comes out after each write, and at the end.
fn steps(patterns: &Patterns, writes: &[&str]) -> Vec<String> {
    let mut redactor = Redactor::new(patterns.clone());
    let mut out: Vec<String> = writes
        .iter()
        .map(|write| {
            let mut out = Vec::new();
            redactor.push(write.as_bytes(), &mut out);
            String::from_utf8(out).expect("UTF-8")
        })
        .collect();
    let mut rest = Vec::new();
    redactor.finish(&mut rest);
    out.push(String::from_utf8(rest).expect("UTF-8"));
    out
}

#[test]
fn a_prompt_comes_out_at_once() {
    let patterns = patterns(&[b"hunter2-long"]);
    assert_eq!(steps(&patterns, &["Password: ", "ok\n10%\r"]), ["Password: ", "ok\n10%\r", ""]);
}

#[test]
fn the_longer_of_two_values_leaves_no_tail() {
    let patterns = patterns(&[b"hunter2", b"hunter2-long"]);
    assert_eq!(steps(&patterns, &["x hunter2", "-lo", "ng y"]), ["x ", "", "[B] y", ""]);
    assert_eq!(steps(&patterns, &["x hunter2", " y"]), ["x ", "[A] y", ""]);
    assert_eq!(steps(&patterns, &["x hunter2"]), ["x ", "[A]"]);
}

#[test]
fn a_value_that_overlaps_itself_across_writes() {
    let patterns = patterns(&[b"abcabcabc"]);
    assert_eq!(steps(&patterns, &["-abcabc", "abcabc-"]), ["-", "[A]-", ""]);
    // The label is out as soon as it is certain; the span goes on without another one.
    assert_eq!(steps(&patterns, &["-abcabcabc", "abc", "abx"]), ["-[A]", "", "abx", ""]);
}

#[test]
fn a_value_of_several_lines_survives_a_line_reader() {
    let patterns = patterns(&[b"first-line-of-it\nsecond-line-of-it"]);
    assert_eq!(steps(&patterns, &["> first-line-of-it\n", "second-line-of-it\n"]), ["> ", "[A]\n", ""]);
    assert_eq!(steps(&patterns, &["> second-line-of-it\n"]), ["> [A]\n", ""]);
}

#[test]
fn a_beginning_at_the_end_is_not_the_secret() {
    let patterns = patterns(&[b"correct-horse-battery"]);
    assert_eq!(steps(&patterns, &["correct-horse"]), ["", "correct-horse"]);
}

#[test]
fn a_beginning_in_a_stream_that_was_cut_off_is_masked() {
    let patterns = patterns(&[b"correct-horse-battery"]);
    let cut = |text: &[u8]| {
        let (mut redactor, mut out) = (Redactor::new(patterns.clone()), Vec::new());
        redactor.push(text, &mut out);
        redactor.finish_cut(&mut out);
        String::from_utf8(out).expect("UTF-8")
    };
    assert_eq!(cut(b"key=correct-horse"), "key=[A]");
    assert_eq!(cut(b"key=correct"), "key=correct", "under eight bytes");
    assert_eq!(cut(b"key=correct-horse-batterycorrect-horse"), "key=[A][A]");
    assert_eq!(cut(b"done\n"), "done\n");
}

#[test]
fn patterns_can_change_between_writes() {
    let mut builder = Patterns::builder();
    builder.value("OLD", &SecretBytes::from("hunter2-old-value".to_owned())).expect("accepted");
    let mut redactor = Redactor::new(builder.build());
    let mut out = Vec::new();
    redactor.push(b"hunter2-", &mut out);
    assert_eq!(redactor.pending(), 8);
    let mut builder = Patterns::builder();
    builder.value("NEW", &SecretBytes::from("hunter2-new-value".to_owned())).expect("accepted");
    redactor.set_patterns(builder.build());
    redactor.push(b"new-value.", &mut out);
    redactor.finish(&mut out);
    assert_eq!(out, b"[NEW].");
}

#[test]
fn bytes_that_are_no_text_pass() {
    let patterns = patterns(&[b"hunter2-long"]);
    let noise: Vec<u8> = (0..=255).cycle().take(3000).collect();
    assert_eq!(patterns.redact_bytes(&noise), noise);
}
