//! Environment variables that are read without looking: `os.environ["X"]` looks.

use tegmen_findings::Safety;
use tegmen_syntax::{BoolOp, ExprId, ExprKind};

use super::imports::{imported, placed};
use super::script::Script;
use super::{Draft, Proposal};
use crate::context::Candidate;

/// `os.getenv("X")` to `os.environ["X"]`.
pub fn checked(script: &Script<'_>, candidate: &Candidate) -> Result<Proposal, String> {
    let module = script.module;
    let unknown = || "the way it is read is not known; check it by hand".to_owned();
    let call = script.expr_at(candidate.span).ok_or_else(unknown)?;
    let ExprKind::Call { args, .. } = module.kind(call) else { return Err(unknown()) };
    if let Some(parent) = module.parent(call)
        && let ExprKind::BoolOp { op: BoolOp::Or, values } = module.kind(parent)
        && values.last() != Some(&call)
    {
        return Err("another value stands in for it; decide which one is meant".to_owned());
    }
    if args.iter().any(|arg| arg.unpacked) {
        return Err(unknown());
    }
    let (text, import) = subscript(script, call).ok_or_else(unknown)?;
    let title = format!("read it with `os.environ[\"{}\"]`, which says at once that it is missing", candidate.name);
    let mut edits = vec![Draft::replace(candidate.span, text)];
    edits.extend(import);
    Ok(Proposal::new(title, Safety::Safe, edits))
}

/// What reads the variable of a call of `getenv` or `environ.get` and fails where there is none, and the import that it takes.
pub fn subscript(script: &Script<'_>, call: ExprId) -> Option<(String, Option<Draft>)> {
    let module = script.module;
    let ExprKind::Call { func, args } = module.kind(call) else { return None };
    let key = module.text(module.span(args.first().filter(|arg| !arg.unpacked)?.value));
    let offset = module.span(call).start;
    let (environ, import) = match module.kind(*func) {
        ExprKind::Attribute { value, attr } => {
            let object = module.text(module.span(*value));
            match (module.symbol(*attr), module.qualified(*value)?.as_str()) {
                ("getenv", "os") => (format!("{object}.environ"), None),
                ("get", "os.environ" | "environ") => (object.to_owned(), None),
                // It is taken out of the environment, and has to be.
                ("pop", "os.environ" | "environ") => return Some((format!("{object}.pop({key})"), None)),
                _ => return None,
            }
        }
        ExprKind::Name(_) if module.qualified(*func).as_deref() == Some("os.getenv") => {
            if let Some(environ) = imported(module, offset, "os.environ", true) {
                (environ.to_owned(), None)
            } else if let Some(os) = imported(module, offset, "os", false) {
                (format!("{os}.environ"), None)
            } else if module.find_symbol("os").is_some_and(|os| !module.globals_of(os).is_empty()) {
                return None;
            } else {
                ("os.environ".to_owned(), Some(placed(script, "import os", "os")?))
            }
        }
        _ => return None,
    };
    Some((format!("{environ}[{key}]"), import))
}
