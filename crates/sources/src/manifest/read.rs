//! TOML to [`Manifest`], with every mistake collected on the way.

mod audit;
mod auth;
mod pool;
mod reader;
mod rotate;
#[cfg(test)]
mod schema;
mod secret;

use std::collections::BTreeMap;
use std::path::Path;

use toml::de::{DeTable, DeValue};

pub(super) use self::audit::audit_config;
use self::reader::{Key, Reader, Val};
use super::problem::Show;
use super::{Manifest, ManifestError, VaultConfig};
use crate::{Source, names};

const TOP: [&str; 8] = ["audit", "cluster", "owner", "pools", "rotations", "seal_responses", "secrets", "vault"];
const CLUSTER: [&str; 1] = ["key"];
const VAULT: [&str; 14] = [
    "address",
    "auth",
    "ca_cert",
    "ca_path",
    "client_cert",
    "client_key",
    "max_retries",
    "namespace",
    "poll",
    "proxy",
    "rotate_auth",
    "timeout",
    "tls_server_name",
    "token_ttl",
];

pub(super) fn manifest(path: &Path, text: &str) -> Result<Manifest, ManifestError> {
    let mut reader = Reader::new(text);
    let mut manifest = Manifest::default();
    let parsed = DeTable::parse(text);
    let mut rotations = None;
    match &parsed {
        Ok(document) => {
            for (key, value) in reader.entries(document.get_ref(), &TOP, "a manifest") {
                if key.get_ref() == "seal_responses" {
                    manifest.seal = reader.boolean(key, value).unwrap_or_default();
                    continue;
                }
                if key.get_ref() == "owner" {
                    manifest.owner = reader.string(key, value).map(str::to_owned);
                    continue;
                }
                match (key.get_ref().as_ref(), reader.table(key, value)) {
                    ("vault", Some(table)) => manifest.vault = Some(vault(&mut reader, key, table)),
                    ("cluster", Some(table)) => manifest.cluster_key = cluster(&mut reader, key, table),
                    ("secrets", Some(table)) => {
                        for (name, value) in table {
                            if let Some((name, spec)) = secret::secret(&mut reader, name, value) {
                                manifest.secrets.insert(name, spec);
                            }
                        }
                        variables(&mut reader, table, &manifest);
                    }
                    ("rotations", Some(table)) => {
                        for (name, value) in table {
                            manifest.rotations.extend(rotate::rotation(&mut reader, name, value));
                        }
                        rotations = Some(table);
                    }
                    ("pools", Some(table)) => {
                        for (name, value) in table {
                            manifest.pools.extend(pool::pool(&mut reader, name, value));
                        }
                    }
                    _ => {}
                }
            }
        }
        Err(error) => reader.syntax(error),
    }
    // When all tables were read, in whatever order they stand.
    if let Some(table) = rotations {
        rotate::together(&mut reader, table, &manifest);
    }
    let problems = reader.finish();
    if problems.is_empty() {
        return Ok(manifest);
    }
    Err(ManifestError { path: Some(path.to_owned()), problems })
}

fn vault(reader: &mut Reader<'_>, key: &Key<'_>, table: &DeTable<'_>) -> VaultConfig {
    let mut config = VaultConfig { line: reader.line(key.span().start), ..VaultConfig::default() };
    for (key, value) in reader.entries(table, &VAULT, "[vault]") {
        match key.get_ref().as_ref() {
            "address" => {
                if let Some(text) = reader.string(key, value) {
                    match url::Url::parse(text) {
                        Ok(url) if matches!(url.scheme(), "https" | "http") && url.has_host() => {
                            config.address = Some(text.to_owned());
                        }
                        _ if text.starts_with("unix:///") => config.address = Some(text.to_owned()),
                        _ => reader.problem(
                            value.span(),
                            Show::Text,
                            "`address` is not a URL".into(),
                            Some("write https://name:port, 8200 being the usual port".into()),
                        ),
                    }
                }
            }
            "namespace" => config.namespace = reader.string(key, value).map(str::to_owned),
            "tls_server_name" => config.tls_server_name = reader.string(key, value).map(str::to_owned),
            "ca_cert" => config.ca_cert = reader.string(key, value).map(Into::into),
            "ca_path" => config.ca_path = reader.string(key, value).map(Into::into),
            "client_cert" => config.client_cert = reader.string(key, value).map(Into::into),
            "client_key" => config.client_key = reader.string(key, value).map(Into::into),
            "proxy" => {
                if let Some(text) = reader.string(key, value) {
                    config.proxy = tegmen_vault::ProxyUrl::parse(text).filter(|_| !text.contains('@'));
                    if config.proxy.is_none() {
                        let hint = "write http://name:port; one with a password belongs into VAULT_PROXY_ADDR";
                        let message = "`proxy` is not the URL of a proxy".into();
                        reader.problem(value.span(), Show::Dots, message, Some(hint.into()));
                    }
                }
            }
            "timeout" => config.timeout = reader.period(key, value),
            "poll" => config.poll = reader.period(key, value),
            "token_ttl" => config.token_ttl = reader.period(key, value),
            "max_retries" => config.max_retries = retries(reader, key, value),
            "auth" => {
                if let Some((auth, namespace)) = auth::auth(reader, key, value) {
                    (config.auth, config.auth_namespace) = (Some(auth), namespace);
                }
            }
            "rotate_auth" => {
                if let Some((auth, namespace)) = auth::auth(reader, key, value) {
                    (config.rotate_auth, config.rotate_auth_namespace) = (Some(auth), namespace);
                }
            }
            _ => {}
        }
    }
    config
}

