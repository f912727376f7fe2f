//! The broker's end of the channel: who may have the secrets, and what plugins tell.

use std::{
    collections::BTreeMap,
    os::fd::{AsRawFd, OwnedFd},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tegmen_redact::Patterns;
use tegmen_secret::SecretBytes;
use tegmen_sys::{
    channel::{Channel, Listener, Received, Sender},
    leash::Holder,
    peer::{self, Inspection},
};
use tegmen_wire::{
    origin::Origin,
    placeholder::Tag,
    protocol::{self, Address, Answer, Ask, Hello, MAX_MESSAGE, Tell},
};
use zeroize::{Zeroize, Zeroizing};

use crate::{
    child::Handle,
    keep::{Charge, Keep, KeepError, Renewed},
    ledger::{About, Ledger, Overview},
    pools::{Holdings, PoolUse, Pools},
};

/// What became of the channel during a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contacts {
    /// How many processes were given the secrets.
    pub welcomed: usize,
    /// Whether Locust was among them.
    pub locust: bool,
    /// Why others were not: each reason once, and not more than a person reads.
    pub refused: Vec<String>,
    /// How many refusals there were beyond those.
    pub more_refused: usize,
}

impl Contacts {
    /// So many reasons are kept.
    const REASONS: usize = 10;

    fn refuse(&mut self, reason: &str) {
        if self.refused.iter().any(|known| known == reason) {
            return;
        }
        if self.refused.len() < Self::REASONS {
            self.refused.push(reason.to_owned());
        } else {
            self.more_refused += 1;
        }
    }
}

/// The user as whom the command runs, where that is not our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The user.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
}

/// So many callers may be connected without having said anything yet.
const CALLERS: usize = 64;

/// Answers the plugins of a run. Clones are the same.
#[derive(Clone)]
pub struct Server {
    shared: Arc<Shared>,
}

struct Shared {
    owner: Option<Owner>,
    /// Whoever has the secrets hears of our end by it.
    holder: Holder,
    keep: Mutex<Keep>,
    pools: Mutex<Pools>,
    contacts: Mutex<Contacts>,
    ledger: Mutex<Ledger>,
    output: Mutex<Option<Handle>>,
    /// How many plugins are connected.
    conversing: Mutex<usize>,
    fewer: Condvar,
}

/// The state is whole after a panic elsewhere: every change to it is one assignment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Server {
    /// A server for those secrets, which come from there, and the command of that user (`None`: ours); the end of the channel
    /// that the child inherits; and where that is to be found, for its
    /// environment.
    ///
    /// # Errors
    /// When the operating system has no descriptor, no thread or no randomness to give.
    pub fn start(
        keep: Keep,
        pools: Pools,
        about: BTreeMap<String, About>,
        owner: Option<Owner>,
    ) -> std::io::Result<(Self, OwnedFd, Address)> {
        let (ours, theirs) = Channel::pair()?;
        ours.identify_senders()?;
        let shared = Arc::new(Shared {
            owner,
            holder: Holder::new()?,
            keep: Mutex::new(keep),
            pools: Mutex::new(pools),
            contacts: Mutex::default(),
            ledger: Mutex::new(Ledger::new(about)),
            output: Mutex::default(),
            conversing: Mutex::default(),
            fewer: Condvar::new(),
        });
        let serving = Arc::clone(&shared);
        std::thread::Builder::new().name("channel".to_owned()).spawn(move || serving.listen(&ours))?;
        // The name need not be secret: who connects is looked at as closely.
        let name = format!("tegmen-{}", Tag::random().map_err(std::io::Error::other)?.as_str());
        let listener = Listener::new(&name)?;
        let serving = Arc::clone(&shared);
        std::thread::Builder::new().name("listener".to_owned()).spawn(move || serving.accept(&listener))?;
        let theirs = OwnedFd::from(theirs);
        let address = Address { descriptor: theirs.as_raw_fd(), name };
        Ok((Self { shared }, theirs, address))
    }

    /// Listens there too: at the same name in the network of the command's own.
    ///
    /// # Errors
    /// When the operating system has no thread to give.
    pub fn listen_also(&self, listener: Listener) -> std::io::Result<()> {
        let serving = Arc::clone(&self.shared);
        std::thread::Builder::new().name("listener".to_owned()).spawn(move || serving.accept(&listener)).map(drop)
    }

    /// The user as whom the command runs.
    #[must_use]
    pub fn command_uid(&self) -> u32 {
        self.shared.owner.map_or_else(peer::own_uid, |owner| owner.uid)
    }

    /// Where patterns go when the test gives birth to a value: those that are known by now, and all later ones.
    pub fn set_output(&self, handle: Handle) {
        let keep = lock(&self.shared.keep);
        handle.set_patterns(keep.patterns().0);
        *lock(&self.shared.output) = Some(handle);
    }

    /// Waits until everything is read that the plugins of a command which has ended have told, but not longer than that:
    /// a process that it left behind may be connected still.
    pub fn hear_out(&self, patience: Duration) {
        let conversing = lock(&self.shared.conversing);
        let _ = self.shared.fewer.wait_timeout_while(conversing, patience, |conversing| *conversing > 0);
    }

    /// Who has been in contact until now.
    pub fn contacts(&self) -> Contacts {
        lock(&self.shared.contacts).clone()
    }

    /// Takes note of what is known of the values.
    pub fn know(&self, facts: tegmen_sources::Facts) {
        lock(&self.shared.ledger).know(facts);
    }

    /// What the run knows of its secrets.
    pub fn overview(&self) -> Overview {
        self.shared.overview()
    }

    /// What became of the pools until now.
    pub fn pools(&self) -> Vec<PoolUse> {
        lock(&self.shared.pools).uses()
    }

    /// Takes more secrets over; gives back their placeholders, in the same order.
    ///
    /// # Errors
    /// When they do not fit into the shared memory.
    pub fn add(&self, charges: Vec<Charge>) -> Result<Vec<String>, KeepError> {
        lock(&self.shared.keep).add(charges, |patterns| self.shared.search_for(patterns))
    }

    /// Puts new values in the place of old ones, for the next request.
    ///
    /// # Errors
    /// When they do not fit into the shared memory.
    pub fn renew(&self, values: &[(String, SecretBytes)]) -> Result<Renewed, KeepError> {
        lock(&self.shared.keep).renew(values, |patterns| self.shared.search_for(patterns))
    }
}

