//! The table: what the broker tells the plugin about the secrets of a run. It names values by where they stand in the
//! shared memory and holds none itself.
//!
//! A payload in the shared memory is the length of the table as JSON (8 bytes, little endian), the table, the values.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use tegmen_secret::SecretBytes;
use zeroize::Zeroizing;

use crate::{
    finder::{self, Finder, Form},
    origin::Origin,
    place::Place,
    placeholder::{ID_LEN, Placeholder, TAG_LEN, TOKEN_LEN, Tag},
};

/// Where a value stands, counted from the beginning of the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The number of bytes.
    pub len: usize,
}

/// What a secret may do, and what it is called.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Binding {
    /// The name in the manifest.
    pub name: String,
    /// The variables of the environment that hold the placeholder.
    pub env: Vec<String>,
    /// The origins to which it may be sent; `None` means the test's own target.
    pub hosts: Option<Vec<Origin>>,
    /// The places in which it may stand; empty means any.
    pub places: Vec<Place>,
    /// `tls = "unverified"`: the certificate of the destination is not looked at.
    pub tls_unverified: bool,
    /// `reveal = true`: Python code reads the value from `os.environ`.
    pub reveal: bool,
    /// `seal_responses = true`: where an answer repeats the value, Python sees the placeholder.
    #[serde(default)]
    pub seal: bool,
}

/// A token in a placeholder, without its value.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TokenEntry {
    /// The text.
    pub text: String,
    /// Where it begins in the placeholder.
    pub offset: usize,
    /// How many characters after it only fill up the length.
    pub filler: usize,
    /// What it stands for alone.
    pub part: Span,
    /// Whether that part is a secret of its own.
    pub is_sensitive: bool,
}

/// A secret as the plugin knows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Name and rules.
    #[serde(flatten)]
    pub binding: Binding,
    /// The placeholder's text.
    pub placeholder: String,
    /// The tokens in it.
    pub tokens: Vec<TokenEntry>,
    /// The whole value.
    pub whole: Span,
}

impl Entry {
    /// The entry of a secret; `store` puts a value away and says where.
    fn new(
        binding: Binding,
        placeholder: &Placeholder,
        value: &SecretBytes,
        store: &mut dyn FnMut(&SecretBytes) -> Span,
    ) -> Self {
        let whole = store(value);
        let tokens = placeholder.tokens.iter().map(|token| TokenEntry {
            text: token.text.clone(),
            offset: token.offset,
            filler: token.filler,
            part: store(&token.part),
            is_sensitive: token.is_sensitive,
        });
        Self { binding, placeholder: placeholder.text.clone(), tokens: tokens.collect(), whole }
    }
}

/// All secrets of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Table {
    /// The tag that all tokens begin with.
    pub tag: Tag,
    /// Where the rules come from, for messages: the manifest's path as given, or `None` for a run without one.
    pub manifest: Option<String>,
    /// What the test's own target is, besides what each process has started against: what was entered in the web UI.
    #[serde(default)]
    pub targets: Vec<Origin>,
    /// The secrets.
    pub entries: Vec<Entry>,
    /// The key for what passes between master and workers: no secret of the test, and so none that has a placeholder.
    pub cluster: Option<Cluster>,
}

/// Where the key of the cluster is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// The key.
    pub key: Span,
    /// Whether it comes from the manifest, and not from the broker of this run alone.
    pub is_from_manifest: bool,
}

/// Puts a table and its values into one payload. The buffer is wiped when dropped.
pub struct PayloadBuilder {
    table: Table,
    values: Zeroizing<Vec<u8>>,
}

impl PayloadBuilder {
    /// An empty payload.
    pub fn new(tag: Tag, manifest: Option<String>) -> Self {
        Self {
            table: Table { tag, manifest, targets: Vec::new(), entries: Vec::new(), cluster: None },
            values: Zeroizing::new(Vec::new()),
        }
    }

    /// Adds an origin to the test's own target.
    pub fn target(&mut self, origin: Origin) {
        self.table.targets.push(origin);
    }

    /// Adds a secret.
    pub fn add(&mut self, binding: Binding, placeholder: &Placeholder, value: &SecretBytes) {
        let entry = Entry::new(binding, placeholder, value, &mut |value| self.value(value));
        self.table.entries.push(entry);
    }

    /// Sets the key of the cluster.
    pub fn cluster(&mut self, key: &SecretBytes, is_from_manifest: bool) {
        let key = self.value(key);
        self.table.cluster = Some(Cluster { key, is_from_manifest });
    }

    fn value(&mut self, value: &SecretBytes) -> Span {
        let span = Span { start: self.values.len(), len: value.len() };
        // Growing a vector would leave copies behind that nobody wipes.
        if self.values.capacity() < span.start + span.len {
            let mut larger = Zeroizing::new(Vec::with_capacity((span.start + span.len) * 2 + 4096));
            larger.extend_from_slice(&self.values);
            self.values = larger;
        }
        self.values.extend_from_slice(value.expose());
        span
    }

