//! Values that are in this process alone: tokens that the test is given, what a script writes into its environment, records
//! of pools that were checked out.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use tegmen_secret::SecretBytes;
use tegmen_wire::{
    fill::Clear,
    placeholder::{FIRST_LOCAL, LAST, Maker, Placeholder, Tag},
    table::{Binding, Book, Entry, Span, Table, Values},
};
use zeroize::Zeroizing;

use crate::ClientError;

/// The secrets of this process.
pub struct Local {
    tag: Tag,
    book: Book,
    /// By the number that a span begins with; `None` where one was given back.
    values: Vec<Option<SecretBytes>>,
    free: Vec<usize>,
    maker: Maker,
    /// The placeholders of what was added, by name and value: of thousands of tokens none is added twice.
    known: HashMap<u64, Vec<String>>,
    hasher: RandomState,
    /// How many records that are out have the placeholder.
    lent: HashMap<String, u32>,
    /// Whether one of them was to be sealed in answers.
    seals_any: bool,
    allows_unverified: bool,
}

impl Local {
    /// None yet. `shared` is the broker's table: all placeholders of a run have one tag.
    pub fn new(shared: &Table) -> Result<Self, ClientError> {
        let (tag, manifest) = (shared.tag.clone(), shared.manifest.clone());
        let table = Table { tag, manifest, targets: Vec::new(), entries: Vec::new(), cluster: None };
        let book = Book::new(table).map_err(|_| ClientError::Malformed)?;
        let tag = shared.tag.clone();
        Ok(Self {
            maker: maker(&tag)?,
            tag,
            book,
            values: Vec::new(),
            free: Vec::new(),
            known: HashMap::new(),
            hasher: RandomState::new(),
            lent: HashMap::new(),
            seals_any: false,
            allows_unverified: false,
        })
    }

    /// The secrets.
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// Whether one of them is, or was, to be sealed in answers.
    pub fn seals_any(&self) -> bool {
        self.seals_any
    }

    /// Whether one of them may, or might, go over a connection that is not verified.
    pub fn allows_unverified(&self) -> bool {
        self.allows_unverified
    }

    /// The tag of the run.
    pub fn tag(&self) -> Tag {
        self.tag.clone()
    }

    /// Takes a value in, and gives its placeholder, and whether it is new. The same value under the same name has the same
    /// placeholder.
    pub fn add(&mut self, binding: Binding, value: &SecretBytes) -> Result<(String, bool), ClientError> {
        let number = self.hasher.hash_one((&binding.name, value.expose()));
        let known = self.known.get(&number).into_iter().flatten().find(|placeholder| {
            self.book.entry_with(placeholder).is_some_and(|entry| {
                let held = self.values.get(entry.whole.start).and_then(Option::as_ref);
                entry.binding.name == binding.name && held == Some(value)
            })
        });
        if let Some(placeholder) = known {
            return Ok((placeholder.clone(), false));
        }
        let placeholder = self.maker.make(value)?;
        self.put(binding, &placeholder, value);
        self.known.entry(number).or_default().push(placeholder.text.clone());
        Ok((placeholder.text, true))
    }

    /// Takes a field of a record in that was checked out, with the placeholder that the broker knows. Whether it is not
    /// out here already.
    pub fn lend(&mut self, binding: Binding, placeholder: &Placeholder, value: &SecretBytes) -> bool {
        let count = self.lent.entry(placeholder.text.clone()).or_default();
        *count += 1;
        let is_new = *count == 1;
        if is_new {
            self.put(binding, placeholder, value);
        }
        is_new
    }

    /// A record was given back: its placeholder stands for nothing any more, unless it is out here once more.
    pub fn forget(&mut self, placeholder: &str) {
        let Some(count) = self.lent.get_mut(placeholder) else { return };
        *count -= 1;
        if *count > 0 {
            return;
        }
        self.lent.remove(placeholder);
        self.remove(placeholder);
    }

    /// One that was added stands for nothing any more: nobody has got its placeholder.
    pub fn take_back(&mut self, placeholder: &str) {
        self.known.retain(|_, known| {
            known.retain(|text| text != placeholder);
            !known.is_empty()
        });
        self.remove(placeholder);
    }

    fn remove(&mut self, placeholder: &str) {
        let Some(entry) = self.book.remove(placeholder) else { return };
        for span in std::iter::once(entry.whole).chain(entry.tokens.iter().map(|token| token.part)) {
            if self.values.get_mut(span.start).and_then(Option::take).is_some() {
                self.free.push(span.start);
            }
        }
    }

