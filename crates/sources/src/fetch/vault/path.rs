//! [`Path`]: one path of the server, the secrets that come from it, and when it is to be looked at again.

use std::time::{Duration, Instant, SystemTime};

use tegmen_secret::SecretBytes;
use tegmen_vault::{Error, ErrorKind, KvSecret, KvVersion, Lease, Login, Mount, Term, jitter};

use super::ending::Ending;
use super::life::Step;
use crate::Source;
use crate::fetch::error::Trouble;
use crate::fetch::facts::{Fact, Facts, date, end_of};

/// A secret, and the field that it is.
#[derive(Clone)]
pub(in crate::fetch) struct Item {
    pub(in crate::fetch) name: String,
    pub(in crate::fetch) field: String,
}

/// What is asked of the server.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Place {
    Kv { path: String, version: Option<u64> },
    Dynamic { path: String, parameters: Vec<(String, String)> },
}

impl Place {
    /// `None` for a source that is not in Vault.
    pub(super) fn of(source: &Source) -> Option<Self> {
        match source.clone() {
            Source::Vault { mount_path, version, .. } => Some(Self::Kv { path: mount_path, version }),
            Source::VaultDynamic { path, parameters, .. } => Some(Self::Dynamic { path, parameters }),
            _ => None,
        }
    }

    pub(super) fn path(&self) -> &str {
        match self {
            Self::Kv { path, .. } | Self::Dynamic { path, .. } => path,
        }
    }
}

pub(super) struct Path {
    pub(super) place: Place,
    pub(super) items: Vec<Item>,
    kind: Kind,
    /// The version that was read last, and when that was written.
    known: (Option<u64>, Option<SystemTime>),
    /// When it is to be looked at again; `None`: never.
    pub(super) due: Option<Instant>,
    /// What was said of it last, so that it is said once.
    pub(super) told: Option<String>,
}

enum Kind {
    /// Not read yet.
    New,
    /// A version of KV that was asked for by its number.
    Fixed,
    /// The latest of KV. `metadata`: whether the token may read those, which is the cheaper way.
    Kv { mount: Option<Mount>, version: Option<u64>, metadata: bool },
    /// Anything else that can be read.
    Lent { term: Option<Term>, lease: Option<Lease>, asked: Duration, capped: bool },
}

/// What came of looking at a path again.
pub(super) enum Look {
    Same,
    New(KvSecret),
}

impl Path {
    pub(super) fn new(place: Place) -> Self {
        Self { place, items: Vec::new(), kind: Kind::New, known: (None, None), due: None, told: None }
    }

    /// What is known of its secrets' values.
    pub(super) fn facts(&self) -> Facts {
        let ends = match &self.kind {
            Kind::Lent { term: Some(term), .. } => end_of(term),
            _ => None,
        };
        let (version, written) = self.known;
        self.items.iter().map(|item| (item.name.clone(), Fact { version, written, ends })).collect()
    }

    fn knows(&mut self, secret: &KvSecret) {
        self.known = (secret.version(), secret.created().and_then(date));
    }

    /// Whether it ends with the token.
    pub(super) fn is_lent(&self) -> bool {
        matches!(self.kind, Kind::Lent { lease: Some(_), .. })
    }

    /// Has it be got anew rather than prolonged, since what it stands on ends.
    pub(super) fn renounce(&mut self, now: Instant) {
        self.due = Some(now);
        if let Kind::Lent { capped, .. } = &mut self.kind {
            *capped = true;
        }
    }

    /// Has something be said that was not said last time.
    pub(super) fn tell(&mut self, told: Option<String>, step: &mut Step) {
        if let Some(told) = told.as_ref().filter(|_| told != self.told) {
            step.said.push(told.clone());
        }
        self.told = told;
    }

    /// Reads it, whatever was read before.
    pub(super) fn read(
        &mut self,
        login: &Login,
        mounts: &mut Vec<Mount>,
        ending: &Ending,
        poll: Duration,
    ) -> Result<KvSecret, Error> {
        match &self.place {
            Place::Dynamic { path, parameters } => {
                let (path, parameters) = (path.clone(), parameters.clone());
                self.borrow(login, &path, &parameters, ending, (poll, false))
            }
            Place::Kv { path, version } => {
                let (path, version) = (path.clone(), *version);
                let mount = match mount(login, mounts, &path) {
                    // Not KV: whatever can be read there.
                    Err(Error { kind: ErrorKind::NotKv { .. }, .. }) if version.is_none() => {
                        return self.borrow(login, &path, &[], ending, (poll, true));
                    }
                    other => other?,
                };
                let secret = login.kv_read(mount.as_ref(), &path, version)?;
                self.knows(&secret);
                self.kind = match version {
                    Some(_) => Kind::Fixed,
                    None => {
                        let metadata = mount.as_ref().is_some_and(|mount| mount.version == KvVersion::Two);
                        Kind::Kv { mount, version: secret.version(), metadata }
                    }
                };
                self.due = (version.is_none()).then(|| Instant::now() + jitter(poll));
                Ok(secret)
            }
        }
    }

