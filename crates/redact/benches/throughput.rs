//! Megabytes of log text per second: `cargo bench -p tegmen-redact`.

use std::hint::black_box;
use std::sync::LazyLock;

use divan::Bencher;
use divan::counter::BytesCount;
use tegmen_redact::{Patterns, Redactor};
use tegmen_secret::SecretBytes;

const SIZE: usize = 16 * 1024 * 1024;

fn main() {
    divan::main();
}

/// Numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % below
    }

    fn text(&mut self, letters: &[u8], length: usize) -> String {
        (0..length).map(|_| char::from(letters[self.next(letters.len())])).collect()
    }
}

const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const KEYBOARD: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789!#$%&()*+,-./:;<=>?@^_~\"'\\";

/// Keys of letters and digits, passwords with everything on the keyboard: half and half, as a manifest has them.
fn values(count: usize) -> Vec<String> {
    let mut numbers = Numbers(0x5eed);
    (0..count)
        .map(|number| match number % 2 {
            0 => format!("key_{}", numbers.text(LETTERS, 32)),
            _ => numbers.text(KEYBOARD, 20),
        })
        .collect()
}

fn patterns(count: usize) -> Patterns {
    let mut builder = Patterns::builder();
    for (number, value) in values(count).into_iter().enumerate() {
        let accepted = builder.value(&format!("SECRET_{}", number % 100), &SecretBytes::from(value));
        assert!(accepted.is_ok(), "long enough");
    }
    builder.build()
}

/// Lines of some 80 bytes, as a load test logs them; every `hit`-th one has a value in it.
fn log(size: usize, hit: Option<usize>) -> Vec<u8> {
    let (mut numbers, values) = (Numbers(0x10c5), values(20));
    let mut text = Vec::with_capacity(size + 200);
    let mut line = 0;
    while text.len() < size {
        let what = match hit {
            Some(hit) if line % hit == 0 => format!("token={}", values[line % values.len()]),
            _ => format!("session={}", numbers.text(LETTERS, 12)),
        };
        text.extend_from_slice(
            match line % 3 {
                0 => format!(
                    "[2026-11-23 10:{:02}:07,{:03}] worker-1/INFO/shop: GET /orders/{} {what}\n",
                    line % 60,
                    line % 1000,
                    numbers.next(100_000)
                ),
                1 => format!(
                    "DEBUG:urllib3.connectionpool:http://localhost:8089 \"POST /basket {what} HTTP/1.1\" 200 {}\n",
                    numbers.next(5_000)
                ),
                _ => format!(
                    "{{\"time\": {}, \"name\": \"/checkout\", \"response_length\": {}, \"context\": \"{what}\"}}\n",
                    numbers.next(1 << 30),
                    numbers.next(5_000)
                ),
            }
            .as_bytes(),
        );
        line += 1;
    }
    text
}

static CLEAN: LazyLock<Vec<u8>> = LazyLock::new(|| log(SIZE, None));

static LINES: LazyLock<Vec<&[u8]>> = LazyLock::new(|| CLEAN.split_inclusive(|byte| *byte == b'\n').collect());

/// The measure of all things: a copy.
#[divan::bench]
fn copy(bencher: Bencher) {
    bencher.counter(BytesCount::new(CLEAN.len())).bench(|| black_box(&*CLEAN).clone());
}

/// A whole text in which nothing is found.
#[divan::bench(args = [1, 20, 100, 1_000, 10_000, 100_000], sample_count = 10)]
fn clean(bencher: Bencher, secrets: usize) {
    let patterns = patterns(secrets);
    bencher.counter(BytesCount::new(CLEAN.len())).bench(|| patterns.redact_bytes(black_box(&CLEAN)).len());
}

/// The same as a stream, a line a write.
#[divan::bench(args = [1, 20, 100, 10_000], sample_count = 10)]
fn clean_lines(bencher: Bencher, secrets: usize) {
    let patterns = patterns(secrets);
    bencher.counter(BytesCount::new(CLEAN.len())).bench(|| stream(&patterns, LINES.iter().copied()));
}

/// The same as a stream, in the pieces that a pipe gives.
#[divan::bench(args = [1, 20, 100, 10_000], sample_count = 10)]
fn clean_pipe(bencher: Bencher, secrets: usize) {
    let patterns = patterns(secrets);
    bencher.counter(BytesCount::new(CLEAN.len())).bench(|| stream(&patterns, CLEAN.chunks(65_536)));
}

/// A stream with a value in every so manyth line, of 20 secrets.
#[divan::bench(args = [1, 10, 100], sample_count = 10)]
fn hits(bencher: Bencher, every: usize) {
    let (patterns, text) = (patterns(20), log(SIZE, Some(every)));
    bencher.counter(BytesCount::new(text.len())).bench(|| stream(&patterns, text.chunks(65_536)));
}

/// One line of 80 bytes on its own, as a logging filter sees it.
#[divan::bench(args = [1, 20, 10_000])]
fn one_line(bencher: Bencher, secrets: usize) {
    let (patterns, line) = (patterns(secrets), &CLEAN[..80]);
    bencher.counter(BytesCount::new(line.len())).bench(|| patterns.redact_bytes(black_box(line)).len());
}

/// Building the set.
#[divan::bench(args = [20, 1_000, 10_000], sample_count = 3)]
fn build(secrets: usize) -> Patterns {
    patterns(secrets)
}

/// Adding one token to a set, as a test does whose users log in.
#[divan::bench(args = [20, 10_000], sample_count = 50, sample_size = 1)]
fn extend(bencher: Bencher, secrets: usize) {
    let mut patterns = patterns(secrets);
    let mut numbers = Numbers(0x70c3);
    bencher.bench_local(|| {
        let mut builder = patterns.extend();
        let accepted = builder.value("TOKEN", &SecretBytes::from(numbers.text(LETTERS, 40)));
        assert!(accepted.is_ok(), "long enough");
        patterns = builder.build();
    });
}

fn stream<'a>(patterns: &Patterns, writes: impl Iterator<Item = &'a [u8]>) -> usize {
    let (mut redactor, mut out, mut total) = (Redactor::new(patterns.clone()), Vec::new(), 0);
    for write in writes {
        redactor.push(black_box(write), &mut out);
        total += out.len();
        out.clear();
    }
    redactor.finish(&mut out);
    total + out.len()
}
