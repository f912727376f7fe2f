//! A static `name=` for a request whose URL has a secret in it.

use tegmen_findings::Safety;
use tegmen_syntax::{BinaryOp, DefValue, ExprId, ExprKind, FPart, Module};

use super::arguments::{added, call_of};
use super::script::Script;
use super::{Draft, Proposal};
use crate::context::Candidate;
use crate::flow::calls::request;

/// `name="/orders/[token]"` for `f"/orders/{token}"`.
pub fn named(script: &Script<'_>, candidate: &Candidate) -> Result<Proposal, String> {
    let module = script.module;
    let unknown = || "the request is not understood".to_owned();
    let value = script.expr_at(candidate.span).ok_or_else(unknown)?;
    // A personal number is pointed at inside the URL.
    let mut inner = value;
    let (call, args) = loop {
        if let Some(found) = call_of(script, inner)
            && let ExprKind::Call { func, args } = module.kind(found.0)
            && request(module, *func, args).is_some()
        {
            break found;
        }
        inner = module.parent(inner).ok_or_else(unknown)?;
    };
    if args.iter().any(|arg| arg.unpacked) {
        return Err("some of its arguments are put together elsewhere".to_owned());
    }
    let ExprKind::Call { func, args } = module.kind(call) else { return Err(unknown()) };
    let existing = args.iter().find(|arg| arg.name.is_some_and(|name| module.symbol(name) == "name"));
    let url = match existing {
        Some(name) => name.value,
        None => request(module, *func, args).flatten().ok_or_else(unknown)?,
    };
    let text =
        shape(module, url, 0).ok_or("a name for the request cannot be told from its URL; give it one by hand")?;
    let quote = if module.text(module.span(url)).contains('\'') && !module.text(module.span(url)).contains('"') {
        '\''
    } else {
        '"'
    };
    let literal = format!("{quote}{text}{quote}");
    let title = format!("give the request the name {literal}");
    let edit = match existing {
        Some(name) => Draft::replace(module.span(name.value), literal),
        None => added(script, call, &[format!("name={literal}")]).ok_or_else(unknown)?,
    };
    Ok(Proposal::new(title, Safety::Safe, vec![edit]))
}

/// The text of a URL with `[name]` for what goes in; `None` if it has nothing constant, or what no literal should have.
fn shape(module: &Module, url: ExprId, depth: usize) -> Option<String> {
    let mut text = String::new();
    collect(module, url, &mut text, depth)?;
    // Literal parameters of the query stay out: they may be a secret themselves.
    if let Some(query) = text.find('?') {
        let pairs: Vec<String> = text[query + 1..]
            .split('&')
            .map(|pair| match pair.split_once('=') {
                Some((name, value)) if value.starts_with('[') || !tegmen_classify::is_sensitive_name(name) => {
                    format!("{name}={value}")
                }
                Some((name, _)) => format!("{name}=[{name}]"),
                None => "[query]".to_owned(),
            })
            .collect();
        text = format!("{}?{}", &text[..query], pairs.join("&"));
    }
    let constant = text.split(['[', ']']).step_by(2).any(|part| part.bytes().any(|b| b.is_ascii_alphanumeric()));
    let plain = text.chars().all(|c| !c.is_control() && !matches!(c, '"' | '\'' | '\\' | '{' | '}'));
    let harmless = tegmen_classify::find_tokens(&text).is_empty() && tegmen_classify::url_credentials(&text).is_none();
    (constant && plain && harmless && text.len() <= 200).then_some(text)
}

fn collect(module: &Module, expr: ExprId, out: &mut String, depth: usize) -> Option<()> {
    if depth > 12 {
        return None;
    }
    match module.kind(expr) {
        ExprKind::Str(literal) => out.push_str(module.str_value(literal)),
        ExprKind::FString(parts) => {
            for part in parts {
                match part {
                    FPart::Text(span) => out.push_str(module.text(*span)),
                    FPart::Expr(inner) => hole(module, *inner, out),
                }
            }
        }
        ExprKind::Binary { op: BinaryOp::Add, left, right } => {
            collect(module, *left, out, depth + 1)?;
            collect(module, *right, out, depth + 1)?;
        }
        ExprKind::Binary { op: BinaryOp::Mod, left, .. } => {
            let text = module.as_str(*left)?;
            out.push_str(&text.replace("%s", "[]").replace("%d", "[]"));
        }
        ExprKind::Call { func, .. } if module.tail_str(*func) == Some("format") => {
            let ExprKind::Attribute { value, .. } = module.kind(*func) else { return None };
            let text = module.as_str(*value)?;
            out.push_str(&text.replace('{', "[").replace('}', "]"));
        }
        ExprKind::Name(name) => {
            let definition = match module.reaching(expr, *name)[..] {
                [only] => module.definition(only),
                _ => return (depth > 0).then(|| hole(module, expr, out)),
            };
            match definition.value {
                DefValue::Expr(value) if depth == 0 => collect(module, value, out, depth + 1)?,
                _ if depth > 0 => hole(module, expr, out),
                _ => return None,
            }
        }
        _ if depth > 0 => hole(module, expr, out),
        _ => return None,
    }
    Some(())
}

fn hole(module: &Module, expr: ExprId, out: &mut String) {
    let name = match module.kind(expr) {
        ExprKind::Call { args, .. } => args.first().and_then(|arg| module.as_str(arg.value)),
        ExprKind::Subscript { index, .. } => module.as_str(*index),
        _ => module.tail_str(expr),
    };
    let name = name.filter(|name| {
        !name.is_empty()
            && name.len() <= 40
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    });
    out.push('[');
    out.push_str(name.unwrap_or_default());
    out.push(']');
}
