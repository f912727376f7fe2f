//! What can go wrong between a manifest and a value. Each fault has a message of its own with a next step, and none of them
//! shows a token or a value.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use serde_json::json;
use tegmen_sources::{Context, Environment, Fetched, Manifest, Revocation, VaultLife, fetch_all};
use tegmen_testing::{Http, OpenBao, Options, Project};

const POLICY: &str = "path \"secret/data/locust/*\" { capabilities = [\"read\"] }";
const VALUE: &str = "the-value-of-the-api-key";

fn server() -> Option<OpenBao> {
    let server = OpenBao::start().unwrap()?;
    server.policy("shop", POLICY).unwrap();
    server.write_kv2("locust/shop", &json!({ "api_key": VALUE, "other": VALUE })).unwrap();
    Some(server)
}

fn fetch(address: &str, vault: &str, source: &str, variables: &[(&str, &str)]) -> Result<Fetched, String> {
    let text = format!(
        "[vault]\naddress = \"{address}\"\nmax_retries = 0\n{vault}\n[secrets]\nA = {{ source = \"{source}\" }}\n"
    );
    let manifest = Manifest::parse(Path::new("tegmen.toml"), &text).unwrap_or_else(|error| panic!("{error}"));
    let environment: Environment = variables.iter().copied().collect();
    let directory = Project::new().unwrap().path().to_owned();
    fetch_all(&manifest, &Context { environment, directory }).map_err(|errors| format!("{errors}\n{errors:?}"))
}

/// The message, which holds none of these.
fn told(result: Result<Fetched, String>, secrets: &[&str]) -> String {
    let Err(text) = result else { panic!("this must fail") };
    for secret in [secrets, &[VALUE]].concat() {
        assert!(!text.contains(secret), "{text}");
    }
    assert!(text.contains("\n  hint: "), "{text}");
    text
}

#[test]
fn wrong_path_wrong_field_and_what_may_not_be_read() {
    let Some(server) = server() else { return };
    let token = server.token(&["shop"]).unwrap();
    let fails = |source: &str| told(fetch(&server.address, "", source, &[("VAULT_TOKEN", &token)]), &[&token]);
    assert!(fails("vault:secret/locust/shops#api_key").contains("there is no secret at secret/locust/shops"));
    let field = fails("vault:secret/locust/shop#api_kye");
    assert!(field.contains("has no field api_kye; it has api_key, other"), "{field}");
    let denied = fails("vault:secret/admin#key");
    assert!(denied.contains("the token may not read secret/data/admin"), "{denied}");
    assert!(denied.contains("path \"secret/data/admin\" { capabilities = [\"read\"] }"), "{denied}");
}

#[test]
fn a_token_that_has_expired() {
    let Some(server) = server() else { return };
    let made = server.post("auth/token/create", &json!({ "policies": ["shop"], "ttl": "1s" })).unwrap();
    let token = made["auth"]["client_token"].as_str().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while server.accepts(token).unwrap() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(100));
    }
    let source = "vault:secret/locust/shop#api_key";
    let text = told(fetch(&server.address, "", source, &[("BAO_TOKEN", token)]), &[token]);
    assert!(text.contains("does not accept the token: it is invalid, expired or revoked"), "{text}");
}

#[test]
fn a_secret_id_that_is_exhausted_and_a_wrapping_token_used_twice() {
    let Some(server) = server() else { return };
    let role = server.approle("approle", "shop", "shop").unwrap();
    let auth =
        |more: &str| format!("auth = {{ method = \"approle\", role_id = \"{role}\", secret_id = \"env:ID\"{more} }}");
    let source = "vault:secret/locust/shop#api_key";
    let once = server.secret_id("approle", "shop").unwrap();
    assert!(fetch(&server.address, &auth(""), source, &[("ID", &once)]).is_ok());
    let text = told(fetch(&server.address, &auth(""), source, &[("ID", &once)]), &[&once]);
    assert!(
        text.contains("Vault refused the login at auth/approle/login") && text.contains("may be used up"),
        "{text}"
    );

    let wrapping = server.wrapped("auth/approle/role/shop/secret-id", &json!({})).unwrap();
    let wrapped = auth(", wrapped = true");
    assert!(fetch(&server.address, &wrapped, source, &[("ID", &wrapping)]).is_ok());
    let text = told(fetch(&server.address, &wrapped, source, &[("ID", &wrapping)]), &[&wrapping]);
    assert!(text.contains("cannot be unwrapped: it was used already") && text.contains("an incident"), "{text}");

    // What another role's administrator, or anybody with a token, could put in its place.
    let foreign = server.wrapped("sys/wrapping/wrap", &json!({ "secret_id": "a-secret-id-of-theirs" })).unwrap();
    let text = told(fetch(&server.address, &wrapped, source, &[("ID", &foreign)]), &[&foreign, "theirs"]);
    assert!(text.contains("was made at sys/wrapping/wrap, not at auth/approle/role/<name>/secret-id"), "{text}");
}

