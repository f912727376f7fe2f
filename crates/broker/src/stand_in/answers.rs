//! What is answered, in the form of Vault's API (<https://developer.hashicorp.com/vault/api-docs>).

use serde_json::{Map, Value, json};
use tegmen_sources::{Form, Found};
use tegmen_wire::table::Binding;

use super::http::{Answer, Request};
use crate::{channel::Server, keep::Charge};

/// The time to live that the stand-in token is said to have, in seconds: nobody need renew it, and it can be.
const TTL: u64 = 32 * 24 * 3600;

fn answer(body: &Value) -> Answer {
    Answer { status: 200, body: body.to_string().into_bytes() }
}

/// A refusal in Vault's form.
pub(super) fn refusal(status: u16, message: &str) -> Answer {
    Answer { status, body: json!({ "errors": [format!("tegmen: {message}")] }).to_string().into_bytes() }
}

/// The refusal of everything but reading secrets.
pub(super) fn not_passed_on(method: &str, path: &str) -> Answer {
    let message = format!(
        "{method} {path} is not passed on: under `tegmen run` a script reads secrets from Vault, and nothing else; do it before \
         or after the test"
    );
    refusal(403, &message)
}

/// Whether names are asked for (LIST, as clients write it that have no such method; Vault takes what Go takes for true).
pub(super) fn lists(request: &Request) -> bool {
    let is_true = |value: &str| ["1", "t", "true"].iter().any(|word| value.eq_ignore_ascii_case(word));
    request.query.iter().any(|(name, value)| name == "list" && is_true(value))
}

/// Whether there can be a secret at a path: below an engine, and not among what Vault tells of itself and of who uses it. Had
/// that placeholders, scripts could not use it, and words such as `secret/` would be taken for values.
pub(super) fn may_be_secret(path: &str) -> bool {
    path.split_once('/').is_some_and(|(first, _)| !["sys", "auth", "identity"].contains(&first))
}

fn wrapped(data: Value, auth: Value) -> Answer {
    answer(&json!({
        "request_id": "00000000-0000-0000-0000-000000000000", "lease_id": "", "renewable": false, "lease_duration": 0,
        "data": data, "wrap_info": null, "warnings": null, "auth": auth,
    }))
}

fn auth(credential: &str) -> Value {
    json!({
        "client_token": credential, "accessor": "", "policies": ["default"], "token_policies": ["default"],
        "metadata": {}, "lease_duration": TTL, "renewable": true, "entity_id": "", "token_type": "service",
        "orphan": true, "mfa_requirement": null, "num_uses": 0,
    })
}

/// What is asked before there is a token: the server's state, logins, unwrapping.
pub(super) fn without_token(request: &Request, credential: &str) -> Option<Answer> {
    let parts: Vec<&str> = request.path.split('/').collect();
    let writes = matches!(request.method.as_str(), "POST" | "PUT");
    match (parts.as_slice(), writes) {
        (["sys", "health"], false) => {
            Some(answer(&json!({ "initialized": true, "sealed": false, "standby": false, "version": "1.15.0" })))
        }
        (["sys", "seal-status"], false) => {
            Some(answer(&json!({ "initialized": true, "sealed": false, "t": 1, "n": 1 })))
        }
        (["sys", "init"], false) => Some(answer(&json!({ "initialized": true }))),
        // auth/MOUNT/login, and with the name of a user: auth/userpass/login/NAME.
        (["auth", "token", ..], _) => None,
        (["auth", .., "login"] | ["auth", .., "login", _], true) => Some(wrapped(Value::Null, auth(credential))),
        // The broker has unwrapped what there was; a stand-in for what it held.
        (["sys", "wrapping", "unwrap"], true) => {
            let data = json!({ "secret_id": credential, "secret_id_accessor": "", "secret_id_ttl": 0 });
            Some(wrapped(data, auth(credential)))
        }
        _ => None,
    }
}

/// What is asked about the stand-in token itself. It is that of all users: nobody ends it for the others.
pub(super) fn about_token(request: &Request, credential: &str) -> Option<Answer> {
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "auth/token/lookup-self") => Some(wrapped(
            json!({
                "id": credential, "accessor": "", "policies": ["default"], "path": "auth/token/create", "ttl": TTL,
                "creation_ttl": TTL, "renewable": true, "type": "service", "display_name": "tegmen", "meta": null,
                "orphan": true, "num_uses": 0, "expire_time": null,
            }),
            Value::Null,
        )),
        ("POST" | "PUT", "auth/token/renew-self") => Some(wrapped(Value::Null, auth(credential))),
        ("POST" | "PUT", "auth/token/revoke-self") => Some(Answer { status: 204, body: Vec::new() }),
        _ => None,
    }
}

/// What was found, with placeholders in the place of values.
pub(super) fn found(server: &Server, found: Found) -> Answer {
    let mut fields = Map::new();
    let mut charges = Vec::new();
    for field in found.fields {
        let text = field.value.expose_str().unwrap_or_default();
        let plain = match text {
            "" => Some(Value::String(String::new())),
            "true" | "false" if !field.is_text => serde_json::from_str(text).ok(),
            // An address is no secret, and a placeholder could not be dialled.
            _ if is_address(text) => Some(Value::String(text.to_owned())),
            _ => None,
        };
        match plain {
            Some(plain) => drop(fields.insert(field.field, plain)),
            None => {
                let binding = Binding { name: field.name, ..Binding::default() };
                charges.push((field.field, field.is_text, Charge { binding, value: field.value, as_file: false }));
            }
        }
    }
    let (names, charges): (Vec<_>, Vec<_>) =
        charges.into_iter().map(|(name, is_text, charge)| ((name, is_text), charge)).unzip();
    let placeholders = match server.add(charges) {
        Ok(placeholders) => placeholders,
        Err(error) => return refusal(500, &format!("no more secrets can be held: {error}")),
    };
    for ((name, is_text), placeholder) in names.into_iter().zip(placeholders) {
        // A document keeps its form, with placeholders for the texts in it.
        let document = if is_text { None } else { serde_json::from_str(&placeholder).ok() };
        fields.insert(name, document.unwrap_or(Value::String(placeholder)));
    }
    match found.form {
        Form::Plain => wrapped(Value::Object(fields), Value::Null),
        Form::Versioned { version, created } => {
            let metadata = json!({
                "created_time": created, "custom_metadata": null, "deletion_time": "", "destroyed": false,
                "version": version,
            });
            wrapped(json!({ "data": fields, "metadata": metadata }), Value::Null)
        }
    }
}

/// Whether a text is a URL with nothing secret in it: scheme, host, port and a path of ordinary words.
fn is_address(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
            && url.path().len() <= 1
    })
}
