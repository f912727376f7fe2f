//! [`Age`]: how old a value is, and how that is known.

use std::time::{Duration, SystemTime};

use super::kv::Found;
use super::record::{Record, moment};
use super::subject::{Subject, Way};
use super::work::Rotator;
use super::{RotationKind, local, secret_id};
use crate::fetch::Trouble;

/// How old a value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Age {
    /// It is the same since then.
    Since {
        /// When it was written.
        at: SystemTime,
        /// Whether it may be older, because nobody knows what was there before.
        at_least: bool,
    },
    /// Nothing says so.
    Unknown,
    /// It is made anew for each run.
    PerRun,
}

impl Age {
    /// The time since then; `None` where it is not known. A time in the future, on a clock that was wrong, is no time ago.
    pub fn time(&self, now: SystemTime) -> Option<Duration> {
        match self {
            Self::Since { at, .. } => Some(now.duration_since(*at).unwrap_or_default()),
            Self::Unknown | Self::PerRun => None,
        }
    }

    /// Whether a secret of this age is to be rotated. What nothing is known of is: nobody can say that it is young enough.
    pub fn is_due(&self, max_age: Option<Duration>, now: SystemTime) -> bool {
        let Some(max_age) = max_age else { return false };
        match self {
            Self::PerRun => false,
            Self::Unknown => true,
            Self::Since { .. } => self.time(now).is_some_and(|time| time >= max_age),
        }
    }
}

impl Rotator<'_> {
    /// Everything of the manifest that has an age, by name: of a whole path each of its fields. A path that cannot be read
    /// stays what it is, and its age says why.
    pub fn subjects(&self) -> Vec<Subject> {
        let spread = |subject: Subject| {
            let Way::WholePath { path } = &subject.way else { return vec![subject] };
            let fields = self.vault.borrow_mut().fields(path).unwrap_or_default();
            if fields.is_empty() { vec![subject] } else { subject.fields(&self.manifest, &fields) }
        };
        Subject::all(&self.manifest).into_iter().flat_map(spread).collect()
    }

    /// How old the value of a subject is.
    ///
    /// # Errors
    /// When what would know it cannot be asked.
    pub fn age(&self, subject: &Subject) -> Result<Age, Trouble> {
        let recorded = Record::last(&self.lines, &subject.name).and_then(|line| moment(&line.time));
        let exact = |at: Option<SystemTime>| at.map_or(Age::Unknown, |at| Age::Since { at, at_least: false });
        Ok(match &subject.way {
            Way::PerRun => Age::PerRun,
            // Its fields have ages: see `Rotator::subjects`. One that cannot be read has none.
            Way::WholePath { path } => {
                self.vault.borrow_mut().fields(path)?;
                Age::Unknown
            }
            Way::Env { .. } | Way::Exec | Way::Secretspec => exact(recorded),
            Way::Pinned => Age::Unknown,
            Way::Vault { path, field } => {
                let mut vault = self.vault.borrow_mut();
                match vault.read(path, field)? {
                    Found::StaticRole(_) => exact(vault.role_rotated(path)?.or(recorded)),
                    Found::Kv(read) => match vault.written(path, &read.field, &read)? {
                        // Our own record knows more than a history that is cut off.
                        Some((at, false)) => match recorded.filter(|recorded| *recorded <= at) {
                            Some(recorded) => exact(Some(recorded)),
                            None => Age::Since { at, at_least: true },
                        },
                        Some((at, true)) => exact(Some(at)),
                        None => exact(recorded),
                    },
                }
            }
            Way::StaticRole { path } => exact(self.vault.borrow_mut().role_rotated(path)?.or(recorded)),
            Way::Store { name } => {
                let contents = local::store(&self.context)?.read()?;
                let Some(entry) = contents.get(name) else {
                    let next = format!("tegmen secrets set {name}");
                    return Err(Trouble::new(format!("the store has no {name}"), next));
                };
                exact(Some(entry.updated()))
            }
            Way::File { path } => exact(changed(&self.context.path(path))?),
            Way::Dotenv { file, .. } => match (recorded, changed(&self.context.path(file))?) {
                (Some(recorded), _) => exact(Some(recorded)),
                // The line is at least as old as the file is unchanged.
                (None, Some(at)) => Age::Since { at, at_least: true },
                (None, None) => Age::Unknown,
            },
            Way::Rotation(RotationKind::DatabaseRoot { .. }) => exact(recorded),
            Way::Rotation(RotationKind::SecretId { role, wrap }) => {
                let current = match wrap {
                    // What lies there is a wrapping token.
                    Some(_) => None,
                    None => secret_id::current(&self.context, &self.places(subject))?,
                };
                let made = match current {
                    Some(current) => {
                        let login = self.vault.borrow_mut().login()?;
                        login.secret_id_created(role, &current).ok().flatten().as_deref().and_then(moment)
                    }
                    None => None,
                };
                exact(made.or(recorded))
            }
        })
    }
}

/// When a file was last written.
fn changed(path: &std::path::Path) -> Result<Option<SystemTime>, Trouble> {
    match path.metadata() {
        Ok(metadata) => Ok(metadata.modified().ok()),
        Err(error) => Err(Trouble::new(format!("{}: {error}", path.display()), "check the path")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due() {
        let now = SystemTime::now();
        let day = Duration::from_secs(86_400);
        let since = |days: u32| Age::Since { at: now - day * days, at_least: false };
        assert!(since(90).is_due(Some(day * 90), now) && !since(89).is_due(Some(day * 90), now));
        assert!(!since(1000).is_due(None, now) && !Age::PerRun.is_due(Some(day), now));
        assert!(Age::Unknown.is_due(Some(day), now) && !Age::Unknown.is_due(None, now));
        // A clock that was ahead when the value was written.
        let ahead = Age::Since { at: now + day, at_least: false };
        assert_eq!(ahead.time(now), Some(Duration::ZERO));
        assert!(!ahead.is_due(Some(day), now));
    }
}
