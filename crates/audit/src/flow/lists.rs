//! What is put into lists and queues after they were made: `users.append({"password": …})`.

use std::collections::HashMap;
use std::rc::Rc;

use tegmen_syntax::{DefId, DefValue, ExprId, ExprKind, Module, SequenceKind, Symbol};

use super::{Flow, Taint};
use crate::project::FileId;

/// What goes into each list of a module, by the name of the variable or field.
pub(super) type Kept = HashMap<Symbol, Vec<ExprId>>;

/// So many things in one list tell enough.
const MAX_THINGS: usize = 16;

impl Flow<'_> {
    /// What is put into what a name stands for, where that is a list or queue.
    pub(super) fn kept_in(&self, file: FileId, module: &Module, name: Symbol, defs: &[DefId]) -> Taint {
        let holds = defs.iter().any(|def| match module.definition(*def).value {
            DefValue::Expr(value) => is_list(module, value),
            _ => false,
        });
        if !holds {
            return Taint::default();
        }
        let known = self.kept.borrow().get(&file).map(Rc::clone);
        let kept = known.unwrap_or_else(|| {
            let kept = Rc::new(things(module));
            self.kept.borrow_mut().insert(file, Rc::clone(&kept));
            kept
        });
        let things = kept.get(&name).map(Vec::as_slice).unwrap_or_default();
        let taint = self.union(file, things.iter().copied());
        // What is not known of one of many things says nothing of the list.
        Taint { unknown: false, ..taint }
    }
}

/// Whether an expression makes a list, a set or a queue.
fn is_list(module: &Module, value: ExprId) -> bool {
    match module.kind(value) {
        ExprKind::Sequence { kind, .. } => *kind != SequenceKind::Tuple,
        ExprKind::Call { func, .. } => matches!(
            module.tail_str(*func),
            Some("list" | "set" | "deque" | "Queue" | "LifoQueue" | "SimpleQueue" | "PriorityQueue")
        ),
        _ => false,
    }
}

fn things(module: &Module) -> Kept {
    let mut kept = Kept::new();
    for (_, expr) in module.exprs() {
        let ExprKind::Call { func, args } = &expr.kind else { continue };
        let ExprKind::Attribute { value, attr } = module.kind(*func) else { continue };
        let thing = match module.symbol(*attr) {
            "append" | "add" | "put" | "put_nowait" | "appendleft" | "extend" => args.first(),
            "insert" => args.get(1),
            _ => continue,
        };
        let (Some(thing), ExprKind::Name(name) | ExprKind::Attribute { attr: name, .. }) = (thing, module.kind(*value))
        else {
            continue;
        };
        // Of a row, `user, password`, each column is taken for itself.
        let row = matches!(module.kind(thing.value), ExprKind::Sequence { .. });
        let things = kept.entry(*name).or_default();
        if !row && !thing.unpacked && things.len() < MAX_THINGS {
            things.push(thing.value);
        }
    }
    kept
}
