//! A login and what was read with it during a long run, against a real OpenBao.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use tegmen_sources::{Context, Environment, Fetched, Manifest, Revocation, VaultLife, fetch_all};
use tegmen_testing::{Door, OpenBao, Project};

/// A server with a secret and a role `shop`, whose tokens live `ttl` and at most `max`.
fn server(ttl: &str, max: &str) -> Option<(OpenBao, String)> {
    let server = OpenBao::start().unwrap()?;
    server.policy("shop", "path \"secret/*\" { capabilities = [\"read\"] }").unwrap();
    server.write_kv2("shop", &json!({ "key": "v1" })).unwrap();
    let role_id = server.approle("approle", "shop", "shop").unwrap();
    let role = json!({ "token_policies": ["shop"], "token_ttl": ttl, "token_max_ttl": max, "secret_id_num_uses": 0 });
    server.post("auth/approle/role/shop", &role).unwrap();
    Some((server, role_id))
}

fn fetch(address: &str, vault: &str, secrets: &str, role_id: &str, secret_id: &str) -> Fetched {
    try_fetch(address, vault, secrets, role_id, secret_id).unwrap_or_else(|errors| panic!("{errors}"))
}

/// The same; what went wrong, in words.
fn try_fetch(address: &str, vault: &str, secrets: &str, role_id: &str, secret_id: &str) -> Result<Fetched, String> {
    let text = format!(
        "[vault]\naddress = \"{address}\"\nauth = {{ method = \"approle\", role_id = \"{role_id}\", secret_id = \
         \"env:ID\" }}\n{vault}\n[secrets]\n{secrets}"
    );
    let manifest = Manifest::parse(Path::new("tegmen.toml"), &text).unwrap_or_else(|error| panic!("{error}"));
    let environment: Environment = [("ID", secret_id)].into_iter().collect();
    let directory = Project::new().unwrap().path().to_owned();
    fetch_all(&manifest, &Context { environment, directory }).map_err(|errors| errors.to_string())
}

const KEY: &str = "KEY = { source = \"vault:secret/shop#key\" }";

/// Does what is due for so long; gives back what was said, and the values by name.
fn live(life: &mut VaultLife, time: Duration) -> (Vec<String>, Vec<(String, String)>) {
    let (end, mut said, mut values) = (Instant::now() + time, Vec::new(), Vec::new());
    while let Some(due) = life.due().filter(|due| *due < end) {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let step = life.step();
        said.extend(step.said);
        values.extend(step.values.into_iter().map(|(name, value)| (name, value.expose_str().unwrap().to_owned())));
    }
    std::thread::sleep(end.saturating_duration_since(Instant::now()));
    (said, values)
}

/// The time to live of the newest token that is not root's, in seconds.
fn ttl(server: &OpenBao) -> Option<u64> {
    let accessors = server.accessors().unwrap();
    let look = |accessor| server.post("auth/token/lookup-accessor", &json!({ "accessor": accessor })).ok();
    accessors.into_iter().filter_map(look).find(|found| found["data"]["path"] == "auth/approle/login").map(|found| {
        let data = &found["data"];
        data["ttl"].as_u64().unwrap()
    })
}

#[test]
fn a_short_time_to_live_is_asked_for_and_prolonged() {
    let Some((server, role_id)) = server("10m", "1h") else { return };
    let secret_id = server.secret_id("approle", "shop").unwrap();
    let mut fetched = fetch(&server.address, "token_ttl = \"3s\"\npoll = \"1h\"", KEY, &role_id, &secret_id);
    assert!(ttl(&server).unwrap() > 500);
    let life = fetched.session.vault.as_mut().unwrap();
    let (said, values) = live(life, Duration::from_secs(5));
    assert!(ttl(&server).unwrap() <= 3);
    assert_eq!((said, values), (vec![], vec![]));
    // As after a kill -9: nobody revokes it, and it ends all the same.
    std::mem::forget(fetched);
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(ttl(&server), None);
}

#[test]
fn a_token_at_its_maximum_is_replaced_before_it_ends() {
    let Some((server, role_id)) = server("2s", "3s") else { return };
    let secret_id = server.secret_id("approle", "shop").unwrap();
    let mut fetched = fetch(&server.address, "poll = \"1s\"", KEY, &role_id, &secret_id);
    let life = fetched.session.vault.as_mut().unwrap();
    let (said, _) = live(life, Duration::from_secs(8));
    assert!(said.len() >= 2 && said.iter().all(|line| line.starts_with("a new login at Vault")), "{said:?}");
    server.write_kv2("shop", &json!({ "key": "v2" })).unwrap();
    let (_, values) = live(life, Duration::from_millis(1500));
    assert_eq!(values, [("KEY".to_owned(), "v2".to_owned())]);
    assert!(matches!(fetched.session.ending.end().unwrap().token, Revocation::Revoked));
    assert_eq!(ttl(&server), None);
}

#[test]
fn a_secret_id_that_is_used_up_is_said_once() {
    let Some((server, role_id)) = server("2s", "2s") else { return };
    server.post("auth/approle/role/shop", &json!({ "secret_id_num_uses": 1 })).unwrap();
    let secret_id = server.secret_id("approle", "shop").unwrap();
    let mut fetched = fetch(&server.address, "poll = \"1s\"", KEY, &role_id, &secret_id);
    let (said, values) = live(fetched.session.vault.as_mut().unwrap(), Duration::from_secs(6));
    let lines: Vec<_> = said.iter().filter(|line| line.starts_with("no new login at Vault, the run goes on")).collect();
    assert!(lines.len() == 1 && values.is_empty(), "{said:?}");
    assert!(said[1].contains("hint: check RoleID and SecretID") && !said.concat().contains(&secret_id), "{said:?}");
}

