//! What `make bench-redact` measures beside the command line. Standard input to standard output:
//! `throughput stream|lines|bare COUNT`; and `throughput memory|extend COUNT`, which read nothing and say what a value
//! costs.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, clippy::print_stderr, reason = "a measurement")]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;

use tegmen_redact::{Patterns, Redactor};
use tegmen_secret::SecretBytes;

const PIECE: usize = 64 * 1024;
const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const KEYBOARD: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789!#$%&()*+,-./:;<=>?@^_~\"'\\";

/// Numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn text(&mut self, letters: &[u8], length: usize) -> String {
        let mut letter = || {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            char::from(letters[(self.0 >> 11) as usize % letters.len()])
        };
        (0..length).map(|_| letter()).collect()
    }
}

/// Keys of letters and digits, passwords with everything on the keyboard: half and half.
fn value(numbers: &mut Numbers, number: usize) -> String {
    match number % 2 {
        0 => format!("key_{}", numbers.text(LETTERS, 32)),
        _ => format!("x{}x", numbers.text(KEYBOARD, 20)),
    }
}

fn patterns(count: usize) -> Patterns {
    let (mut builder, mut numbers) = (Patterns::builder(), Numbers(0x5eed));
    for number in 0..count {
        let value = SecretBytes::from(value(&mut numbers, number));
        // So many are records of a pool.
        if count > 1_000 { builder.record("KEY", &value).unwrap() } else { builder.value("KEY", &value).unwrap() }
    }
    builder.build()
}

/// Seconds of processor time that the process has taken so far (proc_pid_schedstat, in nanoseconds).
fn processor() -> f64 {
    let taken = std::fs::read_to_string("/proc/self/schedstat").unwrap();
    taken.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1e9
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let count: usize = arguments[2].parse().unwrap();
    let input = File::from(std::io::stdin().as_fd().try_clone_to_owned().unwrap());
    let output = File::from(std::io::stdout().as_fd().try_clone_to_owned().unwrap());
    match arguments[1].as_str() {
        "stream" => stream(&input, &output, &patterns(count), &[]),
        "lines" => stream(&input, &output, &patterns(count), b"\n"),
        "bare" => bare(&input, &output, count),
        "memory" => memory(count),
        "extend" => extend(count),
        _ => panic!("stream, lines, bare, memory or extend"),
    }
}

/// Says how long the preparation took, and the rate since then.
fn say(prepared: f64, total: usize) {
    let rate = total as f64 / 1e9 / (processor() - prepared);
    eprintln!("prepared in {prepared:.2} s, {rate:.3} GB/s, {} MB at the most", resident().1 / 1_000_000);
}

/// Through the redactor, in writes as they are read, or cut behind every byte of `ends` too.
fn stream(mut input: &File, mut output: &File, patterns: &Patterns, ends: &[u8]) {
    let prepared = processor();
    let mut redactor = Redactor::new(patterns.clone());
    let (mut chunk, mut out) = (vec![0; PIECE], Vec::with_capacity(2 * PIECE));
    let mut total = 0;
    loop {
        let length = input.read(&mut chunk).unwrap();
        total += length;
        if length == 0 {
            redactor.finish(&mut out);
            say(prepared, total);
            return output.write_all(&out).unwrap();
        }
        let (mut from, text) = (0, &chunk[..length]);
        for end in ends.iter().flat_map(|end| memchr::memchr_iter(*end, text)) {
            redactor.push(&text[from..=end], &mut out);
            from = end + 1;
        }
        redactor.push(&text[from..], &mut out);
        output.write_all(&out).unwrap();
        out.clear();
    }
}

/// A multi-pattern search as others would write it, without encodings and blind to what two chunks share.
fn bare(mut input: &File, mut output: &File, count: usize) {
    let mut numbers = Numbers(0x5eed);
    let values: Vec<String> = (0..count).map(|number| value(&mut numbers, number)).collect();
    let search = aho_corasick::AhoCorasick::builder()
        .match_kind(aho_corasick::MatchKind::LeftmostLongest)
        .build(&values)
        .unwrap();
    let prepared = processor();
    let (mut chunk, mut out) = (vec![0; PIECE], Vec::with_capacity(2 * PIECE));
    let mut total = 0;
    loop {
        let length = input.read(&mut chunk).unwrap();
        total += length;
        if length == 0 {
            return say(prepared, total);
        }
        let text = &chunk[..length];
        let mut written = 0;
        for found in search.find_iter(text) {
            out.extend_from_slice(&text[written..found.start()]);
            out.extend_from_slice(b"[KEY]");
            written = found.end();
        }
        out.extend_from_slice(&text[written..]);
        output.write_all(&out).unwrap();
        out.clear();
    }
}

/// So many tokens, one after the other, each in a new set as a run makes it; all under one name and each under its own.
fn extend(count: usize) {
    for names in [1, count] {
        let (mut patterns, mut numbers) = (Patterns::builder().build(), Numbers(0x70c3));
        let (before, mut most) = (processor(), 0.0_f64);
        for number in 0..count {
            let started = processor();
            let mut builder = patterns.extend();
            let token = SecretBytes::from(numbers.text(LETTERS, 40));
            builder.value_or_record(&format!("TOKEN_{}", number % names), &token).unwrap();
            patterns = builder.build();
            most = most.max(processor() - started);
        }
        let taken = processor() - before;
        println!(
            "{count} tokens, {names} names: {:.3} ms each, {:.0} ms at the most, {} MB ({patterns:?})",
            taken / count as f64 * 1e3,
            most * 1e3,
            resident().0 / 1_000_000
        );
    }
}

/// Bytes of memory that the process has now, and the most it had (proc_pid_status(5)).
fn resident() -> (usize, usize) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let field = |name: &str| -> usize {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
    };
    (field("VmRSS"), field("VmHWM"))
}

fn memory(count: usize) {
    for (what, is_record) in [("record", true), ("value", false)] {
        let before = resident().0;
        let (mut builder, mut numbers) = (Patterns::builder(), Numbers(0x5eed));
        for _ in 0..count {
            let value = SecretBytes::from(numbers.text(LETTERS, 32));
            if is_record { builder.record("KEY", &value).unwrap() } else { builder.value("KEY", &value).unwrap() }
        }
        let patterns = builder.build();
        let (now, most) = resident();
        let each = |bytes: usize| bytes / count;
        println!(
            "{what}: {} bytes each, {} at the most while building ({patterns:?})",
            each(now - before),
            each(most - before)
        );
    }
}
