//! The broker's side of the wall: which hosts may be reached, where they are, and the sockets that lead there.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs},
    os::fd::{AsFd, OwnedFd},
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    time::{Duration, Instant},
};

use tegmen_sys::{channel::Channel, network, signals::SignalMask};
use tegmen_wire::names::ADDRESSES;

use super::messages::{FromInside, Outcome, ToInside, receive, send};
use crate::sandbox::Target;

/// For so long a name is not looked up again.
const FRESH: Duration = Duration::from_secs(2);

/// Decides what goes through.
pub(super) struct Wall {
    line: Arc<Channel>,
    reach: Vec<Target>,
    /// The addresses of the hosts, as far as they are known; those of before stay.
    open: Mutex<BTreeSet<SocketAddr>>,
}

impl Wall {
    pub(super) fn new(line: Arc<Channel>, reach: Vec<Target>) -> Self {
        Self { line, reach, open: Mutex::default() }
    }

    /// Opens what is known without asking anybody, then answers the relay until it is gone.
    pub(super) fn stand(self) -> io::Result<()> {
        let hosts: BTreeSet<String> = self.reach.iter().map(|target| target.host.to_ascii_lowercase()).collect();
        for host in &hosts {
            let known = literal(host).map_or_else(|| written(host), |address| vec![address]);
            self.admit(host, &known)?;
        }
        let wall = Arc::new(self);
        let (ask, asked) = mpsc::channel::<String>();
        let looking = Arc::clone(&wall);
        std::thread::Builder::new().name("names".to_owned()).spawn(move || {
            SignalMask::block_all();
            looking.look_up(&asked);
        })?;
        // What is found elsewhere than in files and DNS (nsswitch.conf(5)) is not asked for inside.
        for host in hosts.into_iter().filter(|host| literal(host).is_none()) {
            let _ = ask.send(host);
        }
        std::thread::Builder::new().name("relay".to_owned()).spawn(move || {
            SignalMask::block_all();
            // When the relay is gone, nothing leads out any more.
            let _ = wall.answer(&ask);
        })?;
        Ok(())
    }

    fn open(&self) -> MutexGuard<'_, BTreeSet<SocketAddr>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a host be reached at these addresses, on its ports.
    fn admit(&self, host: &str, addresses: &[IpAddr]) -> io::Result<()> {
        let ports: BTreeSet<u16> = self
            .reach
            .iter()
            .filter(|target| target.host.eq_ignore_ascii_case(host))
            .map(|target| target.port)
            .collect();
        let new: Vec<SocketAddr> = addresses
            .iter()
            .flat_map(|address| ports.iter().map(|port| SocketAddr::new(*address, *port)))
            .filter(|address| self.open().insert(*address))
            .collect();
        new.chunks(64).try_for_each(|some| send(&self.line, &ToInside::Stand(some.to_vec()), &[]))
    }

    fn answer(&self, ask: &mpsc::Sender<String>) -> io::Result<()> {
        loop {
            match receive(&self.line)?.0 {
                FromInside::Dial { number, to } => {
                    let is_open = self.open().contains(&to);
                    let (socket, outcome) = if is_open { dialled(to) } else { (None, Outcome::None) };
                    let along: Vec<_> = socket.iter().map(AsFd::as_fd).collect();
                    send(&self.line, &ToInside::Dialled { number, outcome }, &along)?;
                }
                FromInside::Ask { name } if self.reach.iter().any(|target| target.host.eq_ignore_ascii_case(&name)) => {
                    let _ = ask.send(name);
                }
                FromInside::Ask { name } => send(&self.line, &ToInside::Known { name, addresses: None }, &[])?,
                FromInside::Ready | FromInside::Failed { .. } => {}
            }
        }
    }

    /// Looks names up as this machine does, one after the other.
    fn look_up(&self, asked: &mpsc::Receiver<String>) {
        let mut known: BTreeMap<String, (Vec<IpAddr>, Instant)> = BTreeMap::new();
        while let Ok(name) = asked.recv() {
            let fresh = known.get(&name).filter(|(_, at)| at.elapsed() < FRESH);
            let addresses = match fresh {
                Some((addresses, _)) => addresses.clone(),
                None => {
                    let found = (name.as_str(), 0).to_socket_addrs();
                    let mut addresses: Vec<IpAddr> = found.into_iter().flatten().map(|found| found.ip()).collect();
                    addresses.dedup();
                    addresses.truncate(2 * ADDRESSES);
                    known.insert(name.clone(), (addresses.clone(), Instant::now()));
                    addresses
                }
            };
            // The gate stands before the address is told.
            let told = self.admit(&name, &addresses);
            let answer = ToInside::Known { name, addresses: Some(addresses) };
            if told.and_then(|()| send(&self.line, &answer, &[])).is_err() {
                return;
            }
        }
    }
}

fn dialled(to: SocketAddr) -> (Option<OwnedFd>, Outcome) {
    use io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable};
    match network::dial(to) {
        Ok(socket) => (Some(socket), Outcome::Begun),
        Err(error) if matches!(error.kind(), ConnectionRefused | HostUnreachable | NetworkUnreachable) => {
            (None, Outcome::Down)
        }
        Err(_) => (None, Outcome::None),
    }
}

/// The address that a host is. One of IPv4 that is written as one of IPv6 is dialled by IPv4 (RFC 4291, 2.5.5.2).
pub(super) fn literal(host: &str) -> Option<IpAddr> {
    host.trim_matches(['[', ']']).parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// The addresses that /etc/hosts has for a name (hosts(5)).
pub(super) fn written(host: &str) -> Vec<IpAddr> {
    let text = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    let mut found = Vec::new();
    for line in text.lines() {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let address = words.next().and_then(|word| word.parse::<IpAddr>().ok());
        if let Some(address) = address
            && words.any(|name| name.eq_ignore_ascii_case(host))
        {
            found.push(address);
        }
    }
    if found.is_empty() && host.eq_ignore_ascii_case("localhost") {
        found = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    }
    found
}

/// The servers that the resolver of this machine asks (resolv.conf(5)).
pub(super) fn resolvers() -> Vec<IpAddr> {
    let text = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let server = |line: &str| line.strip_prefix("nameserver")?.split_whitespace().next()?.parse().ok();
    let found: Vec<IpAddr> = text.lines().filter_map(server).collect();
    if found.is_empty() { vec![Ipv4Addr::LOCALHOST.into()] } else { found }
}
