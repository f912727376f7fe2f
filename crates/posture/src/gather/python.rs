//! The Python environment that runs Locust, and the packages in it: from their `.dist-info` folders, without starting Python.

use std::path::{Path, PathBuf};

use crate::facts::{Fact, Package};

/// The environment, and its packages. `program` is the command that starts Locust, if it is known; `running` leads to the
/// interpreters of processes that run it.
pub(super) fn gather(root: &Path, program: Option<&str>, running: &[PathBuf]) -> (Fact<String>, Fact<Vec<Package>>) {
    let none = "no Python environment with Locust was found (PATH, VIRTUAL_ENV, .venv and venv were looked at)";
    for prefix in prefixes(root, program, running) {
        for folder in site_packages(&prefix) {
            let packages = packages(&folder);
            if packages.iter().any(|package| package.name == "locust") {
                return (Fact::known(prefix.display().to_string()), Fact::known(packages));
            }
        }
    }
    (Fact::unknown(none), Fact::unknown(none))
}

fn prefixes(root: &Path, program: Option<&str>, running: &[PathBuf]) -> Vec<PathBuf> {
    let mut prefixes: Vec<PathBuf> = Vec::new();
    let mut add = |prefix: Option<PathBuf>| {
        if let Some(prefix) = prefix.filter(|prefix| !prefixes.contains(prefix)) {
            prefixes.push(prefix);
        }
    };
    let of_program = |path: &Path| path.parent().and_then(Path::parent).map(Path::to_owned);
    let locust = |name: &str| {
        let found = std::env::split_paths(&std::env::var_os("PATH")?)
            .map(|folder| folder.join(name))
            .find(|path| path.is_file())?;
        // pipx and uv put a link into a folder of links.
        Some(std::fs::canonicalize(&found).unwrap_or(found))
    };
    if let Some(program) = program.filter(|program| program.contains('/')) {
        add(std::fs::canonicalize(root.join(program)).ok().as_deref().and_then(of_program));
    }
    add(locust("locust").as_deref().and_then(of_program));
    add(std::env::var_os("VIRTUAL_ENV").map(PathBuf::from));
    add(std::env::var_os("CONDA_PREFIX").map(PathBuf::from));
    for name in [".venv", "venv"] {
        add(Some(root.join(name)).filter(|prefix| prefix.is_dir()));
    }
    for path in running {
        add(std::fs::read_link(path).ok().as_deref().and_then(of_program));
    }
    for path in ["/usr/local", "/usr"] {
        add(Some(PathBuf::from(path)));
    }
    add(std::env::var_os("HOME").map(|home| Path::new(&home).join(".local")));
    prefixes
}

fn site_packages(prefix: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for lib in ["lib", "lib64"] {
        let Ok(entries) = std::fs::read_dir(prefix.join(lib)) else { continue };
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with("python3") {
                found.extend(["site-packages", "dist-packages"].map(|name| entry.path().join(name)));
            }
        }
    }
    found.retain(|path| path.is_dir());
    found
}

/// `name-version.dist-info`, as the format of wheels has it: the name has no dash.
fn packages(folder: &Path) -> Vec<Package> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<Package> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let (name, version) = name.strip_suffix(".dist-info")?.split_once('-')?;
            Some(Package { name: name.to_ascii_lowercase().replace(['_', '.'], "-"), version: version.to_owned() })
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}
