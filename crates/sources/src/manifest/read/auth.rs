//! The `auth` table of `[vault]`.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use toml::de::DeTable;

use super::reader::{Key, Reader, Val};
use crate::manifest::problem::Show;
use crate::manifest::{Credential, Directory, VaultAuth};
use crate::source::has_scheme;
use crate::{Source, names};

/// A method of logging in: the keys that it needs, and those that it may have.
pub(super) struct Method {
    name: &'static str,
    needed: &'static [Needed],
    pub(super) keys: &'static [&'static str],
}

/// A key, and how it is written.
type Needed = (&'static str, &'static str);

const ROLE: Needed = ("role", "role = \"NAME\", a role of the method");
const USERNAME: Needed = ("username", "username = \"NAME\" or \"env:NAME\"");
const PASSWORD: Needed = ("password", "password = \"file:PATH\" or \"env:NAME\"");
const ROLE_ID: Needed = ("role_id", "for example role_id = \"env:VAULT_ROLE_ID\"");

pub(super) const METHODS: [Method; 11] = [
    Method { name: "token", needed: &[], keys: &["method", "remove_after_reading", "token", "wrapped"] },
    Method {
        name: "approle",
        needed: &[ROLE_ID],
        keys: &["method", "mount", "namespace", "remove_after_reading", "role_id", "secret_id", "wrapped"],
    },
    Method {
        name: "userpass",
        needed: &[USERNAME, PASSWORD],
        keys: &["method", "mount", "namespace", "password", "username"],
    },
    Method {
        name: "ldap",
        needed: &[USERNAME, PASSWORD],
        keys: &["method", "mount", "namespace", "password", "username"],
    },
    Method { name: "cert", needed: &[], keys: &["method", "mount", "namespace", "role"] },
    Method {
        name: "jwt",
        needed: &[],
        keys: &["audience", "jwt", "method", "mount", "namespace", "remove_after_reading", "role"],
    },
    Method { name: "kubernetes", needed: &[ROLE], keys: &["jwt", "method", "mount", "namespace", "role"] },
    Method {
        name: "aws",
        needed: &[],
        keys: &[
            "access_key_id",
            "method",
            "mount",
            "region",
            "role",
            "secret_access_key",
            "server_id",
            "session_token",
        ],
    },
    Method { name: "agent", needed: &[], keys: &["method"] },
    Method { name: "gcp", needed: &[ROLE], keys: &["method", "mount", "namespace", "role"] },
    Method { name: "azure", needed: &[ROLE], keys: &["client_id", "method", "mount", "namespace", "resource", "role"] },
];

/// Where Kubernetes puts the token of the service account.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// The method, and the namespace of the login.
pub(super) fn auth(reader: &mut Reader<'_>, key: &Key<'_>, value: &Val<'_>) -> Option<(VaultAuth, Option<String>)> {
    let table = reader.table(key, value)?;
    let Some((method_key, method)) = table.get_key_value("method") else {
        let hint = "write method = \"approle\" or method = \"token\"";
        reader.problem(key.span(), Show::Text, "`auth` has no `method`".into(), Some(hint.into()));
        return None;
    };
    let text = reader.string(method_key, method)?;
    let Some(known) = METHODS.iter().find(|known| known.name == text) else {
        let all = METHODS.map(|known| known.name);
        let hint = match names::nearest(text, &all) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("the methods are {}; a token of OIDC is for \"jwt\"", all.join(", ")),
        };
        reader.problem(method.span(), Show::Text, "this is not a `method` of logging in".into(), Some(hint));
        return None;
    };
    let mut fields = fields(reader, table, known);
    for (name, written) in known.needed {
        if !table.contains_key(*name) {
            let message = format!("`auth` has no `{name}`");
            reader.problem(key.span(), Show::Text, message, Some(format!("write {written}")));
        }
    }
    let main = match known.name {
        "token" => "token",
        "approle" => "secret_id",
        _ => "jwt",
    };
    if known.name == "approle" && fields.wrapped && !table.contains_key(main) {
        let hint = "say with secret_id where the wrapping token is";
        let message = "`wrapped` without `secret_id`: there is nothing to unwrap".into();
        reader.problem(key.span(), Show::Text, message, Some(hint.into()));
    }
    if let Some(span) = fields.remove.clone() {
        let is_file = matches!(fields.credentials.get(main), Some(Credential::Source(Source::File { .. })));
        if !is_file {
            let hint = format!("say with {main} = \"file:PATH\" which file, or leave it out");
            let message = format!("`remove_after_reading`, but `{main}` does not come from a file");
            reader.problem(span, Show::Text, message, Some(hint));
        }
    }
    let namespace = fields.text("namespace");
    Some((fields.method(known.name)?, namespace))
}

