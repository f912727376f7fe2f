//! [`Redactor`]: redaction of a stream, cut into writes in any way.

use zeroize::Zeroizing;

use crate::counts::Counts;
use crate::patterns::Patterns;
use crate::spans::{Context, Ending, Scratch};

/// A large write is worked through in such pieces, in bytes, so that it stays in the cache.
const PIECE: usize = 64 * 1024;

/// What comes behind something that is held back is worked through in smaller pieces.
const JOINT: usize = 1024;

/// A beginning of a secret of so many bytes is masked at the end of a stream that was cut off.
const TELLING: usize = 8;

/// Redacts a stream. What cannot be part of a secret comes out at once; the rest is held back until it is decided.
///
/// A write in which nothing is found and nothing is held back costs a search and one copy, and no allocation.
pub struct Redactor {
    patterns: Patterns,
    held: Zeroizing<Vec<u8>>,
    context: Context,
    scratch: Scratch,
    counts: Counts,
}

impl Redactor {
    /// A redactor at the beginning of a stream.
    pub fn new(patterns: Patterns) -> Self {
        Self {
            patterns,
            held: Zeroizing::default(),
            context: Context::start(None),
            scratch: Scratch::default(),
            counts: Counts::default(),
        }
    }

    /// The width in columns of the terminal that the text is meant for, `None` or 0 when it is not known: a value that a
    /// program has folded at its right edge is found too. May change between writes.
    pub fn set_width(&mut self, columns: Option<u16>) {
        self.context.width = columns.filter(|columns| *columns > 0).map(usize::from);
    }

    /// How often which label was written so far.
    pub fn counts(&self) -> std::collections::BTreeMap<String, u64> {
        self.counts.by_label(&self.patterns)
    }

    /// How many spans were masked so far.
    pub fn masked(&self) -> u64 {
        self.counts.total()
    }

    /// Takes the next bytes of the stream and appends to `out` what is decided.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        let mut rest = chunk;
        while !rest.is_empty() {
            let piece;
            (piece, rest) = rest.split_at(self.piece(rest));
            if self.held.is_empty() {
                let decided = self.work(piece, Ending::Open, out);
                self.held.extend_from_slice(&piece[decided..]);
            } else {
                let mut text = std::mem::take(&mut self.held);
                text.extend_from_slice(piece);
                let decided = self.work(&text, Ending::Open, out);
                text.drain(..decided);
                self.held = text;
            }
        }
    }

    /// How much of a write is worked through at once. Behind a line feed hardly anything is held back, and what comes
    /// behind what is held back has to be copied.
    fn piece(&self, rest: &[u8]) -> usize {
        let feed = |text| match self.held.is_empty() {
            true => memchr::memrchr(b'\n', text),
            false => memchr::memchr(b'\n', text),
        };
        let most = if self.held.is_empty() { PIECE } else { JOINT.max(self.held.len()) };
        match rest.get(..most) {
            Some(text) => feed(text).map_or(most, |feed| feed + 1),
            None => rest.len(),
        }
    }

    /// The stream has ended: appends the rest to `out`. A beginning of a secret at the very end is not the secret and
    /// comes out as it is.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let text = std::mem::take(&mut self.held);
        self.work(&text, Ending::End, out);
        self.context = Context::start(self.context.width);
    }

    /// The stream was cut off, in the middle of a write as like as not (the writer was killed): as
    /// [`finish`](Self::finish), but a beginning of a secret of eight bytes or more is masked like the secret.
    pub fn finish_cut(&mut self, out: &mut Vec<u8>) {
        let text = std::mem::take(&mut self.held);
        self.scratch.search(self.patterns.inner(), &text, self.context, Ending::Open);
        let beginning = self.scratch.beginning(self.patterns.inner(), &text);
        self.scratch.search(self.patterns.inner(), &text, self.context, Ending::End);
        if let Some((from, label)) = beginning
            && text.len() - from >= TELLING
        {
            self.scratch.mask_from(from, text.len(), label);
        }
        self.render(&text, text.len(), out);
        self.context = Context::start(self.context.width);
    }

    /// How many bytes are held back.
    pub fn pending(&self) -> usize {
        self.held.len()
    }

    /// Looks for other patterns from now on (a value was added or has changed). What is held back is judged anew with
    /// the next write; what is out is out.
    ///
    /// The old patterns are forgotten: whoever wants values masked beyond their rotation builds a set with both.
    pub fn set_patterns(&mut self, patterns: Patterns) {
        self.counts.settle(&self.patterns);
        self.patterns = patterns;
    }

    fn work(&mut self, text: &[u8], ending: Ending, out: &mut Vec<u8>) -> usize {
        let decided = self.scratch.search(self.patterns.inner(), text, self.context, ending);
        self.render(text, decided, out);
        decided
    }

    fn render(&mut self, text: &[u8], decided: usize, out: &mut Vec<u8>) {
        self.context = self.scratch.render(&self.patterns, text, self.context, decided, &mut self.counts, out);
    }
}

/// Shows how much is held back, nothing of it.
impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redactor({:?}, {} bytes held back)", self.patterns, self.held.len())
    }
}
