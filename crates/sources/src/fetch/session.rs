//! [`Session`]: what stays open after the values were got.

use std::collections::BTreeMap;

use tegmen_secret::SecretBytes;
use tegmen_vault::KvSecret;

use super::Note;
use super::context::Context;
use super::error::{FetchError, FetchErrors, Trouble};
use super::facts::{Fact, Facts};
use super::local::Local;
use super::pool;
use super::vault::{self, Ending, Item, VaultLife, VaultOpener};
use crate::{Manifest, Records, SecretSpec, Source};

/// The way to the values: what is at hand on this machine, and Vault. Dropping it ends the login, see [`Ending`].
pub struct Session {
    /// All sources but Vault.
    pub local: LocalSession,
    /// The login at Vault and what was read with it, when a secret needed one.
    pub vault: Option<VaultLife>,
    /// What a login can be made with when a script asks for something; `None` where nothing says how.
    pub opener: Option<VaultOpener>,
    /// What has to be given back at the end.
    pub ending: Ending,
}

/// All sources but Vault.
pub struct LocalSession {
    manifest: Manifest,
    context: Context,
    /// What commands printed and managers gave at the start: they are not asked again.
    printed: BTreeMap<String, SecretBytes>,
    facts: BTreeMap<String, Fact>,
}

/// Each secret's name and value.
pub type Values = Vec<(String, SecretBytes)>;

/// Each pool's name and records.
type Pools = Vec<(String, Records)>;

/// What came of all the sources.
#[derive(Default)]
struct Outcome {
    values: Values,
    pools: Pools,
    notes: Vec<Note>,
    errors: Vec<FetchError>,
}

impl Outcome {
    fn error(&mut self, name: &str, source: &Source, Trouble { why, next }: Trouble) {
        let secret = (name.to_owned(), source.clone());
        // One cause is told once, with all secrets that it stops.
        match self.errors.iter_mut().find(|error| error.why == why && error.next == next) {
            Some(error) => error.secrets.push(secret),
            None => self.errors.push(FetchError { secrets: vec![secret], why, next }),
        }
    }

    fn finish(mut self) -> Result<(Values, Pools, Vec<Note>), FetchErrors> {
        if self.errors.is_empty() {
            self.values.sort_by(|(a, _), (b, _)| a.cmp(b));
            self.pools.sort_by(|(a, _), (b, _)| a.cmp(b));
            Ok((self.values, self.pools, self.notes))
        } else {
            self.errors.sort_by(|a, b| a.secrets.cmp(&b.secrets));
            Err(FetchErrors(self.errors))
        }
    }
}

/// What a first fetch found: the session, the manifest with whole paths taken apart, the values, the remarks.
pub(super) struct First {
    pub(super) session: Session,
    pub(super) manifest: Manifest,
    pub(super) values: Values,
    pub(super) pools: Vec<(String, Records)>,
    pub(super) notes: Vec<Note>,
}

impl LocalSession {
    /// The values as they are now, and every secret that cannot be had any more. A command of `exec:` is not run again: it
    /// may ask somebody for a touch or a code.
    pub fn refetch(&mut self) -> (Values, FetchErrors) {
        let mut outcome = Outcome::default();
        self.fetch(&mut Local::default(), &mut outcome);
        (outcome.values, FetchErrors(outcome.errors))
    }

    /// What is known of the values that were got last.
    pub fn facts(&self) -> Facts {
        self.facts.iter().map(|(name, fact)| (name.clone(), fact.clone())).collect()
    }

    /// Whether there is anything that could change.
    pub fn is_idle(&self) -> bool {
        let changes = |source: &Source| !matches!(source, Source::Env { .. }) && !source.is_asked_once();
        !self.manifest.secrets.values().any(|spec| !spec.source.is_vault() && changes(&spec.source))
    }

    fn fetch(&mut self, local: &mut Local, outcome: &mut Outcome) {
        let Self { manifest, context, printed, facts } = self;
        for (name, SecretSpec { source, .. }) in manifest.secrets.iter().filter(|(_, spec)| !spec.source.is_vault()) {
            if let Some(value) = printed.get(name) {
                outcome.values.push((name.clone(), value.clone()));
                continue;
            }
            match local.get(context, source) {
                Ok((value, stripped)) => {
                    if stripped {
                        let text = "the newline at the end of the value was stripped".to_owned();
                        outcome.notes.push(Note { secret: name.clone(), source: source.clone(), text });
                    }
                    if source.is_asked_once() {
                        printed.insert(name.clone(), value.clone());
                    }
                    facts.insert(name.clone(), Fact { written: local.written(context, source), ..Fact::default() });
                    outcome.values.push((name.clone(), value));
                }
                Err(trouble) => outcome.error(name, source, trouble),
            }
        }
    }
}

