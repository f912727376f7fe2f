//! What a fenced test may reach: `--sandbox`.
//!
//! The policy is made of what is known before the start: the project, the Python that runs the test, Locust's own options, the
//! hosts of the manifest. It says what is allowed; all else is not. Making it reads folders and changes nothing but the outputs
//! that it has to make beforehand, since Landlock knows no file that is not there.

mod locust;
mod python;
mod system;
mod tree;

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use tegmen_sys::sandbox::{Access, Rules};

pub use locust::{Ports, Target};

/// What the policy is made of.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The command and its arguments.
    pub command: Vec<OsString>,
    /// The command's environment.
    pub environment: Vec<(OsString, OsString)>,
    /// The working directory.
    pub directory: PathBuf,
    /// Further folders of the project (that of the manifest).
    pub folders: Vec<PathBuf>,
    /// What stays closed wherever it lies: sources of secrets, the store, its key.
    pub closed: Vec<PathBuf>,
    /// What the user opens for reading.
    pub readable: Vec<PathBuf>,
    /// What the user opens for writing.
    pub writable: Vec<PathBuf>,
    /// The folder for temporary files, the test's own.
    pub temporary: PathBuf,
    /// Hosts and ports that may be connected to besides the target: those of the secrets, and what was given by hand.
    pub reach: Vec<Target>,
    /// What stands in for Vault, on this machine.
    pub stand_in: Option<Target>,
    /// Where may be listened besides Locust's own ports.
    pub listen: Vec<Target>,
}

/// What is allowed.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Files and folders, with all that is below them.
    pub paths: BTreeMap<PathBuf, Access>,
    /// Where to: Landlock takes the ports alone, a relay the hosts.
    pub targets: Vec<Target>,
    /// Where the test is reached from outside.
    pub doors: Vec<Target>,
    /// TCP ports that may be connected to.
    pub connect: BTreeSet<u16>,
    /// TCP ports that may be listened on.
    pub listen: BTreeSet<u16>,
    /// Where the test's outputs go.
    pub outputs: Vec<PathBuf>,
    /// Whether the target was found; if not, the usual ports of the web are allowed.
    pub target_is_known: bool,
}

impl Policy {
    /// The policy. Makes folders and empty files for the outputs that Locust's options name.
    ///
    /// # Errors
    /// When a path that was opened by hand is not there, or an output cannot be made.
    pub fn new(request: &Request) -> io::Result<Self> {
        let mut policy = Self::default();
        let home = variable(&request.environment, "HOME").map(PathBuf::from).filter(|home| home.is_absolute());
        let mut project = request.folders.clone();
        project.push(request.directory.clone());
        project.extend(repository(&request.directory, home.as_deref()));
        let closed = tree::Closed::new(home.as_deref(), &request.closed, &project);
        for (path, access) in system::PATHS {
            policy.allow(Path::new(path), *access);
        }
        for path in system::linked() {
            policy.allow(&path, Access::Read);
        }
        for path in python::places(request, home.as_deref()) {
            closed.open(&path, Access::Execute, &mut policy);
        }
        for folder in &project {
            closed.open(folder, Access::Execute, &mut policy);
        }
        for path in &request.readable {
            policy.allow_given(&request.directory.join(path), Access::Read)?;
        }
        for path in &request.writable {
            let path = request.directory.join(path);
            if !path.exists() {
                std::fs::create_dir_all(&path).map_err(|error| told(&path, &error))?;
            }
            policy.allow_given(&path, Access::Write)?;
            policy.outputs.push(path);
        }
        policy.allow_given(&request.temporary, Access::Write)?;
        for output in locust::outputs(request) {
            policy.make(&output, &request.directory, &project)?;
        }
        for path in locust::inputs(request, home.as_deref()) {
            if !policy.is_laid(&path) {
                closed.open(&path, Access::Read, &mut policy);
            }
        }
        let Ports { targets, connect, listen, others, doors } = locust::ports(request);
        policy.target_is_known = !targets.is_empty() || !request.reach.is_empty();
        policy.connect.extend(connect);
        policy.listen.extend(listen);
        policy.listen.extend(request.listen.iter().map(|door| door.port));
        policy.doors = doors.into_iter().chain(request.listen.iter().cloned()).collect();
        if !policy.target_is_known {
            policy.connect.extend([80, 443]);
        }
        let more = request.stand_in.iter().chain(&request.reach).cloned();
        for target in targets.into_iter().chain(more).chain(others) {
            policy.connect.insert(target.port);
            if !policy.targets.contains(&target) {
                policy.targets.push(target);
            }
        }
        Ok(policy)
    }

