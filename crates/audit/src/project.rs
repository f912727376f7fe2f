//! The files of a project, parsed, and what they import of one another.
//!
//! Files are read one by one; what belongs to no load test is audited by itself and let go. The files of a load test are audited together
//! with what they import, one such group after another, so that memory holds a few groups and never a whole tree.

mod check;
mod groups;
mod names;
mod source;

use std::collections::HashMap;

use rayon::prelude::*;
use tegmen_syntax::{ExprId, FunctionId};

pub use check::{past_file, past_secrets};
pub use groups::check_all;
pub use source::SourceFile;

use crate::index::Index;
use crate::literal::{self, Site};
use source::Content;

/// An index into [`Project::files`].
pub type FileId = usize;

/// Files that are audited together.
pub struct Project {
    /// The files, by path.
    pub files: Vec<SourceFile>,
    index: Index,
    /// Calls of functions from other modules.
    callers: HashMap<(FileId, FunctionId), Vec<(FileId, ExprId)>>,
    /// Whether they belong to a load test.
    locust: bool,
}

impl Project {
    fn new(files: Vec<SourceFile>, locust: bool) -> Self {
        let paths = files.iter().map(|file| file.key.clone()).collect();
        let index = if files.len() > 1 { Index::new(paths) } else { Index::default() };
        let mut project = Self { files, index, callers: HashMap::new(), locust };
        if project.files.len() > 1 {
            project.callers = project.find_callers();
            project.literals_used_elsewhere();
        }
        project
    }

    /// Has each file look at those of its literals that another file gives a meaning: `KEY1` of a module of settings, which a
    /// script puts into a header.
    fn literals_used_elsewhere(&mut self) {
        let project = &*self;
        let used: Vec<(FileId, (String, String, Site))> = (0..project.files.len())
            .into_par_iter()
            .flat_map_iter(|id| {
                let file = &project.files[id];
                let used = file.module().map_or(&[][..], |module| &file.collected(module).1);
                used.iter().filter_map(move |used| {
                    let (target, path) = project.global(id, &used.qualified)?;
                    Some((target, (path, used.name.clone(), used.site)))
                })
            })
            .collect();
        let mut by_file: HashMap<FileId, Vec<(String, String, Site)>> = HashMap::new();
        for (target, used) in used {
            by_file.entry(target).or_default().push(used);
        }
        for (target, uses) in by_file {
            let SourceFile { content, literals, .. } = &mut self.files[target];
            if let (Content::Python(module), Some((found, _))) = (&*content, literals.get_mut()) {
                literal::python::collect_used(module, &uses, found);
            }
        }
    }
}