pub(super) fn first(manifest: &Manifest, context: &Context) -> Result<First, FetchErrors> {
    let (mut outcome, mut local) = (Outcome::default(), Local::default());
    let mut here = LocalSession {
        manifest: manifest.clone(),
        context: context.clone(),
        printed: BTreeMap::default(),
        facts: BTreeMap::default(),
    };
    here.fetch(&mut local, &mut outcome);
    for (name, spec) in manifest.pools.iter().filter(|(_, spec)| !spec.source.is_vault()) {
        match pool::local(spec, context, &mut local) {
            Ok(records) => outcome.pools.push((name.clone(), records)),
            Err(trouble) => outcome.error(name, &spec.source, trouble),
        }
    }
    let mut expanded = manifest.clone();
    let ending = Ending::default();
    let sources = manifest.secrets.values().map(|spec| &spec.source);
    let vault = match sources.chain(manifest.pools.values().map(|spec| &spec.source)).any(Source::is_vault) {
        true => from_vault(manifest, &mut expanded, context, &mut local, &ending, &mut outcome),
        false => None,
    };
    let (values, pools, notes) = outcome.finish()?;
    let opener = VaultOpener::new(&expanded, context, &ending);
    Ok(First { session: Session { local: here, vault, opener, ending }, manifest: expanded, values, pools, notes })
}

/// The number of a path, and what was read there.
type Read = Result<(usize, KvSecret), Trouble>;

/// Logs in and reads. What the first read of a path gives is for all its secrets.
fn from_vault(
    manifest: &Manifest,
    expanded: &mut Manifest,
    context: &Context,
    local: &mut Local,
    ending: &Ending,
    outcome: &mut Outcome,
) -> Option<VaultLife> {
    let secrets = || manifest.secrets.iter().filter(|(_, spec)| spec.source.is_vault());
    let pools = || manifest.pools.iter().filter(|(_, spec)| spec.source.is_vault());
    let begun = if !outcome.errors.is_empty() && vault::login_is_precious(manifest, context) {
        Err(Trouble::new(
            "Vault was not asked, so that what is good for one login is not used up in vain",
            "correct the other errors first",
        ))
    } else {
        VaultLife::begin(manifest, context, local, ending.clone())
    };
    let mut life = match begun {
        Ok(life) => life,
        Err(trouble) => {
            secrets().for_each(|(name, spec)| outcome.error(name, &spec.source, trouble.clone()));
            pools().for_each(|(name, spec)| outcome.error(name, &spec.source, trouble.clone()));
            return None;
        }
    };
    let mut reads: Vec<(Source, Read)> = Vec::new();
    for (name, spec) in secrets() {
        let at = match reads.iter().position(|(source, _)| source.is_same_path(&spec.source)) {
            Some(at) => at,
            None => {
                reads.push((spec.source.clone(), life.first(&spec.source)));
                reads.len() - 1
            }
        };
        let (path, secret) = match &reads[at].1 {
            Ok((path, secret)) => (*path, secret),
            Err(trouble) => {
                outcome.error(name, &spec.source, trouble.clone());
                continue;
            }
        };
        let parts = match spec.source.field() {
            Some(field) => Ok(vec![(name.clone(), field.to_owned())]),
            None => vault::expanded(manifest, name, spec, secret).map(|(parts, left)| {
                expanded.secrets.remove(name);
                if !left.is_empty() {
                    let text = format!("not taken, because they are no texts or empty: {}", left.join(", "));
                    outcome.notes.push(Note { secret: name.clone(), source: spec.source.clone(), text });
                }
                let names = parts.iter().map(|part| (part.name.clone(), part.field.clone())).collect();
                expanded.secrets.extend(parts.into_iter().map(|part| (part.name, part.spec)));
                names
            }),
        };
        let parts = match parts {
            Ok(parts) => parts,
            Err(trouble) => {
                outcome.error(name, &spec.source, trouble);
                continue;
            }
        };
        for (name, field) in parts {
            let item = Item { name, field };
            match item.value(secret, &spec.source) {
                Ok(value) => {
                    outcome.values.push((item.name.clone(), value));
                    life.add(path, item);
                }
                Err(trouble) => outcome.error(&item.name, &spec.source, trouble),
            }
        }
    }
    for (name, spec) in pools() {
        match pool::vault(spec, &mut life) {
            Ok(records) => outcome.pools.push((name.clone(), records)),
            Err(trouble) => outcome.error(name, &spec.source, trouble),
        }
    }
    Some(life)
}
