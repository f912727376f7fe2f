//! `--write-manifest`: hosts and places of each secret, as they were observed while canaries flew.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use tegmen_prove::{ledger::Ledger, target::ELSEWHERE};
use tegmen_sources::{Bound, Manifest, NewSecret, PlaceSpec, with_bounds, with_secrets};

use super::secrets::Secrets;
use crate::messages;

/// Writes what was observed into the manifest: that of the project, or a new one here.
pub fn write(secrets: &Secrets, ledger: &Ledger, given: Option<&Path>) -> anyhow::Result<PathBuf> {
    let path = given
        .map(Path::to_owned)
        .or_else(|| Manifest::find(&secrets.project))
        .unwrap_or_else(|| secrets.project.join(Manifest::FILE));
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
    };
    let new: Vec<NewSecret> = secrets
        .manifest
        .secrets
        .iter()
        .map(|(name, spec)| NewSecret { name: name.clone(), source: spec.source.clone(), reveal: false })
        .collect();
    let bounds = bounds(secrets, ledger);
    let text = with_bounds(&path, &with_secrets(&path, &text, &new)?, &bounds)?;
    std::fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
    for bound in &bounds {
        if bound.hosts.is_empty() {
            messages::warning(format_args!(
                "[{}] was in no request: it stays bound to the test's own target",
                bound.name
            ));
        } else if bound.places.is_empty() {
            messages::warning(format_args!(
                "[{}] stood in a place for which the manifest has no word: its places stay open",
                bound.name
            ));
        }
    }
    for name in secrets.manifest.pools.keys() {
        let prefix = format!("{name}.");
        let state = ledger.state();
        let went = state.arrivals.keys().filter(|(secret, host, _)| {
            let label = secrets.canaries.get(*secret).map_or("", |canary| canary.name.as_str());
            label.starts_with(&prefix) && !host.contains(ELSEWHERE)
        });
        let went: BTreeSet<String> = went.map(|(_, host, place)| format!("{host} in {place}")).collect();
        if !went.is_empty() {
            let went = went.into_iter().collect::<Vec<_>>().join(", ");
            messages::warning(format_args!(
                "the secret fields of the pool {name} went to {went}: write that into `hosts` and `places` of [pools.{name}] yourself"
            ));
        }
    }
    Ok(path)
}

fn bounds(secrets: &Secrets, ledger: &Ledger) -> Vec<Bound> {
    let state = ledger.state();
    let mut observed: BTreeMap<usize, (BTreeSet<&str>, BTreeSet<&str>)> = BTreeMap::new();
    // What a hostile redirect has led astray is not what the script means.
    for (secret, host, place) in state.arrivals.keys().filter(|(_, host, _)| !host.contains(ELSEWHERE)) {
        let (hosts, places) = observed.entry(*secret).or_default();
        hosts.insert(host);
        places.insert(place);
    }
    let known =
        secrets.canaries.iter().enumerate().filter(|(_, canary)| secrets.manifest.secrets.contains_key(&canary.name));
    known
        .map(|(number, canary)| {
            let (hosts, places) = observed.remove(&number).unwrap_or_default();
            let nameable = places.iter().all(|place| place.parse::<PlaceSpec>().is_ok());
            let owned = |texts: BTreeSet<&str>| texts.into_iter().map(str::to_owned).collect();
            let places = if nameable { owned(places) } else { Vec::new() };
            Bound { name: canary.name.clone(), hosts: owned(hosts), places }
        })
        .collect()
}
