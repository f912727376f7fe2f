//! [`Client`]: the process's connection to the broker, and the secrets that it knows by it.

use std::os::fd::{AsRawFd, OwnedFd};

use tegmen_redact::Growing;
use tegmen_sys::{channel::Channel, leash::Leash, shared::Reader, signals};
use tegmen_wire::{
    cluster::{ClusterKey, KeyOrigin},
    fill::Clear,
    origin::Origin,
    protocol::Tell,
    table::{Entry, Span, Values},
};

use crate::{
    ClientError, answers::Answers, connect, lines::Lines, local::Local, masked::Masked, pieces::Pieces,
    pools::Borrowing, sealing::Sealing, shared::Shared, tally::Tally,
};

/// How often a request is filled again when the values change meanwhile.
pub(crate) const TRIES: usize = 100;

/// So many tokens that the target has issued are known in a process at the same time; of older ones it may be that only
/// the broker knows them.
const TOKENS: usize = 1 << 15;

/// A process's connection to the broker.
pub struct Client {
    pub(crate) channel: Channel,
    pub(crate) reader: Reader,
    leash: Leash,
    files: Vec<(String, OwnedFd)>,
    pub(crate) shared: Shared,
    pub(crate) local: Local,
    pub(crate) borrowing: Borrowing,
    pub(crate) sealing: Sealing,
    /// Everything that was ever a value in this run is in here: what went out before may still come back.
    pub(crate) patterns: Growing,
    /// The tokens that the target has issued, as they are: a request that carries one carries a secret.
    pub(crate) issued: Growing,
    pub(crate) pieces: Pieces,
    pub(crate) lines: Lines,
    pub(crate) answers: Answers,
    pub(crate) masked: Masked,
    pub(crate) tally: Tally,
    /// What this process was started against.
    own_targets: Vec<Origin>,
    /// That, and what was entered in the web UI: the test's own target.
    pub(crate) targets: Vec<Origin>,
}

impl Client {
    /// Asks the broker at `address`, which stands in the environment; `package` is the version of the Python package.
    ///
    /// # Errors
    /// When there is no broker, or it says no.
    pub fn connect(address: &str, package: &str) -> Result<Self, ClientError> {
        let connect::Connection { channel, reader, leash, files } = connect::connect(address, package)?;
        let shared = Shared::read(&reader)?;
        let local = Local::new(shared.book().table())?;
        let (patterns, issued) = (Growing::new(TOKENS), Growing::of_texts(TOKENS));
        let (borrowing, sealing) = (Borrowing::default(), Sealing::default());
        let pieces = Pieces::new().map_err(|_| ClientError::Randomness)?;
        let mut client = Self {
            channel,
            reader,
            leash,
            files,
            shared,
            local,
            borrowing,
            sealing,
            patterns,
            issued,
            pieces,
            lines: Lines::default(),
            answers: Answers::default(),
            masked: Masked::new(),
            tally: Tally::default(),
            own_targets: Vec::new(),
            targets: Vec::new(),
        };
        client.look_for_shared();
        client.gather_targets();
        client.end_with_the_broker();
        Ok(client)
    }

    /// Reads the table again if the broker has published a new one.
    pub(crate) fn keep_up(&mut self) -> Result<(), ClientError> {
        if self.shared.is_stale(&self.reader) {
            self.shared = Shared::read(&self.reader)?;
            self.look_for_shared();
            self.gather_targets();
        }
        Ok(())
    }

    /// In a forked child: its placeholders get numbers of their own.
    ///
    /// # Errors
    /// When the operating system has no randomness to give.
    pub fn forked(&mut self) -> Result<(), ClientError> {
        self.end_with_the_broker();
        self.masked.forget();
        self.borrowing.forget();
        self.lines.take_counted();
        self.tally.forget();
        self.local.renumber()
    }

