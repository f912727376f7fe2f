//! The hostile target: stands in for every host of the test, whatever name, port, path and method, over HTTP and HTTPS.
//! It keeps nothing of what it gets but where which canary stood.

pub mod answers;
pub mod expected;
pub mod http2;
pub mod request;

use std::{
    collections::HashMap,
    io::{Read, Write},
    net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream},
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
    world::{authority::Authority, names::Names},
};

/// The name of the host to which the target redirects. No secret is bound to it (RFC 2606).
pub const ELSEWHERE: &str = "collector.elsewhere.example";

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
    open: Mutex<HashMap<u16, bool>>,
    /// How many requests of a kind have come.
    numbers: Mutex<HashMap<(String, String), usize>>,
}

/// What good answers hold.
#[derive(Default)]
struct Content {
    expected: Value,
    session: String,
}

impl Target {
    /// A target that listens nowhere yet; its certificates are signed by `authority`.
    pub fn new(names: Names, authority: Arc<Authority>) -> Self {
        let (ledger, open, numbers, answers) = Default::default();
        Self(Arc::new(Inner { names, authority, answers, ledger, open, numbers }))
    }

    /// From now on it answers with what scripts expect, and gives out that session.
    pub fn answer_with(&self, expected: Value, session: String) {
        let content = Arc::new(Content { expected, session });
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
        if let Some(is_ours) = open.get(&port) {
            return *is_ours;
        }
        let listener = TcpListener::bind(("::", port)).or_else(|_| TcpListener::bind(("0.0.0.0", port)));
        let target = self.clone();
        let accepting = listener.and_then(|listener| {
            std::thread::Builder::new().name(format!("target:{port}")).spawn(move || target.accept(&listener))
        });
        // What the test serves itself may begin later, or end: only what is ours is kept in mind.
        if accepting.is_ok() {
            open.insert(port, true);
        }
        accepting.is_ok()
    }

    fn accept(&self, listener: &TcpListener) {
        for stream in listener.incoming() {
            let Ok(stream) = stream else {
                // No descriptors left, for now.
                std::thread::sleep(Duration::from_millis(20));
                continue;
            };
            let target = self.clone();
            let serve = move || {
                // A client that breaks off is nothing that could be answered.
                let _ = target.serve(stream);
            };
            // A connection for which there is no thread is dropped, and the client sees that.
            let _ = std::thread::Builder::new().name("connection".to_owned()).stack_size(512 * 1024).spawn(serve);
        }
    }

    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        let dialled = stream.local_addr()?;
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
                    let source = format!("no HTTP, to port {}", dialled.port());
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
        // A session that everybody gets who asks is nobody's: only what is given out for something is a secret.
        let is_given_out = shows || !matches!(request.method.as_str(), "GET" | "HEAD" | "OPTIONS");
        let session = if is_given_out { content.session.as_str() } else { "anonymous" };
        let material = Material { expected: &content.expected, session, elsewhere: ELSEWHERE };
        let (way, answer) = answers::answer(request, number, &material);
        if let (Some(way), Some(ledger)) = (way, self.ledger()) {
            *ledger.state().ways.entry(way).or_default() += 1;
        }
        answer
    }

    /// Gives back whether there is a canary in it.
    fn write_down(&self, request: &Request, origin: &Origin) -> bool {
        let Some(ledger) = self.ledger() else { return false };
        let searcher = ledger.searcher();
        let mut found = Vec::new();
        for part in request.parts() {
            let mut secrets: Vec<usize> = searcher.search(&part.text).into_iter().map(|hit| hit.secret).collect();
            secrets.sort_unstable();
            secrets.dedup();
            found.extend(secrets.into_iter().map(|secret| (secret, part.place.clone())));
        }
        // In a form or a place that the parts do not show.
        for hit in searcher.search(&request.raw).into_iter().chain(searcher.search(&request.body)) {
            if !found.iter().any(|(secret, _)| *secret == hit.secret) {
                found.push((hit.secret, "elsewhere".to_owned()));
            }
        }
        let has_canary = !found.is_empty();
        let host = origin.as_hosts_entry();
        let mut state = ledger.state();
        state.requests += 1;
        for (secret, place) in found {
            *state.arrivals.entry((secret, host.clone(), place)).or_default() += 1;
        }
        has_canary
    }
}

/// Whether a collector of traces, metrics or logs is meant: OTLP over HTTP, and what Zipkin and Jaeger take.
fn is_telemetry(path: &str) -> bool {
    ["/v1/traces", "/v1/metrics", "/v1/logs", "/api/v2/spans", "/api/traces"].iter().any(|end| path.ends_with(end))
}
