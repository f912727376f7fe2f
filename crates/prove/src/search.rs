//! The search: canaries in everything that came out, in every form in which the redactor knows a value, whole and in
//! pieces that hold eight bytes of it.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    ops::Range,
};

use tegmen_redact::Patterns;
use tegmen_secret::SecretBytes;

/// How many bytes of a canary in a row give it away. So many do not stand anywhere by chance.
pub const PIECE: usize = 8;

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The number of the secret, in the order in which they were added.
    pub secret: usize,
    /// Where.
    pub at: Range<usize>,
    /// Whether the whole of a part of the canary is there, and not only a piece.
    pub is_whole: bool,
}

struct Form {
    secret: usize,
    bytes: Vec<u8>,
    /// How many bytes of this form hold [`PIECE`] bytes of the canary.
    needed: usize,
    /// A form of a canary that is shorter than a piece: found whole, and as a word.
    is_word: bool,
}

/// Looks for canaries. They are nobody's secrets: it holds them as they are.
pub struct Searcher {
    names: Vec<String>,
    forms: Vec<Form>,
    /// Each window of eight bytes, and in which form at which place it stands.
    windows: HashMap<u64, Vec<(u32, u32)>, BuildHasherDefault<Mix>>,
    /// Whether there may be a window: a bit for each of its hashes.
    filter: Vec<u64>,
    /// The redactor's own search, which sees through colours and folds of a terminal.
    patterns: Patterns,
}

/// The numbers are mixed before they come here.
#[derive(Default)]
struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = mix(self.0 ^ u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = mix(number);
    }
}

fn mix(number: u64) -> u64 {
    let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed ^ mixed >> 29
}

/// Bits of the filter: 128 KiB, which stay in a core's cache.
const FILTER_BITS: u64 = 1 << 20;

impl Searcher {
    /// For those canaries: for each the name of its secret, and the parts that give it away.
    pub fn new<'a>(canaries: impl IntoIterator<Item = (&'a str, &'a [SecretBytes])>) -> Self {
        let mut searcher = Self {
            names: Vec::new(),
            forms: Vec::new(),
            windows: HashMap::default(),
            filter: vec![0; FILTER_BITS as usize / 64],
            patterns: Patterns::builder().build(),
        };
        let mut patterns = Patterns::builder();
        for (secret, (name, parts)) in canaries.into_iter().enumerate() {
            searcher.names.push(name.to_owned());
            for part in parts {
                // One that is too short for the redactor is looked for as a word below.
                let _ = patterns.value(name, part);
                searcher.add(secret, part);
                // As a part of a host's name it is asked for, and dialled, in small letters.
                let small = part.expose().to_ascii_lowercase();
                if part.len() >= PIECE && small != part.expose() {
                    searcher.add_form(secret, part, small);
                }
            }
        }
        searcher.patterns = patterns.build();
        searcher
    }

    fn add(&mut self, secret: usize, part: &SecretBytes) {
        for bytes in tegmen_redact::forms(part) {
            self.add_form(secret, part, bytes.to_vec());
        }
    }

    fn add_form(&mut self, secret: usize, part: &SecretBytes, bytes: Vec<u8>) {
        let is_word = part.len() < PIECE;
        let needed = (PIECE * bytes.len()).div_ceil(part.len().max(1)).max(PIECE);
        let number = self.forms.len() as u32;
        if !is_word {
            for (offset, window) in bytes.windows(PIECE).enumerate() {
                let key = window_key(window);
                let bit = mix(key) % FILTER_BITS;
                self.filter[(bit / 64) as usize] |= 1 << (bit % 64);
                self.windows.entry(key).or_default().push((number, offset as u32));
            }
        }
        self.forms.push(Form { secret, bytes, needed, is_word });
    }

    /// The names of the secrets, by their numbers.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Everything that is in the bytes. Hits do not overlap.
    pub fn search(&self, text: &[u8]) -> Vec<Hit> {
        let mut hits = Vec::new();
        let mut at = 0;
        while let Some(window) = text.get(at..at + PIECE) {
            let key = window_key(window);
            let bit = mix(key) % FILTER_BITS;
            if self.filter[(bit / 64) as usize] >> (bit % 64) & 1 == 1
                && let Some(hit) = self.windows.get(&key).and_then(|places| self.longest(text, at, places))
            {
                at = hit.at.end;
                hits.push(hit);
            } else {
                at += 1;
            }
        }
        for form in self.forms.iter().filter(|form| form.is_word) {
            let found = memchr::memmem::find_iter(text, &form.bytes).map(|start| start..start + form.bytes.len());
            hits.extend(found.filter(|range| is_word(text, range)).map(|at| Hit {
                secret: form.secret,
                at,
                is_whole: true,
            }));
        }
        hits
    }

    /// The longest piece of a form that begins with the window at that place, if it holds enough.
    fn longest(&self, text: &[u8], at: usize, places: &[(u32, u32)]) -> Option<Hit> {
        let runs = places.iter().filter_map(|(form, offset)| {
            let form = self.forms.get(*form as usize)?;
            let rest = form.bytes.get(*offset as usize..)?;
            let length = rest.iter().zip(&text[at..]).take_while(|(one, other)| one == other).count();
            let is_whole = *offset == 0 && length == form.bytes.len();
            (length >= form.needed || is_whole).then_some(Hit { secret: form.secret, at: at..at + length, is_whole })
        });
        runs.max_by_key(|hit| (hit.is_whole, hit.at.len()))
    }

    /// The numbers of the secrets that a terminal would show in this text, colours and folds taken away, beyond what
    /// [`search`](Self::search) finds.
    pub fn shown(&self, text: &[u8]) -> Vec<usize> {
        let mut counts = tegmen_redact::Counts::default();
        let _ = self.patterns.redact_counted(text, &mut counts);
        let counts = counts.by_label(&self.patterns);
        (0..self.names.len()).filter(|number| counts.contains_key(&self.names[*number])).collect()
    }

    /// A piece of the text around a hit, with `[NAME]` in the place of everything that was found in it.
    pub fn sample(&self, text: &[u8], at: &Range<usize>) -> String {
        const AROUND: usize = 48;
        let start = at.start.saturating_sub(AROUND);
        let end = (at.end + AROUND).min(text.len());
        let mut shown = String::new();
        let mut done = start;
        // What is cut at the edges may begin or end in the middle of a canary: look at more than is shown.
        let (wide_start, wide_end) = (start.saturating_sub(512), (end + 512).min(text.len()));
        for hit in self.search(&text[wide_start..wide_end]) {
            let (from, to) = (hit.at.start + wide_start, hit.at.end + wide_start);
            if to <= done || from >= end {
                continue;
            }
            shown.push_str(&readable(&text[done..from.max(done)]));
            shown.push_str(&format!("[{}]", self.names[hit.secret]));
            done = to;
        }
        if done < end {
            shown.push_str(&readable(&text[done..end]));
        }
        let (before, after) = (if start > 0 { "…" } else { "" }, if end < text.len() { "…" } else { "" });
        format!("{before}{shown}{after}")
    }
}

