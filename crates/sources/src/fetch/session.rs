//! [`Session`]: what stays open after the values were got.

use std::collections::BTreeMap;

use tegmen_secret::SecretBytes;
use tegmen_vault::{Login, Revocation};

use super::Note;
use super::context::Context;
use super::error::{FetchError, FetchErrors, Trouble};
use super::local::Local;
use super::vault::{self, Reads};
use crate::{Manifest, SecretSpec, Source};

/// The login, and the way to the values. Dropping it revokes the login, see [`Session::revoke`].
pub struct Session {
    manifest: Manifest,
    context: Context,
    login: Option<Login>,
    /// What commands printed at the start: they are not run again.
    printed: BTreeMap<String, SecretBytes>,
}

pub(super) type Values = Vec<(String, SecretBytes)>;

/// What came of all the sources.
#[derive(Default)]
struct Outcome {
    values: Values,
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

    fn finish(mut self) -> Result<(Values, Vec<Note>), FetchErrors> {
        if self.errors.is_empty() {
            self.values.sort_by(|(a, _), (b, _)| a.cmp(b));
            Ok((self.values, self.notes))
        } else {
            self.errors.sort_by(|a, b| a.secrets.cmp(&b.secrets));
            Err(FetchErrors(self.errors))
        }
    }
}

impl Session {
    pub(super) fn new(manifest: Manifest, context: Context) -> Self {
        Self { manifest, context, login: None, printed: BTreeMap::new() }
    }

    /// The values as they are now, with the same login. A command of `exec:` is not run again: it may ask somebody for a
    /// touch or a code.
    ///
    /// # Errors
    /// With every secret that cannot be had any more.
    pub fn refetch(&mut self) -> Result<Values, FetchErrors> {
        self.fetch().map(|(values, _)| values)
    }

    /// Ends the login: revokes the token of Vault if it came out of a login of ours. A token that was given to us, in a
    /// variable or by `vault login`, is somebody else's and is left alone. `None` when there was no login.
    pub fn revoke(&mut self) -> Option<Revocation> {
        self.login.as_mut().map(Login::revoke)
    }

    /// The login at Vault, when a secret needed one.
    pub fn login(&self) -> Option<&Login> {
        self.login.as_ref()
    }

    pub(super) fn fetch(&mut self) -> Result<(Values, Vec<Note>), FetchErrors> {
        let Self { manifest, context, login, printed } = self;
        let (in_vault, elsewhere): (Vec<_>, Vec<_>) =
            manifest.secrets.iter().partition(|(_, spec)| matches!(spec.source, Source::Vault { .. }));
        let mut outcome = Outcome::default();
        let mut local = Local::default();
        for (name, SecretSpec { source, .. }) in elsewhere {
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
                    if matches!(source, Source::Exec { .. }) {
                        printed.insert(name.clone(), value.clone());
                    }
                    outcome.values.push((name.clone(), value));
                }
                Err(trouble) => outcome.error(name, source, trouble),
            }
        }
        if !in_vault.is_empty() {
            from_vault(manifest, context, login, &in_vault, &mut local, &mut outcome);
        }
        outcome.finish()
    }
}

fn from_vault(
    manifest: &Manifest,
    context: &Context,
    login: &mut Option<Login>,
    secrets: &[(&String, &SecretSpec)],
    local: &mut Local,
    outcome: &mut Outcome,
) {
    let mut reads = Reads::default();
    let session = match login {
        Some(session) => Ok(&*session),
        None if !outcome.errors.is_empty() && vault::login_is_precious(manifest, context) => Err(Trouble::new(
            "Vault was not asked, so that what is good for one login is not used up in vain",
            "correct the other errors first",
        )),
        None => vault::config(manifest, context)
            .and_then(|config| vault::login(manifest, context, config, local))
            .map(|session| &*login.insert(session)),
    };
    for (name, SecretSpec { source, .. }) in secrets {
        match session.as_ref().map_err(Clone::clone).and_then(|session| reads.get(session, source)) {
            Ok(value) => outcome.values.push(((*name).clone(), value)),
            Err(trouble) => outcome.error(name, source, trouble),
        }
    }
}
