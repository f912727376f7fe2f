//! Requests on their way out: values in the place of placeholders, and counting what has left.

use tegmen_wire::{
    fill::{self, Filled, FilledHead, Layer, Request},
    origin::{Origin, Scheme},
    table::{Book, Values},
};

use crate::{Client, ClientError, client::TRIES};

/// The field with cookies (RFC 6265, 4.2), as it stands in a head.
const COOKIE: &[u8] = b"cookie:";

/// What a request is filled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To be sent: it is counted.
    Send,
    /// To see whether it may be sent.
    Look,
}

impl Client {
    /// Fills a request. `None` when it carries no placeholder.
    ///
    /// # Errors
    /// When a secret may not be sent so.
    pub fn fill(&mut self, request: &Request<'_>, purpose: Purpose) -> Result<Option<Filled>, ClientError> {
        let filled = self.filled(|layers, targets| fill::fill(layers, targets, request))?;
        if let (Some(filled), Purpose::Send) = (&filled, purpose) {
            self.tally.sent(request.origin, &filled.secrets, 1);
            for (_, cookies) in request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(b"cookie")) {
                self.learn_sessions(cookies)?;
            }
        }
        Ok(filled)
    }

    /// Fills the head of a request, which goes to that destination, as the client has it. `None` when it carries no
    /// placeholder.
    ///
    /// # Errors
    /// When a secret may not be sent so.
    pub fn fill_head(
        &mut self,
        scheme: Scheme,
        host: &str,
        port: u16,
        head: &[u8],
        purpose: Purpose,
    ) -> Result<Option<FilledHead>, ClientError> {
        self.keep_up()?;
        let (shared, local) = (self.shared.values(&self.reader), self.local.values());
        let layers = [layer(self.shared.book(), &shared), layer(self.local.book(), &local)];
        let remembered = match purpose {
            Purpose::Send => {
                self.lines.fill(self.shared.generation(), &layers, &self.targets, (scheme, host, port), head)
            }
            Purpose::Look => None,
        };
        let filled = match remembered {
            Some(_) => remembered,
            None => {
                let origin = Origin::new(scheme, host, Some(port));
                let filled = self.filled(|layers, targets| fill::fill_head(layers, targets, &origin, head))?;
                if let (Some(filled), Purpose::Send) = (&filled, purpose) {
                    self.tally.sent(&origin, &filled.secrets, 1);
                }
                filled
            }
        };
        if filled.is_some() && purpose == Purpose::Send {
            // It is a line of its own, which begins with one of these two letters.
            for at in memchr::memchr2_iter(b'c', b'C', head) {
                if let Some((name, rest)) = head[at..].split_at_checked(COOKIE.len())
                    && name.eq_ignore_ascii_case(COOKIE)
                    && head[..at].ends_with(b"\n")
                {
                    self.learn_sessions(&rest[..memchr::memchr(b'\r', rest).unwrap_or(rest.len())])?;
                }
            }
        }
        Ok(filled)
    }

    /// Fills with the values as they are now; again when they change meanwhile.
    fn filled<T>(
        &mut self,
        fill: impl Fn(&[Layer<'_>], &[Origin]) -> Result<T, fill::Error>,
    ) -> Result<T, ClientError> {
        for _ in 0..TRIES {
            self.keep_up()?;
            let (shared, local) = (self.shared.values(&self.reader), self.local.values());
            let layers = [layer(self.shared.book(), &shared), layer(self.local.book(), &local)];
            match fill(&layers, &self.targets) {
                Ok(filled) => return Ok(filled),
                Err(fill::Error::Refused(refusal)) => {
                    self.tally.refusal(&refusal);
                    return Err(ClientError::Refused(refusal));
                }
                Err(fill::Error::Stale) => {}
            }
        }
        Err(ClientError::Malformed)
    }

    /// A request that was filled has not left: nothing could be connected to.
    pub fn unsent(&mut self, origin: &Origin, names: &[String]) {
        self.tally.sent(origin, names, -1);
    }

    /// A request with a secret was refused elsewhere than in here.
    pub fn refused(&mut self, name: &str, to: &str, why: &str) {
        self.tally.refused(name, to, why);
    }
}

fn layer<'a>(book: &'a Book, values: &'a dyn Values) -> Layer<'a> {
    Layer { book, values }
}