fn window_key(window: &[u8]) -> u64 {
    window.iter().fold(0, |key, byte| key << 8 | u64::from(*byte))
}

fn is_word(text: &[u8], range: &Range<usize>) -> bool {
    let inside = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    !inside(range.start.checked_sub(1).and_then(|before| text.get(before))) && !inside(text.get(range.end))
}

/// One line, without control characters.
fn readable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars().map(|char| if char.is_control() || char == '\u{FFFD}' { '·' } else { char }).collect()
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::STANDARD};

    use super::*;

    fn searcher(value: &str) -> Searcher {
        Searcher::new([("KEY", &[SecretBytes::from(value.to_owned())][..])])
    }

    const VALUE: &str = "kR7/qZ+2mW9xTb=4LcV8";

    #[test]
    fn whole_and_in_pieces_in_every_form() {
        let searcher = searcher(VALUE);
        let url: String = percent_encoding::utf8_percent_encode(VALUE, percent_encoding::NON_ALPHANUMERIC).to_string();
        let hex: String = VALUE.bytes().map(|byte| format!("{byte:02x}")).collect();
        for text in [VALUE.to_owned(), format!("a {VALUE} b"), STANDARD.encode(format!("xy:{VALUE}z")), url, hex] {
            let hits = searcher.search(text.as_bytes());
            assert!(hits.iter().any(|hit| hit.secret == 0), "{text}");
        }
        for piece in VALUE.as_bytes().windows(PIECE) {
            let hits = searcher.search(&[b"..", piece, b".."].concat());
            assert_eq!(hits.len(), 1);
            assert!(!hits[0].is_whole);
        }
        for short in VALUE.as_bytes().windows(PIECE - 1) {
            assert_eq!(searcher.search(&[b"..", short, b".."].concat()), []);
        }
        assert!(searcher.search(VALUE.as_bytes())[0].is_whole);
    }

    #[test]
    fn a_sample_shows_the_name_and_nothing_of_the_canary() {
        let searcher = searcher(VALUE);
        let text = format!("GET / HTTP/1.1\r\nAuthorization: Bearer {VALUE}\r\nX: {}", &VALUE[..12]);
        let hit = &searcher.search(text.as_bytes())[0];
        let sample = searcher.sample(text.as_bytes(), &hit.at);
        assert!(sample.contains("Bearer [KEY]··X: [KEY]"), "{sample}");
        assert_eq!(searcher.search(sample.as_bytes()), []);
    }

    #[test]
    fn small_letters_are_found_as_names_of_hosts_have_them() {
        let searcher = searcher("kR7qZ2mW9xTbLcV8");
        assert_eq!(searcher.search(b"kr7qz2mw9xtblcv8.example.net").len(), 1);
        assert_eq!(searcher.search(b"KR7QZ2MW9XTBLCV8.example.net"), []);
    }

    #[test]
    fn colours_and_folds_hide_nothing() {
        let searcher = searcher(VALUE);
        let text = format!("{}\x1b[31m{}\x1b[0m{}", &VALUE[..6], &VALUE[6..12], &VALUE[12..]);
        assert_eq!(searcher.shown(text.as_bytes()), [0]);
        assert_eq!(searcher.shown(b"nothing here"), [0; 0]);
    }

    #[test]
    fn a_short_one_is_found_as_a_word_only() {
        let searcher = searcher("7319");
        assert_eq!(searcher.search(b"port 57319 in use"), []);
        assert_eq!(searcher.search(b"pin=7319&x").len(), 1);
    }
}
