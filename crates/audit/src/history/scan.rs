//! Which secrets each blob has.

use std::collections::{HashMap, HashSet};

use rayon::prelude::*;

use tegmen_findings::{Problem, ProblemKind};

use super::Error;
use super::forest::{Blob, Forest};
use super::repository::History;
use crate::prefilter;
use crate::project;
use crate::read;
use crate::walk::FileKind;

/// Versions of a file that one thread looks at one after another.
const CHUNK: usize = 256;

/// A secret in a blob.
pub struct Hit {
    /// Its value, in the order in which they were found.
    pub secret: u32,
    /// The blob.
    pub blob: u32,
    /// Whether a mark in the blob holds it back.
    pub marked: bool,
    /// Whether the blob was parsed, rather than only searched for the value.
    pub parsed: bool,
}

/// What all blobs have.
#[derive(Default)]
pub struct Found {
    /// The values, each once.
    pub secrets: Vec<String>,
    /// Where they are.
    pub hits: Vec<Hit>,
    /// Versions that were not looked at.
    pub problems: Vec<Problem>,
}

/// Looks at all blobs.
pub fn scan(history: &History, forest: &Forest) -> Result<Found, Error> {
    // Versions of a file one after another: what one of them is a delta of is then at hand, and most of their lines are the same.
    let mut order: Vec<u32> = (0..forest.blobs.len() as u32).collect();
    order.sort_by(|a, b| (&forest.blobs[*a as usize].path, a).cmp(&(&forest.blobs[*b as usize].path, b)));
    let mut chunks: Vec<&[u32]> = Vec::new();
    for file in order.chunk_by(|a, b| forest.blobs[*a as usize].path == forest.blobs[*b as usize].path) {
        chunks.extend(file.chunks(CHUNK));
    }
    let parts: Vec<Found> = chunks
        .par_iter()
        .map_init(|| history.local(), |repository, chunk| versions(history, repository, forest, chunk))
        .collect::<Result<_, Error>>()?;
    let mut found = Found::default();
    let mut known: HashMap<String, u32> = HashMap::new();
    for part in parts {
        let ids: Vec<u32> = part
            .secrets
            .into_iter()
            .map(|secret| {
                let next = found.secrets.len() as u32;
                *known.entry(secret).or_insert_with_key(|secret| {
                    found.secrets.push(secret.clone());
                    next
                })
            })
            .collect();
        found.problems.extend(part.problems);
        found.hits.extend(part.hits.into_iter().map(|hit| Hit { secret: ids[hit.secret as usize], ..hit }));
    }
    Ok(found)
}

/// Looks at versions of one file.
fn versions(history: &History, repository: &gix::Repository, forest: &Forest, chunk: &[u32]) -> Result<Found, Error> {
    let mut found = Found::default();
    let mut ids: HashMap<String, u32> = HashMap::new();
    let mut seen = prefilter::Seen::default();
    for index in chunk {
        let blob = &forest.blobs[*index as usize];
        let text = match text(history, repository, blob)? {
            Ok(text) => text,
            Err(problem) => {
                // Of data one remark is enough, however many versions it has.
                if problem.kind != ProblemKind::Note || !found.problems.iter().any(|known| known.path == blob.path) {
                    found.problems.push(problem);
                }
                continue;
            }
        };
        let mut here: HashSet<u32> = HashSet::new();
        if is_new(blob.kind, &text, &mut seen) {
            for (secret, marked) in project::past_secrets(&blob.path, blob.kind, text.clone()) {
                let next = found.secrets.len() as u32;
                let id = *ids.entry(secret).or_insert_with_key(|secret| {
                    found.secrets.push(secret.clone());
                    next
                });
                here.insert(id);
                found.hits.push(Hit { secret: id, blob: *index, marked, parsed: true });
            }
        }
        // A value that the file has in any form is not gone from it.
        for (id, secret) in found.secrets.iter().enumerate() {
            let id = id as u32;
            if !here.contains(&id) && memchr::memmem::find(text.as_bytes(), secret.as_bytes()).is_some() {
                found.hits.push(Hit { secret: id, blob: *index, marked: false, parsed: false });
            }
        }
    }
    Ok(found)
}

/// Whether a version has a promising line that none before it has.
fn is_new(kind: FileKind, text: &str, seen: &mut prefilter::Seen) -> bool {
    if kind != FileKind::Python {
        return true;
    }
    let mut new = false;
    prefilter::promising_lines(text, seen, &mut |_| new = true);
    new
}

/// The text of a blob, or why it is not looked at, which is told as it is of a file.
pub fn text(history: &History, repository: &gix::Repository, blob: &Blob) -> Result<Result<String, Problem>, Error> {
    let mut object = history.object(repository, blob.id)?;
    let bytes = std::mem::take(&mut object.data);
    let problem = |severity, what: &str| Problem {
        kind: if blob.kind == FileKind::Python { severity } else { ProblemKind::Note },
        path: blob.path.clone(),
        line: None,
        message: format!("version {} in the history {what}", blob.id),
    };
    let size = bytes.len() as u64;
    if size > read::MAX {
        let what = format!("has {} MB, more than the {} MB that are audited; not audited", size >> 20, read::MAX >> 20);
        return Ok(Err(problem(ProblemKind::Unread, &what)));
    }
    Ok(match read::decode(bytes, blob.kind) {
        (Some(text), _) => Ok(text),
        (None, remark) => Err(problem(ProblemKind::Unparsed, &remark.unwrap_or_default())),
    })
}
