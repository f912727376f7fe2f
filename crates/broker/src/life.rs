//! The life of a run's secrets: new values in their sources reach the test while it runs, the login at Vault and what was
//! lent with it are kept good, and in the end everything is given back.
//!
//! Vault has a thread of its own, so that a server that hangs holds up nothing else; and the end waits for neither.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tegmen_sources::{Ended, Ending, LocalSession, Values};

use crate::{
    channel::Server,
    child::Handle,
    keep::{KeepError, Renewed},
    upstream::Upstream,
};

/// How often the sources on this machine are asked for new values.
const REFRESH: Duration = Duration::from_secs(30);
/// How often it is looked whether there is something to look after.
const GLANCE: Duration = Duration::from_millis(500);
/// How long the end waits for a request that is on its way: what that one still gets has to be given back too.
const PATIENCE: Duration = Duration::from_secs(2);

/// What goes on beside the child.
pub struct Life {
    stop: Arc<Stop>,
    ending: Ending,
}

/// Tells the threads to end, and how many are left.
#[derive(Default)]
struct Stop {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    over: bool,
    running: usize,
}

/// Where new values and news of one thread go.
#[derive(Clone)]
struct Outlet {
    server: Server,
    output: Handle,
    /// Values that could not be used last time, and why, so that it is said once.
    left: Values,
    refused: Option<String>,
}

impl Life {
    /// Begins. What there is to say goes to `output`, which is that of the child.
    ///
    /// # Errors
    /// When the operating system has no thread to give.
    pub fn start(
        server: &Server,
        local: LocalSession,
        vault: Upstream,
        ending: Ending,
        output: Handle,
    ) -> std::io::Result<Self> {
        let stop = Arc::new(Stop::default());
        let outlet = Outlet { server: server.clone(), output, left: Values::new(), refused: None };
        server.know(local.facts());
        server.know(vault.facts());
        if !local.is_idle() {
            let (stop, outlet) = (Arc::clone(&stop), outlet.clone());
            spawn("sources", stop, move |stop| watch_local(local, stop, outlet))?;
        }
        if vault.is_possible() {
            spawn("vault", Arc::clone(&stop), move |stop| watch_vault(&vault, stop, outlet))?;
        }
        Ok(Self { stop, ending })
    }

    /// Ends, and gives back what was lent. `None` when there was no login.
    pub fn end(self) -> Option<Ended> {
        self.stop.end();
        self.ending.end()
    }
}

/// Counts a thread for as long as it runs: also after a panic, so that the end does not wait in vain.
struct Running(Arc<Stop>);

impl Running {
    fn new(stop: Arc<Stop>) -> Self {
        stop.state.lock().unwrap_or_else(PoisonError::into_inner).running += 1;
        Self(stop)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).running -= 1;
        self.0.changed.notify_all();
    }
}

fn spawn(name: &str, stop: Arc<Stop>, work: impl FnOnce(&Stop) + Send + 'static) -> std::io::Result<()> {
    let running = Running::new(stop);
    std::thread::Builder::new().name(name.to_owned()).spawn(move || work(&running.0)).map(drop)
}

impl Stop {
    /// Waits until then, or for the end. Whether it is the end.
    fn wait_until(&self, then: Instant) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let pause = then.saturating_duration_since(Instant::now());
        let waited = self.changed.wait_timeout_while(state, pause, |state| !state.over);
        waited.unwrap_or_else(PoisonError::into_inner).0.over
    }

    fn end(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.over = true;
        self.changed.notify_all();
        let _ = self.changed.wait_timeout_while(state, PATIENCE, |state| state.running > 0);
    }
}

impl Outlet {
    fn say(&self, line: &str) {
        let _ = self.output.say(&format!("tegmen: {line}"));
    }

    fn renew(&mut self, values: Values) {
        // Vault gives each once.
        let mut all = std::mem::take(&mut self.left);
        all.retain(|(name, _)| !values.iter().any(|(newer, _)| newer == name));
        all.extend(values);
        let (Renewed { names, weak }, refused) = match self.server.renew(&all) {
            Ok(renewed) => (renewed, None),
            Err(error) => {
                self.left = all;
                (Renewed::default(), Some(error.to_string()))
            }
        };
        if !names.is_empty() {
            let shown = names.iter().map(|name| format!("[{name}]")).collect::<Vec<_>>().join(", ");
            let has = if names.len() == 1 { "has a new value" } else { "have new values" };
            self.say(&format!("{shown} {has}; requests carry it from now on"));
        }
        if let Some(weak) = weak {
            self.say(&format!("new values cannot be used: {}", KeepError::from(weak)));
        }
        if let Some(why) = refused.as_ref().filter(|_| refused != self.refused) {
            self.say(&format!("new values cannot be used: {why}"));
        }
        self.refused = refused;
    }
}

fn watch_local(mut local: LocalSession, stop: &Stop, mut outlet: Outlet) {
    let mut told = String::new();
    while !stop.wait_until(Instant::now() + REFRESH) {
        let (values, errors) = local.refetch();
        outlet.server.know(local.facts());
        outlet.renew(values);
        let error = errors.to_string();
        if !error.is_empty() && error != told {
            outlet.say("some sources cannot be asked for new values; the run goes on with those it has");
            for line in error.lines() {
                outlet.say(&format!("  {line}"));
            }
        }
        told = error;
    }
}

fn watch_vault(vault: &Upstream, stop: &Stop, mut outlet: Outlet) {
    loop {
        // Meanwhile a script may ask for something that has to be looked after sooner.
        let soon = Instant::now() + GLANCE;
        let due = vault.due().unwrap_or(soon);
        if stop.wait_until(due.min(soon)) {
            return;
        }
        if due > Instant::now() {
            continue;
        }
        let step = vault.step();
        outlet.server.know(vault.facts());
        outlet.renew(step.values);
        for line in step.said {
            outlet.say(&line);
        }
    }
}
