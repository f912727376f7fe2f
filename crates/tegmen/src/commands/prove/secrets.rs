//! The secrets of the test and their canaries; and the environment of the test, from which everything real is taken out.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde_json::Value;
use tegmen_audit::survey::UseKind;
use tegmen_broker::keep::Charge;
use tegmen_prove::{
    canary::Canary,
    scripts,
    target::{ISSUED, expected::expected},
    verdict::Subject,
    world::authority::Authority,
};
use tegmen_secret::SecretBytes;
use tegmen_sources::{
    Context, Environment, HostSpec, Manifest, PlaceSpec, SecretSpec, Source, fetch_all, locust_parses,
};
use tegmen_wire::place::Place;

use super::{
    World, literals,
    pools::{self, Pool},
    run,
};

/// Everything about the secrets of a test that its stages need.
pub struct Secrets {
    /// One for each subject, in their order.
    pub canaries: Vec<Canary>,
    /// What the verdict needs to know of each.
    pub subjects: Vec<Subject>,
    /// The rules of those that the test has from outside.
    pub manifest: Manifest,
    /// The pools, with canaries in their records.
    pub pools: Vec<Pool>,
    /// What messages call the manifest.
    pub shown: Option<String>,
    /// The environment, without anything real.
    pub environment: Environment,
    /// The command, without anything real.
    pub command: Vec<OsString>,
    /// The directory of the project, as the test sees it.
    pub project: PathBuf,
    /// The directory that the command is started in.
    pub directory: PathBuf,
    /// What scripts read out of answers, with issued canaries in it.
    pub expected: Value,
    /// The session that the target issues for a login.
    pub session: String,
    /// The session that it gives everybody.
    pub anonymous: String,
    /// What the person should know.
    pub remarks: Vec<String>,
    /// Which secrets were taken from where.
    pub notes: Vec<String>,
}

