//! Expressions, in an arena.

use crate::{ScopeId, Span, Symbol};

/// An expression of a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExprId(pub(crate) u32);

/// An expression: what it is, where it is.
#[derive(Debug)]
pub struct Expr {
    /// Where it is.
    pub span: Span,
    /// What it is.
    pub kind: ExprKind,
}

/// A string or bytes literal.
#[derive(Debug)]
pub struct Str {
    /// Its value where the source does not have it as it is (escapes, several parts).
    pub(crate) owned: Option<Box<str>>,
    /// What stands between the quotes of the first part.
    pub content: Span,
    /// What stands between the quotes of all parts, where there are several.
    pub parts: Option<Box<[Span]>>,
    /// Whether it is written in three quotes.
    pub triple: bool,
}

/// A part of an f-string.
#[derive(Debug, Clone, Copy)]
pub enum FPart {
    /// Text, as it stands in the source.
    Text(Span),
    /// An expression.
    Expr(ExprId),
}

/// An argument of a call.
#[derive(Debug, Clone, Copy)]
pub struct Arg {
    /// The keyword, if it has one.
    pub name: Option<Symbol>,
    /// Whether it is `*args` or `**kwargs`.
    pub unpacked: bool,
    /// The value.
    pub value: ExprId,
}

/// An entry of a dict; without a key, it is `**value`.
#[derive(Debug, Clone, Copy)]
pub struct Item {
    /// The key.
    pub key: Option<ExprId>,
    /// The value.
    pub value: ExprId,
}

/// `for target in iter if …`.
#[derive(Debug)]
pub struct Generator {
    /// What is bound.
    pub target: ExprId,
    /// What is gone through.
    pub iter: ExprId,
    /// The conditions.
    pub conditions: Box<[ExprId]>,
}

/// Which kind of display a sequence is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SequenceKind {
    /// `[…]`
    List,
    /// `(…)`
    Tuple,
    /// `{…}`
    Set,
}

/// A binary operator, as far as anybody cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinaryOp {
    /// `+`
    Add,
    /// `%`
    Mod,
    /// `*`
    Mult,
    /// `|`
    Or,
    /// Another.
    Other,
}

/// `and`, `or`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoolOp {
    /// `and`
    And,
    /// `or`
    Or,
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompareOp {
    /// `==`
    Eq,
    /// `!=`
    NotEq,
    /// `is`
    Is,
    /// `is not`
    IsNot,
    /// `in`
    In,
    /// `not in`
    NotIn,
    /// An order.
    Order,
}

/// What an expression is.
#[derive(Debug)]
pub enum ExprKind {
    /// A string.
    Str(Str),
    /// Bytes.
    Bytes(Str),
    /// A number.
    Number,
    /// `True`, `False`.
    Bool(bool),
    /// `None`.
    None,
    /// A name.
    Name(Symbol),
    /// `value.attr`
    Attribute {
        /// Before the dot.
        value: ExprId,
        /// After the dot.
        attr: Symbol,
    },
    /// `value[index]`
    Subscript {
        /// Before the brackets.
        value: ExprId,
        /// In the brackets.
        index: ExprId,
    },
    /// `func(args)`
    Call {
        /// What is called.
        func: ExprId,
        /// With what, positional ones first.
        args: Box<[Arg]>,
    },
    /// An f-string or t-string.
    FString(Box<[FPart]>),
    /// A dict.
    Dict(Box<[Item]>),
    /// A list, tuple or set.
    Sequence {
        /// Which.
        kind: SequenceKind,
        /// Its elements.
        items: Box<[ExprId]>,
    },
    /// `left op right`
    Binary {
        /// The operator.
        op: BinaryOp,
        /// Its left side.
        left: ExprId,
        /// Its right side.
        right: ExprId,
    },
    /// `a and b and c`
    BoolOp {
        /// Which.
        op: BoolOp,
        /// The operands.
        values: Box<[ExprId]>,
    },
    /// `a < b < c`
    Compare {
        /// The first operand.
        left: ExprId,
        /// The operators.
        ops: Box<[CompareOp]>,
        /// The other operands.
        rights: Box<[ExprId]>,
    },
    /// `not x`
    Not(ExprId),
    /// `body if test else orelse`
    Conditional {
        /// The condition.
        test: ExprId,
        /// The value if it holds.
        body: ExprId,
        /// The value if not.
        orelse: ExprId,
    },
    /// `lambda: body`; its parameters are definitions in the scope.
    Lambda {
        /// Its scope.
        scope: ScopeId,
        /// Its body.
        body: ExprId,
    },
    /// A comprehension or generator.
    Comprehension {
        /// The key, for a dict.
        key: Option<ExprId>,
        /// The element.
        element: ExprId,
        /// What it goes through.
        generators: Box<[Generator]>,
    },
    /// `target := value`
    Walrus {
        /// What is bound.
        target: ExprId,
        /// To what.
        value: ExprId,
    },
    /// `await x`, `yield from x`, `yield x`: as good as `x`.
    Await(ExprId),
    /// `*x`
    Starred(ExprId),
    /// Anything else, with the expressions in it.
    Other(Box<[ExprId]>),
}

impl ExprKind {
    /// Calls `visit` with each expression directly inside.
    pub fn children(&self, visit: &mut dyn FnMut(ExprId)) {
        match self {
            Self::Str(_) | Self::Bytes(_) | Self::Number | Self::Bool(_) | Self::None | Self::Name(_) => {}
            Self::Attribute { value, .. } => visit(*value),
            Self::Subscript { value, index } => {
                visit(*value);
                visit(*index);
            }
            Self::Call { func, args } => {
                visit(*func);
                args.iter().for_each(|arg| visit(arg.value));
            }
            Self::FString(parts) => {
                for part in parts {
                    if let FPart::Expr(expr) = part {
                        visit(*expr);
                    }
                }
            }
            Self::Dict(items) => {
                for item in items {
                    if let Some(key) = item.key {
                        visit(key);
                    }
                    visit(item.value);
                }
            }
            Self::Sequence { items, .. } | Self::BoolOp { values: items, .. } | Self::Other(items) => {
                items.iter().for_each(|item| visit(*item));
            }
            Self::Binary { left, right, .. } => {
                visit(*left);
                visit(*right);
            }
            Self::Compare { left, rights, .. } => {
                visit(*left);
                rights.iter().for_each(|right| visit(*right));
            }
            Self::Not(value) | Self::Await(value) | Self::Starred(value) | Self::Lambda { body: value, .. } => {
                visit(*value)
            }
            Self::Conditional { test, body, orelse } => {
                visit(*test);
                visit(*body);
                visit(*orelse);
            }
            Self::Comprehension { key, element, generators } => {
                if let Some(key) = key {
                    visit(*key);
                }
                visit(*element);
                for generator in generators {
                    visit(generator.target);
                    visit(generator.iter);
                    generator.conditions.iter().for_each(|condition| visit(*condition));
                }
            }
            Self::Walrus { target, value } => {
                visit(*target);
                visit(*value);
            }
        }
    }
}
