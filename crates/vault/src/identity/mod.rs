//! Tokens that the place where we run gives out to say who we are: continuous integration, clouds.
//!
//! Only what a plain request on the spot gives. What needs a login of its own, or a signature made elsewhere, comes in as a
//! token from a source.

mod azure;
mod gcp;
mod github;

use std::io::Read;
use std::time::Duration;

use tegmen_secret::SecretBytes;
use ureq::Agent;
use ureq::http::HeaderValue;
use url::Url;
use zeroize::Zeroizing;

pub use azure::{AzureService, azure};
pub use gcp::gcp;
pub use github::github;

use crate::error::{Error, ErrorKind};
use crate::retry::pause;

/// How long one request may take.
const LIMIT: Duration = Duration::from_secs(10);
/// How often it is tried.
const TRIES: u32 = 3;
/// The longest answer that is read, in bytes. A token has a few thousand.
const LONGEST: u64 = 64 << 10;

/// Whether a request leaves the machine or its hypervisor.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// A metadata service: never through a proxy.
    Here,
    /// Over a network: the proxies of the environment count, and it takes TLS.
    Away,
}

fn problem(from: &'static str, cause: impl Into<String>, next: &str) -> Error {
    Error::new(ErrorKind::NoIdentity { from, cause: cause.into() }, next)
}

/// Asks, and again where that may help. What is answered with a status other than 200 is not shown.
fn ask(
    from: &'static str,
    url: &Url,
    headers: &[(&str, &SecretBytes)],
    reach: Reach,
    next: &str,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let is_safe = match reach {
        Reach::Here => matches!(url.scheme(), "http" | "https"),
        Reach::Away => url.scheme() == "https" || is_loopback(url),
    };
    if !is_safe || !url.username().is_empty() || url.password().is_some() {
        return Err(problem(from, "its address is not one that a token can be asked from", next));
    }
    let mut builder = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(LIMIT))
        .user_agent(concat!("tegmen/", env!("CARGO_PKG_VERSION")));
    if reach == Reach::Here || is_loopback(url) {
        builder = builder.proxy(None);
    }
    let agent = builder.build().new_agent();
    for attempt in 1.. {
        let mut request = agent.get(url.as_str());
        for (name, value) in headers {
            let Ok(mut value) = HeaderValue::from_bytes(value.expose()) else {
                return Err(problem(from, "what it is to be asked with is not one line of text", next));
            };
            value.set_sensitive(true);
            request = request.header(*name, value);
        }
        let cause = match request.call() {
            Ok(response) if response.status() == 200 => return body(from, response, next),
            Ok(response) => {
                let status = response.status().as_u16();
                if !matches!(status, 429 | 500..) {
                    return Err(problem(from, format!("it answers with status {status}"), next));
                }
                format!("it answers with status {status}")
            }
            Err(ureq::Error::Timeout(_)) => {
                return Err(problem(from, format!("no answer within {} s", LIMIT.as_secs()), next));
            }
            Err(error) => format!("it cannot be reached: {error}"),
        };
        if attempt == TRIES {
            return Err(problem(from, cause, next));
        }
        std::thread::sleep(pause(attempt));
    }
    Err(problem(from, "it was not asked", next))
}

fn body(
    from: &'static str,
    mut response: ureq::http::Response<ureq::Body>,
    next: &str,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST as usize + 1));
    let mut reader = response.body_mut().with_config().limit(u64::MAX).reader().take(LONGEST + 1);
    match reader.read_to_end(&mut bytes) {
        Ok(_) if bytes.len() as u64 <= LONGEST => Ok(bytes),
        Ok(_) => Err(problem(from, "its answer is far too long for a token", next)),
        Err(error) => Err(problem(from, format!("its answer broke off: {error}"), next)),
    }
}

/// What is taken for a token: one line without blanks.
fn token(from: &'static str, text: SecretBytes, next: &str) -> Result<SecretBytes, Error> {
    let is_token = !text.is_empty() && text.expose().iter().all(u8::is_ascii_graphic);
    if is_token { Ok(text) } else { Err(problem(from, "its answer holds no token", next)) }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
