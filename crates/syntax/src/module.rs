//! A module: its tables, and how to ask them.

use crate::names::QuickMap;
use crate::{DefId, Definition, Expr, ExprId, ExprKind, Span, Stmt, Str, Symbol};

/// A block of statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlockId(pub(crate) u32);
/// A scope: a module, a class, a function or a lambda.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ScopeId(pub(crate) u32);
/// A function or method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FunctionId(pub(crate) u32);
/// A class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClassId(pub(crate) u32);

impl BlockId {
    /// The body of the module.
    pub const MODULE: Self = Self(0);
}

/// What a block belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockKind {
    /// The body of a scope.
    Body,
    /// One way of several: `if`, `else`, `case`, `except`.
    Branch,
    /// The body of a loop.
    Loop,
    /// `try`.
    Try,
    /// What is always run: `with`, `finally`.
    Always,
}

/// A block of statements.
#[derive(Debug)]
pub struct Block {
    /// The block around it.
    pub parent: Option<BlockId>,
    /// What it belongs to.
    pub kind: BlockKind,
    /// The scope that it is in.
    pub scope: ScopeId,
    /// The condition that it hangs on, and whether it is to hold.
    pub condition: Option<(ExprId, bool)>,
}

/// What a scope belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopeKind {
    /// The module.
    Module,
    /// A class.
    Class(ClassId),
    /// A function.
    Function(FunctionId),
    /// A lambda.
    Lambda,
}

/// A scope.
#[derive(Debug)]
pub struct Scope {
    /// The scope around it.
    pub parent: Option<ScopeId>,
    /// What it belongs to.
    pub kind: ScopeKind,
}

/// A parameter.
#[derive(Debug)]
pub struct Param {
    /// Its name.
    pub name: Symbol,
    /// Where its name stands.
    pub span: Span,
    /// Its default.
    pub default: Option<ExprId>,
    /// Its annotation.
    pub annotation: Option<ExprId>,
}

/// A function or method.
#[derive(Debug)]
pub struct Function {
    /// Its name.
    pub name: Symbol,
    /// Its parameters, without `*args` and `**kwargs`.
    pub params: Vec<Param>,
    /// Its decorators.
    pub decorators: Vec<ExprId>,
    /// The scope of its body.
    pub scope: ScopeId,
    /// The block of its body.
    pub body: BlockId,
    /// The class that it is a method of.
    pub class: Option<ClassId>,
    /// Where it is, from `def` to its end.
    pub span: Span,
    /// What it returns.
    pub returns: Vec<ExprId>,
}

/// A class.
#[derive(Debug)]
pub struct Class {
    /// Its name.
    pub name: Symbol,
    /// What it is derived from.
    pub bases: Vec<ExprId>,
    /// The scope of its body.
    pub scope: ScopeId,
    /// The block of its body.
    pub body: BlockId,
    /// Where it is.
    pub span: Span,
}

/// A name that an import brings.
#[derive(Debug)]
pub struct Import {
    /// The name that it gets here.
    pub local: Symbol,
    /// What it is: `os.environ`; for a relative import, what follows the dots.
    pub qualified: Box<str>,
    /// The number of dots before a relative import.
    pub level: u32,
    /// Whether it brings a name out of a module (`from m import x`) rather than a module.
    pub member: bool,
    /// Where it is.
    pub span: Span,
}

/// A comment, with its `#`.
#[derive(Debug, Clone, Copy)]
pub struct Comment {
    /// Where it is.
    pub span: Span,
    /// Whether nothing but blanks stands before it on its line.
    pub own_line: bool,
}

/// A Python file as facts.
#[derive(Debug)]
pub struct Module {
    pub(crate) source: String,
    pub(crate) names: Vec<Box<str>>,
    pub(crate) exprs: Vec<Expr>,
    pub(crate) parents: Vec<u32>,
    pub(crate) expr_blocks: Vec<BlockId>,
    pub(crate) line_starts: Vec<u32>,
    pub(crate) bindings: QuickMap<(ScopeId, Symbol), Vec<DefId>>,
    pub(crate) fields: QuickMap<(ClassId, Symbol), Vec<DefId>>,
    pub(crate) items: QuickMap<Symbol, Vec<DefId>>,
    /// All statements that are no definitions.
    pub statements: Vec<Stmt>,
    /// All definitions.
    pub definitions: Vec<Definition>,
    /// All functions.
    pub functions: Vec<Function>,
    /// All classes.
    pub classes: Vec<Class>,
    /// All blocks.
    pub blocks: Vec<Block>,
    /// All scopes.
    pub scopes: Vec<Scope>,
    /// All imported names.
    pub imports: Vec<Import>,
    /// Modules imported with `from m import *`, with their level.
    pub stars: Vec<(Box<str>, u32)>,
    /// All comments.
    pub comments: Vec<Comment>,
    /// What the parser did not understand: where, and what it says. Never a part of the source.
    pub errors: Vec<(Span, String)>,
}

