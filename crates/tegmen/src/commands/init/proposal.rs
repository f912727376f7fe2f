//! What a manifest could say, from what the project says already.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use camino::Utf8Path;
use tegmen_audit::survey::{At, Survey, UseKind};
use tegmen_findings::Finding;
use tegmen_sources::{Dotenv, Environment, HostSpec, SecretSpec, Source, locust_parses};

/// Where values are to come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// Where they are today: variables of the environment, `.env`.
    #[default]
    Today,
    /// The embedded store.
    Store,
    /// A path of Vault: `secret/locust/shop`.
    Vault(String),
}

impl Keep {
    /// `env`, `store`, `vault:MOUNT/PATH`.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.split_once(':').map_or((text, ""), |(kind, path)| (kind, path)) {
            ("env", "") => Ok(Self::Today),
            ("store", "") => Ok(Self::Store),
            ("vault", path) if path.contains('/') && !path.contains(['#', '?']) => {
                let whole = format!("vault:{path}#x");
                whole.parse::<Source>().map_err(|error| error.to_string())?;
                Ok(Self::Vault(path.trim_matches('/').to_owned()))
            }
            _ => Err("write `env`, `store` or `vault:MOUNT/PATH`, for example vault:secret/locust/shop".to_owned()),
        }
    }
}

/// A secret that is proposed.
#[derive(Clone, Debug)]
pub struct Proposed {
    /// Its name, by the convention.
    pub name: String,
    /// The variables that scripts read; empty where they ask `secret()`.
    pub variables: Vec<String>,
    /// Where the project uses it.
    pub uses: Vec<At>,
}

/// What the manifest could say.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The secrets, by name.
    pub secrets: Vec<Proposed>,
    /// The pools that scripts ask for, with where.
    pub pools: BTreeMap<String, Vec<At>>,
    /// Lists of credentials in scripts, which could become pools.
    pub lists: Vec<At>,
    /// Whether a master or workers are started.
    pub is_distributed: bool,
    /// Where they may go; empty: the test's own target.
    pub hosts: Vec<String>,
    /// Whom to ask.
    pub owner: Option<String>,
    /// Where the values come from.
    pub keep: Keep,
    /// The names that `.env` beside the manifest has, if there is one.
    pub dotenv: Option<Vec<String>>,
}

/// At most so many hosts are proposed.
const HOSTS: usize = 8;

impl Proposal {
    /// What the project says.
    pub fn new(directory: &Utf8Path, survey: &Survey, findings: &[Finding]) -> Self {
        let mut secrets: BTreeMap<String, Proposed> = BTreeMap::new();
        let mut add = |variable: &str, kind: UseKind, at: At| {
            let name = name(variable);
            let secret =
                secrets.entry(name.clone()).or_insert(Proposed { name, variables: Vec::new(), uses: Vec::new() });
            if kind == UseKind::Environment && !secret.variables.iter().any(|known| known == variable) {
                secret.variables.push(variable.to_owned());
            }
            secret.uses.push(at);
        };
        let mut pools: BTreeMap<String, Vec<At>> = BTreeMap::new();
        for known in survey.uses.iter().filter(|known| known.kind == UseKind::Pool && is_pool_name(&known.name)) {
            pools.entry(known.name.clone()).or_default().push(known.at.clone());
        }
        for known in survey.uses.iter().filter(|known| known.kind != UseKind::Pool && fits(&known.name)) {
            add(&known.name, known.kind, known.at.clone());
        }
        // A variable that is read outside of what imports Locust, and that the audit knows to be one.
        for finding in findings {
            if matches!(finding.rule.id, "unchecked-environment-variable" | "hardcoded-fallback") && fits(&finding.name)
            {
                for place in finding.locations() {
                    add(&finding.name, UseKind::Environment, At { path: place.path.clone(), line: place.line });
                }
            }
        }
        let mut secrets: Vec<Proposed> = secrets.into_values().collect();
        for secret in &mut secrets {
            secret.uses.sort();
            secret.uses.dedup();
        }
        let mut hosts: Vec<String> = Vec::new();
        for aim in &survey.aims {
            let host = aim.origin.strip_prefix("https://").unwrap_or(&aim.origin).to_owned();
            if hosts.len() < HOSTS && !hosts.contains(&host) && HostSpec::parse(&host).is_ok() {
                hosts.push(host);
            }
        }
        let is_list = |finding: &&Finding| finding.rule.id == "hardcoded-credential-list";
        let places = findings.iter().filter(is_list).flat_map(Finding::locations);
        Self {
            secrets,
            pools,
            lists: places.map(|place| At { path: place.path.clone(), line: place.line }).collect(),
            is_distributed: survey.starts.iter().any(|start| start.is_distributed),
            hosts,
            owner: None,
            keep: Keep::Today,
            dotenv: dotenv(directory),
        }
    }

    /// The source of a secret.
    pub fn source(&self, secret: &Proposed) -> String {
        let own = [format!("LOCUST_{}", secret.name), secret.name.clone()];
        let known = |name: &&String| self.dotenv.as_ref().is_some_and(|names| names.contains(name));
        let source = match &self.keep {
            Keep::Store => Source::Store { name: secret.name.clone() },
            Keep::Vault(path) => {
                Source::Vault { mount_path: path.clone(), field: Some(secret.name.to_lowercase()), version: None }
            }
            Keep::Today => match secret.variables.iter().chain(&own).find(known) {
                Some(name) => Source::Dotenv { file: ".env".into(), name: name.clone() },
                None => Source::Env { name: secret.variables.first().unwrap_or(&secret.name).clone() },
            },
        };
        source.to_string()
    }

