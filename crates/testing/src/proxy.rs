//! An HTTP proxy that connects to where it is told (CONNECT, RFC 9110), for those who know its password.

use std::io::{BufRead, BufReader, Result, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A proxy.
pub struct Proxy {
    /// `127.0.0.1:PORT`.
    pub authority: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// A proxy for this `user:password`.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start(credential: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let authority = listener.local_addr()?.to_string();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let expected = format!("Basic {}", STANDARD.encode(credential));
        let shared = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (expected, seen) = (expected.clone(), Arc::clone(&shared));
                std::thread::spawn(move || serve(&stream, &expected, &seen));
            }
        });
        Ok(Self { authority, seen })
    }

    /// Where it connected to.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn serve(client: &TcpStream, expected: &str, seen: &Mutex<Vec<String>>) -> Result<()> {
    // Nothing of the tunnel is read ahead: the client waits for the answer.
    let mut reader = BufReader::new(client);
    let (mut first, mut is_known) = (String::new(), false);
    reader.read_line(&mut first)?;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or_default();
        is_known |= name.eq_ignore_ascii_case("proxy-authorization") && value.trim() == expected;
    }
    let mut client = client.try_clone()?;
    let Some(target) = first.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()).filter(|_| is_known)
    else {
        return client.write_all(b"HTTP/1.1 407 x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    };
    let server = TcpStream::connect(target)?;
    seen.lock().unwrap_or_else(PoisonError::into_inner).push(target.to_owned());
    client.write_all(b"HTTP/1.1 200 x\r\n\r\n")?;
    let (mut from, mut to) = (server.try_clone()?, client.try_clone()?);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
    let mut server = server;
    let _ = std::io::copy(&mut client, &mut server);
    server.shutdown(Shutdown::Both)
}
