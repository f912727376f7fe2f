//! Secret memory that one process writes and others read: no lock, no call in the readers, and a generation counter
//! that tells them when there is something new.
//!
//! The memory is `memfd_secret(2)` where the kernel has it (not even the kernel's own direct map shows it), else a
//! sealed `memfd_create(2)` that is locked and left out of core dumps. It has two halves: the writer fills the one that
//! nobody reads, then moves the generation on. Readers copy byte by byte with atomic loads and look at the generation
//! again afterwards, so that a copy is either whole or refused.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd},
    ptr::NonNull,
    sync::atomic::{AtomicU8, AtomicU64, Ordering, fence},
};

use rustix::{
    fs::{MemfdFlags, SealFlags},
    mm::{MapFlags, ProtFlags},
};

const MAGIC: u64 = u64::from_le_bytes(*b"TEGMEN01");
/// The header has a page of its own.
const HEADER: usize = 4096;

/// What stands at the beginning of the memory.
#[repr(C)]
struct Header {
    magic: AtomicU64,
    capacity: AtomicU64,
    generation: AtomicU64,
    lengths: [AtomicU64; 2],
}

struct Mapping {
    base: NonNull<u8>,
    size: usize,
}

// SAFETY: the memory behind the pointer is shared between processes anyway; it is read and written through atomics only.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    fn new(fd: BorrowedFd<'_>, size: usize, protection: ProtFlags) -> io::Result<Self> {
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory that Rust knows of.
        let base = unsafe { rustix::mm::mmap(std::ptr::null_mut(), size, protection, MapFlags::SHARED, fd, 0)? };
        let base = NonNull::new(base.cast()).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Self { base, size })
    }

    fn header(&self) -> &Header {
        // SAFETY: the mapping is page-aligned, longer than a header, lives as long as `self`, and holds atomics, for
        // which every bit pattern is valid.
        unsafe { self.base.cast::<Header>().as_ref() }
    }

    /// One half, from its first byte on.
    fn half(&self, generation: u64, capacity: usize) -> &[AtomicU8] {
        let start = HEADER + (generation % 2) as usize * capacity;
        assert!(start + capacity <= self.size);
        // SAFETY: the range lies within the mapping (checked above), and atomics allow others to write meanwhile.
        unsafe { std::slice::from_raw_parts(self.base.as_ptr().add(start).cast(), capacity) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range is the mapping's own, and nothing borrows from it any more.
        let _ = unsafe { rustix::mm::munmap(self.base.as_ptr().cast(), self.size) };
    }
}

/// The writing end.
pub struct Writer {
    fd: OwnedFd,
    mapping: Mapping,
    capacity: usize,
    kind: Kind,
}

/// What the kernel gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `memfd_secret(2)`.
    Secret,
    /// `memfd_create(2)`, locked into memory.
    Locked,
    /// `memfd_create(2)`; the kernel refused to lock it (`RLIMIT_MEMLOCK`).
    Plain,
}

impl Writer {
    /// Memory for payloads of up to `capacity` bytes.
    ///
    /// # Errors
    /// When the kernel has no memory to give.
    pub fn new(capacity: usize) -> io::Result<Self> {
        let capacity = capacity.next_multiple_of(HEADER).max(HEADER);
        let size = HEADER + 2 * capacity;
        let (fd, mapping, kind) = match secret(size) {
            Ok((fd, mapping)) => (fd, mapping, Kind::Secret),
            Err(_) => ordinary(size)?,
        };
        let header = mapping.header();
        header.capacity.store(capacity as u64, Ordering::Relaxed);
        header.magic.store(MAGIC, Ordering::Release);
        Ok(Self { fd, mapping, capacity, kind })
    }

    /// The kind of memory.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The descriptor to hand over. Readers map it read-only.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Puts a new payload in the place of the old one.
    ///
    /// # Errors
    /// When it is longer than the capacity.
    pub fn publish(&mut self, payload: &[u8]) -> io::Result<()> {
        if payload.len() > self.capacity {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("{} bytes do not fit into {} bytes of shared memory", payload.len(), self.capacity),
            ));
        }
        let header = self.mapping.header();
        let next = header.generation.load(Ordering::Relaxed) + 1;
        let half = self.mapping.half(next, self.capacity);
        fence(Ordering::Release);
        for (cell, byte) in half.iter().zip(payload) {
            cell.store(*byte, Ordering::Relaxed);
        }
        for cell in &half[payload.len()..] {
            cell.store(0, Ordering::Relaxed);
        }
        header.lengths[(next % 2) as usize].store(payload.len() as u64, Ordering::Relaxed);
        header.generation.store(next, Ordering::Release);
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        for generation in 0..2 {
            for cell in self.mapping.half(generation, self.capacity) {
                cell.store(0, Ordering::Relaxed);
            }
        }
    }
}

