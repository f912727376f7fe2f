//! One `[pools.NAME]` table.

use toml::de::DeValue;

use super::reader::{Key, Reader, Val};
use super::secret::{choice, hosts, places};
use crate::manifest::problem::Show;
use crate::{OnEmpty, PoolFormat, PoolSpec, Source, TlsPolicy, names};

const KEYS: [&str; 12] = [
    "format",
    "hosts",
    "key",
    "on_empty",
    "places",
    "secret_fields",
    "seal_responses",
    "share",
    "source",
    "tls",
    "value",
    "wait",
];

pub(super) fn pool(reader: &mut Reader<'_>, key: &Key<'_>, value: &Val<'_>) -> Option<(String, PoolSpec)> {
    let name = key.get_ref().as_ref();
    if !names::is_variable_name(name) {
        let hint = "a name has letters, digits and `_` and begins with no digit";
        reader.problem(key.span(), Show::Text, format!("`{name}` cannot be the name of a pool"), Some(hint.into()));
    }
    let DeValue::Table(table) = value.get_ref() else {
        let hint = format!("write [pools.{name}] and below it source = \"…\"");
        reader.problem(value.span(), Show::Dots, format!("`{name}` must be a table"), Some(hint));
        return None;
    };
    let entries = reader.entries(table, &KEYS, "a pool");
    let told = |wanted: &str| table.keys().any(|key| names::nearest(key.get_ref(), &[wanted]).is_some());
    let mut spec = PoolSpec {
        source: Source::Env { name: String::new() },
        secret_fields: Vec::new(),
        format: None,
        key: "name".to_owned(),
        value: "value".to_owned(),
        on_empty: OnEmpty::default(),
        wait: None,
        share: None,
        hosts: None,
        places: Vec::new(),
        tls: TlsPolicy::Verified,
        seal: false,
        line: reader.line(key.span().start),
    };
    let mut source = None;
    for (key, value) in &entries {
        match key.get_ref().as_ref() {
            "source" => source = source_of(reader, key, value),
            "secret_fields" => secret_fields(reader, key, value, &mut spec),
            "format" => {
                spec.format = match choice(reader, key, value, &["csv", "json"]) {
                    Some("csv") => Some(PoolFormat::Csv),
                    Some(_) => Some(PoolFormat::Json),
                    None => None,
                }
            }
            "key" => spec.key = reader.string(key, value).unwrap_or(&spec.key).to_owned(),
            "value" => spec.value = reader.string(key, value).unwrap_or(&spec.value).to_owned(),
            "on_empty" => {
                spec.on_empty = match choice(reader, key, value, &["fail", "wait", "cycle"]) {
                    Some("wait") => OnEmpty::Wait,
                    Some("cycle") => OnEmpty::Cycle,
                    _ => OnEmpty::Fail,
                }
            }
            "wait" => spec.wait = reader.period(key, value),
            "share" => {
                if let Some(text) = reader.string(key, value) {
                    match text.parse() {
                        Ok(share) => spec.share = Some(share),
                        Err(hint) => {
                            let message = "`share` is no part of the records".into();
                            reader.problem(value.span(), Show::Text, message, Some(hint.to_owned()));
                        }
                    }
                }
            }
            "hosts" => spec.hosts = hosts(reader, key, value),
            "places" => spec.places = places(reader, key, value),
            "tls" if choice(reader, key, value, &["verified", "unverified"]) == Some("unverified") => {
                spec.tls = TlsPolicy::Unverified;
            }
            "seal_responses" => spec.seal = reader.boolean(key, value).unwrap_or_default(),
            _ => {}
        }
    }
    if let (Some((key, value)), true) =
        (entries.iter().find(|(key, _)| key.get_ref() == "wait"), spec.on_empty != OnEmpty::Wait)
    {
        let hint = "write on_empty = \"wait\", or leave `wait` out".to_owned();
        let message = format!("`{}` says how long a user waits, but users do not wait here", key.get_ref());
        reader.problem(value.span(), Show::Text, message, Some(hint));
    }
    if !table.contains_key("source") && !told("source") {
        let hint = format!("add a line, for example source = \"file:{name}.csv\"");
        reader.problem(key.span(), Show::Text, format!("the pool {name} has no `source`"), Some(hint));
    }
    if !table.contains_key("secret_fields") && !told("secret_fields") {
        let hint =
            "name the fields that are placeholders in Python: secret_fields = [\"password\"]; [\"*\"] is all".into();
        reader.problem(key.span(), Show::Text, format!("the pool {name} has no `secret_fields`"), Some(hint));
    }
    spec.source = source?;
    Some((name.to_owned(), spec))
}

/// What lends one credential for a time is no list of them.
fn source_of(reader: &mut Reader<'_>, key: &Key<'_>, value: &Val<'_>) -> Option<Source> {
    let source = reader.source(key, value)?;
    if matches!(source, Source::VaultDynamic { .. }) {
        let message = "`source`: `vault-dynamic:` lends one credential, and a pool needs many records".into();
        let hint = "keep the records in KV (vault:MOUNT/PATH), a file or the store".to_owned();
        reader.problem(value.span(), Show::Text, message, Some(hint));
        return None;
    }
    Some(source)
}

fn secret_fields(reader: &mut Reader<'_>, key: &Key<'_>, value: &Val<'_>, spec: &mut PoolSpec) {
    let Some(fields) = reader.strings(key, value) else { return };
    if fields.is_empty() {
        let hint = "name at least one; [\"*\"] is all of them".to_owned();
        reader.problem(value.span(), Show::Text, "`secret_fields` is empty".into(), Some(hint));
    }
    spec.secret_fields = fields.into_iter().map(|(name, _)| name.to_owned()).collect();
}
