//! Owners and modes of the project's files, and credentials in the home folder. No content is kept.

use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::Project;
use crate::facts::{Credential, Fact, Files, Key, ProjectFile, Protection, Role, Standing};

/// Files in the home folder that open something else to whoever reads them.
const CREDENTIALS: &[(&str, &str)] = &[
    ("AWS", ".aws/credentials"),
    ("Google Cloud", ".config/gcloud/application_default_credentials.json"),
    ("Google Cloud", ".config/gcloud/credentials.db"),
    ("Azure", ".azure/msal_token_cache.json"),
    ("Azure", ".azure/accessTokens.json"),
    ("Kubernetes", ".kube/config"),
    ("container registries", ".docker/config.json"),
    ("Vault", ".vault-token"),
    ("hosts by name (netrc)", ".netrc"),
    ("PostgreSQL", ".pgpass"),
    ("MySQL", ".my.cnf"),
    ("git", ".git-credentials"),
    ("git", ".config/git/credentials"),
    ("GitHub", ".config/gh/hosts.yml"),
    ("npm", ".npmrc"),
    ("PyPI", ".pypirc"),
    ("Terraform", ".terraform.d/credentials.tfrc.json"),
    ("Cargo", ".cargo/credentials.toml"),
];

/// So many files of a project are looked at.
const MOST: usize = 2000;

pub(super) fn gather(project: &Project) -> Files {
    let mut files: Vec<ProjectFile> = Vec::new();
    let mut add = |role: Role, path: PathBuf| {
        if !files.iter().any(|known| known.path == path) && path.exists() {
            let standing = standing(&path);
            files.push(ProjectFile { role, path, standing });
        }
    };
    for (role, path) in &project.files {
        add(*role, path.clone());
    }
    for (role, path) in walk(&project.root) {
        add(role, path);
    }
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    let dotenvs: Vec<&Path> =
        files.iter().filter(|file| file.role == Role::Dotenv).map(|file| file.path.as_path()).collect();
    let (unignored, gitignore) = unignored(&project.root, &dotenvs);
    Files {
        folder: standing(&project.root),
        unignored,
        gitignore,
        credentials: home
            .as_deref()
            .map_or_else(|| Fact::unknown("HOME is not set"), |home| Fact::known(credentials(home))),
        keys: home.as_deref().map_or_else(|| Fact::unknown("HOME is not set"), |home| keys(&home.join(".ssh"))),
        open_search_folders: Fact::known(open_search_folders()),
        uid: tegmen_sys::peer::effective_uid(),
        root: project.root.clone(),
        project: files,
    }
}

/// Owner and mode of a file, of what a link leads to.
pub(super) fn standing(path: &Path) -> Fact<Standing> {
    let what = path.display().to_string();
    Fact::read(&what, std::fs::metadata(path)).map(|known| Standing {
        uid: known.uid(),
        gid: known.gid(),
        mode: known.mode() & 0o7777,
        group_is_private: is_private(known.gid(), known.uid()),
    })
}

/// Whether nobody but this user is in the group, as far as the group file tells: a group of one's own has the user's number
/// or name, and no members.
fn is_private(gid: u32, uid: u32) -> bool {
    let Ok(groups) = std::fs::read_to_string("/etc/group") else { return false };
    let Ok(users) = std::fs::read_to_string("/etc/passwd") else { return false };
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<u32>().ok());
    let owner =
        users.lines().find(|line| number(line.split(':').nth(2)) == Some(uid)).and_then(|line| line.split(':').next());
    let others_have_it =
        users.lines().any(|line| number(line.split(':').nth(3)) == Some(gid) && line.split(':').next() != owner);
    let group = groups.lines().find(|line| number(line.split(':').nth(2)) == Some(gid));
    let members = group.and_then(|line| line.split(':').nth(3)).unwrap_or("?");
    let members = members.split(',').filter(|member| !member.is_empty() && Some(*member) != owner).count();
    group.is_some() && owner.is_some() && members == 0 && !others_have_it
}