/// What passes between master and workers.
fn cluster(reader: &mut Reader<'_>, at: &Key<'_>, table: &DeTable<'_>) -> Option<Source> {
    let entries = reader.entries(table, &CLUSTER, "[cluster]");
    let Some((key, value)) = entries.into_iter().next() else {
        if table.is_empty() {
            let hint = "write key = \"vault:secret/locust/cluster#key\", or another source".to_owned();
            reader.problem(at.span(), Show::Text, "[cluster] has no `key`".into(), Some(hint));
        }
        return None;
    };
    let source = reader.source(key, value)?;
    if source.is_whole_path() {
        let hint = format!("name one: key = \"{source}#FIELD\"");
        reader.problem(value.span(), Show::Text, "`key`: this source has several fields".into(), Some(hint));
        return None;
    }
    Some(source)
}

fn retries(reader: &mut Reader<'_>, key: &Key<'_>, value: &Val<'_>) -> Option<u32> {
    if let DeValue::Integer(number) = value.get_ref()
        && let Ok(number @ 0..=20) = u32::from_str_radix(number.as_str(), number.radix())
    {
        return Some(number);
    }
    let message = format!("`{}` must be a number from 0 to 20", key.get_ref());
    reader.problem(value.span(), Show::Dots, message, None);
    None
}

/// No two secrets in one variable, and none in a variable that Locust reads itself.
fn variables(reader: &mut Reader<'_>, table: &DeTable<'_>, manifest: &Manifest) {
    let mut owners: BTreeMap<String, (&str, usize)> = BTreeMap::new();
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in entries {
        let Some((name, spec)) = manifest.secrets.get_key_value(key.get_ref().as_ref()) else { continue };
        if spec.source.is_whole_path() {
            // Its fields have variables of their own, which are known when it was read.
            if let (Some(_), DeValue::Table(fields)) = (&spec.env, value.get_ref()) {
                let span = fields.get("env").map_or(key.span(), |env| env.span());
                let message = format!("`env` of {name}: its source is a whole path, which becomes several secrets");
                let hint = format!("leave `env` out, or name one field: source = \"{}#FIELD\"", spec.source);
                reader.problem(span, Show::Text, message, Some(hint));
            }
            continue;
        }
        // The mistake is in `env` where it is written, else in the name itself.
        let span = match value.get_ref() {
            DeValue::Table(fields) => fields.get("env").map_or(key.span(), |env| env.span()),
            _ => key.span(),
        };
        let variables = spec.variables(name);
        for variable in &variables {
            if names::locust_parses(variable) {
                let left: Vec<_> = variables
                    .iter()
                    .filter(|name| !names::locust_parses(name))
                    .map(|name| format!("\"{name}\""))
                    .collect();
                let instead = if left.is_empty() { format!("\"{name}_SECRET\"") } else { left.join(", ") };
                reader.problem(
                    span.clone(),
                    Show::Text,
                    format!("the secret {name} would appear as {variable}, which Locust reads as a setting of its own"),
                    Some(format!("write env = [{instead}] under [secrets.{name}]")),
                );
            }
            if let Some((other, line)) = owners.insert(variable.clone(), (name, reader.line(key.span().start))) {
                let message = if other == name {
                    format!("the variable {variable} is named twice")
                } else {
                    format!("the variable {variable} of {name} is that of {other} (line {line}) already")
                };
                let hint = format!("give one of them another variable with env = [\"…\"] under [secrets.{name}]");
                reader.problem(span.clone(), Show::Text, message, Some(hint));
            }
        }
    }
}

impl Reader<'_> {
    /// A mistake in the TOML itself. The line may hold a value without quotes: nothing after its `=` is shown.
    fn syntax(&mut self, error: &toml::de::Error) {
        let span = error.span().unwrap_or(0..0);
        let start = (0..=span.start.min(self.text.len())).rev().find(|&at| self.text.is_char_boundary(at)).unwrap_or(0);
        let line_start = self.text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line = self.text[line_start..].lines().next().unwrap_or_default();
        let hidden = match line.find('=') {
            Some(equals) => Some(equals + 1),
            None if line.trim_start().starts_with('[') => None,
            None => Some(0),
        };
        if let Some(from) = hidden {
            let blanks = line[from..].len() - line[from..].trim_start().len();
            self.mask(line_start + from + blanks..line_start + line.len());
        }
        let hint = "texts stand in quotes; a table begins with [secrets.NAME]".to_owned();
        self.problem(span, Show::Text, format!("not TOML: {}", error.message()), Some(hint));
    }
}
