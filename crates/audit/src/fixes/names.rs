//! Which secret gets which name: one value one name, in all files and all rounds.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Wanted;

/// The names given so far. No `Debug`: it knows values.
#[derive(Default)]
pub struct Names {
    /// Names that are not to be given, without `LOCUST_`.
    taken: BTreeSet<String>,
    by_value: HashMap<String, String>,
    by_name: BTreeMap<String, String>,
}

impl Names {
    /// Gives none of the names in `taken`: those of the manifest, and those that belong to Locust.
    pub fn new(taken: &BTreeSet<String>) -> Self {
        Self { taken: taken.iter().map(|name| plain(name).to_owned()).collect(), ..Self::default() }
    }

    /// The name for a value.
    ///
    /// # Errors
    /// Where only one name will do, and another value has it.
    pub fn give(&mut self, wanted: &Wanted, context: &str) -> Result<String, String> {
        let first = wanted.names.first().map_or("SECRET", String::as_str);
        if wanted.exact {
            let name = first.to_owned();
            match self.by_name.get(plain(&name)) {
                Some(value) if *value == wanted.value => return Ok(name),
                Some(_) => return Err(format!("`{name}` has another value elsewhere; decide which is right")),
                None if self.taken.contains(plain(&name)) => {
                    return Err(format!("tegmen.toml or Locust has `{name}` already; take the value out by hand"));
                }
                None => self.remember(&name, &wanted.value),
            }
            return Ok(name);
        }
        if let Some(name) = self.by_value.get(&wanted.value) {
            return Ok(name.clone());
        }
        let around = context.split('.').next().filter(|around| !around.is_empty()).map(super::name::constant);
        let candidates = wanted
            .names
            .iter()
            .cloned()
            .chain(around.map(|around| format!("{around}_{first}")))
            .chain((2..).map(|number| format!("{first}_{number}")));
        for name in candidates {
            if !self.by_name.contains_key(plain(&name)) && !self.taken.contains(plain(&name)) {
                self.remember(&name, &wanted.value);
                return Ok(name);
            }
        }
        Err("no name is free".to_owned())
    }

    fn remember(&mut self, name: &str, value: &str) {
        self.by_name.insert(plain(name).to_owned(), value.to_owned());
        self.by_value.entry(value.to_owned()).or_insert_with(|| name.to_owned());
    }
}

/// `API_KEY` and `LOCUST_API_KEY` have a variable in common.
fn plain(name: &str) -> &str {
    name.strip_prefix("LOCUST_").unwrap_or(name)
}
