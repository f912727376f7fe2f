//! The trees of all commits, each read once, down to the blobs that an audit looks at.

use std::collections::HashMap;

use camino::Utf8Path;
use gix::ObjectId;
use rayon::prelude::*;

use super::repository::{Commit, History};
use super::{Error, Place};
use crate::Options;
use crate::walk::{self, FileKind};

/// Trees that one thread reads one after another, so that what they are deltas of is at hand.
const CHUNK: usize = 128;

/// A blob that is looked at.
pub struct Blob {
    /// Its hash.
    pub id: ObjectId,
    /// The path that it is shown under.
    pub path: String,
    /// What it is read as.
    pub kind: FileKind,
}

/// All trees and the blobs that are looked at.
#[derive(Default)]
pub struct Forest {
    /// What stands in each tree: other trees, and blobs with [`Self::BLOB`] set.
    children: Vec<Vec<u32>>,
    /// The blobs, those of the newest commits first.
    pub blobs: Vec<Blob>,
    /// The tree of each commit.
    pub roots: Vec<u32>,
}

/// What a tree holds that matters.
enum Entry {
    Tree(ObjectId, String),
    Blob(ObjectId, String, FileKind),
}

impl Forest {
    /// Marks a child as a blob.
    const BLOB: u32 = 1 << 31;

    /// Reads all trees, level by level.
    pub fn read(history: &History, commits: &[Commit], places: &[Place], options: &Options) -> Result<Self, Error> {
        let mut forest = Self::default();
        // Where only some paths are looked for, the same tree counts for something else at another path.
        let excluded = options.exclude.as_ref().is_some_and(|patterns| !patterns.is_empty());
        let whole = !excluded && places.iter().any(|place| place.within.is_empty());
        let key = |path: &str| if whole { String::new() } else { path.to_owned() };
        let mut trees: HashMap<(ObjectId, String), u32> = HashMap::new();
        let mut blobs: HashMap<(ObjectId, FileKind), u32> = HashMap::new();
        let mut level: Vec<(u32, ObjectId, String)> = Vec::new();
        for commit in commits {
            let next = forest.children.len() as u32;
            let index = *trees.entry((commit.tree, String::new())).or_insert(next);
            if index == next {
                forest.children.push(Vec::new());
                level.push((index, commit.tree, String::new()));
            }
            forest.roots.push(index);
        }
        while !level.is_empty() {
            let read: Vec<Vec<Vec<Entry>>> = level
                .par_chunks(CHUNK)
                .map_init(
                    || history.local(),
                    |repository, chunk| {
                        chunk
                            .iter()
                            .map(|(_, id, path)| entries(history, repository, *id, path, (places, options)))
                            .collect::<Result<Vec<_>, _>>()
                    },
                )
                .collect::<Result<_, Error>>()?;
            let mut below = Vec::new();
            for ((parent, _, _), entries) in level.iter().zip(read.into_iter().flatten()) {
                for entry in entries {
                    let child = match entry {
                        Entry::Tree(id, path) => {
                            let next = forest.children.len() as u32;
                            let index = *trees.entry((id, key(&path))).or_insert(next);
                            if index == next {
                                forest.children.push(Vec::new());
                                below.push((index, id, path));
                            }
                            index
                        }
                        Entry::Blob(id, path, kind) => {
                            let next = forest.blobs.len() as u32;
                            let index = *blobs.entry((id, kind)).or_insert(next);
                            if index == next {
                                forest.blobs.push(Blob { id, path, kind });
                            }
                            index | Self::BLOB
                        }
                    };
                    forest.children[*parent as usize].push(child);
                }
            }
            level = below;
        }
        Ok(forest)
    }

    /// For each tree, which of the secrets are in it, as indices into the sets that are given back; `of` says it of a blob.
    pub fn spread(&self, of: &HashMap<u32, Vec<u32>>) -> (Vec<u32>, Vec<Vec<u32>>) {
        const UNKNOWN: u32 = u32::MAX;
        let mut sets: Vec<Vec<u32>> = vec![Vec::new()];
        let mut known: HashMap<Vec<u32>, u32> = HashMap::from([(Vec::new(), 0)]);
        let mut result = vec![UNKNOWN; self.children.len()];
        let mut stack: Vec<u32> = Vec::new();
        for root in &self.roots {
            stack.push(*root);
            while let Some(tree) = stack.last().copied() {
                if result[tree as usize] != UNKNOWN {
                    stack.pop();
                    continue;
                }
                let children = &self.children[tree as usize];
                let before = stack.len();
                stack.extend(
                    children.iter().filter(|child| *child & Self::BLOB == 0 && result[**child as usize] == UNKNOWN),
                );
                if stack.len() > before {
                    continue;
                }
                stack.pop();
                let mut set: Vec<u32> = Vec::new();
                for child in children {
                    if child & Self::BLOB == 0 {
                        set.extend(&sets[result[*child as usize] as usize]);
                    } else if let Some(secrets) = of.get(&(child & !Self::BLOB)) {
                        set.extend(secrets);
                    }
                }
                set.sort_unstable();
                set.dedup();
                let next = sets.len() as u32;
                let index = *known.entry(set.clone()).or_insert(next);
                if index == next {
                    sets.push(set);
                }
                result[tree as usize] = index;
            }
        }
        (result, sets)
    }
}

/// What a tree holds that is looked for.
fn entries(
    history: &History,
    repository: &gix::Repository,
    id: ObjectId,
    path: &str,
    (places, options): (&[Place], &Options),
) -> Result<Vec<Entry>, Error> {
    let object = history.object(repository, id)?;
    let mut found = Vec::new();
    for entry in gix::objs::TreeRefIter::from_bytes(&object.data, id.kind()) {
        let entry = entry.map_err(|error| history.unreadable(format!("tree {id}: {error}")))?;
        let Ok(name) = std::str::from_utf8(entry.filename) else { continue };
        let join = || if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
        if entry.mode.is_tree() {
            let below = join();
            if !walk::is_skipped(name) && places.iter().any(|place| place.leads_to(&below)) {
                found.push(Entry::Tree(entry.oid.to_owned(), below));
            }
        } else if entry.mode.is_blob()
            && let Some(kind) = walk::kind(Utf8Path::new(name))
            && let Some(shown) = {
                let file = join();
                places.iter().find_map(|place| place.show(&file))
            }
            && !options.excludes(Utf8Path::new(&shown), false)
        {
            found.push(Entry::Blob(entry.oid.to_owned(), shown, kind));
        }
    }
    Ok(found)
}
