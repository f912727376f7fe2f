//! Where values are kept that leave a script: the embedded store, or a dotenv file that git does not see.

use std::collections::BTreeSet;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

use ignore::gitignore::GitignoreBuilder;
use tegmen_audit::NewSecret;
use tegmen_secret::SecretBytes;
use tegmen_sources::store::{Store, StoreError};
use tegmen_sources::{Dotenv, Environment, Source};
use zeroize::Zeroizing;

use super::Project;
use super::write::Replacement;
use crate::messages::{self, shown};

/// A kind of place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The embedded store.
    Store,
    /// A dotenv file, seen from the directory of the manifest.
    Dotenv(PathBuf),
}

impl Place {
    /// `store`, `dotenv`, `dotenv:FILE`.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.split_once(':').map_or((text, None), |(kind, file)| (kind, Some(file))) {
            ("store", None) => Ok(Self::Store),
            ("dotenv", None) => Ok(Self::Dotenv(".env".into())),
            ("dotenv", Some(file)) if !file.is_empty() && !file.contains('#') => Ok(Self::Dotenv(file.into())),
            _ => Err("write `store`, `dotenv` or `dotenv:FILE`".to_owned()),
        }
    }
}

/// A place that is ready to take values.
pub struct Keep {
    names: BTreeSet<String>,
    kind: Kind,
}

enum Kind {
    Store(Store),
    Dotenv {
        /// As the manifest names it.
        named: PathBuf,
        path: PathBuf,
        /// What is in it; `None` if there is no such file.
        before: Option<SecretBytes>,
        root: PathBuf,
    },
}

impl Keep {
    /// Opens a place, and reads which names it has.
    pub(in crate::commands::fix) fn open(
        place: &Place,
        project: &Project,
        environment: &Environment,
        store: Option<&Path>,
    ) -> anyhow::Result<Self> {
        match place {
            Place::Store => {
                let store = Store::locate(environment, project.directory(), store).map_err(said)?;
                let names = store.read().map_err(said)?.iter().map(|(name, _)| name.to_owned()).collect();
                Ok(Self { names, kind: Kind::Store(store) })
            }
            Place::Dotenv(named) => {
                let path = project.directory().join(named);
                let shown = path.display();
                let before = match std::fs::read(&path) {
                    Ok(bytes) => Some(SecretBytes::new(bytes)),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
                    Err(error) => anyhow::bail!("{shown} cannot be read: {error}"),
                };
                let names = match &before {
                    Some(before) => Dotenv::parse(before.expose(), environment)
                        .map_err(|error| anyhow::anyhow!("{shown}: {error}; correct that line first"))?
                        .names()
                        .into_iter()
                        .map(str::to_owned)
                        .collect(),
                    None => BTreeSet::new(),
                };
                let root = project.directory().to_owned();
                Ok(Self { names, kind: Kind::Dotenv { named: named.clone(), path, before, root } })
            }
        }
    }

    /// The names that it has.
    pub fn names(&self) -> &BTreeSet<String> {
        &self.names
    }

    /// What the manifest says of a value in here.
    pub fn source(&self, name: &str) -> Source {
        let name = name.to_owned();
        match &self.kind {
            Kind::Store(_) => Source::Store { name },
            Kind::Dotenv { named, .. } => Source::Dotenv { file: named.clone(), name },
        }
    }

    /// Writes values, all of them or none.
    pub fn write(&self, secrets: &[NewSecret]) -> anyhow::Result<()> {
        match &self.kind {
            Kind::Store(store) => {
                store
                    .change(|contents| {
                        for secret in secrets {
                            contents.set(&secret.name, SecretBytes::new(secret.value.expose().to_vec()));
                        }
                        Ok(())
                    })
                    .map_err(said)?;
                for secret in secrets {
                    messages::note(format_args!("{} written to {}", secret.name, store.path().display()));
                }
            }
            Kind::Dotenv { path, before, root, .. } => {
                ignored_by_git(root, path)?;
                let before = before.as_ref().map(SecretBytes::expose);
                let mut text = Zeroizing::new(before.unwrap_or_default().to_vec());
                if !text.is_empty() && !text.ends_with(b"\n") {
                    text.push(b'\n');
                }
                for secret in secrets {
                    text.extend_from_slice(&line(secret)?);
                }
                let wrong = |reason| anyhow::anyhow!("{}: {reason}", path.display());
                let file = Replacement::with_mode(path, before, &text, Some(0o600)).map_err(wrong)?;
                file.persist().map_err(wrong)?;
                for secret in secrets {
                    messages::note(format_args!("{} written to {}", secret.name, shown(path)));
                }
            }
        }
        Ok(())
    }
}

