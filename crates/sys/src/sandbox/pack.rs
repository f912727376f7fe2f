//! A fence on its way to another process of ours: bytes in a sealed, anonymous file, and the descriptor of the rules.

use std::{
    io::{self, Read},
    os::fd::{AsRawFd, OwnedFd, RawFd},
};

use super::{Fence, Instruction, User};
use crate::{network::Spaces, process, shared::sealed_file};

const NONE: u32 = u32::MAX;

impl Fence {
    /// The fence as a file. The process that is to have it inherits the file and [`Fence::descriptors`], all at their numbers.
    ///
    /// # Errors
    /// When the kernel has no memory to give.
    pub fn pack(&self) -> io::Result<OwnedFd> {
        let mut words: Vec<u32> = vec![
            u32::from(self.no_new_privs),
            u32::from(self.core_dumps),
            self.umask.unwrap_or(NONE),
            u32::from(self.drop_capabilities),
        ];
        let number = |descriptor: Option<&OwnedFd>| descriptor.map_or(NONE, |known| known.as_raw_fd().cast_unsigned());
        words.push(number(self.landlock.as_ref()));
        words.push(number(self.network.as_ref().and_then(|spaces| spaces.user.as_ref())));
        words.push(number(self.network.as_ref().map(|spaces| &spaces.network)));
        match &self.user {
            None => words.push(0),
            Some(user) => {
                words.extend([1, user.uid, user.gid, user.groups.len() as u32]);
                words.extend(&user.groups);
            }
        }
        words.push(self.filters.len() as u32);
        for program in &self.filters {
            words.push(program.len() as u32);
            for instruction in program {
                let [a, b] = instruction.code.to_ne_bytes();
                words.push(u32::from_ne_bytes([a, b, instruction.jt, instruction.jf]));
                words.push(instruction.k);
            }
        }
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        sealed_file(&bytes)
    }

    /// The fence that came at this number.
    ///
    /// # Errors
    /// When there is none, or the rules that belong to it were not inherited.
    pub fn unpack(number: RawFd) -> io::Result<Self> {
        use std::os::unix::fs::FileExt as _;
        let file = std::fs::File::from(process::inherited(number)?);
        let mut bytes = vec![0; usize::try_from(file.metadata()?.len()).unwrap_or(0)];
        file.read_exact_at(&mut bytes, 0)?;
        let mut words = Words(bytes.as_slice());
        let mut fence = Self {
            no_new_privs: words.next()? != 0,
            core_dumps: words.next()? != 0,
            umask: Some(words.next()?).filter(|mask| *mask != NONE),
            drop_capabilities: words.next()? != 0,
            ..Self::default()
        };
        let mut descriptor = || match words.next()? {
            NONE => Ok::<_, io::Error>(None),
            number => Ok(Some(process::inherited(number.cast_signed())?)),
        };
        fence.landlock = descriptor()?;
        let (user, network) = (descriptor()?, descriptor()?);
        fence.network = network.map(|network| Spaces { user, network });
        if words.next()? != 0 {
            let (uid, gid, count) = (words.next()?, words.next()?, words.next()?);
            let groups = (0..count).map(|_| words.next()).collect::<io::Result<_>>()?;
            fence.user = Some(User { uid, gid, groups });
        }
        for _ in 0..words.next()? {
            let mut program = Vec::new();
            for _ in 0..words.next()? {
                let [a, b, jt, jf] = words.next()?.to_ne_bytes();
                program.push(Instruction { code: u16::from_ne_bytes([a, b]), jt, jf, k: words.next()? });
            }
            fence.filters.push(program);
        }
        Ok(fence)
    }
}

struct Words<'a>(&'a [u8]);

impl Words<'_> {
    fn next(&mut self) -> io::Result<u32> {
        let mut word = [0; 4];
        self.0.read_exact(&mut word)?;
        Ok(u32::from_ne_bytes(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_comes_out_as_it_went_in() {
        let fence = Fence {
            core_dumps: true,
            no_new_privs: true,
            umask: Some(0o077),
            drop_capabilities: true,
            user: Some(User { uid: 1, gid: 2, groups: vec![2, 3] }),
            landlock: None,
            network: Some(Spaces { user: None, network: std::fs::File::open("/proc/self/ns/net").unwrap().into() }),
            filters: super::super::programs().unwrap(),
        };
        let file = fence.pack().unwrap();
        let back = Fence::unpack(file.as_raw_fd()).unwrap();
        assert!(back.network.is_some_and(|spaces| spaces.user.is_none()));
        assert!(back.no_new_privs && back.core_dumps && back.drop_capabilities && back.landlock.is_none());
        assert_eq!((back.umask, back.user, back.filters), (fence.umask, fence.user, fence.filters));
        assert!(Fence::unpack(1 << 20).is_err());
    }
}
