//! How a source is laid out: statements in their suites, the arguments of calls with their commas. For edits only.
//!
//! [`Module`](crate::Module) says what a script means and lets the rest go; whoever changes a script needs the rest. A
//! layout is made when it is asked for, since most files are never changed.

use ruff_python_ast::token::TokenKind;
use ruff_python_ast::{ExceptHandler, PySourceType, Stmt};
use ruff_python_parser::parse_unchecked_source;
use ruff_text_size::Ranged;

use crate::Span;
use crate::lower::span;

/// A source whose syntax is right, as statements and brackets.
#[derive(Debug)]
pub struct Layout {
    statements: Vec<Place>,
    tokens: Vec<(Class, Span)>,
}

/// A statement where it stands.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Where it is, without the end of its line.
    pub span: Span,
    /// The suite that it is in; 0 is the module's.
    pub suite: u32,
    /// How many statements the suite has.
    pub siblings: u32,
    /// What it is.
    pub kind: PlaceKind,
}

/// What a statement is, as far as edits ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceKind {
    /// The string that a module, class or function begins with.
    Docstring,
    /// `from __future__ import …`
    Future,
    /// Any other import.
    Import,
    /// An expression on its own, such as a call.
    Expression,
    /// An assignment.
    Assignment,
    /// What has statements in it.
    Compound,
    /// Anything else.
    Other,
}

/// The arguments of a call.
#[derive(Debug)]
pub struct Arguments {
    /// Where the bracket closes.
    pub close: u32,
    /// Where it opens, behind the bracket.
    pub open: u32,
    /// The arguments: from the first to the last character of each, with its keyword and any brackets around it.
    pub slots: Vec<Slot>,
}

/// An argument.
#[derive(Debug, Clone, Copy)]
pub struct Slot {
    /// Where it is.
    pub span: Span,
    /// The comma behind it.
    pub comma: Option<Span>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Open,
    Close,
    Comma,
    Other,
}

impl Layout {
    /// The layout of a source; `None` if it does not parse.
    pub fn parse(source: &str) -> Option<Self> {
        let parsed = parse_unchecked_source(source, PySourceType::Python);
        if !parsed.errors().is_empty() {
            return None;
        }
        let mut layout = Self { statements: Vec::new(), tokens: Vec::new() };
        let mut suites = 0;
        layout.suite(parsed.suite(), true, &mut suites);
        layout.statements.sort_by_key(|place| (place.span.start, std::cmp::Reverse(place.span.end)));
        for token in parsed.tokens().iter() {
            let class = match token.kind() {
                TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace => Class::Open,
                TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace => Class::Close,
                TokenKind::Comma => Class::Comma,
                TokenKind::Comment
                | TokenKind::Newline
                | TokenKind::NonLogicalNewline
                | TokenKind::Indent
                | TokenKind::Dedent => continue,
                _ => Class::Other,
            };
            layout.tokens.push((class, span(token.range())));
        }
        Some(layout)
    }

    /// The innermost statement around a span.
    pub fn statement(&self, inner: Span) -> Option<&Place> {
        let after = self.statements.partition_point(|place| place.span.start <= inner.start);
        self.statements[..after].iter().rev().find(|place| place.span.contains(inner))
    }

    /// The statements of the module itself, in order.
    pub fn top(&self) -> impl Iterator<Item = &Place> {
        self.statements.iter().filter(|place| place.suite == 0)
    }

