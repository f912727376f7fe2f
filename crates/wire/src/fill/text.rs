//! Tokens in a text become values, through an encoding that the caller gives.

use zeroize::Zeroizing;

use super::{Clear, Filler, Layer, Reason, Refusal, Result};
use crate::{
    finder::Form,
    place::Place,
    placeholder::TOKEN_LEN,
    table::{Entry, Span, TokenEntry},
};

/// A placeholder, or a part of one, that was found in a text.
pub(super) struct Hit<'a> {
    pub(super) layer: &'a Layer<'a>,
    pub(super) entry: &'a Entry,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) span: Span,
    pub(super) is_whole: bool,
}

/// Puts a value into its place: the bytes before it in the text, and the value. Refuses with a reason.
pub(super) type Encode<'e> = &'e mut dyn FnMut(Context<'_>, &[u8]) -> std::result::Result<Vec<u8>, &'static str>;

/// What surrounds a value.
pub(super) struct Context<'t> {
    pub(super) before: &'t [u8],
    pub(super) after: &'t [u8],
}

impl<'a> Filler<'a> {
    /// The value as it is.
    pub(super) fn raw(&self, text: &[u8], place: &Place, depth: usize) -> Result<Clear> {
        self.replace(text, place, depth, &mut |_, value| Ok(value.to_vec()))
    }

    /// Replaces every token in `text`.
    pub(super) fn replace(&self, text: &[u8], place: &Place, depth: usize, encode: Encode<'_>) -> Result<Clear> {
        let mut out = Zeroizing::new(Vec::with_capacity(text.len() + 256));
        let mut done = 0;
        while let Some((at, form)) = self.find(text, done) {
            let (start, end, value, entry) = match form {
                Form::Plain => {
                    let hit = self.hit(text, at, done)?;
                    (hit.start, hit.end, self.value(hit.layer, hit.entry, hit.span, place)?, Some(hit.entry))
                }
                Form::Base64(offset) => {
                    let run = self.base64(text, done, at, offset, place, depth)?;
                    (run.start, run.end, run.text, None)
                }
                Form::Cut => return Err(self.refuse_at(text, at, form, Reason::Cut)),
                Form::Unusable(how) => return Err(self.refuse_at(text, at, form, Reason::Unusable(how.shown()))),
            };
            append(&mut out, &text[done..start]);
            let context = Context { before: &text[..start], after: &text[end..] };
            let encoded = encode(context, &value).map_err(|why| {
                let reason = Reason::Impossible(place.clone(), why);
                entry.map_or_else(|| self.refuse_any(reason.clone()), |entry| self.refuse(entry, reason.clone()))
            })?;
            append(&mut out, &Zeroizing::new(encoded));
            done = end;
        }
        append(&mut out, &text[done..]);
        Ok(out)
    }

    pub(super) fn find(&self, text: &[u8], from: usize) -> Option<(usize, Form)> {
        self.layers.first()?.book.finder().find(text, from)
    }

    /// What the token at `at` belongs to: the whole placeholder if it stands there, else the part.
    pub(super) fn hit(&self, text: &[u8], at: usize, not_before: usize) -> Result<Hit<'a>> {
        let Some((layer, entry, token)) = self.look_up(&text[at..]) else {
            return Err(self.refuse_unknown(text, at));
        };
        let whole = entry.placeholder.as_bytes();
        if let Some(start) = at.checked_sub(token.offset)
            && start >= not_before
            && text[start..].starts_with(whole)
        {
            return Ok(Hit { layer, entry, start, end: start + whole.len(), span: entry.whole, is_whole: true });
        }
        let end = at + TOKEN_LEN + token.filler;
        match text.get(at + TOKEN_LEN..end) {
            Some(filler) if filler.iter().all(|byte| *byte == b'x') => {
                Ok(Hit { layer, entry, start: at, end, span: token.part, is_whole: false })
            }
            _ => Err(self.refuse(entry, Reason::Cut)),
        }
    }

    /// A refusal where a tag belongs to no secret: it was cut, or what it stood for is gone.
    fn refuse_unknown(&self, text: &[u8], at: usize) -> super::Error {
        let is_digit = |byte: &u8| byte.is_ascii_digit() || byte.is_ascii_lowercase();
        let is_whole = text.get(at..at + TOKEN_LEN).is_some_and(|token| token.iter().all(is_digit));
        if is_whole {
            return Refusal::unnamed(&self.origin, Reason::Unknown).into();
        }
        self.refuse_at(text, at, Form::Cut, Reason::Cut)
    }

    /// Where whole placeholders stand: those of documents and URLs hold quotes and more.
    pub(super) fn wholes(&self, text: &[u8]) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        let mut from = 0;
        while let Some((at, _)) = self.find(text, from) {
            from = at + 1;
            if let Ok(hit) = self.hit(text, at, 0)
                && hit.is_whole
            {
                found.push((hit.start, hit.end));
                from = hit.end.max(from);
            }
        }
        found
    }

    /// A refusal that names the secret whose token was found there, if that can be told.
    pub(super) fn refuse_at(&self, text: &[u8], at: usize, form: Form, reason: Reason) -> super::Error {
        match self.layers.iter().find_map(|layer| layer.book.entry_at(text, at, form)) {
            Some(entry) => self.refuse(entry, reason),
            None => self.refuse_any(reason),
        }
    }

    /// A refusal that names the first secret in the text.
    pub(super) fn refuse_in(&self, text: &[u8], reason: Reason) -> super::Error {
        match self.find(text, 0) {
            Some((at, form)) => self.refuse_at(text, at, form, reason),
            None => self.refuse_any(reason),
        }
    }

    fn look_up(&self, text: &[u8]) -> Option<(&'a Layer<'a>, &'a Entry, &'a TokenEntry)> {
        self.layers.iter().find_map(|layer| {
            let (entry, token) = layer.book.look_up(text)?;
            Some((layer, entry, token))
        })
    }

    /// Whether `text` is one whole placeholder and nothing else.
    pub(super) fn is_placeholder(&self, text: &[u8]) -> bool {
        let Some((at, Form::Plain)) = self.find(text, 0) else { return false };
        self.look_up(&text[at..]).is_some_and(|(_, entry, _)| entry.placeholder.as_bytes() == text)
    }

    /// The value of the placeholder that `text` is, and its secret.
    pub(super) fn whole_value(&self, text: &[u8], place: &Place) -> Result<Option<Clear>> {
        if !self.is_placeholder(text) {
            return Ok(None);
        }
        let Some((at, _)) = self.find(text, 0) else { return Ok(None) };
        let hit = self.hit(text, at, 0)?;
        self.value(hit.layer, hit.entry, hit.span, place).map(Some)
    }
}

/// Appends without leaving an unwiped copy behind when the buffer has to grow.
pub fn append(out: &mut Clear, bytes: &[u8]) {
    if out.capacity() - out.len() < bytes.len() {
        let mut larger = Zeroizing::new(Vec::with_capacity((out.len() + bytes.len()) * 2));
        larger.extend_from_slice(out);
        *out = larger;
    }
    out.extend_from_slice(bytes);
}
