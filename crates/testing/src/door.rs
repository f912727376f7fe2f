//! A door before a server: it can be shut and opened again while clients are connected.

use std::io::{Read, Result, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// Passes connections on to a server. While it is shut, they are cut.
pub struct Door {
    /// `http://127.0.0.1:PORT`.
    pub address: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    shut: AtomicBool,
    passed: AtomicUsize,
}

impl Door {
    /// An open door before `http://HOST:PORT`.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn before(server: &str) -> Result<Self> {
        let server = server.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = format!("http://{}", listener.local_addr()?);
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if shared.shut.load(Ordering::SeqCst) {
                    continue;
                }
                shared.passed.fetch_add(1, Ordering::SeqCst);
                if let Ok(server) = TcpStream::connect(&server) {
                    join(&client, &server, &shared);
                    join(&server, &client, &shared);
                }
            }
        });
        Ok(Self { address, state })
    }

    /// Shuts or opens it.
    pub fn shut(&self, shut: bool) {
        self.state.shut.store(shut, Ordering::SeqCst);
        // Whoever is in the middle notices within this time.
        std::thread::sleep(NOTICE * 2);
    }

    /// How many connections were let through.
    pub fn passed(&self) -> usize {
        self.state.passed.load(Ordering::SeqCst)
    }
}

const NOTICE: Duration = Duration::from_millis(30);

fn join(from: &TcpStream, to: &TcpStream, state: &Arc<State>) {
    let (Ok(mut from), Ok(mut to)) = (from.try_clone(), to.try_clone()) else { return };
    let state = Arc::clone(state);
    std::thread::spawn(move || {
        let _ = from.set_read_timeout(Some(NOTICE));
        let mut chunk = [0; 8192];
        while !state.shut.load(Ordering::SeqCst) {
            match from.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) if to.write_all(&chunk[..count]).is_ok() => {}
                Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                }
                _ => break,
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    });
}
