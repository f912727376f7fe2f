//! [`Client`]: what the plugin does with the broker's secrets and its own.

use std::os::fd::{AsRawFd, OwnedFd};

use tegmen_redact::Patterns;
use tegmen_secret::SecretBytes;
use tegmen_sys::{channel::Channel, shared::Reader};
use tegmen_wire::{
    fill::{self, Clear, Filled, Layer, Request},
    origin::Origin,
    protocol::{self, Tell},
    sign,
    table::{Book, Entry, Form, Span, Values},
};

use crate::{ClientError, connect, local::Local, shared::Shared};

/// How often a request is filled again when the values change meanwhile.
const TRIES: usize = 100;

/// A process's connection to the broker.
pub struct Client {
    channel: Channel,
    reader: Reader,
    files: Vec<(String, OwnedFd)>,
    shared: Shared,
    local: Local,
    /// Everything that was ever a value in this run: what went out before may still come back.
    known: Vec<(String, SecretBytes)>,
    patterns: Patterns,
    targets: Vec<Origin>,
}

impl Client {
    /// Asks the broker at `address`, which stands in the environment; `package` is the version of the Python package.
    ///
    /// # Errors
    /// When there is no broker, or it says no.
    pub fn connect(address: &str, package: &str) -> Result<Self, ClientError> {
        let connect::Connection { channel, reader, files } = connect::connect(address, package)?;
        let shared = Shared::read(&reader)?;
        let local = Local::new(shared.book().table())?;
        let known = shared.known(&reader);
        let patterns = Patterns::builder().build();
        let mut client = Self { channel, reader, files, shared, local, known, patterns, targets: Vec::new() };
        client.rebuild_patterns();
        Ok(client)
    }

    /// Reads the table again if the broker has published a new one.
    fn keep_up(&mut self) -> Result<(), ClientError> {
        if self.shared.is_stale(&self.reader) {
            self.shared = Shared::read(&self.reader)?;
            for one in self.shared.known(&self.reader) {
                if !self.known.contains(&one) {
                    self.known.push(one);
                }
            }
            self.rebuild_patterns();
        }
        Ok(())
    }

    fn rebuild_patterns(&mut self) {
        let mut builder = Patterns::builder();
        for book in [self.shared.book(), self.local.book()] {
            for entry in &book.table().entries {
                builder.literal(&entry.binding.name, &entry.placeholder);
                for token in &entry.tokens {
                    builder.literal(&entry.binding.name, &token.text);
                }
            }
        }
        let known = self.known.iter().map(|(name, value)| (name.as_str(), value)).chain(self.local.known());
        for (name, value) in known {
            // What is too short to be looked for was said by the broker before the run began.
            let _ = builder.value(name, value);
        }
        self.patterns = builder.build();
    }

    /// The secrets of the broker.
    ///
    /// # Errors
    /// When the shared memory cannot be read.
    pub fn entries(&mut self) -> Result<impl Iterator<Item = &Entry>, ClientError> {
        self.keep_up()?;
        Ok(self.shared.book().table().entries.iter())
    }

    /// The names of the secrets that are served as files, and the numbers of their descriptors.
    pub fn files(&self) -> Vec<(String, i32)> {
        self.files.iter().map(|(name, file)| (name.clone(), file.as_raw_fd())).collect()
    }

    /// Adds an origin that the test was started against.
    pub fn add_target(&mut self, origin: Origin) {
        if !self.targets.contains(&origin) {
            self.targets.push(origin);
        }
    }

    /// The placeholder of the secret of that name, or of that variable.
    ///
    /// # Errors
    /// When the shared memory cannot be read.
    pub fn placeholder(&mut self, name: &str) -> Result<Option<String>, ClientError> {
        self.keep_up()?;
        let books = [self.shared.book(), self.local.book()];
        Ok(books.iter().find_map(|book| book.entry(name)).map(|entry| entry.placeholder.clone()))
    }