#[test]
fn a_server_that_repeats_what_it_was_sent() {
    let server = Http::start(|_, request| {
        let token = request.headers.get("x-vault-token").cloned().unwrap_or_default();
        let body: serde_json::Value = serde_json::from_str(&request.body).unwrap_or_default();
        let echo = format!("who is {token} {} {}?", body["password"], body["jwt"]);
        (403, json!({ "errors": [format!("1 error occurred: {echo}"), "x".repeat(150) + &echo] }).to_string())
    })
    .unwrap();
    let source = "vault:secret/locust/shop#api_key";
    let secret = "hvs.CAESIJ-hunter2-hunter2-hunter2-hunter2-hunter2-hunter2";
    for auth in [
        "auth = { method = \"token\", token = \"env:S\" }",
        "auth = { method = \"userpass\", username = \"me\", password = \"env:S\" }",
        "auth = { method = \"jwt\", jwt = \"env:S\" }",
    ] {
        told(fetch(&server.address, auth, source, &[("S", secret)]), &["hunter2", "CAES"]);
    }
}

/// Does what is due for so long.
fn live(life: &mut VaultLife, time: Duration) -> (Vec<String>, Vec<String>) {
    let (end, mut said, mut values) = (Instant::now() + time, Vec::new(), Vec::new());
    while let Some(due) = life.due().filter(|due| *due < end) {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let step = life.step();
        said.extend(step.said);
        values.extend(step.values.into_iter().map(|(_, value)| value.expose_str().unwrap().to_owned()));
    }
    std::thread::sleep(end.saturating_duration_since(Instant::now()));
    (said, values)
}

/// Runs a test of this file in a process whose wall clock it can have jump.
#[test]
fn a_clock_that_jumps() {
    let folder = Project::new().unwrap();
    let shim = folder.path().join("clock.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clock.c");
    let built = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&shim).arg(source).status().unwrap();
    assert!(built.success());
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "in_a_process_whose_clock_jumps", "--nocapture"])
        .env("LD_PRELOAD", &shim)
        .env("CLOCK_JUMP", folder.path().join("jump"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
#[ignore = "a_clock_that_jumps runs it"]
fn in_a_process_whose_clock_jumps() {
    const YEARS: i64 = 10 * 365 * 86_400;
    let file = std::env::var_os("CLOCK_JUMP").unwrap();
    let jump = |seconds: i64| std::fs::write(&file, seconds.to_string()).unwrap();
    let before = SystemTime::now();
    jump(YEARS);
    assert!(SystemTime::now().duration_since(before).unwrap().as_secs() > YEARS as u64 / 2);
    jump(0);

    let Some(server) = server() else { return };
    let role = server.approle("approle", "shop", "shop").unwrap();
    let body = json!({ "token_policies": ["shop"], "token_ttl": "3s", "token_max_ttl": "1h", "secret_id_num_uses": 0 });
    server.post("auth/approle/role/shop", &body).unwrap();
    let id = server.secret_id("approle", "shop").unwrap();
    let vault =
        format!("poll = \"1s\"\nauth = {{ method = \"approle\", role_id = \"{role}\", secret_id = \"env:ID\" }}");
    let mut fetched = fetch(&server.address, &vault, "vault:secret/locust/shop#api_key", &[("ID", &id)])
        .unwrap_or_else(|error| panic!("{error}"));
    let life = fetched.session.vault.as_mut().unwrap();
    // The token lives three seconds, and is renewed however the clock goes; new versions are seen.
    for (number, seconds) in [YEARS, -YEARS, 0].into_iter().enumerate() {
        jump(seconds);
        let value = format!("after jump {number}");
        server.write_kv2("locust/shop", &json!({ "api_key": value })).unwrap();
        let (said, values) = live(life, Duration::from_secs(4));
        assert_eq!((said, values.last()), (vec![], Some(&value)));
    }
    assert_eq!(fetched.session.ending.end().unwrap().token, Revocation::Revoked);

    // Only certificates have dates; the message says where to look.
    let Some(server) = OpenBao::start_with(Options { tls: true }).unwrap() else { return };
    let vault = format!("ca_cert = \"{}\"", server.ca_cert.as_ref().unwrap().display());
    let attempt = || fetch(&server.address, &vault, "vault:secret/none#x", &[("VAULT_TOKEN", &server.root)]);
    for (seconds, what) in [(YEARS, "the certificate has expired"), (-YEARS, "the certificate is not valid yet")] {
        jump(seconds);
        let text = told(attempt(), &[&server.root]);
        assert!(text.contains(what) && text.contains("check the clock of this machine"), "{text}");
    }
    jump(0);
    assert!(told(attempt(), &[&server.root]).contains("there is no secret at secret/none"));
}
