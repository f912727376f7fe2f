//! Values that are born while the test runs: what it protects, what the target issues. From then on the redactors of this
//! process and of the broker look for them.

use tegmen_redact::{Added, PatternsBuilder};
use tegmen_secret::SecretBytes;
use tegmen_wire::{
    finder,
    placeholder::{ANONYMOUS, Placeholder, disguises},
    protocol::{self, Tell},
    table::{Binding, Entry},
};

use crate::{Client, ClientError, answers};

/// The longest value that is taken into protection, in bytes; escaped, and with its placeholder, it fits into a message.
pub(crate) const LONGEST: usize = protocol::MAX_MESSAGE / 4;

/// Of a token so many bytes at its beginning are masked also where a text was cut in them.
const PIECES: usize = 64;

impl Client {
    /// Takes a value that was born in the test into protection, bound to the test's own target, and gives its
    /// placeholder. The redactor of the broker learns it as well.
    ///
    /// # Errors
    /// When the broker is gone, or the value is longer than a message can be.
    pub fn protect(&mut self, name: &str, value: String) -> Result<String, ClientError> {
        // Before anybody holds a placeholder: the message carries both.
        if value.len() > LONGEST {
            return Err(ClientError::TooLong(name.to_owned()));
        }
        let seal = self.shared.seals_all();
        let binding = Binding { name: name.to_owned(), seal, ..Binding::default() };
        self.protect_bound(binding, value)
    }

    /// The same with rules of its own.
    pub(crate) fn protect_bound(&mut self, binding: Binding, value: String) -> Result<String, ClientError> {
        let bytes = SecretBytes::new(value.clone().into_bytes());
        self.take_in(binding, &bytes, value)
    }

    /// The same for a value that need not be text; `text` is how the broker is told of it. Nobody gets a placeholder that the
    /// broker does not know: it would come out in clear.
    pub(crate) fn take_in(
        &mut self,
        binding: Binding,
        value: &SecretBytes,
        text: String,
    ) -> Result<String, ClientError> {
        let name = binding.name.clone();
        let (placeholder, is_new) = self.local.add(binding, value)?;
        if is_new {
            self.look_for(&name, value, Some(&placeholder));
            if let Err(error) = self.teach_value(&name, &placeholder, text) {
                self.local.take_back(&placeholder);
                return Err(error);
            }
            self.seal_new(&placeholder);
        }
        Ok(placeholder)
    }

    /// Lets the redactors know a value that gets no placeholder.
    ///
    /// # Errors
    /// When the broker is gone.
    pub fn learn(&mut self, name: &str, value: String) -> Result<(), ClientError> {
        self.look_for(name, &SecretBytes::new(value.clone().into_bytes()), None);
        self.teach_value(name, "", value)
    }

    /// Lets the redactors know a token that the target has issued, or that was made for it: with thousands of users there
    /// are thousands, so that only the last ones are kept. Whether it is new.
    ///
    /// # Errors
    /// When the broker is gone.
    pub fn issued(&mut self, name: &str, value: &str) -> Result<bool, ClientError> {
        if value.len() > LONGEST || self.carries(value.as_bytes()) {
            return Ok(false);
        }
        if self.issued.token(name, value.as_bytes()) == Added::Not {
            return Ok(false);
        }
        // A secret that the answer repeats has its name already.
        if self.patterns.patterns().find(value.as_bytes()).is_some_and(|(range, _)| range.len() == value.len()) {
            return Ok(false);
        }
        let pieces = |value: &[u8]| value.len().min(PIECES);
        match self.patterns.token(name, value.as_bytes()) {
            Added::Not => return Ok(false),
            Added::New => self.pieces.add_issued(name, &value.as_bytes()[..pieces(value.as_bytes())]),
            Added::Turned => {
                self.pieces.forget_issued();
                for (name, value) in self.patterns.tokens() {
                    self.pieces.add_issued(name, &value[..pieces(value)]);
                }
            }
        }
        self.teach(&Tell::Token { name: name.to_owned(), value: value.to_owned() }, name)?;
        Ok(true)
    }

