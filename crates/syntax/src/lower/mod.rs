//! From the parser's tree to the tables of a [`Module`].

mod expr;
mod pattern;
mod stmt;

use ruff_python_ast::token::TokenKind;
use ruff_python_ast::{PySourceType, Stmt as AstStmt};
use ruff_python_parser::parse_unchecked_source;
use ruff_text_size::{Ranged, TextRange};

use crate::names::{Interner, QuickMap};
use crate::{
    Block, BlockId, BlockKind, Class, ClassId, Comment, DefId, DefValue, Definition, Expr, ExprId, ExprKind, Function,
    FunctionId, Import, Module, Scope, ScopeId, ScopeKind, Span, Stmt, StmtKind, Symbol, Target,
};

/// Expressions nested deeper than this are not looked into: nobody writes them by hand.
const MAX_DEPTH: u32 = 600;

/// At most this many syntax errors are kept: one is enough to say that a file does not parse.
const MAX_ERRORS: usize = 20;

pub(crate) fn span(range: TextRange) -> Span {
    Span::new(range.start().to_u32(), range.end().to_u32())
}

pub(crate) struct Lower<'s> {
    source: &'s str,
    names: Interner<'s>,
    exprs: Vec<Expr>,
    parents: Vec<u32>,
    expr_blocks: Vec<BlockId>,
    statements: Vec<Stmt>,
    definitions: Vec<Definition>,
    functions: Vec<Function>,
    classes: Vec<Class>,
    blocks: Vec<Block>,
    scopes: Vec<Scope>,
    imports: Vec<Import>,
    stars: Vec<(Box<str>, u32)>,
    globals: Vec<(ScopeId, Symbol)>,
    block: BlockId,
    scope: ScopeId,
    depth: u32,
    broken: bool,
}

impl Module {
    /// What can be understood of `source`. What cannot is in [`Module::errors`].
    pub fn parse(source: String) -> Self {
        let parsed = parse_unchecked_source(&source, PySourceType::Python);
        let errors: Vec<(Span, String)> = parsed
            .errors()
            .iter()
            .take(MAX_ERRORS)
            .map(|error| (span(error.location), describe(&error.error.to_string())))
            .collect();
        let comments = comments(&source, parsed.tokens());
        let mut lower = Lower {
            source: &source,
            names: Interner::default(),
            exprs: Vec::with_capacity(source.len() / 12),
            parents: Vec::new(),
            expr_blocks: Vec::with_capacity(source.len() / 12),
            statements: Vec::new(),
            definitions: Vec::new(),
            functions: Vec::new(),
            classes: Vec::new(),
            blocks: vec![Block { parent: None, kind: BlockKind::Body, scope: ScopeId(0), condition: None }],
            scopes: vec![Scope { parent: None, kind: ScopeKind::Module }],
            imports: Vec::new(),
            stars: Vec::new(),
            globals: Vec::new(),
            block: BlockId(0),
            scope: ScopeId(0),
            depth: 0,
            broken: !errors.is_empty(),
        };
        lower.suite(parsed.suite(), true);
        let mut module = Module {
            names: lower.names.finish(),
            exprs: lower.exprs,
            parents: lower.parents,
            expr_blocks: lower.expr_blocks,
            statements: lower.statements,
            definitions: lower.definitions,
            functions: lower.functions,
            classes: lower.classes,
            blocks: lower.blocks,
            scopes: lower.scopes,
            imports: lower.imports,
            stars: lower.stars,
            line_starts: line_starts(&source),
            bindings: QuickMap::default(),
            fields: QuickMap::default(),
            items: QuickMap::default(),
            comments,
            errors,
            source: String::new(),
        };
        module.source = source;
        module.index();
        module
    }
}

/// The parser's message, cut where it would quote the source. A sign that it expected, `':'`, is none of it.
fn describe(message: &str) -> String {
    let mut end = 0;
    while let Some(open) = message[end..].find(['`', '\'', '"']).map(|at| at + end) {
        let quote = &message[open..=open];
        let close = message[open + 1..].find(quote).map(|at| open + 1 + at);
        match close {
            Some(close) if close > open + 1 && message[open + 1..close].bytes().all(|b| b.is_ascii_punctuation()) => {
                end = close + 1;
            }
            _ => return message[..open].trim_end_matches([' ', ':', ',']).to_owned(),
        }
    }
    message.to_owned()
}

fn line_starts(source: &str) -> Vec<u32> {
    let mut starts = vec![0];
    starts.extend(memchr::memchr_iter(b'\n', source.as_bytes()).map(|at| at as u32 + 1));
    starts
}

