//! Datagrams that leave a test without being asked for: system logs and statistics. What comes is searched.

use std::{
    net::UdpSocket,
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
};

use tegmen_findings::proof::Channel;
use tegmen_sys::isolation;

use crate::target::Target;

/// The longest datagram.
const LONGEST: usize = 64 * 1024;
/// Ports to which datagrams are sent without a connection, and what goes there: syslog (RFC 5426), statsd, Graylog.
const PORTS: [(u16, Channel); 3] =
    [(514, Channel::SystemLog), (8125, Channel::OtherHosts), (12201, Channel::OtherHosts)];
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
}

fn search(
    target: Target,
    channel: Channel,
    source: String,
    receive: impl Fn(&mut [u8]) -> std::io::Result<usize> + Send + 'static,
) {
    let work = move || {
        let mut bytes = vec![0; LONGEST];
        while let Ok(count) = receive(&mut bytes) {
            if let Some(ledger) = target.ledger() {
                ledger.look(channel, &source, &bytes[..count]);
            }
        }
    };
    // Without a thread the channel is not exercised, and the table says so.
    let _ = std::thread::Builder::new().name("datagrams".to_owned()).stack_size(256 * 1024).spawn(work);
}
