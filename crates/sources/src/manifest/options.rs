//! A manifest out of `--secret NAME=SOURCE` and `--hosts HOST`.

use std::collections::BTreeMap;

use super::problem::Problem;
use super::{Manifest, ManifestError, SecretSpec};
use crate::{HostSpec, Source, names};

impl Manifest {
    /// A manifest from `NAME=SOURCE` options; the hosts, when there are any, are those of every secret. Each element of
    /// `hosts` may hold several, with commas between them.
    ///
    /// # Errors
    /// With every option that cannot be understood.
    pub fn from_options(secrets: &[String], hosts: &[String]) -> Result<Self, ManifestError> {
        let mut problems = Vec::new();
        let mut wrong = |message: String, hint: Option<String>| problems.push(Problem::option(message, hint));
        let mut allowed = Vec::new();
        for host in hosts.iter().flat_map(|list| list.split(',')) {
            match HostSpec::parse(host) {
                Ok(specs) => allowed.extend(specs),
                Err(error) => wrong(format!("--hosts: {error}"), error.hint),
            }
        }
        let mut found: BTreeMap<String, SecretSpec> = BTreeMap::new();
        let mut owners: BTreeMap<String, String> = BTreeMap::new();
        for option in secrets {
            let Some((name, source)) = option.split_once('=') else {
                // The option may be a value: it is not repeated.
                wrong(
                    "--secret: there is no `=` in it".into(),
                    Some("write --secret NAME=SOURCE, for example --secret API_KEY=env:API_KEY".into()),
                );
                continue;
            };
            if !names::is_secret_name(name) {
                wrong(
                    "--secret: what stands before the `=` is no name".into(),
                    Some("a name has letters, digits, `_` and `.` and begins with no digit".into()),
                );
                continue;
            }
            if found.contains_key(name) {
                wrong(format!("--secret {name} is given twice"), Some("leave one of them out".into()));
                continue;
            }
            let mut spec = match source.parse::<Source>() {
                Ok(source) => SecretSpec::new(source),
                Err(error) => {
                    wrong(format!("--secret {name}: {error}"), error.hint);
                    continue;
                }
            };
            // No manifest line could rename the variable, so one that belongs to Locust is left out.
            let mut variables = names::default_variables(name);
            variables.retain(|variable| !names::locust_parses(variable));
            if spec.source.is_whole_path() {
                // Its fields have variables of their own, which are known when it was read.
                spec.hosts = (!allowed.is_empty()).then(|| allowed.clone());
                found.insert(name.to_owned(), spec);
                continue;
            }
            if variables.is_empty() {
                wrong(
                    format!("--secret {name}: Locust reads the variable {name} itself"),
                    Some("give the secret another name".into()),
                );
                continue;
            }
            for variable in &variables {
                if let Some(other) = owners.insert(variable.clone(), name.to_owned()) {
                    wrong(
                        format!("--secret {name}: the variable {variable} is that of {other} already"),
                        Some("give one of them another name".into()),
                    );
                }
            }
            spec.env = Some(variables);
            spec.hosts = (!allowed.is_empty()).then(|| allowed.clone());
            found.insert(name.to_owned(), spec);
        }
        if problems.is_empty() {
            Ok(Self { secrets: found, ..Self::default() })
        } else {
            Err(ManifestError { path: None, problems })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(list: &[&str]) -> Vec<String> {
        list.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn options_make_secrets() {
        let manifest =
            Manifest::from_options(&strings(&["API_KEY=env:KEY", "HOST=file:h"]), &strings(&["a.example,b:8443"]))
                .unwrap();
        let spec = &manifest.secrets["API_KEY"];
        assert_eq!(spec.source.to_string(), "env:KEY");
        assert_eq!(spec.variables("API_KEY"), ["API_KEY", "LOCUST_API_KEY"]);
        assert_eq!(spec.hosts.as_ref().unwrap().len(), 2);
        assert_eq!(manifest.secrets["HOST"].variables("HOST"), ["HOST"]);
        assert!(Manifest::from_options(&strings(&["A=env:A"]), &[]).unwrap().secrets["A"].hosts.is_none());
    }

    #[test]
    fn mistakes_are_told_together_and_without_values() {
        let error = Manifest::from_options(
            &strings(&["hunter2", "API_KEY=hunter2", "A=env:A", "A=env:B", "LOCUST_HOST=env:H", "9=env:a"]),
            &strings(&["*.example"]),
        )
        .unwrap_err();
        insta::assert_snapshot!(error);
        assert!(!error.to_string().contains("hunter2"));
    }
}