impl Shared {
    /// Until the last process that holds the other end is gone.
    fn listen(self: &Arc<Self>, channel: &Channel) {
        loop {
            match channel.receive(MAX_MESSAGE) {
                Ok(received) if received.is_end() => return,
                Ok(Received { bytes, descriptors, sender }) => {
                    if let Some(reply) = descriptors.into_iter().next() {
                        self.hello(sender, &bytes, Channel::from_fd(reply));
                    }
                }
                // A message that is too long is somebody's nonsense; the channel goes on.
                Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {}
                Err(_) => return,
            }
        }
    }

    /// Those for whom a program in between has closed the inherited descriptor.
    fn accept(self: &Arc<Self>, listener: &Listener) {
        let waiting = Arc::new(());
        while let Ok(channel) = listener.accept() {
            // Strangers get no thread that they could make wait.
            let ours = channel.peer().is_ok_and(|peer| peer::descends_from(peer.pid, std::process::id()));
            if !ours || Arc::strong_count(&waiting) > CALLERS {
                continue;
            }
            let (shared, caller) = (Arc::clone(self), Arc::clone(&waiting));
            // A thread, because whoever connects may take its time to say something.
            let _ = std::thread::Builder::new().name("caller".to_owned()).spawn(move || {
                let received = channel.identify_senders().and_then(|()| channel.receive(MAX_MESSAGE));
                drop(caller);
                if let Ok(received) = received
                    && !received.is_end()
                {
                    shared.hello(received.sender, &received.bytes, channel);
                }
            });
        }
    }

    fn hello(self: &Arc<Self>, sender: Option<Sender>, message: &[u8], reply: Channel) {
        let answer = match (sender, protocol::decode::<Hello>(message)) {
            (Some(sender), Ok(hello)) => check(sender, &hello, self.owner),
            _ => Err("its message is not one of the protocol".to_owned()),
        };
        match answer {
            Ok(()) => self.welcome(reply),
            Err(reason) => {
                lock(&self.contacts).refuse(&reason);
                if let Ok(message) = protocol::encode(&Answer::Refused { reason }) {
                    // Nobody gets to make us wait.
                    let _ = reply.send_now(&message, &[]);
                }
            }
        }
    }

    fn welcome(self: &Arc<Self>, reply: Channel) {
        {
            let keep = lock(&self.keep);
            let (mut descriptors, files) = keep.descriptors();
            descriptors.insert(1, self.holder.fd());
            let Ok(message) = protocol::encode(&Answer::Welcome { files }) else { return };
            if reply.send_now(&message, &descriptors).is_err() {
                return;
            }
        }
        lock(&self.contacts).welcomed += 1;
        let shared = Arc::clone(self);
        // One thread for each process that has the secrets: a handful.
        *lock(&self.conversing) += 1;
        let spawned = std::thread::Builder::new().name("plugin".to_owned()).spawn(move || {
            shared.converse(&reply);
            shared.leave();
        });
        if spawned.is_err() {
            self.leave();
        }
    }

