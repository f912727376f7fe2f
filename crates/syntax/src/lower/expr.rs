//! Expressions.

use ruff_python_ast::{
    Comprehension as AstComprehension, Expr as Ast, FStringPart, InterpolatedStringElement, Operator, StringFlags,
    UnaryOp,
};
use ruff_text_size::{Ranged, TextRange};

use super::{Lower, MAX_DEPTH, span};
use crate::{
    Arg, BinaryOp, BoolOp, CompareOp, DefValue, ExprId, ExprKind, FPart, Generator, Item, ScopeKind, SequenceKind,
    Span, Str, Target,
};

impl<'s> Lower<'s> {
    pub(super) fn expr(&mut self, ast: &Ast) -> ExprId {
        if self.depth > MAX_DEPTH {
            return self.push(ast.range(), ExprKind::Other(Box::default()));
        }
        self.depth += 1;
        let kind = self.kind(ast);
        self.depth -= 1;
        self.push(ast.range(), kind)
    }

    fn exprs(&mut self, asts: &[Ast]) -> Box<[ExprId]> {
        asts.iter().map(|ast| self.expr(ast)).collect()
    }

    fn optional(&mut self, asts: &[Option<&Ast>]) -> ExprKind {
        ExprKind::Other(asts.iter().copied().flatten().map(|ast| self.expr(ast)).collect())
    }

