//! Edits of one text: which of them go together, and what the text is after them.

use std::collections::{BTreeMap, HashMap};

use tegmen_syntax::Module;

use crate::assemble::Ready;

/// Fixes that can be applied together, the first ones first.
pub fn choose(fixes: Vec<Ready>) -> Vec<Ready> {
    let mut chosen: Vec<Ready> = Vec::new();
    let mut edits: BTreeMap<(u32, u32), String> = BTreeMap::new();
    let mut removed: HashMap<u32, u32> = HashMap::new();
    for ready in fixes {
        let fits = ready.edits.iter().all(|edit| {
            let place = (edit.range.start, edit.range.end);
            if let Some(known) = edits.get(&place) {
                // The same import, the same `f` before the same string.
                return *known == edit.text;
            }
            // No edit is longer than those before it that end behind this one's beginning, as none overlap.
            let before = edits.range(..place).next_back();
            let after = edits.range(place..).next();
            !before.is_some_and(|((start, end), _)| overlap((*start, *end), place))
                && !after.is_some_and(|((start, end), _)| overlap((*start, *end), place))
        });
        let goes = match ready.removal {
            None => true,
            Some((suite, siblings)) => {
                let known = ready.edits.iter().all(|edit| edits.contains_key(&(edit.range.start, edit.range.end)));
                known || removed.get(&suite).copied().unwrap_or(0) + 1 < siblings
            }
        };
        if !fits || !goes {
            continue;
        }
        if let Some((suite, _)) = ready.removal
            && ready.edits.iter().any(|edit| !edits.contains_key(&(edit.range.start, edit.range.end)))
        {
            *removed.entry(suite).or_insert(0) += 1;
        }
        for edit in &ready.edits {
            edits.insert((edit.range.start, edit.range.end), edit.text.clone());
        }
        chosen.push(ready);
    }
    chosen
}

fn overlap(a: (u32, u32), b: (u32, u32)) -> bool {
    // Two insertions at one place would be in an order that nobody chose; one at the edge of a replacement is fine.
    if a.0 == a.1 && b.0 == b.1 { a.0 == b.0 } else { a.0 < b.1 && b.0 < a.1 }
}

/// The text with all edits, if it parses.
pub fn applied(text: &str, fixes: &[Ready]) -> Option<String> {
    let mut edits: Vec<(u32, u32, &str)> = fixes
        .iter()
        .flat_map(|ready| ready.edits.iter().map(|edit| (edit.range.start, edit.range.end, edit.text.as_str())))
        .collect();
    edits.sort_unstable();
    edits.dedup();
    let mut out = String::with_capacity(text.len() + 100);
    let mut position = 0;
    for (start, end, new) in edits {
        out.push_str(text.get(position..start as usize)?);
        out.push_str(new);
        position = end as usize;
    }
    out.push_str(text.get(position..)?);
    Module::parse(out.clone()).errors.is_empty().then_some(out)
}
