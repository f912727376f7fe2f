//! What scripts ask Vault for, and what was lent for them: against a server that is made up.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::path::Path;

use tegmen_sources::{Context, Fetched, Manifest, fetch_all};
use tegmen_testing::{Http, HttpRequest, Project};

/// A server that knows the token and answers the rest as the function does.
fn server(answer: impl Fn(&str, &HttpRequest) -> (u16, String) + Send + Sync + 'static) -> Http {
    Http::start(move |_, request| match request.target.trim_start_matches("/v1/") {
        "auth/token/lookup-self" => (200, r#"{"data": {"ttl": 600, "renewable": false}}"#.to_owned()),
        path => answer(path, request),
    })
    .unwrap()
}

fn fetch(vault: &Http, secrets: &str) -> Fetched {
    let text = format!("[vault]\naddress = \"{}\"\nmax_retries = 0\n{secrets}", vault.address);
    let manifest = Manifest::parse(Path::new("tegmen.toml"), &text).unwrap_or_else(|error| panic!("{error}"));
    let environment = [("VAULT_TOKEN", "token-of-a-test")].into_iter().collect();
    let directory = Project::new().unwrap().path().to_owned();
    fetch_all(&manifest, &Context { environment, directory }).unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn two_fields_whose_names_look_alike_are_two_secrets() {
    let vault = server(|path, _| match path {
        "kv/shop" => (200, r#"{"data": {"api-key": "one-value", "api_key": "other-value", "api.key": ""}}"#.to_owned()),
        _ => (200, r#"{"data": {"path": "kv/", "type": "kv", "options": null}}"#.to_owned()),
    });
    let mut life = fetch(&vault, "").session.opener.unwrap().open().ok().unwrap();
    let read = life.reading().read("kv/shop", None).ok().unwrap().unwrap();
    let mut names: Vec<String> = life.found(read).fields.into_iter().map(|field| field.name).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 3, "{names:?}");
}

#[test]
fn what_was_lent_on_somebody_elses_token_is_given_back_by_whoever_drops_it() {
    let vault = server(|path, _| match path {
        "database/creds/shop" => {
            let data = r#"{"username": "u-1", "password": "lent-password"}"#;
            (200, format!(r#"{{"lease_id": "database/creds/shop/1", "lease_duration": 60, "data": {data}}}"#))
        }
        "sys/leases/revoke" => (204, String::new()),
        _ => (404, r#"{"errors": []}"#.to_owned()),
    });
    let fetched = fetch(&vault, "[secrets]\nDB = { source = \"vault-dynamic:database/creds/shop#password\" }\n");
    let revoked = || vault.seen().iter().filter(|request| request.target == "/v1/sys/leases/revoke").count();
    assert_eq!(revoked(), 0);
    drop(fetched);
    assert_eq!(revoked(), 1);
    assert!(vault.seen().iter().any(|request| request.body.contains("database/creds/shop/1")));
}
