//! A repository and its commits.

use std::collections::HashMap;

use camino::{Utf8Path, Utf8PathBuf};
use gix::ObjectId;

use super::Error;

/// Memory, in bytes, in which each thread keeps what others are deltas of.
const CACHE: usize = 32 << 20;

/// A repository whose history is read.
pub struct History {
    /// Where it is.
    pub path: Utf8PathBuf,
    shared: gix::ThreadSafeRepository,
}

/// A commit.
pub struct Commit {
    /// Its hash.
    pub id: ObjectId,
    /// The tree of its files.
    pub tree: ObjectId,
    /// The commits that it came from, as indices.
    pub parents: Vec<usize>,
    /// When it was made, in seconds since 1970.
    pub time: i64,
}

/// The repository of a path, and the path within it.
pub fn open(path: &Utf8Path) -> Result<(History, String), Error> {
    let missing = || Error::NoRepository { path: path.to_owned() };
    let unreadable = |reason: String| Error::Unreadable { path: path.to_owned(), reason };
    let directory = if path.is_dir() {
        path
    } else {
        path.parent().filter(|parent| !parent.as_str().is_empty()).unwrap_or(Utf8Path::new("."))
    };
    // A directory that says it is a repository and cannot be opened as one is broken, not missing.
    let shared = gix::ThreadSafeRepository::discover(directory).map_err(|error| {
        let claims = directory.ancestors().any(|parent| parent.join(".git").exists());
        if claims { unreadable(error.to_string()) } else { missing() }
    })?;
    let repository = shared.to_thread_local();
    let real = |path: &std::path::Path| path.canonicalize().ok().and_then(|path| Utf8PathBuf::from_path_buf(path).ok());
    let common = real(repository.common_dir()).ok_or_else(missing)?;
    let within = match (repository.workdir().and_then(real), real(path.as_std_path())) {
        (Some(root), Some(path)) => {
            path.strip_prefix(&root).map(|within| within.as_str().to_owned()).unwrap_or_default()
        }
        _ => String::new(),
    };
    if repository.is_shallow().map_err(|error| unreadable(error.to_string()))? {
        return Err(Error::Shallow { path: path.to_owned() });
    }
    Ok((History { path: common, shared }, within))
}

impl History {
    /// The repository, for one thread.
    pub fn local(&self) -> gix::Repository {
        let mut repository = self.shared.to_thread_local();
        repository.objects.set_pack_cache(|| Box::new(gix::odb::pack::cache::lru::MemoryCappedHashmap::new(CACHE)));
        repository
    }

    /// What was wrong.
    pub fn unreadable(&self, reason: impl ToString) -> Error {
        Error::Unreadable { path: self.path.clone(), reason: reason.to_string() }
    }

    /// An object that has to be there.
    pub fn object<'r>(&self, repository: &'r gix::Repository, id: ObjectId) -> Result<gix::Object<'r>, Error> {
        match repository.try_find_object(id) {
            Ok(Some(object)) => Ok(object),
            Ok(None) => Err(Error::MissingObject { path: self.path.clone(), id: id.to_string() }),
            Err(error) => Err(self.unreadable(error)),
        }
    }

    /// The commits that references and working trees point to.
    fn tips(&self, repository: &gix::Repository) -> Result<Vec<ObjectId>, Error> {
        let mut tips = Vec::new();
        let heads = repository.worktrees().map_err(|error| self.unreadable(error))?;
        for head in heads {
            let linked =
                head.into_repo_with_possibly_inaccessible_worktree().map_err(|error| self.unreadable(error))?;
            tips.extend(self.head(&linked)?);
        }
        tips.extend(self.head(repository)?);
        let references = repository.references().map_err(|error| self.unreadable(error))?;
        for reference in references.all().map_err(|error| self.unreadable(error))? {
            let mut reference = reference.map_err(|error| self.unreadable(error))?;
            // A name for a branch that is gone points to nothing that could be read.
            if matches!(reference.target(), gix::refs::TargetRef::Symbolic(_))
                && reference.follow().is_none_or(|next| next.is_err())
            {
                continue;
            }
            let name = reference.name().as_bstr().to_string();
            let id = reference.peel_to_id().map_err(|error| self.unreadable(format!("{name}: {error}")))?;
            tips.push(id.detach());
        }
        Ok(tips)
    }

    fn head(&self, repository: &gix::Repository) -> Result<Option<ObjectId>, Error> {
        let head = repository.head().map_err(|error| self.unreadable(error))?;
        if head.is_unborn() {
            return Ok(None);
        }
        Ok(Some(repository.head_id().map_err(|error| self.unreadable(error))?.detach()))
    }

    /// All commits, the newest first.
    pub fn commits(&self) -> Result<Vec<Commit>, Error> {
        let repository = self.local();
        let mut known: HashMap<ObjectId, usize> = HashMap::new();
        let mut commits: Vec<(Commit, Vec<ObjectId>)> = Vec::new();
        let mut queue = self.tips(&repository)?;
        while let Some(id) = queue.pop() {
            if known.contains_key(&id) {
                continue;
            }
            let object = self.object(&repository, id)?;
            if object.kind != gix::objs::Kind::Commit {
                // A tag may name a tree or a blob; `git log` passes over it too.
                continue;
            }
            let commit = gix::objs::CommitRef::from_bytes(&object.data, id.kind())
                .map_err(|error| self.unreadable(format!("commit {id}: {error}")))?;
            let time = commit.committer().ok().and_then(|who| who.time().ok()).map_or(0, |time| time.seconds);
            let parents: Vec<ObjectId> = commit.parents().collect();
            queue.extend(parents.iter().copied());
            known.insert(id, commits.len());
            commits.push((Commit { id, tree: commit.tree(), parents: Vec::new(), time }, parents));
        }
        let mut order: Vec<usize> = (0..commits.len()).collect();
        order.sort_by_key(|index| (std::cmp::Reverse(commits[*index].0.time), *index));
        let mut place = vec![0; commits.len()];
        for (new, old) in order.iter().enumerate() {
            place[*old] = new;
        }
        let mut sorted: Vec<Option<Commit>> = commits.iter().map(|_| None).collect();
        for (index, (mut commit, parents)) in commits.into_iter().enumerate() {
            commit.parents = parents.iter().filter_map(|parent| known.get(parent)).map(|old| place[*old]).collect();
            sorted[place[index]] = Some(commit);
        }
        Ok(sorted.into_iter().flatten().collect())
    }
}