    fn put(&mut self, binding: Binding, placeholder: &Placeholder, value: &SecretBytes) {
        self.seals_any |= binding.seal;
        self.allows_unverified |= binding.tls_unverified;
        let Self { values, free, book, .. } = self;
        book.add(binding, placeholder, value, &mut |value| {
            let start = free.pop().unwrap_or(values.len());
            match values.get_mut(start) {
                Some(place) => *place = Some(value.clone()),
                None => values.push(Some(value.clone())),
            }
            Span { start, len: value.len() }
        });
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

    /// The secret with that placeholder.
    pub fn entry(&self, placeholder: &str) -> Option<&Entry> {
        self.book.entry_with(placeholder)
    }
}

/// Begins at a random number: processes do not agree on who gives out which.
fn maker(tag: &Tag) -> Result<Maker, ClientError> {
    let start = getrandom::u32().map_err(|_| ClientError::Randomness)?;
    Ok(Maker::local(tag.clone(), start % (LAST - FIRST_LOCAL)))
}

/// Values in this process; a span's start is their number.
pub struct LocalValues<'a>(&'a [Option<SecretBytes>]);

impl Values for LocalValues<'_> {
    fn copy(&self, span: Span) -> Option<Clear> {
        self.0.get(span.start)?.as_ref().map(|value| Zeroizing::new(value.expose().to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local() -> Local {
        Local::new(&Table {
            tag: Tag::random().unwrap(),
            manifest: None,
            targets: Vec::new(),
            entries: Vec::new(),
            cluster: None,
        })
        .unwrap()
    }

    fn named(name: &str) -> Binding {
        Binding { name: name.to_owned(), ..Binding::default() }
    }

    fn value_of(local: &Local, placeholder: &str) -> Option<String> {
        let copied = local.values().copy(local.entry(placeholder)?.whole)?;
        Some(String::from_utf8(copied.to_vec()).unwrap())
    }

    #[test]
    fn thousands_of_tokens_each_once() {
        let mut local = local();
        let value = |number: usize| SecretBytes::from(format!("token-{number}"));
        let first: Vec<String> = (0..5000).map(|number| local.add(named("TOKEN"), &value(number)).unwrap().0).collect();
        for (number, placeholder) in first.iter().enumerate() {
            assert_eq!(local.add(named("TOKEN"), &value(number)).unwrap(), (placeholder.clone(), false));
            assert_eq!(value_of(&local, placeholder).unwrap(), format!("token-{number}"));
        }
        assert!(local.add(named("OTHER"), &value(1)).unwrap().1);
    }

    #[test]
    fn one_that_is_taken_back_is_new_the_next_time() {
        let mut local = local();
        let value = SecretBytes::from("token-of-a-test".to_owned());
        let (first, _) = local.add(named("TOKEN"), &value).unwrap();
        local.take_back(&first);
        assert!(value_of(&local, &first).is_none());
        let (second, is_new) = local.add(named("TOKEN"), &value).unwrap();
        assert!(is_new && second != first);
        assert_eq!(value_of(&local, &second).unwrap(), "token-of-a-test");
    }

    #[test]
    fn a_record_that_is_given_back_stands_for_nothing() {
        let mut local = local();
        let (kept, _) = local.add(named("KEPT"), &SecretBytes::from("kept-value".to_owned())).unwrap();
        let url = format!("postgres://ann:{}@db/shop", "p4ssw0rd-of-ann");
        let values = ["first-password", url.as_str(), "third-password"].map(|text| SecretBytes::from(text.to_owned()));
        let mut maker = Maker::new(local.tag());
        let made: Vec<_> = values.iter().map(|value| maker.make(value).unwrap()).collect();
        for round in 0..3 {
            for (placeholder, value) in made.iter().zip(&values) {
                assert!(local.lend(named("p.x"), placeholder, value), "{round}");
                assert!(!local.lend(named("p.x"), placeholder, value), "it is out twice");
                assert_eq!(value_of(&local, &placeholder.text).unwrap(), value.expose_str().unwrap());
            }
            for placeholder in &made {
                local.forget(&placeholder.text);
                assert!(value_of(&local, &placeholder.text).is_some());
                local.forget(&placeholder.text);
                assert!(value_of(&local, &placeholder.text).is_none());
                local.forget(&placeholder.text);
            }
            assert_eq!(value_of(&local, &kept).unwrap(), "kept-value");
        }
        assert!(local.values.len() < 12, "places are used again");
    }
}
