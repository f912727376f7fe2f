//! All fields of a path at once: `[secrets.shop]` becomes `shop.api_key` and so on.

use tegmen_vault::KvSecret;

use crate::fetch::error::Trouble;
use crate::{Manifest, SecretSpec, Source, names};

/// A field of a path, as a secret of its own.
pub(in crate::fetch) struct Part {
    pub(in crate::fetch) name: String,
    pub(in crate::fetch) field: String,
    pub(in crate::fetch) spec: SecretSpec,
}

/// The fields of `secret` as secrets of their own, for the whole path called `name`; and the names of those that are left
/// out, since they are no texts or empty.
pub(in crate::fetch) fn expanded(
    manifest: &Manifest,
    name: &str,
    spec: &SecretSpec,
    secret: &KvSecret,
) -> Result<(Vec<Part>, Vec<String>), Trouble> {
    let (mut parts, mut left): (Vec<Part>, _) = (Vec::new(), Vec::new());
    for field in secret.names() {
        if !secret.is_text(field) {
            left.push(field.to_owned());
            continue;
        }
        let own = format!("{name}.{}", names::as_name(field));
        let taken = manifest.secrets.contains_key(&own) || parts.iter().any(|part| part.name == own);
        let mut variables = names::default_variables(&own);
        variables.retain(|variable| {
            let theirs = |(other, spec): (&String, &SecretSpec)| {
                other != name && !spec.source.is_whole_path() && spec.variables(other).contains(variable)
            };
            !names::locust_parses(variable) && !manifest.secrets.iter().any(theirs)
        });
        if taken {
            return Err(Trouble::new(
                format!("its field {field} would be the secret {own}, which there is already"),
                format!("name the fields one by one: source = \"{}\"", with_field(&spec.source, field)),
            ));
        }
        let with = |part: &&Part| part.spec.variables(&part.name).iter().any(|theirs| variables.contains(theirs));
        if let Some(other) = parts.iter().find(with) {
            let (own, other) = (variables.join(" and "), &other.field);
            return Err(Trouble::new(
                format!("its fields {other} and {field} would both be in the variables {own}"),
                format!("name the fields one by one: source = \"{}\"", with_field(&spec.source, field)),
            ));
        }
        let source = with_field(&spec.source, field);
        parts.push(Part {
            name: own,
            field: field.to_owned(),
            spec: SecretSpec { source, env: Some(variables), ..spec.clone() },
        });
    }
    if parts.is_empty() {
        return Err(Trouble::new("it has no field with a text in it", "write one into it, or name the field"));
    }
    Ok((parts, left))
}

fn with_field(source: &Source, name: &str) -> Source {
    let mut source = source.clone();
    if let Source::Vault { field, .. } | Source::VaultDynamic { field, .. } = &mut source {
        *field = Some(name.to_owned());
    }
    source
}