    /// The payload.
    ///
    /// # Errors
    /// When the table cannot be written as JSON; it always can.
    pub fn finish(self) -> Result<Zeroizing<Vec<u8>>, serde_json::Error> {
        let table = serde_json::to_vec(&self.table)?;
        let mut payload = Zeroizing::new(Vec::with_capacity(8 + table.len() + self.values.len()));
        payload.extend_from_slice(&(table.len() as u64).to_le_bytes());
        payload.extend_from_slice(&table);
        payload.extend_from_slice(&self.values);
        Ok(payload)
    }
}

/// The length of the table at the head of a payload, from its first eight bytes.
pub fn table_len(head: [u8; 8]) -> usize {
    u64::from_le_bytes(head) as usize
}

/// Where values are read from. `None` when the values have changed meanwhile, and the table with them.
pub trait Values {
    /// A copy of the value, wiped when dropped.
    fn copy(&self, span: Span) -> Option<Zeroizing<Vec<u8>>>;
}

impl Values for [u8] {
    fn copy(&self, span: Span) -> Option<Zeroizing<Vec<u8>>> {
        self.get(span.start..span.start.checked_add(span.len)?).map(|value| Zeroizing::new(value.to_vec()))
    }
}

/// A table made ready for searching.
pub struct Book {
    table: Table,
    by_id: HashMap<[u8; ID_LEN], (usize, usize)>,
    finder: Finder,
}

impl Book {
    /// The table, ready.
    ///
    /// # Errors
    /// When the search cannot be built from the tag.
    pub fn new(table: Table) -> Result<Self, aho_corasick::BuildError> {
        let finder = Finder::new(&table.tag)?;
        let mut book = Self { by_id: HashMap::new(), finder, table };
        for index in 0..book.table.entries.len() {
            book.number(index);
        }
        Ok(book)
    }

    /// Adds a secret; `store` puts a value away and says where.
    pub fn add(
        &mut self,
        binding: Binding,
        placeholder: &Placeholder,
        value: &SecretBytes,
        store: &mut dyn FnMut(&SecretBytes) -> Span,
    ) {
        self.table.entries.push(Entry::new(binding, placeholder, value, store));
        self.number(self.table.entries.len() - 1);
    }

    /// Takes a secret out again, by its placeholder: from then on that stands for nothing.
    pub fn remove(&mut self, placeholder: &str) -> Option<Entry> {
        let (at, _) = self.finder.find(placeholder.as_bytes(), 0)?;
        let (entry, _) = *self.by_id.get(&id_of(placeholder.as_bytes().get(at..)?)?)?;
        if self.table.entries.get(entry)?.placeholder != placeholder {
            return None;
        }
        let removed = self.table.entries.swap_remove(entry);
        for id in removed.tokens.iter().filter_map(|token| id_of(token.text.as_bytes())) {
            self.by_id.remove(&id);
        }
        // The last one is in its place now.
        self.number(entry);
        Some(removed)
    }

    fn number(&mut self, entry: usize) {
        let tokens = self.table.entries.get(entry).map(|entry| entry.tokens.as_slice()).unwrap_or_default();
        for (token, id) in
            tokens.iter().enumerate().filter_map(|(index, token)| Some((index, id_of(token.text.as_bytes())?)))
        {
            self.by_id.insert(id, (entry, token));
        }
    }

    /// The table.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Finds the run's tokens.
    pub fn finder(&self) -> &Finder {
        &self.finder
    }

    /// What the token that begins `text` belongs to.
    pub fn look_up(&self, text: &[u8]) -> Option<(&Entry, &TokenEntry)> {
        let (entry, token) = self.by_id.get(&id_of(text)?)?;
        let entry = self.table.entries.get(*entry)?;
        Some((entry, entry.tokens.get(*token)?))
    }

    /// The secret that has exactly this placeholder.
    pub fn entry_with(&self, placeholder: &str) -> Option<&Entry> {
        let (at, _) = self.finder.find(placeholder.as_bytes(), 0)?;
        let (entry, _) = self.look_up(placeholder.as_bytes().get(at..)?)?;
        Some(entry).filter(|entry| entry.placeholder == placeholder)
    }

    /// The secret whose token the finder has found at `at` of `text`, in whatever form it is.
    pub fn entry_at(&self, text: &[u8], at: usize, form: Form) -> Option<&Entry> {
        finder::tokens_at(text, at, form).iter().find_map(|token| self.look_up(token)).map(|(entry, _)| entry)
    }

    /// The secret of that name, or of that variable.
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        let entries = &self.table.entries;
        let by_name = entries.iter().find(|entry| entry.binding.name == name);
        by_name.or_else(|| entries.iter().find(|entry| entry.binding.env.iter().any(|variable| variable == name)))
    }
}

fn id_of(text: &[u8]) -> Option<[u8; ID_LEN]> {
    text.get(TAG_LEN..TOKEN_LEN)?.try_into().ok()
}

impl Binding {
    /// Whether a request to `origin` may carry the secret, when `targets` is the test's own target.
    pub fn permits(&self, origin: &Origin, targets: &[Origin]) -> bool {
        self.hosts.as_deref().unwrap_or(targets).contains(origin)
    }
}
