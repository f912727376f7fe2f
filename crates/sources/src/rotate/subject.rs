//! [`Subject`]: something that has a name and can be rotated, or of which it is known why it cannot.

use std::path::PathBuf;
use std::time::Duration;

use super::{RotateSpec, RotationKind};
use crate::fetch::Trouble;
use crate::{Manifest, SecretSpec, Source, names};

/// A secret, or a rotation of the manifest.
#[derive(Clone, Debug)]
pub struct Subject {
    /// What the manifest calls it.
    pub name: String,
    /// Where it is.
    pub source: String,
    /// The age from which on it is to be rotated.
    pub max_age: Option<Duration>,
    /// How it is rotated.
    pub way: Way,
    /// What the manifest says about it; `None` without `[secrets.NAME.rotate]`.
    pub rotate: Option<RotateSpec>,
}

/// How a subject is rotated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// A field of a KV secret, or of a static role where the path is that of one.
    Vault {
        /// Mount and path.
        path: String,
        /// The field.
        field: String,
    },
    /// The password of a static role, which the server makes.
    StaticRole {
        /// The path that is read.
        path: String,
    },
    /// An entry of the embedded store.
    Store {
        /// The entry.
        name: String,
    },
    /// A line of a dotenv file.
    Dotenv {
        /// The file, as written.
        file: PathBuf,
        /// The variable.
        name: String,
    },
    /// A file.
    File {
        /// The file, as written.
        path: PathBuf,
    },
    /// A variable of the environment.
    Env {
        /// The variable.
        name: String,
    },
    /// What a command prints.
    Exec,
    /// What a provider of SecretSpec has.
    Secretspec,
    /// What Vault makes anew for each run.
    PerRun,
    /// All fields of a path: each is rotated, and ages, for itself.
    WholePath {
        /// Mount and path.
        path: String,
    },
    /// A version that is named by its number.
    Pinned,
    /// A rotation of the manifest.
    Rotation(RotationKind),
}

impl Subject {
    fn of(name: &str, spec: &SecretSpec) -> Self {
        let way = match spec.source.clone() {
            Source::Vault { version: Some(_), .. } => Way::Pinned,
            Source::Vault { mount_path: path, field: Some(field), .. } => Way::Vault { path, field },
            Source::VaultDynamic { path, .. } if rotate_role(&path).is_some() => Way::StaticRole { path },
            Source::VaultDynamic { .. } => Way::PerRun,
            Source::Vault { mount_path: path, .. } => Way::WholePath { path },
            Source::Store { name } => Way::Store { name },
            Source::Dotenv { file, name } => Way::Dotenv { file, name },
            Source::File { path } => Way::File { path },
            Source::Env { name } => Way::Env { name },
            Source::Exec { .. } => Way::Exec,
            Source::Secretspec(_) => Way::Secretspec,
        };
        Self {
            name: name.to_owned(),
            source: spec.source.to_string(),
            max_age: spec.max_age,
            way,
            rotate: spec.rotate.clone(),
        }
    }

    /// One field of a secret whose source is a whole path.
    fn of_field(name: &str, spec: &SecretSpec, field: &str) -> Self {
        let mut spec = spec.clone();
        if let Source::Vault { field: named, .. } | Source::VaultDynamic { field: named, .. } = &mut spec.source {
            *named = Some(field.to_owned());
        }
        Self::of(name, &spec)
    }

    /// The fields of this one, where it stands for a whole path that has them.
    pub(super) fn fields(&self, manifest: &Manifest, fields: &[String]) -> Vec<Self> {
        let Some(spec) = manifest.secrets.get(&self.name) else { return Vec::new() };
        let named = |field: &String| format!("{}.{}", self.name, names::as_name(field));
        fields.iter().map(|field| Self::of_field(&named(field), spec, field)).collect()
    }

    /// All of a manifest, by name.
    pub fn all(manifest: &Manifest) -> Vec<Self> {
        let secrets = manifest.secrets.iter().map(|(name, spec)| Self::of(name, spec));
        let rotations = manifest.rotations.iter().map(|(name, spec)| Self {
            name: name.clone(),
            source: match &spec.kind {
                RotationKind::SecretId { role, .. } => format!("SecretID of auth/{}/role/{}", role.mount, role.role),
                RotationKind::DatabaseRoot { mount, connection } => format!("root of {mount}/config/{connection}"),
            },
            max_age: spec.max_age,
            way: Way::Rotation(spec.kind.clone()),
            rotate: Some(spec.rotate.clone()),
        });
        let mut all: Vec<_> = secrets.chain(rotations).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// The one of this name. `shop.api_key` is the field `api_key` of the secret `shop` whose source is a whole path.
    ///
    /// # Errors
    /// When there is none.
    pub fn find(manifest: &Manifest, name: &str) -> Result<Self, Trouble> {
        let all = Self::all(manifest);
        if let Some(found) = all.iter().find(|subject| subject.name == name) {
            return Ok(found.clone());
        }
        let parts = name.match_indices('.').map(|(at, _)| (&name[..at], &name[at + 1..]));
        for (whole, field) in parts {
            let Some(spec) = manifest.secrets.get(whole).filter(|spec| spec.source.is_whole_path()) else { continue };
            return Ok(Self::of_field(name, spec, field));
        }
        let known: Vec<&str> = all.iter().map(|subject| subject.name.as_str()).collect();
        let next = match (names::nearest(name, &known), known.is_empty()) {
            (Some(near), _) => format!("did you mean {near}?"),
            (None, true) => "the manifest names no secret".to_owned(),
            (None, false) => format!("it has {}", known.join(", ")),
        };
        Err(Trouble::new(format!("the manifest has no {name}"), next))
    }
}

/// Where a static role is rotated: `database/static-creds/shop` at `database/rotate-role/shop`.
pub(super) fn rotate_role(path: &str) -> Option<String> {
    let (before, role) = path.rsplit_once('/')?;
    let mount = before.strip_suffix("/static-creds").or_else(|| before.strip_suffix("/static-cred"))?;
    (!mount.is_empty() && !role.is_empty()).then(|| format!("{mount}/rotate-role/{role}"))
}
