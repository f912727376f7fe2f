//! What names mean: definitions that reach a use, qualified names, local functions and classes.

use crate::{
    BlockId, BlockKind, ClassId, DefId, DefValue, ExprId, ExprKind, FunctionId, Module, ScopeId, ScopeKind, Symbol,
    Target,
};

impl Module {
    /// Builds the indexes after lowering.
    pub(crate) fn index(&mut self) {
        for (i, definition) in self.definitions.iter().enumerate() {
            let id = DefId(i as u32);
            match definition.target {
                Target::Name(scope, name) => self.bindings.entry((scope, name)).or_default().push(id),
                Target::Field(class, name) => self.fields.entry((class, name)).or_default().push(id),
                Target::Attribute(object, _) | Target::Item(object, _) => {
                    if let Some(root) = tail(&self.exprs, object) {
                        self.items.entry(root).or_default().push(id);
                    }
                }
            }
        }
    }

    /// The last identifier of a dotted expression: `headers` of `self.client.headers`.
    pub fn tail(&self, expr: ExprId) -> Option<Symbol> {
        tail(&self.exprs, expr)
    }

    /// As [`Module::tail`], as text.
    pub fn tail_str(&self, expr: ExprId) -> Option<&str> {
        self.tail(expr).map(|symbol| self.symbol(symbol))
    }

    /// The definitions of items and attributes of whatever goes by this last identifier: `headers["X"] = …`.
    pub fn items_of(&self, name: Symbol) -> &[DefId] {
        self.items.get(&name).map_or(&[], Vec::as_slice)
    }

    /// The definitions of a field of a class: `self.x = …` in its methods and `x = …` in its body, and in its bases in this module.
    pub fn fields_of(&self, class: ClassId, name: Symbol) -> Vec<DefId> {
        let mut found = Vec::new();
        let mut seen = Vec::new();
        let mut queue = vec![class];
        while let Some(class) = queue.pop() {
            if seen.contains(&class) {
                continue;
            }
            seen.push(class);
            found.extend(self.fields.get(&(class, name)).into_iter().flatten());
            queue.extend(self.class(class).bases.iter().filter_map(|base| self.class_of(*base)));
        }
        found
    }

