//! Where the names that files import of one another are defined, and who calls what.

use std::collections::HashMap;

use rayon::prelude::*;
use tegmen_syntax::{ExprId, ExprKind, FunctionId};

use super::{FileId, Project};

impl Project {
    /// The file that `qualified`, as imported by a file, leads into, and the path from there: a global, or a class and its field.
    pub(super) fn global(&self, from: FileId, qualified: &str) -> Option<(FileId, String)> {
        if let Some((target, name)) = self.defined(from, qualified) {
            return Some((target, name));
        }
        let (class, field) = qualified.rsplit_once('.').filter(|(class, _)| !class.ends_with('.'))?;
        let (target, class) = self.defined(from, class)?;
        Some((target, format!("{class}.{field}")))
    }

    /// The module of this dotted name, as seen from a file.
    pub fn resolve(&self, from: FileId, name: &str, level: u32) -> Option<FileId> {
        self.index.resolve(from, name, level)
    }

    /// The file and the name in it that `qualified`, as imported by a file, means.
    pub fn member<'n>(&self, from: FileId, qualified: &'n str) -> Option<(FileId, &'n str)> {
        self.index.member(from, qualified)
    }

    /// The calls of a function from other modules.
    pub fn callers(&self, file: FileId, function: FunctionId) -> &[(FileId, ExprId)] {
        self.callers.get(&(file, function)).map_or(&[], Vec::as_slice)
    }

    /// The function of another module that a call runs.
    pub fn imported_function(&self, file: FileId, func: ExprId) -> Option<(FileId, FunctionId)> {
        let module = self.files[file].module()?;
        let Some((target, name)) = module.qualified(func).and_then(|name| self.defined(file, &name)) else {
            return self.method_elsewhere(file, func);
        };
        let other = self.files[target].module()?;
        // A function, or what makes an object of a class.
        let class = other.class_ids().find(|(_, class)| other.symbol(class.name) == name).map(|(class, _)| class);
        let wanted = if class.is_some() { "__init__" } else { name.as_str() };
        let found = other
            .function_ids()
            .find(|(_, function)| function.class == class && other.symbol(function.name) == wanted)?;
        Some((target, found.0))
    }

    /// Where what `qualified` means, as imported by a file, is defined, and its name there: behind the imports of packages that only
    /// hand it on, and behind stars.
    pub fn defined(&self, from: FileId, qualified: &str) -> Option<(FileId, String)> {
        match self.member(from, qualified) {
            Some((target, name)) => Some(self.origin_of(target, name, 0).unwrap_or((target, name.to_owned()))),
            // A name that nothing here defines, where a star brings in all that another module has.
            None if !qualified.contains('.') => self.starred(from, qualified, 0),
            None => None,
        }
    }

    /// Where a name of a module is defined: in it, or in what it imports.
    fn origin_of(&self, file: FileId, name: &str, depth: usize) -> Option<(FileId, String)> {
        let module = self.files.get(file)?.module()?;
        let function = module.function_ids().any(|(_, f)| f.class.is_none() && module.symbol(f.name) == name);
        if function || module.class_ids().any(|(_, class)| module.symbol(class.name) == name) {
            return Some((file, name.to_owned()));
        }
        if depth > 6 {
            return None;
        }
        let imports = module.imports.iter().filter(|import| import.member && module.symbol(import.local) == name);
        imports
            .filter_map(|import| {
                let qualified = format!("{}{}", ".".repeat(import.level as usize), import.qualified);
                let (target, member) = self.member(file, &qualified)?;
                self.origin_of(target, member, depth + 1)
            })
            .next()
            .or_else(|| self.starred(file, name, depth + 1))
    }

    fn starred(&self, file: FileId, name: &str, depth: usize) -> Option<(FileId, String)> {
        self.files.get(file)?.module()?.stars.iter().find_map(|(star, level)| {
            let target = self.resolve(file, star, *level).filter(|target| *target != file)?;
            self.origin_of(target, name, depth + 1)
        })
    }

    pub(super) fn find_callers(&self) -> HashMap<(FileId, FunctionId), Vec<(FileId, ExprId)>> {
        let calls: Vec<((FileId, FunctionId), (FileId, ExprId))> = (0..self.files.len())
            .into_par_iter()
            .flat_map_iter(|file| {
                let module = self.files[file].module();
                let any = module.is_some_and(|module| {
                    !module.stars.is_empty()
                        || module.imports.iter().any(|import| {
                            let name = format!("{}{}", ".".repeat(import.level as usize), import.qualified);
                            self.member(file, &name).is_some()
                                || self.resolve(file, &import.qualified, import.level).is_some()
                        })
                });
                module
                    .filter(|_| any)
                    .into_iter()
                    .flat_map(|module| module.exprs())
                    .filter_map(move |(id, expr)| match &expr.kind {
                        ExprKind::Call { func, .. } => Some((self.imported_function(file, *func)?, (file, id))),
                        _ => None,
                    })
                    .collect::<Vec<_>>()
            })
            .collect();
        let mut callers: HashMap<_, Vec<_>> = HashMap::new();
        for (function, call) in calls {
            callers.entry(function).or_default().push(call);
        }
        callers
    }
}
