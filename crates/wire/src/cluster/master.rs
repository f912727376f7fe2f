//! [`Master`]: the end that lets workers in.

use std::collections::HashMap;

use ring::rand::{SecureRandom, SystemRandom};

use super::{
    ClusterError, ClusterKey, Note, Received, Way, frame,
    frame::{Frame, Hello, NoFrame, RANDOM, Refusal, SESSION},
    keys::{Rejected, Said, Session, SessionKeys, fresh},
};

/// So many workers are remembered; then the one that was not heard of for the longest time is forgotten. Who is forgotten
/// begins anew.
pub(super) const REMEMBERED: usize = 10_000;

/// A master's end of its connections to workers, by the identity of their sockets.
#[derive(Default)]
pub struct Master {
    peers: HashMap<Vec<u8>, Peer>,
    /// Counts what was heard.
    clock: u64,
}

#[derive(Default)]
struct Peer {
    /// Where messages go.
    current: Option<Session>,
    /// Agreed on, and not yet used: who only repeats what a worker has said once does not take its place.
    pending: Option<Pending>,
    /// Whether its messages travel in the open.
    is_open: bool,
    heard: u64,
}

struct Pending {
    random: [u8; RANDOM],
    /// The frame, whole.
    welcome: Vec<u8>,
    session: Session,
}

impl Master {
    /// Nobody was heard of yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How messages to that worker travel.
    pub fn way(&self, node: &[u8]) -> Way {
        match self.peers.get(node) {
            Some(peer) if peer.current.is_some() => Way::Sealed,
            Some(peer) if peer.is_open => Way::Open,
            _ => Way::Unknown,
        }
    }

    /// A message to a worker: the frame to send. `None` when there is no way to it: it was never let in.
    ///
    /// # Errors
    /// When there were as many messages as numbers.
    pub fn send(&mut self, node: &[u8], message: &[u8]) -> Result<Option<Vec<u8>>, ClusterError> {
        let Some(peer) = self.peers.get_mut(node) else { return Ok(None) };
        match &mut peer.current {
            Some(session) if session.is_own() => session.seal(message).map(Some),
            None if peer.is_open => Ok(Some(frame::open(message))),
            _ => Ok(None),
        }
    }

    /// What came from a worker of that name, or from somebody who says so.
    ///
    /// # Errors
    /// When the operating system has no randomness to give.
    pub fn receive(&mut self, key: &ClusterKey, node: &[u8], bytes: &[u8]) -> Result<Received, ClusterError> {
        self.clock += 1;
        Ok(match Frame::read(bytes) {
            Err(NoFrame::Foreign) => Received::note(Note::Foreign),
            Ok(Frame::Hello(hello)) => self.hello(key, node, bytes, &hello)?,
            Ok(Frame::Open(message)) => match self.peers.get_mut(node) {
                Some(peer) if peer.is_open && peer.current.is_none() => {
                    peer.heard = self.clock;
                    Received::message(message.to_vec())
                }
                _ => Received::note(Note::WrongWay),
            },
            Ok(Frame::Sealed { session, number, head, sealed }) => {
                let own = |known: &Session| known.id == *session && known.is_own();
                let peer = self.peers.get_mut(node);
                let Some(peer) = peer.filter(|peer| {
                    peer.current.as_ref().is_some_and(own)
                        || peer.pending.as_ref().is_some_and(|pending| own(&pending.session))
                }) else {
                    return Ok(Received::reply(frame::unknown(session)).and_note(Note::UnknownSession));
                };
                peer.receive(number, head, sealed, session, self.clock)
            }
            Err(NoFrame::Malformed)
            | Ok(Frame::Welcome(_) | Frame::OpenWelcome(_) | Frame::Refused(_) | Frame::Unknown(_)) => {
                Received::note(Note::Malformed)
            }
        })
    }

