//! `seal_responses`: where an answer repeats the value of a secret, Python sees the placeholder again.

use tegmen_redact::{Patterns, PatternsBuilder, Redactor};
use tegmen_secret::SecretBytes;
use tegmen_sys::shared::Reader;
use tegmen_wire::{
    origin::{Origin, Scheme},
    table::{Binding, Entry, Values},
};

use crate::{Client, ClientError, shared::Shared};

/// The values that are taken out of answers, each shown as its placeholder.
pub struct Sealing {
    patterns: Patterns,
    /// Which publication of the broker is in it.
    generation: Option<u64>,
}

impl Default for Sealing {
    fn default() -> Self {
        Self { patterns: Patterns::builder().build(), generation: None }
    }
}

impl Sealing {
    /// Takes in what the broker has published. What was a value before may still come back.
    fn keep_up(&mut self, shared: &Shared, reader: &Reader) {
        if self.generation == Some(shared.generation()) {
            return;
        }
        let values = shared.values(reader);
        let mut builder = self.patterns.extend().bare();
        for entry in shared.book().table().entries.iter().filter(|entry| entry.binding.seal) {
            add(&mut builder, entry, &values);
        }
        self.patterns = builder.build();
        self.generation = Some(shared.generation());
    }

    /// Takes in a secret of this process.
    pub fn add(&mut self, entry: &Entry, values: &dyn Values) {
        let mut builder = self.patterns.extend().bare();
        add(&mut builder, entry, values);
        self.patterns = builder.build();
    }
}

fn add(builder: &mut PatternsBuilder, entry: &Entry, values: &dyn Values) {
    let parts = entry.tokens.iter().filter(|token| token.is_sensitive && token.part.len != entry.whole.len);
    let parts = parts.map(|token| (token.text.as_str(), token.part));
    for (shown, span) in std::iter::once((entry.placeholder.as_str(), entry.whole)).chain(parts) {
        if let Some(value) = values.copy(span) {
            // What is too short to be looked for was said before the run began.
            let _ = builder.value_or_record(shown, &SecretBytes::new(value.to_vec()));
        }
    }
}

/// One answer on its way to Python.
pub struct Sealer(Redactor);

impl Sealer {
    /// The next bytes of the body; gives what is decided.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len() + 64);
        self.0.push(bytes, &mut out);
        out
    }

    /// The rest of it.
    pub fn finish(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        self.0.finish(&mut out);
        out
    }
}

impl Client {
    /// Whether answers from there are sealed: a host to which a sealed secret may be sent can repeat it.
    ///
    /// # Errors
    /// When the shared memory cannot be read.
    pub fn seals(&mut self, scheme: Scheme, host: &str, port: u16) -> Result<bool, ClientError> {
        if !self.seals_any()? {
            return Ok(false);
        }
        let origin = Origin::new(scheme, host, Some(port));
        let books = [self.shared.book(), self.local.book()];
        let mut sealed = books.iter().flat_map(|book| &book.table().entries).filter(|entry| entry.binding.seal);
        Ok(sealed.any(|entry| entry.binding.permits(&origin, &self.targets)))
    }

    /// What an answer goes through.
    ///
    /// # Errors
    /// When the shared memory cannot be read.
    pub fn sealer(&mut self) -> Result<Sealer, ClientError> {
        self.keep_up()?;
        self.keep_sealing_up();
        Ok(Sealer(Redactor::new(self.sealing.patterns.clone())))
    }

    /// Takes the credentials in an answer's body into protection, so that the script gets their placeholders: bound to the
    /// test's own target, and to where they came from.
    ///
    /// # Errors
    /// When the broker is gone.
    pub fn seal_tokens(&mut self, body: &[u8], scheme: Scheme, host: &str, port: u16) -> Result<(), ClientError> {
        self.keep_up()?;
        self.keep_sealing_up();
        for born in self.answers.in_body(body) {
            let known = self.sealing.patterns.find(born.value.as_bytes());
            let is_known = known.is_some_and(|(range, _)| range.len() == born.value.len());
            if is_known || self.carries(born.value.as_bytes()) || born.value.len() > crate::learning::LONGEST {
                continue;
            }
            let mut hosts = self.targets.clone();
            hosts.push(Origin::new(scheme, host, Some(port)));
            let binding = Binding { name: born.name, hosts: Some(hosts), seal: true, ..Binding::default() };
            self.protect_bound(binding, born.value)?;
        }
        Ok(())
    }

    fn keep_sealing_up(&mut self) {
        let Self { sealing, shared, reader, .. } = self;
        sealing.keep_up(shared, reader);
    }
}