    /// Allows it if it is there. More than before is added, never taken away.
    fn allow(&mut self, path: &Path, access: Access) {
        if let Ok(path) = path.canonicalize() {
            let known = self.paths.entry(path).or_insert(access);
            *known = (*known).max(access);
        }
    }

    fn allow_given(&mut self, path: &Path, access: Access) -> io::Result<()> {
        if let Err(error) = path.symlink_metadata() {
            return Err(told(path, &error));
        }
        self.allow(path, access);
        Ok(())
    }

    /// Whether the path lies where a test writes, and leads out of there: an earlier one may have laid it, for the next one to
    /// be let in.
    fn is_laid(&self, path: &Path) -> bool {
        let is_written = |path: PathBuf| self.access(&path) == Some(Access::Write);
        let above = path.parent().and_then(|above| above.canonicalize().ok());
        above.is_some_and(is_written) && !path.canonicalize().is_ok_and(is_written)
    }

    /// An output: the folder that it goes to if that is one of its own, else the file itself, made empty.
    fn make(&mut self, output: &locust::Output, directory: &Path, project: &[PathBuf]) -> io::Result<()> {
        let folder = output.path.parent().unwrap_or(directory);
        let own = folder.canonicalize().ok() != directory.canonicalize().ok() && !directory.starts_with(folder);
        if own {
            std::fs::create_dir_all(folder).map_err(|error| told(folder, &error))?;
            self.stays(folder, project)?;
            self.outputs.push(folder.to_owned());
            return self.allow_given(folder, Access::Write);
        }
        for suffix in output.suffixes {
            let mut name = output.path.clone().into_os_string();
            name.push(suffix);
            let path = PathBuf::from(name);
            if !path.exists() {
                let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
                made.map_err(|error| told(&path, &error))?;
            }
            self.allow_given(&path, Access::Write)?;
            self.outputs.push(path);
        }
        Ok(())
    }

    /// A folder of the project must not lead out of it: a link in it may have been laid by an earlier test.
    fn stays(&self, folder: &Path, project: &[PathBuf]) -> io::Result<()> {
        let real = folder.canonicalize().map_err(|error| told(folder, &error))?;
        let is_inside = |path: &Path| project.iter().any(|inside| path.starts_with(inside));
        let is_really =
            project.iter().filter_map(|inside| inside.canonicalize().ok()).any(|inside| real.starts_with(inside));
        if is_really || !is_inside(folder) || self.access(&real) == Some(Access::Write) {
            return Ok(());
        }
        let (shown, real) = (folder.display(), real.display());
        let why = format!(
            "{shown} is a link out of the project, to {real}: if it is to be written there, --writable {real} says so"
        );
        Err(io::Error::new(io::ErrorKind::InvalidInput, why))
    }

    /// The rules for the kernel.
    ///
    /// # Errors
    /// When the kernel has no Landlock, or refuses a rule.
    pub fn rules(&self) -> io::Result<Rules> {
        let mut rules = Rules::new()?;
        for (path, access) in &self.paths {
            match rules.allow(path, *access) {
                // It went away meanwhile.
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(told(path, &error)),
                _ => {}
            }
        }
        for port in &self.connect {
            rules.connect(*port)?;
        }
        for port in &self.listen {
            rules.listen(*port)?;
        }
        Ok(rules)
    }

    /// The hosts that lie outside of a network of the test's own. What listens on this machine at a port that the test may listen
    /// on is the test itself.
    #[must_use]
    pub fn outside(&self) -> Vec<Target> {
        let is_own = |target: &&Target| self.listen.contains(&target.port) && target.is_loopback();
        self.targets.iter().filter(|target| !is_own(target)).cloned().collect()
    }

    /// What may be done with a path.
    pub fn access(&self, path: &Path) -> Option<Access> {
        path.ancestors().filter_map(|above| self.paths.get(above)).max().copied()
    }
}

/// The repository that the folder is in: scripts take modules from all of it. Not where it is the home folder.
fn repository(folder: &Path, home: Option<&Path>) -> Option<PathBuf> {
    let top = folder.ancestors().find(|folder| folder.join(".git").exists())?;
    (top.parent().is_some() && home.is_none_or(|home| !home.starts_with(top))).then(|| top.to_owned())
}

fn told(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

fn variable<'a>(environment: &'a [(OsString, OsString)], name: &str) -> Option<&'a OsString> {
    environment.iter().find(|(known, _)| known == name).map(|(_, value)| value).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests;
