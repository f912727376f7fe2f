use std::{
    collections::BTreeMap,
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    path::Path,
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use tegmen_sources::{Context, Manifest, fetch_all};
use tegmen_testing::{Http, Project};

use super::*;
use crate::{keep::Keep, pools::Pools};

/// A gate that is shut until somebody opens it.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    fn pass(&self) {
        drop(self.0.1.wait_while(self.0.0.lock().unwrap(), |open| !*open).unwrap());
    }
}

/// A stand-in, and the Vault behind it: what lies below `slow/` waits at the gate.
fn stand_in(gate: Gate) -> (StandIn, Http) {
    let vault = Http::start(move |_, request| match request.target.trim_start_matches("/v1/") {
        "auth/token/lookup-self" => (200, r#"{"data": {"ttl": 600, "renewable": false}}"#.to_owned()),
        mount if mount.starts_with("sys/internal/ui/mounts/") => {
            let data = r#"{"data": {"path": "kv/", "type": "kv", "options": {"version": "1"}}}"#;
            (200, data.to_owned())
        }
        path => {
            if path.starts_with("kv/slow") {
                gate.pass();
            }
            (200, format!(r#"{{"data": {{"key": "value-of-{}"}}}}"#, path.replace('/', "-")))
        }
    })
    .unwrap();
    let text = format!("[vault]\naddress = \"{}\"\nmax_retries = 0\n", vault.address);
    let manifest = Manifest::parse(Path::new("tegmen.toml"), &text).unwrap();
    let environment = [("VAULT_TOKEN", "token-of-a-test")].into_iter().collect();
    let context = Context { environment, directory: Project::new().unwrap().path().to_owned() };
    let session = fetch_all(&manifest, &context).unwrap_or_else(|errors| panic!("{errors}")).session;
    let keep = Keep::new(Vec::new(), None).unwrap();
    let server = Server::start(keep, Pools::default(), BTreeMap::new(), None).unwrap().0;
    (StandIn::start(server, Upstream::new(session.vault, session.opener), None).unwrap(), vault)
}

fn connected(stand_in: &StandIn) -> TcpStream {
    let stream = TcpStream::connect(stand_in.address.trim_start_matches("http://")).unwrap();
    // For a test that fails.
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

fn ask(stand_in: &StandIn, path: &str) -> TcpStream {
    let mut stream = connected(stand_in);
    let head = format!("GET /v1/{path} HTTP/1.1\r\nHost: x\r\nX-Vault-Token: {}\r\n\r\n", stand_in.credential);
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

fn answer(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
    text
}

/// Whether nothing has come, and not the end either.
fn is_waiting(stream: &mut TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let is_waiting = stream.read(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
    stream.set_nonblocking(false).unwrap();
    is_waiting
}

#[test]
fn who_says_nothing_keeps_nobody_waiting() {
    let (stand_in, _vault) = stand_in(Gate::default());
    let mut silent: Vec<TcpStream> = (0..3 * WORKERS).map(|_| connected(&stand_in)).collect();
    for stream in &mut silent[..WORKERS] {
        stream.write_all(b"GET /v1/kv/quick HT").unwrap();
    }
    assert!(answer(ask(&stand_in, "kv/quick")).contains("\"key\""));
    assert!(silent.iter_mut().all(is_waiting), "nobody had to be sent away for it");
    // What is said in pieces is heard all the same.
    let rest = format!("TP/1.1\r\nX-Vault-Token: {}\r\n\r\n", stand_in.credential);
    silent[0].write_all(rest.as_bytes()).unwrap();
    assert!(answer(silent.remove(0)).contains("\"key\""));
}

#[test]
fn a_path_that_is_slow_keeps_no_other_waiting() {
    let gate = Gate::default();
    let (stand_in, vault) = stand_in(gate.clone());
    let mut slow: Vec<TcpStream> = (0..3 * WORKERS).map(|_| ask(&stand_in, "kv/slow")).collect();
    assert!(answer(ask(&stand_in, "kv/one")).contains("\"key\""));
    let placeholder = answer(ask(&stand_in, "kv/one"));
    assert!(answer(ask(&stand_in, "kv/two")) != placeholder);
    assert!(slow.iter_mut().all(is_waiting));
    gate.open();
    let answers: Vec<String> = slow.into_iter().map(answer).collect();
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
    for path in ["slow", "one", "two"] {
        let asked = vault.seen().iter().filter(|request| request.target == format!("/v1/kv/{path}")).count();
        assert_eq!(asked, 1, "{path} is read once");
    }
}

#[test]
fn more_than_can_wait_are_let_in_and_the_oldest_go() {
    let (stand_in, _vault) = stand_in(Gate::default());
    let mut silent: Vec<TcpStream> = (0..300).map(|_| connected(&stand_in)).collect();
    assert!(answer(ask(&stand_in, "kv/quick")).contains("\"key\""));
    assert!(!is_waiting(&mut silent[0]));
    assert!(is_waiting(silent.last_mut().unwrap()));
}