impl Secrets {
    /// From the manifest, the environment and the scripts. Only what lies open in the environment and in files is read, for
    /// its shape; nothing is fetched.
    pub fn gather(args: &run::Selection, authority: &Authority, world: &World) -> anyhow::Result<Self> {
        let project = std::env::current_dir().context("the current directory cannot be read")?;
        let is_bare = args.secret.is_empty() && args.manifest.is_none() && Manifest::find(&project).is_none();
        let (mut manifest, shown, mut notes) = if is_bare {
            let (mut manifest, _, _) = Manifest::from_environment(&Environment::of_this_process());
            let hosts = run::manifest::hosts(&args.hosts)?;
            for spec in manifest.secrets.values_mut().filter(|_| !hosts.is_empty()) {
                spec.hosts = Some(hosts.clone());
            }
            (manifest, None, Vec::new())
        } else {
            let chosen = run::manifest::choose(args)?;
            (chosen.manifest, chosen.shown, chosen.notes)
        };
        let context = Context::of(&manifest).context("the current directory cannot be read")?;
        let texts = scripts::read(&project);
        let mut remarks = Vec::new();
        let first_origin = if shown.is_some() || !args.secret.is_empty() { "manifest" } else { "environment" };
        let mut origins: BTreeMap<String, &str> =
            manifest.secrets.keys().map(|name| (name.clone(), first_origin)).collect();
        let mut read = tegmen_prove::scripts::sensitive_variables(&texts);
        read.extend(surveyed(&project));
        add_unnamed(&mut manifest, &context.environment, read, &mut origins);
        let whole: Vec<String> = manifest
            .secrets
            .iter()
            .filter(|(_, spec)| spec.source.is_whole_path())
            .map(|(name, _)| name.clone())
            .collect();
        for name in whole {
            manifest.secrets.remove(&name);
            remarks.push(format!(
                "[{name}] stands for all fields of a path in the secrets manager, which is not asked: their names are not \
                 known here, and nothing is shown of them"
            ));
        }

        let (mut canaries, mut subjects, mut replaced) = (Vec::new(), Vec::new(), Vec::new());
        for (name, spec) in &manifest.secrets {
            let shape = shape(&manifest, name, spec, &context);
            let canary = Canary::new(name, shape.as_ref(), authority)?;
            if shape.is_none() {
                remarks.push(format!(
                    "[{name}]: its value is not at hand here; the canary has the shape that its name promises"
                ));
            }
            let (origin, unprovable) = (origins.get(name).copied().unwrap_or("manifest"), canary.unprovable.clone());
            subjects.push(Subject {
                name: name.clone(),
                origin: origin.to_owned(),
                hosts: hosts(spec.hosts.as_deref()),
                places: places(&spec.places),
                unprovable,
            });
            replaced.extend(shape.map(|shape| (shape, canary.value.clone())));
            canaries.push(canary);
        }
        let lent = pools::gather(&manifest, &context, authority)?;
        canaries.extend(lent.canaries);
        subjects.extend(lent.subjects);
        remarks.extend(lent.remarks);
        replaced.extend(lent.replaced);
        let literals = literals::cover(&project, world, &replaced, authority)?;
        canaries.extend(literals.canaries);
        subjects.extend(literals.subjects);
        remarks.extend(literals.remarks);
        let issued: RefCell<BTreeMap<String, Canary>> = RefCell::default();
        let issue = |name: &str| {
            let name = format!("{ISSUED}{name}");
            let mut issued = issued.borrow_mut();
            let shape = SecretBytes::from("Zx9".repeat(12));
            // Without randomness nothing would have come so far.
            let canary = issued.entry(name.clone()).or_insert_with(|| {
                Canary::new(&name, Some(&shape), authority).unwrap_or(Canary {
                    name: name.clone(),
                    value: SecretBytes::from("none".to_owned()),
                    parts: Vec::new(),
                    unprovable: Some("there is no randomness".to_owned()),
                })
            });
            canary.value.expose_str().unwrap_or_default().to_owned()
        };
        let expected = expected(texts.iter().map(String::as_str), &issue);
        let (session, anonymous) = (issue("session"), issue("anonymous-session"));
        for (name, canary) in issued.into_inner() {
            let origin = "target".to_owned();
            let unprovable = canary.unprovable.clone();
            subjects.push(Subject { name, origin, hosts: None, places: Vec::new(), unprovable });
            canaries.push(canary);
        }
        if is_bare {
            let names: Vec<String> = origins.iter().map(|(name, origin)| format!("{name} ({origin})")).collect();
            let shown = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            notes.push(format!("secrets, as there is no manifest: {shown}"));
        }
        // Where the project had to be moved, what leads to it leads there.
        let mut project = project;
        if let Some(moved) = literals.moved {
            let path = |path: &Path| SecretBytes::from(path.to_string_lossy().into_owned());
            replaced.push((path(&project), path(&moved)));
            project = moved;
        }
        let environment = without_anything_real(&context.environment, &manifest, &replaced);
        let command = args.command.iter().map(|word| substituted(word, &replaced)).collect();
        let (pools, directory) = (lent.pools, project.clone());
        Ok(Self {
            canaries,
            subjects,
            manifest,
            pools,
            shown,
            environment,
            command,
            project,
            directory,
            expected,
            session,
            anonymous,
            remarks,
            notes,
        })
    }

    /// Takes the rules of the manifest as it is now; the canaries stay.
    pub fn rules_from(&mut self, args: &run::Selection) -> anyhow::Result<()> {
        let chosen = run::manifest::choose(args)?;
        for (name, spec) in chosen.manifest.secrets {
            if self.manifest.secrets.contains_key(&name) {
                if let Some(subject) = self.subjects.iter_mut().find(|subject| subject.name == name) {
                    subject.hosts = hosts(spec.hosts.as_deref());
                    subject.places = places(&spec.places);
                }
                self.manifest.secrets.insert(name, spec);
            }
        }
        self.shown = chosen.shown;
        Ok(())
    }

    /// What the broker is to hold: the canaries, under the rules of the manifest.
    pub fn charges(&self) -> Vec<Charge> {
        let held = self.canaries.iter().filter(|canary| self.manifest.secrets.contains_key(&canary.name));
        held.map(|canary| run::charge(&self.manifest, canary.name.clone(), canary.value.clone())).collect()
    }

    /// Variables and their canaries, as they are without Tegmen.
    pub fn variables(&self) -> Vec<(String, OsString)> {
        let mut variables = Vec::new();
        for canary in &self.canaries {
            let Some(spec) = self.manifest.secrets.get(&canary.name) else { continue };
            let value = OsString::from_vec(canary.value.expose().to_vec());
            variables.extend(spec.variables(&canary.name).into_iter().map(|name| (name, value.clone())));
        }
        variables
    }
}

