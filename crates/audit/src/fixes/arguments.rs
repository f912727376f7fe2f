//! Arguments of calls: added, taken out.

use tegmen_findings::Safety;
use tegmen_syntax::{Arg, ExprId, ExprKind, Slot, Span};

use super::script::Script;
use super::{Draft, Proposal};
use crate::context::Candidate;

/// `is_secret=True, include_in_web_ui=False` for an argument of Locust's parser.
pub fn hidden(script: &Script<'_>, candidate: &Candidate) -> Result<Proposal, String> {
    let module = script.module;
    let unknown = || "the call is not understood".to_owned();
    let option = script.expr_at(candidate.span).ok_or_else(unknown)?;
    let call = module.parent(option).ok_or_else(unknown)?;
    let ExprKind::Call { args, .. } = module.kind(call) else { return Err(unknown()) };
    if args.iter().any(|arg| arg.unpacked) {
        return Err("some of its arguments are put together elsewhere".to_owned());
    }
    let mut edits = Vec::new();
    let mut missing = Vec::new();
    for (name, value) in [("is_secret", "True"), ("include_in_web_ui", "False")] {
        match args.iter().find(|arg| arg.name.is_some_and(|keyword| module.symbol(keyword) == name)) {
            Some(arg) => edits.push(Draft::replace(module.span(arg.value), value)),
            None => missing.push(format!("{name}={value}")),
        }
    }
    if !missing.is_empty() {
        edits.push(added(script, call, &missing).ok_or_else(unknown)?);
    }
    let title = "keep it out of the web page with `is_secret=True, include_in_web_ui=False`";
    Ok(Proposal::new(title, Safety::Safe, edits))
}

/// Adds keywords at the end of a call, on lines of their own where the other arguments are.
pub fn added(script: &Script<'_>, call: ExprId, keywords: &[String]) -> Option<Draft> {
    let found = script.arguments(call)?;
    let Some(last) = found.slots.last() else {
        return Some(Draft::insert(found.open, keywords.join(", ")));
    };
    // `**options` may come before keywords, a bare generator may not.
    let ExprKind::Call { args, .. } = script.module.kind(call) else { return None };
    if args.len() != found.slots.len() {
        return None;
    }
    let source = script.module.source();
    let line_start = source[..last.span.start as usize].rfind('\n').map_or(0, |at| at + 1);
    let indent = &source[line_start..last.span.start as usize];
    let own_line = indent.chars().all(|c| c == ' ' || c == '\t') && line_start as u32 >= found.open;
    let separator = if own_line { format!(",{}{indent}", script.newline()) } else { ", ".to_owned() };
    let text: String = keywords.iter().map(|keyword| format!("{separator}{keyword}")).collect();
    Some(Draft::insert(last.span.end, text))
}

/// Edits that take the argument with `value` out of a call.
pub fn without(script: &Script<'_>, call: ExprId, value: Span) -> Option<Vec<Draft>> {
    let found = script.arguments(call)?;
    let index = found.slots.iter().position(|slot| slot.span.contains(value))?;
    let slot = found.slots[index];
    let source = script.module.source();
    let end = slot.comma.map_or(slot.span.end, |comma| comma.end);
    let whole = Span::new(slot.span.start, end);
    if alone(script, &found.slots, index, whole) {
        return Some(vec![Draft::delete(script.lines_of(whole))]);
    }
    let between = |from: u32, to: u32| !source[from as usize..to as usize].contains('#');
    if let Some(next) = found.slots.get(index + 1)
        && between(end, next.span.start)
    {
        return Some(vec![Draft::delete(Span::new(slot.span.start, next.span.start))]);
    }
    match index.checked_sub(1).map(|before| found.slots[before]) {
        // The comma behind it stays where it is, the one before it goes.
        Some(before) if between(before.span.end, slot.span.start) => {
            Some(vec![Draft::delete(Span::new(before.span.end, slot.span.end))])
        }
        Some(_) => None,
        None => Some(vec![Draft::delete(whole)]),
    }
}

/// Whether an argument has its lines for itself.
fn alone(script: &Script<'_>, slots: &[Slot], index: usize, whole: Span) -> bool {
    let lines = script.lines_of(whole);
    let shares = |slot: &Slot| slot.span.end > lines.start && slot.span.start < lines.end;
    script.is_alone(whole)
        && !index.checked_sub(1).is_some_and(|before| shares(&slots[before]))
        && !slots.get(index + 1).is_some_and(shares)
}

/// The call that has an expression as an argument.
pub fn call_of<'m>(script: &Script<'m>, value: ExprId) -> Option<(ExprId, &'m [Arg])> {
    let call = script.module.parent(value)?;
    match script.module.kind(call) {
        ExprKind::Call { args, .. } if args.iter().any(|arg| arg.value == value) => Some((call, args)),
        _ => None,
    }
}
