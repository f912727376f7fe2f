//! The one way out of a closed world, for a run against the real target: a thread that dials the origins that a person has
//! named, and no others. It begins before the world is closed.

use std::{
    io,
    net::{TcpStream, ToSocketAddrs},
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::Duration,
};

use rustls::{ClientConfig, RootCertStore};
use tegmen_wire::origin::Origin;

use crate::ProveError;

/// How long a connection may take to be made.
const PATIENCE: Duration = Duration::from_secs(10);

type Question = (Origin, mpsc::Sender<io::Result<TcpStream>>);

/// Asks for connections to what is real. Clones are the same.
#[derive(Clone)]
pub struct Outside {
    origins: Arc<[Origin]>,
    ask: Arc<Mutex<mpsc::Sender<Question>>>,
    tls: Arc<ClientConfig>,
}

impl Outside {
    /// Begins; to be called before the world is closed. Servers are verified as this machine does it.
    ///
    /// # Errors
    /// When there is no thread.
    pub fn open(origins: Vec<Origin>) -> Result<Self, ProveError> {
        let mut roots = RootCertStore::empty();
        // What cannot be read is trusted less.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let (ask, asked) = mpsc::channel::<Question>();
        let origins: Arc<[Origin]> = origins.into();
        let known = Arc::clone(&origins);
        std::thread::Builder::new().name("outside".to_owned()).spawn(move || {
            for (origin, answer) in asked {
                let stream = if known.contains(&origin) { dial(&origin) } else { Err(io::ErrorKind::NotFound.into()) };
                // Who has asked may have given up.
                let _ = answer.send(stream);
            }
        })?;
        Ok(Self { origins, ask: Arc::new(Mutex::new(ask)), tls: Arc::new(tls) })
    }

    /// Whether this is one that a person has named.
    pub fn is_real(&self, origin: &Origin) -> bool {
        self.origins.contains(origin)
    }

    /// A connection to it.
    ///
    /// # Errors
    /// When there is none to be had.
    pub fn connect(&self, origin: &Origin) -> io::Result<TcpStream> {
        let (sender, answer) = mpsc::channel();
        let gone = || io::Error::other("nobody dials any more");
        let ask = self.ask.lock().unwrap_or_else(PoisonError::into_inner);
        ask.send((origin.clone(), sender)).map_err(|_| gone())?;
        answer.recv().map_err(|_| gone())?
    }

    /// How servers are verified.
    pub fn tls(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.tls)
    }
}

fn dial(origin: &Origin) -> io::Result<TcpStream> {
    let mut last = io::Error::other("its name has no address");
    for address in (origin.host.as_str(), origin.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}
