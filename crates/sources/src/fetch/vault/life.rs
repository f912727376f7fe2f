//! [`VaultLife`]: a login and what was read with it, kept good as long as the run lasts.
//!
//! Whoever holds it calls [`VaultLife::step`] again and again. A step does what is due and says when the next one is: the
//! token is renewed after two thirds of its time, or replaced when it has come to its maximum; the same with what was lent;
//! KV is asked for new versions. While the server is away nothing is lost: the values stay as they are, and the step says
//! so once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tegmen_vault::{Auth, Client, Config, Error, ErrorKind, KvSecret, Login, Mount, Term, TokenOwner, jitter};

use super::ending::Ending;
use super::path::{Item, Look, Path, Place, two_thirds};
use super::{login, server};
use crate::fetch::Values;
use crate::fetch::context::Context;
use crate::fetch::error::Trouble;
use crate::fetch::facts::Facts;
use crate::fetch::local::Local;
use crate::{Manifest, Source};

/// How often the server is asked for new values where the manifest does not say.
pub(in crate::fetch) const POLL: Duration = Duration::from_secs(30);
/// The time to live that is asked for our own token: what ends it when nobody is left to revoke it. A third of it is what
/// the server may be away before the token is lost.
const TOKEN_TTL: Duration = Duration::from_secs(15 * 60);
/// How long a request may take while the test runs, when nobody has to wait for it.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest pause between two tries to log in again.
const LONGEST_PAUSE: Duration = Duration::from_secs(5 * 60);

/// A login and what was read with it.
pub struct VaultLife {
    pub(super) manifest: Manifest,
    context: Context,
    config: Config,
    pub(super) login: Arc<Login>,
    pub(super) ending: Ending,
    /// What to log in with again, where it is not to be found where it was: a SecretID that was wrapped, or in a file that was
    /// deleted.
    again: Option<Auth>,
    token: Token,
    pub(super) paths: Vec<Path>,
    pub(super) mounts: Vec<Mount>,
    pub(super) poll: Duration,
    /// How often in a row the server was away.
    away: u32,
}

/// When the token is to be seen to.
struct Token {
    due: Option<Instant>,
    /// The time to live that is asked for.
    asked: Duration,
    renewable: bool,
    /// The server grants less than it is asked for: the maximum is near.
    capped: bool,
    /// How often in a row a new login failed.
    failed: u32,
    told: Option<String>,
}

/// What came of a step.
#[derive(Default)]
pub struct Step {
    /// Values that may be new.
    pub values: Values,
    /// What somebody should know, a line each.
    pub said: Vec<String>,
}

impl VaultLife {
    /// Logs in.
    pub(in crate::fetch) fn begin(
        manifest: &Manifest,
        context: &Context,
        local: &mut Local,
        ending: Ending,
    ) -> Result<Self, Trouble> {
        let LoggedIn { config, login, again } = log_in(manifest, context, local)?;
        let login = Arc::new(login);
        ending.add(&login);
        let vault = manifest.vault.as_ref();
        let wanted = vault.and_then(|vault| vault.token_ttl).unwrap_or(TOKEN_TTL);
        Ok(Self {
            token: Token::new(&login, wanted),
            manifest: manifest.clone(),
            context: context.clone(),
            config,
            login,
            ending,
            again,
            paths: Vec::new(),
            mounts: Vec::new(),
            poll: vault.and_then(|vault| vault.poll).unwrap_or(POLL),
            away: 0,
        })
    }

    /// Where the server is.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Reads the path of a source for the first time, and watches over it from then on.
    pub(in crate::fetch) fn first(&mut self, source: &Source) -> Result<(usize, KvSecret), Trouble> {
        let Some(place) = Place::of(source) else {
            return Err(Trouble::new(
                format!("{source} is not in Vault"),
                "this is a fault of tegmen: please report it",
            ));
        };
        let mut path = Path::new(place);
        let secret = path.read(&self.login, &mut self.mounts, &self.ending, self.poll)?;
        self.paths.push(path);
        Ok((self.paths.len() - 1, secret))
    }

    /// Reads the path of a source once, and forgets about it.
    pub(in crate::fetch) fn once(&mut self, source: &Source) -> Result<KvSecret, Trouble> {
        let (path, secret) = self.first(source)?;
        self.paths.truncate(path);
        Ok(secret)
    }