    fn hello(
        &mut self,
        key: &ClusterKey,
        node: &[u8],
        bytes: &[u8],
        hello: &Hello<'_>,
    ) -> Result<Received, ClusterError> {
        if key.is_hello_mac(hello.authenticated, node, hello.mac) {
            return self.agree(key, node, bytes, hello);
        }
        let refused = |refusal, note| Ok(Received::reply(frame::refused(refusal)).and_note(note));
        match (key.is_from_manifest(), hello.has_key) {
            (true, true) => refused(Refusal::OtherKey, Note::OtherKey),
            (true, false) => refused(Refusal::WorkerHasNone, Note::KeyMissingThere),
            (false, true) => refused(Refusal::MasterHasNone, Note::KeyMissingHere),
            (false, false) => {
                let clock = self.clock;
                let peer = self.peer(node);
                if peer.current.is_some() || peer.pending.is_some() {
                    // A worker of this run is not to be talked out of its seal.
                    return Ok(Received::note(Note::WrongWay));
                }
                let is_new = !std::mem::replace(&mut peer.is_open, true);
                peer.heard = clock;
                let received = Received::reply(frame::open_welcome(hello.random));
                Ok(if is_new { received.and_note(Note::Open) } else { received })
            }
        }
    }

    fn agree(
        &mut self,
        key: &ClusterKey,
        node: &[u8],
        bytes: &[u8],
        hello: &Hello<'_>,
    ) -> Result<Received, ClusterError> {
        if let Some(Peer { pending: Some(pending), .. }) = self.peers.get(node)
            && pending.random == *hello.random
        {
            return Ok(Received::reply(pending.welcome.clone()));
        }
        let system = SystemRandom::new();
        let mut id = [0; SESSION];
        system.fill(&mut id)?;
        let (private, public) = fresh(&system)?;
        let mut welcome = frame::welcome(hello.random, &id, &public);
        let said = Said { hello: bytes, welcome: &welcome, session: &id, node };
        // A half of the agreement that is none is not from a worker.
        let Ok(keys) = SessionKeys::agree(key, private, hello.public, &said) else {
            return Ok(Received::note(Note::Malformed));
        };
        welcome.extend_from_slice(keys.welcome_mac().as_ref());
        let session = Session::new(id, node, keys.from_master, keys.from_worker);
        let clock = self.clock;
        let peer = self.peer(node);
        peer.pending = Some(Pending { random: *hello.random, welcome: welcome.clone(), session });
        peer.heard = clock;
        Ok(Received::reply(welcome))
    }

    fn peer(&mut self, node: &[u8]) -> &mut Peer {
        if self.peers.len() >= REMEMBERED && !self.peers.contains_key(node) {
            let oldest = self.peers.iter().min_by_key(|(_, peer)| peer.heard).map(|(node, _)| node.clone());
            if let Some(oldest) = oldest {
                self.peers.remove(&oldest);
            }
        }
        self.peers.entry(node.to_vec()).or_default()
    }
}

impl Peer {
    /// A sealed frame of its current or its pending session.
    fn receive(&mut self, number: u64, head: &[u8], sealed: &[u8], session: &[u8; SESSION], clock: u64) -> Received {
        let in_pending = self.pending.as_mut().filter(|pending| pending.session.id == *session);
        let is_pending = in_pending.is_some();
        let session = in_pending.map(|pending| &mut pending.session).or(self.current.as_mut());
        let Some(session) = session else { return Received::note(Note::UnknownSession) };
        match session.open(number, head, sealed) {
            Ok(message) => {
                self.heard = clock;
                let mut received = Received::message(message);
                if is_pending {
                    // It has proved that it has the key.
                    self.current = self.pending.take().map(|pending| pending.session);
                    self.is_open = false;
                    received.note = Some(Note::Sealed);
                }
                received
            }
            Err(Rejected::Altered) => Received::note(Note::Altered),
            Err(Rejected::Repeated) => Received::note(Note::Repeated),
        }
    }
}
