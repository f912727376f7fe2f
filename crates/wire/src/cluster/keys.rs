//! Keys: that of the cluster, and those of a session.

use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey},
    agreement::{self, EphemeralPrivateKey, UnparsedPublicKey, X25519},
    digest, hkdf, hmac,
    rand::{SecureRandom, SystemRandom},
};
use tegmen_secret::SecretBytes;
use zeroize::Zeroizing;

use super::{ClusterError, frame, frame::SessionId};

/// A key that is shorter could be guessed: whoever has heard a handshake can try as many as he likes. In bytes.
pub const SHORTEST_KEY: usize = 16;

/// Where a key comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOrigin {
    /// The manifest: master and workers have it from the same source.
    Manifest,
    /// The broker made it: the processes of this run have it and nobody else.
    Run,
}

/// The key of a cluster is too short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the cluster key has {0} bytes, at least {SHORTEST_KEY} are needed: whoever listens could guess it")]
pub struct WeakKey(pub usize);

/// A key for one run.
///
/// # Errors
/// When the operating system has no randomness to give.
pub fn random_key() -> Result<SecretBytes, ClusterError> {
    let mut key = Zeroizing::new([0; 32]);
    SystemRandom::new().fill(&mut *key)?;
    Ok(SecretBytes::new(key.to_vec()))
}

/// The key of a cluster, ready for handshakes.
pub struct ClusterKey {
    origin: KeyOrigin,
    extracted: hkdf::Prk,
    // HKDF's input for sessions; wiped.
    key: Zeroizing<Vec<u8>>,
}

impl ClusterKey {
    /// From the value of its secret.
    ///
    /// # Errors
    /// When it is too short.
    pub fn new(value: &[u8], origin: KeyOrigin) -> Result<Self, WeakKey> {
        if value.len() < SHORTEST_KEY {
            return Err(WeakKey(value.len()));
        }
        let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, b"tegmen cluster 1").extract(value);
        Ok(Self { origin, extracted, key: Zeroizing::new(value.to_vec()) })
    }

    /// Whether it is from a manifest.
    pub(super) fn is_from_manifest(&self) -> bool {
        self.origin == KeyOrigin::Manifest
    }

    /// The code of a hello.
    pub(super) fn hello_mac(&self, authenticated: &[u8], node: &[u8]) -> Result<hmac::Tag, ClusterError> {
        let key = mac_key(&self.extracted, b"hello")?;
        Ok(hmac::sign(&key, &transcript(&[authenticated, node])))
    }

    /// Whether that is the code of a hello.
    pub(super) fn is_hello_mac(&self, authenticated: &[u8], node: &[u8], mac: &[u8]) -> bool {
        let Ok(key) = mac_key(&self.extracted, b"hello") else { return false };
        hmac::verify(&key, &transcript(&[authenticated, node]), mac).is_ok()
    }
}

fn mac_key(prk: &hkdf::Prk, label: &[u8]) -> Result<hmac::Key, ClusterError> {
    let info = [label];
    Ok(hmac::Key::from(prk.expand(&info, hmac::HMAC_SHA256)?))
}

/// Parts with their lengths, so that no two lists of parts are the same bytes.
fn transcript(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

/// A fresh X25519 key, and the half of it that is sent.
pub(super) fn fresh(random: &dyn SecureRandom) -> Result<(EphemeralPrivateKey, Vec<u8>), ClusterError> {
    let private = EphemeralPrivateKey::generate(&X25519, random)?;
    let public = private.compute_public_key()?.as_ref().to_vec();
    Ok((private, public))
}

/// What both ends have said, as far as it goes into the keys.
pub(super) struct Said<'a> {
    pub hello: &'a [u8],
    pub welcome: &'a [u8],
    pub session: &'a SessionId,
    pub node: &'a [u8],
}

/// The keys of a session, from which each end takes its own. With them the code of the welcome.
pub(super) struct SessionKeys {
    pub from_worker: LessSafeKey,
    pub from_master: LessSafeKey,
    pub welcome: hmac::Key,
    pub hash: digest::Digest,
}

