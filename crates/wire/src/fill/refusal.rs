//! Why a request was refused: which secret, which host, and the line to add to the manifest.

use std::fmt;

use crate::{
    origin::{Origin, Scheme},
    place::Place,
    table::Binding,
};

/// What was wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The secret is not bound to the origin.
    NotBound,
    /// The request goes through a proxy that reads it, and the secret is not bound to the proxy.
    Proxy,
    /// The secret may not stand there.
    WrongPlace(Place),
    /// Only a part of the placeholder is there.
    Cut,
    /// A whole placeholder, which stands for nothing here.
    Unknown,
    /// The placeholder has been changed into a form that cannot be replaced.
    Unusable(&'static str),
    /// The value cannot stand there.
    Impossible(Place, &'static str),
    /// A placeholder in the name of a header field.
    HeaderName,
    /// A placeholder in the host of a URL.
    InHost,
    /// The body is compressed in a way that cannot be looked into.
    Compressed(String),
    /// More layers of encoding than are looked through.
    TooDeep,
}

impl Reason {
    /// In a few words, for counting.
    pub fn short(&self) -> &'static str {
        match self {
            Self::NotBound => "another host",
            Self::Proxy => "a proxy that would read it",
            Self::WrongPlace(_) | Self::HeaderName | Self::InHost => "another place",
            Self::Cut => "only a part of it",
            Self::Unknown => "a placeholder that stands for nothing any more",
            Self::Unusable(_) | Self::Compressed(_) | Self::TooDeep => "a form that cannot be replaced",
            Self::Impossible(..) => "a place that cannot hold it",
        }
    }
}

/// A refused request. Its text names the secret, never the value or the placeholder.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The secret, where it is known.
    pub name: Option<String>,
    /// Where the request was going.
    pub origin: Origin,
    /// What was wrong.
    pub reason: Reason,
    /// What the secret is bound to, as the manifest would have it; `None` for the test's own target.
    hosts: Option<Vec<Origin>>,
    targets: Vec<Origin>,
    places: Vec<Place>,
    manifest: Option<String>,
}

impl Refusal {
    pub(super) fn new(
        binding: &Binding,
        origin: &Origin,
        targets: &[Origin],
        manifest: Option<String>,
        reason: Reason,
    ) -> Self {
        Self {
            name: Some(binding.name.clone()),
            origin: origin.clone(),
            reason,
            hosts: binding.hosts.clone(),
            targets: targets.to_vec(),
            places: binding.places.clone(),
            manifest,
        }
    }

    /// The refusal where what is made from a secret is for an origin that the secret may not be sent to; `None` where it may.
    pub fn of_destination(
        binding: &Binding,
        origin: &Origin,
        targets: &[Origin],
        manifest: Option<String>,
    ) -> Option<Box<Self>> {
        let refusal = || Box::new(Self::new(binding, origin, targets, manifest, Reason::NotBound));
        (!binding.permits(origin, targets)).then(refusal)
    }

    pub(super) fn unnamed(origin: &Origin, reason: Reason) -> Self {
        Self {
            name: None,
            origin: origin.clone(),
            reason,
            hosts: None,
            targets: Vec::new(),
            places: Vec::new(),
            manifest: None,
        }
    }

    fn bound_to(&self) -> String {
        match &self.hosts {
            Some(hosts) => entries(hosts).join(", "),
            None if self.targets.is_empty() => {
                "the test's own target, and no --host with https (or on this machine) was given at the start".to_owned()
            }
            None => format!("the test's own target, {}", entries(&self.targets).join(", ")),
        }
    }

    fn not_bound(&self, f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
        write!(f, "the secret is bound to {}. ", self.bound_to())?;
        if self.origin.scheme == Scheme::Http && !self.origin.is_loopback() {
            f.write_str("(Plain http has to be written out.) ")?;
        }
        let mut hosts = entries(self.hosts.as_deref().unwrap_or(&self.targets));
        hosts.push(self.origin.as_hosts_entry());
        hosts.dedup();
        match &self.manifest {
            Some(manifest) => {
                let quoted: Vec<String> = hosts.iter().map(|host| format!("{host:?}")).collect();
                let list = quoted.join(", ");
                write!(f, "If the destination is right, write in {manifest} under [secrets.{name}]: hosts = [{list}]")
            }
            None => {
                write!(f, "If the destination is right, add to `tegmen run`:")?;
                hosts.iter().try_for_each(|host| write!(f, " --hosts {host}"))
            }
        }
    }
}

/// As `hosts` would have them: a bare loopback address stands for both schemes.
fn entries(origins: &[Origin]) -> Vec<String> {
    let mut entries: Vec<String> = origins.iter().map(Origin::as_hosts_entry).collect();
    entries.dedup_by(|next, first| next.strip_prefix("http://") == Some(first));
    entries
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.as_deref().unwrap_or("a secret");
        write!(f, "[{name}] was not sent to {}: ", self.origin)?;
        match &self.reason {
            Reason::NotBound => self.not_bound(f, name),
            Reason::Proxy => {
                f.write_str("this proxy would read the request, for it is not encrypted on the way there, and ")?;
                self.not_bound(f, name)
            }
            Reason::WrongPlace(place) => {
                write!(
                    f,
                    "it may stand in {} only, and here it stands in {place}. ",
                    self.places.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
                )?;
                write!(f, "If that is right, add \"{place}\" to `places` under [secrets.{name}]")
            }
            Reason::Cut => f.write_str(
                "only a part of its placeholder is in the request. A script that takes a part of the value needs \
                 secret(…).reveal()",
            ),
            Reason::Unknown => f.write_str(
                "its placeholder stands for nothing in this process. A record of a pool was given back before, or the \
                 placeholder was made in another process",
            ),
            Reason::Unusable(form) => write!(
                f,
                "its placeholder is in the request {form}. A script that changes the value needs secret(…).reveal()"
            ),
            Reason::Impossible(place, why) => write!(f, "its value cannot stand in {place}: {why}"),
            Reason::HeaderName => f.write_str("it stands in the name of a header field"),
            Reason::InHost => f.write_str("it stands in the host of a URL, which is looked up in clear"),
            Reason::Compressed(encoding) => write!(
                f,
                "the body has the Content-Encoding {encoding}, in which a placeholder could be neither found nor replaced. \
                 Send it as gzip, deflate or uncompressed"
            ),
            Reason::TooDeep => f.write_str("it stands under too many layers of encoding"),
        }
    }
}

impl std::error::Error for Refusal {}
