//! [`Ending`]: what has to be given back at the end, whoever is busy with it at that moment.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tegmen_vault::{Error, Lease, Login, Revocation, TokenOwner};

/// All logins and leases of a run. Clones are the same; with the last one it ends by itself.
#[derive(Clone, Default)]
pub struct Ending(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    logins: Vec<Arc<Login>>,
    /// What was lent on a token that is not ours, and so does not end with it.
    leases: Vec<Lease>,
    over: bool,
}

/// What became of them.
#[derive(Debug)]
pub struct Ended {
    /// Of the token: the first that failed, else that of the last login.
    pub token: Revocation,
    /// The paths of leases that could not be given back, and why.
    pub leases: Vec<(String, Error)>,
}

impl Ending {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a login. After the end it is ended at once.
    pub(super) fn add(&self, login: &Arc<Login>) {
        let mut state = self.lock();
        if state.over {
            drop(state);
            login.revoke();
            return;
        }
        state.logins.push(Arc::clone(login));
    }

    /// Adds what was lent. On a token of ours it ends with that.
    pub(super) fn add_lease(&self, lease: &Lease) {
        let mut state = self.lock();
        if state.logins.last().is_some_and(|login| login.owner() == TokenOwner::Given) {
            state.leases.push(lease.clone());
        }
    }

    /// The login at Vault that is in use, when a secret needed one.
    pub fn login(&self) -> Option<Arc<Login>> {
        self.lock().logins.last().cloned()
    }

    /// Ends all logins: revokes the tokens that came out of logins of ours. A token that was given to us, in a variable or
    /// by `vault login`, is somebody else's and is left alone; what was lent on it is given back. `None` when there was no
    /// login.
    pub fn end(&self) -> Option<Ended> {
        let (logins, leases) = {
            let mut state = self.lock();
            state.over = true;
            state.take()
        };
        give_back(&logins, leases)
    }
}

impl State {
    fn take(&mut self) -> (Vec<Arc<Login>>, Vec<Lease>) {
        (std::mem::take(&mut self.logins), std::mem::take(&mut self.leases))
    }
}

/// Where nobody has ended it: after an error, or where values were wanted and nothing else.
impl Drop for State {
    fn drop(&mut self) {
        let (logins, leases) = self.take();
        give_back(&logins, leases);
    }
}

fn give_back(logins: &[Arc<Login>], leases: Vec<Lease>) -> Option<Ended> {
    let last = logins.last()?;
    let mut kept = Vec::new();
    for lease in leases {
        // With a limit of its own for each, since nobody wants to wait for the end.
        if let Err(error) = last.hurried(GOODBYE).revoke_lease(&lease) {
            kept.push((lease.path, error));
        }
    }
    let mut token = Revocation::NotOurs;
    for login in logins {
        let result = login.revoke();
        if !matches!(token, Revocation::Failed(_)) {
            token = result;
        }
    }
    Some(Ended { token, leases: kept })
}

/// How long giving one lease back may take.
const GOODBYE: std::time::Duration = std::time::Duration::from_secs(5);