    /// The fields of a class, without those of its bases.
    pub fn own_fields(&self, class: ClassId) -> impl Iterator<Item = DefId> + '_ {
        self.definitions.iter().enumerate().filter_map(move |(i, definition)| match definition.target {
            Target::Field(owner, _) if owner == class => Some(DefId(i as u32)),
            _ => None,
        })
    }

    /// All definitions of a name as seen from a scope: those of the nearest scope that has any.
    pub fn lookup(&self, scope: ScopeId, name: Symbol) -> &[DefId] {
        let mut current = Some(scope);
        let mut first = true;
        while let Some(id) = current {
            let found = match self.scope(id).kind {
                // The body of a class sees its own names; the functions in it do not.
                ScopeKind::Class(class) if first => self.fields.get(&(class, name)),
                ScopeKind::Class(_) => None,
                _ => self.bindings.get(&(id, name)),
            };
            if let Some(found) = found {
                return found;
            }
            first = false;
            current = self.scope(id).parent;
        }
        &[]
    }

    /// The definitions whose value is exactly this expression.
    pub fn definitions_by_value(&self, value: ExprId) -> Vec<DefId> {
        self.definitions
            .iter()
            .enumerate()
            .filter(|(_, definition)| definition.value == DefValue::Expr(value))
            .map(|(i, _)| DefId(i as u32))
            .collect()
    }

    /// The definitions of exactly this.
    pub fn definitions_with(&self, value: DefValue) -> impl Iterator<Item = DefId> + '_ {
        let found = self.definitions.iter().enumerate().filter(move |(_, definition)| definition.value == value);
        found.map(|(i, _)| DefId(i as u32))
    }

    /// The identifier of this text, if the module has it.
    pub fn find_symbol(&self, name: &str) -> Option<Symbol> {
        self.names.iter().position(|known| &**known == name).map(|index| Symbol(index as u32))
    }

    /// The definitions of a global.
    pub fn globals_of(&self, name: Symbol) -> &[DefId] {
        self.bindings.get(&(ScopeId(0), name)).map_or(&[], Vec::as_slice)
    }

    /// The definitions that may give `name` its value where `at` stands: in the same scope, the last ones before it on every
    /// way to it; from another scope, all.
    pub fn reaching(&self, at: ExprId, name: Symbol) -> Vec<DefId> {
        let block = self.block_of(at);
        let scope = self.block(block).scope;
        let all = self.lookup(scope, name);
        if all.len() <= 1 {
            return all.to_vec();
        }
        let offset = self.span(at).start;
        let same_scope = all.iter().all(|def| self.block(self.definition(*def).block).scope == scope);
        if !same_scope {
            return all.to_vec();
        }
        let mut found = Vec::new();
        for def in all.iter().rev() {
            let definition = self.definition(*def);
            // A definition inside the expression's own comprehension stands after its use.
            if definition.span.start > offset
                && !self.span_of_comprehension(at).is_some_and(|span| span.contains(definition.span))
            {
                continue;
            }
            if self.exclusive(definition.block, block) {
                continue;
            }
            found.push(*def);
            if !matches!(definition.value, DefValue::Augment(_)) && self.is_around(definition.block, block) {
                break;
            }
        }
        if found.is_empty() { all.to_vec() } else { found }
    }

    fn span_of_comprehension(&self, at: ExprId) -> Option<crate::Span> {
        let mut current = Some(at);
        while let Some(id) = current {
            if matches!(self.kind(id), ExprKind::Comprehension { .. }) {
                return Some(self.span(id));
            }
            current = self.parent(id);
        }
        None
    }

    /// Whether whatever runs in `inner` has gone through `outer` (blocks that are always run count as part of what is around them).
    pub fn is_around(&self, outer: BlockId, inner: BlockId) -> bool {
        let mut outer = outer;
        while matches!(self.block(outer).kind, BlockKind::Always | BlockKind::Try) {
            match self.block(outer).parent {
                Some(parent) => outer = parent,
                None => break,
            }
        }
        let mut current = Some(inner);
        while let Some(id) = current {
            if id == outer {
                return true;
            }
            current = self.block(id).parent;
        }
        false
    }

    /// Whether two blocks are different ways of the same condition.
    fn exclusive(&self, a: BlockId, b: BlockId) -> bool {
        let ways = |block: BlockId| {
            let mut ways = Vec::new();
            let mut current = Some(block);
            while let Some(id) = current {
                if let Some(condition) = self.block(id).condition {
                    ways.push(condition);
                }
                current = self.block(id).parent;
            }
            ways
        };
        let a = ways(a);
        if a.is_empty() {
            return false;
        }
        let b = ways(b);
        a.iter().any(|(test, holds)| b.contains(&(*test, !holds)))
    }

    /// The full name of an expression made of names and dots: `os.environ.get`, `locust.HttpUser`, `print`. Names that this
    /// module defines by other means than an import have none.
    pub fn qualified(&self, expr: ExprId) -> Option<String> {
        match self.kind(expr) {
            ExprKind::Name(name) => {
                let scope = self.block(self.block_of(expr)).scope;
                let mut defs = self.lookup(scope, *name).iter().map(|def| &self.definition(*def).value);
                match defs.next() {
                    None => Some(self.symbol(*name).to_owned()),
                    Some(first) => {
                        let import = std::iter::once(first).chain(defs).find_map(|value| match value {
                            DefValue::Import(index) => Some(*index),
                            _ => None,
                        })?;
                        let import = &self.imports[import as usize];
                        Some(format!("{}{}", ".".repeat(import.level as usize), import.qualified))
                    }
                }
            }
            ExprKind::Attribute { value, attr } => {
                let mut name = self.qualified(*value)?;
                name.push('.');
                name.push_str(self.symbol(*attr));
                Some(name)
            }
            _ => None,
        }
    }

    /// The function that a call of `func` in this module runs, if it is one of this module: a function in scope, or a method
    /// of `self`.
    pub fn function_of(&self, func: ExprId) -> Option<FunctionId> {
        let defs = match self.kind(func) {
            ExprKind::Name(name) => self.lookup(self.block(self.block_of(func)).scope, *name).to_vec(),
            ExprKind::Attribute { value, attr } => self.fields_of(self.class_of_object(*value)?, *attr),
            _ => return None,
        };
        defs.iter().find_map(|def| match self.definition(*def).value {
            DefValue::Function(function) => Some(function),
            _ => None,
        })
    }

    /// The class that an expression names, if it is one of this module.
    pub fn class_of(&self, expr: ExprId) -> Option<ClassId> {
        let ExprKind::Name(name) = self.kind(expr) else { return None };
        self.lookup(self.block(self.block_of(expr)).scope, *name).iter().find_map(|def| {
            match self.definition(*def).value {
                DefValue::Class(class) => Some(class),
                _ => None,
            }
        })
    }

    /// The class whose object (or which itself) an expression is, as far as this module tells: `self`, `cls`, a class's name, a
    /// variable with an object made here.
    pub fn class_of_object(&self, expr: ExprId) -> Option<ClassId> {
        match self.kind(expr) {
            ExprKind::Name(name) => {
                if let Some((class, receiver)) = self.receiver_at(self.block_of(expr))
                    && receiver == *name
                {
                    return Some(class);
                }
                if let Some(class) = self.class_of(expr) {
                    return Some(class);
                }
                self.lookup(self.block(self.block_of(expr)).scope, *name).iter().find_map(|def| {
                    match self.definition(*def).value {
                        DefValue::Expr(value) => match self.kind(value) {
                            ExprKind::Call { func, .. } => self.class_of(*func),
                            _ => None,
                        },
                        _ => None,
                    }
                })
            }
            ExprKind::Call { func, .. } => match self.kind(*func) {
                ExprKind::Name(name) if self.symbol(*name) == "super" => {
                    self.receiver_at(self.block_of(expr)).map(|(class, _)| class)
                }
                _ => self.class_of(*func),
            },
            ExprKind::Attribute { value, attr } => {
                let class = self.class_of_object(*value)?;
                self.fields_of(class, *attr).into_iter().find_map(|def| match self.definition(def).value {
                    DefValue::Expr(value) => match self.kind(value) {
                        ExprKind::Call { func, .. } => self.class_of(*func),
                        _ => None,
                    },
                    _ => None,
                })
            }
            _ => None,
        }
    }

    /// The class whose method a block is in, and the name of that method's first parameter.
    pub fn receiver_at(&self, block: BlockId) -> Option<(ClassId, Symbol)> {
        let mut scope = Some(self.block(block).scope);
        while let Some(id) = scope {
            if let ScopeKind::Function(function) = self.scope(id).kind {
                let function = self.function(function);
                if let Some(class) = function.class {
                    return function.params.first().map(|first| (class, first.name));
                }
            }
            scope = self.scope(id).parent;
        }
        None
    }

    /// The function that a block is in.
    pub fn function_at(&self, block: BlockId) -> Option<FunctionId> {
        match self.scope(self.block(block).scope).kind {
            ScopeKind::Function(function) => Some(function),
            _ => None,
        }
    }
}

