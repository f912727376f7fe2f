//! `docs/reference/manifest.schema.json` knows every key that the reader takes: what an editor marks as wrong must be wrong.

use serde_json::Value;

const SCHEMA: &str = include_str!("../../../../../docs/reference/manifest.schema.json");

/// The keys that the schema has at a path of properties; `*` stands for any name.
fn keys(path: &[&str]) -> Vec<String> {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let mut table = &schema;
    for part in path {
        table = if *part == "*" { &table["additionalProperties"] } else { &table["properties"][*part] };
    }
    table["properties"].as_object().unwrap().keys().cloned().collect()
}

fn missing<'k>(accepted: impl IntoIterator<Item = &'k &'k str>, path: &[&str]) -> Vec<&'k str> {
    let known = keys(path);
    accepted.into_iter().copied().filter(|key| !known.iter().any(|one| one == key)).collect()
}

#[test]
fn every_key_is_in_the_schema() {
    let none: [&str; 0] = [];
    assert_eq!(missing(&super::TOP, &[]), none, "add it to properties of the schema");
    assert_eq!(missing(&super::VAULT, &["vault"]), none, "add it to properties.vault of the schema");
    assert_eq!(missing(&super::secret::KEYS, &["secrets", "*"]), none, "add it to properties.secrets of the schema");
    assert_eq!(missing(&super::audit::KEYS, &["audit"]), none, "add it to properties.audit of the schema");
    for method in super::auth::METHODS {
        assert_eq!(missing(method.keys, &["vault", "auth"]), none, "add it to properties.vault.auth of the schema");
    }
}
