//! [`Preflight`]: what a run will ask of Vault, said before anything is asked.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use super::vault::POLL;
use crate::{Manifest, Source};

/// What a run will ask of Vault. None of it depends on how many users are simulated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preflight {
    /// How many paths are read before the test starts, each once.
    pub reads: usize,
    /// How many of them are looked at again during the test, at most once in each `poll`.
    pub polled: usize,
    /// The interval.
    pub poll: Duration,
}

impl Preflight {
    /// For the secrets of a manifest; `None` where none is in Vault.
    pub fn of(manifest: &Manifest) -> Option<Self> {
        let without_field = |source: &Source| {
            let mut source = source.clone();
            if let Source::Vault { field, .. } | Source::VaultDynamic { field, .. } = &mut source {
                *field = None;
            }
            source
        };
        let sources = manifest.secrets.values().map(|spec| &spec.source).filter(|source| source.is_vault());
        let paths: BTreeSet<Source> = sources.map(without_field).collect();
        // A pool is read once.
        let pools = manifest.pools.values().filter(|spec| spec.source.is_vault()).count();
        if paths.is_empty() && pools == 0 {
            return None;
        }
        let polled = paths.iter().filter(|path| matches!(path, Source::Vault { version: None, .. })).count();
        let poll = manifest.vault.as_ref().and_then(|vault| vault.poll).unwrap_or(POLL);
        Some(Self { reads: paths.len() + pools, polled, poll })
    }
}

impl fmt::Display for Preflight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (reads, s) = (self.reads, if self.reads == 1 { "" } else { "s" });
        write!(f, "Vault is asked for one login and {reads} read{s}")?;
        if self.polled > 0 {
            let (polled, s) = (self.polled, if self.polled == 1 { "" } else { "s" });
            write!(f, ", then {polled} request{s} every {} s", self.poll.as_secs())?;
        }
        f.write_str(", whatever the number of users")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_counts_once() {
        let options = |list: &[&str]| {
            let list: Vec<String> = list.iter().map(ToString::to_string).collect();
            Preflight::of(&Manifest::from_options(&list, &[]).unwrap())
        };
        assert_eq!(options(&["A=env:A"]), None);
        let two =
            options(&["A=vault:s/a#x", "B=vault:s/a#y", "C=vault:s/a?version=2#x", "D=vault-dynamic:db/creds/r#u"]);
        let told = "Vault is asked for one login and 3 reads, then 1 request every 30 s, whatever the number of users";
        assert_eq!(two.unwrap().to_string(), told);
        let one = options(&["C=vault:s/a?version=2#x"]).unwrap();
        assert_eq!(one.to_string(), "Vault is asked for one login and 1 read, whatever the number of users");
    }
}
