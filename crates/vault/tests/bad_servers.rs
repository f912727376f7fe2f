//! Servers that are away, hang, cut the connection, answer rubbish, too much, or send us elsewhere.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tegmen_secret::SecretBytes;
use tegmen_vault::{AppRole, Auth, Client, Error, ErrorKind, SecretId, Settings};

/// A server that gives the n-th connection to a function, and counts them.
struct Fake {
    address: String,
    count: Arc<AtomicUsize>,
}

impl Fake {
    fn new(answer: impl Fn(usize, TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let count = Arc::new(AtomicUsize::new(0));
        let (counter, answer) = (count.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let number = counter.fetch_add(1, Ordering::SeqCst);
                let answer = answer.clone();
                std::thread::spawn(move || answer(number, stream));
            }
        });
        Self { address, count }
    }

    fn client(&self, max_retries: u32) -> Client {
        let settings = Settings {
            address: Some(self.address.clone()),
            max_retries: Some(max_retries),
            timeout: Some(Duration::from_secs(1)),
            ..Settings::default()
        };
        Client::new(settings.resolve().unwrap()).unwrap()
    }

    fn error(&self, max_retries: u32) -> Error {
        let Err(error) = self.client(max_retries).login(&token()) else { panic!("this must fail") };
        error
    }

    fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

fn token() -> Auth {
    Auth::Token(SecretBytes::from("the-token".to_owned()))
}

fn request(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let mut chunk = [0; 1024];
    while !text.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => break,
            Ok(count) => text.extend_from_slice(&chunk[..count]),
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

fn respond(mut stream: TcpStream, status: &str, body: &str) {
    request(&mut stream);
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(body.as_bytes());
}

const LOOKUP: &str = r#"{"data":{"ttl":60,"renewable":true}}"#;

#[test]
fn nobody_there() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let fake = Fake { address: format!("http://{address}"), count: Arc::default() };
    let error = fake.error(0);
    assert!(matches!(error.kind, ErrorKind::Unreachable { .. }), "{error}");
    let fake = Fake { address: "http://no-such-host.invalid:8200".into(), count: Arc::default() };
    let error = fake.error(0);
    assert!(matches!(error.kind, ErrorKind::Unreachable { .. }), "{error}");
}

#[test]
fn a_server_that_hangs() {
    let fake = Fake::new(|_, stream| {
        std::thread::sleep(Duration::from_secs(20));
        drop(stream);
    });
    let error = fake.error(2);
    assert!(matches!(error.kind, ErrorKind::Timeout { seconds: 1, .. }), "{error}");
    assert_eq!(fake.count(), 1);
}

#[test]
fn a_server_that_cuts_the_connection_is_asked_again() {
    let fake = Fake::new(|number, mut stream| match number {
        0 => drop(stream),
        1 => {
            request(&mut stream);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"da");
        }
        _ => respond(stream, "200 OK", LOOKUP),
    });
    assert!(fake.client(2).login(&token()).is_ok());
    assert_eq!(fake.count(), 3);
}

