//! [`Worker`]: the end that asks to be let in.

use ring::{
    agreement::EphemeralPrivateKey,
    rand::{SecureRandom, SystemRandom},
};

use super::{
    ClusterError, ClusterKey, Note, Received, Way, frame,
    frame::{Frame, NoFrame, RANDOM, Refusal, SessionId, Welcome},
    keys::{Rejected, Said, Session, SessionKeys, fresh},
};

/// So many messages wait for the handshake; then the oldest goes. Locust sends a few, and again when nobody answers.
const WAITING: usize = 1000;

/// A worker's end of its connection to the master.
pub struct Worker {
    node: Vec<u8>,
    state: State,
    waiting: Vec<Vec<u8>>,
}

enum State {
    /// Nothing was said yet.
    New,
    /// The hello is out.
    Asked(Box<Asked>),
    Sealed(Box<Session>),
    Open,
}

struct Asked {
    random: [u8; RANDOM],
    private: EphemeralPrivateKey,
    /// The frame, whole: it is said again until there is an answer.
    hello: Vec<u8>,
    /// Somebody has said that it is of no use. Nobody vouches for that: an answer to it still counts.
    is_refused: bool,
}

impl Worker {
    /// A worker of that name, which is the identity of its socket.
    pub fn new(node: &[u8]) -> Self {
        Self { node: node.to_vec(), state: State::New, waiting: Vec::new() }
    }

    /// How messages travel.
    pub fn way(&self) -> Way {
        match self.state {
            State::New | State::Asked(_) => Way::Unknown,
            State::Sealed(_) => Way::Sealed,
            State::Open => Way::Open,
        }
    }

    /// A message to the master: the frames to send now. It waits in here until the master has answered.
    ///
    /// # Errors
    /// When the operating system has no randomness to give.
    pub fn send(&mut self, key: &ClusterKey, message: &[u8]) -> Result<Vec<Vec<u8>>, ClusterError> {
        self.leave_forked();
        match &mut self.state {
            State::Sealed(session) => return Ok(vec![session.seal(message)?]),
            State::Open => return Ok(vec![frame::open(message)]),
            State::New | State::Asked(_) => {}
        }
        if self.waiting.last().is_none_or(|last| last != message) {
            if self.waiting.len() == WAITING {
                self.waiting.remove(0);
            }
            self.waiting.push(message.to_vec());
        }
        Ok(vec![self.hello(key)?])
    }

    /// What came from the master.
    ///
    /// # Errors
    /// When the operating system has no randomness to give.
    pub fn receive(&mut self, key: &ClusterKey, bytes: &[u8]) -> Result<Received, ClusterError> {
        self.leave_forked();
        Ok(match Frame::read(bytes) {
            Err(NoFrame::Foreign) => Received::note(Note::Foreign),
            Err(NoFrame::Malformed) | Ok(Frame::Hello(_)) => Received::note(Note::Malformed),
            Ok(Frame::Sealed { session, number, head, sealed }) => match &mut self.state {
                State::Sealed(own) if own.id == *session => match own.open(number, head, sealed) {
                    Ok(message) => Received::message(message),
                    Err(Rejected::Altered) => Received::note(Note::Altered),
                    Err(Rejected::Repeated) => Received::note(Note::Repeated),
                },
                State::Open => Received::note(Note::WrongWay),
                _ => Received::note(Note::UnknownSession),
            },
            Ok(Frame::Open(message)) => match self.state {
                State::Open => Received::message(message.to_vec()),
                _ => Received::note(Note::WrongWay),
            },
            Ok(Frame::Welcome(welcome)) => self.welcome(key, &welcome)?,
            Ok(Frame::OpenWelcome(random)) => self.open_welcome(key, random)?,
            Ok(Frame::Refused(refusal)) => match &mut self.state {
                State::Asked(asked) => {
                    // The next message asks anew, with the key as it is then.
                    asked.is_refused = true;
                    Received::note(match refusal {
                        Refusal::OtherKey => Note::OtherKey,
                        Refusal::WorkerHasNone => Note::KeyMissingHere,
                        Refusal::MasterHasNone => Note::KeyMissingThere,
                    })
                }
                // Anybody could say so.
                _ => Received::default(),
            },
            Ok(Frame::Unknown(session)) => match &self.state {
                State::Sealed(own) if own.id == *session => {
                    // The master was started anew. Whoever else says so makes us ask again, and gets nothing by it.
                    self.state = State::New;
                    Received::reply(self.hello(key)?)
                }
                _ => Received::default(),
            },
        })
    }

    /// The hello, the same one until there is an answer.
    fn hello(&mut self, key: &ClusterKey) -> Result<Vec<u8>, ClusterError> {
        if let State::Asked(asked) = &self.state
            && !asked.is_refused
        {
            return Ok(asked.hello.clone());
        }
        let system = SystemRandom::new();
        let mut random = [0; RANDOM];
        system.fill(&mut random)?;
        let (private, public) = fresh(&system)?;
        let mut hello = frame::hello(key.is_from_manifest(), &random, &public);
        let mac = key.hello_mac(&hello, &self.node)?;
        hello.extend_from_slice(mac.as_ref());
        self.state = State::Asked(Box::new(Asked { random, private, hello: hello.clone(), is_refused: false }));
        Ok(hello)
    }

    fn welcome(&mut self, key: &ClusterKey, welcome: &Welcome<'_>) -> Result<Received, ClusterError> {
        let asked = match std::mem::replace(&mut self.state, State::New) {
            State::Asked(asked) if asked.random == *welcome.random => asked,
            // A second answer to the same question.
            other => {
                self.state = other;
                return Ok(Received::default());
            }
        };
        let Asked { private, hello, .. } = *asked;
        let said = Said { hello: &hello, welcome: welcome.authenticated, session: welcome.session, node: &self.node };
        let keys = match SessionKeys::agree(key, private, welcome.public, &said) {
            Ok(keys) if keys.is_welcome_mac(welcome.mac) => keys,
            // Not by somebody who has the key.
            _ => return Ok(Received::note(Note::OtherKey)),
        };
        let id: SessionId = *welcome.session;
        let mut session = Session::new(id, &self.node, keys.from_worker, keys.from_master);
        let waiting = std::mem::take(&mut self.waiting);
        let replies = waiting.iter().map(|message| session.seal(message)).collect::<Result<_, _>>()?;
        self.state = State::Sealed(Box::new(session));
        Ok(Received { replies, note: Some(Note::Sealed), message: None })
    }

    fn open_welcome(&mut self, key: &ClusterKey, random: &[u8; RANDOM]) -> Result<Received, ClusterError> {
        match &self.state {
            State::Asked(asked) if asked.random == *random => {}
            _ => return Ok(Received::default()),
        }
        if key.is_from_manifest() {
            self.state = State::New;
            return Ok(Received::note(Note::KeyMissingThere));
        }
        self.state = State::Open;
        let waiting = std::mem::take(&mut self.waiting);
        let replies = waiting.iter().map(|message| frame::open(message)).collect();
        Ok(Received { replies, note: Some(Note::Open), message: None })
    }

    /// A fork of the process begins anew: what its parent has sent is the parent's.
    fn leave_forked(&mut self) {
        if matches!(&self.state, State::Sealed(session) if !session.is_own()) {
            self.state = State::New;
            self.waiting.clear();
        }
    }
}
