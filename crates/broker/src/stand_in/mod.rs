//! A stand-in for Vault on loopback, for scripts that use Vault themselves: it answers logins with a stand-in token, and
//! reads with placeholders. The value of a placeholder is in the shared memory before the answer is out.
//!
//! Upstream there is one login and one read of each path, however many ask. Nothing is written. A process of another user
//! gets nothing, and one of our own gets nothing but placeholders, which are of no use outside of the run.

mod answers;
mod http;

use std::{
    collections::HashMap,
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::{Duration, Instant},
};

use tegmen_sys::peer;
use tegmen_wire::placeholder::Tag;

use self::http::{Answer, Request};
use crate::{channel::Server, upstream::Upstream};

/// So many requests are answered at a time.
const WORKERS: usize = 8;
/// How long a refusal is repeated without asking again: a thousand users that start ask a thousand times.
const REFUSAL: Duration = Duration::from_secs(3);

/// The endpoint.
pub struct StandIn {
    /// Its address: `http://127.0.0.1:PORT`.
    pub address: String,
    /// What stands in for tokens, RoleIDs, SecretIDs and the like.
    pub credential: String,
}

/// A path, and the version that was asked for by its number.
type Asked = (String, Option<u64>);
/// An answer, and until when it holds.
type Known = (Arc<Answer>, Option<Instant>);

struct Shared {
    credential: String,
    namespace: Option<String>,
    server: Server,
    upstream: Upstream,
    /// What paths were answered with, and until when that holds.
    known: Mutex<HashMap<Asked, Known>>,
}

impl StandIn {
    /// Listens on a free port of loopback.
    ///
    /// # Errors
    /// When the operating system has no port, no thread or no randomness to give.
    pub fn start(server: Server, upstream: Upstream, namespace: Option<String>) -> std::io::Result<Self> {
        let credential = format!("tegmen-stand-in-{}", Tag::random().map_err(std::io::Error::other)?.as_str());
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = format!("http://{}", listener.local_addr()?);
        let known = Mutex::default();
        let shared = Arc::new(Shared { credential: credential.clone(), namespace, server, upstream, known });
        let (sender, receiver) = mpsc::channel::<TcpStream>();
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..WORKERS {
            let (shared, receiver) = (Arc::clone(&shared), Arc::clone(&receiver));
            std::thread::Builder::new().name("stand-in".to_owned()).spawn(move || {
                loop {
                    let next = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok(stream) = next else { return };
                    shared.serve(stream);
                }
            })?;
        }
        std::thread::Builder::new().name("stand-in-listener".to_owned()).spawn(move || {
            for stream in listener.incoming().flatten() {
                if sender.send(stream).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { address, credential })
    }
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) {
        let Some(request) = http::read(&mut stream) else { return };
        // Who knows the stand-in is of the run. Of others the kernel is asked, which takes a while.
        let knows = request.token.as_ref().is_some_and(|token| token.as_str() == self.credential)
            || memchr::memmem::find(&request.body, self.credential.as_bytes()).is_some();
        let owner = || peer::tcp_owner(stream.peer_addr().ok()?, stream.local_addr().ok()?);
        // What comes by the relay of a sandbox comes from a process of our own user.
        let may = [self.server.command_uid(), peer::own_uid()];
        if !knows && !owner().is_some_and(|owner| may.contains(&owner)) {
            return;
        }
        http::write(&mut stream, &self.answer(&request));
    }

    fn answer(&self, request: &Request) -> Arc<Answer> {
        if let Some(namespace) = request.namespace.as_ref().filter(|name| !name.is_empty())
            && Some(namespace) != self.namespace.as_ref()
        {
            let message = "this run's Vault has one namespace; set it with `namespace` under [vault]";
            return Arc::new(answers::refusal(403, message));
        }
        if let Some(answer) = answers::without_token(request, &self.credential) {
            return Arc::new(answer);
        }
        if request.token.as_ref().map(|token| token.as_str()) != Some(self.credential.as_str()) {
            let message =
                "permission denied: this is not the token that VAULT_TOKEN holds, or that a login here gives out";
            return Arc::new(answers::refusal(403, message));
        }
        if let Some(answer) = answers::about_token(request, &self.credential) {
            return Arc::new(answer);
        }
        let version = request.query.iter().find(|(name, _)| name == "version").map(|(_, value)| value.parse::<u64>());
        match (request.method.as_str(), &version) {
            ("GET", None | Some(Ok(_))) if !answers::lists(request) && answers::may_be_secret(&request.path) => {
                let version = version.and_then(Result::ok).filter(|version| *version > 0);
                self.read(&request.path, version)
            }
            _ => Arc::new(answers::not_passed_on(&request.method, &request.path)),
        }
    }

    /// Whoever comes while another one asks waits for that one's answer.
    fn read(&self, path: &str, version: Option<u64>) -> Arc<Answer> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (path.to_owned(), version);
        if let Some((answer, until)) = known.get(&key)
            && until.is_none_or(|until| until > Instant::now())
        {
            return Arc::clone(answer);
        }
        let read = self.upstream.read(path, version);
        let answer = Arc::new(match read {
            Ok(Some(found)) => answers::found(&self.server, found),
            Ok(None) => answers::not_passed_on("GET", path),
            Err(refused) => answers::refusal(refused.status, &refused.message),
        });
        let until = (answer.status >= 400).then(|| Instant::now() + REFUSAL);
        known.insert(key, (Arc::clone(&answer), until));
        answer
    }
}