/// Locustfiles and `.env` files below the folder, as far as they are the project's own.
fn walk(root: &Path) -> Vec<(Role, PathBuf)> {
    let skipped = ["node_modules", "__pycache__", "site-packages", "target", "dist", "build", "venv"];
    let mut found = Vec::new();
    let mut folders = vec![(root.to_owned(), 0)];
    let mut seen = 0;
    while let Some((folder, depth)) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            seen += 1;
            if seen > MOST {
                return found;
            }
            let (Ok(kind), Ok(name)) = (entry.file_type(), entry.file_name().into_string()) else { continue };
            if kind.is_dir() {
                if depth < 3 && !name.starts_with('.') && !skipped.contains(&name.as_str()) {
                    folders.push((entry.path(), depth + 1));
                }
            } else if name.ends_with(".py") && (name.contains("locust") || depth == 0) {
                found.push((Role::Locustfile, entry.path()));
            } else if is_dotenv(&name) {
                found.push((Role::Dotenv, entry.path()));
            } else if name == "tegmen.toml" {
                found.push((Role::Manifest, entry.path()));
            }
        }
    }
    found.sort_by(|a, b| a.1.cmp(&b.1));
    found
}

/// `.env`, `.env.production`, `load.env`; none of the samples.
fn is_dotenv(name: &str) -> bool {
    let sample = ["example", "sample", "template", "dist", "defaults"].iter().any(|word| name.contains(word));
    !sample && (name == ".env" || name.starts_with(".env.") || name.ends_with(".env"))
}

/// Which of these files git would take in, from the folder; and the `.gitignore` to write into. Git itself is asked where it
/// is there: its rules are its own.
fn unignored(root: &Path, files: &[&Path]) -> (Fact<Vec<String>>, PathBuf) {
    let top = root.ancestors().find(|folder| folder.join(".git").exists());
    let Some(top) = top else { return (Fact::unknown("this folder is in no git repository"), root.join(".gitignore")) };
    let gitignore = top.join(".gitignore");
    if files.is_empty() {
        return (Fact::known(Vec::new()), gitignore);
    }
    let asked = std::process::Command::new("git")
        .args(["-C"])
        .arg(top)
        .args(["check-ignore", "--no-index", "--"])
        .args(files)
        .stdin(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .output();
    // 0: some are ignored, 1: none is, 128: something is wrong.
    let fact = match asked {
        Ok(output) if matches!(output.status.code(), Some(0 | 1)) => {
            let text = String::from_utf8_lossy(&output.stdout);
            let ignored: Vec<&str> = text.lines().collect();
            let rest =
                files.iter().map(|file| file.display().to_string()).filter(|file| !ignored.contains(&file.as_str()));
            Fact::known(rest.collect())
        }
        Ok(output) => Fact::unknown(format!("`git check-ignore` failed with {}", output.status)),
        Err(error) => Fact::unknown(format!("git cannot be asked: {error}")),
    };
    (fact, gitignore)
}

fn credentials(home: &Path) -> Vec<Credential> {
    let named = |variable: &str| std::env::var_os(variable).map(PathBuf::from);
    let known = CREDENTIALS.iter().map(|(what, path)| (*what, home.join(path)));
    let elsewhere = [
        ("AWS", named("AWS_SHARED_CREDENTIALS_FILE")),
        ("Google Cloud", named("GOOGLE_APPLICATION_CREDENTIALS")),
        ("Kubernetes", named("KUBECONFIG")),
        ("PostgreSQL", named("PGPASSFILE")),
    ];
    let all = known.chain(elsewhere.into_iter().filter_map(|(what, path)| Some((what, path?))));
    let there = all.filter(|(what, path)| std::fs::File::open(path).is_ok() && holds_something(what, path));
    there.map(|(what, path)| Credential { what, standing: standing(&path), path }).collect()
}

/// Some of these files are mostly there without a credential: they are looked into, and what they hold is dropped.
fn holds_something(what: &str, path: &Path) -> bool {
    let mark = match what {
        "container registries" => "\"auth\"",
        "npm" => "_auth",
        "PyPI" | "MySQL" => "password",
        "GitHub" => "oauth_token",
        _ => return std::fs::metadata(path).is_ok_and(|known| known.len() > 0),
    };
    std::fs::read_to_string(path).is_ok_and(|text| text.contains(mark))
}

fn keys(folder: &Path) -> Fact<Vec<Key>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Fact::known(Vec::new()),
        Err(error) => return Fact::read(&folder.display().to_string(), Err(error)),
    };
    let mut keys: Vec<Key> = entries
        .flatten()
        .filter_map(|entry| {
            let path = entry.path();
            let is_small = std::fs::metadata(&path).is_ok_and(|known| known.is_file() && known.len() < 64 * 1024);
            let text = if is_small { std::fs::read_to_string(&path).ok()? } else { return None };
            protection(&text).map(|protection| Key { path, protection })
        })
        .collect();
    keys.sort_by(|a, b| a.path.cmp(&b.path));
    Fact::known(keys)
}