fn comments(source: &str, tokens: &ruff_python_ast::token::Tokens) -> Vec<Comment> {
    if !source.as_bytes().contains(&b'#') {
        return Vec::new();
    }
    tokens
        .iter()
        .filter(|token| token.kind() == TokenKind::Comment)
        .map(|token| {
            let span = span(token.range());
            let before = source[..span.start as usize].rsplit('\n').next().unwrap_or_default();
            Comment { span, own_line: before.trim().is_empty() }
        })
        .collect()
}

impl<'s> Lower<'s> {
    fn slice(&self, range: TextRange) -> &'s str {
        self.source.get(span(range).range()).unwrap_or_default()
    }

    fn symbol(&mut self, range: TextRange) -> Symbol {
        let text = self.slice(range);
        self.names.intern(text)
    }

    fn push(&mut self, range: TextRange, kind: ExprKind) -> ExprId {
        let id = ExprId(self.exprs.len() as u32);
        let parents = &mut self.parents;
        kind.children(&mut |child| parents[child.0 as usize] = id.0);
        parents.push(u32::MAX);
        self.exprs.push(Expr { span: span(range), kind });
        self.expr_blocks.push(self.block);
        id
    }

    fn define(&mut self, target: Target, value: DefValue, span: Span) -> DefId {
        let id = DefId(self.definitions.len() as u32);
        self.definitions.push(Definition { target, value, block: self.block, span });
        id
    }

    fn statement(&mut self, kind: StmtKind, range: TextRange) {
        self.statements.push(Stmt { kind, block: self.block, span: span(range) });
    }

    /// Runs `inside` in a new block of the current scope.
    fn in_block(
        &mut self,
        kind: BlockKind,
        condition: Option<(ExprId, bool)>,
        inside: impl FnOnce(&mut Self),
    ) -> BlockId {
        let id = BlockId(self.blocks.len() as u32);
        self.blocks.push(Block { parent: Some(self.block), kind, scope: self.scope, condition });
        let before = std::mem::replace(&mut self.block, id);
        inside(self);
        self.block = before;
        id
    }

    /// Runs `inside` in a new scope.
    fn in_scope(&mut self, kind: ScopeKind, inside: impl FnOnce(&mut Self)) -> (ScopeId, BlockId) {
        let id = ScopeId(self.scopes.len() as u32);
        self.scopes.push(Scope { parent: Some(self.scope), kind });
        let before = std::mem::replace(&mut self.scope, id);
        let block = self.in_block(BlockKind::Body, None, inside);
        self.scope = before;
        (id, block)
    }

    /// The class whose method the current scope is in, and the name of that method's first parameter.
    fn receiver(&self) -> Option<(ClassId, Symbol)> {
        let mut scope = Some(self.scope);
        while let Some(id) = scope {
            if let ScopeKind::Function(function) = self.scopes[id.0 as usize].kind {
                let function = &self.functions[function.0 as usize];
                if let Some(class) = function.class {
                    return function.params.first().map(|first| (class, first.name));
                }
            }
            scope = self.scopes[id.0 as usize].parent;
        }
        None
    }

    /// The target of an assignment to a name in the current scope.
    fn name_target(&self, name: Symbol) -> Target {
        match self.scopes[self.scope.0 as usize].kind {
            ScopeKind::Class(class) => Target::Field(class, name),
            _ if self.globals.contains(&(self.scope, name)) => Target::Name(ScopeId(0), name),
            _ => Target::Name(self.scope, name),
        }
    }

    fn suite(&mut self, body: &[AstStmt], may_have_docstring: bool) {
        for (i, statement) in body.iter().enumerate() {
            // `print x` of Python 2 comes as two statements on one line.
            if self.broken
                && let [AstStmt::Expr(name), AstStmt::Expr(value), ..] = &body[i..]
                && matches!(self.slice(name.range()), "print" | "exec")
                && !self.source[name.range().end().to_usize()..value.range().start().to_usize()].contains('\n')
            {
                self.print_statement(&name.value, &value.value);
                continue;
            }
            self.stmt(statement, may_have_docstring && i == 0);
        }
    }

    fn function_id(&self) -> FunctionId {
        FunctionId(self.functions.len() as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_quote_signs_and_no_source() {
        assert_eq!(describe("Expected ':', found newline"), "Expected ':', found newline");
        assert_eq!(describe("Expected ',', found 'hunter2'"), "Expected ',', found");
        assert_eq!(describe("Got unexpected token `hunter2`"), "Got unexpected token");
    }
}
