//! The `auth` table of `[vault]`.

use toml::de::DeTable;

use super::reader::{Key, Reader, Val};
use crate::manifest::problem::Show;
use crate::manifest::{Credential, VaultAuth};
use crate::names;
use crate::source::has_scheme;

const TOKEN: [&str; 3] = ["method", "token", "wrapped"];
const APPROLE: [&str; 5] = ["method", "mount", "role_id", "secret_id", "wrapped"];
const METHODS: [&str; 2] = ["token", "approle"];

pub(super) fn auth(reader: &mut Reader<'_>, key: &Key<'_>, value: &Val<'_>) -> Option<VaultAuth> {
    let table = reader.table(key, value)?;
    let Some((method_key, method)) = table.get_key_value("method") else {
        let hint = "write method = \"approle\" or method = \"token\"";
        reader.problem(key.span(), Show::Text, "`auth` has no `method`".into(), Some(hint.into()));
        return None;
    };
    match reader.string(method_key, method)? {
        "token" => {
            let fields = fields(reader, table, &TOKEN, "auth with method \"token\"");
            Some(VaultAuth::Token { token: fields.token, wrapped: fields.wrapped })
        }
        "approle" => {
            let fields = fields(reader, table, &APPROLE, "auth with method \"approle\"");
            if !table.contains_key("role_id") {
                let hint = "write for example role_id = \"env:VAULT_ROLE_ID\"";
                reader.problem(key.span(), Show::Text, "`auth` has no `role_id`".into(), Some(hint.into()));
            }
            if fields.wrapped && !table.contains_key("secret_id") {
                let hint = "say with secret_id where the wrapping token is";
                let message = "`wrapped` without `secret_id`: there is nothing to unwrap".into();
                reader.problem(key.span(), Show::Text, message, Some(hint.into()));
            }
            Some(VaultAuth::AppRole {
                role_id: fields.role_id?,
                secret_id: fields.secret_id,
                wrapped: fields.wrapped,
                mount: fields.mount.unwrap_or_else(|| "approle".into()),
            })
        }
        other => {
            let hint = match names::nearest(other, &METHODS) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => "the methods are \"token\" and \"approle\"".into(),
            };
            reader.problem(method.span(), Show::Text, "this is not a `method` of logging in".into(), Some(hint));
            None
        }
    }
}

#[derive(Default)]
struct Fields {
    token: Option<Credential>,
    role_id: Option<Credential>,
    secret_id: Option<Credential>,
    wrapped: bool,
    mount: Option<String>,
}

fn fields(reader: &mut Reader<'_>, table: &DeTable<'_>, known: &[&str], of: &str) -> Fields {
    let mut fields = Fields::default();
    for (key, value) in reader.entries(table, known, of) {
        match key.get_ref().as_ref() {
            "token" => fields.token = credential(reader, key, value),
            "secret_id" => fields.secret_id = credential(reader, key, value),
            "role_id" => {
                fields.role_id = match reader.string(key, value) {
                    Some(text) if !has_scheme(text) => Some(Credential::Literal(text.to_owned())),
                    Some(_) => credential(reader, key, value),
                    None => None,
                }
            }
            "wrapped" => fields.wrapped = reader.boolean(key, value).unwrap_or_default(),
            "mount" => {
                fields.mount = reader.string(key, value).map(|mount| {
                    let mount = mount.trim_matches('/');
                    mount.strip_prefix("auth/").unwrap_or(mount).to_owned()
                });
            }
            _ => {}
        }
    }
    fields
}

fn credential(reader: &mut Reader<'_>, key: &Key<'_>, value: &Val<'_>) -> Option<Credential> {
    let source = reader.source(key, value)?;
    if source.is_vault() {
        let message = format!("`{}` cannot come from Vault: it is needed to log in to Vault", key.get_ref());
        reader.problem(value.span(), Show::Text, message, Some("use env:, file:, exec: or store:".into()));
        return None;
    }
    Some(Credential::Source(source))
}
