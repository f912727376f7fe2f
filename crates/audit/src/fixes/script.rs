//! A script that is to be changed, and what edits need to know of it, worked out when it is asked for.

use std::cell::OnceCell;
use std::collections::HashMap;

use tegmen_syntax::{Arguments, ExprId, ExprKind, FPart, Layout, Module, Place, Span};

use super::imports::{self, Secret};

/// A script, with the tables for edits.
pub struct Script<'p> {
    /// Its facts.
    pub module: &'p Module,
    layout: OnceCell<Option<Layout>>,
    strings: OnceCell<Vec<(Span, ExprId)>>,
    places: OnceCell<HashMap<Span, ExprId>>,
    secret: OnceCell<Option<Secret>>,
}

impl<'p> Script<'p> {
    /// The script of a module.
    pub fn new(module: &'p Module) -> Self {
        Self {
            module,
            layout: OnceCell::new(),
            strings: OnceCell::new(),
            places: OnceCell::new(),
            secret: OnceCell::new(),
        }
    }

    /// Its layout, if it parses.
    pub fn layout(&self) -> Option<&Layout> {
        self.layout.get_or_init(|| Layout::parse(self.module.source())).as_ref()
    }

    /// The innermost statement around a span.
    pub fn statement(&self, span: Span) -> Option<&Place> {
        self.layout()?.statement(span)
    }

    /// The arguments of a call.
    pub fn arguments(&self, call: ExprId) -> Option<Arguments> {
        self.layout()?.arguments(self.module.span(call))
    }

    /// The expression that covers exactly this span.
    pub fn expr_at(&self, span: Span) -> Option<ExprId> {
        let places = self.places.get_or_init(|| {
            let mut places = HashMap::new();
            for (id, expr) in self.module.exprs() {
                places.entry(expr.span).or_insert(id);
            }
            places
        });
        places.get(&span).copied()
    }

    /// The string or f-string that has this place between its quotes.
    pub fn string_at(&self, span: Span) -> Option<ExprId> {
        let strings = self.strings.get_or_init(|| {
            let mut strings = Vec::new();
            for (id, expr) in self.module.exprs() {
                match &expr.kind {
                    ExprKind::Str(literal) | ExprKind::Bytes(literal) => match &literal.parts {
                        Some(parts) => strings.extend(parts.iter().map(|part| (*part, id))),
                        None => strings.push((literal.content, id)),
                    },
                    ExprKind::FString(parts) => strings.extend(parts.iter().filter_map(|part| match part {
                        FPart::Text(text) => Some((*text, id)),
                        FPart::Expr(_) => None,
                    })),
                    _ => {}
                }
            }
            strings.sort_unstable();
            strings
        });
        let after = strings.partition_point(|(content, _)| content.start <= span.start);
        // An empty part may begin where the next one does.
        strings[..after].iter().rev().take(3).find(|(content, _)| content.contains(span)).map(|(_, id)| *id)
    }

    /// How `secret` is called in here at `offset`, and the import that it takes.
    pub fn secret(&self, offset: u32) -> Option<Secret> {
        if let Some(found) = imports::existing(self.module, offset) {
            return Some(found);
        }
        self.secret.get_or_init(|| imports::new(self)).clone()
    }

    /// Whether nothing but blanks stands before and, but for a comment, behind a span on its lines.
    pub fn is_alone(&self, span: Span) -> bool {
        let source = self.module.source();
        let before = source[..span.start as usize].rsplit('\n').next().unwrap_or_default();
        let after = source[span.end as usize..].split('\n').next().unwrap_or_default();
        let after = after.trim_start();
        before.trim_matches([' ', '\t', '\u{c}', '\u{feff}']).is_empty()
            && (after.trim_end().is_empty() || after.starts_with('#'))
    }

    /// The lines that a span is on, with the end of the last.
    pub fn lines_of(&self, span: Span) -> Span {
        let source = self.module.source();
        let mut start = source[..span.start as usize].rfind('\n').map_or(0, |at| at + 1);
        if start == 0 && source.starts_with('\u{feff}') {
            start = '\u{feff}'.len_utf8();
        }
        let end = source[span.end as usize..].find('\n').map_or(source.len(), |at| span.end as usize + at + 1);
        Span::new(start as u32, end as u32)
    }

    /// How the lines of the script end.
    pub fn newline(&self) -> &'static str {
        let source = self.module.source();
        match source.find('\n') {
            Some(at) if at > 0 && source.as_bytes()[at - 1] == b'\r' => "\r\n",
            _ => "\n",
        }
    }

    /// Whether an identifier ends where a span begins: `return"x"`.
    pub fn touches_word(&self, offset: u32) -> bool {
        self.module.source()[..offset as usize].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_')
    }

    /// The f-string around an expression, if there is one.
    pub fn is_in_fstring(&self, expr: ExprId) -> bool {
        let mut current = self.module.parent(expr);
        while let Some(id) = current {
            if matches!(self.module.kind(id), ExprKind::FString(_)) {
                return true;
            }
            current = self.module.parent(id);
        }
        false
    }
}