/// Variables that are sensitive and that the manifest does not name: those that are set, and those that scripts read.
fn add_unnamed(
    manifest: &mut Manifest,
    environment: &Environment,
    read: BTreeSet<String>,
    origins: &mut BTreeMap<String, &'static str>,
) {
    let known: BTreeSet<String> = manifest
        .secrets
        .iter()
        .flat_map(|(name, spec)| {
            let source = match &spec.source {
                Source::Env { name } => Some(name.clone()),
                _ => None,
            };
            spec.variables(name).into_iter().chain(source)
        })
        .collect();
    let (others, _, _) = Manifest::from_environment(environment);
    let mut add = |name: String, spec: SecretSpec, origin| {
        if !known.contains(&name) && !manifest.secrets.contains_key(&name) {
            origins.insert(name.clone(), origin);
            manifest.secrets.insert(name, spec);
        }
    };
    for (name, spec) in others.secrets {
        add(name, spec, "environment");
    }
    for name in read {
        if environment.get(&name).is_none() && !locust_parses(&name) && !name.starts_with("VAULT_") {
            let mut spec = SecretSpec::new(Source::Env { name: name.clone() });
            spec.env = Some(vec![name.clone()]);
            add(name, spec, "script");
        }
    }
}

/// The variables that the audit finds scripts to read. What they ask Tegmen for may be a pool; the search through the texts
/// tells these apart.
fn surveyed(project: &Path) -> Vec<String> {
    let Some(root) = camino::Utf8Path::from_path(project) else { return Vec::new() };
    let survey = tegmen_audit::survey::survey(&[root.to_owned()], &tegmen_audit::Options::default());
    // A name that is missed here is one that the search through the texts has, or it is not in use.
    let uses = survey.map(|survey| survey.uses).unwrap_or_default();
    uses.into_iter().filter(|one| one.kind == UseKind::Environment).map(|one| one.name).collect()
}

/// Hosts as arrivals have them.
pub fn hosts(hosts: Option<&[HostSpec]>) -> Option<Vec<String>> {
    Some(hosts?.iter().map(|host| run::origin(host).as_hosts_entry()).collect())
}

/// Places as requests have them.
pub fn places(places: &[PlaceSpec]) -> Vec<Place> {
    places.iter().map(run::place).collect()
}

/// A value of which the canary takes the shape, where one lies open.
fn shape(manifest: &Manifest, name: &str, spec: &SecretSpec, context: &Context) -> Option<SecretBytes> {
    if !matches!(spec.source, Source::Env { .. } | Source::Dotenv { .. } | Source::File { .. }) {
        return None;
    }
    let mut alone = Manifest { path: manifest.path.clone(), ..Manifest::default() };
    alone.secrets.insert(name.to_owned(), spec.clone());
    // One that is not there has the shape that its name promises.
    let fetched = fetch_all(&alone, context).ok()?;
    fetched.values.into_iter().next().map(|(_, value)| value)
}

/// Real values, and what leads to them, do not come into the test: where one stands in another variable, its canary does.
fn without_anything_real(
    environment: &Environment,
    manifest: &Manifest,
    replaced: &[(SecretBytes, SecretBytes)],
) -> Environment {
    let mut consumed: BTreeSet<&str> = BTreeSet::new();
    for spec in manifest.secrets.values() {
        if let Source::Env { name } = &spec.source {
            consumed.insert(name);
        }
    }
    let is_managers = |name: &str| {
        let rest = name.strip_prefix("VAULT_").or_else(|| name.strip_prefix("BAO_"));
        name == "TEGMEN_STORE_KEY" || rest.is_some_and(|rest| rest != "ADDR" && rest != "NAMESPACE")
    };
    environment
        .iter()
        .filter(|(name, _)| !name.to_str().is_some_and(|name| consumed.contains(name) || is_managers(name)))
        .map(|(name, value)| (name.to_owned(), substituted(value, replaced)))
        .collect()
}

/// The text, with canaries in the place of real values.
pub fn substituted(text: &OsStr, replaced: &[(SecretBytes, SecretBytes)]) -> OsString {
    let mut bytes = text.as_bytes().to_vec();
    for (real, canary) in replaced {
        let real = real.expose();
        if real.len() < 6 {
            continue;
        }
        let mut out = Vec::with_capacity(bytes.len());
        let mut done = 0;
        for at in memchr::memmem::find_iter(&bytes, real) {
            out.extend_from_slice(&bytes[done..at]);
            out.extend_from_slice(canary.expose());
            done = at + real.len();
        }
        out.extend_from_slice(&bytes[done..]);
        bytes = out;
    }
    OsString::from_vec(bytes)
}
