//! Statements.

use ruff_python_ast::{
    ExceptHandler, Expr as AstExpr, Parameters, Stmt as Ast, StmtClassDef, StmtFor, StmtFunctionDef, StmtImport,
    StmtImportFrom, StmtMatch, StmtTry, StmtWhile,
};
use ruff_text_size::{Ranged, TextRange};

use super::{Lower, span};
use crate::{
    Arg, BlockKind, Class, ClassId, DefValue, ExprId, ExprKind, Function, FunctionId, Import, Param, ScopeKind,
    StmtKind, Target,
};

impl Lower<'_> {
    pub(super) fn stmt(&mut self, ast: &Ast, docstring: bool) {
        let range = ast.range();
        match ast {
            Ast::Expr(statement) => {
                let value = self.expr(&statement.value);
                let kind = match self.exprs[value.0 as usize].kind {
                    ExprKind::Str(_) => StmtKind::Text(value, docstring),
                    _ => StmtKind::Expr(value),
                };
                self.statement(kind, range);
            }
            Ast::Assign(assign) => {
                let value = self.expr(&assign.value);
                for target in &assign.targets {
                    self.target(target, DefValue::Expr(value));
                }
            }
            Ast::AnnAssign(assign) => {
                self.expr(&assign.annotation);
                if let Some(value) = &assign.value {
                    let value = self.expr(value);
                    self.target(&assign.target, DefValue::Expr(value));
                }
            }
            Ast::AugAssign(assign) => {
                let value = self.expr(&assign.value);
                self.target(&assign.target, DefValue::Augment(value));
            }
            Ast::FunctionDef(def) => self.function_def(def),
            Ast::ClassDef(def) => self.class_def(def),
            Ast::Return(ret) => {
                let value = ret.value.as_ref().map(|value| self.expr(value));
                if let (Some(value), Some(function)) = (value, self.enclosing_function()) {
                    self.functions[function.0 as usize].returns.push(value);
                }
                self.statement(StmtKind::Return(value), range);
            }
            Ast::Raise(raise) => {
                let value = raise.exc.as_ref().map(|value| self.expr(value));
                if let Some(cause) = &raise.cause {
                    self.expr(cause);
                }
                self.statement(StmtKind::Raise(value), range);
            }
            Ast::Assert(assert) => {
                let test = self.expr(&assert.test);
                let message = assert.msg.as_ref().map(|message| self.expr(message));
                self.statement(StmtKind::Assert { test, message }, range);
            }
            Ast::If(statement) => {
                let test = self.expr(&statement.test);
                let clauses: Vec<(Option<&AstExpr>, &[Ast], TextRange)> = statement
                    .elif_else_clauses
                    .iter()
                    .map(|clause| (clause.test.as_ref(), clause.body.as_slice(), clause.range))
                    .collect();
                self.branches(test, &statement.body, &clauses, range);
            }
            Ast::While(statement) => self.while_loop(statement),
            Ast::For(statement) => self.for_loop(statement),
            Ast::With(statement) => {
                for item in &statement.items {
                    let context = self.expr(&item.context_expr);
                    if let Some(target) = &item.optional_vars {
                        self.target(target, DefValue::With(context));
                    }
                }
                self.in_block(BlockKind::Always, None, |this| this.suite(&statement.body, false));
            }
            Ast::Try(statement) => self.try_statement(statement),
            Ast::Match(statement) => self.match_statement(statement),
            Ast::Import(import) => self.import_names(import),
            Ast::ImportFrom(import) => self.import_from(import),
            Ast::Global(global) => {
                for name in &global.names {
                    let symbol = self.symbol(name.range());
                    self.globals.push((self.scope, symbol));
                }
            }
            Ast::Delete(delete) => {
                let targets = delete.targets.iter().map(|target| self.expr(target)).collect();
                self.statement(StmtKind::Other(targets), range);
            }
            Ast::TypeAlias(alias) => {
                self.expr(&alias.value);
            }
            Ast::Break(_) | Ast::Continue(_) => self.statement(StmtKind::Jump, range),
            Ast::Nonlocal(_) | Ast::Pass(_) | Ast::IpyEscapeCommand(_) => {}
        }
    }

    fn while_loop(&mut self, statement: &StmtWhile) {
        let test = self.expr(&statement.test);
        let body = self.in_block(BlockKind::Loop, Some((test, true)), |this| this.suite(&statement.body, false));
        self.in_block(BlockKind::Always, None, |this| this.suite(&statement.orelse, false));
        self.statement(StmtKind::If { test, body, orelse: None }, statement.range());
    }

    fn for_loop(&mut self, statement: &StmtFor) {
        let iter = self.expr(&statement.iter);
        self.in_block(BlockKind::Loop, None, |this| {
            this.target(&statement.target, DefValue::Iteration(iter, None));
            this.suite(&statement.body, false);
        });
        self.in_block(BlockKind::Always, None, |this| this.suite(&statement.orelse, false));
    }

    fn try_statement(&mut self, statement: &StmtTry) {
        self.in_block(BlockKind::Try, None, |this| this.suite(&statement.body, false));
        for handler in &statement.handlers {
            let ExceptHandler::ExceptHandler(handler) = handler;
            if let Some(type_) = &handler.type_ {
                self.expr(type_);
            }
            self.in_block(BlockKind::Branch, None, |this| {
                if let Some(name) = &handler.name {
                    let symbol = this.symbol(name.range());
                    this.define(Target::Name(this.scope, symbol), DefValue::Exception, span(name.range()));
                }
                this.suite(&handler.body, false);
            });
        }
        self.in_block(BlockKind::Always, None, |this| this.suite(&statement.orelse, false));
        self.in_block(BlockKind::Always, None, |this| this.suite(&statement.finalbody, false));
    }

    fn match_statement(&mut self, statement: &StmtMatch) {
        let subject = self.expr(&statement.subject);
        for case in &statement.cases {
            self.in_block(BlockKind::Branch, None, |this| {
                this.pattern(&case.pattern, Some(subject));
                if let Some(guard) = &case.guard {
                    this.expr(guard);
                }
                this.suite(&case.body, false);
            });
        }
        self.statement(StmtKind::Other(Box::new([subject])), statement.range());
    }

    fn import_names(&mut self, import: &StmtImport) {
        for alias in &import.names {
            let qualified = self.slice(alias.name.range());
            let (local, qualified) = match &alias.asname {
                Some(name) => (name.range(), qualified),
                // `import os.path` binds `os`.
                None => {
                    let first = qualified.split('.').next().unwrap_or_default();
                    (TextRange::at(alias.name.range().start(), (first.len() as u32).into()), first)
                }
            };
            let full = self.slice(alias.name.range());
            self.import(local, qualified, 0, false, alias.range);
            if full != qualified {
                // Kept for the import graph; it binds nothing more.
                let symbol = self.symbol(local);
                let span = span(alias.range);
                self.imports.push(Import { local: symbol, qualified: full.into(), level: 0, member: false, span });
            }
        }
    }

    fn import_from(&mut self, import: &StmtImportFrom) {
        let module = import.module.as_ref().map_or("", |module| module.as_str());
        for alias in &import.names {
            let name = self.slice(alias.name.range());
            if name == "*" {
                self.stars.push((module.into(), import.level));
                continue;
            }
            let qualified = if module.is_empty() { name.to_owned() } else { format!("{module}.{name}") };
            let local = alias.asname.as_ref().map_or(alias.name.range(), |name| name.range());
            self.import(local, &qualified, import.level, true, alias.range);
        }
    }

    /// `print value` of Python 2, as the call that it would be today.
    pub(super) fn print_statement(&mut self, name: &AstExpr, value: &AstExpr) {
        let func = self.expr(name);
        let value = self.expr(value);
        let range = name.range().cover(self.exprs_range(value));
        let call =
            self.push(range, ExprKind::Call { func, args: Box::new([Arg { name: None, unpacked: false, value }]) });
        self.statement(StmtKind::Expr(call), range);
    }

    fn exprs_range(&self, id: ExprId) -> TextRange {
        let span = self.exprs[id.0 as usize].span;
        TextRange::new(span.start.into(), span.end.into())
    }

    fn branches(
        &mut self,
        test: ExprId,
        body: &[Ast],
        rest: &[(Option<&AstExpr>, &[Ast], TextRange)],
        range: TextRange,
    ) {
        let body = self.in_block(BlockKind::Branch, Some((test, true)), |this| this.suite(body, false));
        let orelse = rest.first().map(|(next, next_body, next_range)| {
            self.in_block(BlockKind::Branch, Some((test, false)), |this| match next {
                Some(next) => {
                    let next = this.expr(next);
                    this.branches(next, next_body, &rest[1..], *next_range);
                }
                None => this.suite(next_body, false),
            })
        });
        self.statement(StmtKind::If { test, body, orelse }, range);
    }

    pub(super) fn enclosing_function(&self) -> Option<FunctionId> {
        match self.scopes[self.scope.0 as usize].kind {
            ScopeKind::Function(function) => Some(function),
            _ => None,
        }
    }

    fn import(&mut self, local: TextRange, qualified: &str, level: u32, member: bool, range: TextRange) {
        let local = self.symbol(local);
        let index = self.imports.len() as u32;
        self.imports.push(Import { local, qualified: qualified.into(), level, member, span: span(range) });
        self.define(self.name_target(local), DefValue::Import(index), span(range));
    }

    fn params(&mut self, parameters: &Parameters) -> Vec<Param> {
        parameters
            .iter_non_variadic_params()
            .map(|parameter| Param {
                name: self.symbol(parameter.parameter.name.range()),
                span: span(parameter.parameter.name.range()),
                default: parameter.default.as_ref().map(|default| self.expr(default)),
                annotation: parameter.parameter.annotation.as_ref().map(|annotation| self.expr(annotation)),
            })
            .collect()
    }

    fn function_def(&mut self, def: &StmtFunctionDef) {
        let decorators = def.decorator_list.iter().map(|decorator| self.expr(&decorator.expression)).collect();
        let params = self.params(&def.parameters);
        let name = self.symbol(def.name.range());
        let class = match self.scopes[self.scope.0 as usize].kind {
            ScopeKind::Class(class) => Some(class),
            _ => None,
        };
        let id = self.function_id();
        let (scope, block) = (self.scope, self.block);
        self.functions.push(Function {
            name,
            params,
            decorators,
            scope,
            body: block,
            class,
            span: span(def.range()),
            returns: Vec::new(),
        });
        self.define(self.name_target(name), DefValue::Function(id), span(def.name.range()));
        let (scope, body) = self.in_scope(ScopeKind::Function(id), |this| {
            for i in 0..this.functions[id.0 as usize].params.len() {
                let param = &this.functions[id.0 as usize].params[i];
                let (name, span) = (param.name, param.span);
                this.define(Target::Name(this.scope, name), DefValue::Param(id, i as u32), span);
            }
            for variadic in [&def.parameters.vararg, &def.parameters.kwarg].into_iter().flatten() {
                let name = this.symbol(variadic.name.range());
                this.define(Target::Name(this.scope, name), DefValue::Unknown, span(variadic.range()));
            }
            this.suite(&def.body, true);
        });
        let function = &mut self.functions[id.0 as usize];
        function.scope = scope;
        function.body = body;
    }

    fn class_def(&mut self, def: &StmtClassDef) {
        for decorator in &def.decorator_list {
            self.expr(&decorator.expression);
        }
        let bases = match &def.arguments {
            Some(arguments) => {
                for keyword in &arguments.keywords {
                    self.expr(&keyword.value);
                }
                arguments.args.iter().map(|base| self.expr(base)).collect()
            }
            None => Vec::new(),
        };
        let name = self.symbol(def.name.range());
        let id = ClassId(self.classes.len() as u32);
        let (scope, body) = (self.scope, self.block);
        self.classes.push(Class { name, bases, scope, body, span: span(def.range()) });
        self.define(self.name_target(name), DefValue::Class(id), span(def.name.range()));
        let (scope, body) = self.in_scope(ScopeKind::Class(id), |this| this.suite(&def.body, true));
        let class = &mut self.classes[id.0 as usize];
        class.scope = scope;
        class.body = body;
    }
}
