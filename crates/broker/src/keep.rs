//! The keep: the secrets of a run, their placeholders, the memory that the plugin reads, and what the redactor looks
//! for.

use std::{
    collections::BTreeMap,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use tegmen_redact::{Patterns, PatternsBuilder};
use tegmen_secret::SecretBytes;
use tegmen_sys::shared::{Kind, Writer};
use tegmen_wire::{
    placeholder::{Caution, Maker, Placeholder, Tag},
    table::{Binding, PayloadBuilder},
};

/// A secret as the broker is given it.
#[derive(Debug)]
pub struct Charge {
    /// What it is called and where it may go.
    pub binding: Binding,
    /// Its value.
    pub value: SecretBytes,
    /// Whether it is served as a file (`as = "file"`).
    pub as_file: bool,
}

/// Why the secrets cannot be held.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// No randomness, or no memory.
    #[error("the operating system refused {what}: {source}")]
    System {
        /// What was asked for.
        what: &'static str,
        /// The reason.
        source: std::io::Error,
    },
    /// Too many secrets.
    #[error(transparent)]
    Exhausted(#[from] tegmen_wire::placeholder::Exhausted),
    /// The table of the secrets cannot be written.
    #[error("the table of the secrets cannot be written: {0}")]
    Table(#[from] serde_json::Error),
}

struct Held {
    charge: Charge,
    placeholder: Placeholder,
}

/// All secrets of a run.
pub struct Keep {
    tag: Tag,
    manifest: Option<String>,
    held: Vec<Held>,
    memory: Writer,
    /// For each secret that is served as a file, its name and the descriptor of a sealed, anonymous file.
    files: Vec<(String, OwnedFd)>,
    patterns: PatternsSource,
}

/// What patterns are made from: the builder is used up by building.
#[derive(Default)]
struct PatternsSource {
    values: Vec<(String, SecretBytes)>,
    literals: Vec<(String, String)>,
}

impl PatternsSource {
    fn build(&self) -> (Patterns, BTreeMap<String, String>) {
        let mut builder: PatternsBuilder = Patterns::builder();
        let mut notes = BTreeMap::new();
        for (label, text) in &self.literals {
            builder.literal(label, text);
        }
        for (label, value) in &self.values {
            if let Err(refused) = builder.value(label, value) {
                notes.insert(label.clone(), refused.to_string());
            }
        }
        for warning in builder.warnings() {
            notes.insert(warning.label.clone(), warning.to_string());
        }
        (builder.build(), notes)
    }
}

impl Keep {
    /// Takes the secrets over. `manifest` is where their rules stand, for messages.
    ///
    /// # Errors
    /// When the operating system has no randomness or no memory to give.
    pub fn new(charges: Vec<Charge>, manifest: Option<String>) -> Result<Self, KeepError> {
        let system = |what| move |source| KeepError::System { what, source };
        let tag = Tag::random().map_err(std::io::Error::other).map_err(system("randomness"))?;
        let mut maker = Maker::new(tag.clone());
        let mut patterns = PatternsSource::default();
        let (mut held, mut files) = (Vec::with_capacity(charges.len()), Vec::new());
        for charge in charges {
            let placeholder = maker.make(&charge.value)?;
            let name = charge.binding.name.clone();
            patterns.literals.push((name.clone(), placeholder.text.clone()));
            patterns.literals.extend(placeholder.tokens.iter().map(|token| (name.clone(), token.text.clone())));
            patterns.values.push((name.clone(), charge.value.clone()));
            // The sensitive parts of a document or a URL are secrets of their own.
            let parts = placeholder.tokens.iter().filter(|token| token.is_sensitive && token.part != charge.value);
            patterns.values.extend(parts.map(|token| (name.clone(), token.part.clone())));
            if charge.as_file {
                let file =
                    tegmen_sys::shared::sealed_file(charge.value.expose()).map_err(system("a file in memory"))?;
                files.push((name, file));
            }
            held.push(Held { charge, placeholder });
        }
        let payload = payload(&tag, manifest.as_deref(), &held)?;
        // Room to grow: a new value may be longer than the old one.
        let mut memory = Writer::new(payload.len() * 2 + 64 * 1024).map_err(system("memory for the secrets"))?;
        memory.publish(&payload).map_err(system("memory for the secrets"))?;
        Ok(Self { tag, manifest, held, memory, files, patterns })
    }

    /// Each secret's rules and placeholder.
    pub fn placeholders(&self) -> impl Iterator<Item = (&Binding, &str)> {
        self.held.iter().map(|held| (&held.charge.binding, held.placeholder.text.as_str()))
    }

    /// Each secret's name and value.
    pub fn values(&self) -> impl Iterator<Item = (&str, &SecretBytes)> {
        self.held.iter().map(|held| (held.charge.binding.name.as_str(), &held.charge.value))
    }

    /// The secrets that a placeholder may not do for, and that nothing in the manifest provides for.
    pub fn cautions(&self) -> impl Iterator<Item = (&str, Caution)> {
        self.held
            .iter()
            .filter(|held| !held.charge.as_file && !held.charge.binding.reveal)
            .filter_map(|held| Some((held.charge.binding.name.as_str(), Caution::of(&held.charge.value)?)))
    }

    /// What the redactor looks for, and what is to be said about values that it cannot look for everywhere.
    pub fn patterns(&self) -> (Patterns, BTreeMap<String, String>) {
        self.patterns.build()
    }

    /// A value that was born in the test: from now on the redactor knows it.
    pub fn learn(&mut self, name: &str, placeholder: &str, value: SecretBytes) -> Patterns {
        if !placeholder.is_empty() {
            self.patterns.literals.push((name.to_owned(), placeholder.to_owned()));
        }
        self.patterns.values.push((name.to_owned(), value));
        self.patterns.build().0
    }

    /// Puts new values in the place of the old ones. The placeholders stay, unless the shape of the value has changed in
    /// what they keep of it; the old values stay known to the redactor. Gives the redactor's new patterns, or `None`
    /// when no value has changed.
    ///
    /// # Errors
    /// When the new values do not fit into the memory.
    pub fn renew(&mut self, values: Vec<(String, SecretBytes)>) -> Result<Option<Patterns>, KeepError> {
        let mut changed = false;
        for (name, value) in values {
            let Some(held) = self.held.iter_mut().find(|held| held.charge.binding.name == name) else { continue };
            if held.charge.value == value {
                continue;
            }
            held.placeholder.stand_for(&value);
            self.patterns.values.push((name, value.clone()));
            held.charge.value = value;
            changed = true;
        }
        if !changed {
            return Ok(None);
        }
        let payload = payload(&self.tag, self.manifest.as_deref(), &self.held)?;
        let refused = |source| KeepError::System { what: "memory for the new values", source };
        self.memory.publish(&payload).map_err(refused)?;
        Ok(Some(self.patterns.build().0))
    }

    /// The descriptors to hand over: the shared memory, then the files; and the names of the files.
    pub fn descriptors(&self) -> (Vec<BorrowedFd<'_>>, Vec<String>) {
        let files = self.files.iter().map(|(_, file)| file.as_fd());
        let descriptors = std::iter::once(self.memory.fd()).chain(files).collect();
        (descriptors, self.files.iter().map(|(name, _)| name.clone()).collect())
    }

    /// What the shared memory is made of.
    pub fn memory_kind(&self) -> Kind {
        self.memory.kind()
    }
}

fn payload(tag: &Tag, manifest: Option<&str>, held: &[Held]) -> Result<zeroize::Zeroizing<Vec<u8>>, serde_json::Error> {
    let mut builder = PayloadBuilder::new(tag.clone(), manifest.map(str::to_owned));
    for one in held {
        builder.add(one.charge.binding.clone(), &one.placeholder, &one.charge.value);
    }
    builder.finish()
}
