//! [`Sealed`]: very many values, encrypted in memory.
//!
//! An ordinary user may lock 8 MiB. So of a pool's million records only the key is locked; the records are encrypted
//! (ChaCha20-Poly1305, RFC 8439) in blocks, and a block is opened for the moment in which one of its records is read.

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use crate::SecretBytes;

/// So many bytes are encrypted together: what is opened for one record, and what one tag is for.
const BLOCK: usize = 16 * 1024;
/// Before each record stands its length.
const LENGTH: usize = 4;

/// Records that were written one after the other, each read by its number. Its `Debug` shows numbers only.
pub struct Sealed {
    key: SecretBytes,
    blocks: Vec<Block>,
    /// The block that is being filled, in clear.
    filling: Zeroizing<Vec<u8>>,
    first: u32,
    count: u32,
}

struct Block {
    /// The number of its first record.
    first: u32,
    bytes: Box<[u8]>,
}

/// Why a record cannot be put away or read.
#[derive(Debug, thiserror::Error)]
pub enum SealedError {
    /// The random source failed.
    #[error("the operating system gave no randomness")]
    Randomness,
    /// Too many records, or too many bytes in one.
    #[error("there is no room for so much")]
    Full,
    /// What is in memory is not what was put there.
    #[error("the records in memory are damaged")]
    Damaged,
}

impl Sealed {
    /// None yet, under a new key.
    ///
    /// # Errors
    /// When the operating system has no randomness to give.
    pub fn new() -> Result<Self, SealedError> {
        let mut key = Zeroizing::new(vec![0; CHACHA20_POLY1305.key_len()]);
        getrandom::fill(&mut key).map_err(|_| SealedError::Randomness)?;
        let key = SecretBytes::new(std::mem::take(&mut *key));
        Ok(Self { key, blocks: Vec::new(), filling: room(BLOCK), first: 0, count: 0 })
    }

    /// Adds a record; gives its number.
    ///
    /// # Errors
    /// When there are more than four thousand million, or it is longer than 4 GiB.
    pub fn push(&mut self, record: &[u8]) -> Result<u32, SealedError> {
        let length = u32::try_from(record.len()).map_err(|_| SealedError::Full)?;
        let number = self.count;
        let count = number.checked_add(1).ok_or(SealedError::Full)?;
        let needed = LENGTH + record.len();
        if !self.filling.is_empty() && self.filling.len() + needed > BLOCK {
            self.seal()?;
        }
        if self.filling.is_empty() && needed > BLOCK {
            self.filling = room(needed);
        }
        self.filling.extend_from_slice(&length.to_le_bytes());
        self.filling.extend_from_slice(record);
        self.count = count;
        Ok(number)
    }

    /// Encrypts what was added last, too. To be called when all is there.
    ///
    /// # Errors
    /// When there is no room for another block.
    pub fn finish(&mut self) -> Result<(), SealedError> {
        if !self.filling.is_empty() {
            self.seal()?;
        }
        self.blocks.shrink_to_fit();
        Ok(())
    }

    /// How many records there are.
    pub fn len(&self) -> u32 {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many bytes of memory they take.
    pub fn size(&self) -> usize {
        self.blocks.iter().map(|block| size_of::<Block>() + block.bytes.len()).sum()
    }

    /// A copy of a record, wiped when dropped; `None` when there is none of that number.
    ///
    /// # Errors
    /// When the memory is damaged.
    pub fn get(&self, number: u32) -> Result<Option<Zeroizing<Vec<u8>>>, SealedError> {
        if number >= self.count {
            return Ok(None);
        }
        if number >= self.first {
            return Ok(nth(&self.filling, number - self.first));
        }
        let after = self.blocks.partition_point(|block| block.first <= number);
        let index = after.checked_sub(1).ok_or(SealedError::Damaged)?;
        let block = self.blocks.get(index).ok_or(SealedError::Damaged)?;
        let mut bytes = Zeroizing::new(block.bytes.to_vec());
        let opened = self.cipher()?.open_in_place(nonce(index), Aad::empty(), &mut bytes);
        let opened = opened.map_err(|_| SealedError::Damaged)?;
        Ok(nth(opened, number - block.first))
    }

    fn seal(&mut self) -> Result<(), SealedError> {
        let cipher = self.cipher()?;
        let mut bytes = std::mem::replace(&mut self.filling, room(BLOCK));
        let nonce = nonce(self.blocks.len());
        // In place: what was in clear is no more. There is room for the tag.
        cipher.seal_in_place_append_tag(nonce, Aad::empty(), &mut *bytes).map_err(|_| SealedError::Full)?;
        self.blocks.push(Block { first: self.first, bytes: bytes.as_slice().into() });
        self.first = self.count;
        Ok(())
    }

    /// Made for each use, so that the key stands in locked memory only.
    fn cipher(&self) -> Result<LessSafeKey, SealedError> {
        let key = UnboundKey::new(&CHACHA20_POLY1305, self.key.expose()).map_err(|_| SealedError::Damaged)?;
        Ok(LessSafeKey::new(key))
    }
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealed({} records)", self.count)
    }
}

/// An empty buffer that need not grow, which would leave copies behind.
fn room(bytes: usize) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(Vec::with_capacity(bytes.max(BLOCK) + CHACHA20_POLY1305.tag_len()))
}

/// The number of the block: no two blocks of a key have the same.
fn nonce(block: usize) -> Nonce {
    let mut bytes = [0; NONCE_LEN];
    bytes[..8].copy_from_slice(&(block as u64).to_le_bytes());
    Nonce::assume_unique_for_key(bytes)
}

fn nth(mut block: &[u8], number: u32) -> Option<Zeroizing<Vec<u8>>> {
    for _ in 0..number {
        let (length, rest) = block.split_first_chunk::<LENGTH>()?;
        block = rest.get(u32::from_le_bytes(*length) as usize..)?;
    }
    let (length, rest) = block.split_first_chunk::<LENGTH>()?;
    rest.get(..u32::from_le_bytes(*length) as usize).map(|record| Zeroizing::new(record.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_comes_back_and_none_stands_in_memory() {
        let mut sealed = Sealed::new().unwrap();
        let record = |number: u32| format!("record {number} {}", "x".repeat(number as usize % 300)).into_bytes();
        for number in 0..3000 {
            assert_eq!(sealed.push(&record(number)).unwrap(), number);
        }
        let large = vec![b'l'; 3 * BLOCK];
        sealed.push(&large).unwrap();
        sealed.push(b"").unwrap();
        for finished in [false, true] {
            if finished {
                sealed.finish().unwrap();
                assert!(sealed.filling.is_empty());
            }
            for number in (0..3000).rev().step_by(7) {
                assert_eq!(sealed.get(number).unwrap().unwrap().as_slice(), record(number));
            }
            assert_eq!(sealed.get(3000).unwrap().unwrap().as_slice(), large);
            assert!(sealed.get(3001).unwrap().unwrap().is_empty());
            assert!(sealed.get(3002).unwrap().is_none());
        }
        let in_clear = |block: &Block| block.bytes.windows(7).any(|piece| piece == b"record ");
        assert!(!sealed.blocks.iter().any(in_clear));
        assert_eq!(format!("{sealed:?}"), "Sealed(3002 records)");
    }

    #[test]
    fn what_was_changed_is_not_taken_for_a_record() {
        let mut sealed = Sealed::new().unwrap();
        sealed.push(b"one").unwrap();
        sealed.finish().unwrap();
        sealed.blocks[0].bytes[2] ^= 1;
        assert!(matches!(sealed.get(0), Err(SealedError::Damaged)));
    }
}
