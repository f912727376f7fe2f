//! Python source to facts: the only crate that names the parser.
//!
//! [`Module::parse`] gives, for any text, what could be understood of it: an arena of expressions, flat tables of statements,
//! definitions, functions, classes and imports, and the comments. Rules loop over the tables, follow [`ExprId`]s, and never see
//! a syntax tree. Nothing in here knows what a secret is.

mod bind;
mod expr;
mod layout;
mod lower;
mod module;
mod names;
mod statement;

pub use expr::{Arg, BinaryOp, BoolOp, CompareOp, Expr, ExprId, ExprKind, FPart, Generator, Item, SequenceKind, Str};
pub use layout::{Arguments, Layout, Place, PlaceKind, Slot};
pub use module::{
    Block, BlockId, BlockKind, Class, ClassId, Comment, Function, FunctionId, Import, Module, Param, Scope, ScopeId,
    ScopeKind,
};
pub use names::{Span, Symbol};
pub use statement::{DefId, DefValue, Definition, Stmt, StmtKind, Target};
