//! What is known of a project, put together from its files. Values are not looked at: the store is opened for the ages in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context as _;
use camino::Utf8PathBuf;
use jiff::Timestamp;
use serde_json::Value;
use tegmen_audit::Audit;
use tegmen_audit::survey::{At, CareKind, Survey, UseKind};
use tegmen_findings::{Confidence, Problem, ProblemKind, Severity};
use tegmen_posture::risk::{
    Age, Facts, FindingFact, Origin, ProofFact, Protection, Run, SecretFact, SecretKind, Spot, VaultFact,
};
use tegmen_sources::rotate::Record;
use tegmen_sources::store::Store;
use tegmen_sources::{Context, Environment, Manifest, SecretSpec, Source, TlsPolicy};

/// The project that is looked at.
pub struct Project {
    /// What it is called: the name of its directory.
    pub name: String,
    /// Where its manifest is or would be.
    pub directory: PathBuf,
    /// Its manifest, with its path as one would write it.
    pub manifest: Option<(String, Manifest)>,
}

impl Project {
    /// The project that these paths belong to.
    ///
    /// # Errors
    /// A manifest that is named and not there, or is none.
    pub fn find(paths: &[Utf8PathBuf], named: Option<&Path>) -> anyhow::Result<Self> {
        let here = std::env::current_dir().context("the current directory cannot be read")?;
        let start = crate::commands::project_of(paths, &here);
        let path = named.map(|named| here.join(named)).or_else(|| Manifest::find(&start));
        let manifest = match &path {
            Some(path) => {
                let shown = path.strip_prefix(&here).unwrap_or(path).display().to_string();
                Some((shown, Manifest::load(path)?))
            }
            None => None,
        };
        let directory = path.as_deref().and_then(Path::parent).map_or(start, Path::to_owned);
        let name =
            directory.file_name().map_or_else(|| "project".to_owned(), |name| name.to_string_lossy().into_owned());
        Ok(Self { name, directory, manifest })
    }
}

/// What is known, and what could not be looked at.
pub struct Gathered {
    pub facts: Facts,
    pub remarks: Vec<String>,
}

/// Puts it together.
pub fn gather(project: &Project, audit: &Audit, survey: &Survey, runs: &[Run], now: Timestamp) -> Gathered {
    let mut remarks: Vec<String> = audit.problems.iter().map(said).collect();
    let mut facts = Facts {
        files: audit.files,
        unread: audit.problems.iter().filter(|problem| problem.kind != ProblemKind::Note).count(),
        findings: audit.findings.iter().map(FindingFact::from).collect(),
        suppressed: audit.suppressed.len(),
        scripts: survey.scripts.clone(),
        is_distributed: survey.starts.iter().any(|start| start.is_distributed),
        audits: care(survey, CareKind::Audit),
        proofs: care(survey, CareKind::Proof),
        proof: proof(&project.directory, now, &mut remarks),
        earlier: runs.last().map(|run| (runs.len(), days_since(&run.time, now).unwrap_or_default())),
        ..Facts::default()
    };
    let of = |protected: bool| survey.starts.iter().filter(move |start| start.is_protected == protected);
    facts.protected_starts = of(true).map(|start| spot(&start.at)).collect();
    facts.has_cluster_key = survey.starts.iter().any(|start| start.has_cluster_key);
    facts.plain_starts = of(false).map(|start| spot(&start.at)).collect();
    let protection = protection(survey);
    if protection == Protection::Enforced {
        facts.protected_starts.extend(survey.imports_tegmen.iter().map(spot));
    }
    let mut secrets = BTreeMap::new();
    if let Some((shown, manifest)) = &project.manifest {
        facts.manifest = Some(shown.clone());
        facts.owner.clone_from(&manifest.owner);
        facts.vault = vault(manifest);
        named(manifest, protection, now, &mut secrets, &mut remarks);
        pooled(manifest, protection, &mut secrets);
        sealed(manifest, protection, &mut secrets);
    }
    let variables = variables(project.manifest.as_ref().map(|(_, manifest)| manifest));
    for known in &survey.uses {
        if known.kind == UseKind::Pool {
            use_pool(&known.name, spot(&known.at), &mut secrets);
            continue;
        }
        let name = variables.get(&known.name).unwrap_or(&known.name);
        let origin = match known.kind {
            UseKind::Environment => Origin::Environment,
            UseKind::Asked | UseKind::Pool => Origin::Unknown,
        };
        let secret = secrets.entry(name.clone()).or_insert_with(|| SecretFact::new(name.clone(), origin));
        secret.uses.push(spot(&known.at));
    }
    for finding in &facts.findings {
        let is_value = finding.code.starts_with("TGM1") || finding.rule == "hardcoded-vault-token";
        if !is_value || finding.confidence < Confidence::Medium || finding.severity < Severity::Medium {
            continue;
        }
        let name = if finding.name.is_empty() { finding.rule } else { &finding.name };
        let name = variables.get(name).cloned().unwrap_or_else(|| name.to_owned());
        let secret = secrets.entry(name.clone()).or_insert_with(|| SecretFact::new(name, Origin::HardCoded));
        if secret.protection == Protection::None {
            secret.origin = Origin::HardCoded;
        }
        secret.uses.extend(finding.spots.iter().cloned());
    }
    facts.secrets = secrets.into_values().collect();
    for secret in &mut facts.secrets {
        secret.uses.sort();
        secret.uses.dedup();
    }
    rotations(&project.directory, now, &mut facts.secrets);
    Gathered { facts, remarks }
}

