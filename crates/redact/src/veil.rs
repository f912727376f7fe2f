//! What a reader does not see: the sequences of a terminal, and line breaks that only its width asked for. A value that
//! is coloured halfway, or that a program folded at the right edge, is the value all the same.
//!
//! A stretch of text is looked at twice: as it is, and without its gaps. A gap is
//!
//! - a control sequence (ECMA-48: colours, cursor, character sets; titles and hyperlinks up to a length);
//! - a carriage return;
//! - where the width is known, a line break at the right edge and the indentation behind it;
//! - a line break behind a line of base64 that is as long as mail, PEM and the `base64` tool make them.
//!
//! Nothing here looks ahead but to the end of a control sequence, so a text may be cut anywhere.
//!
//! What only looks like the beginning of a control sequence is seen. If a label came into it, it could be one.

use std::ops::Range;

use zeroize::Zeroizing;

const ESCAPE: u8 = 0x1b;
/// The longest sequence that sets a colour or moves the cursor, in bytes.
const LONGEST_CONTROL: usize = 64;
/// The longest title or hyperlink.
const LONGEST_COMMAND: usize = 1024;
/// So many bytes without anything to see end what went before: nothing is held back for ever.
const LONGEST_RUN: usize = 4096;
/// How many columns short of the width a program folds at the earliest: some leave the last one free.
const MARGIN: usize = 2;

/// The lengths at which base64 is broken into lines: mail and the `base64` tool (RFC 2045), PEM (RFC 7468).
const WRAPS: [usize; 2] = [76, 64];
/// So many bytes are searched for line ends at once.
const BLOCK: usize = 256;
/// A line in which something else than base64 stands, or too much of it.
const OTHER: usize = usize::MAX;

/// What is to be taken for a gap.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct View {
    /// The width of the terminal in columns, if it is known.
    pub(crate) width: Option<usize>,
    /// Whether a form contains a line feed: else the carriage returns of ordinary line ends need no look.
    pub(crate) line_feeds: bool,
}

/// Where in a line, and in a run of gaps, a text goes on.
#[derive(Clone, Copy, Default)]
pub(crate) struct Place {
    column: usize,
    /// How many letters of base64 are all that is in the line so far, or [`OTHER`].
    letters: usize,
    /// The column and the letters before a carriage return that was the last byte.
    returned: Option<(usize, usize)>,
    /// Only blanks have come since a fold.
    indented: bool,
    run: usize,
}

/// A stretch that is not seen.
struct Gap {
    text: Range<usize>,
    /// How many visible bytes come before it.
    visible: usize,
    /// Whether it stays where a value around it goes: the colour behind the value is to be as it was.
    stays: bool,
}

/// What a look at one stretch has shown.
enum Seen {
    Gap { stays: bool },
    Broken,
}

/// A text without its gaps. Kept between texts for its memory.
#[derive(Default)]
pub(crate) struct Veil {
    visible: Zeroizing<Vec<u8>>,
    gaps: Vec<Gap>,
    /// What begins like a control sequence and is none, up to the byte that shows it.
    broken: Vec<Range<usize>>,
    /// Up to here the text is complete.
    complete: usize,
    /// Nothing in the text needed a closer look.
    plain: bool,
}

/// What stands at a place.
enum Token {
    Visible,
    /// The beginning of a sequence, and a byte with which it cannot go on.
    Broken {
        length: usize,
    },
    Gap {
        length: usize,
        stays: bool,
    },
    /// A sequence that has not ended where the text does.
    Incomplete,
}

impl Veil {
    /// Lays the veil over a text. Returns up to where the text is complete: a sequence that may go on begins there.
    pub(crate) fn lay(&mut self, text: &[u8], view: View, place: Place, open: bool) -> usize {
        self.visible.clear();
        self.gaps.clear();
        self.broken.clear();
        self.complete = text.len();
        self.plain =
            view.width.is_none() && memchr::memchr2(ESCAPE, b'\r', text).is_none() && !is_wrapped(text, place.letters);
        if self.plain {
            return text.len();
        }
        let mut from = 0;
        let mut place = place;
        let complete = walk(text, view, &mut place, open, |found, seen| match seen {
            Seen::Gap { stays } => {
                self.visible.extend_from_slice(&text[from..found.start]);
                from = found.end;
                self.gaps.push(Gap { text: found, visible: self.visible.len(), stays });
            }
            Seen::Broken => self.broken.push(found),
        });
        self.complete = complete;
        if complete < text.len() || !self.gaps.is_empty() {
            self.visible.extend_from_slice(&text[from..complete]);
        }
        if complete < text.len() {
            self.gaps.push(Gap { text: complete..text.len(), visible: self.visible.len(), stays: true });
        }
        complete
    }