    /// Lets the redactors know the credentials in an answer's body and in its `Set-Cookie` lines. How many were new.
    ///
    /// # Errors
    /// When the broker is gone.
    pub fn learn_answer(&mut self, body: &[u8], cookies: &[&str]) -> Result<usize, ClientError> {
        let mut new = 0;
        let cookies = cookies.iter().filter_map(|line| answers::in_cookie(line));
        let born = self.answers.in_body(body);
        for born in born.into_iter().chain(cookies) {
            new += usize::from(self.issued(&born.name, &born.value)?);
        }
        Ok(new)
    }

    /// Lets the redactors know the sessions among the cookies of a request that carries a secret. An open page may have set
    /// them: from a login on they are somebody's.
    pub(crate) fn learn_sessions(&mut self, cookies: &[u8]) -> Result<(), ClientError> {
        for born in self.answers.in_sent_cookies(cookies) {
            self.issued(&born.name, &born.value)?;
        }
        Ok(())
    }

    /// Whether a token that the target has issued stands in the bytes. Quick where it has issued none.
    pub fn carries_issued(&self, bytes: &[u8]) -> bool {
        self.has_issued() && self.issued.patterns().find(bytes).is_some()
    }

    /// Lets outputs be searched for a field of a record that was checked out.
    pub(crate) fn look_for_lent(&mut self, label: &str, value: &SecretBytes, placeholder: &Placeholder) {
        self.seal_new(&placeholder.text);
        self.look_for(label, value, Some(&placeholder.text));
        for token in placeholder.tokens.iter().filter(|token| token.is_sensitive && token.part != *value) {
            self.look_for(label, &token.part, None);
        }
    }

    /// Lets outputs be searched for the secrets of the broker.
    pub(crate) fn look_for_shared(&mut self) {
        let Self { shared, reader, pieces, patterns, .. } = self;
        let all = shared.known(reader);
        patterns.extend(|builder| {
            for text in finder::texts(&shared.book().table().tag) {
                builder.literal(ANONYMOUS, &text);
            }
            for entry in &shared.book().table().entries {
                look_for_placeholder(builder, entry);
            }
            for known in &all {
                // What is too short to be looked for was said by the broker before the run began.
                let _ = builder.value(&known.name, &known.value);
            }
        });
        for known in all.iter().filter(|known| !known.is_document) {
            pieces.add_forms(&known.name, known.value.expose());
        }
    }

    /// Lets outputs be searched for a value that was born in this process, and for its placeholder if it has one.
    pub(crate) fn look_for(&mut self, name: &str, value: &SecretBytes, placeholder: Option<&str>) {
        let entry = placeholder.and_then(|text| self.local.entry(text));
        self.patterns.extend(|builder| {
            if let Some(entry) = entry {
                // The whole of it too: it may go on after its token, to be as long as the value.
                builder.mark(name, &entry.placeholder);
                for token in entry.tokens.iter().filter(|token| token.text != entry.placeholder) {
                    builder.mark(name, &token.text);
                }
            }
            let _ = builder.value_or_record(name, value);
        });
        // There may be thousands of them, one for each simulated user: not in every form.
        self.pieces.add(name, value.expose());
    }

    /// Has answers be searched for a new secret of this process, if that is wanted.
    pub(crate) fn seal_new(&mut self, placeholder: &str) {
        let Self { local, sealing, .. } = self;
        if let Some(entry) = local.entry(placeholder).filter(|entry| entry.binding.seal) {
            sealing.add(entry, &local.values());
        }
    }
}

fn look_for_placeholder(builder: &mut PatternsBuilder, entry: &Entry) {
    builder.literal(&entry.binding.name, &entry.placeholder);
    for token in &entry.tokens {
        for text in disguises(&token.text) {
            builder.literal(&entry.binding.name, &text);
        }
    }
}