#[test]
fn statuses_that_pass_are_asked_again_and_others_are_not() {
    for (status, asked) in [("412 x", 3), ("429 x", 3), ("500 x", 3), ("502 x", 3), ("501 x", 1), ("403 x", 1)] {
        let fake = Fake::new(move |_, stream| respond(stream, status, r#"{"errors":["no"]}"#));
        fake.error(2);
        assert_eq!(fake.count(), asked, "{status}");
    }
    let fake = Fake::new(|_, stream| respond(stream, "429 x", r#"{"errors":["quota exceeded"]}"#));
    let told = "Vault asks for fewer requests (status 429) (Vault says: quota exceeded)";
    assert_eq!(fake.error(0).to_string(), told);
}

#[test]
fn a_server_that_says_when_to_come_back() {
    let fake = Fake::new(|number, mut stream| match number {
        0 => {
            request(&mut stream);
            let head = "HTTP/1.1 429 x\r\nRetry-After: 1\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
            let _ = stream.write_all(head.as_bytes());
        }
        _ => respond(stream, "200 OK", LOOKUP),
    });
    let begin = std::time::Instant::now();
    assert!(fake.client(2).login(&token()).is_ok());
    // The first pause would be a quarter of a second at most.
    assert!(begin.elapsed() >= Duration::from_secs(1) && fake.count() == 2, "{:?}", begin.elapsed());
}

#[test]
fn a_login_good_for_once_is_not_sent_twice() {
    let fake = Fake::new(|_, mut stream| {
        request(&mut stream);
    });
    let role = AppRole {
        mount: "approle".into(),
        role_id: SecretBytes::from("r".to_owned()),
        secret_id: Some(SecretId::Plain(SecretBytes::from("s".to_owned()))),
    };
    assert!(fake.client(3).login(&Auth::AppRole(role)).is_err());
    assert_eq!(fake.count(), 1);
}

#[test]
fn states_of_the_server_are_told_apart() {
    for (text, kind) in [
        ("Vault is sealed", ErrorKind::Sealed),
        ("server is not yet initialized", ErrorKind::NotInitialized),
        ("local node not active but active cluster node not found", ErrorKind::Standby),
    ] {
        let fake = Fake::new(move |_, stream| respond(stream, "503 x", &format!(r#"{{"errors":["{text}"]}}"#)));
        assert_eq!(fake.error(2).kind, kind.clone());
        // What was asked for is not asked again; of one that is sealed the state is.
        assert_eq!(fake.count(), if kind == ErrorKind::Sealed { 2 } else { 1 }, "{text}");
    }
}

#[test]
fn rubbish_and_too_much() {
    let fake = Fake::new(|_, stream| respond(stream, "200 OK", "<html>hunter2</html>"));
    let error = fake.error(0);
    assert!(matches!(error.kind, ErrorKind::NotVault { .. }) && !error.to_string().contains("hunter2"), "{error}");
    let fake = Fake::new(|_, mut stream| {
        request(&mut stream);
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n");
    });
    let error = fake.error(0);
    assert!(matches!(error.kind, ErrorKind::NotVault { .. }), "{error}");
    let fake = Fake::new(|_, stream| respond(stream, "200 OK", &" ".repeat(10 << 20)));
    let error = fake.error(0);
    assert!(error.to_string().contains("a body of more than"), "{error}");
}

#[test]
fn an_answer_without_an_end_has_one_all_the_same() {
    // As fast as it can, until there is too much of it.
    let fake = Fake::new(|_, mut stream| {
        request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while stream.write_all(b"1000\r\n").and_then(|()| stream.write_all(&[b' '; 0x1000])).is_ok() {
            let _ = stream.write_all(b"\r\n");
        }
    });
    let error = fake.error(0);
    assert!(matches!(error.kind, ErrorKind::NotVault { .. } | ErrorKind::Timeout { .. }), "{error}");
    // A byte now and then: no single read takes long, but the whole does.
    let drop_by_drop: [&[u8]; 2] = [b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: "];
    for head in drop_by_drop {
        let fake = Fake::new(move |_, mut stream| {
            request(&mut stream);
            let _ = stream.write_all(head);
            while stream.write_all(b" ").is_ok() {
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        let begin = std::time::Instant::now();
        let error = fake.error(2);
        assert!(matches!(error.kind, ErrorKind::Timeout { seconds: 1, .. }), "{error}");
        assert!(begin.elapsed() < Duration::from_secs(8), "{:?}", begin.elapsed());
    }
}

#[test]
fn one_redirect_to_the_active_server_and_none_elsewhere() {
    let active = Fake::new(|_, mut stream| {
        let asked = request(&mut stream).to_ascii_lowercase();
        let body = if asked.contains("x-vault-token: the-token") { LOOKUP } else { "{}" };
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    });
    let redirect = |to: String| {
        Fake::new(move |_, mut stream| {
            request(&mut stream);
            let _ =
                write!(stream, "HTTP/1.1 307 x\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        })
    };
    let path = "/v1/auth/token/lookup-self";
    let standby = redirect(format!("{}{path}", active.address));
    let login = standby.client(0).login(&token()).map_err(|error| error.to_string());
    assert_eq!(login.map(|login| login.term().ttl), Ok(Some(Duration::from_secs(60))));
    let elsewhere = redirect(format!("{}/login", active.address));
    assert!(matches!(elsewhere.error(0).kind, ErrorKind::NotVault { .. }));
    let twice = redirect(format!("{}{path}", standby.address));
    assert!(matches!(twice.error(0).kind, ErrorKind::NotVault { .. }));
    assert_eq!(active.count(), 1);
}
