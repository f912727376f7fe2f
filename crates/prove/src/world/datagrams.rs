//! Datagrams that leave a test without being asked for: system logs, statistics, questions for names, and whatever else is sent
//! to whomever. What comes is searched.

use std::{
    io,
    net::UdpSocket,
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
};

use tegmen_findings::proof::Channel;
use tegmen_sys::{
    isolation,
    network::{Datagram, Datagrams},
};

use crate::target::Target;

/// The longest datagram.
const LONGEST: usize = 64 * 1024;
/// Ports to which datagrams are sent without a connection, and what goes there: syslog (RFC 5426), statsd, Graylog.
const PORTS: [(u16, Channel); 3] =
    [(514, Channel::SystemLog), (8125, Channel::OtherHosts), (12201, Channel::OtherHosts)];
/// The port of servers of names.
const NAMES: u16 = 53;
/// The sockets of this machine's logs.
const SOCKETS: [&str; 2] = ["/dev/log", "/run/systemd/journal/socket"];

/// Sockets for the logs of those processes that are told of them; for worlds in which nothing can be covered.
pub fn beside(folder: &Path) -> Vec<(PathBuf, UnixDatagram)> {
    let socket =
        |(number, path): (usize, &&str)| Some((PathBuf::from(path), UnixDatagram::bind(own(folder, number)).ok()?));
    SOCKETS.iter().enumerate().filter_map(socket).collect()
}

/// Where the socket lies that stands for one of the machine's.
pub fn stand_ins(folder: &Path) -> Vec<(&'static str, PathBuf)> {
    SOCKETS.iter().enumerate().map(|(number, path)| (*path, own(folder, number))).collect()
}

/// Whether what comes to that socket of the machine is searched: it is one of its logs, or stands in for one.
pub(super) fn is_watched(path: &str) -> bool {
    let is_own = |number: usize| Path::new(path).ends_with(own(Path::new(""), number));
    SOCKETS.contains(&path) || (0..SOCKETS.len()).any(is_own)
}

fn own(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("log-{number}"))
}

/// Stands in the place of the sockets of the system's logs, as far as the machine has them; to be called while the file
/// system can still be changed. Gives back those sockets.
pub fn cover(folder: &Path) -> Vec<(PathBuf, UnixDatagram)> {
    let mut covered = Vec::new();
    for (number, path) in SOCKETS.iter().enumerate() {
        let Ok(path) = Path::new(path).canonicalize() else { continue };
        let own = own(folder, number);
        // A socket that cannot be covered is one that the test cannot reach either, or it is not exercised.
        if let Ok(socket) = UnixDatagram::bind(&own)
            && isolation::cover(&path, &own).is_ok()
        {
            covered.push((path, socket));
        }
    }
    covered
}

/// Searches what comes, as long as the process lives.
pub fn listen(target: &Target, sockets: Vec<(PathBuf, UnixDatagram)>) {
    for (path, socket) in sockets {
        let (target, source) = (target.clone(), path.display().to_string());
        search(target, Channel::SystemLog, source, move |bytes| socket.recv(bytes));
    }
    for (port, channel) in PORTS {
        let socket = UdpSocket::bind(("::", port)).or_else(|_| UdpSocket::bind(("0.0.0.0", port)));
        // Somebody else's, in a run against the real target.
        let Ok(socket) = socket else { continue };
        search(target.clone(), channel, format!("datagrams to port {port}"), move |bytes| socket.recv(bytes));
    }
    // A network that is everybody's is not ours to listen to, and the fence lets no datagram out then.
    for datagrams in [Datagrams::v4(), Datagrams::v6()].into_iter().flatten() {
        let target = target.clone();
        in_background(move || overhear(&target, &datagrams));
    }
}

/// Searches the datagrams that nobody else takes.
fn overhear(target: &Target, datagrams: &Datagrams) {
    let mut bytes = vec![0; LONGEST];
    loop {
        let datagram = match datagrams.receive(&mut bytes) {
            Ok(datagram) => datagram,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => continue,
            Err(_) => return,
        };
        // An answer repeats the question, and the ports above have somebody of their own.
        if datagram.source == NAMES || PORTS.iter().any(|(port, _)| *port == datagram.port) {
            continue;
        }
        if let Some(ledger) = target.ledger() {
            let source = source(target, &datagram);
            // Others are watched whenever the target is, so that a datagram without a canary is no news.
            if !ledger.searcher().search(datagram.bytes).is_empty() {
                ledger.look(Channel::OtherHosts, &source, datagram.bytes);
            }
        }
    }
}

/// Where a datagram goes, in words.
fn source(target: &Target, datagram: &Datagram<'_>) -> String {
    if datagram.port == NAMES {
        return "a question for a name".to_owned();
    }
    let host = datagram.to.map(|to| target.names().name(to).unwrap_or_else(|| to.to_string()));
    let host = host.map(|host| format!("{host}:")).unwrap_or_else(|| "port ".to_owned());
    format!("{host}{} (a datagram)", datagram.port)
}

fn search(
    target: Target,
    channel: Channel,
    source: String,
    receive: impl Fn(&mut [u8]) -> io::Result<usize> + Send + 'static,
) {
    in_background(move || {
        let mut bytes = vec![0; LONGEST];
        while let Ok(count) = receive(&mut bytes) {
            if let Some(ledger) = target.ledger() {
                ledger.look(channel, &source, &bytes[..count]);
            }
        }
    });
}

fn in_background(work: impl FnOnce() + Send + 'static) {
    // Without a thread the channel is not exercised, and the table says so.
    let _ = std::thread::Builder::new().name("datagrams".to_owned()).stack_size(256 * 1024).spawn(work);
}
