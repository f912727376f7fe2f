//! Everything against a real OpenBao: logins, KV, what goes wrong, and the end.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use serde_json::json;
use tegmen_secret::SecretBytes;
use tegmen_testing::{OpenBao, Options};
use tegmen_vault::{
    AppRole, Auth, Client, Error, ErrorKind, KvSecret, KvVersion, Login, Revocation, SecretId, Settings, TokenOwner,
};

/// A server, or the end of the test where servers are left out.
macro_rules! server {
    () => {
        match OpenBao::start().unwrap() {
            Some(server) => server,
            None => return,
        }
    };
}

fn secret(text: &str) -> SecretBytes {
    SecretBytes::from(text.to_owned())
}

fn settings(server: &OpenBao) -> Settings {
    Settings { address: Some(server.address.clone()), max_retries: Some(0), ..Settings::default() }
}

fn client(server: &OpenBao) -> Client {
    Client::new(settings(server).resolve().unwrap()).unwrap()
}

fn root(server: &OpenBao) -> Login {
    client(server).login(&Auth::Token(secret(&server.root))).unwrap()
}

fn fails<T>(result: Result<T, Error>) -> Error {
    match result {
        Ok(_) => panic!("this must fail"),
        Err(error) => error,
    }
}

fn read(login: &Login, path: &str, version: Option<u64>) -> Result<KvSecret, Error> {
    let mount = login.kv_mount(path)?;
    login.kv_read(mount.as_ref(), path, version)
}

fn value(secret: &KvSecret, field: &str) -> Vec<u8> {
    secret.field(field).unwrap().expose().to_vec()
}

