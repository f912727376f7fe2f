//! One `[secrets.NAME]` table.

use toml::de::{DeTable, DeValue};

use super::reader::{Key, Reader, Val};
use crate::manifest::problem::Show;
use crate::{HostSpec, PlaceSpec, SecretSpec, Source, TlsPolicy, names};

pub(super) const KEYS: [&str; 11] =
    ["as", "env", "hosts", "max_age", "owner", "places", "reveal", "rotate", "seal_responses", "source", "tls"];

pub(super) fn secret(reader: &mut Reader<'_>, key: &Key<'_>, value: &Val<'_>) -> Option<(String, SecretSpec)> {
    let name = key.get_ref().as_ref();
    if !names::is_secret_name(name) {
        reader.problem(
            key.span(),
            Show::Text,
            format!("`{name}` cannot be the name of a secret"),
            Some("a name has letters, digits, `_` and `.` and begins with no digit".into()),
        );
    }
    let DeValue::Table(table) = value.get_ref() else {
        let source = match value.get_ref() {
            DeValue::String(text) if text.parse::<Source>().is_ok() => text.as_ref(),
            _ => "…",
        };
        reader.problem(
            value.span(),
            Show::Dots,
            format!("`{name}` must be a table"),
            Some(format!("write [secrets.{name}] and below it source = \"{source}\"")),
        );
        return None;
    };
    let entries = reader.entries(table, &KEYS, "a secret");
    let mut spec = match table.get("source") {
        Some(value) => {
            let key = entries.iter().find(|(key, _)| key.get_ref() == "source").map_or(key, |(key, _)| key);
            reader.source(key, value).map(SecretSpec::new)
        }
        None => {
            missing_source(reader, key, table, name);
            None
        }
    };
    // The other keys are read even without a source, so that all mistakes are told at once.
    let mut rest = SecretSpec::new(Source::Env { name: name.to_owned() });
    for (key, value) in entries {
        field(reader, key, value, &mut rest);
    }
    if let Some(spec) = &mut spec {
        let source = std::mem::replace(&mut spec.source, Source::Env { name: String::new() });
        *spec = SecretSpec { source, line: reader.line(key.span().start), ..rest };
    }
    spec.map(|spec| (name.to_owned(), spec))
}

fn missing_source(reader: &mut Reader<'_>, key: &Key<'_>, table: &DeTable<'_>, name: &str) {
    // A misspelt `source` has been told already.
    if table.keys().any(|key| names::nearest(key.get_ref(), &["source"]).is_some()) {
        return;
    }
    let hint = format!("add a line, for example source = \"env:{name}\"");
    reader.problem(key.span(), Show::Text, format!("the secret {name} has no `source`"), Some(hint));
}

fn field(reader: &mut Reader<'_>, key: &Key<'_>, value: &Val<'_>, spec: &mut SecretSpec) {
    match key.get_ref().as_ref() {
        "env" => spec.env = variables(reader, key, value),
        "hosts" => spec.hosts = hosts(reader, key, value),
        "places" => spec.places = places(reader, key, value),
        "max_age" => spec.max_age = reader.period(key, value),
        "rotate" => spec.rotate = super::rotate::rotate(reader, key, value),
        "seal_responses" => spec.seal = reader.boolean(key, value).unwrap_or_default(),
        "owner" => spec.owner = reader.string(key, value).map(str::to_owned),
        "reveal" => spec.reveal = reader.boolean(key, value).unwrap_or_default(),
        "as" => spec.as_file = choice(reader, key, value, &["value", "file"]) == Some("file"),
        "tls" if choice(reader, key, value, &["verified", "unverified"]) == Some("unverified") => {
            spec.tls = TlsPolicy::Unverified;
        }
        _ => {}
    }
}

fn variables(reader: &mut Reader<'_>, key: &Key<'_>, value: &Val<'_>) -> Option<Vec<String>> {
    let mut variables = Vec::new();
    for (text, span) in reader.strings(key, value)? {
        if names::is_variable_name(text) {
            variables.push(text.to_owned());
        } else {
            let hint = "a variable has letters, digits and `_` and begins with no digit";
            reader.problem(span, Show::Text, format!("`env`: `{text}` is no name of a variable"), Some(hint.into()));
        }
    }
    Some(variables)
}

/// The places of a secret, or of a pool.
pub(super) fn places(reader: &mut Reader<'_>, key: &Key<'_>, value: &Val<'_>) -> Vec<PlaceSpec> {
    let mut places = Vec::new();
    for (text, span) in reader.strings(key, value).unwrap_or_default() {
        match text.parse::<PlaceSpec>() {
            Ok(place) => places.push(place),
            Err(error) => reader.problem(span, Show::Text, format!("`places`: {error}"), error.hint),
        }
    }
    places
}

/// The hosts of a secret, or of a pool.
pub(super) fn hosts(reader: &mut Reader<'_>, key: &Key<'_>, value: &Val<'_>) -> Option<Vec<HostSpec>> {
    let texts = reader.strings(key, value)?;
    if texts.is_empty() {
        let hint = "leave the line out for the test's own target, or name a host";
        reader.problem(value.span(), Show::Text, "`hosts` is empty".into(), Some(hint.into()));
    }
    let mut hosts = Vec::new();
    for (text, span) in texts {
        match HostSpec::parse(text) {
            Ok(specs) => hosts.extend(specs),
            Err(error) => {
                let show = if text.contains('@') { Show::Dots } else { Show::Text };
                reader.problem(span, show, format!("`hosts`: {error}"), error.hint);
            }
        }
    }
    Some(hosts)
}

/// One of several words.
pub(super) fn choice<'c>(
    reader: &mut Reader<'_>,
    key: &Key<'_>,
    value: &Val<'_>,
    choices: &[&'c str],
) -> Option<&'c str> {
    let text = reader.string(key, value)?;
    let found = choices.iter().find(|choice| **choice == text).copied();
    if found.is_none() {
        let all = choices.iter().map(|choice| format!("\"{choice}\"")).collect::<Vec<_>>().join(" or ");
        reader.problem(value.span(), Show::Text, format!("`{}` must be {all}", key.get_ref()), None);
    }
    found
}
