//! Engines that make something to order: certificates, one-time codes, signatures, keys.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::json;
use tegmen_sources::{Context, Environment, Fetched, Manifest, fetch_all};
use tegmen_testing::OpenBao;

const POLICY: &str = "
path \"pki/issue/web\" { capabilities = [\"update\"] }
path \"totp/code/shop\" { capabilities = [\"read\"] }
path \"transit/hmac/*\" { capabilities = [\"update\"] }
path \"transit/datakey/plaintext/*\" { capabilities = [\"update\"] }
";

/// A server with these engines, and the secrets of a manifest at it.
fn fetch(secrets: &str) -> Option<(OpenBao, Fetched)> {
    let server = OpenBao::start().unwrap()?;
    let post = |path: &str, body: serde_json::Value| server.post(path, &body).unwrap();
    for engine in ["pki", "totp", "transit"] {
        post(&format!("sys/mounts/{engine}"), json!({ "type": engine }));
    }
    post("pki/root/generate/internal", json!({ "common_name": "load tests", "ttl": "2h" }));
    post("pki/roles/web", json!({ "allow_any_name": true, "max_ttl": "1h" }));
    post("totp/keys/shop", json!({ "generate": true, "issuer": "shop", "account_name": "load", "period": 2 }));
    post("transit/keys/shop", json!({}));
    server.policy("shop", POLICY).unwrap();
    let token = server.token(&["shop"]).unwrap();
    let text = format!("[vault]\naddress = \"{}\"\npoll = \"1s\"\n[secrets]\n{secrets}", server.address);
    let manifest = Manifest::parse(Path::new("tegmen.toml"), &text).unwrap_or_else(|error| panic!("{error}"));
    let environment: Environment = [("VAULT_TOKEN", token.as_str())].into_iter().collect();
    let context = Context { environment, directory: std::env::temp_dir() };
    let fetched = fetch_all(&manifest, &context).unwrap_or_else(|errors| panic!("{errors}"));
    Some((server, fetched))
}

fn values(fetched: &Fetched) -> BTreeMap<&str, &str> {
    fetched.values.iter().map(|(name, value)| (name.as_str(), value.expose_str().unwrap())).collect()
}

#[test]
fn a_certificate_and_its_key_belong_together_and_are_renewed_in_time() {
    let path = "vault-dynamic:pki/issue/web?common_name=load.example.com&ttl=";
    let secrets =
        format!("CERT = {{ source = \"{path}6s#certificate\" }}\nKEY = {{ source = \"{path}6s#private_key\" }}");
    let Some((_server, mut fetched)) = fetch(&secrets) else { return };
    let first = values(&fetched);
    assert!(first["CERT"].starts_with("-----BEGIN CERTIFICATE") && first["KEY"].contains("PRIVATE KEY"));
    let first = first["CERT"].to_owned();
    let life = fetched.session.vault.as_mut().unwrap();
    let until = Instant::now() + Duration::from_secs(8);
    let mut renewed = Vec::new();
    while renewed.is_empty() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(200));
        renewed = life.step().values;
    }
    let names: Vec<_> = renewed.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["CERT", "KEY"], "both, from one request");
    assert_ne!(renewed[0].1.expose_str().unwrap(), first);
}

#[test]
fn a_one_time_code_a_signature_and_a_key() {
    let secrets = "CODE = { source = \"vault:totp/code/shop#code\", reveal = true }\n\
                   MAC = { source = \"vault-dynamic:transit/hmac/shop?input=aGVsbG8%3D#hmac\" }\n\
                   KEY = { source = \"vault-dynamic:transit/datakey/plaintext/shop?bits=256#plaintext\" }";
    let Some((server, fetched)) = fetch(secrets) else { return };
    let found = values(&fetched);
    assert!(found["CODE"].len() == 6 && found["CODE"].bytes().all(|byte| byte.is_ascii_digit()));
    let same = server.post("transit/hmac/shop", &json!({ "input": "aGVsbG8=" })).unwrap();
    assert_eq!(same["data"]["hmac"].as_str(), Some(found["MAC"]));
    assert_eq!(found["KEY"].len(), 44);
}
