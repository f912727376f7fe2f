//! Landlock: which files, folders and TCP ports a process may reach. <https://docs.kernel.org/userspace-api/landlock.html>

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd, OwnedFd},
    path::Path,
};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, NetPort, PathBeneath, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, Scope,
};

/// What we know of and test; a newer kernel is used as if it were this one.
const KNOWN: ABI = ABI::V9;

/// The version of Landlock's interface (landlock_create_ruleset(2)); 0: it is not there, or switched off.
#[must_use]
pub fn landlock_version() -> u32 {
    const VERSION: libc::c_uint = 1;
    let none = std::ptr::null::<libc::c_void>();
    // SAFETY: with this flag the call takes a null pointer and a size of 0, and makes nothing.
    let version = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, none, 0usize, VERSION) };
    u32::try_from(version).unwrap_or(0)
}

/// What may be done with a file, or with everything in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// List the names in a folder, but read no file.
    List,
    /// Read, and list.
    Read,
    /// Read, list and execute.
    Execute,
    /// Open for reading and writing, as devices are; make nothing.
    Device,
    /// Everything but executing: read, write, make, remove.
    Write,
}

impl Access {
    fn rights(self) -> BitFlags<AccessFs> {
        let read = AccessFs::ReadFile | AccessFs::ReadDir;
        match self {
            Self::List => AccessFs::ReadDir.into(),
            Self::Read => read,
            Self::Execute => read | AccessFs::Execute,
            Self::Device => AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate | AccessFs::IoctlDev,
            Self::Write => {
                read | AccessFs::WriteFile
                    | AccessFs::Truncate
                    | AccessFs::RemoveDir
                    | AccessFs::RemoveFile
                    | AccessFs::MakeDir
                    | AccessFs::MakeReg
                    | AccessFs::MakeSock
                    | AccessFs::MakeFifo
                    | AccessFs::MakeSym
                    | AccessFs::Refer
                    | AccessFs::ResolveUnix
            }
        }
    }
}

/// Rules being made. What no rule allows is forbidden.
pub struct Rules {
    ruleset: RulesetCreated,
}

fn other(error: impl std::fmt::Display) -> io::Error {
    io::Error::other(error.to_string())
}

impl Rules {
    /// No rule yet: nothing of the file system, no TCP port, no signal to processes outside. What the kernel's version of
    /// Landlock does not know is left out: see [`landlock_version`] (4 for ports, 6 for signals).
    ///
    /// # Errors
    /// When the kernel has no Landlock.
    pub fn new() -> io::Result<Self> {
        if landlock_version() == 0 {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "this kernel has no Landlock"));
        }
        let ruleset = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(KNOWN))
            .and_then(|ruleset| ruleset.handle_access(AccessNet::BindTcp | AccessNet::ConnectTcp))
            .and_then(|ruleset| ruleset.scope(Scope::Signal))
            .and_then(Ruleset::create)
            .map_err(other)?;
        Ok(Self { ruleset })
    }

    /// No rule yet for connections: none to any TCP port. Files, listening and signals stay as they are.
    ///
    /// # Errors
    /// When the kernel has no Landlock, or one that knows no ports: there is no weaker way.
    pub fn for_connections() -> io::Result<Self> {
        const PORTS: u32 = 4;
        if landlock_version() < PORTS {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "this kernel has no Landlock that knows ports"));
        }
        let ruleset = Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessNet::ConnectTcp)
            .and_then(Ruleset::create)
            .map_err(other)?;
        Ok(Self { ruleset })
    }

    /// Allows a file, or a folder and everything below it.
    ///
    /// # Errors
    /// When there is no such path, or it cannot be opened.
    pub fn allow(&mut self, path: &Path, access: Access) -> io::Result<()> {
        let flags = rustix::fs::OFlags::PATH | rustix::fs::OFlags::CLOEXEC;
        let file = rustix::fs::open(path, flags, rustix::fs::Mode::empty())?;
        let is_folder = rustix::fs::FileType::from_raw_mode(rustix::fs::fstat(&file)?.st_mode).is_dir();
        let rights = if is_folder { access.rights() } else { access.rights() & AccessFs::from_file(KNOWN) };
        if rights.is_empty() {
            return Ok(());
        }
        (&mut self.ruleset).add_rule(PathBeneath::new(file, rights)).map_err(other)?;
        Ok(())
    }

    /// Allows connections to this TCP port of any host.
    ///
    /// # Errors
    /// When the kernel refuses the rule.
    pub fn connect(&mut self, port: u16) -> io::Result<()> {
        (&mut self.ruleset).add_rule(NetPort::new(port, AccessNet::ConnectTcp)).map_err(other)?;
        Ok(())
    }

    /// Allows listening on this TCP port; 0: on one of the kernel's choice.
    ///
    /// # Errors
    /// When the kernel refuses the rule.
    pub fn listen(&mut self, port: u16) -> io::Result<()> {
        (&mut self.ruleset).add_rule(NetPort::new(port, AccessNet::BindTcp)).map_err(other)?;
        Ok(())
    }

    /// The descriptor of the rules, for [`super::Fence::landlock`].
    #[must_use]
    pub fn finish(self) -> Option<OwnedFd> {
        self.ruleset.into()
    }
}

/// Adds to finished rules what is open already: a terminal. What is no file of a file system, such as a pipe, needs no rule, and
/// the kernel takes none.
pub(super) fn admit(rules: BorrowedFd<'_>, file: BorrowedFd<'_>) {
    let version = landlock_version();
    let mut rights = AccessFs::ReadFile | AccessFs::WriteFile;
    if version >= 3 {
        rights |= AccessFs::Truncate;
    }
    if version >= 5 {
        rights |= AccessFs::IoctlDev;
    }
    /// `struct landlock_path_beneath_attr` (linux/landlock.h).
    #[repr(C, packed)]
    struct Rule {
        rights: u64,
        file: i32,
    }
    const PATH_BENEATH: libc::c_int = 1;
    let rule = Rule { rights: rights.bits(), file: file.as_raw_fd() };
    // SAFETY: two descriptors that are open, and a structure of the layout that the call wants.
    unsafe { libc::syscall(libc::SYS_landlock_add_rule, rules.as_raw_fd(), PATH_BENEATH, &raw const rule, 0) };
}
