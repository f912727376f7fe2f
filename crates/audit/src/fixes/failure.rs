//! Failures and exceptions that carry the body of a response: the status code says what went wrong, too.

use tegmen_findings::{Safety, Severity};
use tegmen_syntax::{BinaryOp, ExprId, ExprKind, Module};

use super::masked::{MASK, braces};
use super::script::Script;
use super::{Draft, Proposal};
use crate::context::Candidate;

/// `f"… {response.text}"` to `f"… {response.status_code}"`, or to `f"… ***"` where the message has the status code already.
pub fn with_status(script: &Script<'_>, candidate: &Candidate) -> Result<Proposal, String> {
    let module = script.module;
    let by_hand = || "what the message is to say instead wants a decision".to_owned();
    if candidate.severity == Severity::High {
        return Err(by_hand());
    }
    let message = script.expr_at(candidate.span).ok_or_else(by_hand)?;
    let mut edits = Vec::new();
    let said = says_status(module, message, 0);
    if !collect(module, message, said, &mut edits, 0) || edits.is_empty() {
        return Err(by_hand());
    }
    let what = if said { "leave the body out" } else { "say the status code in place of the body" };
    Ok(Proposal::new(what, Safety::Unsafe, edits))
}

/// Whether a message has a status code in it: `response.status_code`, or a variable that keeps one.
fn says_status(module: &Module, expr: ExprId, depth: usize) -> bool {
    let is_status = |name: &str| matches!(name, "status_code" | "status" | "code" | "http_status" | "http_code");
    let found = match module.kind(expr) {
        ExprKind::Attribute { attr, .. } => is_status(module.symbol(*attr)),
        ExprKind::Name(name) => is_status(module.symbol(*name)),
        _ => false,
    };
    if found || depth > 40 || body_of(module, expr).is_some() {
        return found;
    }
    let mut inside = false;
    module.kind(expr).children(&mut |child| inside = inside || says_status(module, child, depth + 1));
    inside
}

/// Collects the edits; `false` if one cannot be made. `said`: the message has the status code already.
fn collect(module: &Module, expr: ExprId, said: bool, edits: &mut Vec<Draft>, depth: usize) -> bool {
    if depth > 40 {
        return false;
    }
    if let Some(response) = body_of(module, expr) {
        let parent = module.parent(expr).map(|parent| module.kind(parent));
        let field = matches!(parent, Some(ExprKind::FString(_)));
        // Once is enough, of several bodies too.
        if said || !edits.is_empty() {
            let edit = match (field, braces(module, expr)) {
                (true, Some(whole)) => Draft::replace(whole, MASK),
                (true, None) => return false,
                (false, _) => Draft::replace(module.span(expr), format!("\"{MASK}\"")),
            };
            edits.push(edit);
            return true;
        }
        let status = format!("{}.status_code", module.text(module.span(response)));
        let text = match parent {
            Some(ExprKind::Binary { op: BinaryOp::Add, .. }) => format!("str({status})"),
            // `{response.text:.100}` formats a text.
            Some(ExprKind::FString(_)) if !module.source()[module.span(expr).end as usize..].starts_with('}') => {
                return false;
            }
            _ => status,
        };
        edits.push(Draft::replace(module.span(expr), text));
        return true;
    }
    let mut fine = true;
    module.kind(expr).children(&mut |child| fine = fine && collect(module, child, said, edits, depth + 1));
    fine
}

/// The response whose body an expression is, or is taken from: `response.text[:80]`, `response.json()["error"]`.
fn body_of(module: &Module, expr: ExprId) -> Option<ExprId> {
    match module.kind(expr) {
        ExprKind::Attribute { value, attr } => match module.symbol(*attr) {
            "text" | "content" | "body" if is_plain(module, *value) => Some(*value),
            _ => body_of(module, *value),
        },
        ExprKind::Subscript { value, .. } => body_of(module, *value),
        ExprKind::Call { func, .. } => match module.kind(*func) {
            ExprKind::Attribute { value, attr } if module.symbol(*attr) == "json" && is_plain(module, *value) => {
                Some(*value)
            }
            ExprKind::Attribute { value, .. } => body_of(module, *value),
            _ => None,
        },
        _ => None,
    }
}

/// A name, or an attribute of one.
fn is_plain(module: &Module, expr: ExprId) -> bool {
    match module.kind(expr) {
        ExprKind::Name(_) => true,
        ExprKind::Attribute { value, .. } => is_plain(module, *value),
        _ => false,
    }
}
