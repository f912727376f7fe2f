//! Statements and definitions, in flat tables.

use crate::{BlockId, ClassId, ExprId, FunctionId, ScopeId, Span, Symbol};

/// A statement that rules ask for. Assignments are [`Definition`]s.
#[derive(Debug)]
pub struct Stmt {
    /// What it is.
    pub kind: StmtKind,
    /// The block that it stands in.
    pub block: BlockId,
    /// Where it is.
    pub span: Span,
}

/// What a statement is.
#[derive(Debug)]
pub enum StmtKind {
    /// An expression on a line of its own.
    Expr(ExprId),
    /// A string on a line of its own; `true` for the docstring of a module, class or function.
    Text(ExprId, bool),
    /// `return value`
    Return(Option<ExprId>),
    /// `raise value`
    Raise(Option<ExprId>),
    /// `assert test, message`
    Assert {
        /// What must hold.
        test: ExprId,
        /// What is said otherwise.
        message: Option<ExprId>,
    },
    /// `if test: …` and `while test: …`; an `elif` is one of its own, inside the other's `orelse`.
    If {
        /// The condition.
        test: ExprId,
        /// What happens if it holds.
        body: BlockId,
        /// What happens if not.
        orelse: Option<BlockId>,
    },
    /// `continue`, `break`
    Jump,
    /// `del …`, and anything else with expressions in it.
    Other(Box<[ExprId]>),
}

/// A definition of a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DefId(pub(crate) u32);

/// Something that gives a name, an attribute or an item its value.
#[derive(Debug)]
pub struct Definition {
    /// What is defined.
    pub target: Target,
    /// As what.
    pub value: DefValue,
    /// The block that it stands in.
    pub block: BlockId,
    /// Where the target stands.
    pub span: Span,
}

/// What is defined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A name in a scope.
    Name(ScopeId, Symbol),
    /// `self.attr` in a method of the class, or `attr` in its body.
    Field(ClassId, Symbol),
    /// `value.attr` of anything else.
    Attribute(ExprId, Symbol),
    /// `value[index]`.
    Item(ExprId, ExprId),
}

/// What a definition gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefValue {
    /// The value of an expression.
    Expr(ExprId),
    /// An element of an expression that is taken apart.
    Element(ExprId, u32),
    /// What an iteration over an expression gives; the number is the place in the tuple that it is taken apart into.
    Iteration(ExprId, Option<u32>),
    /// The value of `with expr as …`.
    With(ExprId),
    /// What `+=` adds.
    Augment(ExprId),
    /// A parameter of a function.
    Param(FunctionId, u32),
    /// A function.
    Function(FunctionId),
    /// A class.
    Class(ClassId),
    /// The index of an import.
    Import(u32),
    /// An exception that is handled.
    Exception,
    /// Nothing that can be followed.
    Unknown,
}
