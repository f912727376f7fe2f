//! Vault, for the thread that looks after the login and for the endpoint that stands in for it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use tegmen_sources::{Facts, Found, Refused, Step, Unread, VaultLife, VaultOpener};

/// Vault. Clones are the same.
#[derive(Clone)]
pub struct Upstream(Arc<Mutex<State>>);

struct State {
    life: Option<VaultLife>,
    opener: Option<VaultOpener>,
}

impl Upstream {
    /// With the login that there is, and what a login can be made with when somebody asks for something.
    pub fn new(life: Option<VaultLife>, opener: Option<VaultOpener>) -> Self {
        Self(Arc::new(Mutex::new(State { life, opener })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is, or may come to be, anything to look after.
    pub fn is_possible(&self) -> bool {
        let state = self.lock();
        state.life.is_some() || state.opener.is_some()
    }

    /// When there is something to be done.
    pub fn due(&self) -> Option<Instant> {
        self.lock().life.as_ref().and_then(VaultLife::due)
    }

    /// Does what is due.
    pub fn step(&self) -> Step {
        self.lock().life.as_mut().map(VaultLife::step).unwrap_or_default()
    }

    /// What is known of the values that were got last.
    pub fn facts(&self) -> Facts {
        self.lock().life.as_ref().map(VaultLife::facts).unwrap_or_default()
    }

    /// Reads a path of Vault's API, after a login where there was none. Others are not held up meanwhile.
    ///
    /// # Errors
    /// When it cannot be had.
    pub fn read(&self, path: &str, version: Option<u64>) -> Result<Option<Found>, Refused> {
        // Each lock is held for one statement: Vault is asked without it.
        let reading = self.lock().life()?.reading();
        let read = match reading.read(path, version) {
            Err(Unread::Login(used)) => {
                let reading = self.lock().life()?.reading_anew(&used)?;
                reading.read(path, version)?
            }
            other => other?,
        };
        match read {
            Some(read) => Ok(Some(self.lock().life()?.found(read))),
            None => Ok(None),
        }
    }
}

impl State {
    /// The login that there is, or that is made now.
    fn life(&mut self) -> Result<&mut VaultLife, Refused> {
        match (&mut self.life, &self.opener) {
            (Some(life), _) => Ok(life),
            (life, Some(opener)) => Ok(life.insert(opener.open()?)),
            (None, None) => Err(Refused { status: 503, message: "there is no Vault for this run".to_owned() }),
        }
    }
}