    /// Without the broker nobody would filter what this process says, or take back what it was lent: it is told to end, as the
    /// command itself is. Where the kernel refuses, that one alone is.
    fn end_with_the_broker(&mut self) {
        let _ = self.leash.arm(signals::TERMINATE);
    }

    /// The secrets of the broker.
    ///
    /// # Errors
    /// When the shared memory cannot be read.
    pub fn entries(&mut self) -> Result<impl Iterator<Item = &Entry>, ClientError> {
        self.keep_up()?;
        Ok(self.shared.book().table().entries.iter())
    }

    /// The names of the secrets that are served as files, and the numbers of their descriptors.
    pub fn files(&self) -> Vec<(String, i32)> {
        self.files.iter().map(|(name, file)| (name.clone(), file.as_raw_fd())).collect()
    }

    /// The placeholder of the secret of that name, or of that variable.
    ///
    /// # Errors
    /// When the shared memory cannot be read.
    pub fn placeholder(&mut self, name: &str) -> Result<Option<String>, ClientError> {
        self.keep_up()?;
        let books = [self.shared.book(), self.local.book()];
        Ok(books.iter().find_map(|book| book.entry(name)).map(|entry| entry.placeholder.clone()))
    }

    /// A copy of the value of the secret with that placeholder, of that name, or of that variable.
    ///
    /// # Errors
    /// When the shared memory cannot be read.
    pub fn reveal(&mut self, name: &str) -> Result<Option<Clear>, ClientError> {
        for _ in 0..TRIES {
            self.keep_up()?;
            let (shared, local) = (self.shared.book(), self.local.book());
            // A name may be that of many tokens: the placeholder tells which one is meant.
            if let Some(entry) = local.entry_with(name) {
                return Ok(self.local.values().copy(entry.whole));
            }
            if let Some(entry) = shared.entry_with(name).or_else(|| shared.entry(name)) {
                if let Some(value) = self.shared.values(&self.reader).copy(entry.whole) {
                    return Ok(Some(value));
                }
                continue;
            }
            let whole: Option<Span> = local.entry(name).map(|entry| entry.whole);
            return Ok(whole.and_then(|span| self.local.values().copy(span)));
        }
        Err(ClientError::Malformed)
    }

    /// The key for what passes between master and workers, as it is now.
    ///
    /// # Errors
    /// When the shared memory cannot be read.
    pub fn cluster_key(&mut self) -> Result<ClusterKey, ClientError> {
        for _ in 0..TRIES {
            self.keep_up()?;
            let cluster = self.shared.book().table().cluster.ok_or(ClientError::Malformed)?;
            if let Some(value) = self.shared.values(&self.reader).copy(cluster.key) {
                let origin = if cluster.is_from_manifest { KeyOrigin::Manifest } else { KeyOrigin::Run };
                return ClusterKey::new(&value, origin).map_err(|_| ClientError::Malformed);
            }
        }
        Err(ClientError::Malformed)
    }

    /// Adds an origin that the test was started against. The broker is told, for whoever looks at the run.
    pub fn add_target(&mut self, origin: Origin) {
        if !self.own_targets.contains(&origin) {
            self.own_targets.push(origin.clone());
            self.gather_targets();
            let _ = self.tell(&Tell::Target { origin, pin: false });
        }
    }

    /// Makes an origin the test's own target in every process of the run, where it has none yet: a person has entered it.
    ///
    /// # Errors
    /// When the broker is gone.
    pub fn pin_target(&mut self, origin: Origin) -> Result<(), ClientError> {
        self.ask(&Tell::Target { origin, pin: true }).map(|_| ())
    }

    /// The test's own target, as far as this process knows it.
    pub fn targets(&self) -> &[Origin] {
        &self.targets
    }

    fn gather_targets(&mut self) {
        self.targets = self.own_targets.clone();
        let shared = &self.shared.book().table().targets;
        self.targets.extend(shared.iter().filter(|origin| !self.own_targets.contains(origin)).cloned());
    }
}
