//! Patterns of `match`: what they give names to.

use ruff_python_ast::{Identifier, Pattern};
use ruff_text_size::Ranged;

use super::{Lower, span};
use crate::{DefValue, ExprId, ExprKind};

impl Lower<'_> {
    /// The names that a pattern gives to parts of its subject: `case {"token": value}` is `value = subject["token"]`.
    pub(super) fn pattern(&mut self, pattern: &Pattern, subject: Option<ExprId>) {
        let range = pattern.range();
        match pattern {
            Pattern::MatchAs(pattern) => {
                if let Some(inner) = &pattern.pattern {
                    self.pattern(inner, subject);
                }
                if let Some(name) = &pattern.name {
                    self.capture(name, subject.map_or(DefValue::Unknown, DefValue::Expr));
                }
            }
            Pattern::MatchMapping(mapping) => {
                for (key, inner) in mapping.keys.iter().zip(&mapping.patterns) {
                    let index = self.expr(key);
                    let item = subject.map(|value| self.push(range, ExprKind::Subscript { value, index }));
                    self.pattern(inner, item);
                }
                if let Some(rest) = &mapping.rest {
                    self.capture(rest, subject.map_or(DefValue::Unknown, DefValue::Expr));
                }
            }
            Pattern::MatchSequence(sequence) => {
                for (i, inner) in sequence.patterns.iter().enumerate() {
                    match (inner, subject) {
                        (Pattern::MatchAs(whole), Some(subject)) if whole.pattern.is_none() => {
                            if let Some(name) = &whole.name {
                                self.capture(name, DefValue::Element(subject, i as u32));
                            }
                        }
                        _ => self.pattern(inner, None),
                    }
                }
            }
            Pattern::MatchClass(class) => {
                for inner in &class.arguments.patterns {
                    self.pattern(inner, None);
                }
                for keyword in &class.arguments.keywords {
                    let attr = self.symbol(keyword.attr.range());
                    let field = subject.map(|value| self.push(range, ExprKind::Attribute { value, attr }));
                    self.pattern(&keyword.pattern, field);
                }
            }
            Pattern::MatchOr(or) => {
                for inner in &or.patterns {
                    self.pattern(inner, subject);
                }
            }
            Pattern::MatchStar(star) => {
                if let Some(name) = &star.name {
                    self.capture(name, DefValue::Unknown);
                }
            }
            Pattern::MatchValue(_) | Pattern::MatchSingleton(_) => {}
        }
    }

    fn capture(&mut self, name: &Identifier, value: DefValue) {
        let symbol = self.symbol(name.range());
        self.define(self.name_target(symbol), value, span(name.range()));
    }
}