    /// A secret of a path that was read.
    pub(in crate::fetch) fn add(&mut self, path: usize, item: Item) {
        if let Some(path) = self.paths.get_mut(path) {
            path.items.push(item);
        }
    }

    /// What is known of the values that were got last.
    pub fn facts(&self) -> Facts {
        self.paths.iter().flat_map(Path::facts).collect()
    }

    /// When there is something to be done.
    pub fn due(&self) -> Option<Instant> {
        self.paths.iter().filter_map(|path| path.due).chain(self.token.due).min()
    }

    /// Has everything be looked at in the next step.
    pub fn hurry(&mut self) {
        let now = Instant::now();
        self.paths.iter_mut().filter(|path| path.due.is_some()).for_each(|path| path.due = Some(now));
    }

    /// Does what is due.
    pub fn step(&mut self) -> Step {
        let mut step = Step::default();
        match self.try_step(&mut step) {
            Ok(asked) => {
                if asked && self.away > 0 {
                    self.away = 0;
                    step.said.push("Vault answers again".to_owned());
                }
            }
            Err(error) => {
                if self.away == 0 {
                    step.said.push(format!("Vault cannot be asked; the run goes on with the values it has: {error}"));
                }
                self.postpone();
            }
        }
        step
    }

    /// Puts everything that is due off, for longer each time.
    fn postpone(&mut self) {
        self.away = self.away.saturating_add(1);
        let pause = Duration::from_millis(500).saturating_mul(1 << self.away.min(7));
        let then = Instant::now() + jitter(pause.min(self.poll));
        let dues = self.paths.iter_mut().map(|path| &mut path.due).chain([&mut self.token.due]);
        for due in dues.flatten() {
            *due = (*due).max(then);
        }
    }

    /// Whether the server was asked for anything. An error is one that has to do with the server as a whole.
    fn try_step(&mut self, step: &mut Step) -> Result<bool, Error> {
        let now = Instant::now();
        let mut asked = false;
        if self.token.due.is_some_and(|due| due <= now) {
            asked = true;
            self.see_to_token(step)?;
        }
        for index in 0..self.paths.len() {
            if self.paths[index].due.is_none_or(|due| due > now) {
                continue;
            }
            asked = true;
            let login = self.login.hurried(PATIENCE);
            let path = &mut self.paths[index];
            match path.look(&login, &mut self.mounts, &self.ending, self.poll) {
                Ok(Look::Same) => path.told = None,
                Ok(Look::New(secret)) => {
                    let mut troubles = Vec::new();
                    for (name, value) in path.values(&secret) {
                        match value {
                            Ok(value) => step.values.push((name, value)),
                            Err(trouble) => troubles.push(format!("[{name}] keeps its value: {}", trouble.why)),
                        }
                    }
                    path.tell((!troubles.is_empty()).then(|| troubles.join("; ")), step);
                }
                Err(error) if error.is_outage() => return Err(error),
                Err(error) if error.kind == ErrorKind::BadToken => {
                    // Before its time. At once, unless that has failed just now.
                    path.due = Some(now + jitter(self.poll));
                    if self.token.failed == 0 {
                        self.new_login(step)?;
                    }
                }
                Err(error) => {
                    path.due = Some(now + jitter(self.poll));
                    let names: Vec<_> = path.items.iter().map(|item| format!("[{}]", item.name)).collect();
                    let keeps = if names.len() == 1 { "keeps its value" } else { "keep their values" };
                    path.tell(Some(format!("{} {keeps}: {error}", names.join(", "))), step);
                }
            }
        }
        Ok(asked)
    }

    fn see_to_token(&mut self, step: &mut Step) -> Result<(), Error> {
        if self.token.renewable && !self.token.capped {
            match self.login.hurried(PATIENCE).renew(self.token.asked) {
                Ok(term) => {
                    self.token.renewed(&term);
                    return Ok(());
                }
                Err(error) if error.is_outage() => return Err(error),
                // Whyever: a new one is as good.
                Err(_) => {}
            }
        }
        self.new_login(step)
    }

