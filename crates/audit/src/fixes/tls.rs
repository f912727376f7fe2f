//! Verification of certificates, back on.

use tegmen_findings::Safety;
use tegmen_syntax::{DefValue, ExprKind, PlaceKind, Span, Target};

use super::script::Script;
use super::statement;
use super::{Draft, Proposal, arguments};
use crate::context::Candidate;

/// Takes out what switches verification off, or switches it on where it would be off by default.
pub fn verified(script: &Script<'_>, candidate: &Candidate) -> Result<Proposal, String> {
    let module = script.module;
    let by_hand = || "verification is switched off in a way that wants a decision".to_owned();
    match candidate.name.as_str() {
        "disable_warnings" => return statement::without_statement(script, candidate),
        "_create_default_https_context" => return statement::without_statement(script, candidate),
        "_create_unverified_context" => {
            let name = "_create_unverified_context";
            if !module.text(candidate.span).ends_with(name) {
                return Err(by_hand());
            }
            let end = candidate.span.end;
            let edit = Draft::replace(Span::new(end - name.len() as u32, end), "create_default_context");
            let member = !module.text(candidate.span).contains('.');
            return if member { Err(by_hand()) } else { Ok(on(vec![edit])) };
        }
        _ => {}
    }
    // An argument of a call: without it, the default holds.
    if let Some(value) = script.expr_at(candidate.span)
        && let Some(call) = module.parent(value)
        && let ExprKind::Call { args, .. } = module.kind(call)
        && let Some(index) = args.iter().position(|arg| arg.value == value && arg.name.is_some())
    {
        let keyword = args[index].name.map(|name| module.symbol(name)).unwrap_or_default();
        // FastHttpUser verifies nothing unless it is told to.
        if keyword == "insecure" {
            return match module.kind(value) {
                ExprKind::Bool(true) => Ok(on(vec![Draft::replace(candidate.span, "False")])),
                _ => Err(by_hand()),
            };
        }
        return Ok(on(arguments::without(script, call, candidate.span).ok_or_else(by_hand)?));
    }
    // An assignment: to the value that verifies.
    let definition = module
        .definitions
        .iter()
        .find(|definition| definition.span == candidate.span && !matches!(definition.target, Target::Name(..)));
    let Some(DefValue::Expr(value)) = definition.map(|definition| definition.value) else { return Err(by_hand()) };
    let span = module.span(value);
    // `a.verify = b.verify = False` has one value for both, and that is fine.
    if script.statement(span).is_none_or(|place| place.kind != PlaceKind::Assignment) {
        return Err(by_hand());
    }
    let text = module.text(span);
    let replaced = match module.kind(value) {
        ExprKind::Bool(false) => "True".to_owned(),
        ExprKind::Bool(true) => "False".to_owned(),
        ExprKind::Attribute { .. } if text.ends_with("CERT_NONE") => text.replace("CERT_NONE", "CERT_REQUIRED"),
        _ => return Err(by_hand()),
    };
    Ok(on(vec![Draft::replace(span, replaced)]))
}

fn on(edits: Vec<Draft>) -> Proposal {
    Proposal::new("have the certificate of the target verified", Safety::Safe, edits)
}
