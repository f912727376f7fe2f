//! Which responses give a token, whatever their requests are called: `r = post("/v1/enter", …)`, `r.json()["access_token"]`.

use std::collections::HashSet;
use std::rc::Rc;

use tegmen_classify as classify;
use tegmen_syntax::{DefValue, ExprId, ExprKind, Module};

use super::Flow;
use crate::project::FileId;

/// How many variables are followed from the token back to the request: `body = r.json()`, `data = body["data"]`.
const MAX_STEPS: usize = 3;

impl Flow<'_> {
    /// Whether a token is taken out of the response to a request of this file.
    pub(super) fn gives_token(&self, file: FileId, module: &Module, request: ExprId) -> bool {
        if let Some(known) = self.tokens.borrow().get(&file) {
            return known.contains(&request);
        }
        let found = Rc::new(requests_with_tokens(module));
        self.tokens.borrow_mut().insert(file, Rc::clone(&found));
        found.contains(&request)
    }
}

/// The calls whose result has a sensitive key read from it, right away or by way of variables.
fn requests_with_tokens(module: &Module) -> HashSet<ExprId> {
    let mut found = HashSet::new();
    for (_, expr) in module.exprs() {
        let taken = match &expr.kind {
            ExprKind::Subscript { value, index } => Some((*value, *index)),
            ExprKind::Call { func, args } => match (module.kind(*func), args.first()) {
                (ExprKind::Attribute { value, attr }, Some(key)) if module.symbol(*attr) == "get" => {
                    Some((*value, key.value))
                }
                _ => None,
            },
            _ => None,
        };
        if let Some((object, key)) = taken
            && module.as_str(key).is_some_and(is_token)
        {
            follow(module, object, 0, &mut found);
        }
    }
    found
}

/// Whether a key is that of a token that a login gives. A session's id may be that of a game.
pub(super) fn is_token(key: &str) -> bool {
    let words = classify::words(key);
    let token = words.iter().any(|word| word.contains("token") || word == "jwt" || word == "bearer");
    token && classify::is_sensitive_name(key)
}

/// Notes the call that an object comes from.
fn follow(module: &Module, object: ExprId, steps: usize, found: &mut HashSet<ExprId>) {
    match module.kind(object) {
        ExprKind::Attribute { value, .. } | ExprKind::Subscript { value, .. } | ExprKind::Await(value) => {
            follow(module, *value, steps, found);
        }
        ExprKind::Call { func, args } => {
            found.insert(object);
            match (module.kind(*func), module.tail_str(*func), args.first()) {
                (_, Some("loads"), Some(text)) => follow(module, text.value, steps, found),
                (ExprKind::Attribute { value, .. }, Some("json" | "get"), _) => follow(module, *value, steps, found),
                _ => {}
            }
        }
        ExprKind::Name(name) if steps < MAX_STEPS => {
            for def in module.reaching(object, *name) {
                if let DefValue::Expr(value) | DefValue::With(value) = module.definition(def).value {
                    follow(module, value, steps + 1, found);
                }
            }
        }
        _ => {}
    }
}
