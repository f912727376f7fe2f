//! Statements that go: prints and logs of secrets, switches that make a client talkative.

use tegmen_findings::Safety;
use tegmen_syntax::{Arg, ExprId, ExprKind, Module, Place, PlaceKind};

use super::arguments::{call_of, without};
use super::masked::{masked, says_more};
use super::script::Script;
use super::{Draft, Proposal};
use crate::context::Candidate;
use crate::flow::Flow;

/// Calls that do nothing but give a value.
const QUIET: &[&str] = &[
    "str",
    "repr",
    "len",
    "int",
    "float",
    "bool",
    "type",
    "format",
    "join",
    "json",
    "dumps",
    "loads",
    "get",
    "upper",
    "lower",
    "strip",
    "encode",
    "decode",
    "getenv",
    "items",
    "keys",
    "values",
    "dict",
    "list",
    "tuple",
    "sorted",
    "hex",
    "b64encode",
    "b64decode",
    "prettify",
    "split",
    "replace",
    "startswith",
    "endswith",
    "isinstance",
    "getattr",
    "round",
    "min",
    "max",
    "sum",
    "time",
    "now",
    "isoformat",
    "strftime",
    "pformat",
    "title",
    "rstrip",
    "lstrip",
    "getLogger",
];

/// Takes what is printed or logged out: the secret where the message says more, the argument where it is one of several of a `print`,
/// else the statement. Without a `flow` it is the value as a whole that goes.
pub fn without_output(
    script: &Script<'_>,
    flow: Option<&Flow<'_>>,
    candidate: &Candidate,
    safety: Safety,
) -> Result<Proposal, String> {
    let module = script.module;
    let unknown = || "the call is not understood".to_owned();
    let value = script.expr_at(candidate.span).ok_or_else(unknown)?;
    let (call, args) = call_of(script, value).ok_or_else(unknown)?;
    let safety = if has_effects(module, value) { Safety::Unsafe } else { safety };
    let printed = matches!(module.kind(call), ExprKind::Call { func, .. } if is_print(module, *func));
    let named = args.iter().any(|arg| arg.value == value && arg.name.is_some());
    let flow = flow.filter(|_| !named);
    if let Some(proposal) = flow.and_then(|flow| masked(script, flow, value, (args, printed), safety)) {
        return Ok(proposal);
    }
    // What is left must say something: a text, and not one that announces what is gone.
    let others = args.iter().filter(|arg| arg.value != value && arg.name.is_none() && !arg.unpacked);
    let rest = others.filter(|arg| !announces(module, args, arg, value)).count();
    if printed
        && rest > 0
        && !args.iter().any(|arg| arg.value == value && arg.name.is_some())
        && let Some(edits) = without(script, call, candidate.span)
    {
        return Ok(Proposal::new("take it out of what is printed", safety, edits));
    }
    // What a structured logger keeps by keyword goes by itself: `log.info("logged in", token=token, user=user)`.
    let keyword = args.iter().any(|arg| {
        arg.value == value && arg.name.is_some_and(|name| !matches!(module.symbol(name), "msg" | "args" | "extra"))
    });
    let says = |arg: &&Arg| {
        arg.name.is_none()
            && module.as_str(arg.value).is_some_and(|text| !text.is_empty() && !text.contains(['{', '%']))
    };
    if !printed
        && keyword
        && args.iter().any(|arg| says(&arg))
        && let Some(edits) = without(script, call, candidate.span)
    {
        return Ok(Proposal::new("take it out of what is logged", safety, edits));
    }
    let effects = args.iter().any(|arg| has_effects(module, arg.value));
    let lost = flow.is_some_and(|flow| says_more(module, flow, args));
    let safety = if effects || lost { Safety::Unsafe } else { safety };
    let place = script.statement(candidate.span).filter(|place| {
        place.kind == PlaceKind::Expression && place.span.contains(module.span(call)) && is_whole(module, call, place)
    });
    let place = place.ok_or("it is part of a larger expression; take it out by hand")?;
    Ok(removed(script, place, "remove the statement", safety))
}

/// Takes the statement of a finding out.
pub fn without_statement(script: &Script<'_>, candidate: &Candidate) -> Result<Proposal, String> {
    let module = script.module;
    let place = script.statement(candidate.span).filter(|place| match place.kind {
        // One target, so that nothing else loses its value.
        PlaceKind::Assignment => place.span.start == candidate.span.start && !has_several_targets(module, place),
        PlaceKind::Expression => place.span.start == candidate.span.start && is_call(script, place),
        _ => false,
    });
    let place = place.ok_or("it is part of a larger statement; take it out by hand")?;
    Ok(removed(script, place, "remove the statement", Safety::Safe))
}

fn removed(script: &Script<'_>, place: &Place, title: &str, safety: Safety) -> Proposal {
    if place.siblings == 1 || !script.is_alone(place.span) {
        return Proposal::new(title, safety, vec![Draft::replace(place.span, "pass")]);
    }
    let mut proposal = Proposal::new(title, safety, vec![Draft::delete(script.lines_of(place.span))]);
    proposal.removal = Some((place.suite, place.siblings));
    proposal
}

/// Whether a call is all of its statement, but for an `await`.
fn is_whole(module: &Module, call: ExprId, place: &Place) -> bool {
    let mut outer = call;
    while let Some(parent) = module.parent(outer) {
        if !matches!(module.kind(parent), ExprKind::Await(_)) {
            return false;
        }
        outer = parent;
    }
    // In brackets of its own a call is shorter than its statement.
    place.span.contains(module.span(call))
}

fn is_call(script: &Script<'_>, place: &Place) -> bool {
    script.expr_at(place.span).is_some_and(|expr| matches!(script.module.kind(expr), ExprKind::Call { .. }))
}

fn has_several_targets(module: &Module, place: &Place) -> bool {
    module.definitions.iter().filter(|definition| place.span.contains(definition.span)).count() != 1
}

fn is_print(module: &Module, func: ExprId) -> bool {
    matches!(module.kind(func), ExprKind::Name(_)) && matches!(module.tail_str(func), Some("print"))
}

/// Whether an argument is a text that ends in front of the value: `print("token:", token)`.
fn announces(module: &Module, args: &[Arg], arg: &Arg, value: ExprId) -> bool {
    let place = |id: ExprId| args.iter().position(|arg| arg.value == id);
    let next_to = place(arg.value).zip(place(value)).is_some_and(|(before, at)| before + 1 == at);
    next_to && module.as_str(arg.value).is_some() || matches!(module.kind(arg.value), ExprKind::Starred(_))
}

/// Whether something may happen when an expression is evaluated, beyond giving its value.
pub fn has_effects(module: &Module, expr: ExprId) -> bool {
    let here = match module.kind(expr) {
        ExprKind::Call { func, .. } => !module.tail_str(*func).is_some_and(|name| QUIET.contains(&name)),
        ExprKind::Await(_) | ExprKind::Walrus { .. } => true,
        _ => false,
    };
    let mut found = here;
    module.kind(expr).children(&mut |child| found = found || has_effects(module, child));
    found
}