#[derive(Default)]
struct Fields {
    credentials: BTreeMap<&'static str, Credential>,
    texts: BTreeMap<&'static str, String>,
    wrapped: bool,
    /// Where `remove_after_reading` stands, when it is true.
    remove: Option<Range<usize>>,
}

impl Fields {
    fn credential(&mut self, name: &str) -> Option<Credential> {
        self.credentials.remove(name)
    }

    /// What comes from this variable where the manifest does not say otherwise.
    fn credential_or_variable(&mut self, name: &str, variable: &str) -> Credential {
        self.credential(name).unwrap_or_else(|| Credential::Source(Source::Env { name: variable.to_owned() }))
    }

    fn text(&mut self, name: &str) -> Option<String> {
        self.texts.remove(name)
    }

    /// `None` where something is missing; that has been said.
    fn method(mut self, name: &str) -> Option<VaultAuth> {
        let mount = self.text("mount").unwrap_or_else(|| name.to_owned());
        let remove = self.remove.is_some();
        Some(match name {
            "token" => VaultAuth::Token { token: self.credential("token"), wrapped: self.wrapped, remove },
            "approle" => VaultAuth::AppRole {
                role_id: self.credential("role_id")?,
                secret_id: self.credential("secret_id"),
                wrapped: self.wrapped,
                remove,
                mount,
            },
            "userpass" | "ldap" => VaultAuth::Password {
                directory: if name == "ldap" { Directory::Ldap } else { Directory::Vault },
                username: self.credential("username")?,
                password: self.credential("password")?,
                mount,
            },
            "agent" => VaultAuth::Agent,
            "cert" => VaultAuth::Certificate { role: self.text("role"), mount },
            "jwt" => VaultAuth::Jwt {
                role: self.text("role"),
                jwt: self.credential("jwt"),
                audience: self.text("audience"),
                remove,
                mount,
            },
            "kubernetes" => {
                let usual = || Credential::Source(Source::File { path: PathBuf::from(SERVICE_ACCOUNT) });
                let jwt = self.credential("jwt").unwrap_or_else(usual);
                VaultAuth::Kubernetes { role: self.text("role")?, jwt, mount }
            }
            "aws" => VaultAuth::Aws {
                role: self.text("role"),
                keys: [
                    self.credential_or_variable("access_key_id", "AWS_ACCESS_KEY_ID"),
                    self.credential_or_variable("secret_access_key", "AWS_SECRET_ACCESS_KEY"),
                ],
                session_token: self.credential("session_token"),
                region: self.text("region"),
                server_id: self.text("server_id"),
                mount,
            },
            "gcp" => VaultAuth::Gcp { role: self.text("role")?, mount },
            "azure" => VaultAuth::Azure {
                role: self.text("role")?,
                resource: self.text("resource").unwrap_or_else(|| "https://management.azure.com/".to_owned()),
                client_id: self.text("client_id"),
                mount,
            },
            _ => return None,
        })
    }
}

fn fields(reader: &mut Reader<'_>, table: &DeTable<'_>, method: &Method) -> Fields {
    let mut fields = Fields::default();
    let of = format!("auth with method \"{}\"", method.name);
    for (key, value) in reader.entries(table, method.keys, &of) {
        let Some(name) = method.keys.iter().copied().find(|name| *name == key.get_ref()) else { continue };
        match name {
            "method" => {}
            "wrapped" => fields.wrapped = reader.boolean(key, value).unwrap_or_default(),
            "remove_after_reading" => {
                fields.remove = reader.boolean(key, value).unwrap_or_default().then(|| value.span());
            }
            "token" | "secret_id" | "password" | "jwt" | "secret_access_key" | "session_token" => {
                fields.credentials.extend(credential(reader, key, value).map(|found| (name, found)));
            }
            // Names, which may be written out.
            "role_id" | "username" | "access_key_id" => {
                let found = match reader.string(key, value) {
                    Some(text) if !has_scheme(text) => Some(Credential::Literal(text.to_owned())),
                    Some(_) => credential(reader, key, value),
                    None => None,
                };
                fields.credentials.extend(found.map(|found| (name, found)));
            }
            "mount" => {
                let mount = reader.string(key, value).map(|mount| {
                    let mount = mount.trim_matches('/');
                    mount.strip_prefix("auth/").unwrap_or(mount).to_owned()
                });
                fields.texts.extend(mount.map(|mount| (name, mount)));
            }
            _ => fields.texts.extend(reader.string(key, value).map(|text| (name, text.to_owned()))),
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
