//! The hostile target: stands in for every host of the test, whatever name, port, path and method, over HTTP and HTTPS.
//! It keeps nothing of what it gets but where which canary stood.

pub mod answers;
#[cfg(test)]
mod both;
pub mod expected;
pub mod forward;
pub mod http2;
pub mod request;
pub mod websocket;

use std::{
    collections::HashMap,
    io::{Read, Write},
    net::{IpAddr, Shutdown, SocketAddr, SocketAddrV4, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustls::{ServerConnection, StreamOwned};
use serde_json::Value;
use tegmen_findings::proof::Channel;
use tegmen_wire::origin::{Origin, Scheme};

use self::{
    answers::{Answer, Material},
    request::Request,
};
use crate::{
    ledger::Ledger,
    world::{authority::Authority, names::Names, outside::Outside},
};

/// The name of the host to which the target redirects. No secret is bound to it (RFC 2606).
pub const ELSEWHERE: &str = "collector.elsewhere.example";

/// What the names of canaries begin with that the target itself gives out.
pub const ISSUED: &str = "issued:";
/// The session that everybody gets who asks.
pub const ANONYMOUS: &str = "issued:anonymous-session";

/// The port of collectors that speak gRPC (OTLP).
const TELEMETRY: u16 = 4317;

/// How long a server that hangs hangs, and how long it waits for a client that says nothing more.
const HANG: Duration = Duration::from_millis(400);
const PATIENCE: Duration = Duration::from_secs(20);

/// Listens on every port that it is asked to. Clones are the same.
#[derive(Clone)]
pub struct Target(Arc<Inner>);

struct Inner {
    names: Names,
    authority: Arc<Authority>,
    answers: Mutex<Arc<Content>>,
    /// Where it writes down what it gets.
    ledger: Mutex<Option<Ledger>>,
    /// By the port that is dialled: the one on which somebody listens for it.
    open: Mutex<HashMap<u16, u16>>,
    /// Where ports cannot be opened as they are dialled: listeners for whatever is.
    spare: Mutex<Vec<TcpListener>>,
    /// The way to the real target.
    outside: Mutex<Option<Outside>>,
    /// How many requests of a kind have come.
    numbers: Mutex<HashMap<(String, String), usize>>,
}

/// What good answers hold.
#[derive(Default)]
struct Content {
    expected: Value,
    session: String,
    anonymous: String,
    patience: usize,
}

/// What good answers hold, and how many there are.
pub struct Goodwill {
    /// What scripts expect to read.
    pub expected: Value,
    /// The session that is given out for a login or for anything that shows who asks.
    pub session: String,
    /// The session that everybody gets who asks.
    pub anonymous: String,
    /// So many requests of a kind get a good answer before the target becomes hostile.
    pub patience: usize,
}

impl Target {
    /// A target that listens nowhere yet; its certificates are signed by `authority`.
    pub fn new(names: Names, authority: Arc<Authority>) -> Self {
        let (ledger, open, numbers, answers) = Default::default();
        let (spare, outside) = Default::default();
        Self(Arc::new(Inner { names, authority, answers, ledger, open, spare, outside, numbers }))
    }

    /// A target for a world in which ports cannot be opened as they are dialled: clients are led to these listeners.
    pub fn behind(self, listeners: Vec<TcpListener>) -> Self {
        *self.0.spare.lock().unwrap_or_else(PoisonError::into_inner) = listeners;
        self
    }

    /// From now on what is for a real origin is handed on to it.
    pub fn hand_on(&self, outside: Outside) {
        *self.0.outside.lock().unwrap_or_else(PoisonError::into_inner) = Some(outside);
    }

    /// The names of its world.
    pub fn names(&self) -> &Names {
        &self.0.names
    }

    /// From now on it answers like that.
    pub fn answer_with(&self, goodwill: Goodwill) {
        let Goodwill { expected, session, anonymous, patience } = goodwill;
        let content = Arc::new(Content { expected, session, anonymous, patience });
        *self.0.answers.lock().unwrap_or_else(PoisonError::into_inner) = content;
    }

    /// From now on what it gets is written down there, and everybody is new to it.
    pub fn report_to(&self, ledger: &Ledger) {
        *self.0.ledger.lock().unwrap_or_else(PoisonError::into_inner) = Some(ledger.clone());
        self.0.numbers.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Where it writes down what it gets.
    pub fn ledger(&self) -> Option<Ledger> {
        self.0.ledger.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Listens on that port of every address. False when somebody else does: a server of the test itself.
    pub fn open(&self, port: u16) -> bool {
        let mut open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.contains_key(&port) {
            return true;
        }
        let listener = TcpListener::bind(("::", port)).or_else(|_| TcpListener::bind(("0.0.0.0", port)));
        let target = self.clone();
        let accepting = listener.and_then(|listener| {
            std::thread::Builder::new().name(format!("target:{port}")).spawn(move || target.accept(&listener, port))
        });
        // What the test serves itself may begin later, or end: only what is ours is kept in mind.
        if accepting.is_ok() {
            open.insert(port, port);
        }
        accepting.is_ok()
    }

    /// Where a client is to dial that means that host, a name or an address, and that port. `None` when there is no listener left.
    pub fn lead(&self, host: &str, port: u16) -> Option<SocketAddrV4> {
        let address = self.0.names.stand_in(host);
        let mut open = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(actual) = open.get(&port) {
            return Some(SocketAddrV4::new(address, *actual));
        }
        let listener = self.0.spare.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        let actual = listener.local_addr().ok()?.port();
        let target = self.clone();
        let accept = move || target.accept(&listener, port);
        std::thread::Builder::new().name(format!("target:{port}")).spawn(accept).ok()?;
        open.insert(port, actual);
        Some(SocketAddrV4::new(address, actual))
    }

    /// `port`: the one that is dialled, whichever the listener has.
    fn accept(&self, listener: &TcpListener, port: u16) {
        for stream in listener.incoming() {
            let Ok(stream) = stream else {
                // No descriptors left, for now.
                std::thread::sleep(Duration::from_millis(20));
                continue;
            };
            let target = self.clone();
            let serve = move || {
                // A client that breaks off is nothing that could be answered.
                let _ = target.serve(stream, port);
            };
            // A connection for which there is no thread is dropped, and the client sees that.
            let _ = std::thread::Builder::new().name("connection".to_owned()).stack_size(512 * 1024).spawn(serve);
        }
    }

    fn serve(&self, stream: TcpStream, port: u16) -> std::io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        let dialled = SocketAddr::new(stream.local_addr()?.ip(), port);
        let mut first = [0];
        if stream.peek(&mut first)? == 0 {
            return Ok(());
        }
        const HANDSHAKE: u8 = 0x16;
        if first[0] != HANDSHAKE {
            let mut stream = stream;
            let breaker = stream.try_clone()?;
            return self.converse(&mut stream, &breaker, Scheme::Http, dialled, None);
        }
        let config = self.0.authority.tls(dialled.ip().to_canonical()).map_err(std::io::Error::other)?;
        let mut connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
        let breaker = stream.try_clone()?;
        let mut stream = stream;
        connection.complete_io(&mut stream)?;
        let name = connection.server_name().map(str::to_owned);
        let mut stream = StreamOwned::new(connection, stream);
        self.converse(&mut stream, &breaker, Scheme::Https, dialled, name)
    }

    fn converse(
        &self,
        stream: &mut (impl Read + Write),
        breaker: &TcpStream,
        scheme: Scheme,
        dialled: SocketAddr,
        server_name: Option<String>,
    ) -> std::io::Result<()> {
        let mut pending = Vec::new();
        loop {
            let request = match Request::read(stream, &mut pending) {
                Ok(Some(request)) => request,
                Ok(None) => return Ok(()),
                Err(begun) if begun.starts_with(b"PRI * HTTP/2.0") => {
                    let collects = dialled.port() == TELEMETRY;
                    let (channel, what) =
                        if collects { (Channel::Telemetry, "OTLP over gRPC") } else { (Channel::OtherHosts, "gRPC") };
                    let source = format!("{what}, to port {}", dialled.port());
                    return http2::converse(stream, begun, |bytes| {
                        if let Some(ledger) = self.ledger() {
                            ledger.look(channel, &source, bytes);
                        }
                    });
                }
                Err(garbage) => {
                    let host = dialled.ip().to_canonical();
                    let host = self.0.names.name(host).unwrap_or_else(|| host.to_string());
                    let source = format!("{host}:{} (no HTTP)", dialled.port());
                    if let Some(ledger) = self.ledger() {
                        ledger.look(Channel::OtherHosts, &source, &garbage);
                    }
                    return Ok(());
                }
            };
            if request.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
                stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            }
            let host = self.host(&request, dialled.ip(), server_name.as_deref());
            let origin = Origin::new(scheme, &host, Some(dialled.port()));
            let answer = if is_telemetry(request.path()) {
                if let Some(ledger) = self.ledger() {
                    ledger.look(Channel::Telemetry, &origin.as_hosts_entry(), &request.raw);
                    ledger.look(Channel::Telemetry, &origin.as_hosts_entry(), &request.body);
                }
                answers::elsewhere(&request)
            } else {
                let shows = self.write_down(&request, &origin);
                let outside = self.0.outside.lock().unwrap_or_else(PoisonError::into_inner).clone();
                if let Some(outside) = outside.filter(|outside| outside.is_real(&origin)) {
                    if request.is_cut
                        && let Some(ledger) = self.ledger()
                    {
                        let why = "a request longer than 8 MiB is not handed on".to_owned();
                        ledger.state().unreached.insert(origin.to_string(), why);
                    } else if let Err(error) = forward::forward(&request, &origin, &outside, stream)
                        && let Some(ledger) = self.ledger()
                    {
                        ledger.state().unreached.insert(origin.to_string(), error.to_string());
                    }
                    return breaker.shutdown(Shutdown::Both);
                }
                if let Some(accepted) = websocket::accepted(&request) {
                    stream.write_all(&accepted)?;
                    stream.flush()?;
                    let entry = origin.as_hosts_entry();
                    return websocket::converse(stream, std::mem::take(&mut pending), |message| {
                        self.note_arrivals(&entry, self.found(&[("body".to_owned(), message)]));
                    });
                }
                if host == ELSEWHERE { answers::elsewhere(&request) } else { self.answer(&request, shows) }
            };
            match answer {
                Answer::Bytes(bytes) => {
                    stream.write_all(&bytes)?;
                    stream.flush()?;
                }
                Answer::Cut(bytes) => {
                    stream.write_all(&bytes)?;
                    stream.flush()?;
                    return breaker.shutdown(Shutdown::Both);
                }
                Answer::Hang => {
                    std::thread::sleep(HANG);
                    return breaker.shutdown(Shutdown::Both);
                }
            }
            if request.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
                return Ok(());
            }
        }
    }

    /// Which host the client meant: by the address that it dialled if that is a name's, else by what it says.
    fn host(&self, request: &Request, dialled: IpAddr, server_name: Option<&str>) -> String {
        if let Some(name) = self.0.names.name(dialled) {
            return name;
        }
        let said = server_name.map(str::to_owned).or_else(|| {
            let header = request.header("host")?;
            url::Url::parse(&format!("http://{header}")).ok()?.host_str().map(str::to_owned)
        });
        said.unwrap_or_else(|| dialled.to_canonical().to_string())
    }

    /// `shows`: whether the request shows who sends it.
    fn answer(&self, request: &Request, shows: bool) -> Answer {
        let kind = (request.method.clone(), request.path().to_owned());
        let number = {
            let mut numbers = self.0.numbers.lock().unwrap_or_else(PoisonError::into_inner);
            // A script with a path for each request would fill the memory.
            if numbers.len() > 10_000 {
                numbers.clear();
            }
            let number = numbers.entry(kind).or_default();
            *number += 1;
            *number - 1
        };
        let content = Arc::clone(&self.0.answers.lock().unwrap_or_else(PoisonError::into_inner));
        // Both are canaries. What everybody gets is nobody's until a secret goes along with it.
        let is_given_out = shows || !matches!(request.method.as_str(), "GET" | "HEAD" | "OPTIONS");
        let session = if is_given_out { &content.session } else { &content.anonymous };
        let material =
            Material { expected: &content.expected, session, patience: content.patience, elsewhere: ELSEWHERE };
        let (way, answer) = answers::answer(request, number, &material);
        if let (Some(way), Some(ledger)) = (way, self.ledger()) {
            *ledger.state().ways.entry(way).or_default() += 1;
        }
        answer
    }

    /// Gives back whether it shows who sends it: there is a canary in it, and not only the session that everybody gets.
    fn write_down(&self, request: &Request, origin: &Origin) -> bool {
        let Some(ledger) = self.ledger() else { return false };
        let searcher = ledger.searcher();
        let parts = request.parts();
        let parts: Vec<(String, &[u8])> = parts.iter().map(|part| (part.place.clone(), &part.text[..])).collect();
        let mut found = self.found(&parts);
        // In a form or a place that the parts do not show.
        for hit in searcher.search(&request.raw).into_iter().chain(searcher.search(&request.body)) {
            if !found.iter().any(|(secret, _)| *secret == hit.secret) {
                found.push((hit.secret, "elsewhere".to_owned()));
            }
        }
        let names: Vec<&str> = found.iter().map(|(secret, _)| ledger.searcher().names()[*secret].as_str()).collect();
        let shows = names.iter().any(|name| *name != ANONYMOUS);
        let has_own = names.iter().any(|name| !name.starts_with(ISSUED));
        {
            let mut state = ledger.state();
            if request.is_cut {
                let what = format!("a request to {}{}", origin.as_hosts_entry(), request.path());
                state.unsearched.insert(what, "it is longer than 8 MiB".to_owned());
            }
            state.requests += 1;
            state.is_taken |= has_own && names.contains(&ANONYMOUS);
        }
        self.note_arrivals(&origin.as_hosts_entry(), found);
        shows
    }

    /// Which canaries stand in these texts, and in which place.
    fn found(&self, parts: &[(String, &[u8])]) -> Vec<(usize, String)> {
        let Some(ledger) = self.ledger() else { return Vec::new() };
        let mut found = Vec::new();
        for (place, text) in parts {
            let mut secrets: Vec<usize> = ledger.searcher().search(text).into_iter().map(|hit| hit.secret).collect();
            secrets.sort_unstable();
            secrets.dedup();
            found.extend(secrets.into_iter().map(|secret| (secret, place.clone())));
        }
        found
    }

    fn note_arrivals(&self, host: &str, found: Vec<(usize, String)>) {
        let Some(ledger) = self.ledger() else { return };
        let mut state = ledger.state();
        for (secret, place) in found {
            *state.arrivals.entry((secret, host.to_owned(), place)).or_default() += 1;
        }
    }
}

/// Whether a collector of traces, metrics or logs is meant: OTLP over HTTP, and what Zipkin and Jaeger take.
fn is_telemetry(path: &str) -> bool {
    ["/v1/traces", "/v1/metrics", "/v1/logs", "/api/v2/spans", "/api/traces"].iter().any(|end| path.ends_with(end))
}
