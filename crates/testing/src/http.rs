//! A small HTTP server that stands in for what cannot be had here, at its documented protocol.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// A request as it came.
#[derive(Clone, Debug)]
pub struct HttpRequest {
    /// `GET` and so on.
    pub method: String,
    /// Path and query, as sent.
    pub target: String,
    /// The headers, their names in small letters.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: String,
}

/// A server that gives every request to a function.
pub struct Http {
    /// `http://127.0.0.1:PORT`.
    pub address: String,
    seen: Arc<Mutex<Vec<HttpRequest>>>,
}

impl Http {
    /// Answers with the status and body that the function gives; it is told the number of the request, from 0 up.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start(answer: impl Fn(usize, &HttpRequest) -> (u16, String) + Send + Sync + 'static) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = format!("http://{}", listener.local_addr()?);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (shared, answer) = (Arc::clone(&seen), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (seen, answer) = (Arc::clone(&shared), Arc::clone(&answer));
                std::thread::spawn(move || serve(&stream, &seen, &*answer));
            }
        });
        Ok(Self { address, seen })
    }

    /// Stands before a server: what the function does not answer goes there, with its token and namespace.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn before(
        server: &str,
        answer: impl Fn(&HttpRequest) -> Option<(u16, String)> + Send + Sync + 'static,
    ) -> Result<Self> {
        let server = server.to_owned();
        let agent = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().new_agent();
        Self::start(move |_, request| answer(request).unwrap_or_else(|| pass_on(&agent, &server, request)))
    }

    /// What was asked so far.
    pub fn seen(&self) -> Vec<HttpRequest> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

type Answer = dyn Fn(usize, &HttpRequest) -> (u16, String) + Send + Sync;

fn pass_on(agent: &ureq::Agent, server: &str, request: &HttpRequest) -> (u16, String) {
    let method = request.method.as_str();
    let mut builder = ureq::http::Request::builder().method(method).uri(format!("{server}{}", request.target));
    for name in ["x-vault-token", "x-vault-namespace"] {
        if let Some(value) = request.headers.get(name) {
            builder = builder.header(name, value);
        }
    }
    let answer = builder.body(request.body.clone()).map_err(ureq::Error::from).and_then(|request| agent.run(request));
    match answer {
        Ok(mut answer) => (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap_or_default()),
        Err(error) => (502, error.to_string()),
    }
}

fn serve(stream: &TcpStream, seen: &Mutex<Vec<HttpRequest>>, answer: &Answer) {
    let Ok(Some(request)) = read(stream) else { return };
    let number = {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.push(request.clone());
        seen.len() - 1
    };
    let (status, body) = answer(number, &request);
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    let mut stream = stream;
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
}

fn read(stream: &TcpStream) -> Result<Option<HttpRequest>> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return Ok(None) };
    let (method, target) = (method.to_owned(), target.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            headers.insert(name.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = Vec::new();
    reader.take(length).read_to_end(&mut body)?;
    Ok(Some(HttpRequest { method, target, headers, body: String::from_utf8_lossy(&body).into_owned() }))
}