    /// A copy of the value of the secret of that name, or of that variable.
    ///
    /// # Errors
    /// When the shared memory cannot be read.
    pub fn reveal(&mut self, name: &str) -> Result<Option<Clear>, ClientError> {
        for _ in 0..TRIES {
            self.keep_up()?;
            if let Some(entry) = self.shared.book().entry(name) {
                if let Some(value) = self.shared.values(&self.reader).copy(entry.whole) {
                    return Ok(Some(value));
                }
                continue;
            }
            let whole: Option<Span> = self.local.book().entry(name).map(|entry| entry.whole);
            return Ok(whole.and_then(|span| self.local.values().copy(span)));
        }
        Err(ClientError::Malformed)
    }

    /// HMAC-SHA-256 of `data` under the value of that name.
    ///
    /// # Errors
    /// When the shared memory cannot be read.
    pub fn hmac_sha256(&mut self, name: &str, data: &[u8]) -> Result<Option<[u8; 32]>, ClientError> {
        match self.reveal(name)? {
            Some(key) => sign::hmac_sha256(&key, data).map(Some).map_err(|_| ClientError::Malformed),
            None => Ok(None),
        }
    }

    /// Takes a value that was born in the test into protection, bound to the test's own target, and gives its
    /// placeholder. The redactor of the broker learns it as well.
    ///
    /// # Errors
    /// When the broker is gone.
    pub fn protect(&mut self, name: &str, value: String) -> Result<String, ClientError> {
        let placeholder = self.local.add(name, &SecretBytes::new(value.clone().into_bytes()))?;
        self.rebuild_patterns();
        self.tell(&Tell::Learn { name: name.to_owned(), placeholder: placeholder.clone(), value })?;
        Ok(placeholder)
    }

    /// Lets the redactors know a value that gets no placeholder.
    ///
    /// # Errors
    /// When the broker is gone.
    pub fn learn(&mut self, name: &str, value: String) -> Result<(), ClientError> {
        self.local.learnt.push((name.to_owned(), SecretBytes::new(value.clone().into_bytes())));
        self.rebuild_patterns();
        self.tell(&Tell::Learn { name: name.to_owned(), placeholder: String::new(), value })
    }

    /// Tells the broker that Locust is running in this process.
    ///
    /// # Errors
    /// When the broker is gone.
    pub fn ready(&mut self, locust: String) -> Result<(), ClientError> {
        self.tell(&Tell::Ready { locust })
    }

    fn tell(&self, message: &Tell) -> Result<(), ClientError> {
        self.channel.send(&protocol::encode(message)?, &[]).map_err(ClientError::Unreachable)
    }

    /// In a forked child: its placeholders get numbers of their own.
    ///
    /// # Errors
    /// When the operating system has no randomness to give.
    pub fn forked(&mut self) -> Result<(), ClientError> {
        self.local.renumber()
    }

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
            let found = books.iter().find_map(|book| book.look_up(bytes.get(at..)?));
            let name = match (form, found) {
                (Form::Plain, Some((entry, _))) => entry.binding.name.clone(),
                _ => "a secret".to_owned(),
            };
            if !names.contains(&name) {
                names.push(name);
            }
            from = at + 1;
        }
        Ok(names)
    }

    /// The text with `[NAME]` in the place of every placeholder and every value; `None` when it holds none.
    ///
    /// # Errors
    /// When the shared memory cannot be read.
    pub fn redact(&mut self, text: &str) -> Result<Option<String>, ClientError> {
        self.keep_up()?;
        match self.patterns.redact_str(text) {
            std::borrow::Cow::Borrowed(_) => Ok(None),
            std::borrow::Cow::Owned(redacted) => Ok(Some(redacted)),
        }
    }

    /// Fills a request. `None` when it carries no placeholder.
    ///
    /// # Errors
    /// When a secret may not be sent so.
    pub fn fill(&mut self, request: &Request<'_>) -> Result<Option<Filled>, ClientError> {
        for _ in 0..TRIES {
            self.keep_up()?;
            let (shared, local) = (self.shared.values(&self.reader), self.local.values());
            let layers = [layer(self.shared.book(), &shared), layer(self.local.book(), &local)];
            match fill::fill(&layers, &self.targets, request) {
                Ok(filled) => return Ok(filled),
                Err(fill::Error::Refused(refusal)) => return Err(ClientError::Refused(refusal)),
                Err(fill::Error::Stale) => {}
            }
        }
        Err(ClientError::Malformed)
    }
}

fn layer<'a>(book: &'a Book, values: &'a dyn Values) -> Layer<'a> {
    Layer { book, values }
}