/// How a private key is protected; `None`: it is none. OpenSSH's own format names its cipher at the beginning
/// (PROTOCOL.key), the older ones in a header.
fn protection(text: &str) -> Option<Protection> {
    let begin = text.lines().find(|line| line.starts_with("-----BEGIN ") && line.contains("PRIVATE KEY"))?;
    if begin.contains("ENCRYPTED") || text.contains("Proc-Type: 4,ENCRYPTED") {
        return Some(Protection::Passphrase);
    }
    if !begin.contains("OPENSSH") {
        return Some(Protection::None);
    }
    // "openssh-key-v1\0", then the cipher's name with its length: "none" without a passphrase. In base64, the bytes before are
    // always the same.
    let body = text.lines().skip_while(|line| *line != begin).nth(1).unwrap_or_default();
    let Some(rest) = body.strip_prefix("b3BlbnNzaC1rZXktdjEAAAAA") else { return Some(Protection::Unknown) };
    Some(if rest.starts_with("BG5vbmU") { Protection::None } else { Protection::Passphrase })
}

/// Folders in PATH and PYTHONPATH into which everybody can write, and that are not there but could be made by everybody.
fn open_search_folders() -> Vec<String> {
    let mut found = Vec::new();
    for variable in ["PATH", "PYTHONPATH"] {
        for folder in std::env::var_os(variable).iter().flat_map(std::env::split_paths) {
            if folder.as_os_str().is_empty() || !folder.is_absolute() {
                if variable == "PATH" {
                    found.push(format!("{variable}: the current folder"));
                }
            } else if standing(&folder).ok().is_some_and(Standing::is_writable_by_others) {
                found.push(format!("{variable}: {}", folder.display()));
            }
        }
    }
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_key_is_told_by_its_head() {
        let key = |body: &str| ["-----BEGIN OPENSSH ", "PRIVATE KEY-----\n", body, "AAA\n"].concat();
        assert_eq!(protection(&key("b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ")), Some(Protection::None));
        assert_eq!(protection(&key("b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHI")), Some(Protection::Passphrase));
        assert_eq!(protection(&key("something else")), Some(Protection::Unknown));
        let old = ["-----BEGIN RSA ", "PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"].concat();
        assert_eq!(protection(&old), Some(Protection::Passphrase));
        assert_eq!(protection(&["-----BEGIN RSA ", "PRIVATE KEY-----\nMII"].concat()), Some(Protection::None));
        assert_eq!(protection("ssh-ed25519 AAAA someone"), None);
    }

    #[test]
    fn samples_of_variables_are_no_secrets() {
        for name in [".env", ".env.production", "load.env"] {
            assert!(is_dotenv(name), "{name}");
        }
        for name in [".env.example", "sample.env", "environment.py", ".envrc.template"] {
            assert!(!is_dotenv(name), "{name}");
        }
    }
}
