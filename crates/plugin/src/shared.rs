//! What was read from the shared memory, at one generation of it.

use tegmen_secret::SecretBytes;
use tegmen_sys::shared::Reader;
use tegmen_wire::{
    fill::Clear,
    table::{Book, Entry, Span, Values, table_len},
};
use zeroize::Zeroizing;

use crate::ClientError;

/// How often a reading is tried again when the broker publishes meanwhile.
const TRIES: usize = 1000;

/// The secrets of the broker.
pub struct Shared {
    generation: u64,
    values_start: usize,
    book: Book,
    seals_any: bool,
    seals_all: bool,
    allows_unverified: bool,
}

impl Shared {
    /// The secrets as they are now.
    pub fn read(reader: &Reader) -> Result<Self, ClientError> {
        for _ in 0..TRIES {
            let generation = reader.generation();
            let mut head = [0; 8];
            if !reader.copy(generation, 0, &mut head) {
                continue;
            }
            let length = table_len(head);
            if length > reader.len(generation) {
                continue;
            }
            let mut table = vec![0; length];
            if !reader.copy(generation, head.len(), &mut table) {
                continue;
            }
            let table = serde_json::from_slice(&table).map_err(|_| ClientError::Malformed)?;
            let book = Book::new(table).map_err(|_| ClientError::Malformed)?;
            let mut seals = book.table().entries.iter().map(|entry| entry.binding.seal);
            let (seals_any, is_empty) = (seals.clone().any(|seal| seal), seals.len() == 0);
            let seals_all = !is_empty && seals.all(|seal| seal);
            let allows_unverified = book.table().entries.iter().any(|entry| entry.binding.tls_unverified);
            let values_start = head.len() + length;
            return Ok(Self { generation, values_start, book, seals_any, seals_all, allows_unverified });
        }
        Err(ClientError::Malformed)
    }

    /// Whether the broker has published something newer.
    pub fn is_stale(&self, reader: &Reader) -> bool {
        reader.generation() != self.generation
    }

    /// Which publication of the broker this is.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The secrets.
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// Whether one of them is sealed in answers.
    pub fn seals_any(&self) -> bool {
        self.seals_any
    }

    /// Whether all of them are.
    pub fn seals_all(&self) -> bool {
        self.seals_all
    }

    /// Whether one of them may go over a connection that is not verified.
    pub fn allows_unverified(&self) -> bool {
        self.allows_unverified
    }

    /// Where their values are read.
    pub fn values<'a>(&self, reader: &'a Reader) -> SharedValues<'a> {
        SharedValues { reader, generation: self.generation, start: self.values_start }
    }

    /// Each secret's value, for the redactor: whole, and the parts of documents that are secrets of their own.
    pub fn known(&self, reader: &Reader) -> Vec<Known> {
        let values = self.values(reader);
        let copied = |entry: &Entry, span, is_document| {
            let name = entry.binding.name.clone();
            values.copy(span).map(|value| Known { name, value: SecretBytes::new(value.to_vec()), is_document })
        };
        let entries = self.book.table().entries.iter();
        entries
            .flat_map(|entry| {
                let parts = entry.tokens.iter().filter(|token| token.is_sensitive).map(|token| token.part);
                let is_document = parts.clone().any(|part| part.len != entry.whole.len);
                let parts = parts.map(|part| (part, false));
                std::iter::once((entry.whole, is_document))
                    .chain(parts)
                    .filter_map(move |(span, is_document)| copied(entry, span, is_document))
            })
            .collect()
    }
}

/// A value that outputs are searched for.
#[derive(PartialEq)]
pub struct Known {
    /// The name of its secret.
    pub name: String,
    /// The value, or the part of one.
    pub value: SecretBytes,
    /// Whether only parts of it are secret, which are known by themselves.
    pub is_document: bool,
}

/// Values in the shared memory, of one generation.
pub struct SharedValues<'a> {
    reader: &'a Reader,
    generation: u64,
    start: usize,
}

impl Values for SharedValues<'_> {
    fn copy(&self, span: Span) -> Option<Clear> {
        let mut value = Zeroizing::new(vec![0; span.len]);
        self.reader.copy(self.generation, self.start.checked_add(span.start)?, &mut value).then_some(value)
    }
}