fn said(problem: &Problem) -> String {
    let line = problem.line.map(|line| format!(":{line}")).unwrap_or_default();
    format!("{}{line}: {}", problem.path, problem.message)
}

fn spot(at: &At) -> Spot {
    Spot { path: at.path.clone(), line: at.line }
}

fn care(survey: &Survey, kind: CareKind) -> Vec<Spot> {
    survey.care.iter().filter(|care| care.kind == kind && care.is_automatic).map(|care| spot(&care.at)).collect()
}

/// What a secret of the manifest has in this project. Enforced where a script cannot run without Tegmen, or wherever a command
/// starts the test with it.
fn protection(survey: &Survey) -> Protection {
    let knows = |script: &String| survey.imports_tegmen.iter().any(|at| at.path == *script);
    let helper = survey.imports_tegmen.iter().any(|at| !survey.scripts.contains(&at.path));
    let by_import = !survey.imports_tegmen.is_empty() && (helper || survey.scripts.iter().all(knows));
    let by_start = !survey.starts.is_empty() && survey.starts.iter().all(|start| start.is_protected);
    if by_import || by_start { Protection::Enforced } else { Protection::Named }
}

/// The secrets that a manifest names.
fn named(
    manifest: &Manifest,
    protection: Protection,
    now: Timestamp,
    secrets: &mut BTreeMap<String, SecretFact>,
    remarks: &mut Vec<String>,
) {
    let mut ages = Ages::new(manifest, now);
    for (name, spec) in &manifest.secrets {
        let secret = SecretFact {
            source: Some(spec.source.to_string()),
            variables: spec.variables(name),
            hosts: spec.hosts.as_ref().map(|hosts| hosts.iter().map(ToString::to_string).collect()),
            places: spec.places.iter().map(ToString::to_string).collect(),
            is_unverified: spec.tls == TlsPolicy::Unverified,
            is_revealed: spec.reveal,
            max_age: spec.max_age.map(|most| most.as_secs()),
            age: ages.of(spec, remarks),
            owner: spec.owner.clone().or_else(|| manifest.owner.clone()),
            protection,
            ..SecretFact::new(name.clone(), origin(&spec.source))
        };
        secrets.insert(name.clone(), secret);
    }
}

/// The secret fields of the pools that a manifest names, as outputs show them.
fn pooled(manifest: &Manifest, protection: Protection, secrets: &mut BTreeMap<String, SecretFact>) {
    for (pool, spec) in &manifest.pools {
        for field in &spec.secret_fields {
            let name = format!("{pool}.{field}");
            let secret = SecretFact {
                kind: SecretKind::Pool,
                source: Some(spec.source.to_string()),
                hosts: spec.hosts.as_ref().map(|hosts| hosts.iter().map(ToString::to_string).collect()),
                places: spec.places.iter().map(ToString::to_string).collect(),
                is_unverified: spec.tls == TlsPolicy::Unverified,
                owner: manifest.owner.clone(),
                protection,
                ..SecretFact::new(name.clone(), origin(&spec.source))
            };
            secrets.insert(name, secret);
        }
    }
}

