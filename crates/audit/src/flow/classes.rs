//! Classes across modules: what an object is an object of, what it inherits, which method a call of it runs.

use tegmen_syntax::{ClassId, DefValue, ExprId, ExprKind, FunctionId, Module, Span};

use super::{Flow, Taint};
use crate::project::{FileId, Project};

/// How many objects deep `a.b.c` is followed, and how many bases a class is looked up in.
const MAX_DEPTH: usize = 4;
const MAX_BASES: usize = 16;

impl Project {
    /// The class that an expression names, here or in the module that it is imported from.
    pub fn class_named(&self, file: FileId, module: &Module, expr: ExprId) -> Option<(FileId, ClassId)> {
        if let Some(class) = module.class_of(expr) {
            return Some((file, class));
        }
        let qualified = module.qualified(expr)?;
        let (target, name) = self.defined(file, &qualified)?;
        let other = self.files.get(target)?.module()?;
        other.class_ids().find(|(_, class)| other.symbol(class.name) == name).map(|(class, _)| (target, class))
    }

    /// The class whose object (or which itself) an expression is; `depth` is 0.
    pub fn class_of_object(
        &self,
        file: FileId,
        module: &Module,
        expr: ExprId,
        depth: usize,
    ) -> Option<(FileId, ClassId)> {
        if let Some(class) = module.class_of_object(expr) {
            return Some((file, class));
        }
        if depth > MAX_DEPTH {
            return None;
        }
        let made_by = |value: ExprId| match module.kind(value) {
            ExprKind::Call { func, .. } => self.class_named(file, module, *func),
            _ => None,
        };
        match module.kind(expr) {
            ExprKind::Name(name) => {
                let made = module.reaching(expr, *name).iter().find_map(|def| match module.definition(*def).value {
                    DefValue::Expr(value) => made_by(value),
                    _ => None,
                });
                made.or_else(|| self.class_named(file, module, expr))
                    .or_else(|| self.class_of_global(file, module, expr))
            }
            ExprKind::Attribute { value, attr } => {
                let (owner_file, owner) = self.class_of_object(file, module, *value, depth + 1)?;
                let name = module.symbol(*attr);
                self.lineage(owner_file, owner).into_iter().find_map(|(file, class)| {
                    let module = self.files.get(file)?.module()?;
                    module.fields_of(class, module.find_symbol(name)?).into_iter().find_map(|def| {
                        match module.definition(def).value {
                            DefValue::Expr(value) => match module.kind(value) {
                                ExprKind::Call { func, .. } => self.class_named(file, module, *func),
                                _ => None,
                            },
                            _ => None,
                        }
                    })
                })
            }
            ExprKind::Call { func, .. } => self.class_named(file, module, *func),
            _ => None,
        }
    }

    /// The class of an object that another module makes and this one imports: `from config import settings`.
    fn class_of_global(&self, file: FileId, module: &Module, expr: ExprId) -> Option<(FileId, ClassId)> {
        let (target, name) = self.defined(file, &module.qualified(expr)?)?;
        let other = self.files.get(target).filter(|_| target != file)?.module()?;
        other.globals_of(other.find_symbol(&name)?).iter().find_map(|def| match other.definition(*def).value {
            DefValue::Expr(value) => match other.kind(value) {
                ExprKind::Call { func, .. } => self.class_named(target, other, *func),
                _ => None,
            },
            _ => None,
        })
    }

    /// A class and its bases, nearest first.
    fn lineage(&self, file: FileId, class: ClassId) -> Vec<(FileId, ClassId)> {
        let mut found = vec![(file, class)];
        let mut next = 0;
        while let Some((file, class)) = found.get(next).copied() {
            next += 1;
            let Some(module) = self.files.get(file).and_then(|file| file.module()) else { continue };
            for base in &module.class(class).bases {
                if let Some(base) = self.class_named(file, module, *base)
                    && !found.contains(&base)
                    && found.len() < MAX_BASES
                {
                    found.push(base);
                }
            }
        }
        found
    }

    /// The method of another module that a call runs: one that `self` inherits, one of an object made of an imported class.
    pub fn method_elsewhere(&self, file: FileId, func: ExprId) -> Option<(FileId, FunctionId)> {
        let module = self.files.get(file)?.module()?;
        let ExprKind::Attribute { value, attr } = module.kind(func) else { return None };
        let (owner_file, owner) = self.class_of_object(file, module, *value, 0)?;
        let name = module.symbol(*attr);
        self.lineage(owner_file, owner).into_iter().find_map(|(other, class)| {
            let module = self.files.get(other)?.module()?;
            let symbol = module.find_symbol(name)?;
            module.fields_of(class, symbol).into_iter().find_map(|def| match module.definition(def).value {
                DefValue::Function(function) if other != file => Some((other, function)),
                _ => None,
            })
        })
    }
}

impl Flow<'_> {
    /// A field that an object has from a class of another module.
    pub(super) fn inherited(
        &self,
        file: FileId,
        module: &Module,
        object: ExprId,
        name: &str,
        span: Span,
    ) -> Option<Taint> {
        if self.project.files.len() < 2 {
            return None;
        }
        let (owner_file, owner) = self.project.class_of_object(file, module, object, 0)?;
        self.project.lineage(owner_file, owner).into_iter().filter(|(other, _)| *other != file).find_map(
            |(other, class)| {
                let module = self.module_of(other)?;
                let defs = module.fields_of(class, module.find_symbol(name)?);
                (!defs.is_empty()).then(|| self.defined(other, module, name, span, &defs))
            },
        )
    }
}