    fn leave(&self) {
        *lock(&self.conversing) -= 1;
        self.fewer.notify_all();
    }

    fn converse(self: &Arc<Self>, channel: &Channel) {
        while let Ok(mut received) = channel.receive(MAX_MESSAGE) {
            if received.is_end() {
                return;
            }
            match protocol::decode(&received.bytes) {
                Ok(Tell::Learn { name, placeholder, value }) => {
                    if !placeholder.is_empty() {
                        lock(&self.ledger).was_born(&name);
                    }
                    let value = SecretBytes::from(value);
                    lock(&self.keep).learn(&name, &placeholder, &value, |patterns| self.search_for(patterns));
                }
                Ok(Tell::Token { name, value }) => {
                    let value = Zeroizing::new(value);
                    let is_new = lock(&self.keep).token(&name, value.as_bytes(), |patterns| self.search_for(patterns));
                    if is_new {
                        lock(&self.ledger).was_issued(&name);
                    }
                }
                Ok(Tell::Pools) => {
                    if let Some(socket) = received.descriptors.pop() {
                        let (shared, socket) = (Arc::clone(self), Channel::from_fd(socket));
                        // One thread for each process that has records: it ends with the process.
                        let thread = std::thread::Builder::new().name("pools".to_owned());
                        let _ = thread.spawn(move || shared.lend(&socket));
                    }
                }
                Ok(Tell::Masked { channel, counts }) => {
                    if let Some(output) = &*lock(&self.output) {
                        output.count(&channel, counts);
                    }
                }
                Ok(Tell::Ready { locust }) => {
                    lock(&self.contacts).locust = true;
                    lock(&self.ledger).runs_locust(locust);
                }
                Ok(Tell::Journeys { journeys }) => {
                    let keep = lock(&self.keep);
                    let is_held = |name: &str| keep.placeholders().any(|(binding, _)| binding.name == name);
                    lock(&self.ledger).travelled(journeys, is_held);
                }
                Ok(Tell::Target { origin, pin }) => self.target(origin, pin),
                Ok(Tell::Overview) => {
                    if let Some(reply) = received.descriptors.pop() {
                        self.tell_overview(&Channel::from_fd(reply));
                    }
                }
                Err(_) => {}
            }
            received.bytes.zeroize();
            // The plugin waits for the end of what it sent along: from here on the value does not come out.
            drop(received.descriptors);
        }
    }
}

impl Shared {
    /// What the command says is searched for these from now on. To be called with the keep locked: it holds the newest ones.
    fn search_for(&self, patterns: Patterns) {
        if let Some(output) = &*lock(&self.output) {
            output.set_patterns(patterns);
        }
    }

    fn overview(&self) -> Overview {
        let masked = lock(&self.output).as_ref().map(Handle::masked).unwrap_or_default();
        let contacts = lock(&self.contacts).clone();
        let keep = lock(&self.keep);
        let bindings = keep.placeholders().map(|(binding, _)| binding);
        lock(&self.ledger).overview(bindings, &contacts, &masked)
    }

    /// Who asks reads, or keeps nobody waiting but itself: this is its own thread.
    fn tell_overview(&self, reply: &Channel) {
        let Ok(json) = serde_json::to_vec(&self.overview()) else { return };
        for piece in json.chunks(protocol::PIECE) {
            if reply.send(piece, &[]).is_err() {
                return;
            }
        }
    }

    /// A target that was entered counts where there is none: what the test was started against stays.
    fn target(&self, origin: Origin, pin: bool) {
        if pin {
            // One lock after the other: elsewhere the keep is locked first.
            let has_target = lock(&self.ledger).has_target();
            if has_target || lock(&self.keep).pin(origin.clone()).is_err() {
                return;
            }
        }
        lock(&self.ledger).target(origin);
    }