impl Module {
    /// The source.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The text of a span.
    pub fn text(&self, span: Span) -> &str {
        self.source.get(span.range()).unwrap_or_default()
    }

    /// The text of an identifier.
    pub fn symbol(&self, symbol: Symbol) -> &str {
        &self.names[symbol.0 as usize]
    }

    /// An expression.
    pub fn expr(&self, id: ExprId) -> &Expr {
        &self.exprs[id.0 as usize]
    }

    /// What an expression is.
    pub fn kind(&self, id: ExprId) -> &ExprKind {
        &self.exprs[id.0 as usize].kind
    }

    /// Where an expression is.
    pub fn span(&self, id: ExprId) -> Span {
        self.exprs[id.0 as usize].span
    }

    /// All expressions, inner ones before those around them.
    pub fn exprs(&self) -> impl Iterator<Item = (ExprId, &Expr)> {
        self.exprs.iter().enumerate().map(|(i, expr)| (ExprId(i as u32), expr))
    }

    /// The expression around another.
    pub fn parent(&self, id: ExprId) -> Option<ExprId> {
        let parent = self.parents[id.0 as usize];
        (parent != u32::MAX).then_some(ExprId(parent))
    }

    /// The block that an expression stands in.
    pub fn block_of(&self, id: ExprId) -> BlockId {
        self.expr_blocks[id.0 as usize]
    }

    /// A block.
    pub fn block(&self, id: BlockId) -> &Block {
        &self.blocks[id.0 as usize]
    }

    /// A scope.
    pub fn scope(&self, id: ScopeId) -> &Scope {
        &self.scopes[id.0 as usize]
    }

    /// A function.
    pub fn function(&self, id: FunctionId) -> &Function {
        &self.functions[id.0 as usize]
    }

    /// A class.
    pub fn class(&self, id: ClassId) -> &Class {
        &self.classes[id.0 as usize]
    }

    /// A definition.
    pub fn definition(&self, id: DefId) -> &Definition {
        &self.definitions[id.0 as usize]
    }

    /// All functions, with their ids.
    pub fn function_ids(&self) -> impl Iterator<Item = (FunctionId, &Function)> {
        self.functions.iter().enumerate().map(|(i, function)| (FunctionId(i as u32), function))
    }

    /// All classes, with their ids.
    pub fn class_ids(&self) -> impl Iterator<Item = (ClassId, &Class)> {
        self.classes.iter().enumerate().map(|(i, class)| (ClassId(i as u32), class))
    }

    /// The value of a string literal.
    pub fn str_value<'m>(&'m self, literal: &'m Str) -> &'m str {
        literal.owned.as_deref().unwrap_or_else(|| self.text(literal.content))
    }

    /// The value of an expression that is a string literal.
    pub fn as_str(&self, id: ExprId) -> Option<&str> {
        match self.kind(id) {
            ExprKind::Str(literal) => Some(self.str_value(literal)),
            _ => None,
        }
    }

    /// The value of an expression that is a string or bytes literal.
    pub fn as_text(&self, id: ExprId) -> Option<&str> {
        match self.kind(id) {
            ExprKind::Str(literal) | ExprKind::Bytes(literal) => Some(self.str_value(literal)),
            _ => None,
        }
    }

    /// The line, from 1, of a byte.
    pub fn line_of(&self, offset: u32) -> u32 {
        self.line_starts.partition_point(|start| *start <= offset) as u32
    }

    /// The span of a line (from 1) without its end.
    pub fn line_span(&self, line: u32) -> Span {
        let index = line.saturating_sub(1) as usize;
        let start = self.line_starts.get(index).copied().unwrap_or(self.source.len() as u32);
        let end = self.line_starts.get(index + 1).copied().unwrap_or(self.source.len() as u32);
        let text = self.text(Span::new(start, end)).trim_end_matches(['\n', '\r']);
        Span::new(start, start + text.len() as u32)
    }

    /// The names of the classes and functions around a block: `Shopper.on_start`.
    pub fn context(&self, block: BlockId) -> String {
        let mut names = Vec::new();
        let mut scope = Some(self.block(block).scope);
        while let Some(id) = scope {
            match self.scope(id).kind {
                ScopeKind::Class(class) => names.push(self.symbol(self.class(class).name)),
                ScopeKind::Function(function) => names.push(self.symbol(self.function(function).name)),
                ScopeKind::Module | ScopeKind::Lambda => {}
            }
            scope = self.scope(id).parent;
        }
        names.reverse();
        names.join(".")
    }
}
