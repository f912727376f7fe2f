//! The Python that runs the test, wherever it lies: virtual environments, pyenv, conda, pipx, uv, the user's own packages.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use super::{Request, variable};

/// Below the home folder: where tools keep interpreters and environments.
const OF_HOME: &[&str] = &[
    ".local/bin",
    ".local/lib",
    ".local/pipx",
    ".local/share/pipx",
    ".local/share/uv",
    ".local/share/mise",
    ".local/share/rye",
    ".local/share/pypoetry",
    ".local/share/virtualenvs",
    ".cache/pypoetry/virtualenvs",
    ".pyenv",
    ".rye",
    ".asdf",
];

/// Files and folders to read and execute.
pub(super) fn places(request: &Request, home: Option<&Path>) -> Vec<PathBuf> {
    let environment = &request.environment;
    let mut found: Vec<PathBuf> = home.iter().flat_map(|home| OF_HOME.iter().map(|name| home.join(name))).collect();
    for name in ["VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONHOME", "UV_PYTHON_INSTALL_DIR", "PYENV_ROOT", "PIPX_HOME"] {
        found.extend(variable(environment, name).map(PathBuf::from));
    }
    for name in ["PYTHONPATH", "LD_LIBRARY_PATH"] {
        found.extend(split(variable(environment, name)).filter(|path| path.is_absolute()));
    }
    for name in
        ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "OPENSSL_CONF", "PYTHONSTARTUP"]
    {
        found.extend(variable(environment, name).map(PathBuf::from));
    }
    let search: Vec<PathBuf> = split(variable(environment, "PATH")).collect();
    let mut prefixes: Vec<PathBuf> = found.clone();
    for folder in &search {
        found.push(folder.clone());
        prefixes.extend(folder.parent().map(Path::to_owned));
    }
    if let Some(program) = request.command.first() {
        let candidates = if program.as_bytes().contains(&b'/') {
            vec![request.directory.join(program)]
        } else {
            search.iter().map(|folder| folder.join(program)).collect()
        };
        if let Some(program) = candidates.into_iter().find(|path| path.is_file()) {
            prefixes.extend(of_program(&program));
            found.push(program);
        }
    }
    for prefix in prefixes {
        if is_environment(&prefix) {
            found.extend(base(&prefix));
            found.extend(linked_in(&prefix));
            found.push(prefix);
        }
    }
    // Never the whole home folder, or what is above it.
    found.retain(|path| path.is_absolute() && home.is_none_or(|home| !home.starts_with(path)));
    found
}

fn split(list: Option<&std::ffi::OsString>) -> impl Iterator<Item = PathBuf> {
    let list = list.cloned().unwrap_or_default();
    std::env::split_paths(&list).collect::<Vec<_>>().into_iter()
}

/// The prefixes of a program's interpreter: of what it is a link to, and of what its first line names.
fn of_program(program: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut add = |path: &Path| {
        for path in [Some(path.to_owned()), path.canonicalize().ok()].into_iter().flatten() {
            found.extend(path.parent().and_then(Path::parent).map(Path::to_owned));
        }
    };
    add(program);
    let mut head = [0; 512];
    let read = std::fs::File::open(program).and_then(|mut file| std::io::Read::read(&mut file, &mut head));
    let head = &head[..read.unwrap_or(0)];
    if let Some(line) = head.strip_prefix(b"#!").and_then(|rest| rest.split(|byte| *byte == b'\n').next()) {
        let interpreter = line.trim_ascii().split(|byte| byte.is_ascii_whitespace()).next().unwrap_or_default();
        add(Path::new(OsStr::from_bytes(interpreter)));
    }
    found
}

/// A virtual environment, or where a Python is installed.
fn is_environment(prefix: &Path) -> bool {
    prefix.join("pyvenv.cfg").is_file()
        || std::fs::read_dir(prefix.join("lib"))
            .is_ok_and(|entries| entries.flatten().any(|entry| entry.file_name().as_bytes().starts_with(b"python3")))
}

/// Where the Python of a virtual environment is installed: `home = …/bin`, and what its link leads to.
fn base(prefix: &Path) -> Vec<PathBuf> {
    let text = std::fs::read_to_string(prefix.join("pyvenv.cfg")).unwrap_or_default();
    let home = text.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        (name.trim() == "home").then(|| PathBuf::from(value.trim()))
    });
    let linked = ["python3", "python"].iter().filter_map(|name| prefix.join("bin").join(name).canonicalize().ok());
    let programs = linked.filter_map(|path| path.parent().map(Path::to_owned));
    home.into_iter()
        .chain(programs)
        .filter_map(|bin| bin.parent().map(Path::to_owned))
        .filter(|base| is_environment(base))
        .collect()
}

/// Folders that `.pth` files put on the path: packages that are installed as links to their sources.
fn linked_in(prefix: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(versions) = std::fs::read_dir(prefix.join("lib")) else { return found };
    for version in versions.flatten() {
        let Ok(entries) = std::fs::read_dir(version.path().join("site-packages")) else { continue };
        for entry in entries.flatten() {
            if entry.path().extension().is_some_and(|extension| extension == "pth")
                && let Ok(text) = std::fs::read_to_string(entry.path())
            {
                found.extend(
                    text.lines().map(Path::new).filter(|path| path.is_absolute() && path.is_dir()).map(Path::to_owned),
                );
            }
        }
    }
    found
}