impl SessionKeys {
    /// From the key of the cluster, and what the other end has sent as its half of the agreement.
    pub(super) fn agree(
        key: &ClusterKey,
        private: EphemeralPrivateKey,
        public: &[u8],
        said: &Said<'_>,
    ) -> Result<Self, ClusterError> {
        let hash = digest::digest(&digest::SHA256, &transcript(&[said.hello, said.welcome, said.session, said.node]));
        // Both go in: who has only one of them has nothing.
        let shared = agreement::agree_ephemeral(private, &UnparsedPublicKey::new(&X25519, public), |shared| {
            Zeroizing::new(transcript(&[&key.key, shared]))
        })?;
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, hash.as_ref()).extract(&shared);
        Ok(Self {
            from_worker: seal_key(&prk, b"from worker")?,
            from_master: seal_key(&prk, b"from master")?,
            welcome: mac_key(&prk, b"welcome")?,
            hash,
        })
    }

    pub(super) fn welcome_mac(&self) -> hmac::Tag {
        hmac::sign(&self.welcome, self.hash.as_ref())
    }

    pub(super) fn is_welcome_mac(&self, mac: &[u8]) -> bool {
        hmac::verify(&self.welcome, self.hash.as_ref(), mac).is_ok()
    }
}

fn seal_key(prk: &hkdf::Prk, label: &[u8]) -> Result<LessSafeKey, ClusterError> {
    let info = [label];
    Ok(LessSafeKey::new(UnboundKey::from(prk.expand(&info, &CHACHA20_POLY1305)?)))
}

/// One end of a sealed session.
pub(super) struct Session {
    pub id: SessionId,
    /// The worker's name, which is authenticated with every message.
    node: Vec<u8>,
    sending: LessSafeKey,
    receiving: LessSafeKey,
    /// The number of the next message. None is ever used twice under a key.
    next: u64,
    /// The lowest number that may come.
    expected: u64,
    /// A fork of this process must not go on: it would use numbers a second time.
    process: u32,
}

/// Why a sealed frame was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rejected {
    /// It does not verify.
    Altered,
    /// Its number is not a new one.
    Repeated,
}

impl Session {
    pub(super) fn new(id: SessionId, node: &[u8], sending: LessSafeKey, receiving: LessSafeKey) -> Self {
        let process = std::process::id();
        Self { id, node: node.to_vec(), sending, receiving, next: 0, expected: 0, process }
    }

    /// Whether this process is the one that made it.
    pub(super) fn is_own(&self) -> bool {
        self.process == std::process::id()
    }

    pub(super) fn seal(&mut self, message: &[u8]) -> Result<Vec<u8>, ClusterError> {
        let number = self.next;
        self.next = number.checked_add(1).ok_or(ClusterError::Randomness)?;
        let mut out = frame::sealed_head(&self.id, number);
        let aad = transcript(&[&out, &self.node]);
        let mut sealed = message.to_vec();
        self.sending.seal_in_place_append_tag(nonce(number), Aad::from(aad), &mut sealed)?;
        out.append(&mut sealed);
        Ok(out)
    }

    pub(super) fn open(&mut self, number: u64, head: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Rejected> {
        let aad = transcript(&[head, &self.node]);
        let mut message = sealed.to_vec();
        let length = match self.receiving.open_in_place(nonce(number), Aad::from(aad), &mut message) {
            Ok(opened) => opened.len(),
            Err(_) => return Err(Rejected::Altered),
        };
        // After the seal was found to be right: a forged number must not keep out those that follow.
        if number < self.expected {
            return Err(Rejected::Repeated);
        }
        self.expected = number.saturating_add(1);
        message.truncate(length);
        Ok(message)
    }
}

/// Unique for a key, since numbers are.
fn nonce(number: u64) -> Nonce {
    let mut bytes = [0; 12];
    for (byte, number) in bytes.iter_mut().skip(4).zip(number.to_be_bytes()) {
        *byte = number;
    }
    Nonce::assume_unique_for_key(bytes)
}
