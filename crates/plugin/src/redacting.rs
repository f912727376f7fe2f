//! Texts and heads of answers on their way to somebody: no value and no placeholder is left in them that should not be.

use std::borrow::Cow;

use tegmen_redact::Counts;
use tegmen_wire::{finder::Form, placeholder::TOKEN_LEN, table::Binding};

use crate::{Client, ClientError, reflection};

impl Client {
    /// Whether a placeholder of this run, in any form, stands in the bytes.
    pub fn carries(&self, bytes: &[u8]) -> bool {
        self.shared.book().finder().hits(bytes)
    }

    /// The names of the secrets whose placeholder stands in the bytes as it is.
    ///
    /// # Errors
    /// When the shared memory cannot be read.
    pub fn names_in(&mut self, bytes: &[u8]) -> Result<Vec<String>, ClientError> {
        self.keep_up()?;
        let books = [self.shared.book(), self.local.book()];
        let mut names: Vec<String> = Vec::new();
        let mut from = 0;
        while let Some((at, form)) = self.shared.book().finder().find(bytes, from) {
            let found = books.iter().find_map(|book| book.entry_at(bytes, at, form));
            let name = found.map_or_else(|| "a secret".to_owned(), |entry| entry.binding.name.clone());
            if !names.contains(&name) {
                names.push(name);
            }
            from = at + if form == Form::Plain { TOKEN_LEN } else { 1 };
        }
        Ok(names)
    }

    /// The text with `[NAME]` in the place of every placeholder and every value; `None` when it holds none. With a
    /// channel (one of [`protocol::CHANNELS`]) the broker is told how often, now or a little later.
    ///
    /// # Errors
    /// When the shared memory cannot be read.
    pub fn redact(&mut self, text: &[u8], channel: Option<&'static str>) -> Result<Option<Vec<u8>>, ClientError> {
        self.keep_up()?;
        let mut nowhere = Counts::default();
        let counts = channel.map_or(&mut nowhere, |channel| self.masked.of(channel));
        let redacted = match self.patterns.patterns().redact_counted(text, counts) {
            Cow::Borrowed(_) => None,
            Cow::Owned(redacted) => Some(redacted),
        };
        if redacted.is_some() && channel.is_some() && self.masked.is_due() {
            self.tell_counts();
        }
        Ok(redacted)
    }

    /// As [`Self::redact`], for a text that may quote others and have cut them: what is left of a value goes too.
    ///
    /// # Errors
    /// When the shared memory cannot be read.
    pub fn redact_cut(&mut self, text: &[u8], channel: Option<&'static str>) -> Result<Option<Vec<u8>>, ClientError> {
        let redacted = self.redact(text, channel)?;
        Ok(self.pieces.mask(redacted.as_deref().unwrap_or(text)).or(redacted))
    }

    /// The fields in the head of a response with placeholders where values stand; `None` when nothing stands there.
    ///
    /// # Errors
    /// When the shared memory cannot be read.
    pub fn reflected(&mut self, head: &[u8]) -> Result<Option<Vec<u8>>, ClientError> {
        self.keep_up()?;
        let Some(cleaned) = self.without_values(head) else { return Ok(None) };
        if cleaned.cookies.is_empty() {
            return Ok(Some(cleaned.head));
        }
        for (binding, value) in cleaned.cookies {
            let binding = Binding { env: Vec::new(), reveal: false, ..binding };
            let text = String::from_utf8_lossy(value.expose()).into_owned();
            self.take_in(binding, &value, text)?;
        }
        Ok(self.without_values(head).map(|cleaned| cleaned.head))
    }

    fn without_values(&self, head: &[u8]) -> Option<reflection::Cleaned> {
        let (shared, local) = (self.shared.values(&self.reader), self.local.values());
        let secrets = reflection::Secrets([(self.shared.book(), &shared), (self.local.book(), &local)]);
        reflection::cleaned(self.patterns.patterns(), self.issued.patterns(), &secrets, head)
    }
}
