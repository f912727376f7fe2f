//! A stand-in for Vault on loopback, for scripts that use Vault themselves: it answers logins with a stand-in token, and
//! reads with placeholders. The value of a placeholder is in the shared memory before the answer is out.
//!
//! Upstream there is one login and one read of each path, however many ask. Nothing is written. A process of another user
//! gets nothing, and one of our own gets nothing but placeholders, which are of no use outside of the run.
//!
//! Nobody waits for anybody else: one thread listens to all who say something ([`reception`]), some answer what can be answered at
//! once, others ask Vault ([`known`]).

mod answers;
mod http;
mod known;
mod reception;
#[cfg(test)]
mod tests;

use std::{
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
};

use tegmen_sys::peer;
use tegmen_wire::placeholder::Tag;

use self::{
    http::{Answer, Request},
    known::{Asked, Known, Met},
    reception::Reception,
};
use crate::{channel::Server, upstream::Upstream};

/// So many requests are answered at a time.
const WORKERS: usize = 8;
/// So many paths of Vault are read at a time.
const READERS: usize = 4;

/// The endpoint.
pub struct StandIn {
    /// Its address: `http://127.0.0.1:PORT`.
    pub address: String,
    /// What stands in for tokens, RoleIDs, SecretIDs and the like.
    pub credential: String,
}

/// What there is to do for somebody who has said what they want.
enum Work {
    Request(TcpStream, Request),
    Answer(TcpStream, Arc<Answer>),
}

struct Shared {
    credential: String,
    namespace: Option<String>,
    server: Server,
    upstream: Upstream,
    known: Known,
    work: Sender<Work>,
    /// Paths that Vault is to be asked for.
    asked: Sender<Asked>,
}

/// What a request comes to.
enum Reply {
    Now(Arc<Answer>),
    Read(Asked),
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
        let ((work, to_do), (asked, to_ask)) = (channel(), channel());
        let (stand_in, known) = (credential.clone(), Known::default());
        let shared = Shared { credential: stand_in, namespace, server, upstream, known, work: work.clone(), asked };
        let shared = Arc::new(shared);
        share_out(WORKERS, "stand-in", to_do, &shared, Shared::work)?;
        share_out(READERS, "stand-in-reader", to_ask, &shared, |shared, asked| shared.ask(&asked))?;
        let reception = Reception::new(listener)?;
        let hand_on = move |stream, request| work.send(Work::Request(stream, request)).is_ok();
        std::thread::Builder::new().name("stand-in-listener".to_owned()).spawn(move || reception.listen(hand_on))?;
        Ok(Self { address, credential })
    }
}

/// Has so many threads do what comes in.
fn share_out<T: Send + 'static>(
    count: usize,
    name: &str,
    source: Receiver<T>,
    shared: &Arc<Shared>,
    work: fn(&Shared, T),
) -> std::io::Result<()> {
    let source = Arc::new(Mutex::new(source));
    for _ in 0..count {
        let (shared, source) = (Arc::clone(shared), Arc::clone(&source));
        std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            loop {
                let next = source.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok(next) = next else { return };
                work(&shared, next);
            }
        })?;
    }
    Ok(())
}

impl Shared {
    fn work(&self, work: Work) {
        match work {
            Work::Request(stream, request) => self.serve(stream, &request),
            Work::Answer(mut stream, answer) => http::write(&mut stream, &answer),
        }
    }

    fn serve(&self, mut stream: TcpStream, request: &Request) {
        // Who knows the stand-in is of the run. Of others the kernel is asked, which takes a while.
        let knows = request.token.as_ref().is_some_and(|token| token.as_str() == self.credential)
            || memchr::memmem::find(&request.body, self.credential.as_bytes()).is_some();
        let owner = || peer::tcp_owner(stream.peer_addr().ok()?, stream.local_addr().ok()?);
        // What comes by the relay of a sandbox comes from a process of our own user.
        let may = [self.server.command_uid(), peer::own_uid()];
        if !knows && !owner().is_some_and(|owner| may.contains(&owner)) {
            return;
        }
        let asked = match self.answer(request) {
            Reply::Now(answer) => return http::write(&mut stream, &answer),
            Reply::Read(asked) => asked,
        };
        match self.known.meet(&asked, stream) {
            Met::Answer(mut stream, answer) => http::write(&mut stream, &answer),
            // The threads are there as long as this is.
            Met::First => drop(self.asked.send(asked)),
            Met::Waits => {}
        }
    }

    fn answer(&self, request: &Request) -> Reply {
        let now = |answer| Reply::Now(Arc::new(answer));
        if let Some(namespace) = request.namespace.as_ref().filter(|name| !name.is_empty())
            && Some(namespace) != self.namespace.as_ref()
        {
            let message = "this run's Vault has one namespace; set it with `namespace` under [vault]";
            return now(answers::refusal(403, message));
        }
        if let Some(answer) = answers::without_token(request, &self.credential) {
            return now(answer);
        }
        if request.token.as_ref().map(|token| token.as_str()) != Some(self.credential.as_str()) {
            let message =
                "permission denied: this is not the token that VAULT_TOKEN holds, or that a login here gives out";
            return now(answers::refusal(403, message));
        }
        if let Some(answer) = answers::about_token(request, &self.credential) {
            return now(answer);
        }
        let version = request.query.iter().find(|(name, _)| name == "version").map(|(_, value)| value.parse::<u64>());
        match (request.method.as_str(), &version) {
            ("GET", None | Some(Ok(_))) if !answers::lists(request) && answers::may_be_secret(&request.path) => {
                let version = version.and_then(Result::ok).filter(|version| *version > 0);
                Reply::Read((request.path.clone(), version))
            }
            _ => now(answers::not_passed_on(&request.method, &request.path)),
        }
    }

    /// Asks Vault, for all who wait for it.
    fn ask(&self, asked: &Asked) {
        let (path, version) = asked;
        let answer = Arc::new(match self.upstream.read(path, *version) {
            Ok(Some(found)) => answers::found(&self.server, found),
            Ok(None) => answers::not_passed_on("GET", path),
            Err(refused) => answers::refusal(refused.status, &refused.message),
        });
        for stream in self.known.learn(asked, &answer) {
            // The threads are there as long as this is.
            let _ = self.work.send(Work::Answer(stream, Arc::clone(&answer)));
        }
    }
}
