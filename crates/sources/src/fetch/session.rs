//! [`Session`]: what stays open after the values were got.

use tegmen_secret::SecretBytes;

use super::context::Context;
use super::error::{FetchError, FetchErrors, Trouble};
use super::files::{self, Dotenvs};
use super::{Note, exec};
use crate::{Manifest, Source};

/// The login, and the way to the values. Dropping it revokes the login.
pub struct Session {
    manifest: Manifest,
    context: Context,
}

type Values = Vec<(String, SecretBytes)>;

impl Session {
    pub(super) fn new(manifest: Manifest, context: Context) -> Self {
        Self { manifest, context }
    }

    /// The values as they are now, with the same login.
    ///
    /// # Errors
    /// With every secret that cannot be had any more.
    pub fn refetch(&mut self) -> Result<Values, FetchErrors> {
        self.fetch().map(|(values, _)| values)
    }

    pub(super) fn fetch(&mut self) -> Result<(Values, Vec<Note>), FetchErrors> {
        let mut dotenvs = Dotenvs::default();
        let (mut values, mut notes, mut errors) = (Vec::new(), Vec::new(), Vec::new());
        for (name, spec) in &self.manifest.secrets {
            let source = &spec.source;
            match get(&self.context, source, &mut dotenvs) {
                Ok((value, stripped)) => {
                    if stripped {
                        let text = "the newline at the end of the value was stripped".to_owned();
                        notes.push(Note { secret: name.clone(), source: source.clone(), text });
                    }
                    values.push((name.clone(), value));
                }
                Err(Trouble { why, next }) => {
                    errors.push(FetchError { secrets: vec![(name.clone(), source.clone())], why, next });
                }
            }
        }
        if errors.is_empty() { Ok((values, notes)) } else { Err(FetchErrors(errors)) }
    }
}

/// The value, and whether a newline was stripped from its end.
fn get(context: &Context, source: &Source, dotenvs: &mut Dotenvs) -> Result<(SecretBytes, bool), Trouble> {
    match source {
        Source::Env { name } => Ok((files::env(context, name)?, false)),
        Source::Dotenv { file, name } => Ok((dotenvs.get(context, file, name)?, false)),
        Source::File { path } => files::file(context, path),
        Source::Exec { command } => exec::exec(context, command),
        Source::Store { .. } | Source::Vault { .. } => {
            Err(Trouble::new("this build does not read this source", "use another source"))
        }
    }
}
