//! The bill of materials of a wheel (CycloneDX 1.5, in the place that PEP 770 gives it): every crate that is in one of its native
//! parts, with licence and checksum. The same sources give the same bytes: neither a time nor a random number is in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::{Value, json};

/// The packages that a wheel's native parts are built from.
const ROOTS: [&str; 2] = ["tegmen", "tegmen-python"];

/// What `cargo metadata` says, as far as it is used.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    description: Option<String>,
}

/// Cargo.lock, as far as it is used.
#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    /// SHA-256 of the archive, for what comes from a registry.
    checksum: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    /// None for what goes into the product; else `dev` or `build`.
    kind: Option<String>,
}

/// The bill of materials, as JSON.
///
/// # Errors
/// `cargo metadata` fails, or Cargo.lock cannot be read.
pub fn bill(root: &Path) -> anyhow::Result<String> {
    let metadata = metadata(root)?;
    let lock = std::fs::read_to_string(root.join("Cargo.lock")).context("Cargo.lock cannot be read")?;
    let lock: Lock = toml::from_str(&lock).context("Cargo.lock is not what cargo writes")?;
    let packages: BTreeMap<&str, &Package> = metadata.packages.iter().map(|one| (one.id.as_str(), one)).collect();
    let nodes: BTreeMap<&str, &Node> = metadata.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    let roots: Vec<&Package> = metadata.packages.iter().filter(|one| ROOTS.contains(&one.name.as_str())).collect();
    let mut reached: BTreeSet<&str> = BTreeSet::new();
    let mut open: Vec<&str> = roots.iter().map(|one| one.id.as_str()).collect();
    while let Some(id) = open.pop() {
        if reached.insert(id) {
            open.extend(needed(nodes.get(id).copied()));
        }
    }
    let mut parts: Vec<&Package> = reached.iter().filter_map(|id| packages.get(id).copied()).collect();
    parts.sort_by_key(|one| (one.name.as_str(), one.version.as_str()));
    let components: Vec<Value> = parts.iter().map(|one| component(one, &lock)).collect();
    let depends = |one: &&Package| {
        let on =
            needed(nodes.get(one.id.as_str()).copied()).filter_map(|id| packages.get(id).map(|one| reference(one)));
        let on: BTreeSet<String> = on.collect();
        json!({ "ref": reference(one), "dependsOn": on })
    };
    let version = roots.first().map(|one| one.version.as_str()).context("the workspace has no package `tegmen`")?;
    let product = format!("pkg:pypi/tegmen@{version}");
    let mut dependencies = vec![json!({
        "ref": product,
        "dependsOn": roots.iter().map(|one| reference(one)).collect::<BTreeSet<_>>(),
    })];
    dependencies.extend(parts.iter().map(depends));
    let bill = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": product,
                "name": "tegmen",
                "version": version,
                "purl": product,
                "licenses": [{ "expression": "Apache-2.0 OR MIT" }],
            },
        },
        "components": components,
        "dependencies": dependencies,
    });
    Ok(format!("{}\n", serde_json::to_string_pretty(&bill)?))
}

fn metadata(root: &Path) -> anyhow::Result<Metadata> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(root)
        .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", &host()?])
        .stderr(std::process::Stdio::inherit())
        .output()
        .context("cargo could not be started")?;
    if !output.status.success() {
        bail!("`cargo metadata` failed with {}", output.status);
    }
    serde_json::from_slice(&output.stdout).context("`cargo metadata` says what is not known here")
}

/// The platform that is built for: the one that is built on.
fn host() -> anyhow::Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("rustc could not be started")?;
    let text = String::from_utf8(output.stdout).context("`rustc -vV` is not text")?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("`rustc -vV` does not say its host")
}

fn needed(node: Option<&Node>) -> impl Iterator<Item = &str> {
    let dependencies = node.into_iter().flat_map(|node| &node.deps);
    let is_part = |one: &&Dependency| one.dep_kinds.iter().any(|kind| kind.kind.is_none());
    dependencies.filter(is_part).map(|one| one.pkg.as_str())
}

fn reference(package: &Package) -> String {
    format!("pkg:cargo/{}@{}", package.name, package.version)
}

fn component(package: &Package, lock: &Lock) -> Value {
    let mut component = json!({
        "type": "library",
        "bom-ref": reference(package),
        "name": package.name,
        "version": package.version,
        "purl": reference(package),
    });
    if let Some(license) = &package.license {
        // Older packages write a slash for it.
        component["licenses"] = json!([{ "expression": license.replace('/', " OR ") }]);
    }
    if let Some(description) = &package.description {
        component["description"] = json!(description.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    let locked = lock.package.iter().find(|one| one.name == package.name && one.version == package.version);
    if let Some(checksum) = locked.and_then(|one| one.checksum.as_ref()) {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
    }
    component
}