    /// The source of a pool, or of the key of master and workers: what is not in the environment.
    pub fn kept(&self, name: &str) -> String {
        let source = match &self.keep {
            Keep::Store => Source::Store { name: name.to_ascii_uppercase() },
            Keep::Vault(path) => Source::Vault {
                mount_path: format!("{path}/{}", name.to_ascii_lowercase()),
                field: None,
                version: None,
            },
            Keep::Today => Source::File { path: format!("{}.csv", name.to_ascii_lowercase()).into() },
        };
        source.to_string()
    }

    fn write_pools(&self, out: &mut String) {
        for (name, uses) in &self.pools {
            let _ = writeln!(out, "\n[pools.{name}]   # a record for each simulated user; {}", places(uses));
            let _ = writeln!(out, "source = {}", quoted(&self.kept(name)));
            out.push_str("secret_fields = [\"password\"]   # the fields that are placeholders in Python\n");
            self.write_hosts(out);
        }
        if !self.lists.is_empty() {
            let _ = writeln!(
                out,
                "\n# {} has a list of credentials. Kept as a pool, each simulated user checks a record of it out:\n\
                 # [pools.users]\n# source = {}\n# secret_fields = [\"password\"]",
                places(&self.lists),
                quoted(&self.kept("users"))
            );
        }
    }

    fn write_cluster(&self, out: &mut String) {
        if self.is_distributed {
            let source = match &self.keep {
                Keep::Today => "file:/run/secrets/cluster-key".to_owned(),
                Keep::Store => "store:CLUSTER_KEY".to_owned(),
                Keep::Vault(path) => format!("vault:{path}#cluster_key"),
            };
            let _ = writeln!(
                out,
                "\n# Master and workers prove to each other that they know this key, and encrypt what passes:\n\
                 # [cluster]\n# key = {}   # made with: openssl rand -base64 32",
                quoted(&source)
            );
        }
    }

    fn write_hosts(&self, out: &mut String) {
        if self.hosts.is_empty() {
            out.push_str("# hosts = [\"shop.example.com\"]   # without this line: the test's own target\n");
        } else {
            let list: Vec<String> = self.hosts.iter().map(|host| quoted(host)).collect();
            let _ = writeln!(out, "hosts = [{}]", list.join(", "));
        }
    }

    /// The manifest.
    pub fn manifest(&self) -> String {
        let mut out = String::from(
            "# Which secrets this load test has, where their values come from, and where they may go.\n\
             # No value stands here: this file belongs into version control.\n",
        );
        match &self.owner {
            Some(owner) => {
                let _ = writeln!(out, "\nowner = {}", quoted(owner));
            }
            None => out.push_str("\n# owner = \"whom to ask\"\n"),
        }
        if let Keep::Vault(_) = self.keep {
            out.push_str(
                "\n[vault]   # what is not said here comes from VAULT_ADDR and its kin\n\
                 # auth = { method = \"approle\", role_id = \"env:VAULT_ROLE_ID\", secret_id = \"file:/run/secrets/secret-id\", wrapped = true }\n",
            );
        }
        for secret in &self.secrets {
            let key = if secret.name.contains('.') { quoted(&secret.name) } else { secret.name.clone() };
            let _ = writeln!(out, "\n[secrets.{key}]   # {}", places(&secret.uses));
            let _ = writeln!(out, "source = {}", quoted(&self.source(secret)));
            let default = SecretSpec::new(Source::Env { name: String::new() }).variables(&secret.name);
            if secret.variables.iter().any(|variable| !default.contains(variable)) {
                let list: Vec<String> = secret.variables.iter().map(|variable| quoted(variable)).collect();
                let _ = writeln!(out, "env = [{}]", list.join(", "));
            }
            self.write_hosts(&mut out);
            out.push_str("max_age = \"90d\"\n");
        }
        self.write_pools(&mut out);
        self.write_cluster(&mut out);
        out
    }
}

/// The name of a secret, by the convention: that of the variable without `LOCUST_`, which every secret gets as well.
fn name(variable: &str) -> String {
    let bare = variable.strip_prefix("LOCUST_").filter(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()));
    let name = bare.unwrap_or(variable);
    // The variables of this name would be settings of Locust.
    if locust_parses(name) || locust_parses(&format!("LOCUST_{name}")) { variable.to_owned() } else { name.to_owned() }
}

/// Whether a name can be that of a secret of the test: no setting of Locust, no credential for the secrets manager.
fn fits(name: &str) -> bool {
    tegmen_sources::is_secret_name(name)
        && !name.contains('.')
        && !locust_parses(name)
        && !["VAULT_", "BAO_", "TEGMEN_"].iter().any(|start| name.starts_with(start))
}

/// Whether a text can be the name of a pool.
fn is_pool_name(name: &str) -> bool {
    tegmen_sources::is_secret_name(name) && !name.contains('.')
}

/// "a.py:3, b.py:7 and elsewhere".
fn places(uses: &[At]) -> String {
    let shown: Vec<String> = uses.iter().take(3).map(|at| format!("{}:{}", at.path, at.line)).collect();
    let more = if uses.len() > 3 { " and elsewhere" } else { "" };
    format!("{}{more}", shown.join(", ").replace(|c: char| c.is_control(), "?"))
}

/// The names in `.env`.
fn dotenv(directory: &Utf8Path) -> Option<Vec<String>> {
    let path = directory.join(".env");
    // A pipe waits for somebody, who may not come.
    let bytes = path.is_file().then(|| std::fs::read(&path))?.ok()?;
    let parsed = Dotenv::parse(&bytes, &Environment::default()).ok()?;
    Some(parsed.names().into_iter().map(str::to_owned).collect())
}

/// A text of TOML.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => out.push('?'),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