/// Whether the kernel gives memory by `memfd_secret(2)`.
#[must_use]
pub fn has_secret_memory() -> bool {
    secret(HEADER).is_ok()
}

fn secret(size: usize) -> io::Result<(OwnedFd, Mapping)> {
    // SAFETY: memfd_secret takes flags and gives a descriptor.
    let fd = unsafe { libc::syscall(libc::SYS_memfd_secret, libc::O_CLOEXEC) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new and nobody else's.
    let fd = unsafe { OwnedFd::from_raw_fd(fd as i32) };
    rustix::fs::ftruncate(&fd, size as u64)?;
    let mapping = Mapping::new(fd.as_fd(), size, ProtFlags::READ | ProtFlags::WRITE)?;
    Ok((fd, mapping))
}

fn ordinary(size: usize) -> io::Result<(OwnedFd, Mapping, Kind)> {
    let fd = rustix::fs::memfd_create("tegmen", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    rustix::fs::ftruncate(&fd, size as u64)?;
    rustix::fs::fcntl_add_seals(&fd, SealFlags::SHRINK | SealFlags::GROW)?;
    let mapping = Mapping::new(fd.as_fd(), size, ProtFlags::READ | ProtFlags::WRITE)?;
    // The descriptor is handed over: from here on it is written through this mapping alone. Kernels before 5.1 do not know that.
    let _ = rustix::fs::fcntl_add_seals(&fd, SealFlags::FUTURE_WRITE);
    rustix::fs::fcntl_add_seals(&fd, SealFlags::SEAL)?;
    // SAFETY: the range is that of the mapping above.
    let bytes = unsafe { std::slice::from_raw_parts(mapping.base.as_ptr(), size) };
    let kind = if crate::memory::lock(bytes).is_ok() { Kind::Locked } else { Kind::Plain };
    Ok((fd, mapping, kind))
}

/// An anonymous file (memfd_create(2)) with those bytes, which nobody can change any more.
///
/// # Errors
/// When the kernel has no memory to give.
pub fn sealed_file(bytes: &[u8]) -> io::Result<OwnedFd> {
    let fd = rustix::fs::memfd_create("tegmen-file", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    let mut file = std::fs::File::from(fd);
    io::Write::write_all(&mut file, bytes)?;
    let fd = OwnedFd::from(file);
    rustix::fs::fcntl_add_seals(&fd, SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
    Ok(fd)
}

/// The reading end.
pub struct Reader {
    mapping: Mapping,
    capacity: usize,
}

impl Reader {
    /// Maps the memory behind `fd`. The descriptor can be closed afterwards; forked children keep the mapping.
    ///
    /// # Errors
    /// When it is not such a memory.
    pub fn new(fd: BorrowedFd<'_>) -> io::Result<Self> {
        let size = usize::try_from(rustix::fs::fstat(fd)?.st_size).map_err(|_| io::ErrorKind::InvalidData)?;
        let invalid = || io::Error::new(io::ErrorKind::InvalidData, "this is not the broker's shared memory");
        if size < HEADER {
            return Err(invalid());
        }
        let mapping = Mapping::new(fd, size, ProtFlags::READ)?;
        let header = mapping.header();
        let capacity = header.capacity.load(Ordering::Relaxed) as usize;
        let fits = capacity.checked_mul(2).and_then(|halves| halves.checked_add(HEADER)) == Some(size);
        if header.magic.load(Ordering::Acquire) != MAGIC || !fits {
            return Err(invalid());
        }
        Ok(Self { mapping, capacity })
    }

    /// The generation of the payload: 0 before the first.
    pub fn generation(&self) -> u64 {
        self.mapping.header().generation.load(Ordering::Acquire)
    }

    /// The length of the payload of that generation.
    pub fn len(&self, generation: u64) -> usize {
        let length = self.mapping.header().lengths[(generation % 2) as usize].load(Ordering::Relaxed);
        (length as usize).min(self.capacity)
    }

    /// Copies `out.len()` bytes from `start` on. False when the generation has moved on, or the range is not within
    /// the memory; `out` is then not to be used.
    pub fn copy(&self, generation: u64, start: usize, out: &mut [u8]) -> bool {
        let half = self.mapping.half(generation, self.capacity);
        let Some(cells) = start.checked_add(out.len()).and_then(|end| half.get(start..end)) else { return false };
        for (byte, cell) in out.iter_mut().zip(cells) {
            *byte = cell.load(Ordering::Relaxed);
        }
        fence(Ordering::Acquire);
        self.generation() == generation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(reader: &Reader) -> Option<Vec<u8>> {
        let generation = reader.generation();
        let mut out = vec![0; reader.len(generation)];
        reader.copy(generation, 0, &mut out).then_some(out)
    }

    #[test]
    fn a_reader_sees_what_was_published_and_notices_what_is_new() {
        let mut writer = Writer::new(100).unwrap();
        let reader = Reader::new(writer.fd()).unwrap();
        assert_eq!(reader.generation(), 0);
        writer.publish(b"one").unwrap();
        let first = reader.generation();
        assert_eq!(read(&reader).unwrap(), b"one");
        writer.publish(b"twenty-two").unwrap();
        assert!(!reader.copy(first, 0, &mut [0; 3]));
        assert_eq!(read(&reader).unwrap(), b"twenty-two");
    }

    #[test]
    fn the_ordinary_kind_works_as_well() {
        let (fd, mapping, _) = ordinary(HEADER * 3).unwrap();
        mapping.header().capacity.store(HEADER as u64, Ordering::Relaxed);
        mapping.header().magic.store(MAGIC, Ordering::Release);
        assert!(Reader::new(fd.as_fd()).is_ok());
    }

    #[test]
    fn who_is_given_the_ordinary_kind_cannot_write_to_it() {
        let (fd, mapping, kind) = ordinary(HEADER * 3).unwrap();
        mapping.header().capacity.store(HEADER as u64, Ordering::Relaxed);
        mapping.header().magic.store(MAGIC, Ordering::Release);
        let mut writer = Writer { fd, mapping, capacity: HEADER, kind };
        writer.publish(b"one").unwrap();
        let given = writer.fd();
        assert!(rustix::io::pwrite(given, b"x", HEADER as u64).is_err());
        assert!(Mapping::new(given, HEADER * 3, ProtFlags::READ | ProtFlags::WRITE).is_err());
        assert!(rustix::fs::ftruncate(given, 0).is_err());
        let reader = Reader::new(given).unwrap();
        assert_eq!(read(&reader).unwrap(), b"one");
        writer.publish(b"two").unwrap();
        assert_eq!(read(&reader).unwrap(), b"two");
    }

    #[test]
    fn what_is_too_long_is_refused_and_the_old_stays() {
        let mut writer = Writer::new(1).unwrap();
        let reader = Reader::new(writer.fd()).unwrap();
        writer.publish(b"old").unwrap();
        assert!(writer.publish(&vec![b'x'; 5000]).is_err());
        assert_eq!(read(&reader).unwrap(), b"old");
    }

    #[test]
    fn other_memory_is_refused() {
        let fd = rustix::fs::memfd_create("other", MemfdFlags::CLOEXEC).unwrap();
        assert!(Reader::new(fd.as_fd()).is_err());
        rustix::fs::ftruncate(&fd, 3 * HEADER as u64).unwrap();
        assert!(Reader::new(fd.as_fd()).is_err());
    }

    #[test]
    fn copies_are_whole_while_another_thread_writes() {
        let mut writer = Writer::new(4096).unwrap();
        let reader = Reader::new(writer.fd()).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                for round in 0..2000u32 {
                    writer.publish(&[(round % 251) as u8; 900]).unwrap();
                }
            });
            for _ in 0..2000 {
                if let Some(copy) = read(&reader) {
                    assert!(copy.windows(2).all(|pair| pair[0] == pair[1]));
                }
            }
        });
    }
}