#[test]
fn a_server_that_is_away_for_a_while() {
    let Some((server, role_id)) = server("10m", "1h") else { return };
    let secret_id = server.secret_id("approle", "shop").unwrap();
    let door = Door::before(&server.address).unwrap();
    let mut fetched = fetch(&door.address, "poll = \"1s\"", KEY, &role_id, &secret_id);
    let life = fetched.session.vault.as_mut().unwrap();
    door.shut(true);
    server.write_kv2("shop", &json!({ "key": "v2" })).unwrap();
    let (said, values) = live(life, Duration::from_secs(4));
    assert_eq!((said.len(), values.len()), (1, 0), "{said:?}");
    assert!(said[0].starts_with("Vault cannot be asked; the run goes on with the values it has"), "{said:?}");
    door.shut(false);
    let (said, values) = live(life, Duration::from_millis(1500));
    assert_eq!(said, ["Vault answers again"]);
    assert_eq!(values, [("KEY".to_owned(), "v2".to_owned())]);
}

#[test]
fn what_becomes_of_a_secret_is_said_and_its_value_stays() {
    let Some((server, role_id)) = server("10m", "1h") else { return };
    server.write_kv2("other", &json!({ "a": "1", "b": "2" })).unwrap();
    let secret_id = server.secret_id("approle", "shop").unwrap();
    let secrets =
        format!("{KEY}\nA = {{ source = \"vault:secret/other#a\" }}\nB = {{ source = \"vault:secret/other#b\" }}");
    let mut fetched = fetch(&server.address, "poll = \"1s\"", &secrets, &role_id, &secret_id);
    let life = fetched.session.vault.as_mut().unwrap();
    server.post("secret/delete/shop", &json!({ "versions": [1] })).unwrap();
    server.write_kv2("other", &json!({ "a": "1x" })).unwrap();
    let (said, values) = live(life, Duration::from_secs(4));
    assert_eq!(values, [("A".to_owned(), "1x".to_owned())]);
    let kept = "[B] keeps its value: secret/other has no field b";
    assert_eq!(said.iter().filter(|line| line.starts_with(kept)).count(), 1, "{said:?}");
    assert_eq!(said.iter().filter(|line| line.contains("version 1 of secret/shop was deleted")).count(), 1, "{said:?}");
}

#[test]
fn a_token_that_is_revoked_by_somebody_is_replaced() {
    let Some((server, role_id)) = server("10m", "1h") else { return };
    let secret_id = server.secret_id("approle", "shop").unwrap();
    let mut fetched = fetch(&server.address, "poll = \"1s\"", KEY, &role_id, &secret_id);
    server.post("sys/leases/revoke-prefix/auth/approle/login", &json!({})).unwrap();
    server.write_kv2("shop", &json!({ "key": "v2" })).unwrap();
    let (said, values) = live(fetched.session.vault.as_mut().unwrap(), Duration::from_secs(3));
    assert_eq!(said, ["a new login at Vault, in the place of one that came to its end"]);
    assert_eq!(values, [("KEY".to_owned(), "v2".to_owned())]);
}

#[test]
fn two_fields_of_a_path_are_never_in_one_variable() {
    let Some((server, role_id)) = server("10m", "1h") else { return };
    server.write_kv2("all", &json!({ "db.user": "u", "db user": "v" })).unwrap();
    let secret_id = server.secret_id("approle", "shop").unwrap();
    let manifest = "shop = { source = \"vault:secret/all\" }";
    let errors = try_fetch(&server.address, "", manifest, &role_id, &secret_id).err().unwrap();
    assert!(errors.contains("its fields db user and db.user would both be in the variables shop_db_user"), "{errors}");
}

#[test]
fn a_whole_path_becomes_a_secret_for_each_field() {
    let Some((server, role_id)) = server("10m", "1h") else { return };
    server.write_kv2("all", &json!({ "api-key": "k", "db.user": "u", "port": 5432, "empty": "" })).unwrap();
    let secret_id = server.secret_id("approle", "shop").unwrap();
    let mut fetched =
        fetch(&server.address, "poll = \"1s\"", "shop = { source = \"vault:secret/all\" }", &role_id, &secret_id);
    let names: Vec<_> = fetched.values.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
    assert_eq!(names, [("shop.api_key", &b"k"[..]), ("shop.db.user", b"u")]);
    assert_eq!(fetched.notes[0].text, "not taken, because they are no texts or empty: empty, port");
    let spec = &fetched.manifest.secrets["shop.api_key"];
    assert_eq!(spec.source.to_string(), "vault:secret/all#api-key");
    assert_eq!(spec.variables("shop.api_key"), ["shop_api_key", "LOCUST_shop_api_key"]);
    server.write_kv2("all", &json!({ "api-key": "k2", "db.user": "u", "more": "x" })).unwrap();
    let (said, values) = live(fetched.session.vault.as_mut().unwrap(), Duration::from_secs(2));
    assert_eq!((said, values[0].clone()), (vec![], ("shop.api_key".to_owned(), "k2".to_owned())));
}
