//! Values that are born in this process: tokens that the test is given, and what a script writes into its environment.

use tegmen_secret::SecretBytes;
use tegmen_wire::{
    fill::Clear,
    placeholder::{FIRST_LOCAL, LAST, Maker, Tag},
    table::{Binding, Book, Entry, Span, Table, Values},
};
use zeroize::Zeroizing;

use crate::ClientError;

/// The secrets of this process.
pub struct Local {
    tag: Tag,
    book: Book,
    values: Vec<SecretBytes>,
    maker: Maker,
}

impl Local {
    /// None yet. `shared` is the broker's table: all placeholders of a run have one tag.
    pub fn new(shared: &Table) -> Result<Self, ClientError> {
        let (tag, manifest) = (shared.tag.clone(), shared.manifest.clone());
        let table = Table { tag, manifest, targets: Vec::new(), entries: Vec::new(), cluster: None };
        let book = Book::new(table).map_err(|_| ClientError::Malformed)?;
        let tag = shared.tag.clone();
        Ok(Self { maker: maker(&tag)?, tag, book, values: Vec::new() })
    }

    /// The secrets.
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// Takes a value in, bound to the test's own target, and gives its placeholder. The same value under the same name
    /// has the same placeholder.
    pub fn add(&mut self, name: &str, value: &SecretBytes) -> Result<String, ClientError> {
        self.add_bound(Binding { name: name.to_owned(), ..Binding::default() }, value)
    }

    /// As [`Self::add`], under those rules.
    pub fn add_bound(&mut self, binding: Binding, value: &SecretBytes) -> Result<String, ClientError> {
        let name = binding.name.as_str();
        let known = self.book.table().entries.iter().find(|entry| {
            entry.binding.name == name && self.values.get(entry.whole.start).is_some_and(|held| held == value)
        });
        if let Some(entry) = known {
            return Ok(entry.placeholder.clone());
        }
        let placeholder = self.maker.make(value)?;
        let binding = Binding { env: Vec::new(), reveal: false, ..binding };
        let values = &mut self.values;
        self.book.add(binding, &placeholder, value, &mut |value| {
            values.push(value.clone());
            Span { start: values.len() - 1, len: value.len() }
        });
        Ok(placeholder.text)
    }

    /// In a forked child: numbers that its siblings do not give out too.
    pub fn renumber(&mut self) -> Result<(), ClientError> {
        self.maker = maker(&self.tag)?;
        Ok(())
    }

    /// Where the values are read.
    pub fn values(&self) -> LocalValues<'_> {
        LocalValues(&self.values)
    }

    /// How many values are kept; more after a value was new.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// The secret with that placeholder, of those that came last.
    pub fn entry(&self, placeholder: &str) -> Option<&Entry> {
        self.book.table().entries.iter().rev().find(|entry| entry.placeholder == placeholder)
    }
}

/// Begins at a random number: processes do not agree on who gives out which.
fn maker(tag: &Tag) -> Result<Maker, ClientError> {
    let start = getrandom::u32().map_err(|_| ClientError::Randomness)?;
    Ok(Maker::local(tag.clone(), start % (LAST - FIRST_LOCAL)))
}

/// Values in this process; a span's start is their number.
pub struct LocalValues<'a>(&'a [SecretBytes]);

impl Values for LocalValues<'_> {
    fn copy(&self, span: Span) -> Option<Clear> {
        self.0.get(span.start).map(|value| Zeroizing::new(value.expose().to_vec()))
    }
}
