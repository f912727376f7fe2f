//! Values from a real OpenBao: one login for all, one read a path, and the token revoked at the end.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::path::Path;

use serde_json::json;
use tegmen_sources::{Context, Environment, Fetched, Manifest, Revocation, fetch_all};
use tegmen_testing::{OpenBao, Options, Project};

const POLICY: &str = "path \"secret/data/locust/*\" { capabilities = [\"read\"] }";

fn server() -> Option<OpenBao> {
    let server = OpenBao::start().unwrap()?;
    server.policy("shop", POLICY).unwrap();
    server.write_kv2("locust/shop", &json!({ "api_key": "v1", "db": "p", "empty": "" })).unwrap();
    Some(server)
}

fn manifest(text: &str) -> Manifest {
    Manifest::parse(Path::new("tegmen.toml"), text).unwrap_or_else(|error| panic!("{error}"))
}

fn context(project: &Project, variables: &[(&str, &str)]) -> Context {
    let home = project.path().to_str().unwrap().to_owned();
    let environment: Environment = variables.iter().copied().chain([("HOME", home.as_str())]).collect();
    Context { environment, directory: project.path().to_owned() }
}

fn fetched(result: Result<Fetched, tegmen_sources::FetchErrors>) -> Fetched {
    result.unwrap_or_else(|errors| panic!("{errors}"))
}

fn told(result: Result<Fetched, tegmen_sources::FetchErrors>) -> String {
    match result {
        Ok(_) => panic!("this must fail"),
        Err(errors) => errors.to_string(),
    }
}

#[test]
fn a_wrapped_secret_id_from_a_file() {
    let Some(server) = server() else { return };
    let project = Project::new().unwrap();
    let role_id = server.approle("approle", "shop", "shop").unwrap();
    let wrapping = server.wrapped("auth/approle/role/shop/secret-id", &json!({})).unwrap();
    project.write("secret-id", format!("{wrapping}\n")).unwrap();
    let manifest = manifest(&format!(
        r#"
[vault]
address = "{}"
auth = {{ method = "approle", role_id = "env:MY_ROLE", secret_id = "file:secret-id", wrapped = true }}
[secrets]
A = {{ source = "vault:secret/locust/shop#api_key" }}
B = {{ source = "vault:secret/locust/shop?version=1#db" }}
C = {{ source = "vault:secret/locust/shop#db" }}
"#,
        server.address
    ));
    let context = context(&project, &[("MY_ROLE", &role_id), ("VAULT_TOKEN", "not-this-one")]);
    let before = server.accessors().unwrap().len();
    let mut fetch = fetched(fetch_all(&manifest, &context));
    let values: Vec<_> =
        fetch.values.iter().map(|(name, value)| (name.as_str(), value.expose_str().unwrap())).collect();
    assert_eq!(values, [("A", "v1"), ("B", "p"), ("C", "p")]);
    assert_eq!(fetch.consumed.iter().collect::<Vec<_>>(), ["MY_ROLE", "VAULT_TOKEN"]);
    assert!(fetch.warnings.is_empty());

    server.write_kv2("locust/shop", &json!({ "api_key": "v2", "db": "p2" })).unwrap();
    let life = fetch.session.vault.as_mut().unwrap();
    life.hurry();
    let step = life.step();
    let values: Vec<_> = step.values.iter().map(|(name, value)| (name.as_str(), value.expose_str().unwrap())).collect();
    // The version that was asked for by its number stays what it is.
    assert_eq!((values, step.said), (vec![("A", "v2"), ("C", "p2")], vec![]));
    // One login, whose token replaced the wrapping token; it is gone at the end.
    assert_eq!(server.accessors().unwrap().len(), before);
    assert_eq!(fetch.session.ending.end().unwrap().token, Revocation::Revoked);
    assert_eq!(server.accessors().unwrap().len(), before - 1);

    // The file still holds the wrapping token, which somebody tries again.
    let text = told(fetch_all(&manifest, &context));
    assert!(text.contains("cannot be unwrapped") && text.contains("incident"), "{text}");
    assert!(text.contains("A (vault:secret/locust/shop#api_key), B ("), "{text}");
    assert!(!text.contains(&wrapping));
}

#[test]
fn the_variables_alone() {
    let Some(server) = server() else { return };
    let project = Project::new().unwrap();
    let manifest = Manifest::from_options(&["A=vault:secret/locust/shop#api_key".into()], &[]).unwrap();
    let token = server.token(&["shop"]).unwrap();
    let address = server.address.as_str();
    let get = |variables: &[(&str, &str)]| {
        let fetch = fetched(fetch_all(&manifest, &context(&project, variables)));
        assert_eq!(fetch.values[0].1.expose(), b"v1");
        fetch.session.ending.end().map(|ended| ended.token)
    };
    assert_eq!(get(&[("VAULT_ADDR", address), ("VAULT_TOKEN", &token)]), Some(Revocation::NotOurs));
    assert_eq!(
        get(&[("BAO_ADDR", address), ("VAULT_ADDR", "http://no"), ("BAO_TOKEN", &token)]),
        Some(Revocation::NotOurs)
    );
    let role_id = server.approle("approle", "shop", "shop").unwrap();
    let secret_id = server.secret_id("approle", "shop").unwrap();
    let variables = [("VAULT_ADDR", address), ("VAULT_ROLE_ID", &role_id), ("VAULT_SECRET_ID", &secret_id)];
    assert_eq!(get(&variables), Some(Revocation::Revoked));
    project.write(".vault-token", &token).unwrap();
    assert_eq!(get(&[("VAULT_ADDR", address)]), Some(Revocation::NotOurs));
    assert!(server.accepts(&token).unwrap());
}

