//! The way out of a network of the test's own, and into it: `--sandbox` by host.
//!
//! The test runs in a network namespace from which nothing leads anywhere. In it stands a process of ours ([`inside`]) at the
//! addresses of the hosts that the test may reach, on their ports only, and answers for their names. For each connection that it
//! takes it asks the broker, which alone decides, dials and hands over the socket: whoever gets hold of the process inside has no
//! more than the sockets that are open.
//!
//! What must not come in: secrets (they pass through here as they are on the wire, in TLS or in clear), and messages to the user.

mod inside;
mod messages;
mod pair;
mod wall;

use std::{
    ffi::OsString,
    io,
    net::{IpAddr, SocketAddr, TcpListener},
    os::fd::{AsFd, AsRawFd, OwnedFd},
    path::PathBuf,
    sync::Arc,
};

use tegmen_sys::{
    channel::{Channel, Listener},
    network::{Right, Spaces},
    process::{self, Group, Launch, ProcessHandle},
    signals::{self, SignalMask},
};

pub use inside::run_if_asked;

use crate::sandbox::Target;
use messages::{Begin, FromInside, ToInside, receive, send};
use wall::Wall;

/// What is to be led through.
#[derive(Debug, Clone)]
pub struct Plan {
    /// By what right the network is made.
    pub right: Right,
    /// The hosts and ports that can be reached; no others.
    pub reach: Vec<Target>,
    /// The hosts and ports at which the test can be reached from outside.
    pub doors: Vec<Target>,
    /// The abstract name of the broker's socket, under which it is to be found inside too.
    pub channel: String,
}

/// A network with its relay.
pub struct Relay {
    /// The relay's process, which ends with this.
    pub process: Process,
    /// The network, for the fence.
    pub spaces: Spaces,
    /// The broker's socket inside.
    pub listener: Listener,
    /// The doors that could not be opened, and why.
    pub shut: Vec<(SocketAddr, io::Error)>,
}

/// The process inside. Dropped, it is ended, and nothing of it stays behind for the machine's init to take.
pub struct Process {
    pid: u32,
    handle: ProcessHandle,
}

impl Drop for Process {
    fn drop(&mut self) {
        // Ended already: all the better.
        let _ = self.handle.signal(signals::KILL);
        process::reap(self.pid);
    }
}

/// Why there is no relay.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The kernel refuses the network.
    #[error("{0}")]
    Network(String),
    /// Something that is ours to do.
    #[error("{doing}: {source}")]
    Own {
        /// What was tried.
        doing: &'static str,
        /// The operating system's reason.
        source: io::Error,
    },
}

fn own(doing: &'static str) -> impl Fn(io::Error) -> RelayError {
    move |source| RelayError::Own { doing, source }
}

impl Relay {
    /// Makes the network and starts the relay. To be called on a thread that stays until the end: the kernel ends the relay with
    /// it.
    ///
    /// # Errors
    /// When the kernel refuses the network, or has no process or descriptors to give.
    pub fn start(plan: Plan) -> Result<Self, RelayError> {
        let (ours, theirs) = Channel::pair().map_err(own("no socket for the relay"))?;
        let process = start_process(&theirs).map_err(own("the relay cannot be started"))?;
        drop(theirs);
        let user = plan.right == Right::UserNamespace;
        let begin = Begin { user, channel: plan.channel, resolvers: wall::resolvers() };
        send(&ours, &ToInside::Begin(begin), &[]).map_err(own("the relay does not listen"))?;
        let (answer, descriptors) = receive(&ours).map_err(own("the relay has ended"))?;
        if let FromInside::Failed { why } = answer {
            return Err(RelayError::Network(why));
        }
        let mut descriptors = descriptors.into_iter();
        let lacking = || own("the relay has no network")(io::ErrorKind::InvalidData.into());
        let listener = Listener::on(descriptors.next().ok_or_else(lacking)?).map_err(own("the channel inside"))?;
        let spaces = Spaces { network: descriptors.next().ok_or_else(lacking)?, user: descriptors.next() };
        let mut shut = Vec::new();
        for door in doors(&plan.doors) {
            match TcpListener::bind(door) {
                Ok(listener) => {
                    listener.set_nonblocking(true).map_err(own("a port cannot be listened on"))?;
                    send(&ours, &ToInside::Door { inside: inner(door) }, &[listener.as_fd()])
                        .map_err(own("the relay does not listen"))?;
                }
                Err(error) => shut.push((door, error)),
            }
        }
        Wall::new(Arc::new(ours), plan.reach).stand().map_err(own("no thread for the relay"))?;
        Ok(Self { process, spaces, listener, shut })
    }
}

fn start_process(line: &Channel) -> io::Result<Process> {
    let nowhere = OwnedFd::from(std::fs::OpenOptions::new().read(true).write(true).open("/dev/null")?);
    let number = line.as_fd().as_raw_fd();
    let launch = Launch {
        files: vec![PathBuf::from("/proc/self/exe")],
        arguments: vec![OsString::from(inside::NAME), OsString::from(number.to_string())],
        environment: Vec::new(),
        directory: Some(PathBuf::from("/")),
        standard: [Some(nowhere.as_fd()); 3],
        keep: vec![number],
        // Keys of a terminal are for the test: the relay ends after it.
        group: Group::Own,
        death_signal: signals::KILL,
        mask: SignalMask::current(),
        fence: None,
    };
    let pid = launch.start().map_err(|error| error.source)?;
    Ok(Process { pid, handle: ProcessHandle::open(pid)? })
}

/// The addresses that a host to listen at means: Locust writes `*` for all of them.
fn doors(hosts: &[Target]) -> Vec<SocketAddr> {
    let addresses = |target: &Target| -> Vec<SocketAddr> {
        match target.host.as_str() {
            "" | "*" => vec![SocketAddr::from(([0; 4], target.port))],
            host => wall::literal(host)
                .or_else(|| wall::written(host).into_iter().next())
                .map(|address| SocketAddr::new(address, target.port))
                .into_iter()
                .collect(),
        }
    };
    hosts.iter().flat_map(addresses).collect()
}

/// Where the test listens inside when it listens there outside.
fn inner(door: SocketAddr) -> SocketAddr {
    let loopback: IpAddr = if door.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() };
    SocketAddr::new(if door.ip().is_unspecified() { loopback } else { door.ip() }, door.port())
}