/// A script that asks for records of a pool.
fn use_pool(pool: &str, at: Spot, secrets: &mut BTreeMap<String, SecretFact>) {
    let start = format!("{pool}.");
    let is_of_pool = |secret: &SecretFact| secret.kind == SecretKind::Pool && secret.name.starts_with(&start);
    if !secrets.values().any(is_of_pool) {
        let name = format!("{pool}.*");
        let secret = SecretFact { kind: SecretKind::Pool, ..SecretFact::new(name.clone(), Origin::Unknown) };
        secrets.insert(name, secret);
    }
    for secret in secrets.values_mut().filter(|secret| is_of_pool(secret)) {
        secret.uses.push(at.clone());
    }
}

/// The key of master and workers. It stays in the broker and in the native part of the plugin.
fn sealed(manifest: &Manifest, protection: Protection, secrets: &mut BTreeMap<String, SecretFact>) {
    if let Some(source) = &manifest.cluster_key {
        let name = "CLUSTER_KEY".to_owned();
        let secret = SecretFact {
            kind: SecretKind::ClusterKey,
            source: Some(source.to_string()),
            owner: manifest.owner.clone(),
            protection,
            ..SecretFact::new(name.clone(), origin(source))
        };
        secrets.insert(name, secret);
    }
}

fn origin(source: &Source) -> Origin {
    match source {
        Source::Env { .. } => Origin::Environment,
        Source::Dotenv { .. } => Origin::Dotenv,
        Source::File { .. } => Origin::File,
        Source::Exec { .. } | Source::Secretspec(_) => Origin::Command,
        Source::Store { .. } => Origin::Store,
        Source::Vault { .. } => Origin::Vault,
        Source::VaultDynamic { .. } => Origin::Dynamic,
    }
}

/// Which secret of the manifest a variable or a name means.
fn variables(manifest: Option<&Manifest>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (name, spec) in manifest.iter().flat_map(|manifest| &manifest.secrets) {
        found.insert(name.clone(), name.clone());
        if let Source::Env { name: variable } | Source::Dotenv { name: variable, .. } = &spec.source {
            found.insert(variable.clone(), name.clone());
        }
        found.extend(spec.variables(name).into_iter().map(|variable| (variable, name.clone())));
    }
    found
}

fn vault(manifest: &Manifest) -> Option<VaultFact> {
    let is_vault = |source: &Source| matches!(source, Source::Vault { .. } | Source::VaultDynamic { .. });
    let mut sources = manifest.secrets.values().map(|spec| &spec.source);
    let mut others = manifest.pools.values().map(|spec| &spec.source).chain(&manifest.cluster_key);
    if !sources.any(is_vault) && !others.any(is_vault) {
        return None;
    }
    let config = manifest.vault.as_ref();
    Some(VaultFact {
        address: config.and_then(|config| config.address.clone()),
        method: config.and_then(|config| config.auth.as_ref()).map(|auth| auth.method().to_owned()),
    })
}

/// How old values are, where their place says so without a login.
struct Ages {
    context: Option<Context>,
    now: Timestamp,
    /// When each entry of the store was written; read once, when it is first asked for.
    store: Option<BTreeMap<String, SystemTime>>,
}

impl Ages {
    fn new(manifest: &Manifest, now: Timestamp) -> Self {
        Self { context: Context::of(manifest).ok(), now, store: None }
    }

    fn of(&mut self, spec: &SecretSpec, remarks: &mut Vec<String>) -> Option<Age> {
        let (time, at_least) = match &spec.source {
            Source::Store { name } => (self.stored(name, remarks)?, false),
            Source::File { path } => (self.changed(path)?, false),
            // The line is at least as old as the file is unchanged.
            Source::Dotenv { file, .. } => (self.changed(file)?, true),
            _ => return None,
        };
        let since = self.now.duration_since(Timestamp::try_from(time).ok()?);
        Some(Age { seconds: since.as_secs().try_into().unwrap_or_default(), at_least })
    }