#[test]
fn every_failure_has_its_secret_and_its_next_step() {
    let Some(server) = server() else { return };
    let project = Project::new().unwrap();
    let token = server.token(&["shop"]).unwrap();
    let manifest = manifest(
        r#"
[secrets]
A = { source = "vault:secret/locust/shop#api_kye" }
B = { source = "vault:secret/locust/nope#x" }
C = { source = "vault:secret/other#x" }
D = { source = "vault:secret/other#y" }
E = { source = "vault:secret/locust/shop#empty" }
F = { source = "env:NOPE" }
"#,
    );
    let context = context(&project, &[("VAULT_ADDR", &server.address), ("VAULT_TOKEN", &token)]);
    insta::assert_snapshot!(told(fetch_all(&manifest, &context)));
}

#[test]
fn a_secret_id_is_not_used_up_in_vain() {
    let Some(server) = server() else { return };
    let project = Project::new().unwrap();
    let role_id = server.approle("approle", "shop", "shop").unwrap();
    let secret_id = server.secret_id("approle", "shop").unwrap();
    let options = ["A=vault:secret/locust/shop#api_key".to_owned(), "B=env:NOPE".to_owned()];
    let manifest = Manifest::from_options(&options, &[]).unwrap();
    let variables = [
        ("VAULT_ADDR", server.address.as_str()),
        ("VAULT_ROLE_ID", role_id.as_str()),
        ("VAULT_SECRET_ID", secret_id.as_str()),
    ];
    let text = told(fetch_all(&manifest, &context(&project, &variables)));
    assert!(text.contains("cannot get A (vault:secret/locust/shop#api_key): Vault was not asked"), "{text}");
    let more = [&variables[..], &[("NOPE", "there now")]].concat();
    fetched(fetch_all(&manifest, &context(&project, &more)));
}

#[test]
fn no_server_no_login_no_address() {
    let project = Project::new().unwrap();
    let manifest = Manifest::from_options(&["A=vault:secret/a#b".into(), "B=vault:secret/a#c".into()], &[]).unwrap();
    let get = |variables: &[(&str, &str)]| told(fetch_all(&manifest, &context(&project, variables)));
    let address = ("VAULT_ADDR", "http://127.0.0.1:9");
    insta::assert_snapshot!(get(&[]));
    insta::assert_snapshot!(get(&[address]));
    let text = get(&[address, ("VAULT_TOKEN", "t"), ("VAULT_MAX_RETRIES", "0")]);
    assert!(
        text.starts_with("cannot get A (vault:secret/a#b), B (vault:secret/a#c): Vault at http://127.0.0.1:9 cannot"),
        "{text}"
    );
    let text = get(&[address, ("VAULT_TOKEN", "t"), ("VAULT_CLIENT_TIMEOUT", "soon")]);
    assert!(text.contains("VAULT_CLIENT_TIMEOUT is not a duration"), "{text}");
}

#[test]
fn tls_and_what_is_told_about_it() {
    let Some(server) = OpenBao::start_with(Options { tls: true }).unwrap() else { return };
    server.write_kv2("shop", &json!({ "k": "v" })).unwrap();
    let project = Project::new().unwrap();
    project.write("ca.pem", std::fs::read(server.ca_cert.as_ref().unwrap()).unwrap()).unwrap();
    let text = format!(
        "[vault]\naddress = \"{}\"\nca_cert = \"ca.pem\"\n[secrets]\nA = {{ source = \"vault:secret/shop#k\" }}",
        server.address
    );
    let variables = [("VAULT_TOKEN", server.root.as_str())];
    assert!(fetched(fetch_all(&manifest(&text), &context(&project, &variables))).warnings.is_empty());
    let unnamed = text.replace("ca_cert = \"ca.pem\"\n", "");
    let failed = told(fetch_all(&manifest(&unnamed), &context(&project, &variables)));
    assert!(failed.contains("signed by a CA that is not trusted here"), "{failed}");
    let careless = [variables[0], ("VAULT_SKIP_VERIFY", "true")];
    let warnings = fetched(fetch_all(&manifest(&unnamed), &context(&project, &careless))).warnings;
    assert!(warnings[0].starts_with("VAULT_SKIP_VERIFY is set"), "{warnings:?}");
}
