//! The way to the server: what the variables say of it, Agents, proxies, and the states of a server that is there.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::time::{Duration, Instant};

use tegmen_secret::SecretBytes;
use tegmen_testing::{Bao, Http, HttpRequest, OpenBao, Options, Proxy, free_port};
use tegmen_vault::{Auth, Client, Error, ErrorKind, Login, Settings};

const LOOKUP: &str = r#"{"data":{"ttl":60,"renewable":true}}"#;

fn variables(variables: &[(&str, &str)]) -> Settings {
    Settings::from_variables(|name| {
        variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    })
    .unwrap()
}

fn login(settings: Settings, token: &str) -> Result<Login, Error> {
    Client::new(settings.resolve()?)?.login(&Auth::Token(SecretBytes::from(token.to_owned())))
}

fn fails(settings: Settings) -> Error {
    match login(settings, "the-token") {
        Ok(_) => panic!("this must fail"),
        Err(error) => error,
    }
}

fn header<'r>(request: &'r HttpRequest, name: &str) -> Option<&'r str> {
    request.headers.get(name).map(String::as_str)
}

/// Waits until something is there that another process makes.
fn eventually<T>(what: &str, mut get: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(found) = get() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn every_request_has_the_headers_that_agents_and_gateways_ask_for() {
    let server = Http::start(|_, _| (200, LOOKUP.to_owned())).unwrap();
    let settings = variables(&[
        ("VAULT_ADDR", &server.address),
        ("VAULT_NAMESPACE", "team"),
        ("VAULT_HEADERS", r#"{"CF-Access-Client-Id": "it is us"}"#),
    ]);
    login(settings, "the-token").unwrap();
    let asked = &server.seen()[0];
    assert_eq!(asked.target, "/v1/auth/token/lookup-self");
    assert_eq!(header(asked, "x-vault-request"), Some("true"));
    assert_eq!(header(asked, "x-vault-namespace"), Some("team"));
    assert_eq!(header(asked, "x-vault-token"), Some("the-token"));
    assert_eq!(header(asked, "cf-access-client-id"), Some("it is us"));

    // No token is not the same as that of an Agent.
    let empty = login(variables(&[("VAULT_ADDR", &server.address)]), "").err().map(|error| error.kind);
    assert_eq!((empty, server.seen().len()), (Some(ErrorKind::NoLogin), 1));
}

#[test]
fn a_real_agent_on_a_port_and_on_a_socket() {
    let Some(server) = OpenBao::start().unwrap() else { return };
    let port = free_port().unwrap();
    let agent = Bao::start("agent", |folder| {
        format!(
            r#"
vault {{ address = "{}" }}
api_proxy {{ }}
listener "tcp" {{
  address = "127.0.0.1:{port}"
  tls_disable = true
  require_request_header = true
}}
listener "unix" {{
  address = "{}/agent.sock"
  tls_disable = true
  require_request_header = true
}}
"#,
            server.address,
            folder.display()
        )
    })
    .unwrap()
    .unwrap();
    let socket = agent.folder().join("agent.sock");
    let by_port = format!("http://127.0.0.1:{port}");
    for address in [by_port, format!("unix://{}", socket.display())] {
        let settings = || variables(&[("VAULT_ADDR", "http://127.0.0.1:1"), ("BAO_AGENT_ADDR", &address)]);
        let login = eventually(&agent.log(), || login(settings(), &server.root).ok());
        assert!(login.kv_mount("secret/shop").unwrap().is_some(), "{address}");
    }

    let gone = variables(&[("VAULT_ADDR", "unix:///nowhere/agent.sock"), ("VAULT_MAX_RETRIES", "0")]);
    let error = fails(gone);
    assert!(error.to_string().starts_with("Vault at unix:///nowhere/agent.sock cannot be reached"), "{error}");
}

#[test]
fn a_socket_behind_which_nobody_answers_has_the_same_limits() {
    let folder = tempfile();
    let path = folder.join("hangs.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let address = format!("unix://{}", path.display());
    let error = fails(variables(&[("VAULT_ADDR", &address), ("VAULT_CLIENT_TIMEOUT", "1")]));
    assert!(matches!(error.kind, ErrorKind::Timeout { seconds: 1, .. }), "{error}");
    drop(listener);
    let _ = std::fs::remove_dir_all(folder);
}

fn tempfile() -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("tegmen-socket-{}", std::process::id()));
    std::fs::create_dir_all(&path).unwrap();
    path
}

#[test]
fn a_proxy_is_asked_even_for_this_machine_and_only_where_it_is_set() {
    let proxy = Http::start(|_, _| (502, String::new())).unwrap();
    for name in ["VAULT_HTTP_PROXY", "BAO_PROXY_ADDR"] {
        let settings = variables(&[
            ("VAULT_ADDR", "http://127.0.0.1:1"),
            (name, &proxy.address.replace("//", "//user:hunter2@")),
            ("VAULT_MAX_RETRIES", "0"),
        ]);
        let error = fails(settings);
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
    let seen = proxy.seen();
    assert!(seen.len() >= 2, "{seen:?}");
    for asked in seen {
        assert!(asked.target.contains("127.0.0.1:1"), "{}", asked.target);
    }
}

#[test]
fn through_a_proxy_with_tls_to_a_real_server() {
    let Some(server) = OpenBao::start_with(Options { tls: true }).unwrap() else { return };
    let proxy = Proxy::start("me:pass-word").unwrap();
    let ca = server.ca_cert.as_ref().unwrap().to_str().unwrap().to_owned();
    let settings = |credential: &str| {
        let url = format!("http://{credential}@{}", proxy.authority);
        variables(&[
            ("VAULT_ADDR", &server.address),
            ("VAULT_CACERT", &ca),
            ("VAULT_PROXY_ADDR", &url),
            ("VAULT_MAX_RETRIES", "0"),
        ])
    };
    assert!(login(settings("me:pass-word"), &server.root).is_ok());
    let target = server.address.trim_start_matches("https://").to_owned();
    assert_eq!(proxy.seen(), [target]);
    let error = fails(settings("me:hunter2"));
    assert!(
        matches!(error.kind, ErrorKind::Unreachable { .. }) && !format!("{error:?}").contains("hunter2"),
        "{error:?}"
    );
    assert!(error.next.contains("proxy"), "{}", error.next);
}

#[test]
fn no_faster_than_the_limit() {
    let server = Http::start(|_, _| (200, LOOKUP.to_owned())).unwrap();
    let settings = variables(&[("VAULT_ADDR", &server.address), ("VAULT_RATE_LIMIT", "4:1")]);
    let client = Client::new(settings.resolve().unwrap()).unwrap();
    let begin = Instant::now();
    for _ in 0..3 {
        // Clones keep to one limit together.
        client.clone().login(&Auth::Token(SecretBytes::from("the-token".to_owned()))).unwrap();
    }
    assert!(begin.elapsed() >= Duration::from_millis(490), "{:?}", begin.elapsed());
}

#[test]
fn redirects_can_be_switched_off() {
    let server = OpenBaoRedirect::new();
    let settings = |more| variables(&[("VAULT_ADDR", server.address.as_str()), ("VAULT_MAX_RETRIES", "0"), more]);
    let error = fails(settings(("BAO_DISABLE_REDIRECTS", "1")));
    assert!(error.to_string().contains("307"), "{error}");
    assert!(login(settings(("VAULT_DISABLE_REDIRECTS", "0")), "the-token").is_ok());
}

/// A standby that names the active server.
struct OpenBaoRedirect {
    address: String,
    _active: Http,
}

impl OpenBaoRedirect {
    fn new() -> Self {
        use std::io::{Read, Write};
        let active = Http::start(|_, _| (200, LOOKUP.to_owned())).unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let to = active.address.clone();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let _ = stream.read(&mut [0; 4096]);
                let location = format!("{to}/v1/auth/token/lookup-self");
                let _ = write!(
                    stream,
                    "HTTP/1.1 307 x\r\nLocation: {location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                );
            }
        });
        Self { address, _active: active }
    }
}

