//! Which secrets a run has: from the manifest, from `--secret`, or from the environment.

use anyhow::{Context as _, bail};
use tegmen_sources::{Environment, HostSpec, Manifest, Source};

use super::Selection;
use crate::messages;

/// The manifest of a run, and what to call it in messages.
pub struct Chosen {
    pub manifest: Manifest,
    /// The manifest's path as the user would write it; `None` for a run without one.
    pub shown: Option<String>,
    /// What was taken from where, and what was not.
    pub notes: Vec<String>,
}

pub fn choose(args: &Selection) -> anyhow::Result<Chosen> {
    let cluster = args.cluster_key.as_deref().map(cluster_key).transpose()?;
    let mut chosen = choose_secrets(args, cluster.as_ref())?;
    if cluster.is_some() {
        chosen.manifest.cluster_key = cluster;
    }
    Ok(chosen)
}

fn cluster_key(written: &str) -> anyhow::Result<Source> {
    match written.parse::<Source>() {
        Ok(source) if source.is_whole_path() => bail!("--cluster-key: this source has several fields; add #FIELD"),
        Ok(source) => Ok(source),
        // The option may be a value: it is not repeated.
        Err(error) => {
            bail!("--cluster-key: {error}{}", error.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default())
        }
    }
}

fn choose_secrets(args: &Selection, cluster: Option<&Source>) -> anyhow::Result<Chosen> {
    if !args.secret.is_empty() {
        return Ok(Chosen {
            manifest: Manifest::from_options(&args.secret, &args.hosts)?,
            shown: None,
            notes: Vec::new(),
        });
    }
    let here = std::env::current_dir().context("the current directory cannot be read")?;
    let Some(path) = args.manifest.clone().or_else(|| Manifest::find(&here)) else {
        return from_environment(args, cluster);
    };
    let mut manifest = Manifest::load(&path)?;
    let more = hosts(&args.hosts)?;
    if !more.is_empty() {
        for spec in manifest.secrets.values_mut() {
            spec.hosts.get_or_insert_default().extend(more.iter().cloned());
        }
        for spec in manifest.pools.values_mut() {
            spec.hosts.get_or_insert_default().extend(more.iter().cloned());
        }
    }
    for spec in manifest.pools.values_mut() {
        spec.share = spec.share.or(args.pool_share);
    }
    let shown = path.strip_prefix(&here).unwrap_or(&path).display().to_string();
    let mut notes = Vec::new();
    if manifest.secrets.is_empty() && manifest.pools.is_empty() {
        messages::warning(format_args!("no secret: {shown} names none"));
        messages::hint("add one: [secrets.API_KEY] with source = \"env:API_KEY\"");
    } else if !manifest.secrets.is_empty() {
        let names = manifest.secrets.keys().cloned().collect::<Vec<_>>().join(", ");
        let number = counted(manifest.secrets.len());
        notes.push(format!("{number} from {shown}: {names}"));
    }
    Ok(Chosen { manifest, shown: Some(shown), notes })
}

pub fn hosts(texts: &[String]) -> anyhow::Result<Vec<HostSpec>> {
    let mut specs = Vec::new();
    for text in texts {
        match HostSpec::parse(text) {
            Ok(parsed) => specs.extend(parsed),
            Err(error) => {
                bail!("--hosts: {error}{}", error.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default())
            }
        }
    }
    Ok(specs)
}

/// Every variable whose name says that it is sensitive, and the run says which.
fn from_environment(args: &Selection, cluster: Option<&Source>) -> anyhow::Result<Chosen> {
    let (mut manifest, mut taken, left) = Manifest::from_environment(&Environment::of_this_process());
    // The name of its variable says that it is sensitive, and so it is; but it is none of the test's secrets.
    manifest.secrets.retain(|_, spec| cluster != Some(&spec.source));
    taken.retain(|taken| manifest.secrets.contains_key(&taken.name));
    let more = hosts(&args.hosts)?;
    if !more.is_empty() {
        for spec in manifest.secrets.values_mut() {
            spec.hosts = Some(more.clone());
        }
    }
    let mut notes = Vec::new();
    if taken.is_empty() {
        messages::warning("no secret: there is no tegmen.toml, no --secret, and no variable with a sensitive name");
        messages::hint("`tegmen init` writes a tegmen.toml from what the scripts read; a run protects what it names");
    } else {
        let names: Vec<String> = taken.into_iter().map(|taken| taken.name).collect();
        notes.push(format!("{} from the environment: {}", counted(names.len()), names.join(", ")));
    }
    notes.extend(left.iter().map(|left| format!("not taken: {} ({})", left.name, left.reason)));
    Ok(Chosen { manifest, shown: None, notes })
}

fn counted(number: usize) -> String {
    format!("{number} secret{}", if number == 1 { "" } else { "s" })
}
