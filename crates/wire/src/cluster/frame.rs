//! Frames: how what is said lies in bytes.
//!
//! Each begins with [`MAGIC`], the [`VERSION`] and a byte for its kind. A message of Locust is a list of MessagePack and
//! begins with a byte that no frame begins with, so that neither is taken for the other.

/// The first bytes of every frame.
pub const MAGIC: &[u8; 3] = b"tgm";

/// The version of handshake and frames. Both ends must have the same.
pub const VERSION: u8 = 1;

/// Bytes that are chosen at random by each end for each handshake.
pub const RANDOM: usize = 32;

/// The bytes of an X25519 key (RFC 7748).
pub const PUBLIC: usize = 32;

/// The bytes of an HMAC-SHA-256.
pub const MAC: usize = 32;

/// The bytes of the name of a session.
pub const SESSION: usize = 16;

const HEAD: usize = MAGIC.len() + 2;

/// The bytes of a sealed frame that are not encrypted: kind, session, number. They are authenticated.
pub const SEALED_HEAD: usize = HEAD + SESSION + 8;

/// A name for a session; it is not secret.
pub type SessionId = [u8; SESSION];

/// A worker asks to be let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello<'a> {
    /// Whether its key is from a manifest.
    pub has_key: bool,
    /// For this handshake only.
    pub random: &'a [u8; RANDOM],
    /// For this handshake only.
    pub public: &'a [u8; PUBLIC],
    /// That it knows the key.
    pub mac: &'a [u8; MAC],
    /// Everything before the last, as it lies in the frame.
    pub authenticated: &'a [u8],
}

/// A master lets a worker in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Welcome<'a> {
    /// What the worker has chosen.
    pub random: &'a [u8; RANDOM],
    /// The name of the session.
    pub session: &'a SessionId,
    /// For this handshake only.
    pub public: &'a [u8; PUBLIC],
    /// That it knows the key, and has heard the same as the worker.
    pub mac: &'a [u8; MAC],
    /// Everything before the last, as it lies in the frame.
    pub authenticated: &'a [u8],
}

/// Why a worker is not let in. Nobody vouches for it: it serves a message and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Both have a key, and not the same.
    OtherKey,
    /// The master has one from its manifest.
    WorkerHasNone,
    /// The worker has one from its manifest.
    MasterHasNone,
}

/// What a frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// From a worker.
    Hello(Hello<'a>),
    /// From the master: a sealed session.
    Welcome(Welcome<'a>),
    /// From the master: messages travel in the open.
    OpenWelcome(&'a [u8; RANDOM]),
    /// From either.
    Sealed {
        /// In which session.
        session: &'a SessionId,
        /// The how manieth of its direction.
        number: u64,
        /// The frame's first bytes, which are not encrypted.
        head: &'a [u8],
        /// The message and the seal.
        sealed: &'a [u8],
    },
    /// From either.
    Open(&'a [u8]),
    /// From the master.
    Refused(Refusal),
    /// From the master: it does not know this session.
    Unknown(&'a SessionId),
}

/// What is not a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoFrame {
    /// It does not begin like one.
    Foreign,
    /// It begins like one.
    Malformed,
}

/// Takes a fixed number of bytes off the front.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take<const N: usize>(&mut self) -> Result<&'a [u8; N], NoFrame> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(NoFrame::Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn end(self) -> Result<(), NoFrame> {
        if self.0.is_empty() { Ok(()) } else { Err(NoFrame::Malformed) }
    }
}

impl<'a> Frame<'a> {
    /// Reads a frame. Anything may come.
    pub fn read(bytes: &'a [u8]) -> Result<Self, NoFrame> {
        let after = bytes.strip_prefix(MAGIC).ok_or(NoFrame::Foreign)?;
        let mut rest = Rest(after);
        let [version, kind] = *rest.take::<2>()?;
        if version != VERSION {
            return Err(NoFrame::Malformed);
        }
        // What is authenticated is all but the code at the end.
        let authenticated = bytes.get(..bytes.len().saturating_sub(MAC)).unwrap_or_default();
        match kind {
            b'h' => {
                let [has_key] = *rest.take::<1>()?;
                if has_key > 1 {
                    return Err(NoFrame::Malformed);
                }
                let (random, public, mac) = (rest.take()?, rest.take()?, rest.take()?);
                rest.end()?;
                Ok(Self::Hello(Hello { has_key: has_key == 1, random, public, mac, authenticated }))
            }
            b'w' => {
                let (random, session, public, mac) = (rest.take()?, rest.take()?, rest.take()?, rest.take()?);
                rest.end()?;
                Ok(Self::Welcome(Welcome { random, session, public, mac, authenticated }))
            }
            b'p' => {
                let random = rest.take()?;
                rest.end()?;
                Ok(Self::OpenWelcome(random))
            }
            b's' => {
                let session = rest.take()?;
                let number = u64::from_be_bytes(*rest.take::<8>()?);
                let head = bytes.get(..SEALED_HEAD).ok_or(NoFrame::Malformed)?;
                Ok(Self::Sealed { session, number, head, sealed: rest.0 })
            }
            b'o' => Ok(Self::Open(rest.0)),
            b'r' => {
                let reason = match *rest.take::<1>()? {
                    [0] => Refusal::OtherKey,
                    [1] => Refusal::WorkerHasNone,
                    [2] => Refusal::MasterHasNone,
                    _ => return Err(NoFrame::Malformed),
                };
                rest.end()?;
                Ok(Self::Refused(reason))
            }
            b'u' => {
                let session = rest.take()?;
                rest.end()?;
                Ok(Self::Unknown(session))
            }
            _ => Err(NoFrame::Malformed),
        }
    }
}

fn frame(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD + parts.iter().map(|part| part.len()).sum::<usize>() + MAC);
    bytes.extend_from_slice(MAGIC);
    bytes.extend([VERSION, kind]);
    for part in parts {
        bytes.extend_from_slice(part);
    }
    bytes
}

/// A hello without its code.
pub fn hello(has_key: bool, random: &[u8; RANDOM], public: &[u8]) -> Vec<u8> {
    frame(b'h', &[&[u8::from(has_key)], random, public])
}

/// A welcome without its code.
pub fn welcome(random: &[u8; RANDOM], session: &SessionId, public: &[u8]) -> Vec<u8> {
    frame(b'w', &[random, session, public])
}

/// A welcome to a worker whose messages travel in the open.
pub fn open_welcome(random: &[u8; RANDOM]) -> Vec<u8> {
    frame(b'p', &[random])
}

/// The head of a sealed frame.
pub fn sealed_head(session: &SessionId, number: u64) -> Vec<u8> {
    frame(b's', &[session, &number.to_be_bytes()])
}

/// A message in the open.
pub fn open(message: &[u8]) -> Vec<u8> {
    frame(b'o', &[message])
}

/// A refusal.
pub fn refused(refusal: Refusal) -> Vec<u8> {
    let reason = match refusal {
        Refusal::OtherKey => 0,
        Refusal::WorkerHasNone => 1,
        Refusal::MasterHasNone => 2,
    };
    frame(b'r', &[&[reason]])
}

/// To a worker whose session the master does not know.
pub fn unknown(session: &SessionId) -> Vec<u8> {
    frame(b'u', &[session])
}
