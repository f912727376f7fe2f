//! The keep: the secrets of a run, their placeholders, the memory that the plugin reads, and what the redactor looks
//! for.

use std::{
    collections::BTreeMap,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use tegmen_redact::{Added, Growing, Patterns, PatternsBuilder};
use tegmen_secret::SecretBytes;
use tegmen_sys::shared::{Kind, Writer};
use tegmen_wire::{
    cluster::{SHORTEST_KEY, WeakKey, random_key},
    finder,
    origin::Origin,
    placeholder::{ANONYMOUS, Caution, Maker, Placeholder, Tag, disguises},
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

/// What came of new values.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Renewed {
    /// The secrets whose value has changed.
    pub names: Vec<String>,
    /// A new key of the cluster that is none, told once.
    pub weak: Option<WeakKey>,
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
    /// The key of the cluster is no key.
    #[error("{0}; make one with `openssl rand -base64 32`")]
    WeakKey(#[from] WeakKey),
}

/// What the key of the cluster is called in messages, and among the values that sources give.
pub const CLUSTER_KEY: &str = "CLUSTER_KEY";

/// The key for what passes between master and workers.
struct Cluster {
    key: SecretBytes,
    is_from_manifest: bool,
    /// A new value that is no key, so that it is said once.
    refused: Option<SecretBytes>,
}

impl Cluster {
    /// A key of this run alone.
    fn of_this_run() -> Result<Self, KeepError> {
        let failed = |source| KeepError::System { what: "randomness", source };
        let key = random_key().map_err(std::io::Error::other).map_err(failed)?;
        Ok(Self { key, is_from_manifest: false, refused: None })
    }
}

/// Room for what is added during the run, in bytes.
const ROOM: usize = 256 * 1024;

/// So many tokens that the target has issued are known to the redactor at the same time, of all processes of the run.
const TOKENS: usize = 1 << 17;

struct Held {
    charge: Charge,
    placeholder: Placeholder,
}

/// All secrets of a run. What is to be given its new patterns (`redactor`) gets them while nobody else can change the keep: of two
/// sets the newer one is given last.
pub struct Keep {
    tag: Tag,
    maker: Maker,
    manifest: Option<String>,
    held: Vec<Held>,
    cluster: Cluster,
    memory: Writer,
    /// For each secret that is served as a file, its name and the descriptor of a sealed, anonymous file.
    files: Vec<(String, OwnedFd)>,
    /// Everything that was ever a value or a placeholder in this run: what went out before may still come back.
    patterns: Growing,
    notes: BTreeMap<String, String>,
    /// The test's own target, where it was entered in the web UI.
    pinned: Vec<Origin>,
}

/// Adds a value; what is to be said about one that cannot be looked for everywhere goes to `notes`.
fn look_for(builder: &mut PatternsBuilder, notes: &mut BTreeMap<String, String>, name: &str, value: &SecretBytes) {
    if let Err(refused) = builder.value(name, value) {
        notes.insert(name.to_owned(), refused.to_string());
    }
}

/// Lets outputs be searched for a secret: placeholder, value, and the sensitive parts of a document or a URL, which are
/// secrets of their own.
fn know(
    patterns: &mut PatternsBuilder,
    notes: &mut BTreeMap<String, String>,
    charge: &Charge,
    placeholder: &Placeholder,
) {
    let name = &charge.binding.name;
    patterns.literal(name, &placeholder.text);
    look_for(patterns, notes, name, &charge.value);
    for token in &placeholder.tokens {
        for text in disguises(&token.text) {
            patterns.literal(name, &text);
        }
        if token.is_sensitive && token.part != charge.value {
            look_for(patterns, notes, name, &token.part);
        }
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
        let (mut patterns, mut notes) = (Growing::new(TOKENS), BTreeMap::new());
        let mut known = Vec::with_capacity(charges.len());
        let (mut held, mut files) = (Vec::with_capacity(charges.len()), Vec::new());
        for charge in charges {
            let placeholder = maker.make(&charge.value)?;
            let name = charge.binding.name.clone();
            if charge.as_file {
                let file =
                    tegmen_sys::shared::sealed_file(charge.value.expose()).map_err(system("a file in memory"))?;
                files.push((name, file));
            }
            known.push(Held { charge, placeholder });
        }
        patterns.extend(|patterns| {
            for text in finder::texts(&tag) {
                patterns.literal(ANONYMOUS, &text);
            }
            for held in &known {
                know(patterns, &mut notes, &held.charge, &held.placeholder);
            }
            for warning in patterns.warnings() {
                notes.insert(warning.label.clone(), warning.to_string());
            }
        });
        held.append(&mut known);
        let cluster = Cluster::of_this_run()?;
        let payload = payload(&tag, manifest.as_deref(), &[], &held, &cluster)?;
        // Room to grow: a new value may be longer than the old one.
        let mut memory = Writer::new(payload.len() * 2 + ROOM).map_err(system("memory for the secrets"))?;
        memory.publish(&payload).map_err(system("memory for the secrets"))?;
        Ok(Self { tag, maker, manifest, held, cluster, memory, files, patterns, notes, pinned: Vec::new() })
    }

    /// Takes a key for the cluster from its source, in the place of the one of this run alone.
    ///
    /// # Errors
    /// When it is too short.
    pub fn set_cluster_key(&mut self, key: SecretBytes) -> Result<(), KeepError> {
        if key.len() < SHORTEST_KEY {
            return Err(WeakKey(key.len()).into());
        }
        let Self { patterns, notes, .. } = self;
        patterns.extend(|patterns| look_for(patterns, notes, CLUSTER_KEY, &key));
        self.cluster = Cluster { key, is_from_manifest: true, refused: None };
        self.publish("memory for the secrets")
    }

    fn publish(&mut self, what: &'static str) -> Result<(), KeepError> {
        let payload = payload(&self.tag, self.manifest.as_deref(), &self.pinned, &self.held, &self.cluster)?;
        self.memory.publish(&payload).map_err(|source| KeepError::System { what, source })
    }

    /// The kind of memory that the values lie in.
    pub fn kind(&self) -> Kind {
        self.memory.kind()
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
        (self.patterns.patterns().clone(), self.notes.clone())
    }

    /// Takes more secrets over during the run; gives back their placeholders. One whose name is held already is that one. The
    /// redactor gets its new patterns before anybody can know a placeholder.
    ///
    /// # Errors
    /// When they do not fit into the memory; then none of them is held.
    pub fn add(&mut self, charges: Vec<Charge>, redactor: impl FnOnce(Patterns)) -> Result<Vec<String>, KeepError> {
        let (mut placeholders, mut more) = (Vec::new(), Vec::<Held>::new());
        for charge in charges {
            let mut known = self.held.iter().chain(&more);
            if let Some(held) = known.find(|held| held.charge.binding.name == charge.binding.name) {
                placeholders.push(held.placeholder.text.clone());
                continue;
            }
            let placeholder = self.maker.make(&charge.value)?;
            placeholders.push(placeholder.text.clone());
            more.push(Held { charge, placeholder });
        }
        if more.is_empty() {
            return Ok(placeholders);
        }
        let Self { patterns, notes, .. } = self;
        patterns.extend(|patterns| {
            for held in &more {
                know(patterns, notes, &held.charge, &held.placeholder);
            }
        });
        redactor(self.patterns.patterns().clone());
        let before = self.held.len();
        self.held.append(&mut more);
        if let Err(error) = self.publish("memory for more secrets") {
            self.held.truncate(before);
            return Err(error);
        }
        Ok(placeholders)
    }

    /// Makes an origin the test's own target for every process of the run, once: later ones change nothing.
    ///
    /// # Errors
    /// When it does not fit into the memory; then there is still none.
    pub fn pin(&mut self, origin: Origin) -> Result<(), KeepError> {
        if !self.pinned.is_empty() {
            return Ok(());
        }
        self.pinned.push(origin);
        self.publish("memory for the target").inspect_err(|_| self.pinned.clear())
    }

    /// A value that was born in the test: from now on the redactor knows it.
    pub fn learn(&mut self, name: &str, placeholder: &str, value: &SecretBytes, redactor: impl FnOnce(Patterns)) {
        self.patterns.extend(|patterns| {
            if !placeholder.is_empty() {
                patterns.mark(name, placeholder);
            }
            // What cannot be looked for was said in the test.
            let _ = patterns.value_or_record(name, value);
        });
        redactor(self.patterns.patterns().clone());
    }

    /// A token that the target has issued: from now on the redactor knows it, until there are many newer ones. Whether it
    /// is new.
    pub fn token(&mut self, name: &str, value: &[u8], redactor: impl FnOnce(Patterns)) -> bool {
        let is_new = self.patterns.token(name, value) != Added::Not;
        if is_new {
            redactor(self.patterns.patterns().clone());
        }
        is_new
    }

    /// A record of a pool is given out, with those labels and values: the redactor gets its new patterns before anybody can
    /// have a placeholder. Gives the number of its first token, from which both ends make the same placeholders; with a
    /// `known` one the record was out before.
    ///
    /// # Errors
    /// When there are no numbers left.
    pub fn lend(
        &mut self,
        secrets: &[(String, &SecretBytes)],
        known: Option<u32>,
        redactor: impl FnOnce(Patterns),
    ) -> Result<u32, KeepError> {
        if let Some(number) = known {
            return Ok(number);
        }
        let number = self.maker.next_number();
        let mut placeholders = Vec::with_capacity(secrets.len());
        for (_, value) in secrets {
            placeholders.push(self.maker.make(value)?);
        }
        self.patterns.extend(|patterns| {
            for ((label, value), placeholder) in secrets.iter().zip(&placeholders) {
                patterns.mark(label, &placeholder.text);
                for token in placeholder.tokens.iter().filter(|token| token.text != placeholder.text) {
                    patterns.mark(label, &token.text);
                }
                // What is too short to be looked for was said when the pool was read.
                let _ = patterns.value_or_record(label, value);
                for token in placeholder.tokens.iter().filter(|token| token.is_sensitive && token.part != **value) {
                    let _ = patterns.value_or_record(label, &token.part);
                }
            }
        });
        redactor(self.patterns.patterns().clone());
        Ok(number)
    }

    /// Puts new values in the place of the old ones. The placeholders stay, unless the shape of the value has changed in
    /// what they keep of it; the old values stay known to the redactor, which gets its new patterns before any request can
    /// carry a new value.
    ///
    /// # Errors
    /// When the new values do not fit into the memory; then the old ones stay, and the next call tries again.
    pub fn renew(
        &mut self,
        values: &[(String, SecretBytes)],
        redactor: impl FnOnce(Patterns),
    ) -> Result<Renewed, KeepError> {
        let (mut renewed, mut new) = (Renewed::default(), Vec::new());
        let (mut old, mut old_key) = (Vec::new(), None);
        for (name, value) in values {
            if name == CLUSTER_KEY && self.cluster.is_from_manifest {
                if value.len() < SHORTEST_KEY {
                    if self.cluster.refused.as_ref() != Some(value) {
                        renewed.weak = Some(WeakKey(value.len()));
                        self.cluster.refused = Some(value.clone());
                    }
                } else if self.cluster.key != *value {
                    new.push((name.clone(), value.clone()));
                    old_key = Some(std::mem::replace(&mut self.cluster.key, value.clone()));
                    renewed.names.push(name.clone());
                }
                continue;
            }
            let mut all = self.held.iter_mut().enumerate();
            let Some((at, held)) = all.find(|(_, held)| held.charge.binding.name == *name) else { continue };
            if held.charge.value == *value {
                continue;
            }
            let placeholder = held.placeholder.clone();
            held.placeholder.stand_for(value);
            new.push((name.clone(), value.clone()));
            for token in held.placeholder.tokens.iter().filter(|token| token.is_sensitive && token.part != *value) {
                new.push((name.clone(), token.part.clone()));
            }
            old.push((at, placeholder, std::mem::replace(&mut held.charge.value, value.clone())));
            renewed.names.push(name.clone());
        }
        if renewed.names.is_empty() {
            return Ok(renewed);
        }
        let Self { patterns, notes, .. } = self;
        patterns.extend(|patterns| {
            for (name, value) in &new {
                look_for(patterns, notes, name, value);
            }
        });
        redactor(self.patterns.patterns().clone());
        if let Err(error) = self.publish("memory for the new values") {
            for (at, placeholder, value) in old.into_iter().rev() {
                let held = &mut self.held[at];
                (held.placeholder, held.charge.value) = (placeholder, value);
            }
            if let Some(key) = old_key {
                self.cluster.key = key;
            }
            if renewed.weak.is_some() {
                self.cluster.refused = None;
            }
            return Err(error);
        }
        Ok(renewed)
    }

    /// The descriptors to hand over: the shared memory, then the files; and the names of the files.
    pub fn descriptors(&self) -> (Vec<BorrowedFd<'_>>, Vec<String>) {
        let files = self.files.iter().map(|(_, file)| file.as_fd());
        let descriptors = std::iter::once(self.memory.fd()).chain(files).collect();
        (descriptors, self.files.iter().map(|(name, _)| name.clone()).collect())
    }
}

fn payload(
    tag: &Tag,
    manifest: Option<&str>,
    pinned: &[Origin],
    held: &[Held],
    cluster: &Cluster,
) -> Result<zeroize::Zeroizing<Vec<u8>>, serde_json::Error> {
    let mut builder = PayloadBuilder::new(tag.clone(), manifest.map(str::to_owned));
    builder.cluster(&cluster.key, cluster.is_from_manifest);
    pinned.iter().for_each(|origin| builder.target(origin.clone()));
    for one in held {
        builder.add(one.charge.binding.clone(), &one.placeholder, &one.charge.value);
    }
    builder.finish()
}

#[cfg(test)]
mod tests {
    use tegmen_sys::shared::Reader;
    use tegmen_wire::origin::Scheme;

    use super::*;

    fn charge(name: &str, value: &str) -> Charge {
        let binding = Binding { name: name.to_owned(), ..Binding::default() };
        Charge { binding, value: SecretBytes::from(value.to_owned()), as_file: false }
    }

    fn renewed(keep: &mut Keep, values: &[(&str, &str)]) -> Result<Renewed, KeepError> {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), SecretBytes::from((*value).to_owned())));
        keep.renew(&values.collect::<Vec<_>>(), |_| ())
    }

    fn values(keep: &Keep) -> Vec<(&str, &str)> {
        keep.values().map(|(name, value)| (name, value.expose_str().unwrap())).collect()
    }

    /// Those secrets, in memory that is soon full.
    fn narrow(charges: Vec<Charge>) -> Keep {
        let mut keep = Keep::new(charges, None).unwrap();
        keep.memory = Writer::new(8192).unwrap();
        keep.publish("memory").unwrap();
        keep
    }

    /// Longer than that.
    const LONG: usize = 20_000;

    /// How often the memory was written.
    fn generation(keep: &Keep) -> u64 {
        Reader::new(keep.memory.fd()).unwrap().generation()
    }

    #[test]
    fn values_that_do_not_fit_are_tried_again() {
        let mut keep = narrow(vec![charge("KEY", "first-value"), charge("OTHER", "other-value")]);
        let long = "x".repeat(LONG);
        let before = generation(&keep);
        for _ in 0..2 {
            assert!(renewed(&mut keep, &[("OTHER", "newer-value"), ("KEY", &long)]).is_err());
            assert_eq!(values(&keep), [("KEY", "first-value"), ("OTHER", "other-value")]);
        }
        assert_eq!(generation(&keep), before, "what requests carry is what it was");
        let done = renewed(&mut keep, &[("KEY", "second-value"), ("OTHER", "other-value")]).unwrap();
        assert_eq!(done.names, ["KEY"]);
        assert_eq!(renewed(&mut keep, &[("KEY", "second-value")]).unwrap(), Renewed::default());
        assert_eq!(generation(&keep), before + 1);
    }

    #[test]
    fn a_target_that_does_not_fit_leaves_room_for_another() {
        let mut keep = narrow(Vec::new());
        let origin = |host: &str| Origin::new(Scheme::Https, host, None);
        let before = generation(&keep);
        assert!(keep.pin(origin(&"x".repeat(LONG))).is_err());
        keep.pin(origin("shop.example")).unwrap();
        assert_eq!(generation(&keep), before + 1);
        keep.pin(origin("other.example")).unwrap();
        assert_eq!(keep.pinned, [origin("shop.example")]);
    }

    #[test]
    fn a_key_that_is_none_keeps_no_other_value_back() {
        let mut keep = Keep::new(vec![charge("KEY", "first-value")], None).unwrap();
        keep.set_cluster_key(SecretBytes::from("k".repeat(SHORTEST_KEY))).unwrap();
        let done = renewed(&mut keep, &[(CLUSTER_KEY, "short"), ("KEY", "second-value")]).unwrap();
        assert_eq!((done.names, done.weak), (vec!["KEY".to_owned()], Some(WeakKey(5))));
        assert_eq!(renewed(&mut keep, &[(CLUSTER_KEY, "short")]).unwrap(), Renewed::default(), "it is said once");
    }
}
