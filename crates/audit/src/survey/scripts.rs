//! Scripts: what they read, whether they know Tegmen, where they are aimed.

use tegmen_classify as classify;
use tegmen_syntax::{DefValue, ExprKind, Module, Target};

use super::{Aim, At, Survey, Use, UseKind, is_name, origin};
use crate::literal::calls::environment_name;

/// What a script says.
pub fn look(path: &str, text: &str) -> Survey {
    let module = Module::parse(text.to_owned());
    let at = |offset: u32| At { path: path.to_owned(), line: module.line_of(offset) };
    let mut survey = Survey::default();
    let from = |name: &str, of: &str| name == of || name.strip_prefix(of).is_some_and(|rest| rest.starts_with('.'));
    if module.imports.iter().any(|import| import.level == 0 && from(&import.qualified, "locust")) {
        survey.scripts.push(path.to_owned());
    }
    let ours = module.imports.iter().filter(|import| import.level == 0 && from(&import.qualified, "tegmen"));
    survey.imports_tegmen.extend(ours.map(|import| at(import.span.start)).next());
    for (id, expr) in module.exprs() {
        if let Some(name) = environment_name(&module, id) {
            if is_name(name) && (classify::is_sensitive_name(name) || classify::may_hold_credentials_url(name)) {
                survey.uses.push(Use { name: name.to_owned(), kind: UseKind::Environment, at: at(expr.span.start) });
            }
        } else if let ExprKind::Call { func, args } = &expr.kind
            && let Some(kind) = asked(module.qualified(*func).as_deref())
            && let Some(name) = args.first().and_then(|arg| module.as_str(arg.value))
            && is_name(name)
        {
            survey.uses.push(Use { name: name.to_owned(), kind, at: at(expr.span.start) });
        }
    }
    for definition in &module.definitions {
        let (Target::Field(_, name), DefValue::Expr(value)) = (definition.target, definition.value) else { continue };
        if module.symbol(name) == "host"
            && let Some(origin) = module.as_str(value).and_then(origin)
        {
            survey.aims.push(Aim { origin, at: at(definition.span.start) });
        }
    }
    survey
}

/// What Tegmen is asked for with this function.
fn asked(function: Option<&str>) -> Option<UseKind> {
    match function {
        Some("tegmen.secret") => Some(UseKind::Asked),
        Some("tegmen.pool") => Some(UseKind::Pool),
        _ => None,
    }
}
