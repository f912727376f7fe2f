//! [`Client`]: one request after another to one server, tried again where that helps.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use tegmen_secret::SecretBytes;
use ureq::Agent;
use ureq::http::{HeaderValue, Method, Request};
use url::Url;
use zeroize::{Zeroize, Zeroizing};

use crate::answer::{Answer, sent};
use crate::error::{Error, ErrorKind};
use crate::health::{sealed, standby};
use crate::pace::Pace;
use crate::retry::{Outcome, Repeat, pause};
use crate::settings::Config;
use crate::{redirect, tls};

/// The longest answer that is read, in bytes.
const LONGEST: u64 = 8 << 20;
/// The longest that a server's `Retry-After` is followed.
const PATIENCE: Duration = Duration::from_secs(15);

/// A connection to a server. Has no token of its own.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
    base: Url,
    config: Config,
    pace: Option<Arc<Pace>>,
}

/// A request that has not been sent.
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    /// Without `v1/`, not percent-encoded.
    pub(crate) path: &'a str,
    pub(crate) query: Option<(&'a str, String)>,
    pub(crate) token: Option<&'a SecretBytes>,
    pub(crate) body: Option<Zeroizing<Vec<u8>>>,
    pub(crate) repeat: Repeat,
    /// The time that it may take; `None`: that of the settings.
    pub(crate) limit: Option<Duration>,
    pub(crate) within: Within,
    /// For how long the answer is to be wrapped; `None`: not at all.
    pub(crate) wrap: Option<Duration>,
}

/// Which namespace a request is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Within {
    /// That of the secrets.
    Secrets,
    /// That of the login.
    Login,
    /// None: it is about the server as a whole.
    Server,
}

impl<'a> Call<'a> {
    pub(crate) fn get(path: &'a str, token: Option<&'a SecretBytes>) -> Self {
        let (method, repeat) = (Method::GET, Repeat::Harmless);
        Self { method, path, query: None, token, body: None, repeat, limit: None, within: Within::Secrets, wrap: None }
    }

    pub(crate) fn post(path: &'a str, token: Option<&'a SecretBytes>, body: Zeroizing<Vec<u8>>) -> Self {
        Self { method: Method::POST, repeat: Repeat::Once, body: Some(body), ..Self::get(path, token) }
    }

    /// A login, or what leads to one.
    pub(crate) fn login(path: &'a str, token: Option<&'a SecretBytes>, body: Zeroizing<Vec<u8>>) -> Self {
        Self { within: Within::Login, ..Self::post(path, token, body) }
    }
}

pub(crate) enum Failure {
    Ureq(ureq::Error),
    /// The answer cannot be taken.
    Final(Error),
}

impl Client {
    /// A client for this server. Connects to nothing yet.
    ///
    /// # Errors
    /// When a certificate or key cannot be read.
    pub fn new(config: Config) -> Result<Self, Error> {
        let (agent, base) = tls::agent(&config)?;
        let pace = config.settings.rate_limit.map(|limit| Arc::new(Pace::new(limit)));
        Ok(Self { agent, base, config, pace })
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The same client, but it gives up after `limit` and tries nothing twice.
    #[must_use]
    pub fn hurried(&self, limit: Duration) -> Self {
        let mut hurried = self.clone();
        hurried.config.timeout = hurried.config.timeout.min(limit);
        hurried.config.max_retries = 0;
        hurried
    }

    fn address(&self) -> String {
        self.config.shown()
    }

    /// Sends a request until it is answered, and sorts out what has nothing to do with what was asked.
    pub(crate) fn call(&self, call: &Call<'_>) -> Result<Answer, Error> {
        let mut attempt = 0;
        loop {
            let (outcome, wait, result) = match self.send(call) {
                Ok((answer, wait)) => (Outcome::Status(answer.status), wait, Ok(answer)),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Ureq(error)) => (outcome(&error), None, Err(self.transport(&error))),
            };
            if let Ok(answer) = &result
                && let Some(state) = self.said_state(answer)
            {
                // Sealed does not heal within a second.
                return Err(state);
            }
            if matches!(&result, Err(error) if matches!(error.kind, ErrorKind::Tls { .. })) {
                return result;
            }
            if attempt < self.config.max_retries && call.repeat.after(outcome) {
                attempt += 1;
                std::thread::sleep(wait.unwrap_or_else(|| pause(attempt)));
                continue;
            }
            return result.and_then(|answer| self.serve(answer, call));
        }
    }

