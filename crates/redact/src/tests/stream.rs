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
    assert_eq!(steps(&patterns, &["Password: ", "ok\n10 of 20\r"]), ["Password: ", "ok\n10 of 20\r", ""]);
    // A percent sign begins a value of which every byte is encoded for a URL.
    assert_eq!(steps(&patterns, &["10%", "\r20% "]), ["10", "%\r20% ", ""]);
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

#[test]
fn a_value_that_is_coloured_halfway() {
    let patterns = patterns(&[b"hunter2-long", b"1234"]);
    let whole = |text: &str| super::text(&patterns, text);
    assert_eq!(whole("\x1b[1mhunter2-long\x1b[0m!"), "\x1b[1m[A]\x1b[0m!");
    assert_eq!(whole("\x1b[1mhun\x1b[0mter2-\x1b[36mlong\x1b[0m!"), "\x1b[1m\x1b[0m\x1b[36m[A]\x1b[0m!");
    assert_eq!(whole("pin \x1b[1m1234\x1b[0m x\x1b[1m12\x1b[22m34"), "pin \x1b[1m[B]\x1b[0m x\x1b[1m\x1b[22m[B]");
    // A command that holds a value goes as a whole: a part of it would be read as something else.
    assert_eq!(whole("\x1b]8;;http://h/hunter2-long\x1b\\x\x1b]8;;\x1b\\"), "[A]x\x1b]8;;\x1b\\");
    // What stands in a command within a value goes as well.
    assert_eq!(whole("hunter2\x1b]0;hunter2-long\x07-long"), "[A]");
    assert_eq!(
        steps(&patterns, &["hunter2", "\x1b", "[0", "m", "-long", "!"]),
        ["", "", "", "", "\x1b[0m[A]", "!", ""]
    );
    assert_eq!(steps(&patterns, &["hunter2", "\x1b[0m", " ok"]), ["", "", "hunter2\x1b[0m ok", ""]);
}

#[test]
fn a_colour_without_a_value_before_it_comes_out_at_once() {
    let patterns = patterns(&[b"hunter2-long"]);
    assert_eq!(steps(&patterns, &["\x1b[31mred\x1b[0m", " \x1b[", "1m"]), ["\x1b[31mred\x1b[0m", " ", "\x1b[1m", ""]);
}

#[test]
fn carriage_returns_in_a_value() {
    let patterns = patterns(&[b"first-line-of-it\nsecond-line-of-it", b"hunter2-long"]);
    let whole = |text: &str| super::text(&patterns, text);
    assert_eq!(whole("> first-line-of-it\r\nsecond-line-of-it\r\n"), "> [A]\r\n");
    assert_eq!(whole("hunter2\r-long.\r\n"), "[B].\r\n");
}

#[test]
fn a_value_folded_at_the_width_of_the_terminal() {
    let patterns = patterns(&[b"hunter2-hunter2-hunter2-long"]);
    let fold = |width: Option<u16>, text: &str| {
        let (mut redactor, mut out) = (Redactor::new(patterns.clone()), Vec::new());
        redactor.set_width(width);
        redactor.push(text.as_bytes(), &mut out);
        redactor.finish(&mut out);
        String::from_utf8(out).expect("UTF-8")
    };
    // Twenty columns: "token hunter2-hunter" is full.
    assert_eq!(fold(Some(20), "token hunter2-hunter\r\n2-hunter2-long.\r\n"), "token \r\n[A].\r\n");
    assert_eq!(fold(Some(20), "token hunter2-hunter\n      2-hunter2-long.\n"), "token \n      [A].\n");
    assert_eq!(fold(Some(21), "\x1b[1mtoken hunter2-hunter\x1b[0m\n2-hunter2-long."), "\x1b[1mtoken \x1b[0m\n[A].");
    let untouched = "token hunter2-hunter\n2-hunter2-long.\n";
    assert_eq!(fold(Some(80), untouched), untouched);
    assert_eq!(fold(None, untouched), untouched);
}

#[test]
fn a_flood_of_colours_is_not_held_back_for_ever() {
    let patterns = patterns(&[b"hunter2-long"]);
    let (mut redactor, mut out) = (Redactor::new(patterns), Vec::new());
    redactor.push(b"h", &mut out);
    for _ in 0..10_000 {
        redactor.push(b"\x1b[0m", &mut out);
        assert!(redactor.pending() < 5_000);
    }
    redactor.finish(&mut out);
    assert_eq!(out.len(), 1 + 4 * 10_000);
}

#[test]
fn counts_without_text() {
    let mut patterns = patterns(&[b"hunter2-long", b"battery-staple"]);
    let mut redactor = Redactor::new(patterns.clone());
    let mut out = Vec::new();
    redactor.push(b"hunter2-long hunter2-longhunter2-long battery-staple ", &mut out);
    let mut builder = patterns.extend();
    builder.value("NEW", &SecretBytes::from("correct-horse".to_owned())).expect("accepted");
    patterns = builder.build();
    redactor.set_patterns(patterns.clone());
    redactor.push(b"correct-horse battery-staple", &mut out);
    redactor.finish(&mut out);
    let counts: Vec<(String, u64)> = redactor.counts().into_iter().collect();
    assert_eq!(counts, [("A".to_owned(), 3), ("B".to_owned(), 2), ("NEW".to_owned(), 1)]);
    assert_eq!(redactor.masked(), 6);
    let mut counts = crate::Counts::default();
    patterns.redact_counted(b"battery-staple", &mut counts);
    patterns.redact_counted(b"correct", &mut counts);
    assert_eq!(counts.by_label(&patterns).into_iter().collect::<Vec<_>>(), [("B".to_owned(), 1)]);
}
