//! Values that are written in the files of the project: in the closed world these files have canaries in their place. The
//! files themselves stay as they are.

use std::{
    ffi::OsStr,
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use camino::Utf8PathBuf;
use tegmen_audit::{HardCoded, Options, hard_coded};
use tegmen_prove::{canary::Canary, verdict::Subject, world::authority::Authority};
use tegmen_secret::SecretBytes;
use tegmen_sys::isolation;

use super::{World, mirror, secrets::substituted};

/// A real value, and the canary in its place.
pub type Replaced = Vec<(SecretBytes, SecretBytes)>;

/// Shorter values stand in the same file by chance, and are left.
const SHORTEST: usize = 6;

/// What the literals of a project bring into the test.
#[derive(Default)]
pub struct Literals {
    pub canaries: Vec<Canary>,
    pub subjects: Vec<Subject>,
    pub remarks: Vec<String>,
    /// Where the test finds the project instead, if its files cannot be covered here.
    pub moved: Option<PathBuf>,
}

/// Finds them and puts canaries in their place, in copies that cover the files for this world only; where nothing can be
/// covered, in a copy of the project. `replaced` is what has a canary by now.
pub fn cover(
    project: &Path,
    world: &World,
    replaced: &[(SecretBytes, SecretBytes)],
    authority: &Authority,
) -> anyhow::Result<Literals> {
    let mut all = Literals::default();
    let Ok(root) = Utf8PathBuf::from_path_buf(project.to_owned()) else {
        all.remarks.push(
            "the directory of the project has no name in UTF-8: values in its files were not looked for".to_owned(),
        );
        return Ok(all);
    };
    let found =
        match hard_coded(std::slice::from_ref(&root), &Options { root: Some(root.clone()), ..Options::default() }) {
            Ok(found) => found,
            Err(error) => {
                all.remarks.push(format!("values that are written in the scripts were not looked for: {error}"));
                return Ok(all);
            }
        };
    // By the value. What is not in here yet has a canary from elsewhere, or gets one of its own.
    let mut known: Replaced = replaced.to_vec();
    let mut files: Vec<&HardCoded> = Vec::new();
    for literal in &found {
        let shown = literal.path.strip_prefix(root.as_str()).unwrap_or(&literal.path).trim_start_matches('/');
        let place = format!("{shown}:{}", literal.line);
        let value = literal.value.expose();
        if value.len() < SHORTEST {
            all.remarks.push(format!("the value in {place} is too short to be looked for: nothing is shown of it"));
            continue;
        }
        if !known.iter().any(|(real, _)| real.expose() == value) {
            let name = name(literal, &all.canaries);
            let real = SecretBytes::from(String::from_utf8_lossy(value).into_owned());
            let canary = Canary::new(&name, Some(&real), authority)?;
            known.push((real, canary.value.clone()));
            all.subjects.push(Subject {
                name: name.clone(),
                origin: "literal".to_owned(),
                hosts: None,
                places: Vec::new(),
                unprovable: canary.unprovable.clone(),
            });
            all.canaries.push(canary);
            all.remarks.push(format!("[{name}] is written in {place}; for this run a canary stood there"));
        }
        if !files.iter().any(|file| file.path == literal.path) {
            files.push(literal);
        }
    }
    // Longer ones first: one may be a part of another.
    known.sort_by_key(|(real, _)| std::cmp::Reverse(real.len()));
    if world.is_led && !files.is_empty() {
        let moved = world.folder.join("project");
        mirror::make(project, &moved).context("the project cannot be copied to where canaries can stand in it")?;
        all.moved = Some(moved);
    }
    for (number, file) in files.into_iter().enumerate() {
        let path = Path::new(&file.path);
        let text = std::fs::read(path).with_context(|| format!("{} cannot be read", file.path))?;
        let text = with_canaries(text, &file.spans, &known);
        if let Some(moved) = &all.moved {
            let path = moved.join(path.strip_prefix(project).unwrap_or(path));
            std::fs::write(&path, &text).with_context(|| format!("{} cannot be written", path.display()))?;
            continue;
        }
        let copy = world.folder.join(format!("literal-{number}"));
        std::fs::write(&copy, &text).context("no temporary file can be written")?;
        isolation::cover(path, &copy).with_context(|| format!("{} cannot be covered", file.path))?;
    }
    Ok(all)
}

/// Replaces values where they stand as such, and nowhere else: a password may be a word that the script needs.
fn with_canaries(mut text: Vec<u8>, spans: &[(usize, usize)], known: &Replaced) -> Vec<u8> {
    let mut spans = spans.to_vec();
    spans.sort_unstable();
    spans.dedup();
    for (start, end) in spans.into_iter().rev() {
        let Some(part) = text.get(start..end) else { continue };
        let part = substituted(OsStr::from_bytes(part), known).into_vec();
        text.splice(start..end, part);
    }
    text
}

/// A name that no other has.
fn name(literal: &HardCoded, others: &[Canary]) -> String {
    let plain = if literal.name.is_empty() { "value" } else { &literal.name };
    let plain = format!("literal:{plain}");
    let is_free = |name: &str| !others.iter().any(|other| other.name == name);
    if is_free(&plain) {
        return plain;
    }
    (2..).map(|number| format!("{plain}-{number}")).find(|name| is_free(name)).unwrap_or(plain)
}