    /// One try, following at most one redirect to the active server.
    pub(crate) fn send(&self, call: &Call<'_>) -> Result<(Answer, Option<Duration>), Failure> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v1").extend(call.path.split('/'));
        }
        if let Some((name, value)) = &call.query {
            url.query_pairs_mut().append_pair(name, value);
        }
        let redirects_allowed = usize::from(self.config.settings.disable_redirects != Some(true));
        for redirects in 0.. {
            if let Some(pace) = &self.pace {
                std::thread::sleep(pace.next());
            }
            let limit = call.limit.map_or(self.config.timeout, |limit| limit.min(self.config.timeout));
            let request = self.agent.configure_request(self.request(call, &url)?).timeout_global(Some(limit));
            let response = self.agent.run(request.build()).map_err(Failure::Ureq)?;
            let status = response.status().as_u16();
            let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
            if matches!(status, 301 | 302 | 307 | 308) {
                let to = header("location").and_then(|location| redirect::target(&url, location));
                match to {
                    Some(to) if redirects < redirects_allowed => {
                        url = to;
                        continue;
                    }
                    _ => {
                        let what = format!("status {status}, a redirect that is not followed with a token");
                        let next = "set the address to that of the active server, with https";
                        return Err(Failure::Final(Error::new(ErrorKind::NotVault { what }, next)));
                    }
                }
            }
            let wait = header("retry-after").and_then(|value| value.parse().ok()).map(Duration::from_secs);
            let body = body(response)?;
            // Only of what fails are texts shown.
            let sent = if status < 400 { Vec::new() } else { sent(call.token, call.body.as_ref()) };
            return Ok((Answer { status, body, sent }, wait.map(|wait| wait.min(PATIENCE))));
        }
        Err(Failure::Ureq(ureq::Error::TooManyRedirects))
    }

    fn request<'b>(&self, call: &'b Call<'_>, url: &Url) -> Result<Request<&'b [u8]>, Failure> {
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(url.as_str())
            // Agents and proxies can be told to refuse requests without it.
            .header("X-Vault-Request", "true");
        for (name, value) in self.config.settings.headers.iter().flat_map(|headers| headers.iter()) {
            request = request.header(name, value);
        }
        let namespace = match call.within {
            Within::Secrets => self.config.namespace.as_ref(),
            Within::Login => self.config.login_namespace.as_ref(),
            Within::Server => None,
        };
        if let Some(namespace) = namespace {
            request = request.header("X-Vault-Namespace", namespace);
        }
        // An empty one is that of an Agent.
        if let Some(token) = call.token.filter(|token| !token.is_empty()) {
            let Ok(mut value) = HeaderValue::from_bytes(token.expose()) else {
                let next = "check what its source holds: a token is one line of printable characters";
                return Err(Failure::Final(Error::new(ErrorKind::BadToken, next)));
            };
            value.set_sensitive(true);
            request = request.header("X-Vault-Token", value);
        }
        if let Some(time) = call.wrap {
            request = request.header("X-Vault-Wrap-TTL", format!("{}s", time.as_secs().max(1)));
        }
        if call.body.is_some() {
            request = request.header("Content-Type", "application/json");
        }
        request
            .body(call.body.as_ref().map_or(&[][..], |body| body.as_slice()))
            .map_err(|error| Failure::Ureq(error.into()))
    }

    fn transport(&self, error: &ureq::Error) -> Error {
        let address = self.address();
        let tls = |cause: String, next: &str| Error::new(ErrorKind::Tls { address: address.clone(), cause }, next);
        if let Some(cause) = tls::cause(error) {
            let (cause, next) = tls::explain(&cause);
            return tls(cause, next);
        }
        match error {
            ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => Error::new(
                ErrorKind::Unreachable { address, cause: "no connection in time".into() },
                "check the address, and whether a firewall is in between",
            ),
            ureq::Error::Timeout(_) => Error::new(
                ErrorKind::Timeout { address, seconds: self.config.timeout.as_secs() },
                "check address and network; VAULT_CLIENT_TIMEOUT sets the limit",
            ),
            ureq::Error::HostNotFound => Error::new(
                ErrorKind::Unreachable { address, cause: "the name is not known".into() },
                "check the host in VAULT_ADDR, or `address` under [vault]",
            ),
            ureq::Error::ConnectProxyFailed(_) | ureq::Error::InvalidProxyUrl => Error::new(
                ErrorKind::Unreachable { address, cause: "the proxy on the way does not connect to it".into() },
                "check VAULT_PROXY_ADDR (or `proxy` under [vault], or HTTPS_PROXY): its address, user name and password",
            ),
            ureq::Error::Protocol(_) | ureq::Error::LargeResponseHeader(..) | ureq::Error::BodyExceedsLimit(_) => {
                Error::new(ErrorKind::NotVault { what: "not HTTP as it should be".into() }, "check the address")
            }
            other => Error::new(
                ErrorKind::Unreachable { address, cause: other.to_string() },
                "check that the server runs and that the address is right",
            ),
        }
    }

    /// What 503 and 500 say about the whole server.
    fn said_state(&self, answer: &Answer) -> Option<Error> {
        if !matches!(answer.status, 500 | 503) {
            return None;
        }
        if answer.says("sealed") {
            // One that was never set up says that it is sealed, too.
            return self.state().or_else(|| Some(sealed()));
        }
        if answer.says("not initialized") || answer.says("not yet initialized") {
            return Some(Error::new(ErrorKind::NotInitialized, "have it initialized (`vault operator init`)"));
        }
        if answer.says("standby") || answer.says("no active") || answer.says("active cluster node not found") {
            return Some(standby());
        }
        None
    }

    /// What a failing status means whatever was asked; other answers pass.
    fn serve(&self, answer: Answer, call: &Call<'_>) -> Result<Answer, Error> {
        let said = answer.errors();
        match answer.status {
            429 => Err(Error::new(ErrorKind::TooMany, "raise the rate limit quota, or VAULT_MAX_RETRIES").said(said)),
            472 | 473 => Err(standby()),
            400 if said.is_empty() && answer.body.starts_with(b"Client sent an HTTP request to an HTTPS") => {
                let cause = "the server speaks TLS, the address says http".to_owned();
                Err(Error::new(ErrorKind::Tls { address: self.address(), cause }, "write https:// in the address"))
            }
            status @ 500.. => {
                // What is between us and the server may have answered, or the server without saying why.
                if said.is_empty()
                    && let Some(state) = self.state()
                {
                    return Err(state);
                }
                let kind = ErrorKind::Server { status, path: call.path.to_owned() };
                Err(Error::new(kind, "look at the server's log").said(said))
            }
            status
                if answer.read::<serde::de::IgnoredAny>().is_none() && !(answer.body.is_empty() && status == 204) =>
            {
                let what = format!("status {status} with a body that is not JSON");
                Err(Error::new(ErrorKind::NotVault { what }, "check the address: something else may answer there"))
            }
            _ => Ok(answer),
        }
    }
}