    fn kind(&mut self, ast: &Ast) -> ExprKind {
        match ast {
            Ast::StringLiteral(literal) => {
                let spans: Vec<Span> = literal.value.iter().map(|part| span(part.content_range())).collect();
                let triple = literal.value.iter().any(|part| part.flags.is_triple_quoted());
                ExprKind::Str(self.literal(literal.value.to_str(), spans, triple))
            }
            Ast::BytesLiteral(literal) => {
                let spans: Vec<Span> = literal.value.iter().map(|part| span(part.content_range())).collect();
                let bytes: Vec<u8> = literal.value.bytes().collect();
                ExprKind::Bytes(self.literal(&String::from_utf8_lossy(&bytes), spans, false))
            }
            Ast::FString(fstring) => {
                let mut parts = Vec::new();
                for part in &fstring.value {
                    match part {
                        FStringPart::Literal(literal) => parts.push(FPart::Text(span(literal.content_range()))),
                        FStringPart::FString(fstring) => self.elements(fstring.elements.iter(), &mut parts),
                    }
                }
                ExprKind::FString(parts.into())
            }
            Ast::TString(tstring) => {
                let mut parts = Vec::new();
                self.elements(tstring.value.elements(), &mut parts);
                ExprKind::FString(parts.into())
            }
            Ast::NumberLiteral(_) => ExprKind::Number,
            Ast::BooleanLiteral(literal) => ExprKind::Bool(literal.value),
            Ast::NoneLiteral(_) => ExprKind::None,
            Ast::EllipsisLiteral(_) | Ast::IpyEscapeCommand(_) => ExprKind::Other(Box::default()),
            Ast::Name(name) => ExprKind::Name(self.symbol(name.range())),
            Ast::Attribute(attribute) => {
                let value = self.expr(&attribute.value);
                ExprKind::Attribute { value, attr: self.symbol(attribute.attr.range()) }
            }
            Ast::Subscript(subscript) => {
                let value = self.expr(&subscript.value);
                ExprKind::Subscript { value, index: self.expr(&subscript.slice) }
            }
            Ast::Call(call) => self.call(call),
            Ast::Dict(dict) => ExprKind::Dict(
                dict.items
                    .iter()
                    .map(|item| {
                        let key = item.key.as_ref().map(|key| self.expr(key));
                        Item { key, value: self.expr(&item.value) }
                    })
                    .collect(),
            ),
            Ast::List(list) => ExprKind::Sequence { kind: SequenceKind::List, items: self.exprs(&list.elts) },
            Ast::Tuple(tuple) => ExprKind::Sequence { kind: SequenceKind::Tuple, items: self.exprs(&tuple.elts) },
            Ast::Set(set) => ExprKind::Sequence { kind: SequenceKind::Set, items: self.exprs(&set.elts) },
            Ast::BinOp(binary) => {
                let op = match binary.op {
                    Operator::Add => BinaryOp::Add,
                    Operator::Mod => BinaryOp::Mod,
                    Operator::Mult => BinaryOp::Mult,
                    Operator::BitOr => BinaryOp::Or,
                    _ => BinaryOp::Other,
                };
                let left = self.expr(&binary.left);
                ExprKind::Binary { op, left, right: self.expr(&binary.right) }
            }
            Ast::BoolOp(operation) => ExprKind::BoolOp {
                op: if operation.op.is_and() { BoolOp::And } else { BoolOp::Or },
                values: self.exprs(&operation.values),
            },
            Ast::Compare(compare) => {
                let left = self.expr(&compare.left);
                ExprKind::Compare {
                    left,
                    ops: compare.ops.iter().map(compare_op).collect(),
                    rights: self.exprs(&compare.comparators),
                }
            }
            Ast::UnaryOp(unary) => {
                let operand = self.expr(&unary.operand);
                if unary.op == UnaryOp::Not { ExprKind::Not(operand) } else { ExprKind::Other(Box::new([operand])) }
            }
            Ast::If(conditional) => {
                let test = self.expr(&conditional.test);
                let body = self.expr(&conditional.body);
                ExprKind::Conditional { test, body, orelse: self.expr(&conditional.orelse) }
            }
            Ast::Lambda(lambda) => {
                let mut body = None;
                let (scope, _) = self.in_scope(ScopeKind::Lambda, |this| {
                    for parameter in
                        lambda.parameters.iter().flat_map(|parameters| parameters.iter_non_variadic_params())
                    {
                        let name = this.symbol(parameter.parameter.name.range());
                        let value = match &parameter.default {
                            Some(default) => DefValue::Expr(this.expr(default)),
                            None => DefValue::Unknown,
                        };
                        this.define(Target::Name(this.scope, name), value, span(parameter.range()));
                    }
                    body = Some(this.expr(&lambda.body));
                });
                match body {
                    Some(body) => ExprKind::Lambda { scope, body },
                    None => ExprKind::Other(Box::default()),
                }
            }
            Ast::Named(named) => {
                let value = self.expr(&named.value);
                let target = self.target(&named.target, DefValue::Expr(value));
                ExprKind::Walrus { target, value }
            }
            Ast::Await(inner) => ExprKind::Await(self.expr(&inner.value)),
            Ast::YieldFrom(inner) => ExprKind::Await(self.given(&inner.value)),
            Ast::Yield(inner) => match &inner.value {
                Some(value) => ExprKind::Await(self.given(value)),
                None => ExprKind::Other(Box::default()),
            },
            Ast::Starred(starred) => ExprKind::Starred(self.expr(&starred.value)),
            Ast::Slice(slice) => {
                self.optional(&[slice.lower.as_deref(), slice.upper.as_deref(), slice.step.as_deref()])
            }
            Ast::ListComp(c) => self.comprehension(None, &c.elt, &c.generators),
            Ast::SetComp(c) => self.comprehension(None, &c.elt, &c.generators),
            Ast::Generator(c) => self.comprehension(None, &c.elt, &c.generators),
            Ast::DictComp(c) => self.comprehension(c.key.as_deref(), &c.value, &c.generators),
        }
    }

    /// What a generator, or the function of a context, gives out.
    fn given(&mut self, ast: &Ast) -> ExprId {
        let value = self.expr(ast);
        if let Some(function) = self.enclosing_function() {
            self.functions[function.0 as usize].returns.push(value);
        }
        value
    }

    fn literal(&self, value: &str, spans: Vec<Span>, triple: bool) -> Str {
        let content = spans.first().copied().unwrap_or(Span::new(0, 0));
        let plain = spans.len() == 1 && self.source.get(content.range()) == Some(value);
        Str {
            owned: (!plain).then(|| value.into()),
            content,
            parts: (spans.len() > 1).then(|| spans.into_boxed_slice()),
            triple,
        }
    }

