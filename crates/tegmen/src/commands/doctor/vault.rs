//! What `tegmen doctor` finds out about Vault: through the login that a run would make, without reading a secret's value but
//! to tell how old it is.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::SystemTime;

use tegmen_posture::facts::Fact;
use tegmen_posture::vault::{Aged, Facts, Need, gather, unasked};
use tegmen_sources::rotate::{Access, Age, Rotator, Subject, Way};
use tegmen_sources::{Context, Cost, Manifest, Source, Visit, visit};
use tegmen_vault::Login;

/// Vault's configuration, and how old values are.
pub fn facts(manifest: &Manifest, context: &Context, cost: Cost) -> Facts {
    let mut login = None;
    let server = match visit(manifest, context, cost) {
        Visit::NotNeeded => None,
        Visit::Shut { config: None, reason } => {
            let server = tegmen_posture::vault::Server::unknown(&reason);
            Some(server)
        }
        Visit::Shut { config: Some(config), reason } => Some(unasked(&config, needs(manifest, None), &reason)),
        Visit::Open(made) => {
            let is_own = made.owner() == tegmen_vault::TokenOwner::Given;
            let server = gather(&made, needs(manifest, Some(&made)), is_own);
            login = Some(made);
            Some(server)
        }
    };
    Facts { ages: ages(manifest, context, login), server }
}

/// What a run reads.
fn needs(manifest: &Manifest, login: Option<&Login>) -> Vec<Need> {
    let mut needs = BTreeSet::new();
    for spec in manifest.secrets.values() {
        match &spec.source {
            Source::Vault { mount_path, .. } => {
                let mount = login.and_then(|login| login.kv_mount(mount_path).ok().flatten());
                needs.insert(Need::kv(mount_path, mount.as_ref()));
            }
            Source::VaultDynamic { path, parameters, .. } if parameters.is_empty() => {
                needs.insert(Need::Read { path: path.clone(), is_lent: true });
            }
            Source::VaultDynamic { path, .. } => drop(needs.insert(Need::Write { path: path.clone() })),
            _ => {}
        }
    }
    needs.into_iter().collect()
}

/// How old everything is; without a login Vault is not asked.
fn ages(manifest: &Manifest, context: &Context, login: Option<Arc<Login>>) -> Vec<Aged> {
    // Nothing is said while it looks, and nothing that holds a value comes out of it.
    let Ok(rotator) = Rotator::new(manifest, context, Access::Manifest, |_, text| text.to_owned(), |_| {}) else {
        return Vec::new();
    };
    let asks = login.is_some();
    let rotator = match login {
        Some(login) => rotator.with_login(login),
        None => rotator,
    };
    let now = SystemTime::now();
    let age = |subject: &Subject| {
        let in_vault = matches!(
            subject.way,
            Way::Vault { .. } | Way::WholePath { .. } | Way::StaticRole { .. } | Way::Rotation(_)
        );
        if in_vault && !asks {
            return Fact::unknown("Vault was not asked");
        }
        match rotator.age(subject) {
            Ok(age @ Age::Since { .. }) => Fact::known(age.time(now).unwrap_or_default()),
            Ok(_) => Fact::unknown("nothing says so"),
            Err(trouble) => Fact::unknown(trouble.why),
        }
    };
    let aged = |subject: Subject| Aged {
        age: age(&subject),
        max_age: subject.max_age,
        is_new_each_run: subject.way == Way::PerRun,
        name: subject.name,
    };
    // Without a login there is nobody to ask for the fields of a path.
    let subjects = if asks { rotator.subjects() } else { Subject::all(manifest) };
    subjects.into_iter().map(aged).collect()
}