    fn changed(&self, path: &Path) -> Option<SystemTime> {
        let context = self.context.as_ref()?;
        std::fs::metadata(context.path(path)).and_then(|known| known.modified()).ok()
    }

    fn stored(&mut self, name: &str, remarks: &mut Vec<String>) -> Option<SystemTime> {
        if self.store.is_none() {
            let directory = self.context.as_ref().map(|context| context.directory.clone()).unwrap_or_default();
            let read = || {
                let store = Store::locate(&Environment::of_this_process(), &directory, None)?;
                if store.exists() { store.read().map(Some) } else { Ok(None) }
            };
            self.store = Some(match read() {
                Ok(contents) => contents
                    .iter()
                    .flat_map(|contents| contents.iter().map(|(name, entry)| (name.to_owned(), entry.updated())))
                    .collect(),
                Err(error) => {
                    remarks.push(format!("the ages in the store are not known: {}; {}", error.why, error.next));
                    BTreeMap::new()
                }
            });
        }
        self.store.as_ref()?.get(name).copied()
    }
}

/// The record of rotations: when each secret got the value that it has, and what was cut off.
fn rotations(directory: &Path, now: Timestamp, secrets: &mut [SecretFact]) {
    let Ok(lines) = Record::of(directory).read() else { return };
    for secret in secrets {
        secret.is_torn = Record::torn(&lines, &secret.name).is_some();
        let last = Record::last(&lines, &secret.name);
        if let Some((line, seconds)) = last.and_then(|line| Some((line, seconds_since(&line.time, now)?))) {
            secret.rotated = Some(line.time.clone());
            secret.age = Some(Age { seconds, at_least: false });
        }
    }
}

/// The last run of `tegmen prove`, `.tegmen/prove.json`.
fn proof(directory: &Path, now: Timestamp, remarks: &mut Vec<String>) -> Option<ProofFact> {
    let text = std::fs::read_to_string(directory.join(".tegmen/prove.json")).ok()?;
    let document: Option<Value> = serde_json::from_str(&text).ok();
    let Some(document) = document.filter(|document| document.get("format").and_then(Value::as_u64) == Some(1)) else {
        remarks.push(".tegmen/prove.json is no proof of this version".to_owned());
        return None;
    };
    // One without protection shows what a test would give away, not what it does.
    if document.get("protection").and_then(Value::as_str) == Some("off") {
        return None;
    }
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().replace('-', " ");
    let list = |key: &str| document.get(key).and_then(Value::as_array).into_iter().flatten();
    let name = |value: &Value| value.get("secret").and_then(Value::as_str).unwrap_or_default().to_owned();
    let shown = |channel: &Value| {
        let states = channel.get("states").and_then(Value::as_array).into_iter().flatten();
        states.filter_map(Value::as_str).any(|state| state != "not-exercised")
    };
    let began = document.get("began").and_then(Value::as_i64).and_then(|began| Timestamp::from_second(began).ok());
    let mut leaks: Vec<(String, String)> = list("leaks").map(|leak| (name(leak), text(leak, "channel"))).collect();
    leaks.dedup();
    let leaked = |channel: &Value| leaks.iter().any(|(_, known)| *known == text(channel, "channel"));
    let clean = list("channels").filter(|channel| shown(channel) && !leaked(channel)).map(|one| text(one, "channel"));
    let (clean, rest) = (clean.collect(), list("channels").filter(|channel| !shown(channel)));
    let not_exercised = rest.map(|channel| text(channel, "channel")).collect();
    Some(ProofFact {
        time: began.map(|began| began.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()).unwrap_or_default(),
        days: began.map_or(0, |began| days(now.duration_since(began).as_secs())),
        leaks,
        clean,
        not_exercised,
    })
}

fn seconds_since(time: &str, now: Timestamp) -> Option<u64> {
    let then: Timestamp = time.parse().ok()?;
    // A clock that was ahead.
    Some(now.duration_since(then).as_secs().try_into().unwrap_or_default())
}

fn days_since(time: &str, now: Timestamp) -> Option<u64> {
    seconds_since(time, now).map(|seconds| seconds / 86_400)
}

fn days(seconds: i64) -> u64 {
    u64::try_from(seconds).unwrap_or_default() / 86_400
}