    /// The place behind the beginning of the text, which ends outside of all gaps.
    pub(crate) fn place_behind(&self, text: &[u8], view: View, mut place: Place) -> Place {
        if !self.plain {
            walk(text, view, &mut place, false, |_, _| ());
        } else if !text.is_empty() {
            (place.run, place.returned) = (0, None);
            let line = memchr::memrchr(b'\n', text).map_or(0, |end| end + 1);
            place.letters = lettered(if line > 0 { 0 } else { place.letters }, &text[line..]);
        }
        place
    }

    /// Whether there is anything that is not seen. Without, the other questions have no answer.
    pub(crate) fn has_gaps(&self) -> bool {
        !self.gaps.is_empty()
    }

    /// Whether a match may take more with it than its own bytes.
    pub(crate) fn may_widen(&self) -> bool {
        self.has_gaps() || !self.broken.is_empty()
    }

    /// The visible bytes.
    pub(crate) fn visible(&self) -> &[u8] {
        &self.visible
    }

    /// Where in the text a visible byte stands, or where the visible ones end.
    pub(crate) fn place_of(&self, visible: usize) -> usize {
        match self.gaps.partition_point(|gap| gap.visible <= visible).checked_sub(1) {
            None => visible,
            Some(last) => visible - self.gaps[last].visible + self.gaps[last].text.end,
        }
    }

    /// The text that some visible bytes span, the gaps between them included. Not for an empty range.
    pub(crate) fn span_of(&self, visible: Range<usize>) -> Range<usize> {
        self.place_of(visible.start)..self.place_of(visible.end - 1) + 1
    }

    /// The number of the visible byte at a place, if what is there can be seen.
    pub(crate) fn visible_at(&self, place: usize) -> Option<usize> {
        match self.gaps.partition_point(|gap| gap.text.start <= place).checked_sub(1) {
            None => Some(place),
            Some(last) if self.gaps[last].text.end > place => None,
            Some(last) => Some(self.gaps[last].visible + (place - self.gaps[last].text.end)),
        }
    }

    /// Whether a gap begins or ends here.
    pub(crate) fn is_edge(&self, place: usize) -> bool {
        let next = self.gaps.partition_point(|gap| gap.text.start < place);
        self.gaps.get(next).is_some_and(|gap| gap.text.start == place)
            || next.checked_sub(1).is_some_and(|last| self.gaps[last].text.end == place)
    }

    /// The place, or the beginning of the sequence in which it lies, broken or not.
    pub(crate) fn outside(&self, place: usize) -> usize {
        self.unbroken(match self.gaps.partition_point(|gap| gap.text.start < place).checked_sub(1) {
            Some(last) if self.gaps[last].text.end > place => self.gaps[last].text.start,
            _ => place,
        })
    }

    /// The place, or the beginning of the broken sequence in which it lies: with a label there it could be a whole one.
    pub(crate) fn unbroken(&self, place: usize) -> usize {
        let before = self.broken.partition_point(|broken| broken.start < place);
        // One may end in the first bytes of the next one, and none ends before the one in front of it.
        let mut place = place;
        for broken in self.broken[..before].iter().rev() {
            if broken.end <= place {
                break;
            }
            place = broken.start;
        }
        place
    }

    /// What is found here in the text as it stands takes whole sequences with it: a part of one would be read as
    /// something else. Returns what goes; no gap in it stays.
    pub(crate) fn widen(&mut self, found: Range<usize>) -> Range<usize> {
        let Range { mut start, mut end } = found;
        let first = self.gaps.partition_point(|gap| gap.text.end <= start);
        for gap in self.gaps[first..].iter_mut().take_while(|gap| gap.text.start < found.end) {
            gap.stays = false;
            if gap.text.end <= self.complete {
                start = start.min(gap.text.start);
                end = end.max(gap.text.end);
            }
        }
        start..end
    }