    fn elements<'e>(&mut self, elements: impl Iterator<Item = &'e InterpolatedStringElement>, parts: &mut Vec<FPart>) {
        for element in elements {
            match element {
                InterpolatedStringElement::Literal(text) => parts.push(FPart::Text(span(text.range()))),
                InterpolatedStringElement::Interpolation(inner) => {
                    parts.push(FPart::Expr(self.expr(&inner.expression)))
                }
            }
        }
    }

    fn call(&mut self, call: &ruff_python_ast::ExprCall) -> ExprKind {
        let func = self.expr(&call.func);
        let mut args = Vec::with_capacity(call.arguments.args.len() + call.arguments.keywords.len());
        for arg in &call.arguments.args {
            let (unpacked, ast) = match arg {
                Ast::Starred(starred) => (true, &*starred.value),
                other => (false, other),
            };
            args.push(Arg { name: None, unpacked, value: self.expr(ast) });
        }
        for keyword in &call.arguments.keywords {
            let name = keyword.arg.as_ref().map(|name| self.symbol(name.range()));
            args.push(Arg { name, unpacked: name.is_none(), value: self.expr(&keyword.value) });
        }
        ExprKind::Call { func, args: args.into() }
    }

    fn comprehension(&mut self, key: Option<&Ast>, element: &Ast, generators: &[AstComprehension]) -> ExprKind {
        let generators = generators
            .iter()
            .map(|generator| {
                let iter = self.expr(&generator.iter);
                let target = self.target(&generator.target, DefValue::Iteration(iter, None));
                Generator { target, iter, conditions: self.exprs(&generator.ifs) }
            })
            .collect();
        let key = key.map(|key| self.expr(key));
        ExprKind::Comprehension { key, element: self.expr(element), generators }
    }

    /// Lowers the target of an assignment and enters what it defines.
    pub(super) fn target(&mut self, ast: &Ast, value: DefValue) -> ExprId {
        let id = match ast {
            Ast::Tuple(tuple) => self.targets(&tuple.elts, SequenceKind::Tuple, ast.range(), value),
            Ast::List(list) => self.targets(&list.elts, SequenceKind::List, ast.range(), value),
            _ => self.expr(ast),
        };
        let target = match self.exprs[id.0 as usize].kind {
            ExprKind::Name(name) => self.name_target(name),
            ExprKind::Attribute { value: object, attr } => match (&self.exprs[object.0 as usize].kind, self.receiver())
            {
                (ExprKind::Name(name), Some((class, receiver))) if *name == receiver => Target::Field(class, attr),
                _ => Target::Attribute(object, attr),
            },
            ExprKind::Subscript { value: object, index } => Target::Item(object, index),
            _ => return id,
        };
        self.define(target, value, span(ast.range()));
        id
    }

    fn targets(&mut self, asts: &[Ast], kind: SequenceKind, range: TextRange, value: DefValue) -> ExprId {
        let items = asts
            .iter()
            .enumerate()
            .map(|(i, ast)| {
                let element = match (value, ast) {
                    (_, Ast::Starred(_)) => DefValue::Unknown,
                    (DefValue::Expr(expr), _) => DefValue::Element(expr, i as u32),
                    (DefValue::Iteration(expr, None), _) => DefValue::Iteration(expr, Some(i as u32)),
                    _ => DefValue::Unknown,
                };
                self.target(ast, element)
            })
            .collect();
        self.push(range, ExprKind::Sequence { kind, items })
    }
}

fn compare_op(op: &ruff_python_ast::CmpOp) -> CompareOp {
    use ruff_python_ast::CmpOp;
    match op {
        CmpOp::Eq => CompareOp::Eq,
        CmpOp::NotEq => CompareOp::NotEq,
        CmpOp::Is => CompareOp::Is,
        CmpOp::IsNot => CompareOp::IsNot,
        CmpOp::In => CompareOp::In,
        CmpOp::NotIn => CompareOp::NotIn,
        CmpOp::Lt | CmpOp::LtE | CmpOp::Gt | CmpOp::GtE => CompareOp::Order,
    }
}