    /// Gives records of pools to a process, until it ends; then takes back what it has.
    fn lend(&self, channel: &Channel) {
        let mut holdings = Holdings::new();
        let mut is_known = false;
        while let Ok(received) = channel.receive(MAX_MESSAGE) {
            if received.is_end() {
                break;
            }
            // A forked process has the parent's conversation, and none of its own yet: the same question as at first.
            if !is_known {
                let Some(sender) = received.sender else { break };
                if let Err(reason) = check_process(sender, self.owner) {
                    lock(&self.contacts).refuse(&reason);
                    break;
                }
                is_known = true;
            }
            let Ok(ask) = protocol::decode::<Ask>(&received.bytes) else { continue };
            let answer = lock(&self.pools).answer(ask, &mut holdings, |secrets, known| {
                let learnt = lock(&self.keep).lend(secrets, known, |patterns| self.search_for(patterns));
                learnt.map_err(|error| error.to_string())
            });
            if let Some(mut answer) = answer {
                let message = protocol::encode(&answer);
                answer.wipe();
                let Ok(message) = message else { break };
                if channel.send(&message, &[]).is_err() {
                    break;
                }
            }
        }
        lock(&self.pools).take_all(holdings);
    }
}

/// Whether the sender may have the secrets: one of our user, that came from our own child, that nobody traces, and that
/// others cannot look into.
fn check(sender: Sender, hello: &Hello, owner: Option<Owner>) -> Result<(), String> {
    if hello.version != protocol::VERSION {
        return Err(format!(
            "the Python package tegmen {} does not fit this tegmen {}; install the same version of both",
            hello.package,
            env!("CARGO_PKG_VERSION"),
        ));
    }
    check_process(sender, owner)
}

fn check_process(sender: Sender, owner: Option<Owner>) -> Result<(), String> {
    let pid = sender.pid;
    if sender.uid != owner.map_or_else(peer::own_uid, |owner| owner.uid) {
        return Err(format!("process {pid} runs as another user (uid {}); run tegmen as that user", sender.uid));
    }
    if !peer::descends_from(pid, std::process::id()) {
        return Err(format!("process {pid} did not come from the command that tegmen run started"));
    }
    match peer::is_traced(pid) {
        Ok(false) => {}
        Ok(true) => return Err(format!("process {pid} is being traced by a debugger, which could read the secrets")),
        Err(_) => return Err(format!("process {pid} is gone")),
    }
    match peer::inspection(pid, owner.map(|owner| (owner.uid, owner.gid))) {
        Ok(Inspection::Closed | Inspection::Unknown) => Ok(()),
        Ok(Inspection::Open) => Err(format!("other processes can look into process {pid} (it is dumpable)")),
        Err(_) => Err(format!("process {pid} is gone")),
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    fn server() -> Server {
        let keep = Keep::new(Vec::new(), None).unwrap();
        Server::start(keep, Pools::default(), BTreeMap::new(), None).unwrap().0
    }

    /// Tells the server something as a plugin does, and waits until it is known.
    fn teach(plugin: &Channel, tell: &Tell) {
        let (ours, theirs) = Channel::pair().unwrap();
        plugin.send(&protocol::encode(tell).unwrap(), &[theirs.as_fd()]).unwrap();
        drop(theirs);
        assert!(ours.receive(1).unwrap().is_end());
    }

    #[test]
    fn what_one_plugin_teaches_no_other_takes_back() {
        let server = server();
        let output = Handle::of(Patterns::builder().build());
        server.set_output(output.clone());
        std::thread::scope(|scope| {
            for process in 0..8 {
                let (ours, theirs) = Channel::pair().unwrap();
                let (shared, output) = (Arc::clone(&server.shared), &output);
                scope.spawn(move || shared.converse(&theirs));
                scope.spawn(move || {
                    for number in 0..100 {
                        let value = format!("token-{process}-{number:03}-8Zr2nYt5LxW0");
                        let (name, tell) = ("TOKEN".to_owned(), value.clone());
                        let tell = match number % 2 {
                            0 => Tell::Token { name, value: tell },
                            _ => Tell::Learn { name, placeholder: String::new(), value: tell },
                        };
                        teach(&ours, &tell);
                        assert_eq!(output.redact(&value), "[TOKEN]");
                    }
                });
            }
        });
    }

    #[test]
    fn what_was_taught_before_there_was_an_output_is_masked_in_it() {
        let server = server();
        let (ours, theirs) = Channel::pair().unwrap();
        let shared = Arc::clone(&server.shared);
        let plugin = std::thread::spawn(move || shared.converse(&theirs));
        let value = "token-8Zr2nYt5LxW0".to_owned();
        teach(&ours, &Tell::Token { name: "TOKEN".to_owned(), value: value.clone() });
        let output = Handle::of(Patterns::builder().build());
        server.set_output(output.clone());
        assert_eq!(output.redact(&value), "[TOKEN]");
        drop(ours);
        plugin.join().unwrap();
    }
}