fn outcome(error: &ureq::Error) -> Outcome {
    match error {
        ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => Outcome::NotSent,
        ureq::Error::Timeout(ureq::Timeout::Resolve | ureq::Timeout::Connect) => Outcome::NotSent,
        ureq::Error::Timeout(_) => Outcome::TooLate,
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => Outcome::TooLate,
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => Outcome::NotSent,
        _ => Outcome::Lost,
    }
}

fn body(mut response: ureq::http::Response<ureq::Body>) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let body = response.body_mut();
    // Room from the start where the length is said, so that the vector leaves no pieces behind while it grows.
    let room = body.content_length().unwrap_or(16 << 10).min(LONGEST) as usize;
    let mut bytes = Zeroizing::new(Vec::with_capacity(room + 1));
    let mut chunk = [0; 8 << 10];
    let mut reader = body.with_config().limit(u64::MAX).reader();
    loop {
        match reader.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
            Err(error) => return Err(Failure::Ureq(ureq::Error::from(error))),
        }
        if bytes.len() as u64 > LONGEST {
            let what = format!("a body of more than {LONGEST} bytes");
            return Err(Failure::Final(Error::new(ErrorKind::NotVault { what }, "check the address")));
        }
    }
    chunk.zeroize();
    Ok(bytes)
}