    fn borrow(
        &mut self,
        login: &Login,
        path: &str,
        parameters: &[(String, String)],
        ending: &Ending,
        (poll, again): (Duration, bool),
    ) -> Result<KvSecret, Error> {
        let lent = login.read(path, parameters)?;
        if let Some(lease) = &lent.lease {
            ending.add_lease(lease);
        }
        let now = Instant::now();
        self.due = match (&lent.term, lent.changes_in) {
            (Some(term), _) => two_thirds(term),
            // A moment later, so that the new one is there; and as often as KV, since somebody may rotate it before its time.
            (None, Some(time)) => Some(now + (time + Duration::from_millis(200)).min(jitter(poll))),
            (None, None) => again.then(|| now + jitter(poll)),
        };
        let asked = lent.term.and_then(|term| term.ttl).unwrap_or_default();
        self.kind = Kind::Lent { term: lent.term, lease: lent.lease, asked, capped: false };
        self.known = (None, Some(SystemTime::now()));
        Ok(lent.secret)
    }

    /// Does what is due: asks whether there is something new, or has its time prolonged.
    pub(super) fn look(
        &mut self,
        login: &Login,
        mounts: &mut Vec<Mount>,
        ending: &Ending,
        poll: Duration,
    ) -> Result<Look, Error> {
        let path = self.place.path().to_owned();
        match &mut self.kind {
            Kind::Fixed => self.due = None,
            Kind::New => return self.read(login, mounts, ending, poll).map(Look::New),
            Kind::Kv { mount, version, metadata } => {
                if let (Some(mount), true) = (&*mount, *metadata) {
                    match login.kv_latest(mount, &path)? {
                        Some(latest) if Some(latest) == *version => {
                            self.due = Some(Instant::now() + jitter(poll));
                            return Ok(Look::Same);
                        }
                        Some(_) => {}
                        // Denied, or gone: reading tells which, and is the way from now on.
                        None => *metadata = false,
                    }
                }
                let found = login.kv_read(mount.as_ref(), &path, None)?;
                self.due = Some(Instant::now() + jitter(poll));
                if found.version().is_some() && found.version() == *version {
                    return Ok(Look::Same);
                }
                *version = found.version();
                *metadata = mount.as_ref().is_some_and(|mount| mount.version == KvVersion::Two);
                self.knows(&found);
                return Ok(Look::New(found));
            }
            Kind::Lent { term: Some(term), lease: Some(lease), asked, capped } if term.renewable && !*capped => {
                match login.renew_lease(lease, *asked) {
                    Ok(renewed) => {
                        // Less than was asked for: its maximum is near, and the next one is a new one.
                        *capped = renewed.ttl.is_none_or(|ttl| ttl < asked.mul_f64(0.9));
                        *term = renewed;
                        self.due = two_thirds(&renewed);
                        return Ok(Look::Same);
                    }
                    Err(error) if error.is_outage() || error.kind == ErrorKind::BadToken => return Err(error),
                    // Whyever: another one is as good.
                    Err(_) => return self.read(login, mounts, ending, poll).map(Look::New),
                }
            }
            Kind::Lent { .. } => return self.read(login, mounts, ending, poll).map(Look::New),
        }
        Ok(Look::Same)
    }

    /// The values of its secrets.
    pub(super) fn values(&self, secret: &KvSecret) -> Vec<(String, Result<SecretBytes, Trouble>)> {
        self.items.iter().map(|item| (item.name.clone(), item.value_of(secret, self.place.path()))).collect()
    }
}

impl Item {
    /// Its value in what was read.
    pub(in crate::fetch) fn value(&self, secret: &KvSecret, source: &Source) -> Result<SecretBytes, Trouble> {
        self.value_of(secret, Place::of(source).as_ref().map_or("", Place::path))
    }

    fn value_of(&self, secret: &KvSecret, path: &str) -> Result<SecretBytes, Trouble> {
        let field = &self.field;
        let value = secret.field(field)?;
        if value.is_empty() {
            let next = format!("write a value, for example: vault kv patch {path} {field}=-");
            return Err(Trouble::new(format!("the field {field} of {path} is empty"), next));
        }
        Ok(value)
    }
}

/// When something that ends is to be seen to: after two thirds of its time.
pub(super) fn two_thirds(term: &Term) -> Option<Instant> {
    term.ttl.map(|ttl| term.since + jitter(ttl * 2 / 3))
}

/// The mount of a path, asked for once.
pub(crate) fn mount(login: &Login, mounts: &mut Vec<Mount>, path: &str) -> Result<Option<Mount>, Error> {
    let within = |mount: &&Mount| path.strip_prefix(&mount.path).is_some_and(|rest| rest.starts_with('/'));
    if let Some(mount) = mounts.iter().find(within) {
        return Ok(Some(mount.clone()));
    }
    let found = login.kv_mount(path)?;
    mounts.extend(found.clone());
    Ok(found)
}