/// `NAME='value'`, as python-dotenv and Tegmen read it back.
fn line(secret: &NewSecret) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let value = secret.value.expose();
    if value.windows(2).any(|pair| pair == b"${") {
        anyhow::bail!(
            "the value of {} has ${{ in it, which a dotenv file takes for a reference; nothing was changed: use --to store",
            secret.name
        );
    }
    let mut line = Zeroizing::new(Vec::with_capacity(secret.name.len() + 2 * value.len() + 4));
    line.extend_from_slice(secret.name.as_bytes());
    line.extend_from_slice(b"='");
    for byte in value {
        if matches!(byte, b'\'' | b'\\') {
            line.push(b'\\');
        }
        line.push(*byte);
    }
    line.extend_from_slice(b"'\n");
    Ok(line)
}

/// Has git ignore a file, before there is anything in it.
pub fn ignored_by_git(root: &Path, path: &Path) -> anyhow::Result<()> {
    let within = path.strip_prefix(root).ok();
    let mut top = root;
    for directory in root.ancestors() {
        if directory.join(".git").exists() {
            top = directory;
            break;
        }
    }
    for directory in root.ancestors() {
        let mut builder = GitignoreBuilder::new(directory);
        builder.add(directory.join(".gitignore"));
        let rules = builder.build()?;
        if path.starts_with(directory) && rules.matched_path_or_any_parents(path, false).is_ignore() {
            return Ok(());
        }
        if directory == top {
            break;
        }
    }
    let Some(within) = within else {
        messages::warning(format_args!("{} is outside of the project: see that git ignores it", path.display()));
        return Ok(());
    };
    let file = root.join(".gitignore");
    let before = match std::fs::read(&file) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => anyhow::bail!("{} cannot be read: {error}", file.display()),
    };
    let mut text = before.clone().unwrap_or_default();
    if !text.is_empty() && !text.ends_with(b"\n") {
        text.push(b'\n');
    }
    text.extend_from_slice(format!("/{}\n", within.display()).as_bytes());
    Replacement::prepare(&file, before.as_deref(), &text)
        .and_then(Replacement::persist)
        .map_err(|reason| anyhow::anyhow!("{}: {reason}", file.display()))?;
    messages::note(format_args!("{} written: git ignores /{}", shown(&file), within.display()));
    Ok(())
}

/// Asks where values are to go; `None`: not now.
pub fn ask(count: usize) -> anyhow::Result<Option<Place>> {
    let mut terminal = std::io::stderr().lock();
    loop {
        write!(
            terminal,
            "{count} findings are values written in scripts. Where shall the values go?\n  \
             [s] the embedded store, encrypted   [d] .env, ignored by git   [n] nowhere: leave them\n[s/d/n] "
        )?;
        terminal.flush()?;
        let mut answer = String::new();
        if std::io::stdin().lock().read_line(&mut answer)? == 0 {
            return Ok(None);
        }
        match answer.trim().to_ascii_lowercase().as_str() {
            "s" | "store" => return Ok(Some(Place::Store)),
            "d" | "dotenv" => return Ok(Some(Place::Dotenv(".env".into()))),
            "n" | "no" | "" => return Ok(None),
            _ => {}
        }
    }
}

fn said(error: StoreError) -> anyhow::Error {
    anyhow::anyhow!("{}; {}", error.why, error.next)
}
