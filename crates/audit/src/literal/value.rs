//! From an expression to the literal value it comes to, where that can be said.

use tegmen_syntax::{Arg, BinaryOp, ExprId, ExprKind, FPart, Module, Span};

/// A value put together from literals.
#[derive(Debug, Clone, Default)]
pub struct Value {
    /// The text; where something unknown goes in, `{}`.
    pub text: String,
    /// Where the literals stand.
    pub spans: Vec<Span>,
    /// Whether something unknown goes in.
    pub open: bool,
}

/// Calls that give back what they get, as far as a literal is concerned.
pub const TRANSPARENT: &[&str] = &[
    "str",
    "bytes",
    "SecretStr",
    "SecretBytes",
    "Secret",
    "b64encode",
    "b64decode",
    "standard_b64encode",
    "urlsafe_b64encode",
    "quote",
    "quote_plus",
    "repr",
    "unquote",
    "bytearray",
    "b",
];

/// Methods of strings that give back the string.
const METHODS: &[&str] = &["encode", "decode", "strip", "lower", "upper", "rstrip", "lstrip", "title"];

/// The literal value of an expression: strings, their sums, f-strings, and calls that only wrap them.
pub fn value_of(module: &Module, expr: ExprId) -> Option<Value> {
    let mut value = Value::default();
    collect(module, expr, &mut value, 0).then_some(value).filter(|value| !value.spans.is_empty())
}

fn collect(module: &Module, expr: ExprId, out: &mut Value, depth: usize) -> bool {
    if depth > 24 {
        return false;
    }
    match module.kind(expr) {
        ExprKind::Str(literal) | ExprKind::Bytes(literal) => {
            out.text.push_str(module.str_value(literal));
            match &literal.parts {
                Some(parts) => out.spans.extend(parts.iter().copied()),
                None => out.spans.push(literal.content),
            }
            true
        }
        ExprKind::FString(parts) => {
            for part in parts {
                match part {
                    FPart::Text(span) => {
                        out.text.push_str(module.text(*span));
                        out.spans.push(*span);
                    }
                    FPart::Expr(inner) => {
                        if !matches!(module.kind(*inner), ExprKind::Str(_)) || !collect(module, *inner, out, depth + 1)
                        {
                            out.text.push_str("{}");
                            out.open = true;
                        }
                    }
                }
            }
            true
        }
        ExprKind::Binary { op: BinaryOp::Add, left, right } => {
            let left = collect_or_open(module, *left, out, depth + 1);
            let right = collect_or_open(module, *right, out, depth + 1);
            left || right
        }
        ExprKind::Binary { op: BinaryOp::Mod, left, right } => {
            let mut template = Value::default();
            if !collect(module, *left, &mut template, depth + 1) {
                return false;
            }
            let mut argument = Value::default();
            // `"Bearer %s" % "literal"`
            if template.text.matches('%').count() == 1
                && template.text.contains("%s")
                && collect(module, *right, &mut argument, depth + 1)
            {
                out.text.push_str(&template.text.replace("%s", &argument.text));
                out.spans.extend(argument.spans);
                out.open |= argument.open;
            } else {
                out.text.push_str(&template.text.replace("%s", "{}"));
                out.spans.extend(template.spans);
                out.open = true;
            }
            true
        }
        ExprKind::Call { func, args } => {
            let Some(tail) = module.tail_str(*func) else { return false };
            if let ExprKind::Attribute { value, .. } = module.kind(*func) {
                if METHODS.contains(&tail) {
                    return collect(module, *value, out, depth + 1);
                }
                if tail == "format" && filled(module, *value, args, out, depth) {
                    return true;
                }
            }
            match args.first() {
                Some(first) if TRANSPARENT.contains(&tail) && !first.unpacked => {
                    collect(module, first.value, out, depth + 1)
                }
                _ => false,
            }
        }
        ExprKind::Conditional { body, .. } => collect(module, *body, out, depth + 1),
        ExprKind::Await(inner) => collect(module, *inner, out, depth + 1),
        _ => false,
    }
}

/// `"…{}…".format("literal")`, and templates with something unknown in them.
fn filled(module: &Module, template: ExprId, args: &[Arg], out: &mut Value, depth: usize) -> bool {
    let mut whole = Value::default();
    if !collect(module, template, &mut whole, depth + 1) {
        return false;
    }
    let mut argument = Value::default();
    if let [arg] = args
        && arg.name.is_none()
        && whole.text.matches('{').count() == 1
        && whole.text.contains("{}")
        && collect(module, arg.value, &mut argument, depth + 1)
    {
        out.text.push_str(&whole.text.replace("{}", &argument.text));
        out.spans.extend(argument.spans);
        out.open |= argument.open;
    } else {
        out.text.push_str(&whole.text);
        out.spans.extend(whole.spans);
        out.open = true;
    }
    true
}

fn collect_or_open(module: &Module, expr: ExprId, out: &mut Value, depth: usize) -> bool {
    let found = collect(module, expr, out, depth);
    if !found {
        out.text.push_str("{}");
        out.open = true;
    }
    found
}
