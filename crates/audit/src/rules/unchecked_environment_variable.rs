//! `unchecked-environment-variable`.

use tegmen_classify as classify;
use tegmen_findings::{Confidence, Severity};
use tegmen_syntax::{BinaryOp, ExprId, ExprKind, FPart, Module, Symbol, Target};

use super::shared::calls;
use crate::context::{Candidate, Context, Group};
use crate::flow::checks;
use crate::literal::calls::is_environment_read;

rule! {
    /// ## What it does
    /// Finds `os.getenv("API_KEY")` and `os.environ.get(…)` of sensitive names whose result is used and never
    /// checked, and of whole sets of headers (`json.loads(os.getenv("AUTH_HEADERS"))`). Of other
    /// names, too, where a variable is kept as a secret (`SECRET_KEY = os.getenv("sk")`) or goes behind `Bearer`. Checks in any form end it:
    /// `if not key: raise`, `assert`, `all([...])`, `sys.exit`, a helper that raises, `os.environ[…]`, and
    /// `if "API_KEY" not in os.environ: raise` before the read.
    ///
    /// ## Why is this bad?
    /// Without the variable, `None` goes out: `Authorization: Bearer None`. The target refuses every request, and
    /// the test measures how fast it does that.
    ///
    /// ## Example
    /// ```python
    /// headers = {"Authorization": f"Bearer {os.getenv('SHOP_TOKEN')}"}
    /// ```
    ///
    /// ## Use instead
    /// ```python
    /// headers = {"Authorization": f"Bearer {os.environ['SHOP_TOKEN']}"}
    /// ```
    ///
    /// ## Severity and confidence
    /// Medium; low where the fallback is an empty string. Certain inside a larger expression, where "Bearer None" goes
    /// out, likely elsewhere. A check in any form (raise, exit, `assert`, `all([…])`, a helper that raises, a sentinel
    /// that is compared) ends it.
    ///
    /// ## Fix safety
    /// Safe: `os.getenv("X")` becomes `os.environ["X"]`, which stops the test at its start where the variable is missing.
    /// None where another value stands in with `or`.
    ///
    /// ## References
    /// - CWE-252: Unchecked Return Value <https://cwe.mitre.org/data/definitions/252.html>
    /// - Python: os.environ <https://docs.python.org/3/library/os.html#os.environ>
    UNCHECKED_ENVIRONMENT_VARIABLE, "TGM201", "unchecked-environment-variable", Medium, "a secret is read from the environment and used without looking whether it is there"
}

/// Looks at the reads of environment variables.
pub(super) fn check(context: &Context<'_>, out: &mut Vec<Candidate>) {
    let Some((module, flow)) = context.python() else { return };
    let elsewhere = |name: &str| flow.others().any(|other| other.find_symbol(name).is_some());
    for (id, func, args) in calls(module) {
        if !is_environment_read(module, func) || module.tail_str(func) == Some("setdefault") {
            continue;
        }
        let Some(name) = args.first().and_then(|arg| module.as_str(arg.value)) else { continue };
        // Keys that are not temporary have none.
        if name == "AWS_SESSION_TOKEN" {
            continue;
        }
        // A token in place of the name is `secret-as-variable-name`.
        if name.len() > 64 || !classify::find_tokens(name).is_empty() {
            continue;
        }
        let url = classify::may_hold_credentials_url(name) && !name.to_lowercase().contains("proxy");
        // A whole set of headers: `json.loads(os.getenv("AUTH_HEADERS"))`.
        let headers = context.locust && is_header_set(module, id, name);
        let sensitive = classify::is_sensitive_name(name) || url || headers;
        if !sensitive && (!context.locust || !authorises(module, id)) {
            continue;
        }
        let default = args.get(1).map(|arg| arg.value);
        // These raise by themselves.
        let raises = module.tail_str(func) == Some("pop") || module.qualified(func).as_deref() == Some("decouple.config");
        if default.is_none() && raises {
            continue;
        }
        let empty = match default {
            None => true,
            Some(default) => matches!(module.kind(default), ExprKind::None) || module.as_str(default) == Some(""),
        };
        if !empty || !checks::is_used(module, id) || checks::is_checked(module, id, &elsewhere) {
            continue;
        }
        if flow.others().any(|other| checks::is_checked_in(other, module, id)) {
            continue;
        }
        let inside = matches!(module.parent(id).map(|parent| module.kind(parent)), Some(ExprKind::FString(_) | ExprKind::Binary { .. }));
        let confidence = if inside { Confidence::High } else { Confidence::Medium };
        let severity = if default.is_some_and(|default| module.as_str(default) == Some("")) { Severity::Low } else { Severity::Medium };
        let mut candidate = Candidate::new(&UNCHECKED_ENVIRONMENT_VARIABLE, severity, confidence, module.span(id));
        candidate.name = name.to_owned();
        candidate.message = format!("`{name}` is used without looking whether it is set");
        candidate.hint = Some(format!("read it with `os.environ[\"{name}\"]`, which says at once that it is missing"));
        candidate.block = Some(module.block_of(id));
        candidate.group = Some(Group::List(context.file.path.clone(), module.span(id), name.to_owned()));
        out.push(candidate);
    }
}

/// Whether what is read is kept as a secret, or goes behind `Bearer`, whatever it is called: `f"Bearer {os.getenv('LOAD_USER')}"`.
fn authorises(module: &Module, read: ExprId) -> bool {
    let symbols: Vec<Symbol> = module
        .definitions_by_value(read)
        .iter()
        .filter_map(|def| match module.definition(*def).target {
            Target::Name(_, name) | Target::Field(_, name) => Some(name),
            _ => None,
        })
        .collect();
    let is_it = |expr: ExprId| {
        expr == read
            || match module.kind(expr) {
                ExprKind::Name(name) | ExprKind::Attribute { attr: name, .. } => symbols.contains(name),
                _ => false,
            }
    };
    // `SECRET_KEY = os.getenv("sk")` says what the variable does not.
    let variable = match module.kind(read) {
        ExprKind::Call { args, .. } => args.first().and_then(|arg| module.as_str(arg.value)).unwrap_or_default(),
        _ => "",
    };
    if classify::why_not(variable).is_none()
        && symbols.iter().any(|name| classify::is_sensitive_name(module.symbol(*name)))
    {
        return true;
    }
    let scheme = |text: &str| matches!(text.trim_matches(['"', '\'', ' ']), "Bearer" | "Token" | "Basic");
    module.exprs().any(|(_, expr)| match &expr.kind {
        ExprKind::FString(parts) => match parts[..] {
            [FPart::Text(text), FPart::Expr(inner)] => scheme(module.text(text)) && is_it(inner),
            _ => false,
        },
        ExprKind::Binary { op: BinaryOp::Add, left, right } => module.as_str(*left).is_some_and(scheme) && is_it(*right),
        _ => false,
    })
}

/// Whether what is read is taken apart as JSON, and its name says that it is what lets a request in.
fn is_header_set(module: &Module, read: ExprId, name: &str) -> bool {
    let parsed = module.parent(read).is_some_and(|parent| match module.kind(parent) {
        ExprKind::Call { func, .. } => module.tail_str(*func) == Some("loads"),
        _ => false,
    });
    parsed && classify::words(name).iter().any(|word| matches!(word.as_str(), "header" | "headers" | "auth" | "cookies"))
}