    /// A new token in the place of one that ends, and with it new leases: the old ones end with the old token, so requests
    /// that carry them have a third of its time to be done.
    pub(super) fn new_login(&mut self, step: &mut Step) -> Result<(), Error> {
        match self.log_in_again() {
            Ok(login) => {
                let wanted = self.manifest.vault.as_ref().and_then(|vault| vault.token_ttl).unwrap_or(TOKEN_TTL);
                self.token = Token::new(&login, wanted);
                self.login = Arc::new(login);
                self.ending.add(&self.login);
                let now = Instant::now();
                self.paths.iter_mut().filter(|path| path.is_lent()).for_each(|path| path.renounce(now));
                step.said.push("a new login at Vault, in the place of one that came to its end".to_owned());
                Ok(())
            }
            Err(LoginTrouble::Away(error)) => Err(error),
            Err(LoginTrouble::Refused(trouble)) => {
                self.token.failed = self.token.failed.saturating_add(1);
                let pause = self.poll.saturating_mul(1 << self.token.failed.min(8)).min(LONGEST_PAUSE);
                self.token.due = Some(Instant::now() + jitter(pause));
                let told = format!("no new login at Vault, the run goes on with the values it has: {}", trouble.why);
                if self.token.told.as_ref() != Some(&told) {
                    step.said.push(told.clone());
                    step.said.push(format!("  hint: {}", trouble.next));
                    self.token.told = Some(told);
                }
                Ok(())
            }
        }
    }

    fn log_in_again(&self) -> Result<Login, LoginTrouble> {
        let fresh;
        let auth = match &self.again {
            Some(auth) => auth,
            None => {
                fresh =
                    login::auth(&self.manifest, &self.context, &mut Local::default()).map_err(LoginTrouble::Refused)?;
                &fresh
            }
        };
        if let Auth::Token(token) = auth
            && self.login.owner() == TokenOwner::Given
            && self.login.is_with(token)
        {
            return Err(LoginTrouble::Refused(Trouble::new(
                "the token that was given comes to its end, and where it came from there is no other",
                "use a way of logging in that can be repeated, such as AppRole, for long runs",
            )));
        }
        let client = Client::new(self.config.clone()).map_err(LoginTrouble::of)?.hurried(PATIENCE);
        client.login(auth).map_err(LoginTrouble::of)
    }
}

/// A login that was made.
pub(crate) struct LoggedIn {
    pub(super) config: Config,
    pub(crate) login: Login,
    /// What to log in with again, where it is not to be found where it was.
    pub(super) again: Option<Auth>,
}

/// Logs in, as the manifest says.
pub(crate) fn log_in(manifest: &Manifest, context: &Context, local: &mut Local) -> Result<LoggedIn, Trouble> {
    let config = server::config(manifest, context)?;
    let client = Client::new(config.clone())?;
    let auth = login::auth(manifest, context, local)?;
    let was_wrapped = matches!(&auth, Auth::AppRole(role) if role.is_wrapped());
    let auth = client.opened(auth)?;
    let login = client.login(&auth)?;
    // A failure ends the login: what was asked to be gone is still there for the test to read.
    let was_removed = login::remove_file(manifest, context)?;
    Ok(LoggedIn { config, login, again: (was_wrapped || was_removed).then_some(auth) })
}

enum LoginTrouble {
    Away(Error),
    Refused(Trouble),
}

impl LoginTrouble {
    fn of(error: Error) -> Self {
        if error.is_outage() { Self::Away(error) } else { Self::Refused(error.into()) }
    }
}

impl Token {
    fn new(login: &Login, wanted: Duration) -> Self {
        let term = login.term();
        let (due, asked) = match (login.owner(), term.ttl) {
            (_, None) => (None, wanted),
            // What somebody else made is not to live shorter because of us.
            (TokenOwner::Given, Some(ttl)) => (two_thirds(&term), ttl),
            // At once, to have a short time to live.
            (TokenOwner::Ours, Some(ttl)) if ttl > wanted && term.renewable => (Some(Instant::now()), wanted),
            (TokenOwner::Ours, Some(ttl)) => (two_thirds(&term), ttl),
        };
        Self { due, asked, renewable: term.renewable, capped: false, failed: 0, told: None }
    }

    fn renewed(&mut self, term: &Term) {
        self.due = two_thirds(term);
        self.renewable = term.renewable;
        self.capped = term.ttl.is_some_and(|ttl| ttl < self.asked.mul_f64(0.9));
        (self.failed, self.told) = (0, None);
    }
}