    /// The gaps that stay, of those within a stretch.
    pub(crate) fn staying(&self, within: Range<usize>) -> impl Iterator<Item = Range<usize>> {
        let first = self.gaps.partition_point(|gap| gap.text.start < within.start);
        let inside = self.gaps[first..].iter().take_while(move |gap| gap.text.end <= within.end);
        inside.filter(|gap| gap.stays).map(|gap| gap.text.clone())
    }
}

/// Whether a line that ends in the text, of which so many letters came before, is a whole line of base64.
fn is_wrapped(text: &[u8], before: usize) -> bool {
    let [long, short] = WRAPS;
    let (mut from, mut before) = (0, before);
    let head = if text.len() > BLOCK { long + 1 } else { text.len() };
    let at_first = memchr::memchr_iter(b'\n', &text[..head]).any(|end| {
        let length = before.saturating_add(end - from);
        let wrapped = WRAPS.contains(&length) && lettered(before, &text[from..end]) == length;
        (from, before) = (end + 1, 0);
        wrapped
    });
    // From there on a line feed at the right distance precedes such a line. Few blocks have one, and without a branch
    // many bytes are compared at once.
    let ends = &text[head..];
    let is_feed = |byte: &u8| u8::from(*byte == b'\n');
    let is_line = |end: usize| {
        let line = |length: usize| text[end - length - 1] == b'\n' && lettered(0, &text[end - length..end]) == length;
        WRAPS.into_iter().any(line)
    };
    at_first
        || ends.chunks(BLOCK).enumerate().map(|(number, ends)| (number * BLOCK, ends)).any(|(at, ends)| {
            let begins = std::iter::zip(&text[at..], &text[at + long - short..]);
            let any = std::iter::zip(ends, begins)
                .fold(0, |any, (end, (long, short))| any | is_feed(end) & (is_feed(long) | is_feed(short)));
            any != 0 && memchr::memchr_iter(b'\n', ends).any(|end| is_line(at + head + end))
        })
}

/// The letters of a line after some more bytes of it.
fn lettered(before: usize, more: &[u8]) -> usize {
    let length = before.saturating_add(more.len());
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte);
    if length <= WRAPS[0] && more.iter().all(is_letter) { length } else { OTHER }
}

/// Goes through a text and calls `found` for every gap and every broken sequence. Returns where it ends, or where an
/// incomplete sequence begins.
fn walk(text: &[u8], view: View, place: &mut Place, open: bool, mut found: impl FnMut(Range<usize>, Seen)) -> usize {
    let mut at = 0;
    while at < text.len() {
        if view.width.is_none() {
            // Nothing but these three begins a gap.
            let next = memchr::memchr3(ESCAPE, b'\r', b'\n', &text[at..]).map_or(text.len(), |next| at + next);
            if next > at {
                (place.run, place.returned) = (0, None);
                place.letters = lettered(place.letters, &text[at..next]);
                at = next;
                continue;
            }
        }
        let token = token(&text[at..], view, place, open);
        match token {
            Token::Gap { length, stays } if place.run + length <= LONGEST_RUN => {
                place.run += length;
                found(at..at + length, Seen::Gap { stays });
                at += length;
            }
            Token::Incomplete => return at,
            Token::Broken { length } | Token::Gap { length, .. } => {
                found(at..at + length, Seen::Broken);
                place.run = 0;
                at += 1;
            }
            Token::Visible => {
                place.run = 0;
                at += 1;
            }
        }
    }
    text.len()
}