#[test]
fn kv_two_with_all_that_can_become_of_a_version() {
    let server = server!();
    server.write_kv2("locust/shop", &json!({ "api_key": "v1" })).unwrap();
    server
        .write_kv2(
            "locust/shop",
            &json!({ "api_key": "v2\nü\"", "port": 8, "on": true, "list": [1.1, { "a": null }], "nothing": null }),
        )
        .unwrap();
    let login = root(&server);
    let path = "secret/locust/shop";
    let mount = login.kv_mount(path).unwrap().unwrap();
    assert_eq!((mount.path.as_str(), mount.version), ("secret", KvVersion::Two));

    let latest = read(&login, path, None).unwrap();
    assert_eq!(value(&latest, "api_key"), "v2\nü\"".as_bytes());
    assert_eq!(latest.version(), Some(2));
    assert_eq!(value(&read(&login, path, Some(1)).unwrap(), "api_key"), b"v1");

    let error = fails(latest.field("apikey"));
    assert_eq!(error.to_string(), "secret/locust/shop has no field apikey; it has api_key, list, nothing, on, port");
    assert_eq!((value(&latest, "port"), value(&latest, "on")), (b"8".to_vec(), b"true".to_vec()));
    assert_eq!(value(&latest, "list"), br#"[1.1,{"a":null}]"#);
    let error = fails(latest.field("nothing"));
    assert_eq!(error.to_string(), "the field nothing of secret/locust/shop is null");
    assert_eq!(fails(read(&login, path, Some(7))).to_string(), "secret/locust/shop has no version 7");
    assert!(matches!(fails(read(&login, "secret/nope", None)).kind, ErrorKind::NoPath { .. }));
    assert!(matches!(fails(read(&login, "secret/nope", Some(1))).kind, ErrorKind::NoPath { .. }));
    assert!(fails(read(&login, "secret/data/locust/shop", None)).next.contains("leave `data/` out"));

    server.post("secret/delete/locust/shop", &json!({ "versions": [2] })).unwrap();
    assert_eq!(fails(read(&login, path, None)).to_string(), "version 2 of secret/locust/shop was deleted");
    server.post("secret/destroy/locust/shop", &json!({ "versions": [1] })).unwrap();
    assert_eq!(fails(read(&login, path, Some(1))).to_string(), "version 1 of secret/locust/shop was destroyed");
}

#[test]
fn kv_one_and_odd_paths() {
    let server = server!();
    server.mount_kv1("team/old").unwrap();
    server.post("team/old/a/b%20c%23", &json!({ "key": "one" })).unwrap();
    let login = root(&server);
    let path = "team/old/a/b c#";
    assert_eq!(login.kv_mount(path).unwrap().unwrap().path, "team/old");
    let found = read(&login, path, None).unwrap();
    assert_eq!((value(&found, "key"), found.version()), (b"one".to_vec(), None));
    assert!(fails(read(&login, path, Some(2))).to_string().contains("version 1, which keeps no versions"));
    assert!(matches!(fails(read(&login, "team/old/nope", None)).kind, ErrorKind::NoPath { .. }));
    assert!(matches!(fails(read(&login, "sys/health", None)).kind, ErrorKind::NotKv { .. }));
    let error = fails(read(&login, "nope/a", None));
    assert!(matches!(error.kind, ErrorKind::NoMount { .. }), "{error}");
}

#[test]
fn what_policies_do_not_allow() {
    let server = server!();
    server.write_kv2("shop", &json!({ "k": "v" })).unwrap();
    server.mount_kv1("old").unwrap();
    server.post("old/shop", &json!({ "k": "v1" })).unwrap();
    server.policy("shop", "path \"secret/data/shop\" { capabilities = [\"read\"] }").unwrap();
    let login = client(&server).login(&Auth::Token(secret(&server.token(&["shop"]).unwrap()))).unwrap();
    assert_eq!(value(&read(&login, "secret/shop", None).unwrap(), "k"), b"v");

    let error = fails(read(&login, "secret/other", None));
    let told = "permission denied: the token may not read secret/data/other (Vault says: permission denied)";
    assert_eq!(error.to_string(), told);
    assert!(error.next.contains("path \"secret/data/other\" { capabilities = [\"read\"] }"), "{}", error.next);

    let error = fails(read(&login, "nope/other", None));
    assert!(matches!(error.kind, ErrorKind::Denied { .. }) && error.next.contains("check the mount too"), "{error}");

    // Where the mount is not told, both versions are tried.
    server.policy("old", "path \"old/shop\" { capabilities = [\"read\"] }").unwrap();
    let login = client(&server).login(&Auth::Token(secret(&server.token(&["old"]).unwrap()))).unwrap();
    assert_eq!(value(&read(&login, "old/shop", None).unwrap(), "k"), b"v1");
    assert_eq!(value(&login.kv_read(None, "old/shop", None).unwrap(), "k"), b"v1");
}

#[test]
fn a_given_token_stays_and_its_end_is_told() {
    let server = server!();
    server.policy("none", "path \"nothing\" { capabilities = [\"deny\"] }").unwrap();
    let token = server.token(&["none"]).unwrap();
    let login = client(&server).login(&Auth::Token(secret(&token))).unwrap();
    assert_eq!(login.owner(), TokenOwner::Given);
    assert!(login.term().ttl.is_some() && login.term().renewable);
    assert_eq!(login.revoke(), Revocation::NotOurs);
    drop(login);
    assert!(server.accepts(&token).unwrap());
    assert_eq!(root(&server).term().ttl, None);

    // A token without the default policy may not ask about itself; it is good all the same.
    let body = json!({ "policies": ["none"], "no_default_policy": true });
    let bare = server.post("auth/token/create", &body).unwrap();
    let bare = secret(bare["auth"]["client_token"].as_str().unwrap());
    let login = client(&server).login(&Auth::Token(bare)).unwrap();
    assert!(matches!(fails(login.kv_read(None, "secret/shop", None)).kind, ErrorKind::Denied { .. }));

    let login = client(&server).login(&Auth::Token(secret(&token))).unwrap();
    server.post("auth/token/revoke", &json!({ "token": token })).unwrap();
    assert_eq!(fails(login.kv_read(None, "secret/shop", None)).kind, ErrorKind::BadToken);
    let error = fails(client(&server).login(&Auth::Token(secret(&token))));
    assert_eq!(error.kind, ErrorKind::BadToken);
    assert!(!format!("{error:?}").contains(&token));
    assert_eq!(fails(client(&server).login(&Auth::Token(secret("two\nlines")))).kind, ErrorKind::BadToken);
}

#[test]
fn approle_plain_and_the_token_is_revoked() {
    let server = server!();
    server.write_kv2("shop", &json!({ "k": "v" })).unwrap();
    server.policy("shop", "path \"secret/data/shop\" { capabilities = [\"read\"] }").unwrap();
    let role_id = server.approle("team/roles", "shop", "shop").unwrap();
    let secret_id = server.secret_id("team/roles", "shop").unwrap();
    let login = |secret_id: Option<&str>, mount: &str| {
        client(&server).login(&Auth::AppRole(AppRole {
            mount: mount.into(),
            role_id: secret(&role_id),
            secret_id: secret_id.map(|text| SecretId::Plain(secret(text))),
        }))
    };
    let before = server.accessors().unwrap().len();
    let session = login(Some(&secret_id), "team/roles").unwrap();
    assert_eq!(session.owner(), TokenOwner::Ours);
    assert_eq!(session.term().ttl.map(|ttl| ttl.as_secs()), Some(600));
    assert_eq!(value(&read(&session, "secret/shop", None).unwrap(), "k"), b"v");
    assert_eq!(server.accessors().unwrap().len(), before + 1);
    assert_eq!(session.revoke(), Revocation::Revoked);
    assert_eq!(session.revoke(), Revocation::AlreadyEnded);
    assert_eq!(server.accessors().unwrap().len(), before);

    // The SecretID was good for one login.
    let error = fails(login(Some(&secret_id), "team/roles"));
    assert_eq!(error.kind, ErrorKind::LoginRefused { path: "auth/team/roles/login".into() });
    assert!(!error.to_string().contains(&secret_id) && error.next.contains("used up"), "{error}");
    assert!(matches!(fails(login(None, "team/roles")).kind, ErrorKind::LoginRefused { .. }));
    let error = fails(login(Some(&secret_id), "approle"));
    assert!(error.next.contains("enabled at auth/approle"), "{error}; {}", error.next);

    // Dropping revokes as well.
    let secret_id = server.secret_id("team/roles", "shop").unwrap();
    drop(login(Some(&secret_id), "team/roles").unwrap());
    assert_eq!(server.accessors().unwrap().len(), before);
}

#[test]
fn approle_wrapped_once_and_only_from_the_right_place() {
    let server = server!();
    server.policy("none", "path \"nothing\" { capabilities = [\"deny\"] }").unwrap();
    let role_id = server.approle("approle", "shop", "none").unwrap();
    let login = |wrapping: &str| {
        let secret_id = Some(SecretId::Wrapped(secret(wrapping)));
        let role = AppRole { mount: "approle".into(), role_id: secret(&role_id), secret_id };
        client(&server).login(&Auth::AppRole(role))
    };
    let wrapping = server.wrapped("auth/approle/role/shop/secret-id", &json!({})).unwrap();
    login(&wrapping).unwrap();
    let error = fails(login(&wrapping));
    assert_eq!(error.kind, ErrorKind::Unwrap { what: "SecretID" });
    assert!(error.next.contains("incident") && !error.to_string().contains(&wrapping), "{error}");
    assert_eq!(fails(login("made-up")).kind, ErrorKind::Unwrap { what: "SecretID" });

    // Somebody puts a wrapping token of their own in its place: it is not even unwrapped.
    for path in ["sys/wrapping/wrap", "auth/token/create"] {
        let foreign = server.wrapped(path, &json!({ "secret_id": "x" })).unwrap();
        let told = format!(
            "the wrapping token of the SecretID was made at {path}, not at auth/approle/role/<name>/secret-id; \
             it was not unwrapped"
        );
        assert_eq!(fails(login(&foreign)).to_string(), told);
        server.post("sys/wrapping/lookup", &json!({ "token": foreign })).unwrap();
    }
}

#[test]
fn a_wrapped_token_is_ours() {
    let server = server!();
    let wrapping = server.wrapped("auth/token/create", &json!({ "ttl": "1h", "policies": ["default"] })).unwrap();
    let before = server.accessors().unwrap().len();
    let login = client(&server).login(&Auth::WrappedToken(secret(&wrapping))).unwrap();
    assert_eq!(login.owner(), TokenOwner::Ours);
    assert_eq!(login.revoke(), Revocation::Revoked);
    // Both the wrapping token and the token are gone.
    assert!(server.accessors().unwrap().len() < before);
}

#[test]
fn namespaces() {
    let server = server!();
    server.post("sys/namespaces/team", &json!({})).unwrap();
    let post = |path: &str, body: serde_json::Value, more: &[(&str, &str)]| {
        let headers = [&[("X-Vault-Namespace", "team")], more].concat();
        server.post_with(path, &body, &headers).unwrap()
    };
    post("sys/mounts/kv", json!({ "type": "kv", "options": { "version": "2" } }), &[]);
    post("kv/data/shop", json!({ "data": { "k": "inside" } }), &[]);
    post("sys/auth/approle", json!({ "type": "approle" }), &[]);
    post("sys/policies/acl/p", json!({ "policy": "path \"kv/data/shop\" { capabilities = [\"read\"] }" }), &[]);
    post("auth/approle/role/shop", json!({ "token_policies": ["p"] }), &[]);
    post("auth/approle/role/shop/role-id", json!({ "role_id": "the-role" }), &[]);
    let wrapped = post("auth/approle/role/shop/secret-id", json!({}), &[("X-Vault-Wrap-TTL", "300")]);
    let wrapping = wrapped["wrap_info"]["token"].as_str().unwrap();
    let settings = Settings { namespace: Some("team/".into()), ..settings(&server) };
    let client = Client::new(settings.resolve().unwrap()).unwrap();
    let secret_id = Some(SecretId::Wrapped(secret(wrapping)));
    let role = AppRole { mount: "approle".into(), role_id: secret("the-role"), secret_id };
    let login = client.login(&Auth::AppRole(role)).unwrap();
    assert_eq!(value(&read(&login, "kv/shop", None).unwrap(), "k"), b"inside");
    assert_eq!(login.revoke(), Revocation::Revoked);
}

#[test]
fn sealed() {
    let server = server!();
    let login = root(&server);
    server.seal().unwrap();
    let error = fails(read(&login, "secret/shop", None));
    assert_eq!(error.kind, ErrorKind::Sealed);
    assert!(error.next.contains("unsealed"));
    assert_eq!(fails(client(&server).login(&Auth::Token(secret("x")))).kind, ErrorKind::Sealed);
}

#[test]
fn tls_with_a_ca_of_its_own() {
    let Some(server) = OpenBao::start_with(Options { tls: true }).unwrap() else { return };
    let ca_cert = server.ca_cert.clone().unwrap();
    let login = |settings: Settings| {
        Client::new(settings.resolve().unwrap())?.login(&Auth::Token(secret(&server.root))).map(drop)
    };
    login(Settings { ca_cert: Some(ca_cert.clone()), ..settings(&server) }).unwrap();
    login(Settings { ca_path: ca_cert.parent().map(Into::into), ..settings(&server) }).unwrap();
    login(Settings { ca_pem: std::fs::read_to_string(&ca_cert).ok(), ..settings(&server) }).unwrap();
    login(Settings { skip_verify: Some(true), ..settings(&server) }).unwrap();

    let error = fails(login(settings(&server)));
    assert!(error.to_string().contains("signed by a CA that is not trusted here"), "{error}");
    assert!(error.next.contains("VAULT_CACERT"));

    let named = |name: &str| Settings {
        ca_cert: Some(ca_cert.clone()),
        tls_server_name: Some(name.into()),
        ..settings(&server)
    };
    login(named("localhost")).unwrap();
    let error = fails(login(named("vault.example.com")));
    assert!(error.to_string().contains("the certificate is for another name"), "{error}");

    let plain = Settings { address: Some(server.address.replace("https", "http")), ..settings(&server) };
    let error = fails(login(plain));
    assert!(error.next.contains("https://"), "{error}; {}", error.next);
}

#[test]
fn a_server_without_tls_is_told_from_a_bad_certificate() {
    let server = server!();
    let settings = Settings { address: Some(server.address.replace("http", "https")), ..settings(&server) };
    let client = Client::new(settings.resolve().unwrap()).unwrap();
    let error = fails(client.login(&Auth::Token(secret("x"))));
    assert!(error.to_string().contains("does not speak TLS"), "{error}");
}