    /// The arguments of the call that covers exactly this span.
    pub fn arguments(&self, call: Span) -> Option<Arguments> {
        let last = self.tokens.partition_point(|(_, span)| span.start < call.end).checked_sub(1)?;
        let (Class::Close, close) = self.tokens[last] else { return None };
        let mut depth = 0;
        let mut first = last;
        loop {
            match self.tokens[first].0 {
                Class::Close => depth += 1,
                Class::Open => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            first = first.checked_sub(1)?;
        }
        let open = self.tokens[first].1;
        if open.start < call.start {
            return None;
        }
        let mut slots = Vec::new();
        let mut current: Option<Span> = None;
        let mut depth = 0;
        for (class, span) in &self.tokens[first + 1..last] {
            if depth == 0 && *class == Class::Comma {
                if let Some(found) = current.take() {
                    slots.push(Slot { span: found, comma: Some(*span) });
                }
                continue;
            }
            match class {
                Class::Open => depth += 1,
                Class::Close => depth -= 1,
                _ => {}
            }
            current = Some(Span::new(current.map_or(span.start, |found| found.start), span.end));
        }
        slots.extend(current.map(|found| Slot { span: found, comma: None }));
        Some(Arguments { open: open.end, close: close.start, slots })
    }

    fn suite(&mut self, body: &[Stmt], may_have_docstring: bool, suites: &mut u32) {
        let suite = *suites;
        *suites += 1;
        for (i, statement) in body.iter().enumerate() {
            let kind =
                match statement {
                    Stmt::Expr(expression) if expression.value.is_string_literal_expr() => {
                        if i == 0 && may_have_docstring { PlaceKind::Docstring } else { PlaceKind::Expression }
                    }
                    Stmt::Expr(_) => PlaceKind::Expression,
                    Stmt::Import(_) => PlaceKind::Import,
                    Stmt::ImportFrom(import) => {
                        let future = import.module.as_ref().is_some_and(|module| module.as_str() == "__future__");
                        if future { PlaceKind::Future } else { PlaceKind::Import }
                    }
                    Stmt::Assign(_) | Stmt::AnnAssign(_) | Stmt::AugAssign(_) => PlaceKind::Assignment,
                    Stmt::FunctionDef(_)
                    | Stmt::ClassDef(_)
                    | Stmt::If(_)
                    | Stmt::While(_)
                    | Stmt::For(_)
                    | Stmt::With(_)
                    | Stmt::Try(_)
                    | Stmt::Match(_) => PlaceKind::Compound,
                    _ => PlaceKind::Other,
                };
            let span = span(statement.range());
            self.statements.push(Place { span, suite, siblings: body.len() as u32, kind });
            self.inside(statement, suites);
        }
    }

    fn inside(&mut self, statement: &Stmt, suites: &mut u32) {
        let mut suite = |body: &[Stmt], docstring| {
            if !body.is_empty() {
                self.suite(body, docstring, suites);
            }
        };
        match statement {
            Stmt::FunctionDef(def) => suite(&def.body, true),
            Stmt::ClassDef(def) => suite(&def.body, true),
            Stmt::If(statement) => {
                suite(&statement.body, false);
                statement.elif_else_clauses.iter().for_each(|clause| suite(&clause.body, false));
            }
            Stmt::While(statement) => {
                suite(&statement.body, false);
                suite(&statement.orelse, false);
            }
            Stmt::For(statement) => {
                suite(&statement.body, false);
                suite(&statement.orelse, false);
            }
            Stmt::With(statement) => suite(&statement.body, false),
            Stmt::Try(statement) => {
                suite(&statement.body, false);
                for ExceptHandler::ExceptHandler(handler) in &statement.handlers {
                    suite(&handler.body, false);
                }
                suite(&statement.orelse, false);
                suite(&statement.finalbody, false);
            }
            Stmt::Match(statement) => statement.cases.iter().for_each(|case| suite(&case.body, false)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(source: &str, part: &str) -> Span {
        let start = source.find(part).unwrap() as u32;
        Span::new(start, start + part.len() as u32)
    }

    #[test]
    fn arguments_with_their_brackets_and_commas() {
        let source = "x = f((a), *b, k=(1, 2),  # why\n  z={'q': [3]}, s=f'{a, b}',\n)\n";
        let layout = Layout::parse(source).unwrap();
        let call = Span::new(4, source.trim_end().len() as u32);
        let found = layout.arguments(call).unwrap();
        let texts: Vec<&str> = found.slots.iter().map(|slot| &source[slot.span.range()]).collect();
        assert_eq!(texts, ["(a)", "*b", "k=(1, 2)", "z={'q': [3]}", "s=f'{a, b}'"]);
        assert!(found.slots.iter().all(|slot| slot.comma.is_some()));
        assert!(layout.arguments(find(source, "(1, 2)")).is_some_and(|found| found.slots.len() == 2));
    }

    #[test]
    fn statements_in_their_suites() {
        let source = "'''d'''\nfrom __future__ import a\nimport b\nif b:\n    print(1); x = 2\nelse:\n    pass\n";
        let layout = Layout::parse(source).unwrap();
        let kinds: Vec<PlaceKind> = layout.top().map(|place| place.kind).collect();
        assert_eq!(kinds, [PlaceKind::Docstring, PlaceKind::Future, PlaceKind::Import, PlaceKind::Compound]);
        let print = layout.statement(find(source, "(1)")).unwrap();
        assert_eq!((print.siblings, print.kind), (2, PlaceKind::Expression));
        assert_eq!(layout.statement(find(source, "pass")).unwrap().siblings, 1);
        assert!(Layout::parse("def f(:").is_none());
    }
}
