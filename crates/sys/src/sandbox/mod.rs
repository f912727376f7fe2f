//! Fencing a child off: what it may reach of the file system and of the network (Landlock), which calls it may make
//! (seccomp), as whom it runs.
//!
//! A [`Fence`] is made before the fork, where there is memory and time; the forked child puts it on with nothing but system
//! calls ([`Fence::put_on`]). It can be handed to another process of ours, which then starts the child ([`Fence::pack`]).

mod landlock;
mod pack;
mod seccomp;

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

pub use landlock::{Access, Rules, landlock_version};
pub use seccomp::{Instruction, Programs, blocked, connections_only, programs};

use crate::network::Spaces;

/// The user that the child runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its number.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// All its groups.
    pub groups: Vec<u32>,
}

/// What a child is fenced off with. The default is nothing.
#[derive(Debug, Default)]
pub struct Fence {
    /// What it executes can gain no privileges (prctl(2), `PR_SET_NO_NEW_PRIVS`).
    pub no_new_privs: bool,
    /// Core dumps stay as they are, instead of being forbidden: for the self-test of `prove` alone.
    pub core_dumps: bool,
    /// The mask of modes of new files; `None`: as it is.
    pub umask: Option<u32>,
    /// Every capability is dropped, for good.
    pub drop_capabilities: bool,
    /// Another user.
    pub user: Option<User>,
    /// A network of its own.
    pub network: Option<Spaces>,
    /// The rules of Landlock.
    pub landlock: Option<OwnedFd>,
    /// The filters of system calls.
    pub filters: Programs,
}

/// The part of a fence that could not be put on. The numbers cross a fork.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum Part {
    /// Dropping capabilities.
    Capabilities = 10,
    /// Becoming another user.
    User = 11,
    /// no_new_privs.
    Privileges = 12,
    /// Landlock.
    Landlock = 13,
    /// The filters of system calls.
    Filters = 14,
    /// The network of its own.
    Network = 15,
}

impl Part {
    /// The part of that number.
    #[must_use]
    pub fn from_number(number: i32) -> Option<Self> {
        [Self::Capabilities, Self::User, Self::Privileges, Self::Landlock, Self::Filters, Self::Network]
            .into_iter()
            .find(|part| *part as i32 == number)
    }

    /// What was to be done, to complete the sentence "cannot …".
    #[must_use]
    pub fn doing(self) -> &'static str {
        match self {
            Self::Capabilities => "drop the command's capabilities",
            Self::User => "run the command as that user",
            Self::Privileges => "set no_new_privs for the command",
            Self::Landlock => "fence the command off with Landlock",
            Self::Filters => "install the filter of system calls",
            Self::Network => "put the command into a network of its own",
        }
    }
}

impl Fence {
    /// The descriptors that it is made of.
    pub fn descriptors(&self) -> Vec<RawFd> {
        let spaces = self.network.iter().flat_map(|spaces| spaces.user.iter().chain([&spaces.network]));
        self.landlock.iter().chain(spaces).map(AsRawFd::as_raw_fd).collect()
    }

    /// Lets the child use what it gets as its standard streams also by name (`/dev/stdout`, `/dev/pts/7`): the rules allow it, and
    /// it belongs to the child's user.
    pub fn admit(&self, file: impl AsFd) {
        let file: BorrowedFd<'_> = file.as_fd();
        if let Some(rules) = &self.landlock {
            landlock::admit(rules.as_fd(), file);
        }
        if let Some(user) = &self.user {
            let (uid, gid) = (rustix::fs::Uid::from_raw(user.uid), rustix::fs::Gid::from_raw(user.gid));
            // What is not ours to give stays as it is; it is open already.
            let _ = rustix::fs::fchown(file, Some(uid), Some(gid));
        }
    }

    /// Puts it on this thread and all that it starts, for good. Threads that are there already go on without it.
    ///
    /// # Errors
    /// When the kernel refuses a part. What was put on by then stays.
    pub fn put_on_this_thread(&self) -> std::io::Result<()> {
        // SAFETY: plain system calls; that memory could be allocated meanwhile does no harm outside of a forked child.
        unsafe { self.put_on() }.map_err(|(_, errno)| std::io::Error::from_raw_os_error(errno))
    }

    /// Puts it on this process.
    ///
    /// # Errors
    /// With the step and errno. The process must not go on then.
    ///
    /// # Safety
    /// In a forked child it makes async-signal-safe calls only, on memory that was laid out before the fork.
    pub(crate) unsafe fn put_on(&self) -> Result<(), (i32, i32)> {
        // SAFETY: plain system calls with numbers, or with pointers to memory of `self`.
        unsafe {
            let errno = || *libc::__errno_location();
            if let Some(mask) = self.umask {
                libc::umask(mask);
            }
            if let Some(Spaces { user, network }) = &self.network {
                // Into the user namespace first: the right to the network comes with it.
                let moved = |space: &OwnedFd, kind: libc::c_int| libc::setns(space.as_raw_fd(), kind) == 0;
                if !user.as_ref().is_none_or(|user| moved(user, libc::CLONE_NEWUSER))
                    || !moved(network, libc::CLONE_NEWNET)
                {
                    return Err((Part::Network as i32, errno()));
                }
            }
            if self.drop_capabilities {
                // Needs CAP_SETPCAP, so before everything else; without it there is nothing that exec could give back.
                let mut capability: libc::c_ulong = 0;
                while libc::prctl(libc::PR_CAPBSET_READ, capability, 0, 0, 0) >= 0 {
                    libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0);
                    capability += 1;
                }
                libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL as libc::c_ulong, 0, 0, 0);
            }
            if let Some(user) = &self.user
                && (libc::syscall(libc::SYS_setgroups, user.groups.len(), user.groups.as_ptr()) != 0
                    || libc::syscall(libc::SYS_setresgid, user.gid, user.gid, user.gid) != 0
                    || libc::syscall(libc::SYS_setresuid, user.uid, user.uid, user.uid) != 0)
            {
                return Err((Part::User as i32, errno()));
            }
            if self.drop_capabilities {
                // capset(2), version 3 of its structures: header (version, this thread), then twice three words of zeros.
                let header: [u32; 2] = [0x2008_0522, 0];
                let none: [u32; 6] = [0; 6];
                if libc::syscall(libc::SYS_capset, header.as_ptr(), none.as_ptr()) != 0 {
                    return Err((Part::Capabilities as i32, errno()));
                }
            }
            let locked = self.landlock.is_some() || !self.filters.is_empty();
            if (self.no_new_privs || locked) && libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 {
                return Err((Part::Privileges as i32, errno()));
            }
            if let Some(rules) = &self.landlock
                && libc::syscall(libc::SYS_landlock_restrict_self, rules.as_raw_fd(), 0) != 0
            {
                return Err((Part::Landlock as i32, errno()));
            }
            for program in self.filters.iter() {
                let filter = libc::sock_fprog {
                    len: program.len() as libc::c_ushort,
                    filter: program.as_ptr().cast_mut().cast(),
                };
                if libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const filter) != 0 {
                    return Err((Part::Filters as i32, errno()));
                }
            }
            Ok(())
        }
    }
}