fn token(rest: &[u8], view: View, place: &mut Place, open: bool) -> Token {
    let returned = place.returned.take();
    match rest[0] {
        ESCAPE => {
            let sequence = sequence(rest, open);
            if matches!(sequence, Token::Broken { .. }) {
                (place.letters, place.indented) = (OTHER, false);
            }
            sequence
        }
        b'\r' => {
            let wraps = WRAPS.contains(&place.letters);
            let breaks = folds(place.column, view) || wraps;
            place.returned = Some((place.column, place.letters));
            place.indented = false;
            (place.column, place.letters) = (0, 0);
            let ends_line = rest.get(1) == Some(&b'\n');
            if ends_line && !view.line_feeds && view.width.is_none() && !wraps {
                return Token::Visible;
            }
            // Without the line feed that the value has in it, it would lead back to the beginning of the line.
            Token::Gap { length: 1, stays: ends_line && breaks }
        }
        b'\n' => {
            let (column, letters) = returned.unwrap_or((place.column, place.letters));
            (place.column, place.letters) = (0, 0);
            place.indented = folds(column, view);
            let is_gap = place.indented || WRAPS.contains(&letters);
            if is_gap { Token::Gap { length: 1, stays: true } } else { Token::Visible }
        }
        b' ' if place.indented => {
            place.column += 1;
            place.letters = OTHER;
            Token::Gap { length: 1, stays: true }
        }
        byte => {
            place.indented = false;
            place.letters = lettered(place.letters, &rest[..1]);
            place.column = match byte {
                b'\t' => (place.column | 7) + 1,
                0x08 => place.column.saturating_sub(1),
                0x20..=0x7e | 0xc2..=0xe2 => place.column + 1,
                // East Asian characters and pictures take two columns; what goes on a character takes none.
                0xe3..=0xff => place.column + 2,
                _ => place.column,
            };
            Token::Visible
        }
    }
}

/// Whether a line that ends in this column ends because the terminal does.
fn folds(column: usize, view: View) -> bool {
    view.width.is_some_and(|width| column <= width && column + MARGIN >= width)
}

/// A control sequence (ECMA-48, section 5.4, and ISO 2022), or an operating system command as xterm knows them.
fn sequence(rest: &[u8], open: bool) -> Token {
    let is = |at: usize, range: std::ops::RangeInclusive<u8>| rest.get(at).is_some_and(|byte| range.contains(byte));
    let run = |from: usize, most: usize, range: std::ops::RangeInclusive<u8>| {
        (from..most.min(rest.len())).find(|at| !is(*at, range.clone())).unwrap_or(most.min(rest.len()))
    };
    let gap = |length| Token::Gap { length, stays: true };
    let broken = |length: usize| Token::Broken { length: length.min(rest.len()) };
    let cut = |at: usize, most: usize| match open && at == rest.len() && at < most {
        true => Token::Incomplete,
        false => broken((at + 1).min(most)),
    };
    match rest.get(1) {
        None => cut(1, LONGEST_CONTROL),
        Some(b'[') => {
            let end = run(run(2, LONGEST_CONTROL, 0x30..=0x3f), LONGEST_CONTROL, 0x20..=0x2f);
            if end < LONGEST_CONTROL && is(end, 0x40..=0x7e) { gap(end + 1) } else { cut(end, LONGEST_CONTROL) }
        }
        Some(b']') => {
            let end = (2..LONGEST_COMMAND.min(rest.len())).find(|at| rest[*at] < 0x20);
            match end {
                Some(end) if rest[end] == 0x07 => gap(end + 1),
                Some(end) if rest[end] == ESCAPE && is(end + 1, b'\\'..=b'\\') => gap(end + 2),
                Some(end) if rest[end] == ESCAPE => cut(end + 1, LONGEST_COMMAND + 1),
                Some(end) => broken(end + 1),
                None => cut(rest.len(), LONGEST_COMMAND),
            }
        }
        // Commands with contents of their own (pictures): those are text like any other.
        Some(b'P' | b'X' | b'^' | b'_') => broken(2),
        Some(_) => {
            let end = run(1, LONGEST_CONTROL, 0x20..=0x2f);
            if end < LONGEST_CONTROL && is(end, 0x30..=0x7e) { gap(end + 1) } else { cut(end, LONGEST_CONTROL) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_wrapped;

    #[test]
    fn a_whole_line_of_base64_is_seen_wherever_it_lies() {
        for before in 0..600 {
            let text = |line: usize| format!("{}\n{}\n{}", " ".repeat(before), "a".repeat(line), "b\n".repeat(200));
            for line in [64, 76] {
                assert!(is_wrapped(text(line).as_bytes(), 0), "{line} behind {before}");
            }
            for line in [0, 63, 65, 75, 77] {
                assert!(!is_wrapped(text(line).as_bytes(), 0), "{line} behind {before}");
            }
        }
        assert!(is_wrapped(format!("{}\n{}", "a".repeat(60), "b\n".repeat(200)).as_bytes(), 4));
        assert!(!is_wrapped(format!("{}\n{}", "a".repeat(60), "b\n".repeat(200)).as_bytes(), 5));
    }
}
