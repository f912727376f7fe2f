//! How a label is shown, so that the output contains no pattern.
//!
//! `[NAME]` is the rule. But a label may contain a value (`PIN_1234`), a value may contain a label, and where a value
//! begins with `]`, the end of a label and the text behind it could make that value. So, in this order:
//!
//! 1. a pattern of which a label's edge and the text beside it could become an occurrence is looked for without that
//!    edge too: then the text beside it is masked;
//! 2. a label that contains a pattern or lies in one is shown as `[…]`;
//! 3. where that does not do, other brackets are taken for all.

use std::collections::HashSet;
use std::sync::Arc;

use crate::builder::Form;
use crate::layer::Layer;
use crate::policy;

const BRACKETS: [(&str, &str); 5] = [("[", "]"), ("⟦", "⟧"), ("«", "»"), ("{{", "}}"), ("█", "█")];

/// How labels are shown.
pub(crate) struct Displays {
    /// One for each label.
    pub(crate) shown: Vec<String>,
    /// What stands in for a label that cannot be shown.
    pub(crate) anonymous: String,
    /// The forms that rule 1 asks for.
    pub(crate) forms: Vec<Form>,
}

/// Chooses the displays of the labels, given new forms and those in the layers.
pub(crate) fn choose(labels: &[String], new: &[Form], layers: &[Arc<Layer>]) -> Displays {
    let mut last = None;
    for (open, close) in BRACKETS {
        let shown = labels.iter().map(|label| format!("{open}{label}{close}")).collect();
        let mut displays = Displays { shown, anonymous: format!("{open}…{close}"), forms: Vec::new() };
        if displays.settle(new, layers).is_some() {
            return displays;
        }
        last = Some(displays);
    }
    // Values that begin or end with every kind of bracket there is. The last brackets mask as well as the others; only
    // the law about the output's own text is not kept.
    last.unwrap_or(Displays { shown: labels.to_vec(), anonymous: String::new(), forms: Vec::new() })
}

/// Labels as they are.
pub(crate) fn bare(labels: &[String]) -> Displays {
    Displays { shown: labels.to_vec(), anonymous: String::new(), forms: Vec::new() }
}

impl Displays {
    /// Applies rules 1 and 2. `None`: these brackets will not do.
    fn settle(&mut self, new: &[Form], layers: &[Arc<Layer>]) -> Option<()> {
        let all = || self.shown.iter().chain([&self.anonymous]).map(String::as_bytes);
        let (open, close) = (*self.anonymous.as_bytes().first()?, *self.anonymous.as_bytes().last()?);
        // Nearly no form contains a bracket, and then no label's edge either.
        let mut work: Vec<Form> = new.iter().filter(|form| form.contains(open, close)).cloned().collect();
        work.extend(layers.iter().flat_map(|layer| layer.containing(open, close)));
        if work.is_empty() {
            return Some(());
        }
        let whole: HashSet<&[u8]> = all().collect();
        let ends: HashSet<&[u8]> = all().flat_map(|shown| (1..shown.len()).map(|from| &shown[from..])).collect();
        let begins: HashSet<&[u8]> = all().flat_map(|shown| (1..shown.len()).map(|to| &shown[..to])).collect();
        let (mut more, mut hidden): (Vec<Form>, _) = (Vec::new(), HashSet::new());
        while let Some(form) = work.pop() {
            let bytes = &form.bytes;
            for from in memchr::memchr_iter(open, bytes) {
                for to in memchr::memchr_iter(close, &bytes[from..]).map(|to| from + to + 1) {
                    if let Some(shown) = whole.get(&bytes[from..to]) {
                        hidden.insert(shown.to_vec());
                    }
                }
            }
            let after = memchr::memchr_iter(close, bytes).filter(|at| ends.contains(&bytes[..=*at])).map(|at| at + 1);
            let before = memchr::memchr_iter(open, bytes).filter(|at| begins.contains(&bytes[*at..]));
            // Without a rest the whole form lies in a label, which is another matter.
            let rests = after.map(|at| &bytes[at..]).chain(before.map(|at| &bytes[..at]));
            for rest in rests.filter(|rest| !rest.is_empty()) {
                if form.bounded || !policy::is_long(rest) {
                    return None;
                }
                if !more.iter().any(|known| known.bytes.as_slice() == rest) {
                    let rest = Form { bytes: rest.to_vec().into(), ..form };
                    work.push(rest.clone());
                    more.push(rest);
                }
            }
        }
        if hidden.contains(self.anonymous.as_bytes()) {
            return None;
        }
        let anonymous = self.anonymous.clone();
        self.shown.iter_mut().filter(|shown| hidden.contains(shown.as_bytes())).for_each(|shown| {
            shown.clone_from(&anonymous);
        });
        self.forms = more;
        Some(())
    }
}
