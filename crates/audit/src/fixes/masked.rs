//! Messages that say more than the secret: the secret gives way to `***`, and the rest stays.

use tegmen_findings::Safety;
use tegmen_syntax::{Arg, BinaryOp, ExprId, ExprKind, FPart, Module, Span};

use super::script::Script;
use super::statement::has_effects;
use super::{Draft, Proposal};
use crate::flow::Flow;

/// What stands in the message where the secret was.
pub(super) const MASK: &str = "***";

/// What a message is made of.
#[derive(Default)]
struct Parts {
    /// Secrets, and whether each is a field of an f-string.
    secrets: Vec<(ExprId, bool)>,
    /// Whether there are values beside them, which whoever reads the log may want.
    others: bool,
}

/// Masks the secrets in what a call prints or logs, where it has other values too.
pub fn masked(
    script: &Script<'_>,
    flow: &Flow<'_>,
    value: ExprId,
    (args, printed): (&[Arg], bool),
    safety: Safety,
) -> Option<Proposal> {
    let module = script.module;
    let mut parts = Parts::default();
    parts.add(module, flow, value)?;
    let mut beside = Parts::default();
    // A logger fills the arguments in; what `print` has beside it stays when an argument goes.
    for arg in args.iter().filter(|arg| arg.value != value) {
        beside.add(module, flow, arg.value)?;
    }
    if parts.secrets.is_empty() || !parts.others && (printed || !beside.others) || args.iter().any(|arg| arg.unpacked) {
        return None;
    }
    // With a secret in its place a number has no number.
    let formats = || args.iter().filter_map(|arg| module.as_str(arg.value));
    if formats().any(|text| ["%d", "%i", "%f", "%x", "%.", "{:"].iter().any(|format| text.contains(format))) {
        return None;
    }
    let effects = parts.secrets.iter().any(|(secret, _)| has_effects(module, *secret));
    let edits = parts.secrets.iter().map(|(secret, field)| match field {
        true => Some(Draft::replace(braces(module, *secret)?, MASK)),
        false => Some(Draft::replace(module.span(*secret), format!("\"{MASK}\""))),
    });
    let safety = if effects { Safety::Unsafe } else { safety };
    Some(Proposal::new("mask it, and keep the rest of the message", safety, edits.collect::<Option<Vec<_>>>()?))
}

/// Whether a call prints or logs other values beside the secret, which are lost with its statement.
pub fn says_more(module: &Module, flow: &Flow<'_>, args: &[Arg]) -> bool {
    let mut parts = Parts::default();
    args.iter().any(|arg| parts.add(module, flow, arg.value).is_none()) || parts.others
}

impl Parts {
    /// Adds what an expression puts into the message; none where that cannot be told.
    fn add(&mut self, module: &Module, flow: &Flow<'_>, expr: ExprId) -> Option<()> {
        match module.kind(expr) {
            ExprKind::Str(_) | ExprKind::Bytes(_) => {}
            ExprKind::FString(parts) => {
                for part in parts {
                    match part {
                        FPart::Expr(expr) if flow.of(*expr).secret().is_some() => self.secrets.push((*expr, true)),
                        FPart::Expr(_) => self.others = true,
                        FPart::Text(_) => {}
                    }
                }
            }
            ExprKind::Binary { op: BinaryOp::Add, left, right } => {
                self.add(module, flow, *left)?;
                self.add(module, flow, *right)?;
            }
            ExprKind::Binary { op: BinaryOp::Mod, left, right } => {
                let text = module.as_str(*left)?;
                if text.replace("%s", "").replace("%r", "").contains('%') {
                    return None;
                }
                match module.kind(*right) {
                    ExprKind::Sequence { items, .. } => {
                        for item in items {
                            self.one(flow, *item);
                        }
                    }
                    _ => self.one(flow, *right),
                }
            }
            ExprKind::Call { func, args } => match module.kind(*func) {
                ExprKind::Attribute { value, attr }
                    if module.symbol(*attr) == "format" && module.as_str(*value).is_some() =>
                {
                    if module.as_str(*value).is_some_and(|text| text.contains("{:") || text.contains('[')) {
                        return None;
                    }
                    for arg in args {
                        self.one(flow, arg.value);
                    }
                }
                _ => self.one(flow, expr),
            },
            _ => self.one(flow, expr),
        }
        Some(())
    }

    fn one(&mut self, flow: &Flow<'_>, expr: ExprId) {
        match flow.of(expr).secret() {
            Some(_) => self.secrets.push((expr, false)),
            None => self.others = true,
        }
    }
}

/// The field of an f-string that an expression fills, with its braces: `{token!r}`.
pub(super) fn braces(module: &Module, expr: ExprId) -> Option<Span> {
    let (source, span) = (module.source(), module.span(expr));
    let start = source[..span.start as usize].trim_end_matches([' ', '(']).len();
    let rest = &source[span.end as usize..];
    let end = rest.find(['}', '{', '\n', '"', '\'']).filter(|end| rest[*end..].starts_with('}'))?;
    source[..start].ends_with('{').then(|| Span::new(start as u32 - 1, span.end + end as u32 + 1))
}