#[test]
fn a_real_server_that_nobody_has_initialised() {
    let port = free_port().unwrap();
    let server = Bao::start("server", |_| {
        format!(
            "disable_mlock = true\nstorage \"inmem\" {{}}\n\
             listener \"tcp\" {{\n  address = \"127.0.0.1:{port}\"\n  tls_disable = true\n}}\n"
        )
    })
    .unwrap();
    let Some(server) = server else { return };
    let address = format!("http://127.0.0.1:{port}");
    let settings = || variables(&[("VAULT_ADDR", &address), ("VAULT_MAX_RETRIES", "0"), ("VAULT_NAMESPACE", "team")]);
    let error = eventually(&server.log(), || {
        Some(fails(settings())).filter(|error| !matches!(error.kind, ErrorKind::Unreachable { .. }))
    });
    assert_eq!(error.kind, ErrorKind::NotInitialized, "{}", server.log());
}

#[test]
fn the_state_is_asked_for_where_an_answer_does_not_say_it() {
    for (status, expected) in [
        (429, ErrorKind::Standby),
        (472, ErrorKind::Standby),
        (473, ErrorKind::Standby),
        (501, ErrorKind::NotInitialized),
        (503, ErrorKind::Sealed),
    ] {
        let server = Http::start(move |_, request| match request.target.as_str() {
            "/v1/sys/health" => (status, r#"{"initialized":true,"sealed":false}"#.to_owned()),
            _ => (503, "<html>no server for you</html>".to_owned()),
        })
        .unwrap();
        let error = fails(variables(&[("VAULT_ADDR", &server.address), ("VAULT_MAX_RETRIES", "0")]));
        assert_eq!(error.kind, expected, "{status}");
    }
    // A load balancer that answers everything alike says nothing about the server.
    let balancer = Http::start(|_, _| (503, "<html>no server for you</html>".to_owned())).unwrap();
    let error = fails(variables(&[("VAULT_ADDR", &balancer.address), ("VAULT_MAX_RETRIES", "0")]));
    assert!(matches!(error.kind, ErrorKind::Server { status: 503, .. }), "{error}");
}