fn tail(exprs: &[crate::Expr], expr: ExprId) -> Option<Symbol> {
    match &exprs[expr.0 as usize].kind {
        ExprKind::Name(name) => Some(*name),
        ExprKind::Attribute { attr, .. } => Some(*attr),
        ExprKind::Subscript { value, .. } => tail(exprs, *value),
        ExprKind::Call { func, .. } => tail(exprs, *func),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(module: &Module) -> Vec<String> {
        module
            .exprs()
            .filter_map(|(_, expr)| match &expr.kind {
                ExprKind::Call { func, .. } => module.qualified(*func),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn qualified_names_follow_imports() {
        let module = Module::parse(
            "import os\nimport os.path as p\nfrom os import environ as env\nfrom locust import HttpUser\nos.getenv('A')\nenv.get('B')\np.join('x')\ndef f(): pass\nf()\nprint(1)\n".into(),
        );
        assert_eq!(calls(&module), ["os.getenv", "os.environ.get", "os.path.join", "print"]);
    }

    #[test]
    fn the_last_definition_on_every_way_reaches() {
        let source = "def f(c):\n    x = 1\n    x = 2\n    if c:\n        x = 3\n    print(x)\n    x = 4\n";
        let module = Module::parse(source.into());
        let (at, name) = module
            .exprs()
            .filter_map(|(id, expr)| match expr.kind {
                ExprKind::Name(name) if module.text(expr.span) == "x" && module.parent(id).is_some() => {
                    Some((id, name))
                }
                _ => None,
            })
            .next()
            .unwrap();
        let lines: Vec<u32> =
            module.reaching(at, name).iter().map(|def| module.line_of(module.definition(*def).span.start)).collect();
        assert_eq!(lines, [5, 3]);
    }

    #[test]
    fn fields_come_from_methods_bodies_and_bases() {
        let source = "class A:\n    token = 'a'\nclass B(A):\n    def on_start(self):\n        self.token = 'b'\n    def go(self):\n        use(self.token)\n        self.go()\n";
        let module = Module::parse(source.into());
        let class = module.class_ids().nth(1).unwrap().0;
        let token = module.definitions.iter().find_map(|d| match d.target {
            Target::Field(_, name) if module.symbol(name) == "token" => Some(name),
            _ => None,
        });
        assert_eq!(module.fields_of(class, token.unwrap()).len(), 2);
        let go = module.exprs().find_map(|(_, e)| match e.kind {
            ExprKind::Call { func, .. } => module.function_of(func),
            _ => None,
        });
        assert_eq!(module.symbol(module.function(go.unwrap()).name), "go");
    }

    #[test]
    fn files_that_do_not_parse_still_give_facts() {
        let module = Module::parse("print 'token', token\nclass A(object):\n    def f(self):\n        print self.x\n        try: y = 1\n        except Exception, e: pass\nz = 'abc'\n".into());
        assert!(!module.errors.is_empty());
        assert!(calls(&module).iter().filter(|name| *name == "print").count() >= 2);
        assert!(module.definitions.iter().any(|d| matches!(d.target, Target::Name(_, n) if module.symbol(n) == "z")));
    }

    #[test]
    fn deep_nesting_is_no_trouble() {
        for source in [
            "(".repeat(5000),
            format!("x = {}1{}", "[".repeat(3000), "]".repeat(3000)),
            "a+".repeat(5000),
            "\u{0}\u{1}=".into(),
        ] {
            std::thread::Builder::new()
                .stack_size(64 << 20)
                .spawn(move || Module::parse(source))
                .unwrap()
                .join()
                .unwrap();
        }
    }
}
